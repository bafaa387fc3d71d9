// Pooling against its definition, and what it becomes.
#include "passes/check.h"

namespace ane::test {
namespace {

Pooling square(PoolingType type, int kernel, int stride, int pad) {
  Pooling pooling;
  pooling.type = type;
  pooling.kernel_width = pooling.kernel_height = kernel;
  pooling.stride_x = pooling.stride_y = stride;
  pooling.pad_left = pooling.pad_right = pooling.pad_top = pooling.pad_bottom = pad;
  return pooling;
}

Network pooled(Shape shape, const Pooling& pooling) {
  Net net(shape);
  net.then(pooling);
  return legalised(net.done());
}

TEST(DecomposePooling, MaximumOfTwoByTwo) {
  // One maximum of two rows, turned, one of two columns, turned back.
  EXPECT_EQ(types(pooled(chw(3, 8, 6), square(PoolingType::Max, 2, 2, 0))),
            "InputView InputView ElementWise Transpose InputView InputView ElementWise Transpose");
}

TEST(DecomposePooling, MaximumWithPaddingCopiesOneSliceForEachSide) {
  const Network result = pooled(chw(3, 7, 7), square(PoolingType::Max, 3, 2, 1));
  EXPECT_EQ(count_of<Concat>(result), 2);
  EXPECT_EQ(count_of<ElementWise>(result), 4);
  for (const Unit& unit : result.units) EXPECT_TRUE(!unit.as<Concat>() || unit.bottoms.size() == 3u);
}

TEST(DecomposePooling, WideWindowsGrowByDoubling) {
  // 13 taps: 2, 4, 8, 13 in each direction.
  EXPECT_EQ(count_of<ElementWise>(pooled(chw(2, 15, 15), square(PoolingType::Max, 13, 1, 6))), 8);
  EXPECT_EQ(count_of<ElementWise>(pooled(chw(2, 9, 9), square(PoolingType::Max, 5, 1, 2))), 6);
  EXPECT_EQ(count_of<ElementWise>(pooled(chw(2, 9, 9), square(PoolingType::Max, 4, 2, 0))), 4);
}

TEST(DecomposePooling, GlobalIsAReduction) {
  for (const PoolingType type : {PoolingType::Max, PoolingType::Average})
    EXPECT_EQ(types(pooled(chw(3, 7, 7), square(type, 7, 1, 0))), "Reduction");
  EXPECT_EQ(types(pooled(chw(3, 7, 7), square(PoolingType::L2, 7, 1, 0))), "ElementWise Reduction Neuron");
}

TEST(DecomposePooling, MaximumOverAllColumnsNeedsNoTransposition) {
  Pooling pooling = square(PoolingType::Max, 2, 2, 0);
  pooling.kernel_width = 5, pooling.stride_x = 1;
  EXPECT_EQ(count_of<Transpose>(pooled(chw(3, 6, 5), pooling)), 0);
}

TEST(DecomposePooling, AverageIsADepthwiseConvolution) {
  const Network result = pooled(chw(3, 8, 8), square(PoolingType::Average, 2, 2, 0));
  ASSERT_EQ(types(result), "Conv");
  EXPECT_EQ(result.units[0].as<Conv>()->groups, 3);
}

TEST(DecomposePooling, ExcludedPaddingIsAMap) {
  Pooling pooling = square(PoolingType::Average, 3, 2, 1);
  EXPECT_EQ(types(pooled(chw(3, 7, 7), pooling)), "Conv");
  pooling.exclude_padding = true;
  const Network result = pooled(chw(3, 7, 7), pooling);
  EXPECT_EQ(types(result), "Conv Constant ElementWise");
  pooling = square(PoolingType::Average, 2, 2, 0);
  pooling.exclude_padding = true;
  EXPECT_EQ(types(pooled(chw(3, 8, 8), pooling)), "Conv");
}

TEST(DecomposePooling, WindowsLargerThanAKernel) {
  const Network result = pooled(chw(2, 40, 40), square(PoolingType::Average, 20, 10, 3));
  EXPECT_GE(count_of<Conv>(result), 4);  // 20 rows and 20 columns, in two runs each
}

TEST(DecomposePooling, OneTapWithStrideOnlyPicks) {
  const Network result = pooled(chw(3, 7, 7), square(PoolingType::Max, 1, 2, 0));
  EXPECT_EQ(count_of<ElementWise>(result), 0);
}

TEST(DecomposePooling, NativePoolingStays) {
  EngineFacts facts = engine();
  facts.native_pooling = true;
  Net net(chw(3, 7, 7));
  net.then(square(PoolingType::Max, 3, 2, 1));
  net.then(square(PoolingType::Average, 2, 2, 0));
  EXPECT_EQ(types(legalised(net.done(), facts)), "Pooling Pooling");
}

// Any window that Core ML can write: the exact definition, for each type.
TEST(DecomposePooling, RandomWindows) {
  std::mt19937 random(3);
  const auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  for (int i = 0; i < 400; ++i) {
    Pooling pooling;
    pooling.type = static_cast<PoolingType>(draw(0, 2));
    pooling.kernel_width = draw(1, 5), pooling.kernel_height = draw(1, 5);
    pooling.stride_x = draw(1, 3), pooling.stride_y = draw(1, 3);
    pooling.pad_left = draw(0, pooling.kernel_width - 1),
    pooling.pad_right = draw(0, pooling.kernel_width - 1);
    pooling.pad_top = draw(0, pooling.kernel_height - 1),
    pooling.pad_bottom = draw(0, pooling.kernel_height - 1);
    pooling.exclude_padding = draw(0, 1) == 1;
    const int height = std::max(draw(1, 9), pooling.kernel_height - pooling.pad_top - pooling.pad_bottom);
    const int width = std::max(draw(1, 9), pooling.kernel_width - pooling.pad_left - pooling.pad_right);
    SCOPED_TRACE(i);
    pooled(chw(draw(1, 4), height, width, draw(1, 2)), pooling);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace ane::test
