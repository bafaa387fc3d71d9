// Import of single layers, built in memory: shapes by the padding rules, and values against the layer's
// definition.
#include "import/from_espresso.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/half.h"
#include "espresso/files.h"
#include "support/evidence.h"
#include "support/network_evaluator.h"

namespace ane::import {
namespace {

using aneir::Conv;
using espresso::Net;
using nlohmann::json;
using test::Values;

espresso::Shape whc(int64_t w, int64_t h, int64_t k) {
  return {w, h, k, 1, 1, {}};
}

// A network of one layer "layer" from blobs a, b, ... to blob y.
Net one_layer(const std::string& type, const json& attributes, const std::vector<espresso::Shape>& bottoms,
              const espresso::Shape& top) {
  Net net;
  net.file = "test.espresso.net";
  espresso::Layer layer{"layer", type, {}, {"y"}, attributes};
  for (size_t i = 0; i < bottoms.size(); ++i) {
    layer.bottoms.push_back(std::string(1, static_cast<char>('a' + i)));
    net.shapes[layer.bottoms.back()] = bottoms[i];
  }
  net.shapes["y"] = top;
  net.layers = {layer};
  return net;
}

Net with_blobs(Net net, std::vector<std::vector<float>> blobs) {
  for (size_t i = 0; i < blobs.size(); ++i) {
    net.blobs[static_cast<int64_t>(2 * i + 1)] = espresso::Blob::of_floats(std::move(blobs[i]));
  }
  return net;
}

std::vector<float> ramp(size_t count, float first = 1) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = first + static_cast<float>(i) * 0.25f;
  return values;
}

std::string refusal_of(const Net& net) {
  try {
    from_espresso(net);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

#define EXPECT_REFUSED(net, words) \
  EXPECT_NE(refusal_of(net).find(words), std::string::npos) << refusal_of(net)

// The layer's function on one channel of ten values, against `expected`.
void expect_function(const std::string& type, const json& attributes,
                     const std::function<double(double)>& expected, double low = -3, double high = 3) {
  const Net net = one_layer(type, attributes, {whc(10, 1, 1)}, whc(10, 1, 1));
  const Values x = test::spread({1, 1, 1, 1, 10}, low, high);
  const Values y = test::evaluate(from_espresso(net), {x})[0];
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_NEAR(y.data[i], expected(x.data[i]), 2e-6) << attributes << " at " << x.data[i];
  }
}

// ---- Windows ----

json conv_attributes(int64_t outputs, int64_t inputs, int kernel_x, int kernel_y) {
  return {{"C", outputs},   {"K", inputs},       {"Nx", kernel_x},
          {"Ny", kernel_y}, {"blob_weights", 1}, {"pad_mode", 2}};
}

const Conv& imported_conv(const aneir::Network& network) {
  return *network.units.at(0).as<Conv>();
}

TEST(Convolution, SamePaddingPutsTheOddRowBelow) {
  json attributes = conv_attributes(2, 1, 4, 3);
  attributes["pad_mode"] = 1;
  attributes["pad_l"] = 7;  // must be ignored
  attributes["stride_x"] = attributes["stride_y"] = 2;
  // Width 9: 5 windows, total (5-1)*2 + 4 - 9 = 3 -> 1 left, 2 right. Height 8: 4 windows, total 6 + 3 - 8
  // = 1.
  const Net net = with_blobs(one_layer("convolution", attributes, {whc(9, 8, 1)}, whc(5, 4, 2)), {ramp(24)});
  const aneir::Network network = from_espresso(net);
  const Conv& conv = imported_conv(network);
  EXPECT_EQ(std::vector<int>({conv.pad_left, conv.pad_right, conv.pad_top, conv.pad_bottom}),
            std::vector<int>({1, 2, 0, 1}));
}

TEST(Convolution, SamePaddingCountsDilation) {
  json attributes = conv_attributes(1, 1, 3, 1);
  attributes["pad_mode"] = 1;
  attributes["dilation_x"] = 4;
  const Net net = with_blobs(one_layer("convolution", attributes, {whc(20, 1, 1)}, whc(20, 1, 1)), {ramp(3)});
  const Conv conv = imported_conv(from_espresso(net));
  EXPECT_EQ(conv.pad_left, 4);
  EXPECT_EQ(conv.pad_right, 4);
  EXPECT_EQ(conv.dilation_x, 4);
}

// Bytes between the lowest and the highest weight of their channel: 0 and 255 are those two.
TEST(Convolution, QuantizedWeightsAreExpanded) {
  json attributes = conv_attributes(2, 1, 2, 1);
  attributes.erase("blob_weights");
  attributes.update({{"quantization_lut_weights_blob", 3}, {"quantization_ranges_blob", 1}});
  Net net = with_blobs(one_layer("convolution", attributes, {whc(2, 1, 1)}, whc(1, 1, 2)), {{-1, -3, 2, 5}});
  net.blobs[3] = espresso::Blob::copy_of(Bytes{0, 255, 255, 0});
  EXPECT_EQ(imported_conv(from_espresso(net)).weights.floats(), (std::vector<float>{-1, 2, 5, -3}));
}

TEST(Convolution, ExplicitAndValidPadding) {
  json attributes = conv_attributes(1, 1, 3, 3);
  attributes["pad_mode"] = 0;
  attributes["pad_l"] = 1;
  attributes["pad_b"] = 2;
  Net net = with_blobs(one_layer("convolution", attributes, {whc(6, 6, 1)}, whc(5, 6, 1)), {ramp(9)});
  EXPECT_EQ(imported_conv(from_espresso(net)).pad_bottom, 2);
  net.layers[0].attributes["pad_mode"] = 2;
  net.shapes["y"] = whc(4, 4, 1);
  EXPECT_EQ(imported_conv(from_espresso(net)).pad_bottom, 0);
}

TEST(Convolution, KeepsBiasActivationAndViewsOfTheBlobs) {
  json attributes = conv_attributes(4, 4, 1, 1);
  attributes.update({{"n_groups", 2}, {"has_biases", 1}, {"blob_biases", 3}, {"fused_relu", 1}});
  const Net net = with_blobs(one_layer("convolution", attributes, {whc(1, 1, 4)}, whc(1, 1, 4)),
                             {ramp(8), {-100, 0, 0, 1, 9, 9}});
  const aneir::Network network = from_espresso(net);
  EXPECT_EQ(imported_conv(network).weights.bytes.data(), net.blobs.at(1).bytes.data());
  EXPECT_EQ(imported_conv(network).bias->bytes.data(), net.blobs.at(3).bytes.data());
  EXPECT_EQ(imported_conv(network).bias->count(), 4);
  // Groups of two: y0 = relu(1*1 + 1.25*2 - 100), y1 = 1.5*1 + 1.75*2, y2 = 2*3 + 2.25*4, y3 = 2.5*3 + 2.75*4
  // + 1.
  const Values y = test::evaluate(network, {Values({1, 1, 4, 1, 1}, {1, 2, 3, 4})})[0];
  EXPECT_EQ(y.data, (std::vector<double>{0, 5, 15, 19.5}));
}

TEST(Convolution, ReadsHalfPrecisionWeights) {
  json attributes = conv_attributes(1, 2, 1, 1);
  attributes.erase("blob_weights");
  attributes["blob_weights_f16"] = 1;
  Net net = one_layer("convolution", attributes, {whc(1, 1, 2)}, whc(1, 1, 1));
  const Half halves[] = {to_half(0.5f), to_half(-3.0f)};
  net.blobs[1] = espresso::Blob::copy_of({reinterpret_cast<const uint8_t*>(halves), sizeof(halves)});
  const Values y = test::evaluate(from_espresso(net), {Values({1, 1, 2, 1, 1}, {4, 1})})[0];
  EXPECT_EQ(y.data, std::vector<double>{-1});
}

TEST(Deconvolution, OfAPublishedUpscaler) {
  // waifu2x scale2x: 256 channels of 144x144, 4x4 kernel, stride 2, padding 3: 284x284; one channel does
  // here.
  json attributes = conv_attributes(3, 1, 4, 4);
  attributes.update({{"pad_mode", 0}, {"pad_l", 3}, {"pad_r", 3}, {"pad_t", 3}, {"pad_b", 3}});
  attributes["stride_x"] = attributes["stride_y"] = 2;
  const Net net =
      with_blobs(one_layer("deconvolution", attributes, {whc(144, 144, 1)}, whc(284, 284, 3)), {ramp(48)});
  EXPECT_TRUE(imported_conv(from_espresso(net)).transposed);
}

TEST(Deconvolution, CutsToADeclaredOutputSize) {
  json attributes = conv_attributes(1, 1, 3, 1);
  attributes.update({{"stride_x", 2}, {"deconv_out_width", 4}, {"deconv_out_height", 1}});
  // full = (2-1)*2 + 3 = 5 values 1*[1 1.25 1.5] and 10*[1 1.25 1.5] at offset 2; one too many, cut on the
  // right.
  const Net net = with_blobs(one_layer("deconvolution", attributes, {whc(2, 1, 1)}, whc(4, 1, 1)), {ramp(3)});
  const Values y = test::evaluate(from_espresso(net), {Values({1, 1, 1, 1, 2}, {1, 10})})[0];
  EXPECT_EQ(y.data, (std::vector<double>{1, 1.25, 11.5, 12.5}));
}

TEST(InnerProduct, FlattensAnImage) {
  const json attributes = {{"nB", 8}, {"nC", 2}, {"blob_weights", 1}, {"has_biases", 1}, {"blob_biases", 3}};
  std::vector<float> weights(16, 0);
  weights[1] = 1;       // output 0 = element 1 in C, H, W order
  weights[8 + 6] = 10;  // output 1 = 10 * element 6
  const Net net = with_blobs(one_layer("inner_product", attributes, {whc(2, 2, 2)}, whc(1, 1, 2)),
                             {weights, {0.5f, 0, 0, 0, 0, 0, 0, 0}});
  const Values y = test::evaluate(from_espresso(net), {Values({1, 1, 2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7})})[0];
  EXPECT_EQ(y.shape, (aneir::Shape{1, 1, 2, 1, 1}));
  EXPECT_EQ(y.data, (std::vector<double>{1.5, 60}));
}

TEST(InnerProduct, OfAnExactRankTensorWorksOnTheLastAxis) {
  json attributes = {{"nB", 2}, {"nC", 3}, {"blob_weights", 1}, {"has_relu", 1}};
  espresso::Shape bottom = whc(2, 2, 1), top = whc(3, 2, 1);
  bottom.rank = top.rank = 2;
  const Net net = with_blobs(one_layer("inner_product", attributes, {bottom}, top), {{1, 0, 0, 1, -1, -1}});
  const Values y = test::evaluate(from_espresso(net), {Values({1, 1, 1, 2, 2}, {1, 2, 3, 4})})[0];
  EXPECT_EQ(y.shape, (aneir::Shape{1, 1, 1, 2, 3}));
  EXPECT_EQ(y.data, (std::vector<double>{1, 2, 0, 3, 4, 0}));
}

TEST(InnerProduct, OfAVectorIsOneUnit) {
  const json attributes = {{"nB", 8}, {"nC", 2}, {"blob_weights", 1}};
  const Net net =
      with_blobs(one_layer("inner_product", attributes, {whc(1, 1, 8)}, whc(1, 1, 2)), {ramp(16)});
  const aneir::Network network = from_espresso(net);
  ASSERT_EQ(network.units.size(), 1u);
  EXPECT_EQ(network.units[0].name, "layer");
  EXPECT_EQ(network.units[0].layer, "layer");
  EXPECT_EQ(network.tensor(network.units[0].top).name, "y");
}

TEST(Pool, CeilRuleShowsInTheDeclaredShape) {
  json attributes = {{"avg_or_max", 1}, {"size_x", 3},   {"size_y", 3},
                     {"stride_x", 2},   {"stride_y", 2}, {"pad_mode", 0}};
  Net net = one_layer("pool", attributes, {whc(8, 8, 1)}, whc(3, 3, 1));
  EXPECT_EQ(from_espresso(net).units[0].as<aneir::Pooling>()->pad_right, 0);
  net.shapes["y"] = whc(4, 4, 1);
  EXPECT_EQ(from_espresso(net).units[0].as<aneir::Pooling>()->pad_right, 1);
  net.shapes["y"] = whc(5, 5, 1);
  EXPECT_REFUSED(net, "pooling padding must be smaller than the kernel");
}

TEST(Pool, SamePaddingAndExcludedDivisor) {
  json attributes = {{"avg_or_max", 0}, {"size_x", 3}, {"size_y", 1}, {"pad_mode", 1}};
  Net net = one_layer("pool", attributes, {whc(3, 1, 1)}, whc(3, 1, 1));
  const Values x({1, 1, 1, 1, 3}, {3, 6, 9});
  EXPECT_EQ(test::evaluate(from_espresso(net), {x})[0].data, (std::vector<double>{3, 6, 5}));
  net.layers[0].attributes["average_count_exclude_padding"] = 1;
  EXPECT_EQ(test::evaluate(from_espresso(net), {x})[0].data, (std::vector<double>{4.5, 6, 7.5}));
}

TEST(Pool, GlobalPoolsAreReductions) {
  const Values x({1, 1, 2, 1, 2}, {3, 4, -6, -8});
  const auto pooled = [&](int kind) {
    const json attributes = {{"avg_or_max", kind}, {"is_global", 1}, {"size_x", 2}, {"size_y", 1}};
    return test::evaluate(from_espresso(one_layer("pool", attributes, {whc(2, 1, 2)}, whc(1, 1, 2))), {x})[0]
        .data;
  };
  EXPECT_EQ(pooled(0), (std::vector<double>{3.5, -7}));
  EXPECT_EQ(pooled(1), (std::vector<double>{4, -6}));
  EXPECT_EQ(pooled(2), (std::vector<double>{5, 10}));
}

TEST(Windows, PaddingAndUpsamplingAreConvolutionsOfOnes) {
  const json pads = {{"pad_l", 1}, {"pad_b", 1}, {"pad_pad_mode", 0}};
  const Net padding = one_layer("general_padding", pads, {whc(2, 1, 2)}, whc(3, 2, 2));
  const Values x({1, 1, 2, 1, 2}, {1, 2, 3, 4});
  EXPECT_EQ(test::evaluate(from_espresso(padding), {x})[0].data,
            (std::vector<double>{0, 1, 2, 0, 0, 0, 0, 3, 4, 0, 0, 0}));
  const json factors = {{"mode", 0}, {"scaling_factor_x", 2}, {"scaling_factor_y", 1}};
  const Net upsample = one_layer("upsample", factors, {whc(2, 1, 2)}, whc(4, 1, 2));
  EXPECT_EQ(test::evaluate(from_espresso(upsample), {x})[0].data,
            (std::vector<double>{1, 1, 2, 2, 3, 3, 4, 4}));
}

TEST(Windows, BordersThatAreNoZeros) {
  const auto padded = [](const json& mode) {
    json attributes = {{"pad_l", 2}, {"pad_b", 1}};
    attributes.update(mode);
    const Net net = one_layer("general_padding", attributes, {whc(3, 2, 1)}, whc(5, 3, 1));
    return test::evaluate(from_espresso(net), {Values({1, 1, 1, 2, 3}, {1, 2, 3, 4, 5, 6})})[0].data;
  };
  EXPECT_EQ(padded({{"pad_value", 9}}), (std::vector<double>{9, 9, 1, 2, 3, 9, 9, 4, 5, 6, 9, 9, 9, 9, 9}));
  EXPECT_EQ(padded({{"pad_pad_mode", 1}}),
            (std::vector<double>{3, 2, 1, 2, 3, 6, 5, 4, 5, 6, 3, 2, 1, 2, 3}));
  EXPECT_EQ(padded({{"pad_pad_mode", 2}}),
            (std::vector<double>{1, 1, 1, 2, 3, 4, 4, 4, 5, 6, 4, 4, 4, 5, 6}));
  const json far = {{"pad_l", 3}, {"pad_pad_mode", 1}};
  EXPECT_REFUSED(one_layer("general_padding", far, {whc(3, 2, 1)}, whc(6, 2, 1)),
                 "mirrors more than there is");
}

// Two pixels 0 and 8 become four, by hand from the definitions of the three grids.
TEST(Upsample, BilinearGrids) {
  const auto enlarged = [](json attributes) {
    attributes.update({{"mode", 1}, {"scaling_factor_x", 2}});
    const Net net = one_layer("upsample", attributes, {whc(2, 1, 1)}, whc(4, 1, 1));
    return test::evaluate(from_espresso(net), {Values({1, 1, 1, 1, 2}, {0, 8})})[0].data;
  };
  const std::vector<double> legacy = {0, 4, 8, 8}, centres = {0, 2, 6, 8};
  EXPECT_EQ(enlarged({}), legacy);
  EXPECT_EQ(enlarged({{"align_corners", 0}, {"is_legacy_mode", 1}}), legacy);
  EXPECT_EQ(enlarged({{"align_corners", 0}, {"is_legacy_mode", 0}}), centres);
  const std::vector<double> corners = enlarged({{"align_corners", 1}, {"is_legacy_mode", 0}});
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(corners[i], 8.0 * static_cast<double>(i) / 3, 8 * 0x1p-12);
}

TEST(Upsample, BadSizesAreRefused) {
  const json attributes = {{"mode", 1}};
  EXPECT_REFUSED(one_layer("upsample", attributes, {whc(2, 1, 1)}, whc(int64_t{1} << 30, 1, 1)), "resizes");
  EXPECT_REFUSED(one_layer("upsample", {{"mode", 2}}, {whc(2, 1, 1)}, whc(4, 1, 1)), "mode 2");
}

TEST(InnerProduct, LookUpTakesTheColumnThatTheNumberNames) {
  const json attributes = {{"nB", 3}, {"nC", 2}, {"is_lookup", 1}, {"blob_weights", 1}};
  const Net net = with_blobs(one_layer("inner_product", attributes, {whc(1, 1, 1)}, whc(1, 1, 2)),
                             {{10, 11, 12, 20, 21, 22}});
  for (int index = 0; index < 3; ++index)
    EXPECT_EQ(test::evaluate(from_espresso(net), {Values({1, 1, 1, 1, 1}, {double(index)})})[0].data,
              (std::vector<double>{10.0 + index, 20.0 + index}));
}

TEST(Reduce, IndicesOfTheLargestAndTheSmallest) {
  const auto index = [](int mode, std::vector<double> data) {
    const Net net = one_layer("reduce", {{"mode", mode}, {"axis_mode", 4}}, {whc(1, 1, 4)}, whc(1, 1, 1));
    return test::evaluate(from_espresso(net), {Values({1, 1, 4, 1, 1}, std::move(data))})[0].data[0];
  };
  EXPECT_EQ(index(11, {1, 5, 5, -7}), 1);
  EXPECT_EQ(index(12, {1, 5, -7, -7}), 2);
  EXPECT_EQ(index(11, {-3, -3, -3, -3}), 0);
}

// ---- Functions ----

TEST(Activation, EveryModeMeansItsFunction) {
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const auto mode = [](int code, double alpha = 1, double beta = 0) {
    return json{{"mode", code}, {"alpha", alpha}, {"beta", beta}};
  };
  expect_function("activation", {{"mode", 0}}, [](double x) { return std::max(x, 0.0); });
  expect_function("activation", mode(1), [](double x) { return std::tanh(x); });
  expect_function("activation", mode(2, 0.125), [](double x) { return x < 0 ? x / 8 : x; });
  expect_function("activation", mode(3), sigmoid);
  expect_function("activation", mode(5, 1.5, 0.75), [](double x) { return 1.5 * std::tanh(0.75 * x); });
  expect_function("activation", mode(6, -2, 0.5), [](double x) { return -2 * x + 0.5; });
  expect_function("activation", {{"mode", 6}, {"beta", 0.5}}, [](double x) { return x + 0.5; });
  expect_function("activation", mode(7, 0.25, 0.5),
                  [](double x) { return std::min(std::max(x / 4 + 0.5, 0.0), 1.0); });
  expect_function("activation", mode(8, 0.5), [](double x) { return x >= 0 ? x : 0.5 * (std::exp(x) - 1); });
  expect_function("activation", mode(9, 0.5), [](double x) { return x > 0.5 ? x : 0; });
  expect_function("activation", mode(10), [](double x) { return std::log(1 + std::exp(x)); });
  expect_function("activation", mode(12), [](double x) { return x / (1 + std::abs(x)); });
  expect_function("activation", mode(13, 0.5), [](double x) { return std::max(x, 0.5); });
  expect_function("activation", mode(24, 0.5), [](double x) { return std::min(x, 0.5); });
  expect_function("activation", mode(16), [](double x) {
    return 1.0507009873554805 * (x >= 0 ? x : 1.6732632423543772 * (std::exp(x) - 1));
  });
  expect_function("activation", mode(19),
                  [](double x) { return 0.5 * x * (1 + std::erf(x * std::sqrt(0.5))); });
  expect_function("activation", mode(20), [](double x) { return std::erf(x); });
  expect_function("activation", mode(21), [](double x) {
    return 0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
  });
  expect_function("activation", mode(22), [&](double x) { return x * sigmoid(1.702 * x); });
  expect_function("activation", mode(25), [&](double x) { return x * sigmoid(x); });
  expect_function("activation", mode(26),
                  [](double x) { return x * std::min(std::max(x / 6 + 0.5, 0.0), 1.0); });
}

TEST(Activation, PreluHasASlopePerChannel) {
  const json attributes = {{"mode", 2}, {"weights", {{"slopes", 1}}}};
  const Net net = with_blobs(one_layer("activation", attributes, {whc(2, 1, 2)}, whc(2, 1, 2)), {{0.5f, -1}});
  const Values y = test::evaluate(from_espresso(net), {Values({1, 1, 2, 1, 2}, {-2, 3, -4, 5})})[0];
  EXPECT_EQ(y.data, (std::vector<double>{-1, 3, 4, 5}));
}

TEST(ElementWise, EveryUnaryOperationMeansItsFunction) {
  const auto operation = [](int code, double alpha = 1, double beta = 0) {
    return json{{"operation", code}, {"alpha", alpha}, {"beta", beta}};
  };
  expect_function("elementwise", operation(2, 3), [](double x) { return x + 3; });
  expect_function("elementwise", operation(3, 0.25), [](double x) { return x * 0.25; });
  expect_function("elementwise", operation(8), [](double x) { return x * x; });
  expect_function(
      "elementwise", operation(10), [](double x) { return 1 / x; }, 0.5, 4);
  expect_function(
      "elementwise", {{"operation", 10}, {"eps", 0.5}}, [](double x) { return 1 / (x + 0.5); }, 0.5, 4);
  expect_function(
      "elementwise", operation(11), [](double x) { return std::sqrt(x); }, 0, 4);
  expect_function(
      "elementwise", operation(12), [](double x) { return 1 / std::sqrt(x); }, 0.5, 4);
  expect_function(
      "elementwise", operation(13, 1.5), [](double x) { return std::pow(x, 1.5); }, 0, 4);
  expect_function("elementwise", operation(24), [](double x) { return std::abs(x); });
  expect_function("elementwise", operation(25, -1), [](double x) { return std::max(x, -1.0); });
  expect_function(
      "elementwise", operation(26), [](double x) { return std::log(x); }, 0.5, 4);
  expect_function("elementwise", operation(27), [](double x) { return std::exp(x); });
  expect_function("elementwise", operation(35), [](double x) { return std::pow(2, x); });
  expect_function("elementwise", operation(38), [](double x) { return x > 0 ? 1 : -1; });
  expect_function("elementwise", operation(117), [](double x) { return std::floor(x); });
  expect_function("elementwise", operation(118), [](double x) { return std::ceil(x); });
  expect_function("elementwise", operation(119, 0, 2),
                  [](double x) { return std::min(std::max(x, 0.0), 2.0); });
  expect_function("elementwise", {{"operation", 2}, {"alpha", -1}, {"fused_relu", 1}},
                  [](double x) { return std::max(x - 1, 0.0); });
}

std::vector<double> two_operands(int operation, bool relu = false) {
  const json attributes = {{"operation", operation}, {"fused_relu", relu ? 1 : 0}};
  const Net net = one_layer("elementwise", attributes, {whc(3, 1, 1), whc(3, 1, 1)}, whc(3, 1, 1));
  return test::evaluate(from_espresso(net),
                        {Values({1, 1, 1, 1, 3}, {1, 2, -6}), Values({1, 1, 1, 1, 3}, {2, 2, 3})})[0]
      .data;
}

TEST(ElementWise, BinaryOperations) {
  using V = std::vector<double>;
  EXPECT_EQ(two_operands(0), (V{3, 4, -3}));
  EXPECT_EQ(two_operands(0, true), (V{3, 4, 0}));
  EXPECT_EQ(two_operands(1), (V{2, 4, -18}));
  EXPECT_EQ(two_operands(13), (V{1, 4, -216}));
  EXPECT_EQ(two_operands(22), (V{1, 2, -6}));
  EXPECT_EQ(two_operands(23), (V{2, 2, 3}));
  EXPECT_EQ(two_operands(33), (V{-1, 0, -9}));
  EXPECT_EQ(two_operands(102), (V{0.5, 1, -2}));
  EXPECT_EQ(two_operands(100), (V{0, 1, 0}));
  EXPECT_EQ(two_operands(107), (V{1, 0, 1}));
  EXPECT_EQ(two_operands(103), (V{1, 0, 1}));
  EXPECT_EQ(two_operands(104), (V{1, 1, 1}));
  EXPECT_EQ(two_operands(105), (V{0, 0, 0}));
  EXPECT_EQ(two_operands(106), (V{0, 1, 0}));
}

TEST(ElementWise, BroadcastsAndChains) {
  const json attributes = {{"operation", 0}};
  const Net net =
      one_layer("elementwise", attributes, {whc(1, 1, 2), whc(2, 1, 2), whc(1, 1, 1)}, whc(2, 1, 2));
  const Values y = test::evaluate(from_espresso(net),
                                  {Values({1, 1, 2, 1, 1}, {10, 20}), Values({1, 1, 2, 1, 2}, {1, 2, 3, 4}),
                                   Values({1, 1, 1, 1, 1}, {100})})[0];
  EXPECT_EQ(y.data, (std::vector<double>{111, 112, 123, 124}));
}

TEST(BatchNorm, FoldsStatistics) {
  const json attributes = {{"C", 2}, {"blob_batchnorm_params", 1}, {"training_eps", 0.75}};
  // gamma, beta, mean, variance: 3 (x - 2) / sqrt(0.25 + 0.75) + 1, and x / sqrt(3.25 + 0.75).
  const Net net = with_blobs(one_layer("batchnorm", attributes, {whc(1, 1, 2)}, whc(1, 1, 2)),
                             {{3, 1, 2, 0.25f, 1, 0, 0, 3.25f}});
  const Values y = test::evaluate(from_espresso(net), {Values({1, 1, 2, 1, 1}, {4, 5})})[0];
  EXPECT_EQ(y.data, (std::vector<double>{7, 2.5}));
}

TEST(BatchNorm, OfAnInstance) {
  const json attributes = {{"C", 2},
                           {"blob_batchnorm_params", 1},
                           {"training", 1},
                           {"training_instancenorm", 1},
                           {"training_eps", 0}};
  const Net net = with_blobs(one_layer("batchnorm", attributes, {whc(2, 1, 2)}, whc(2, 1, 2)),
                             {{1, 0, 9, 9, 2, 10, 9, 9}});
  const Values y = test::evaluate(from_espresso(net), {Values({1, 1, 2, 1, 2}, {1, 3, 5, 15})})[0];
  EXPECT_EQ(y.data, (std::vector<double>{-1, 1, 8, 12}));
}

TEST(Reduce, TakesItsAxesFromTheShapes) {
  const Values x({1, 1, 2, 1, 2}, {1, 2, 3, -5});
  const auto reduced = [&](int mode, espresso::Shape top) {
    return test::evaluate(from_espresso(one_layer("reduce", {{"mode", mode}}, {whc(2, 1, 2)}, top)), {x})[0]
        .data;
  };
  using V = std::vector<double>;
  EXPECT_EQ(reduced(0, whc(2, 1, 1)), (V{4, -3}));
  EXPECT_EQ(reduced(1, whc(1, 1, 2)), (V{1.5, -1}));
  EXPECT_EQ(reduced(4, whc(1, 1, 1)), (V{39}));
  EXPECT_EQ(reduced(8, whc(1, 1, 1)), (V{11}));
  EXPECT_EQ(reduced(9, whc(1, 1, 1)), (V{3}));
  EXPECT_EQ(reduced(10, whc(1, 1, 2)), (V{1, -5}));
  EXPECT_REFUSED(one_layer("reduce", {{"mode", 0}}, {whc(2, 1, 2)}, whc(3, 1, 2)), "reduction of 1x2x1x2");
}

TEST(Softmax, AxisCodesAndIndices) {
  const auto axis = [](const std::string& type, const json& attributes, const espresso::Shape& shape) {
    return from_espresso(one_layer(type, attributes, {shape}, shape)).units[0].as<aneir::Softmax>()->axis;
  };
  EXPECT_EQ(axis("softmax", {{"C", 2}}, whc(1, 1, 3)), aneir::Axis::Channel);
  EXPECT_EQ(axis("softmax", {{"C", 0}}, whc(3, 1, 1)), aneir::Axis::Width);
  espresso::Shape rank2 = whc(3, 4, 1);
  rank2.rank = 2;
  EXPECT_EQ(axis("softmax_nd", {{"nd_axis", -1}}, rank2), aneir::Axis::Width);
  EXPECT_EQ(axis("softmax_nd", {{"nd_axis", 0}}, rank2), aneir::Axis::Height);
  EXPECT_REFUSED(one_layer("softmax_nd", {{"nd_axis", 2}}, {rank2}, rank2), "axis 2 of a tensor of rank 2");
}

// ---- Rearrangement ----

TEST(Flatten, ChannelFirstAndChannelLast) {
  const Values x({1, 1, 2, 1, 3}, {1, 2, 3, 4, 5, 6});
  const auto flattened = [&](int mode) {
    const Net net = one_layer("flatten", {{"mode", mode}}, {whc(3, 1, 2)}, whc(1, 1, 6));
    return test::evaluate(from_espresso(net), {x})[0].data;
  };
  EXPECT_EQ(flattened(0), (std::vector<double>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(flattened(1), (std::vector<double>{1, 4, 2, 5, 3, 6}));
}

TEST(Reshape, ChannelLastKeepsChannelsInnermost) {
  // H=1, W=4, C=2 as (w, c) pairs 1a 2b 3c 4d -> H=2, W=2: the pairs stay together.
  const Net net = one_layer("reshape", {{"mode", 1}}, {whc(4, 1, 2)}, whc(2, 2, 2));
  const Values y =
      test::evaluate(from_espresso(net), {Values({1, 1, 2, 1, 4}, {1, 2, 3, 4, 11, 12, 13, 14})})[0];
  EXPECT_EQ(y.data, (std::vector<double>{1, 2, 3, 4, 11, 12, 13, 14}));
}

TEST(Transpose, MovesAxesAsMeasured) {
  // From SSDOcr: axis_k=1, axis_h=0, axis_w=2 on k33 h24 w38 gives k24 h38 w33.
  const json attributes = {{"axis_k", 1}, {"axis_h", 0}, {"axis_w", 2}, {"axis_n", 3}, {"axis_seq", 4}};
  const Net net = one_layer("transpose", attributes, {whc(38, 24, 33)}, whc(33, 38, 24));
  const Values x = test::spread({1, 1, 33, 24, 38});
  const Values y = test::evaluate(from_espresso(net), {x})[0];
  EXPECT_EQ(y.at({0, 0, 5, 7, 11}), x.at({0, 0, 11, 5, 7}));
}

TEST(Transpose, BatchAndSequenceShareAnAxis) {
  // seq 3 becomes channels, n stays 1.
  const json attributes = {{"axis_k", 4}, {"axis_seq", 2}, {"axis_h", 1}, {"axis_w", 0}, {"axis_n", 3}};
  espresso::Shape from = whc(2, 1, 1), to = whc(2, 1, 3);
  from.seq = 3;
  const Net net = one_layer("transpose", attributes, {from}, to);
  const Values x = test::spread({3, 1, 1, 1, 2});
  EXPECT_EQ(test::evaluate(from_espresso(net), {x})[0].data, x.data);
}

TEST(Rearrange, ConcatSliceSplitCrop) {
  const Values x({1, 1, 2, 1, 2}, {1, 2, 3, 4});
  const Net concat = one_layer("concat", json::object(), {whc(2, 1, 2), whc(2, 1, 1)}, whc(2, 1, 3));
  EXPECT_EQ(test::evaluate(from_espresso(concat), {x, Values({1, 1, 1, 1, 2}, {5, 6})})[0].data,
            (std::vector<double>{1, 2, 3, 4, 5, 6}));
  const Net slice = one_layer("slice", {{"axis", 0}, {"start", 1}, {"end", 2}}, {whc(2, 1, 2)}, whc(1, 1, 2));
  EXPECT_EQ(test::evaluate(from_espresso(slice), {x})[0].data, (std::vector<double>{2, 4}));
  const Net crop = one_layer("crop", {{"l", 1}}, {whc(2, 1, 2)}, whc(1, 1, 2));
  EXPECT_EQ(test::evaluate(from_espresso(crop), {x})[0].data, (std::vector<double>{2, 4}));
  Net split = one_layer("split", json::object(), {whc(2, 1, 2)}, whc(2, 1, 1));
  split.layers[0].tops = {"y", "z"};
  split.shapes["z"] = split.shapes["y"];
  const aneir::Network network = from_espresso(split);
  EXPECT_EQ(network.units[1].name, "z");
  EXPECT_EQ(test::evaluate(network, {x})[1].data, (std::vector<double>{3, 4}));
}

TEST(Constant, IsATensor) {
  Net net = with_blobs(one_layer("load_constant", {{"constant_blob", 1}}, {}, whc(3, 1, 1)), {{1, 2, 3}});
  EXPECT_EQ(test::evaluate(from_espresso(net), {})[0].data, (std::vector<double>{1, 2, 3}));
  net.shapes["y"] = whc(4, 1, 1);
  EXPECT_REFUSED(net, "constants hold 3 values where 4 are needed");
}

// ---- Refusals ----

TEST(BadNet, AllUnsupportedLayersAreListedAtOnce) {
  Net net = one_layer("rnn_arch", json::object(), {whc(2, 1, 1)}, whc(2, 1, 1));
  net.layers.push_back({"second", "activation", {"y"}, {"z"}, {{"mode", 99}}});
  net.layers.push_back({"third", "argsort", {"z"}, {"out"}, json::object()});
  net.shapes["z"] = net.shapes["out"] = whc(2, 1, 1);
  EXPECT_EQ(
      refusal_of(net),
      "test.espresso.net: 3 layers are not supported: layer 'layer' (rnn_arch): this layer type has no "
      "form on the "
      "engine yet; layer 'second' (activation): activation mode 99; layer 'third' (argsort): this layer "
      "type has no "
      "form on the engine yet");
}

TEST(BadNet, DeclaredShapeDisagrees) {
  EXPECT_REFUSED(one_layer("activation", {{"mode", 0}}, {whc(2, 1, 1)}, whc(3, 1, 1)),
                 "layer 'layer' (activation): gives 1x1x1x2 where the shape file declares 1x1x1x3 for y");
}

TEST(BadNet, BatchAndSequence) {
  espresso::Shape both = whc(2, 1, 1);
  both.n = 2;
  both.seq = 3;
  EXPECT_REFUSED(one_layer("activation", {{"mode", 0}}, {both}, both),
                 "blob a: a tensor with both a batch (2)");
}

TEST(BadNet, ConvolutionDamage) {
  const Net good = with_blobs(
      one_layer("convolution", conv_attributes(2, 1, 3, 3), {whc(5, 5, 1)}, whc(3, 3, 2)), {ramp(18)});
  EXPECT_EQ(refusal_of(good), "");
  const auto with = [&](const char* key, const json& value) {
    Net net = good;
    net.layers[0].attributes[key] = value;
    return net;
  };
  EXPECT_REFUSED(with("Nx", 1000000000), "Nx is 1000000000");
  EXPECT_REFUSED(with("Nx", -1), "Nx is -1");
  EXPECT_REFUSED(with("stride_x", 0), "stride 0");
  EXPECT_REFUSED(with("pad_mode", 7), "pad_mode 7");
  EXPECT_REFUSED(with("C", 3), "weights hold 18 values where 27 are needed");
  EXPECT_REFUSED(with("C", int64_t{1} << 60), "output channels");
  EXPECT_REFUSED(with("K", 2), "K is 2");
  EXPECT_REFUSED(with("n_groups", 0), "divisible by num group");
  EXPECT_REFUSED(with("blob_weights", 5), "refers to blob 5");
  EXPECT_REFUSED(with("C", "many"), "attribute C is not an integer");
  EXPECT_REFUSED(with("quantization_lut_weights_blob", 1), "without quantization_ranges_blob");
  EXPECT_REFUSED(with("quantization_mode", 2), "quantized weights of an unknown form");
  Net net = good;
  net.layers[0].attributes.update({{"has_biases", 1}, {"blob_biases", 3}});
  EXPECT_REFUSED(with_blobs(net, {ramp(18), ramp(1)}), "blob 3 holds 1 values where 2 are needed");
}

TEST(BadNet, GraphDamage) {
  Net net = one_layer("activation", {{"mode", 0}}, {whc(2, 1, 1)}, whc(2, 1, 1));
  net.shapes.erase("y");
  EXPECT_REFUSED(net, "no shape is known");
  net.shapes["y"] = whc(2, 1, 1);
  net.layers.push_back({"again", "activation", {"a"}, {"y"}, {{"mode", 0}}});
  EXPECT_REFUSED(net, "produces y again");
  net.layers = {{"self", "activation", {"y"}, {"y"}, {{"mode", 0}}}};
  EXPECT_REFUSED(net, "reads y before it is produced");
  net = one_layer("upsample", {{"scaling_factor_x", 60000}}, {whc(1, 1, int64_t{1} << 30)}, whc(1, 1, 1));
  EXPECT_REFUSED(net, "too many channels");
  net = one_layer("activation", {{"mode", 0}}, {whc(int64_t{1} << 40, 1, 1)}, whc(1, 1, 1));
  EXPECT_REFUSED(net, "axis Width has length");
  EXPECT_REFUSED(Net{}, "without outputs");
}

// ---- Published networks ----

TEST(Published, Waifu2xDenoiser) {
  ANE_NEED_EVIDENCE("models/espresso/waifu2x-anime-noise0");
  const aneir::Network network =
      from_espresso(espresso::read_folder(evidence_folder / "anime_noise0_model.mlmodelc"));
  ASSERT_EQ(network.units.size(), 13u);
  EXPECT_EQ(network.tensor(network.inputs[0]).shape, (aneir::Shape{1, 1, 3, 142, 142}));
  EXPECT_EQ(network.tensor(network.outputs[0].tensor).shape, (aneir::Shape{1, 1, 3, 128, 128}));
  EXPECT_EQ(network.outputs[0].name, "conv7");
  for (size_t i = 0; i < 13; ++i) {
    EXPECT_STREQ(aneir::type_name(network.units[i]), i % 2 == 0 ? "Conv" : "Neuron");
  }
}

TEST(Published, WholeNetworksImport) {
  ANE_NEED_EVIDENCE("models/espresso");
  const std::pair<const char*, size_t> outputs[] = {
      {"waifu2x-up-photo-scale2x/up_photo_scale2x_model.mlmodelc", 1},
      {"cardscan-four-recognize-f16/FourRecognize.mlmodelc", 1},
      {"cardscan-ssd-ocr-f16/SSDOcr.mlmodelc", 3},
      {"cardscan-ux-model/uxmodel.mlmodelc", 1},
      {"chiron-flat-bundle/model.mlmodelc", 1},
      {"dense-updatable-retrained/s4tf_model_retrained.mlmodelc", 1},
  };
  for (const auto& [folder, count] : outputs) {
    const aneir::Network network = from_espresso(espresso::read_folder(evidence_folder / folder));
    EXPECT_EQ(network.outputs.size(), count) << folder;
  }
}

}  // namespace
}  // namespace ane::import
