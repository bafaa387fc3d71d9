// Pooling against its definition: windows over an input that is thought to go on with padding.

#include <limits>

#include "run.h"

namespace ane::reference {
namespace {

using test::PoolingOptions;
using Pooling = coreml::spec::PoolingLayerParams;

Tensor pool(const Given& x, const PoolingOptions& options) {
  ModelBuilder model;
  model.array_input("x", x.shape);
  model.pooling("y", "x", options);
  model.array_output("y");
  return run(model, {{"x", x.values}}).at("y");
}

// One row of five, windows of three, two apart.
const Given row = {{1, 1, 5}, {-1, 2, -3, 4, -5}};
PoolingOptions row_options(Pooling::PoolingType type) {
  return {.type = type, .kernel_h = 1, .kernel_w = 3, .stride_h = 1, .stride_w = 2};
}

TEST(Pooling, WithoutPadding) {
  EXPECT_EQ(pool(row, row_options(Pooling::MAX)).data, (Values{2, 4}));
  expect_near(pool(row, row_options(Pooling::AVERAGE)).data, {-2.0 / 3, -4.0 / 3});
  expect_near(pool(row, row_options(Pooling::L2)).data, {std::sqrt(14.0), std::sqrt(50.0)});
}

TEST(Pooling, PaddingNeverWinsTheMaximum) {
  PoolingOptions options = row_options(Pooling::MAX);
  options.left = options.right = 2;
  // Windows at -2, 0, 2, 4: the first holds -1 alone, the last -5 alone.
  EXPECT_EQ(pool(row, options).data, (Values{-1, 2, 4, -5}));
}

TEST(Pooling, AverageCountsPaddingUnlessExcluded) {
  PoolingOptions options = row_options(Pooling::AVERAGE);
  options.left = options.right = 2;
  expect_near(pool(row, options).data, {-1.0 / 3, -2.0 / 3, -4.0 / 3, -5.0 / 3});
  options.exclude_padding = true;
  expect_near(pool(row, options).data, {-1, -2.0 / 3, -4.0 / 3, -5});
}

TEST(Pooling, SamePaddingPutsTheOddElementAtTheEnd) {
  PoolingOptions options = row_options(Pooling::AVERAGE);
  options.kernel_w = 2;
  options.padding = PoolingOptions::Same;
  options.exclude_padding = true;
  // ceil(5 / 2) = 3 windows over 6 elements: one more at the end.
  expect_near(pool(row, options).data, {0.5, 0.5, -5});
}

TEST(Pooling, IncludeLastPixelRoundsUp) {
  // (4 - 3) / 2 rounded up + 1 = 2 windows; the second begins at 2 and overhangs.
  PoolingOptions options = row_options(Pooling::MAX);
  options.padding = PoolingOptions::IncludeLastPixel;
  EXPECT_EQ(pool({{1, 1, 4}, {1, 2, 3, 4}}, options).data, (Values{3, 4}));
  // The window over what nobody declared counts two elements.
  options.type = Pooling::AVERAGE;
  expect_near(pool({{1, 1, 4}, {1, 2, 3, 4}}, options).data, {2, 3.5});
}

TEST(Pooling, IncludeLastPixelDropsAWindowThatBeginsInThePadding) {
  // in 3, K 2, s 2, p 1: (3 + 2 - 2) / 2 rounded up + 1 = 3, but the third would begin at 4 - 1 = 3, behind
  // the input.
  PoolingOptions options = row_options(Pooling::MAX);
  options.kernel_w = 2;
  options.left = 1;
  options.padding = PoolingOptions::IncludeLastPixel;
  EXPECT_EQ(pool({{1, 1, 3}, {5, 6, 7}}, options).data, (Values{5, 7}));
}

TEST(Pooling, GlobalTakesEachWholePlane) {
  PoolingOptions options = {
      .type = Pooling::AVERAGE, .kernel_h = 2, .kernel_w = 2, .stride_h = 3, .stride_w = 3};
  options.global = true;
  const Tensor y = pool({{2, 2, 2}, {1, 2, 3, 4, -1, -2, -3, -4}}, options);
  EXPECT_EQ(y.shape, (coreml::Shape{1, 1, 2, 1, 1}));
  EXPECT_EQ(y.data, (Values{2.5f, -2.5f}));
}

TEST(Pooling, EveryPlaneForItself) {
  const Values x = pattern(3 * 6 * 7);
  const Tensor y =
      pool({{3, 6, 7}, x}, {.kernel_h = 3, .kernel_w = 2, .stride_h = 2, .stride_w = 3, .top = 1});
  ASSERT_EQ(y.shape, (coreml::Shape{1, 1, 3, 3, 2}));
  for (int64_t c = 0; c < 3; ++c) {
    for (int64_t p = 0; p < 3; ++p) {
      for (int64_t q = 0; q < 2; ++q) {
        float expected = -std::numeric_limits<float>::infinity();
        for (int64_t h = std::max<int64_t>(0, 2 * p - 1); h < 2 * p + 2; ++h) {
          for (int64_t w = 3 * q; w < 3 * q + 2; ++w) expected = std::max(expected, x[(c * 6 + h) * 7 + w]);
        }
        EXPECT_EQ(y.data[(c * 3 + p) * 2 + q], expected);
      }
    }
  }
}

}  // namespace
}  // namespace ane::reference
