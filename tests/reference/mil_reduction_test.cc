// MIL's reductions, with sums that can be checked in one's head.

#include "mil_run.h"

namespace ane::reference {
namespace {

const Fed x{{2, 3}, {1, -2, 3, 4, 5, -6}};

Values over_rows(const std::string& type) {
  return result(type, {{"x", x}, {"axes", mil_integers({1})}}, {2});
}

TEST(MilReduce, EveryKind) {
  EXPECT_EQ(over_rows("reduce_sum"), (Values{2, 3}));
  EXPECT_EQ(over_rows("reduce_mean"), (Values{2.0f / 3, 1}));
  EXPECT_EQ(over_rows("reduce_max"), (Values{3, 5}));
  EXPECT_EQ(over_rows("reduce_min"), (Values{-2, -6}));
  EXPECT_EQ(over_rows("reduce_prod"), (Values{-6, -120}));
  EXPECT_EQ(over_rows("reduce_l1_norm"), (Values{6, 15}));
  EXPECT_EQ(over_rows("reduce_sum_square"), (Values{14, 77}));
  expect_near(over_rows("reduce_l2_norm"), {std::sqrt(14.0), std::sqrt(77.0)});
  expect_near(over_rows("reduce_log_sum"), {std::log(2.0), std::log(3.0)});
  expect_near(over_rows("reduce_log_sum_exp"), {std::log(std::exp(1.0) + std::exp(-2.0) + std::exp(3.0)),
                                                std::log(std::exp(4.0) + std::exp(5.0) + std::exp(-6.0))});
}

TEST(MilReduce, TheLogarithmOfASumOfPowersDoesNotOverflow) {
  expect_near(result("reduce_log_sum_exp", {{"x", Fed{{2}, {1000, 1000}}}}, {}), {1000 + std::log(2.0)});
}

TEST(MilReduce, Axes) {
  const auto sum = [](std::vector<Bound> more, const Shape& shape) {
    more.push_back({"x", x});
    return result("reduce_sum", more, shape);
  };
  EXPECT_EQ(sum({{"axes", mil_integers({0})}}, {3}), (Values{5, 3, -3}));
  EXPECT_EQ(sum({{"axes", mil_integers({-2})}}, {3}), (Values{5, 3, -3}));
  EXPECT_EQ(sum({{"axes", mil_integers({0})}, {"keep_dims", mil_truth(true)}}, {1, 3}), (Values{5, 3, -3}));
  EXPECT_EQ(sum({{"axes", mil_integers({-1, 0})}}, {}), (Values{5}));
  // No axes: all of them.
  EXPECT_EQ(sum({}, {}), (Values{5}));
  EXPECT_EQ(sum({{"keep_dims", mil_truth(true)}}, {1, 1}), (Values{5}));
  // A scalar will do for one axis.
  EXPECT_EQ(sum({{"axes", mil_integer(1)}}, {2}), (Values{2, 3}));
}

TEST(MilReduce, InnerAndOuterAxesTogether) {
  const Fed cube{{2, 3, 2}, counting(12)};
  // Element (a, b, c) is 6a + 2b + c; over a and c that is 12 + 8b + 2.
  EXPECT_EQ(result("reduce_sum", {{"x", cube}, {"axes", mil_integers({0, 2})}}, {3}), (Values{14, 22, 30}));
  EXPECT_EQ(result("reduce_max", {{"x", cube}, {"axes", mil_integers({1, 2})}}, {2}), (Values{5, 11}));
}

TEST(MilReduce, IndicesOfExtremes) {
  const auto index = [](const char* type, std::vector<Bound> more, const Shape& shape) {
    more.push_back({"x", x});
    return result(type, more, shape, DataType::Int32);
  };
  EXPECT_EQ(index("reduce_argmax", {}, {2}), (Values{2, 1}));
  EXPECT_EQ(index("reduce_argmin", {}, {2}), (Values{1, 2}));
  EXPECT_EQ(index("reduce_argmax", {{"axis", mil_integer(0)}}, {3}), (Values{1, 1, 0}));
  EXPECT_EQ(index("reduce_argmax", {{"axis", mil_integer(-2)}, {"keep_dims", mil_truth(true)}}, {1, 3}),
            (Values{1, 1, 0}));
  EXPECT_EQ(result("reduce_argmax", {{"x", Fed{{3}, {7, 7, 7}}}}, {}, DataType::Int32), (Values{0}));
}

TEST(BadMilReduce, Axes) {
  expect_refusal("axis 2 is outside of rank 2", "reduce_sum", {{"x", x}, {"axes", mil_integers({2})}}, {2});
  expect_refusal("axis -3 is outside of rank 2", "reduce_sum", {{"x", x}, {"axes", mil_integers({-3})}}, {2});
  expect_refusal("axis 2 is outside of rank 2", "reduce_argmax", {{"x", x}, {"axis", mil_integer(2)}}, {2},
                 DataType::Int32);
}

}  // namespace
}  // namespace ane::reference
