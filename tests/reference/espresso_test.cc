// Each Espresso layer by numbers worked out by hand from its definition (docs/espresso.md).
#include "reference/espresso.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/half.h"
#include "reference/run.h"

namespace ane::reference {
namespace {

using espresso::Net;
using nlohmann::json;
using Values = std::vector<float>;

espresso::Shape khw(int64_t k, int64_t h, int64_t w) {
  return {w, h, k, 1, 1, {}};
}

struct Bottom {
  espresso::Shape shape;
  Values values;
};

// One layer "layer" from blobs a, b, ... to blobs y0, y1, ...
struct OneLayer {
  Net net;
  std::map<std::string, Values> inputs;

  OneLayer(const std::string& type, json attributes, const std::vector<Bottom>& bottoms,
           const std::vector<espresso::Shape>& tops) {
    net.file = "test.espresso.net";
    espresso::Layer layer{"layer", type, {}, {}, std::move(attributes)};
    for (const Bottom& bottom : bottoms) {
      const std::string name(1, static_cast<char>('a' + layer.bottoms.size()));
      layer.bottoms.push_back(name);
      net.shapes[name] = bottom.shape;
      inputs[name] = bottom.values;
    }
    for (const espresso::Shape& top : tops) {
      layer.tops.push_back(fmt::format("y{}", layer.tops.size()));
      net.shapes[layer.tops.back()] = top;
    }
    net.layers = {layer};
  }

  OneLayer& blob(int64_t id, Values values) {
    net.blobs[id] = espresso::Blob::of_floats(std::move(values));
    return *this;
  }

  Values run(const std::string& top = "y0") const { return evaluate_espresso(net, inputs).at(top).data; }

  std::string refusal() const {
    try {
      run();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};

Values unary(const std::string& type, json attributes, const Values& values) {
  const auto count = static_cast<int64_t>(values.size());
  return OneLayer(type, std::move(attributes), {{khw(1, 1, count), values}}, {khw(1, 1, count)}).run();
}

Values activation(int64_t mode, const Values& values, double alpha = 1, double beta = 0) {
  return unary("activation", {{"mode", mode}, {"alpha", alpha}, {"beta", beta}}, values);
}

Values elementwise(int64_t operation, const Values& values, double alpha = 1, double beta = 0) {
  return unary("elementwise", {{"operation", operation}, {"alpha", alpha}, {"beta", beta}}, values);
}

Values binary(int64_t operation, const Values& a, const Values& b) {
  const auto count = static_cast<int64_t>(a.size());
  return OneLayer("elementwise", {{"operation", operation}}, {{khw(1, 1, count), a}, {khw(1, 1, count), b}},
                  {khw(1, 1, count)})
      .run();
}

void expect_near(const Values& got, const Values& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-6) << i;
}

// ---- Windows ----

// A column kernel over rows 1, 10, 100: the sums of neighbours, and by pad_mode what stands outside.
TEST(Espresso, ConvolutionPadding) {
  const auto run = [](json padding, int64_t rows) {
    json attributes = {{"C", 1}, {"K", 1}, {"Nx", 1}, {"Ny", 2}, {"blob_weights", 3}};
    attributes.update(padding);
    return OneLayer("convolution", attributes, {{khw(1, 3, 1), {1, 10, 100}}}, {khw(1, rows, 1)})
        .blob(3, {2, 1})
        .run();
  };
  EXPECT_EQ(run({{"pad_mode", 2}, {"pad_t", 5}}, 2), (Values{12, 120}));
  EXPECT_EQ(run({{"pad_mode", 0}, {"pad_t", 1}, {"pad_b", 1}}, 4), (Values{1, 12, 120, 200}));
  // Same: the odd row at the end, whatever the amounts say.
  EXPECT_EQ(run({{"pad_mode", 1}, {"pad_t", 5}}, 3), (Values{12, 120, 200}));
  EXPECT_EQ(run({{"pad_mode", 1}, {"stride_y", 2}}, 2), (Values{12, 200}));
  EXPECT_EQ(run({{"pad_mode", 2}, {"dilation_y", 2}}, 1), Values{102});
}

TEST(Espresso, ConvolutionGroupsBiasesAndFusedFunctions) {
  OneLayer layer("convolution",
                 {{"C", 2},
                  {"K", 2},
                  {"Nx", 1},
                  {"Ny", 1},
                  {"n_groups", 2},
                  {"has_biases", 1},
                  {"fused_relu", 1},
                  {"blob_biases", 1},
                  {"blob_weights_f16", 3}},
                 {{khw(2, 1, 2), {1, 2, 3, 4}}}, {khw(2, 1, 2)});
  const uint16_t weights[] = {to_half(2).bits, to_half(-1).bits};
  layer.net.blobs[3] = espresso::Blob::copy_of({reinterpret_cast<const uint8_t*>(weights), 4});
  EXPECT_EQ(layer.blob(1, {0.5f, 3.5f}).run(), (Values{2.5f, 4.5f, 0.5f, 0}));
}

// Two inputs two steps apart paint a kernel of three each; one column is cut at both ends. [K][C /
// n_groups][Ny][Nx]: the first channel's kernel comes first.
TEST(Espresso, Deconvolution) {
  OneLayer layer("deconvolution",
                 {{"C", 1},
                  {"K", 2},
                  {"Nx", 3},
                  {"Ny", 1},
                  {"stride_x", 2},
                  {"pad_l", 1},
                  {"pad_r", 1},
                  {"blob_weights", 1}},
                 {{khw(2, 1, 2), {1, 2, 10, 20}}}, {khw(1, 1, 3)});
  layer.blob(1, {1, 2, 3, 0, 1, 0});
  // Full: 1 2 3+2 4 6 from the first channel, 0 10 0 20 0 from the second.
  EXPECT_EQ(layer.run(), (Values{12, 5, 24}));
}

TEST(Espresso, InnerProduct) {
  OneLayer layer(
      "inner_product",
      {{"nB", 2}, {"nC", 3}, {"has_biases", 1}, {"has_relu", 1}, {"blob_biases", 1}, {"blob_weights", 3}},
      {{khw(2, 1, 1), {1, 2}}}, {khw(3, 1, 1)});
  layer.blob(1, {1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}).blob(3, {1, 2, 3, 4, -5, -6});
  EXPECT_EQ(layer.run(), (Values{6, 12, 0}));
}

// The byte 2 of a channel with scale 0.5 and bias -1 is 0, 4 is 1; of the other channel (1, 3) 5 and 7.
TEST(Espresso, QuantizedInnerProduct) {
  OneLayer layer("inner_product",
                 {{"nB", 2},
                  {"nC", 2},
                  {"quantization_mode", 1},
                  {"weights", {{"W_U8", 1}, {"per_ch_qscale", 3}, {"per_ch_qbias", 5}}}},
                 {{khw(2, 1, 1), {10, 100}}}, {khw(2, 1, 1)});
  layer.net.blobs[1] = espresso::Blob::copy_of(Bytes{2, 4, 2, 4});
  EXPECT_EQ(layer.blob(3, {0.5f, 1}).blob(5, {-1, 3}).run(), (Values{100, 750}));
}

TEST(Espresso, Pools) {
  const Bottom row{khw(1, 1, 5), {1, 2, 3, -4, 5}};
  const auto run = [&](json attributes, int64_t columns) {
    attributes.update({{"size_y", 1}});
    return OneLayer("pool", attributes, {row}, {khw(1, 1, columns)}).run();
  };
  EXPECT_EQ(run({{"avg_or_max", 1}, {"size_x", 2}, {"stride_x", 2}, {"pad_mode", 2}}, 2), (Values{2, 3}));
  // The declared size rounds up: the last window overhangs.
  EXPECT_EQ(run({{"avg_or_max", 1}, {"size_x", 2}, {"stride_x", 2}, {"pad_mode", 2}}, 3), (Values{2, 3, 5}));
  EXPECT_EQ(run({{"avg_or_max", 0},
                 {"size_x", 3},
                 {"stride_x", 4},
                 {"pad_l", 1},
                 {"pad_r", 1},
                 {"average_count_exclude_padding", 1}},
                2),
            (Values{1.5f, 0.5f}));
  EXPECT_EQ(run({{"avg_or_max", 0}, {"size_x", 3}, {"stride_x", 4}, {"pad_l", 1}, {"pad_r", 1}}, 2),
            (Values{1, 1.0f / 3}));
  EXPECT_EQ(run({{"avg_or_max", 2}, {"size_x", 2}, {"stride_x", 3}, {"pad_mode", 2}}, 2),
            (Values{std::sqrt(5.0f), std::sqrt(41.0f)}));
  EXPECT_NEAR(run({{"avg_or_max", 0}, {"size_x", 9}, {"is_global", 1}}, 1)[0], 1.4f, 1e-6);
}

TEST(Espresso, Padding) {
  const auto run = [](int64_t mode) {
    return OneLayer("general_padding", {{"pad_l", 2}, {"pad_r", 1}, {"pad_pad_mode", mode}, {"pad_value", 9}},
                    {{khw(1, 1, 3), {1, 2, 3}}}, {khw(1, 1, 6)})
        .run();
  };
  EXPECT_EQ(run(0), (Values{9, 9, 1, 2, 3, 9}));
  EXPECT_EQ(run(1), (Values{3, 2, 1, 2, 3, 2}));
  EXPECT_EQ(run(2), (Values{1, 1, 1, 2, 3, 3}));
}

TEST(Espresso, Upsampling) {
  const auto run = [](json attributes) {
    attributes.update({{"scaling_factor_x", 2}, {"scaling_factor_y", 1}});
    return OneLayer("upsample", attributes, {{khw(1, 1, 2), {0, 12}}}, {khw(1, 1, 4)}).run();
  };
  EXPECT_EQ(run({{"mode", 0}}), (Values{0, 0, 12, 12}));
  expect_near(run({{"mode", 1}, {"align_corners", 1}}), {0, 4, 8, 12});
  expect_near(run({{"mode", 1}, {"is_legacy_mode", 1}}), {0, 6, 12, 12});
  expect_near(run({{"mode", 1}}), {0, 3, 9, 12});
}

// ---- Functions ----

TEST(Espresso, Activations) {
  EXPECT_EQ(activation(0, {-1, 2}), (Values{0, 2}));
  EXPECT_EQ(activation(2, {-1, 2}, 0.25), (Values{-0.25f, 2}));
  EXPECT_EQ(activation(6, {-1, 2}, 3, 1), (Values{-2, 7}));
  EXPECT_EQ(activation(7, {-1, 0.5f, 2}, 0.5, 0.25), (Values{0, 0.5f, 1}));
  EXPECT_EQ(activation(9, {1, 2, 3}, 2), (Values{0, 0, 3}));
  EXPECT_EQ(activation(13, {1, 3}, 2), (Values{2, 3}));
  EXPECT_EQ(activation(24, {1, 3}, 2), (Values{1, 2}));
  EXPECT_EQ(activation(23, {-1, 0, 3}), (Values{0, 1, 1}));
  EXPECT_EQ(activation(26, {-4, 0, 3, 1.5f}), (Values{0, 0, 3, 1.125f}));
  EXPECT_EQ(activation(12, {1, -3}), (Values{0.5f, -0.75f}));
  const double e = std::exp(1.0), sigmoid_of_one = e / (e + 1);
  const auto one = [&](int64_t mode, double want, double alpha = 1, double beta = 0) {
    EXPECT_NEAR(activation(mode, {1}, alpha, beta)[0], want, 1e-6) << mode;
  };
  one(1, std::tanh(1.0)), one(3, sigmoid_of_one), one(5, 3 * std::tanh(2.0), 3, 2);
  one(10, std::log(1 + e)), one(25, sigmoid_of_one), one(20, std::erf(1.0));
  one(19, (1 + std::erf(std::sqrt(0.5))) / 2), one(21, 0.841192), one(22, 1 / (1 + std::exp(-1.702)));
  EXPECT_NEAR(activation(8, {-1}, 2)[0], 2 * (1 / e - 1), 1e-6);
  EXPECT_NEAR(activation(16, {-1})[0], 1.0507009873554805 * 1.6732632423543772 * (1 / e - 1), 1e-6);
}

TEST(Espresso, SlopesOfChannels) {
  OneLayer layer("activation", {{"mode", 2}, {"weights", {{"alpha", 1}}}}, {{khw(2, 1, 2), {-1, 1, -2, 2}}},
                 {khw(2, 1, 2)});
  EXPECT_EQ(layer.blob(1, {0.5f, 3}).run(), (Values{-0.5f, 1, -6, 2}));
  EXPECT_EQ(layer.blob(1, {0.5f}).run(), (Values{-0.5f, 1, -1, 2}));
}

TEST(Espresso, ElementwiseOnOneBlob) {
  EXPECT_EQ(elementwise(2, {1, 2}, 3), (Values{4, 5}));
  EXPECT_EQ(elementwise(3, {1, 2}, 3), (Values{3, 6}));
  EXPECT_EQ(elementwise(8, {3}), Values{9});
  EXPECT_EQ(elementwise(10, {4}), Values{0.25f});
  EXPECT_EQ(elementwise(13, {3}, 2), Values{9});
  EXPECT_EQ(elementwise(25, {-7, 7}, -6), (Values{-6, 7}));
  EXPECT_EQ(elementwise(119, {-1, 3, 9}, 0, 6), (Values{0, 3, 6}));
  EXPECT_EQ(elementwise(35, {3}), Values{8});
  EXPECT_EQ(elementwise(37, {2.5f, -1.75f}), (Values{2, -2}));
  EXPECT_EQ(elementwise(38, {-3, 0, 5}), (Values{-1, 0, 1}));
  EXPECT_EQ(elementwise(117, {-1.5f}), Values{-2});
  EXPECT_EQ(elementwise(118, {-1.5f}), Values{-1});
  EXPECT_EQ(elementwise(131, {1, 2, 3}, 2), (Values{1, 0, 0}));
  EXPECT_EQ(elementwise(136, {1, 2, 3}, 2), (Values{0, 1, 0}));
  EXPECT_EQ(unary("elementwise", {{"operation", 12}, {"eps", 3}}, {1}), Values{0.5f});
  EXPECT_EQ(unary("elementwise", {{"operation", 3}, {"alpha", 2}, {"fused_relu", 1}}, {-1, 1}),
            (Values{0, 2}));
  expect_near(elementwise(27, {1}), {static_cast<float>(std::exp(1.0))});
  expect_near(elementwise(115, {0.5f}), {std::sin(0.5f)});
}

TEST(Espresso, ElementwiseOnSeveralBlobs) {
  EXPECT_EQ(binary(0, {1, 2}, {3, 4}), (Values{4, 6}));
  EXPECT_EQ(binary(1, {1, 2}, {3, 4}), (Values{3, 8}));
  EXPECT_EQ(binary(33, {1, 2}, {3, 4}), (Values{-2, -2}));
  EXPECT_EQ(binary(22, {1, 5}, {3, 4}), (Values{1, 4}));
  EXPECT_EQ(binary(23, {1, 5}, {3, 4}), (Values{3, 5}));
  EXPECT_EQ(binary(102, {1, 2}, {4, 4}), (Values{0.25f, 0.5f}));
  EXPECT_EQ(binary(36, {-3}, {5}), Values{2});
  EXPECT_EQ(binary(103, {1, 2, 3}, {2, 2, 2}), (Values{1, 0, 0}));
  EXPECT_EQ(binary(104, {1, 2, 3}, {2, 2, 2}), (Values{1, 1, 0}));
  EXPECT_EQ(binary(107, {1, 2, 3}, {2, 2, 2}), (Values{1, 0, 1}));
  const OneLayer spread("elementwise", {{"operation", 0}},
                        {{khw(2, 1, 2), {1, 2, 3, 4}}, {khw(2, 1, 1), {10, 20}}, {khw(1, 1, 1), {100}}},
                        {khw(2, 1, 2)});
  EXPECT_EQ(spread.run(), (Values{111, 112, 123, 124}));
}

// gamma, beta, mean, variance of each channel.
TEST(Espresso, Batchnorm) {
  OneLayer stored("batchnorm", {{"C", 2}, {"training_eps", 0}, {"blob_batchnorm_params", 1}},
                  {{khw(2, 1, 2), {1, 2, 3, 4}}}, {khw(2, 1, 2)});
  EXPECT_EQ(stored.blob(1, {2, 10, 1, 4, 1, 0, 4, 0.25f}).run(), (Values{10, 11, -2, 0}));
  OneLayer of_data("batchnorm",
                   {{"C", 1},
                    {"training", 1},
                    {"training_instancenorm", 1},
                    {"training_eps", 0},
                    {"blob_batchnorm_params", 1}},
                   {{khw(1, 1, 2), {1, 5}}}, {khw(1, 1, 2)});
  EXPECT_EQ(of_data.blob(1, {3, 7, 0, 0}).run(), (Values{4, 10}));
}

TEST(Espresso, Reductions) {
  const auto run = [](int64_t mode) {
    return OneLayer("reduce", {{"mode", mode}, {"axis_mode", 4}}, {{khw(2, 1, 2), {1, -2, 3, 4}}},
                    {khw(1, 1, 2)})
        .run();
  };
  EXPECT_EQ(run(0), (Values{4, 2}));
  EXPECT_EQ(run(1), (Values{2, 1}));
  EXPECT_EQ(run(2), (Values{3, -8}));
  EXPECT_EQ(run(4), (Values{10, 20}));
  EXPECT_EQ(run(8), (Values{4, 6}));
  EXPECT_EQ(run(9), (Values{3, 4}));
  EXPECT_EQ(run(10), (Values{1, -2}));
  EXPECT_EQ(run(11), (Values{1, 1}));
  EXPECT_EQ(run(12), (Values{0, 0}));
  expect_near(run(5), {std::sqrt(10.0f), std::sqrt(20.0f)});
  EXPECT_EQ(OneLayer("reduce", {{"mode", 0}}, {{khw(2, 1, 2), {1, -2, 3, 4}}}, {khw(2, 1, 1)}).run(),
            (Values{-1, 7}));
}

// C is the code of an axis: 2 = channels, 0 = w.
TEST(Espresso, Softmax) {
  const float third = static_cast<float>(std::log(2.0));
  const Bottom input{khw(2, 1, 2), {0, 0, third, 0}};
  expect_near(OneLayer("softmax", {{"C", 2}}, {input}, {khw(2, 1, 2)}).run(),
              {1 / 3.0f, 0.5f, 2 / 3.0f, 0.5f});
  expect_near(OneLayer("softmax", {{"C", 0}}, {input}, {khw(2, 1, 2)}).run(),
              {0.5f, 0.5f, 2 / 3.0f, 1 / 3.0f});
  const espresso::Shape matrix{2, 2, 1, 1, 1, 2};  // rank 2: w and h
  expect_near(OneLayer("softmax_nd", {{"nd_axis", -1}}, {{matrix, input.values}}, {matrix}).run(),
              {0.5f, 0.5f, 2 / 3.0f, 1 / 3.0f});
  expect_near(OneLayer("softmax_nd", {{"nd_axis", 0}}, {{matrix, input.values}}, {matrix}).run(),
              {1 / 3.0f, 0.5f, 2 / 3.0f, 0.5f});
}

// ---- Movement ----

TEST(Espresso, ReshapeCodes) {
  const Bottom input{khw(2, 1, 3), counting(6)};
  const auto run = [&](int64_t k, int64_t h, int64_t w, int64_t mode, const espresso::Shape& top) {
    return OneLayer("reshape",
                    {{"dst_seq", 1}, {"dst_n", 0}, {"dst_k", k}, {"dst_h", h}, {"dst_w", w}, {"mode", mode}},
                    {input}, {top})
        .run();
  };
  EXPECT_EQ(run(3, 1, 2, 0, khw(3, 1, 2)), counting(6));
  EXPECT_EQ(run(0, 3, -1, 0, khw(2, 3, 1)), counting(6));
  // Channels last: the elements in the order of pixels, 0 3 1 4 2 5, become channels of one pixel.
  EXPECT_EQ(run(6, 1, 1, 1, khw(6, 1, 1)), (Values{0, 3, 1, 4, 2, 5}));
}

TEST(Espresso, FlattenAndRank) {
  const Bottom input{khw(2, 1, 2), {0, 1, 2, 3}};
  EXPECT_EQ(OneLayer("flatten", {{"mode", 0}}, {input}, {khw(4, 1, 1)}).run(), counting(4));
  EXPECT_EQ(OneLayer("flatten", {{"mode", 1}}, {input}, {khw(4, 1, 1)}).run(), (Values{0, 2, 1, 3}));
  EXPECT_EQ(OneLayer("expand_dims", {}, {input}, {{2, 1, 2, 1, 1, 5}}).run(), counting(4));
}

// Output axis w takes input axis k (code 2), k takes w.
TEST(Espresso, Transpose) {
  const json attributes = {{"axis_w", 2}, {"axis_h", 1}, {"axis_k", 0}, {"axis_n", 3}, {"axis_seq", 4}};
  EXPECT_EQ(OneLayer("transpose", attributes, {{khw(2, 1, 3), counting(6)}}, {khw(3, 1, 2)}).run(),
            (Values{0, 3, 1, 4, 2, 5}));
}

TEST(Espresso, ConcatSliceSplitCrop) {
  const Bottom a{khw(1, 1, 2), {1, 2}}, b{khw(2, 1, 2), {3, 4, 5, 6}};
  EXPECT_EQ(OneLayer("concat", {}, {a, b}, {khw(3, 1, 2)}).run(), (Values{1, 2, 3, 4, 5, 6}));
  const espresso::Shape two{2, 1, 1, 1, 2, {}};
  EXPECT_EQ(OneLayer("sequence_concat", {{"simple_concat", 1}}, {a, a}, {two}).run(), (Values{1, 2, 1, 2}));
  EXPECT_EQ(OneLayer("slice", {{"axis", 2}, {"start", 1}, {"end", 2}}, {b}, {khw(1, 1, 2)}).run(),
            (Values{5, 6}));
  EXPECT_EQ(OneLayer("slice", {{"axis", 0}, {"start", 0}, {"end", -1}}, {b}, {khw(2, 1, 1)}).run(),
            (Values{3, 5}));
  const OneLayer split("split_nd", {{"nd_axis", -1}}, {b}, {khw(2, 1, 1), khw(2, 1, 1)});
  EXPECT_EQ(split.run("y0"), (Values{3, 5}));
  EXPECT_EQ(split.run("y1"), (Values{4, 6}));
  EXPECT_EQ(OneLayer("crop", {{"t", 1}, {"b", 0}, {"l", 0}, {"r", 1}}, {{khw(1, 2, 2), {1, 2, 3, 4}}},
                     {khw(1, 1, 1)})
                .run(),
            Values{3});
}

TEST(Espresso, Constant) {
  EXPECT_EQ(OneLayer("load_constant", {{"constant_blob", 1}}, {}, {khw(2, 1, 1)}).blob(1, {7, 8}).run(),
            (Values{7, 8}));
}

// ---- Whole networks ----

// y = scale * x + bias of its colour; a BGR network has blue first.
TEST(Espresso, ImagesAreTransformed) {
  OneLayer layer("copy", {}, {{khw(3, 1, 1), {10, 20, 30}}}, {khw(3, 1, 1)});
  layer.net.transforms["a"] = {0.5, 1, 2, 3, 0, false, false};
  EXPECT_EQ(layer.run(), (Values{6, 12, 18}));
  layer.net.transforms["a"].network_is_bgr = true;
  EXPECT_EQ(layer.run(), (Values{8, 12, 16}));
  layer.net.transforms["a"].center_mean = true;
  EXPECT_NE(layer.refusal().find("center_mean"), std::string::npos);
}

void expect_refused(const OneLayer& layer, const std::string& part) {
  const std::string refusal = layer.refusal();
  EXPECT_NE(refusal.find(part), std::string::npos) << "'" << refusal << "' where '" << part << "' belongs";
  EXPECT_TRUE(refusal.starts_with("test.espresso.net: layer layer")) << refusal;
}

// What the format leaves open, and what does not fit together.
TEST(Espresso, BadLayersAreRefused) {
  const Bottom input{khw(1, 1, 2), {1, 2}};
  const espresso::Shape same = khw(1, 1, 2);
  const auto layer = [&](const std::string& type, const json& attributes) {
    return OneLayer(type, attributes, {input}, {same});
  };
  expect_refused(layer("rnn_arch", {}), "no definition");
  expect_refused(layer("activation", {{"mode", 4}}), "unknown mode 4");
  expect_refused(layer("elementwise", {{"operation", 28}}), "unknown operation 28");
  expect_refused(layer("reduce", {{"mode", 7}}), "unknown mode 7");
  expect_refused(layer("softmax", {{"C", 9}}), "no code of an axis");
  expect_refused(layer("softmax_nd", {{"nd_axis", 5}}), "outside of rank 5");
  expect_refused(layer("pool", {{"avg_or_max", 3}}), "avg_or_max");
  expect_refused(layer("pool", {{"avg_or_max", 1}, {"size_x", 3}, {"pad_mode", 2}}), "declared");
  expect_refused(layer("slice", {{"axis", 0}, {"start", 2}, {"end", 2}}), "a slice 2..2 of 2");
  expect_refused(layer("transpose", {{"axis_w", 1}}), "not a permutation");
  expect_refused(layer("reshape", {{"dst_k", -1}, {"dst_w", -1}}), "two lengths");
  expect_refused(layer("reshape", {{"dst_k", 3}, {"dst_w", -1}}), "more elements");
  expect_refused(layer("crop", {{"l", 2}}), "nothing is left");
  expect_refused(layer("upsample", {{"scaling_factor_x", 0}}), "scaling factor");
  expect_refused(layer("general_padding", {{"pad_l", 2}, {"pad_pad_mode", 1}}), "reflection");
  expect_refused(layer("general_padding", {{"pad_l", 1 << 30}}), "pad_l is");
  expect_refused(layer("general_padding", {{"pad_l", 1}}), "where the shape file declares");
  expect_refused(layer("inner_product", {{"nB", 3}, {"nC", 1}, {"blob_weights", 1}}), "vectors of 3");
  expect_refused(layer("inner_product", {{"nB", 2}, {"nC", 2}, {"is_lookup", 1}}), "embedding");
  const json convolution = {{"C", 1}, {"K", 1}, {"blob_weights", 1}};
  expect_refused(layer("convolution", convolution), "blob 1");
  expect_refused(layer("convolution", {{"C", 1}, {"K", 1}}), "unknown form");
  expect_refused(layer("convolution", {{"C", 1}, {"K", 2}}), "K is not");
  expect_refused(layer("convolution", {{"C", 1}, {"n_groups", 2}}), "groups");
  expect_refused(layer("convolution", {{"C", 1}, {"Nx", 3}, {"pad_mode", 1}, {"pad_fill_mode", 1}}), "zeros");
  expect_refused(layer("convolution", {{"C", 1}, {"Nx", 3}}), "larger than the padded input");
  OneLayer wrong = layer("copy", {});
  wrong.inputs["a"] = {1};
  EXPECT_NE(wrong.refusal().find("1 values are given where 2"), std::string::npos);
}

}  // namespace
}  // namespace ane::reference
