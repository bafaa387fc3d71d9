// MIL's poolings: windows that are gone through in the test, and edges by hand.

#include "mil_run.h"

namespace ane::reference {
namespace {

Bound kernel(std::vector<int64_t> sizes) {
  return {"kernel_sizes", mil_integers(sizes)};
}
Bound strides(std::vector<int64_t> sizes) {
  return {"strides", mil_integers(sizes)};
}
Bound pad_type(const char* name) {
  return {"pad_type", mil_text(name)};
}
Bound pad(std::vector<int64_t> amounts) {
  return {"pad", mil_integers(amounts)};
}

// Everything that a window of a [1, 1, D, H, W] input covers, padding left out.
std::vector<double> window(const Fed& x, const Shape& start, const Shape& size) {
  std::vector<double> found;
  for (int64_t z = start[0]; z < start[0] + size[0]; ++z)
    for (int64_t y = start[1]; y < start[1] + size[1]; ++y)
      for (int64_t w = start[2]; w < start[2] + size[2]; ++w)
        if (z >= 0 && z < x.shape[2] && y >= 0 && y < x.shape[3] && w >= 0 && w < x.shape[4])
          found.push_back(x.values[(z * x.shape[3] + y) * x.shape[4] + w]);
  return found;
}

TEST(MilPool, ThreeSpatialAxesWithPadding) {
  const Fed x{{1, 1, 4, 5, 6}, pattern(120, 1)};
  const Shape size = {2, 3, 2};
  std::vector<double> maxima, averages, real_averages;
  // Strides 2, 1, 2; padding (1, 0), (1, 1), (0, 1): outputs 2, 5, 3.
  for (int64_t o = 0; o < 2; ++o)
    for (int64_t p = 0; p < 5; ++p)
      for (int64_t q = 0; q < 3; ++q) {
        const std::vector<double> found = window(x, {o * 2 - 1, p - 1, q * 2}, size);
        double sum = 0;
        for (const double value : found) sum += value;
        maxima.push_back(*std::max_element(found.begin(), found.end()));
        averages.push_back(sum / 12);
        real_averages.push_back(sum / static_cast<double>(found.size()));
      }
  const std::vector<Bound> operands = {
      {"x", x}, kernel(size), strides({2, 1, 2}), pad_type("custom"), pad({1, 0, 1, 1, 0, 1})};
  const Shape out = {1, 1, 2, 5, 3};
  expect_near(result("max_pool", operands, out), maxima);
  expect_near(result("avg_pool", operands, out), averages);
  std::vector<Bound> excluding = operands;
  excluding.push_back({"exclude_padding_from_average", mil_truth(true)});
  expect_near(result("avg_pool", excluding, out), real_averages);
}

TEST(MilPool, OneAndTwoSpatialAxes) {
  const Fed line{{1, 2, 4}, {1, 5, 2, 3, -1, -2, -3, -4}};
  EXPECT_EQ(result("max_pool", {{"x", line}, kernel({2}), pad_type("valid")}, {1, 2, 3}),
            (Values{5, 5, 3, -1, -2, -3}));
  EXPECT_EQ(result("avg_pool", {{"x", line}, kernel({2}), strides({2}), pad_type("valid")}, {1, 2, 2}),
            (Values{3, 2.5f, -1.5f, -3.5f}));
  expect_near(result("l2_pool", {{"x", Fed{{1, 1, 2, 2}, {1, 3, 5, 1}}}, kernel({2, 2}), pad_type("valid")},
                     {1, 1, 1, 1}),
              {6});
}

TEST(MilPool, SamePaddingPutsTheOddElementAtTheEndOrTheStart) {
  const Fed x{{1, 1, 4}, {1, 2, 3, 10}};
  EXPECT_EQ(result("avg_pool", {{"x", x}, kernel({2}), pad_type("same")}, {1, 1, 4}),
            (Values{1.5f, 2.5f, 6.5f, 5}));
  EXPECT_EQ(result("avg_pool", {{"x", x}, kernel({2}), pad_type("same_lower")}, {1, 1, 4}),
            (Values{0.5f, 1.5f, 2.5f, 6.5f}));
}

// Five elements in windows of 2 with stride 2: the third window has one element. Under padding of 1 on both
// sides the third window would end the input anyway, and a fourth would begin in the padding.
TEST(MilPool, CeilModeAddsAWindowThatOverhangs) {
  const Fed x{{1, 1, 5}, {1, 2, 3, 4, 5}};
  const Bound ceil{"ceil_mode", mil_truth(true)};
  EXPECT_EQ(result("max_pool", {{"x", x}, kernel({2}), strides({2}), pad_type("valid"), ceil}, {1, 1, 3}),
            (Values{2, 4, 5}));
  EXPECT_EQ(result("avg_pool", {{"x", x}, kernel({2}), strides({2}), pad_type("valid"), ceil}, {1, 1, 3}),
            (Values{1.5f, 3.5f, 5}));
  // Windows from -1, 1, 3: 3 ends at 4. Rounded up there would be one at 5, in the padding.
  EXPECT_EQ(result("max_pool", {{"x", x}, kernel({2}), strides({2}), pad_type("custom"), pad({1, 1}), ceil},
                   {1, 1, 3}),
            (Values{1, 3, 5}));
}

TEST(BadMilPool, Parameters) {
  const Fed x{{1, 1, 5}, {1, 2, 3, 4, 5}};
  const Bound ceil{"ceil_mode", mil_truth(true)};
  expect_refusal("lacks its parameter pad_type", "max_pool", {{"x", x}, kernel({2})}, {1, 1, 4});
  expect_refusal("larger than the padded input", "max_pool", {{"x", x}, kernel({6}), pad_type("valid")},
                 {1, 1, 1});
  expect_refusal("kernel_sizes has 2 elements", "max_pool", {{"x", x}, kernel({2, 2}), pad_type("valid")},
                 {1, 1, 4});
  expect_refusal("must be symmetric", "max_pool",
                 {{"x", x}, kernel({2}), pad_type("custom"), pad({1, 0}), ceil}, {1, 1, 4});
  expect_refusal("not for pad_type same", "max_pool", {{"x", x}, kernel({2}), pad_type("same"), ceil},
                 {1, 1, 5});
  // Windows of 1 with stride 3 would begin at 0, 3 and 6.
  expect_refusal("outside of the input", "max_pool",
                 {{"x", x}, kernel({1}), strides({3}), pad_type("valid"), ceil}, {1, 1, 3});
  expect_refusal("one or two axes", "max_pool",
                 {{"x", Fed{{1, 1, 1, 1, 1}, {1}}}, kernel({1, 1, 1}), pad_type("valid"), ceil},
                 {1, 1, 1, 1, 1});
  expect_refusal(
      "has no parameter exclude_padding_from_average", "max_pool",
      {{"x", x}, kernel({1}), pad_type("valid"), {"exclude_padding_from_average", mil_truth(true)}},
      {1, 1, 5});
}

}  // namespace
}  // namespace ane::reference
