// Weights of a byte each, by the formulas in quantized.h.
#include "espresso/quantized.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace ane::espresso {
namespace {

using nlohmann::json;

Net net_of(const std::string& type, const json& attributes) {
  Net net;
  net.file = "test.espresso.net";
  net.layers = {{"layer", type, {"x"}, {"y"}, attributes}};
  return net;
}

// Two channels of three weights: 0, 255 and a fifth of the way, in -1 .. 1 and 10 .. 20.
Net ranges() {
  Net net = net_of("convolution", {{"quantization_lut_weights_blob", 1}, {"quantization_ranges_blob", 3}});
  net.blobs[1] = Blob::copy_of(Bytes{0, 255, 51, 0, 255, 51});
  net.blobs[3] = Blob::of_floats({-1, 10, 1, 20});
  return net;
}

Net scaled() {
  Net net = net_of("inner_product", {{"quantization_mode", 1},
                                     {"weights", {{"W_U8", 1}, {"per_ch_qscale", 3}, {"per_ch_qbias", 5}}}});
  net.blobs[1] = Blob::copy_of(Bytes{0, 1, 200, 2});
  net.blobs[3] = Blob::of_floats({0.5f, 0.25f});
  net.blobs[5] = Blob::of_floats({-1, 3});
  return net;
}

TEST(Quantized, RangesOfChannels) {
  const Net net = ranges();
  EXPECT_TRUE(has_quantized_weights(net.layers[0], net.file));
  const std::vector<float> weights = dequantized_weights(net, net.layers[0], 2);
  const std::vector<float> expected{-1, 1, -0.6f, 10, 20, 12};
  ASSERT_EQ(weights.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(weights[i], expected[i], 2e-6) << i;
}

TEST(Quantized, ScalesOfChannels) {
  const Net net = scaled();
  EXPECT_TRUE(has_quantized_weights(net.layers[0], net.file));
  EXPECT_EQ(dequantized_weights(net, net.layers[0], 2), (std::vector<float>{-1, -0.5f, 53, 3.5f}));
}

TEST(Quantized, FloatsAreNot) {
  const Net net =
      net_of("convolution", {{"blob_weights", 1}, {"quantization_mode", 0}, {"weights", json::object()}});
  EXPECT_FALSE(has_quantized_weights(net.layers[0], net.file));
}

void expect_refused(const Net& net, int64_t channels, const std::string& part) {
  try {
    dequantized_weights(net, net.layers[0], channels);
    ADD_FAILURE() << part;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    EXPECT_TRUE(std::string(error.what()).starts_with("test.espresso.net: layer layer: ")) << error.what();
  }
}

TEST(Quantized, BadArraysAreRefused) {
  expect_refused(ranges(), 0, "does not hold the weights of 0 channels");
  expect_refused(ranges(), 4, "does not hold the weights of 4 channels");
  expect_refused(ranges(), 3, "blob 3 holds 16 bytes where 6 numbers are needed");
  expect_refused(scaled(), 4, "blob 3 holds 8 bytes where 4 numbers are needed");
  Net net = scaled();
  net.layers[0].attributes["quantization_mode"] = 2;
  expect_refused(net, 2, "quantization_mode 2");
  net = scaled();
  net.layers[0].attributes["weights"].erase("per_ch_qbias");
  expect_refused(net, 2, "unknown form");
  net = scaled();
  net.layers[0].attributes["weights"]["W_U8"] = "one";
  expect_refused(net, 2, "weights.W_U8 is not a blob");
  net = ranges();
  net.layers[0].attributes.erase("quantization_ranges_blob");
  expect_refused(net, 2, "without quantization_ranges_blob");
  net = ranges();
  net.blobs.erase(1);
  expect_refused(net, 2, "refers to blob 1");
}

}  // namespace
}  // namespace ane::espresso
