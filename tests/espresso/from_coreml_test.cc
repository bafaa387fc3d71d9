#include "espresso/from_coreml.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "base/error.h"
#include "base/half.h"
#include "espresso/files.h"
#include "net_equality.h"
#include "support/model_builder.h"
#include "temporary_folder.h"

namespace ane::espresso {
namespace {

using test::ModelBuilder;
namespace spec = CoreML::Specification;

Net translate(const ModelBuilder& model) {
  return from_coreml(coreml::read_model(model.bytes(), "test.mlmodel"));
}

std::vector<float> floats(const Net& net, int64_t id) {
  const ByteSpan bytes = net.blob(id, "").bytes;
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::vector<float> floats(const Net& net, const Layer& layer, const char* key) {
  return floats(net, layer.integer(key, ""));
}

// "TYPE(BOTTOMS)->TOPS", one layer after the other.
std::string structure(const Net& net) {
  std::string text;
  for (const Layer& layer : net.layers) {
    text += (text.empty() ? "" : " ") + layer.type + "(";
    for (const std::string& bottom : layer.bottoms)
      text += (&bottom == &layer.bottoms[0] ? "" : ",") + bottom;
    text += ")->";
    for (const std::string& top : layer.tops) text += (&top == &layer.tops[0] ? "" : ",") + top;
  }
  return text;
}

// A model of one layer "y" that reads "x" [4, 6, 8].
struct OneLayer {
  ModelBuilder model{5};
  spec::NeuralNetworkLayer* layer = nullptr;

  OneLayer() {
    model.array_input("x", {4, 6, 8});
    model.array_output("y");
    layer = model.layer("y", {"x"});
  }
};

// ---- Fusion
// ----------------------------------------------------------------------------------------------------------

// Two output channels of a 1x1 kernel; with epsilon 1 the roots are 2 and 1, so s = 1.5 and 0.5.
struct Folding {
  ModelBuilder model;
  spec::BatchnormLayerParams* batchnorm;

  explicit Folding(bool half_weights = false) {
    model.array_input("x", {1, 2, 2});
    model.convolution("conv", "x",
                      {.out = 2,
                       .in = 1,
                       .kernel_h = 1,
                       .kernel_w = 1,
                       .half_weights = half_weights,
                       .weights = {2, 4},
                       .bias = {1, -1}});
    batchnorm = model.batchnorm("bn", "conv", {3, 0.5}, {10, 20}, {1, 2}, {3, 0});
    batchnorm->set_epsilon(1);
    model.relu("relu", "bn");
    model.array_output("relu");
  }
};

TEST(Fusion, BatchnormAndReluDisappearInTheConvolution) {
  const Net net = translate(Folding().model);
  ASSERT_EQ(structure(net), "convolution(x)->relu");
  const Layer& layer = net.layers[0];
  EXPECT_EQ(layer.name, "conv");
  EXPECT_EQ(layer.integer("fused_relu", ""), 1);
  EXPECT_EQ(layer.integer("has_biases", ""), 1);
  EXPECT_EQ(layer.integer("blob_biases", ""), 1);
  EXPECT_EQ(layer.integer("blob_weights", ""), 3);
  EXPECT_EQ(floats(net, 3), (std::vector<float>{3, 2}));
  EXPECT_EQ(floats(net, 1), (std::vector<float>{10, 18.5}));  // beta + (b - mean) s
  EXPECT_EQ(net.shapes.size(), 2u);
}

TEST(Fusion, HalvesStayHalves) {
  const Net net = translate(Folding(true).model);
  const ByteSpan bytes = net.blob(net.layers[0].integer("blob_weights_f16", ""), "").bytes;
  ASSERT_EQ(bytes.size(), 4u);
  EXPECT_EQ(bytes[0] | bytes[1] << 8, to_half(3).bits);
  EXPECT_EQ(bytes[2] | bytes[3] << 8, to_half(2).bits);
}

TEST(Fusion, NotWhenSomebodyElseReadsTheBlob) {
  Folding folding;
  folding.model.layer("other", {"conv"})->mutable_softmax();
  EXPECT_EQ(structure(translate(folding.model)),
            "convolution(x)->conv batchnorm(conv)->bn activation(bn)->relu softmax(conv)->other");
}

TEST(Fusion, NotWhenTheBlobIsAResult) {
  Folding folding;
  folding.model.array_output("bn");
  const Net net = translate(folding.model);
  EXPECT_EQ(structure(net), "convolution(x)->bn activation(bn)->relu");
  EXPECT_EQ(net.outputs(), (std::vector<std::string>{"bn", "relu"}));
  EXPECT_EQ(net.layers[0].integer("fused_relu", ""), 0);
}

TEST(Fusion, NotWhenTheStatisticsAreComputed) {
  Folding folding;
  folding.batchnorm->set_computemeanvar(true);
  folding.batchnorm->set_instancenormalization(true);
  const Net net = translate(folding.model);
  ASSERT_EQ(structure(net), "convolution(x)->conv batchnorm(conv)->bn activation(bn)->relu");
  EXPECT_EQ(net.layers[1].integer("training_instancenorm", ""), 1);
  EXPECT_EQ(net.layers[1].number_or("training_eps", 0, ""), 1);
}

TEST(Fusion, ReluAfterInnerProduct) {
  ModelBuilder model;
  model.array_input("x", {3});
  model.inner_product("fc", "x", 3, 2, {1, 2, 3, 4, 5, 6}, {0.5f, -0.5f});
  model.relu("relu", "fc");
  model.array_output("relu");
  const Net net = translate(model);
  ASSERT_EQ(structure(net), "inner_product(x)->relu");
  const Layer& layer = net.layers[0];
  EXPECT_EQ(layer.integer("has_relu", ""), 1);
  EXPECT_EQ(layer.integer("nB", ""), 3);
  EXPECT_EQ(layer.integer("nC", ""), 2);
  EXPECT_EQ(floats(net, layer, "blob_weights"), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(floats(net, layer, "blob_biases"), (std::vector<float>{0.5f, -0.5f, 0, 0, 0, 0, 0, 0}));
}

// ---- Weights
// ---------------------------------------------------------------------------------------------------------

TEST(Weights, FloatsAreNotCopied) {
  ModelBuilder builder;
  builder.array_input("x", {1, 4, 4});
  builder.convolution("y", "x", {.bias = {7}});
  builder.array_output("y");
  coreml::Model model = coreml::read_model(builder.bytes(), "test.mlmodel");
  const Net net = from_coreml(model);
  const auto& source = model.layers[0]->convolution();
  const auto address = [](const auto& array) {
    return reinterpret_cast<const uint8_t*>(array.floatvalue().data());
  };
  EXPECT_EQ(net.blob(3, "").bytes.data(), address(source.weights()));
  EXPECT_EQ(net.blob(1, "").bytes.data(), address(source.bias()));
  model = {};
  EXPECT_EQ(floats(net, 1), std::vector<float>{7});  // the net keeps them alive
}

TEST(Weights, QuantisedOnesAreDecoded) {
  ModelBuilder model(3);
  model.array_input("x", {1, 2, 2});
  auto* params = model.convolution("y", "x", {.out = 2, .kernel_h = 1, .kernel_w = 1, .weights = {0, 0}});
  auto* weights = params->mutable_weights();
  weights->Clear();
  weights->set_rawvalue(std::string("\x02\x05", 2));
  weights->mutable_quantization()->set_numberofbits(8);
  auto* linear = weights->mutable_quantization()->mutable_linearquantization();
  for (const float scale : {0.5f, 2.0f}) linear->add_scale(scale);
  for (const float bias : {1.0f, -3.0f}) linear->add_bias(bias);
  model.array_output("y");
  const Net net = translate(model);
  EXPECT_EQ(floats(net, net.layers[0], "blob_weights"), (std::vector<float>{2, 7}));  // 2*0.5+1, 5*2-3
}

// ---- Windows
// ---------------------------------------------------------------------------------------------------------

void expect_attributes(const Layer& layer, const std::map<std::string, int64_t>& expected) {
  for (const auto& [key, value] : expected)
    EXPECT_EQ(layer.integer_or(key, -1, ""), value) << layer.name << " " << key;
}

TEST(Convolution, AllAttributes) {
  ModelBuilder model;
  model.array_input("x", {4, 20, 30});
  model.convolution("y", "x",
                    {.out = 6,
                     .in = 4,
                     .kernel_h = 3,
                     .kernel_w = 5,
                     .stride_h = 2,
                     .stride_w = 3,
                     .dilation_h = 4,
                     .groups = 2,
                     .top = 1,
                     .bottom = 2,
                     .left = 3,
                     .right = 4});
  model.array_output("y");
  const Net net = translate(model);
  expect_attributes(net.layers[0], {{"C", 6},
                                    {"K", 4},
                                    {"n_groups", 2},
                                    {"Nx", 5},
                                    {"Ny", 3},
                                    {"stride_x", 3},
                                    {"stride_y", 2},
                                    {"dilation_x", -1},
                                    {"dilation_y", 4},
                                    {"pad_mode", 0},
                                    {"pad_t", 1},
                                    {"pad_b", 2},
                                    {"pad_l", 3},
                                    {"pad_r", 4},
                                    {"has_biases", 0},
                                    {"blob_biases", -1},
                                    {"blob_weights", 1}});
  // ((20 + 3 - 9) / 2) + 1 = 8 rows, ((30 + 7 - 5) / 3) + 1 = 11 columns
  EXPECT_EQ(net.shape("y"), (Shape{.w = 11, .h = 8, .k = 6}));
}

TEST(Convolution, SamePadding) {
  for (const bool start_heavy : {false, true}) {
    ModelBuilder model;
    model.array_input("x", {1, 5, 6});
    auto* params = model.convolution("y", "x", {.kernel_h = 3, .kernel_w = 4, .stride_w = 2, .same = true});
    if (start_heavy) params->mutable_same()->set_asymmetrymode(spec::SamePadding::TOP_LEFT_HEAVY);
    model.array_output("y");
    const Layer layer = translate(model).layers[0];
    // Three windows of 4 at steps of 2 need 8 of 6 columns; three rows need 7 of 5.
    if (start_heavy)
      expect_attributes(layer, {{"pad_mode", 0}, {"pad_t", 1}, {"pad_b", 1}, {"pad_l", 1}, {"pad_r", 1}});
    else
      expect_attributes(layer, {{"pad_mode", 1}, {"pad_t", 0}, {"pad_b", 0}, {"pad_l", 0}, {"pad_r", 0}});
  }
}

TEST(Convolution, Deconvolution) {
  ModelBuilder model;
  model.array_input("x", {2, 4, 4});
  auto* params = model.convolution("y", "x",
                                   {.out = 3,
                                    .in = 2,
                                    .kernel_h = 4,
                                    .kernel_w = 4,
                                    .stride_h = 2,
                                    .stride_w = 2,
                                    .top = 3,
                                    .bottom = 3,
                                    .left = 3,
                                    .right = 3,
                                    .deconvolution = true});
  model.array_output("y");
  Net net = translate(model);
  EXPECT_EQ(structure(net), "deconvolution(x)->y");
  expect_attributes(net.layers[0],
                    {{"C", 3}, {"K", 2}, {"pad_l", 3}, {"pad_mode", 0}, {"deconv_out_height", -1}});
  params->add_outputshape(9);
  params->add_outputshape(10);
  net = translate(model);
  // 10 rows and columns without cropping: one row too many, cut at the end.
  expect_attributes(
      net.layers[0],
      {{"deconv_out_height", 9}, {"deconv_out_width", 10}, {"pad_t", 0}, {"pad_b", 1}, {"pad_r", 0}});
}

TEST(Pooling, Paddings) {
  const auto pool = [](const test::PoolingOptions& options) {
    ModelBuilder model;
    model.array_input("x", {1, 6, 7});
    model.pooling("y", "x", options);
    model.array_output("y");
    return translate(model).layers[0];
  };
  using Options = test::PoolingOptions;
  expect_attributes(pool({}),
                    {{"avg_or_max", 1}, {"pad_mode", 2}, {"size_x", 2}, {"stride_y", 2}, {"is_global", -1}});
  expect_attributes(pool({.type = spec::PoolingLayerParams::AVERAGE,
                          .kernel_h = 3,
                          .kernel_w = 5,
                          .top = 1,
                          .exclude_padding = true}),
                    {{"avg_or_max", 0},
                     {"pad_mode", 0},
                     {"pad_t", 1},
                     {"pad_b", 0},
                     {"size_y", 3},
                     {"size_x", 5},
                     {"average_count_exclude_padding", 1}});
  expect_attributes(pool({.padding = Options::Same}),
                    {{"pad_mode", 1}, {"average_count_exclude_padding", 0}});
  // Four windows of 2 cover 8 of 7 columns.
  expect_attributes(pool({.padding = Options::IncludeLastPixel}),
                    {{"pad_mode", 0}, {"pad_r", 1}, {"pad_b", 0}, {"pad_l", 0}});
  expect_attributes(pool({.type = spec::PoolingLayerParams::L2, .global = true}),
                    {{"avg_or_max", 2}, {"is_global", 1}, {"size_x", 7}, {"size_y", 6}, {"stride_x", 1}});
}

// ---- Element by element
// ----------------------------------------------------------------------------------------------

TEST(Activation, EveryKindHasItsMode) {
  using Params = spec::ActivationParams;
  struct Case {
    std::function<void(Params*)> set;
    nlohmann::json expected;
  };
  const std::vector<Case> cases = {
      {[](Params* p) { p->mutable_linear()->set_alpha(2), p->mutable_linear()->set_beta(3); },
       {{"mode", 6}, {"alpha", 2}, {"beta", 3}}},
      {[](Params* p) { p->mutable_linear()->set_alpha(1); }, {{"mode", 6}, {"beta", 0}}},
      {[](Params* p) { p->mutable_relu(); }, {{"mode", 0}}},
      {[](Params* p) { p->mutable_leakyrelu()->set_alpha(0.5f); }, {{"mode", 2}, {"alpha", 0.5}}},
      {[](Params* p) { p->mutable_thresholdedrelu()->set_alpha(2); }, {{"mode", 9}, {"alpha", 2}}},
      {[](Params* p) { p->mutable_tanh(); }, {{"mode", 1}}},
      {[](Params* p) { p->mutable_scaledtanh()->set_alpha(2), p->mutable_scaledtanh()->set_beta(0.5f); },
       {{"mode", 5}, {"alpha", 2}, {"beta", 0.5}}},
      {[](Params* p) { p->mutable_sigmoid(); }, {{"mode", 3}}},
      {[](Params* p) {
         p->mutable_sigmoidhard()->set_alpha(0.25f), p->mutable_sigmoidhard()->set_beta(0.5f);
       },
       {{"mode", 7}, {"alpha", 0.25}, {"beta", 0.5}}},
      {[](Params* p) { p->mutable_elu()->set_alpha(1.5f); }, {{"mode", 8}, {"alpha", 1.5}}},
      {[](Params* p) { p->mutable_softsign(); }, {{"mode", 12}}},
      {[](Params* p) { p->mutable_softplus(); }, {{"mode", 10}}},
  };
  for (const Case& test : cases) {
    OneLayer one;
    test.set(one.layer->mutable_activation());
    const Layer layer = translate(one.model).layers.at(0);
    EXPECT_EQ(layer.type, "activation");
    for (const auto& [key, value] : test.expected.items())
      EXPECT_EQ(layer.attributes[key], value) << test.expected;
    EXPECT_EQ(layer.attributes.contains("alpha"), test.expected.contains("alpha")) << test.expected;
  }
}

TEST(Activation, SlopesPerChannel) {
  OneLayer one;
  auto* params = one.layer->mutable_activation()->mutable_prelu();
  test::set_floats(params->mutable_alpha(), {1, 2, 3, 4});
  const Net net = translate(one.model);
  EXPECT_EQ(floats(net, net.layers[0].attributes["weights"]["alpha"]), (std::vector<float>{1, 2, 3, 4}));
  test::set_floats(params->mutable_alpha(), {0.5f, 0.5f, 0.5f, 0.5f});
  const Net uniform = translate(one.model);
  EXPECT_EQ(uniform.layers[0].attributes["alpha"], 0.5);
  EXPECT_TRUE(uniform.blobs.empty());
}

TEST(Activation, ParametricSoftplusIsSoftplusBetweenMultiplications) {
  OneLayer one;
  auto* params = one.layer->mutable_activation()->mutable_parametricsoftplus();
  test::set_floats(params->mutable_alpha(), {2, 2, 2, 2});
  test::set_floats(params->mutable_beta(), {1, 2, 3, 4});
  const Net net = translate(one.model);
  ASSERT_EQ(structure(net), "batchnorm(x)->y_beta activation(y_beta)->y_softplus activation(y_softplus)->y");
  EXPECT_EQ(floats(net, net.layers[0], "blob_batchnorm_params"),
            (std::vector<float>{1, 0, 0, 1, 2, 0, 0, 1, 3, 0, 0, 1, 4, 0, 0, 1}));
  EXPECT_EQ(net.layers[1].attributes["mode"], 10);
  EXPECT_EQ(net.layers[2].attributes["alpha"], 2);
}

TEST(Unary, EveryFunctionHasItsOperation) {
  using Params = spec::UnaryFunctionLayerParams;
  const std::map<Params::Operation, int> operations = {
      {Params::SQRT, 11}, {Params::RSQRT, 12}, {Params::INVERSE, 10}, {Params::POWER, 13},
      {Params::EXP, 27},  {Params::LOG, 26},   {Params::ABS, 24},     {Params::THRESHOLD, 25}};
  for (const auto& [function, operation] : operations) {
    OneLayer one;
    one.layer->mutable_unary()->set_type(function);
    one.layer->mutable_unary()->set_alpha(-6);
    const Layer layer = translate(one.model).layers.at(0);
    EXPECT_EQ(layer.type, "elementwise");
    EXPECT_EQ(layer.attributes["operation"], operation);
    const bool uses_alpha = function == Params::POWER || function == Params::THRESHOLD;
    EXPECT_EQ(layer.attributes["alpha"], uses_alpha ? -6 : 1);
    EXPECT_FLOAT_EQ(static_cast<float>(layer.number_or("eps", 0, "")), function == Params::RSQRT ? 1e-6f : 0);
  }
}

TEST(Unary, ScaleAndShiftComeBefore) {
  OneLayer one;
  auto* params = one.layer->mutable_unary();
  params->set_type(spec::UnaryFunctionLayerParams::INVERSE);
  params->set_shift(2);
  params->set_epsilon(0.5f);
  const Net net = translate(one.model);
  ASSERT_EQ(structure(net), "activation(x)->y_argument elementwise(y_argument)->y");
  EXPECT_EQ(net.layers[0].attributes["beta"], 2);
  EXPECT_FALSE(net.layers[0].attributes.contains("alpha"));  // a scale of 0 in the file means 1
  EXPECT_EQ(net.layers[1].attributes["eps"], 0.5);
}

TEST(Arithmetic, OneTwoAndMoreInputs) {
  ModelBuilder model;
  for (const char* name : {"a", "b", "c"}) model.array_input(name, {2, 3, 4});
  model.layer("plus", {"a"})->mutable_add()->set_alpha(5);
  model.add("sum", {"plus", "b", "c"});
  model.layer("mean", {"sum", "a"})->mutable_average();
  model.array_output("mean");
  const Net net = translate(model);
  EXPECT_EQ(structure(net),
            "elementwise(a)->plus elementwise(plus,b)->sum_first2 elementwise(sum_first2,c)->sum "
            "elementwise(sum,a)->mean_first2 elementwise(mean_first2)->mean");
  EXPECT_EQ(net.layers[0].attributes["operation"], 2);
  EXPECT_EQ(net.layers[0].attributes["alpha"], 5);
  EXPECT_EQ(net.layers[1].attributes["operation"], 0);
  EXPECT_EQ(net.layers[4].attributes["operation"], 3);
  EXPECT_EQ(net.layers[4].attributes["alpha"], 0.5);
  EXPECT_EQ(net.shape("sum_first2"), (Shape{.w = 4, .h = 3, .k = 2}));
}

// ---- Batchnorm, scale, bias
// ------------------------------------------------------------------------------------------

TEST(Batchnorm, EpsilonIsInTheVariance) {
  ModelBuilder model;
  model.array_input("x", {2, 1, 1});
  model.batchnorm("y", "x", {1, 2}, {3, 4}, {5, 6}, {7, 8})->set_epsilon(0.5f);
  model.array_output("y");
  const Net net = translate(model);
  EXPECT_EQ(floats(net, net.layers[0], "blob_batchnorm_params"),
            (std::vector<float>{1, 3, 5, 7.5f, 2, 4, 6, 8.5f}));
  expect_attributes(net.layers[0], {{"C", 2}, {"training", 0}, {"training_eps", 0}});
}

Net scaled(const std::vector<int64_t>& shape, const std::vector<float>& scale,
           const std::vector<int64_t>& bias_shape, const std::vector<float>& bias) {
  ModelBuilder model;
  model.array_input("x", {2, 1, 3});
  auto* params = model.scale("y", "x", shape, scale);
  if (!bias.empty()) {
    params->set_hasbias(true);
    for (const int64_t size : bias_shape) params->add_shapebias(static_cast<uint64_t>(size));
    test::set_floats(params->mutable_bias(), bias);
  }
  model.array_output("y");
  return translate(model);
}

TEST(Scale, ScalarIsALinearActivation) {
  const Net net = scaled({1}, {2}, {1}, {3});
  ASSERT_EQ(structure(net), "activation(x)->y");
  EXPECT_EQ(net.layers[0].attributes["mode"], 6);
  EXPECT_EQ(net.layers[0].attributes["alpha"], 2);
  EXPECT_EQ(net.layers[0].attributes["beta"], 3);
}

TEST(Scale, PerChannelIsABatchnorm) {
  const Net net = scaled({2}, {2, 4}, {1}, {3});
  ASSERT_EQ(structure(net), "batchnorm(x)->y");
  EXPECT_EQ(floats(net, net.layers[0], "blob_batchnorm_params"),
            (std::vector<float>{2, 3, 0, 1, 4, 3, 0, 1}));
}

TEST(Scale, PlanesAreConstants) {
  const Net net = scaled({2, 1, 3}, {1, 2, 3, 4, 5, 6}, {2}, {7, 8});
  ASSERT_EQ(structure(net),
            "load_constant()->y_factor elementwise(x,y_factor)->y_scaled batchnorm(y_scaled)->y");
  EXPECT_EQ(floats(net, net.layers[0], "constant_blob"), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  expect_attributes(net.layers[0], {{"k", 2}, {"h", 1}, {"w", 3}, {"n", 1}});
  EXPECT_EQ(net.shape("y_factor"), (Shape{.w = 3, .k = 2}));
  EXPECT_EQ(net.inputs(), std::vector<std::string>{"x"});
}

TEST(Bias, PerChannel) {
  OneLayer one;
  one.layer->mutable_bias()->add_shape(4);
  test::set_floats(one.layer->mutable_bias()->mutable_bias(), {1, 2, 3, 4});
  const Net net = translate(one.model);
  ASSERT_EQ(structure(net), "batchnorm(x)->y");
  EXPECT_EQ(floats(net, net.layers[0], "blob_batchnorm_params"),
            (std::vector<float>{1, 1, 0, 1, 1, 2, 0, 1, 1, 3, 0, 1, 1, 4, 0, 1}));
}

// ---- Structure
// -------------------------------------------------------------------------------------------------------

TEST(Structure, ReshapeFlattenSoftmaxConcat) {
  ModelBuilder model;
  model.array_input("x", {4, 6, 8});
  model.reshape("r", "x", {2, -1, 8});
  model.flatten("f", "r");
  model.concat("c", {"f", "f"});
  model.softmax("y", "c");
  model.array_output("y");
  const Net net = translate(model);
  EXPECT_EQ(structure(net), "reshape(x)->r flatten(r)->f concat(f,f)->c softmax(c)->y");
  expect_attributes(net.layers[0],
                    {{"dst_seq", 1}, {"dst_n", 0}, {"dst_k", 2}, {"dst_h", -1}, {"dst_w", 8}, {"mode", 0}});
  expect_attributes(net.layers[1], {{"mode", 0}, {"nd_axis", 0}});
  expect_attributes(net.layers[3], {{"C", 2}});
  EXPECT_EQ(net.shape("r"), (Shape{.w = 8, .h = 12, .k = 2}));
  EXPECT_EQ(net.shape("y"), (Shape{.k = 384}));
}

// Measured in a compiled network: [0, 2, 3, 1] is axis_k 1, axis_h 0, axis_w 2.
TEST(Structure, Permute) {
  ModelBuilder model;
  model.array_input("x", {33, 24, 38});
  model.permute("y", "x", {0, 2, 3, 1});
  model.array_output("y");
  const Net net = translate(model);
  expect_attributes(net.layers[0],
                    {{"axis_seq", 4}, {"axis_n", 3}, {"axis_k", 1}, {"axis_h", 0}, {"axis_w", 2}});
  EXPECT_EQ(net.shape("y"), (Shape{.w = 33, .h = 38, .k = 24}));
}

// Measured in another: [1, 128, 128, 1] by [0, 3, 1, 2] is axis_k 0, axis_h 2, axis_w 1.
TEST(Structure, TransposeOfExactRank) {
  ModelBuilder model(4);
  model.exact_rank();
  model.array_input("x", {1, 128, 64, 5});
  auto* params = model.layer("y", {"x"})->mutable_transpose();
  for (const uint64_t axis : {0u, 3u, 1u, 2u}) params->add_axes(axis);
  model.array_output("y");
  const Net net = translate(model);
  expect_attributes(net.layers[0],
                    {{"axis_seq", 4}, {"axis_n", 3}, {"axis_k", 0}, {"axis_h", 2}, {"axis_w", 1}});
  EXPECT_EQ(net.shape("x"), (Shape{.w = 5, .h = 64, .k = 128, .rank = 4}));
  EXPECT_EQ(net.shape("y"), (Shape{.w = 64, .h = 128, .k = 5, .rank = 4}));
}

TEST(Structure, SliceCountsFromTheStart) {
  OneLayer one;
  auto* params = one.layer->mutable_slice();
  params->set_axis(spec::SliceLayerParams::HEIGHT_AXIS);
  params->set_startindex(-4);
  params->set_endindex(-1);
  params->set_stride(1);
  const Net net = translate(one.model);
  expect_attributes(net.layers[0], {{"axis", 1}, {"start", 2}, {"end", 5}});
}

TEST(Structure, AResultBesideOthersGetsALayerOfItsOwn) {
  ModelBuilder model;
  model.array_input("x", {4, 1, 1});
  model.layer("split", {"x"}, {"a", "b"})->mutable_split()->set_noutputs(2);
  model.softmax("y", "b");
  model.array_output("a");
  model.array_output("y");
  const Net net = translate(model);
  EXPECT_EQ(structure(net), "split_nd(x)->a_part,b elementwise(a_part)->a softmax(b)->y");
  EXPECT_EQ(net.outputs(), (std::vector<std::string>{"a", "y"}));
}

TEST(Reduce, OverHeightIsAPool) {
  OneLayer one;
  auto* params = one.layer->mutable_reduce();
  params->set_mode(spec::ReduceLayerParams::SUM);
  params->set_axis(spec::ReduceLayerParams::H);
  Net net = translate(one.model);
  ASSERT_EQ(structure(net), "pool(x)->y_pooled elementwise(y_pooled)->y");
  expect_attributes(net.layers[0], {{"avg_or_max", 0}, {"size_y", 6}, {"size_x", 1}});
  EXPECT_EQ(net.layers[1].attributes["alpha"], 6);
  params->set_axis(spec::ReduceLayerParams::C);
  net = translate(one.model);
  expect_attributes(net.layers.at(0), {{"mode", 0}, {"axis_mode", 4}});
}

// ---- Images
// ----------------------------------------------------------------------------------------------------------

TEST(Images, BiasesGoByColour) {
  for (const auto color :
       {spec::ImageFeatureType::RGB, spec::ImageFeatureType::BGR, spec::ImageFeatureType::GRAYSCALE}) {
    ModelBuilder model;
    model.image_input("x", 4, 2, color);
    auto* scaler = model.scaler("x", 0.5f);
    scaler->set_redbias(1), scaler->set_greenbias(2), scaler->set_bluebias(3), scaler->set_graybias(4);
    model.softmax("y", "x");
    model.array_output("y");
    const Net net = translate(model);
    const ImageTransform& transform = net.transforms.at("x");
    const bool gray = color == spec::ImageFeatureType::GRAYSCALE;
    EXPECT_EQ(transform.scale, 0.5);
    EXPECT_EQ(transform.bias_r, gray ? 4 : 1);
    EXPECT_EQ(transform.bias_g, gray ? 4 : 2);
    EXPECT_EQ(transform.bias_b, gray ? 4 : 3);
    EXPECT_EQ(transform.network_is_bgr, color == spec::ImageFeatureType::BGR);
    EXPECT_EQ(net.shape("x"), (Shape{.w = 4, .h = 2, .k = gray ? 1 : 3}));
  }
}

// ---- Files, refusals
// -------------------------------------------------------------------------------------------------

TEST(Translation, SurvivesItsFiles) {
  Folding folding;
  folding.model.scale("scaled", "relu", {2}, {0.1f, 0.7f});
  folding.model.array_output("scaled");
  const Net net = translate(folding.model);
  const test::TemporaryFolder folder;
  write_folder(net, folder.path());
  test::expect_equal_nets(net, read_folder(folder.path()));
}

std::string refusal(const ModelBuilder& model) {
  try {
    translate(model);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(BadTranslation, NamesEveryLayerThatHasNoForm) {
  ModelBuilder model(5);
  model.exact_rank();
  model.array_input("x", {4, 6, 8});
  model.layer("order", {"x"})->mutable_argsort()->set_axis(1);
  model.array_input("lengths", {4});
  model.layer("turned", {"x", "lengths"})->mutable_reverseseq()->set_sequenceaxis(1);
  model.array_output("order");
  model.array_output("turned");
  const std::string message = refusal(model);
  EXPECT_NE(message.find("order (argSort): the engine does not sort"), std::string::npos) << message;
  EXPECT_NE(message.find("turned (reverseSeq): the engine does not move elements"), std::string::npos)
      << message;
}

// A few bytes a layer that ask for 64 MiB each.
TEST(BadTranslation, SmallFilesThatAskForAllMemory) {
  ModelBuilder model(5);
  model.exact_rank();
  model.array_input("x", {1, 1});
  for (int i = 0; i < 500; ++i) {
    auto& params = *model.layer("fill" + std::to_string(i), {})->mutable_fillstatic();
    params.add_targetshape(4096);
    params.add_targetshape(4096);
  }
  auto& pad = *model.layer("pad", {"x"})->mutable_constantpad();
  for (const uint64_t amount : {1u << 20, 0u, 0u, 0u}) pad.add_padamounts(amount);
  model.array_output("pad");
  EXPECT_NE(refusal(model).find("constants that are in no file"), std::string::npos) << refusal(model);
}

TEST(BadTranslation, NumbersThatJsonCannotHold) {
  OneLayer one;
  one.layer->mutable_activation()->mutable_leakyrelu()->set_alpha(std::numeric_limits<float>::infinity());
  EXPECT_NE(refusal(one.model).find("not a finite number"), std::string::npos) << refusal(one.model);
}

TEST(BadTranslation, NamesThatTheFormatCannotHold) {
  ModelBuilder model;
  model.array_input("a,b", {2, 1, 1});
  model.softmax("y", "a,b");
  model.array_output("y");
  EXPECT_NE(refusal(model).find("comma"), std::string::npos) << refusal(model);
}

}  // namespace
}  // namespace ane::espresso
