// MIL's matrix products, by hand and against plain loops.

#include "mil_run.h"

namespace ane::reference {
namespace {

TEST(MilMatmul, TransposesAsToldTo) {
  // [[1,2,3],[4,5,6]] times [[1,2],[3,4],[5,6]]
  const Fed x{{2, 3}, {1, 2, 3, 4, 5, 6}}, y{{3, 2}, {1, 2, 3, 4, 5, 6}};
  const Fed x_turned{{3, 2}, {1, 4, 2, 5, 3, 6}}, y_turned{{2, 3}, {1, 3, 5, 2, 4, 6}};
  const Values product = {22, 28, 49, 64};
  const Bound turn_x{"transpose_x", mil_truth(true)}, turn_y{"transpose_y", mil_truth(true)};
  EXPECT_EQ(result("matmul", {{"x", x}, {"y", y}}, {2, 2}), product);
  EXPECT_EQ(result("matmul", {{"x", x_turned}, {"y", y}, turn_x}, {2, 2}), product);
  EXPECT_EQ(result("matmul", {{"x", x}, {"y", y_turned}, turn_y}, {2, 2}), product);
  EXPECT_EQ(result("matmul", {{"x", x_turned}, {"y", y_turned}, turn_x, turn_y}, {2, 2}), product);
}

TEST(MilMatmul, OneAxisIsARowOrAColumn) {
  const Fed v{{2}, {1, 10}}, matrix{{2, 2}, {1, 2, 3, 4}}, batch{{2, 2, 1}, {1, 2, 3, 4}};
  EXPECT_EQ(result("matmul", {{"x", v}, {"y", v}}, {}), (Values{101}));
  EXPECT_EQ(result("matmul", {{"x", v}, {"y", matrix}}, {2}), (Values{31, 42}));
  EXPECT_EQ(result("matmul", {{"x", matrix}, {"y", v}}, {2}), (Values{21, 43}));
  EXPECT_EQ(result("matmul", {{"x", v}, {"y", batch}}, {2, 1}), (Values{21, 43}));
}

TEST(MilMatmul, BroadcastsTheBatch) {
  // x [2,1,2,3], y [4,3,2]: result [2,4,2,2].
  const Fed x{{2, 1, 2, 3}, pattern(12, 1)}, y{{4, 3, 2}, pattern(24, 2)};
  std::vector<double> expected;
  for (int64_t a = 0; a < 2; ++a)
    for (int64_t b = 0; b < 4; ++b)
      for (int64_t i = 0; i < 2; ++i)
        for (int64_t j = 0; j < 2; ++j) {
          double sum = 0;
          for (int64_t k = 0; k < 3; ++k)
            sum += double{x.values[(a * 2 + i) * 3 + k]} * y.values[(b * 3 + k) * 2 + j];
          expected.push_back(sum);
        }
  expect_near(result("matmul", {{"x", x}, {"y", y}}, {2, 4, 2, 2}), expected);
}

TEST(MilLinear, RowsOfTheWeightAreOutputs) {
  const Fed x{{2, 2}, {1, 2, 3, 4}}, weight{{3, 2}, {1, 0, 0, 1, 1, 1}}, bias{{3}, {10, 20, 30}};
  EXPECT_EQ(result("linear", {{"x", x}, {"weight", weight}}, {2, 3}), (Values{1, 2, 3, 3, 4, 7}));
  EXPECT_EQ(result("linear", {{"x", x}, {"weight", weight}, {"bias", bias}}, {2, 3}),
            (Values{11, 22, 33, 13, 24, 37}));
  EXPECT_EQ(result("linear", {{"x", Fed{{2}, {1, 2}}}, {"weight", weight}, {"bias", bias}}, {3}),
            (Values{11, 22, 33}));
  EXPECT_EQ(result("linear", {{"x", Fed{{1, 2, 2}, {1, 2, 3, 4}}}, {"weight", weight}}, {1, 2, 3}),
            (Values{1, 2, 3, 3, 4, 7}));
}

TEST(BadMilLinear, Shapes) {
  const Fed x{{2, 3}, counting(6)}, scalar{{}, {1}};
  expect_refusal("[2, 3] and [2, 3] cannot be multiplied", "matmul", {{"x", x}, {"y", x}}, {2, 2});
  expect_refusal("cannot be multiplied", "matmul", {{"x", scalar}, {"y", x}}, {3});
  expect_refusal("cannot be multiplied", "matmul",
                 {{"x", Fed{{2, 1, 1}, {1, 2}}}, {"y", Fed{{3, 1, 1}, {1, 2, 3}}}}, {3, 1, 1});
  expect_refusal("not two axes", "linear", {{"x", x}, {"weight", Fed{{3}, counting(3)}}}, {2});
  expect_refusal("cannot be multiplied", "linear", {{"x", x}, {"weight", Fed{{3, 2}, counting(6)}}}, {2, 3});
  expect_refusal("the bias has the shape [1]", "linear", {{"x", x}, {"weight", x}, {"bias", Fed{{1}, {1}}}},
                 {2, 2});
}

}  // namespace
}  // namespace ane::reference
