// What happens to padding and to convolutions that paint: before and after each pass alone.
#include "passes/check.h"
#include "passes/rewrite.h"

namespace ane::test {
namespace {

// A border of zeros, as importers write it.
Conv border(int64_t channels, int top, int bottom, int left, int right) {
  Conv conv = passes::depthwise(channels, 1, 1, 1);
  conv.pad_top = top, conv.pad_bottom = bottom, conv.pad_left = left, conv.pad_right = right;
  return conv;
}

TEST(MergePadding, GoesIntoTheConvolutionBehind) {
  Net net(chw(3, 5, 7));
  net.then(border(3, 1, 2, 0, 3));
  Conv conv = net.conv(4, 3, 3);
  conv.pad_top = 1, conv.pad_left = 1, conv.stride_x = conv.stride_y = 2;
  net.then(conv);
  const Network result = after(passes::merge_padding, net.done());
  ASSERT_EQ(types(result), "Conv");
  const Conv& merged = *result.units[0].as<Conv>();
  EXPECT_EQ(merged.pad_top, 2);
  EXPECT_EQ(merged.pad_bottom, 2);
  EXPECT_EQ(merged.pad_left, 1);
  EXPECT_EQ(merged.pad_right, 3);
}

TEST(MergePadding, StaysBeforeWhatPaintsAndBehindWhatScales) {
  Net painting(chw(3, 5, 7));
  painting.then(border(3, 1, 1, 1, 1));
  Conv transposed = painting.conv(3, 2, 2);
  transposed.transposed = true;
  painting.then(transposed);
  EXPECT_EQ(types(after(passes::merge_padding, painting.done())), "Conv Conv");

  Net scaling(chw(3, 5, 7));
  Conv twice = border(3, 1, 1, 1, 1);
  twice.weights = Constant::of_floats({2, 2, 2});
  scaling.then(twice);
  scaling.then(scaling.conv(4, 3, 3));
  EXPECT_EQ(types(after(passes::merge_padding, scaling.done())), "Conv Conv");
}

TEST(MergePadding, StaysWhereTheBorderItselfIsAResult) {
  Net net(chw(3, 5, 7));
  const TensorId padded = net.then(border(3, 1, 1, 1, 1));
  net.then(net.conv(4, 3, 3));
  net.network.outputs.push_back({"padded", padded});
  EXPECT_EQ(types(after(passes::merge_padding, net.done())), "Conv Conv");
}

// Windows that lie in the padding alone.
bool all_windows_see_the_image(const Network& network) {
  for (const Unit& unit : network.units)
    if (const Conv* conv = unit.as<Conv>())
      if (conv->pad_left >= conv->kernel_width || conv->pad_right >= conv->kernel_width ||
          conv->pad_top >= conv->kernel_height || conv->pad_bottom >= conv->kernel_height)
        return false;
  return true;
}

TEST(KeepWindowsInside, KernelsGrowByZeros) {
  Net net(chw(3, 5, 7));
  Conv conv = net.conv(4, 2, 2);
  conv.pad_left = 3, conv.pad_bottom = 2;
  net.then(conv);
  Network& network = net.done();
  EXPECT_FALSE(all_windows_see_the_image(network));
  const Network result = after(passes::keep_windows_inside, network);
  EXPECT_EQ(types(result), "Conv");
  EXPECT_TRUE(all_windows_see_the_image(result));
}

TEST(KeepWindowsInside, ZerosAreJoinedWhereKernelsCannotGrow) {
  Net net(chw(2, 5, 7));
  Conv conv = net.conv(2, 8, 8);
  conv.pad_left = conv.pad_right = conv.pad_top = 20;
  net.then(conv);
  const Network result = after(passes::keep_windows_inside, net.done());
  EXPECT_GE(count_of<Concat>(result), 1);
  EXPECT_TRUE(all_windows_see_the_image(result));
}

TEST(KeepWindowsInside, OthersStay) {
  Net net(chw(3, 5, 7));
  Conv conv = net.conv(4, 3, 3);
  conv.pad_left = conv.pad_right = conv.pad_top = conv.pad_bottom = 2;
  net.then(conv);
  EXPECT_EQ(types(after(passes::keep_windows_inside, net.done())), "Conv");
}

TEST(DecomposeTransposedConvolution, NoneIsLeft) {
  for (const int stride : {1, 2, 3})
    for (const int kernel : {1, 2, 3, 4})
      for (const int64_t groups : {1, 2}) {
        SCOPED_TRACE(fmt::format("stride {}, kernel {}, groups {}", stride, kernel, groups));
        Net net(chw(4, 5, 6));
        Conv conv;
        conv.transposed = true;
        conv.output_channels = 6;
        conv.groups = groups;
        conv.kernel_width = conv.kernel_height = kernel;
        conv.stride_x = conv.stride_y = stride;
        conv.pad_left = conv.pad_bottom = kernel > 2 ? 1 : 0;
        conv.weights = net.constant(4 * 6 / groups * kernel * kernel);
        conv.bias = net.constant(6);
        net.then(conv);
        const Network result = after(passes::decompose_transposed_convolution, net.done());
        for (const Unit& unit : result.units)
          if (const Conv* made = unit.as<Conv>()) {
            EXPECT_FALSE(made->transposed);
          }
        if (HasFatalFailure()) return;
      }
}

}  // namespace
}  // namespace ane::test
