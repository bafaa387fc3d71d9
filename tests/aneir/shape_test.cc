// Shape rules against sizes worked out by hand (or known from published networks), and the named refusals.
#include <gtest/gtest.h>

#include "aneir/network.h"
#include "base/error.h"

namespace ane::aneir {
namespace {

Constant values(int64_t count) {
  return Constant::of_floats(std::vector<float>(static_cast<size_t>(count), 1.0f));
}

Shape shape_of(const Params& params, const std::vector<Shape>& bottoms) {
  return result_shape(params, bottoms, "unit");
}

std::string refusal_of(const Params& params, const std::vector<Shape>& bottoms) {
  try {
    result_shape(params, bottoms, "unit");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

Conv conv(int64_t outputs, int64_t inputs_per_group, int kernel) {
  Conv result;
  result.output_channels = outputs;
  result.kernel_width = result.kernel_height = kernel;
  result.weights = values(outputs * inputs_per_group * kernel * kernel);
  return result;
}

#define EXPECT_REFUSED(params, bottoms, words) \
  EXPECT_NE(refusal_of(params, bottoms).find(words), std::string::npos) << refusal_of(params, bottoms)

using Shapes = std::vector<Shape>;

TEST(Shape, TextShowsDepthOnlyWhenThere) {
  EXPECT_EQ((Shape{1, 1, 3, 224, 225}.text()), "1x3x224x225");
  EXPECT_EQ((Shape{2, 5, 3, 4, 6}.text()), "2x5x3x4x6");
}

TEST(Shape, ConvolutionOfImageNetStem) {
  // ResNet: 224x224, 7x7 kernel, stride 2, 3 rows of padding: 112x112.
  Conv stem = conv(64, 3, 7);
  stem.stride_x = stem.stride_y = 2;
  stem.pad_left = stem.pad_right = stem.pad_top = stem.pad_bottom = 3;
  EXPECT_EQ(shape_of(stem, {Shape{1, 1, 3, 224, 224}}), (Shape{1, 1, 64, 112, 112}));
}

TEST(Shape, ConvolutionAxesAreIndependent) {
  Conv unit = conv(8, 4, 1);
  unit.kernel_width = 5;   // width 20 + 1 - (2*4 + 1) = 12, /3 -> 4, +1 -> 5
  unit.kernel_height = 2;  // height 9 - 2 = 7, +1 -> 8
  unit.dilation_x = 2;
  unit.stride_x = 3;
  unit.pad_right = 1;
  unit.weights = values(8 * 4 * 5 * 2);
  EXPECT_EQ(shape_of(unit, {Shape{3, 2, 4, 9, 20}}), (Shape{3, 2, 8, 8, 5}));
}

TEST(Shape, DeconvolutionOfWaifu2xUpscaler) {
  // The published network: 256 channels of 144x144, 4x4 kernel, stride 2, padding 3: 284x284.
  Conv unit = conv(3, 256, 4);
  unit.transposed = true;
  unit.stride_x = unit.stride_y = 2;
  unit.pad_left = unit.pad_right = unit.pad_top = unit.pad_bottom = 3;
  EXPECT_EQ(shape_of(unit, {Shape{1, 1, 256, 144, 144}}), (Shape{1, 1, 3, 284, 284}));
}

TEST(Shape, DepthwiseWeightsHaveOneInputChannel) {
  Conv unit = conv(32, 1, 3);
  unit.groups = 32;
  EXPECT_EQ(shape_of(unit, {Shape{1, 1, 32, 5, 5}}), (Shape{1, 1, 32, 3, 3}));
}

TEST(Shape, BadConvolutions) {
  const Shapes input = {Shape{1, 1, 4, 5, 5}};
  EXPECT_REFUSED(conv(2, 3, 1), input, "weights hold 6 values where 8 are needed");
  EXPECT_REFUSED(conv(2, 4, 6), input, "kernel height reaches over 6 elements, the padded input has 5");
  Conv unit = conv(2, 4, 1);
  unit.groups = 3;
  EXPECT_REFUSED(unit, input, "input/output channels should be divisible by num group");
  unit = conv(2, 4, 1);
  unit.stride_x = 0;
  EXPECT_REFUSED(unit, input, "Invalid step width = 0, It should be in [1,65536]");
  unit = conv(2, 4, 1);
  unit.kernel_height = 0;
  EXPECT_REFUSED(unit, input, "Invalid conv kernel height = 0");
  unit = conv(2, 4, 1);
  unit.bias = values(3);
  EXPECT_REFUSED(unit, input, "biases hold 3 values where 2 are needed");
  unit = conv(2, 4, 1);
  unit.output_channels = int64_t{1} << 40;
  EXPECT_REFUSED(unit, input, "output channels");
  EXPECT_REFUSED(conv(2, 4, 1), Shapes{}, "reads one tensor, not 0");
}

TEST(Shape, BadConvolutionOfHugeTensors) {
  Conv unit = conv(4, 4, 1);
  unit.output_channels = max_axis;
  unit.kernel_width = unit.kernel_height = max_window;
  unit.pad_left = unit.pad_top = max_window;
  EXPECT_REFUSED(unit, (Shapes{Shape{1, 1, max_axis, 16, 16}}), "weights hold 16 values");
}

TEST(Shape, PoolingCountsOverhangingWindows) {
  Pooling pool;
  pool.kernel_width = pool.kernel_height = 3;
  pool.stride_x = pool.stride_y = 2;
  EXPECT_EQ(shape_of(pool, {Shape{1, 1, 8, 8, 8}}), (Shape{1, 1, 8, 3, 3}));
  pool.pad_right = pool.pad_bottom = 1;  // SqueezeNet's ceil rule: a fourth window begins at 6
  EXPECT_EQ(shape_of(pool, {Shape{1, 1, 8, 8, 8}}), (Shape{1, 1, 8, 4, 4}));
  pool.pad_left = 3;
  EXPECT_REFUSED(pool, (Shapes{Shape{1, 1, 8, 8, 8}}), "pooling padding must be smaller than the kernel");
}

TEST(Shape, ElementWiseBroadcastsBothWays) {
  EXPECT_EQ(shape_of(ElementWise{}, {Shape{1, 1, 8, 1, 5}, Shape{1, 1, 1, 7, 5}}), (Shape{1, 1, 8, 7, 5}));
  EXPECT_REFUSED(ElementWise{}, (Shapes{Shape{1, 1, 8, 1, 5}, Shape{1, 1, 2, 7, 5}}),
                 "do not broadcast along Channel");
}

TEST(Shape, RearrangingUnits) {
  const Shapes input = {Shape{1, 1, 2, 3, 4}};
  EXPECT_EQ(shape_of(Broadcast{{1, 1, 2, 3, 4}}, {Shape{1, 1, 1, 3, 1}}), (Shape{1, 1, 2, 3, 4}));
  EXPECT_REFUSED((Broadcast{{1, 1, 2, 6, 4}}), input, "cannot broadcast 1x2x3x4 to 1x2x6x4 along Height");
  EXPECT_EQ(shape_of(Concat{Axis::Height}, {input[0], Shape{1, 1, 2, 9, 4}}), (Shape{1, 1, 2, 12, 4}));
  EXPECT_REFUSED(Concat{Axis::Channel}, (Shapes{input[0], Shape{1, 1, 2, 9, 4}}), "same Height");
  EXPECT_REFUSED(Concat{}, input, "at least two");
  EXPECT_EQ(shape_of(Reshape{{1, 1, 24, 1, 1}}, input), (Shape{1, 1, 24, 1, 1}));
  EXPECT_REFUSED((Reshape{{1, 1, 25, 1, 1}}), input, "changes the number of elements");
  const Transpose hwc{{Axis::Batch, Axis::Depth, Axis::Height, Axis::Width, Axis::Channel}};
  EXPECT_EQ(shape_of(hwc, input), (Shape{1, 1, 3, 4, 2}));
  const Transpose twice{{Axis::Batch, Axis::Depth, Axis::Height, Axis::Height, Axis::Channel}};
  EXPECT_REFUSED(twice, input, "every axis once");
  EXPECT_EQ(shape_of(InputView{Axis::Width, 1, 2, 2}, input), (Shape{1, 1, 2, 3, 2}));
  EXPECT_REFUSED((InputView{Axis::Width, 1, 3, 2}), input, "leaves axis Width of 4");
  EXPECT_REFUSED((InputView{Axis::Width, 4, 1, 1}), input, "leaves axis Width of 4");
  EXPECT_REFUSED((InputView{Axis::Width, 0, INT64_MAX, INT64_MAX}), input, "leaves axis Width of 4");
}

TEST(Shape, ReductionsAndConstants) {
  const Shapes input = {Shape{2, 1, 2, 3, 4}};
  EXPECT_EQ(shape_of(Reduction{ReductionType::Max, {Axis::Height, Axis::Width}, {}}, input),
            (Shape{2, 1, 2, 1, 1}));
  EXPECT_REFUSED((Reduction{ReductionType::Max, {}, {}}), input, "over no axis");
  EXPECT_REFUSED((Reduction{ReductionType::Max, {Axis::Width, Axis::Width}, {}}), input, "twice");
  EXPECT_EQ(shape_of(ConstantTensor{{1, 1, 2, 1, 1}, values(2)}, {}), (Shape{1, 1, 2, 1, 1}));
  EXPECT_REFUSED((ConstantTensor{{1, 1, 2, 1, 1}, values(3)}), Shapes{},
                 "constants hold 3 values where 2 are needed");
  Goc goc;
  goc.channel_offset = values(3);
  EXPECT_REFUSED(goc, input, "offsets hold 3 values where 2 are needed");
}

TEST(Shape, BadTensorsAreRefused) {
  EXPECT_REFUSED(Neuron{}, (Shapes{Shape{1, 1, 0, 1, 1}}), "axis Channel has length 0");
  EXPECT_REFUSED(Neuron{}, (Shapes{Shape{1, 1, max_axis, max_axis, max_axis}}), "more than 2^40");
}

// ---- check() ----

Network two_units() {
  Network net;
  net.inputs = {net.add_tensor("x", {1, 1, 4, 5, 5})};
  const TensorId first = net.add_unit("conv", conv(2, 4, 3), {net.inputs[0]}, "layer");
  const TensorId second = net.add_unit("relu", Neuron{}, {first}, "layer");
  net.outputs = {{"y", second}};
  return net;
}

std::string damage_in(const Network& net) {
  std::string message;
  try {
    check(net, "net.plist");
  } catch (const Error& error) {
    message = error.what();
    EXPECT_EQ(message.rfind("net.plist: ", 0), 0u) << message;
  }
  if (!message.empty()) {
    EXPECT_THROW(check(net), InternalError);
  }
  return message;
}

TEST(Check, AcceptsAWholeNetwork) {
  EXPECT_EQ(damage_in(two_units()), "");
}

TEST(Check, FindsEachKindOfDamage) {
  const auto damaged = [](auto damage) {
    Network net = two_units();
    damage(net);
    return damage_in(net);
  };
  const auto has = [](const std::string& text, const char* words) {
    return text.find(words) != std::string::npos;
  };
  EXPECT_TRUE(
      has(damaged([](Network& n) { std::swap(n.units[0], n.units[1]); }), "read before it is produced"));
  EXPECT_TRUE(has(damaged([](Network& n) { n.units[1].top = n.units[0].top; }), "produced twice"));
  EXPECT_TRUE(has(damaged([](Network& n) { n.units[1].bottoms[0] = n.units[1].top; }), "read before"));
  EXPECT_TRUE(has(damaged([](Network& n) { n.units[1].bottoms[0] = 99; }), "does not exist"));
  EXPECT_TRUE(has(damaged([](Network& n) { n.units[1].top = no_tensor; }), "does not exist"));
  EXPECT_TRUE(has(damaged([](Network& n) { n.units[1].bottoms.clear(); }), "reads one tensor, not 0"));
  EXPECT_TRUE(has(damaged([](Network& n) { n.tensors[1].shape.c = 3; }), "gives 1x2x3x3 where 1x3x3x3"));
  EXPECT_TRUE(has(damaged([](Network& n) { n.tensors[0].shape.h = -1; }), "length -1"));
  EXPECT_TRUE(has(damaged([](Network& n) { n.inputs.push_back(n.inputs[0]); }), "produced twice"));
  EXPECT_TRUE(has(damaged([](Network& n) { n.outputs.clear(); }), "without outputs"));
  EXPECT_TRUE(has(damaged([](Network& n) { n.outputs[0].tensor = 7; }), "does not exist"));
  EXPECT_TRUE(has(damaged([](Network& n) { n.units.pop_back(); }), "read before"));
  EXPECT_TRUE(has(damaged([](Network& n) { n.outputs[0].name = ""; }), "without a name"));
  EXPECT_TRUE(
      has(damaged([](Network& n) { n.units[0].as<Conv>()->weights = values(71); }), "weights hold 71"));
}

TEST(Network, ResultTensorsGetUnusedNames) {
  Network net;
  const TensorId x = net.add_tensor("relu", {1, 1, 1, 1, 4});
  const TensorId a = net.add_unit("relu", Neuron{}, {x}, "");
  const TensorId b = net.add_unit("relu", Neuron{}, {a}, "");
  EXPECT_EQ(net.tensor(a).name, "relu_1");
  EXPECT_EQ(net.tensor(b).name, "relu_2");
}

TEST(Constant, DecodesEveryType) {
  const uint16_t halves[] = {0x3c00, 0xc000, 0x7bff};
  const auto span_of = [](const auto& array) {
    return ByteSpan(reinterpret_cast<const uint8_t*>(&array), sizeof(array));
  };
  EXPECT_EQ((Constant{ElementType::Float16, nullptr, span_of(halves)}.floats()),
            (std::vector<float>{1, -2, 65504}));
  const uint8_t bytes[] = {0, 200, 255};
  EXPECT_EQ((Constant{ElementType::UInt8, nullptr, span_of(bytes)}.floats()),
            (std::vector<float>{0, 200, 255}));
  EXPECT_EQ((Constant{ElementType::Int8, nullptr, span_of(bytes)}.floats()),
            (std::vector<float>{0, -56, -1}));
  EXPECT_EQ(Constant::of_floats({1.5f, -3}).floats(), (std::vector<float>{1.5f, -3}));
}

}  // namespace
}  // namespace ane::aneir
