// Convolutions beyond the engine's limits, and gain and offset as convolutions.
#include "passes/check.h"

namespace ane::test {
namespace {

TEST(DecomposeConvolution, NativeOnesStay) {
  Net net(chw(4, 9, 9));
  Conv conv = net.conv(6, 3, 3, 2);
  conv.stride_x = conv.stride_y = 2;
  conv.pad_top = 1;
  net.then(conv);
  EXPECT_EQ(types(legalised(net.done())), "Conv");
}

TEST(DecomposeConvolution, StrideThreePicksFromStrideOne) {
  Net net(chw(2, 10, 11));
  Conv conv = net.conv(3, 3, 3);
  conv.stride_x = conv.stride_y = 3;
  net.then(conv);
  EXPECT_EQ(types(legalised(net.done())), "Conv InputView Transpose InputView Transpose");
}

TEST(DecomposeConvolution, StrideFourUsesStrideTwo) {
  Net net(chw(2, 17, 17));
  Conv conv = net.conv(3, 3, 3);
  conv.stride_x = conv.stride_y = 4;
  net.then(conv);
  const Network result = legalised(net.done());
  EXPECT_EQ(result.units[0].as<Conv>()->stride_x, 2);
}

TEST(DecomposeConvolution, UnequalStrides) {
  Net net(chw(2, 9, 8));
  Conv conv = net.conv(3, 3, 2);
  conv.stride_x = 1, conv.stride_y = 2;
  conv.pad_bottom = 1;
  conv.activation = Neuron{};
  net.then(conv);
  EXPECT_EQ(types(legalised(net.done())), "Conv InputView");
}

TEST(DecomposeConvolution, OneTapIsStridedByItsInput) {
  Net net(chw(2, 9, 7));
  Conv conv = net.conv(3, 1, 1);
  conv.stride_x = 1, conv.stride_y = 3;
  net.then(conv);
  EXPECT_EQ(types(legalised(net.done())), "InputView Conv");
}

TEST(DecomposeConvolution, DilationIsZerosInTheKernel) {
  Net net(chw(2, 9, 9));
  Conv conv = net.conv(3, 3, 3);
  conv.dilation_x = 3, conv.dilation_y = 2;
  conv.pad_left = conv.pad_right = 3, conv.pad_top = conv.pad_bottom = 2;
  net.then(conv);
  const Network result = legalised(net.done());
  ASSERT_EQ(types(result), "Conv");
  EXPECT_EQ(result.units[0].as<Conv>()->kernel_width, 7);
  EXPECT_EQ(result.units[0].as<Conv>()->kernel_height, 5);
}

TEST(DecomposeConvolution, WideKernelsAreTurned) {
  Net net(chw(2, 3, 20));
  Conv conv = net.conv(3, 1, 9);
  conv.bias = net.constant(3);
  net.then(conv);
  EXPECT_EQ(types(legalised(net.done())), "Transpose Conv Transpose");
}

TEST(DecomposeConvolution, LargeKernelsAreSums) {
  Net net(chw(2, 24, 24));
  Conv conv = net.conv(3, 17, 11);
  conv.bias = net.constant(3);
  conv.activation = Neuron{};
  conv.pad_left = conv.pad_right = 5, conv.pad_top = 8;
  net.then(conv);
  const Network result = legalised(net.done());
  EXPECT_EQ(count_of<Conv>(result), 4);
  EXPECT_EQ(count_of<ElementWise>(result), 3);
  EXPECT_EQ(count_of<Neuron>(result), 0);
}

TEST(DecomposeConvolution, PaddingBeyondTheField) {
  Net net(chw(2, 3, 4));
  Conv conv = net.conv(1, 3, 3);
  conv.pad_left = 33, conv.pad_top = 40;
  net.then(conv);
  legalised(net.done());
}

TEST(DecomposeConvolution, RandomOnes) {
  std::mt19937 random(5);
  const auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  for (int i = 0; i < 300; ++i) {
    EngineFacts small = engine();
    small.max_kernel_width = 3, small.max_kernel_height = 4, small.max_padding = 2;
    Conv shape;
    shape.kernel_height = draw(1, 6), shape.kernel_width = draw(1, 6);
    shape.dilation_x = draw(1, 3), shape.dilation_y = draw(1, 3);
    const int high = (shape.kernel_height - 1) * shape.dilation_y + 1,
              wide = (shape.kernel_width - 1) * shape.dilation_x + 1;
    Net net(chw(2, high + draw(0, 5), wide + draw(0, 5), draw(1, 2)), static_cast<unsigned>(i));
    Conv conv = net.conv(4, shape.kernel_height, shape.kernel_width, draw(1, 2));
    conv.dilation_x = shape.dilation_x, conv.dilation_y = shape.dilation_y;
    conv.stride_x = draw(1, 4), conv.stride_y = draw(1, 4);
    conv.pad_left = draw(0, 4), conv.pad_right = draw(0, 4), conv.pad_top = draw(0, 4),
    conv.pad_bottom = draw(0, 4);
    if (draw(0, 1)) conv.bias = net.constant(4);
    if (draw(0, 1)) conv.activation = Neuron{draw(0, 1) ? NeuronType::ReLU : NeuronType::Sigmoid, 0, 0, 1};
    net.then(conv);
    SCOPED_TRACE(i);
    legalised(net.done(), small);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(DecomposeGoc, SimpleOnesStay) {
  Net net(chw(3, 2, 2));
  net.then(Goc{2, 0, {}, {}});
  net.then(Goc{1, -3, {}, {}});
  EXPECT_EQ(types(legalised(net.done())), "GOC GOC");
}

TEST(DecomposeGoc, OthersAreDepthwiseConvolutions) {
  Net net(chw(3, 2, 2));
  net.then(Goc{2, 1, {}, {}});
  EXPECT_EQ(types(after(passes::decompose_goc, net.done())), "Conv");
  Net channels(chw(3, 2, 2));
  channels.then(Goc{3, 0, {}, channels.constant(3)});
  channels.then(Goc{1, 2, channels.constant(3), {}});
  EXPECT_EQ(types(after(passes::decompose_goc, channels.done())), "Conv Conv");
}

}  // namespace
}  // namespace ane::test
