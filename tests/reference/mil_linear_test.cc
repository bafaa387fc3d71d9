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

// nchw,nwhu->nchu, the equation that Core ML knows; H is broadcast.
TEST(MilEinsum, MatricesInOuterAxes) {
  const Fed a{{2, 3, 1, 4}, pattern(24, 1)}, b{{2, 4, 5, 2}, pattern(80, 2)};
  std::vector<double> expected;
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t c = 0; c < 3; ++c)
      for (int64_t h = 0; h < 5; ++h)
        for (int64_t u = 0; u < 2; ++u) {
          double sum = 0;
          for (int64_t w = 0; w < 4; ++w)
            sum += double{a.values[(n * 3 + c) * 4 + w]} * b.values[((n * 4 + w) * 5 + h) * 2 + u];
          expected.push_back(sum);
        }
  for (const char* equation : {"nchw,nwhu->nchu", "abcd, adce -> abce"})
    expect_near(result("einsum", {{"values", std::vector<Fed>{a, b}}, {"equation", mil_text(equation)}},
                       {2, 3, 5, 2}),
                expected);
}

TEST(MilEinsum, AnyTwoOperands) {
  const Fed v{{2}, {1, 10}}, w{{3}, {1, 2, 3}}, m{{2, 3}, {1, 2, 3, 4, 5, 6}};
  const auto sum = [](const char* equation, const Fed& a, const Fed& b, const Shape& shape) {
    return result("einsum", {{"values", std::vector<Fed>{a, b}}, {"equation", mil_text(equation)}}, shape);
  };
  EXPECT_EQ(sum("i,j->ij", v, w, {2, 3}), (Values{1, 2, 3, 10, 20, 30}));
  EXPECT_EQ(sum("i,j->ji", v, w, {3, 2}), (Values{1, 10, 2, 20, 3, 30}));
  EXPECT_EQ(sum("ij,j->i", m, w, {2}), (Values{14, 32}));
  EXPECT_EQ(sum("ij,ij->", m, m, {}), (Values{91}));
  EXPECT_EQ(sum("ij,ij->ij", m, m, {2, 3}), (Values{1, 4, 9, 16, 25, 36}));
  // j stands in the first operand alone and is summed up: rows 6 and 15.
  EXPECT_EQ(sum("ij,k->ik", m, v, {2, 2}), (Values{6, 60, 15, 150}));
}

// softmax of scores ln 1 and ln 3 is 1/4 and 3/4.
TEST(MilAttention, WeighsValuesByScores) {
  const float ln3 = std::log(3.0f);
  // E = 4, so that scores are divided by 2.
  const Fed query{{1, 1, 4}, {2, 0, 0, 0}}, key{{1, 2, 4}, {0, 9, 9, 9, ln3, 9, 9, 9}};
  const Fed value{{1, 2, 2}, {4, 8, 0, 16}};
  const std::vector<Bound> operands = {{"query", query}, {"key", key}, {"value", value}};
  expect_near(result("scaled_dot_product_attention", operands, {1, 1, 2}), {1, 14});
  const auto with = [&](const Fed& mask) {
    std::vector<Bound> masked = operands;
    masked.push_back({"attn_mask", mask});
    return result("scaled_dot_product_attention", masked, {1, 1, 2});
  };
  expect_near(with({{1, 2}, {1, 0}, DataType::Bool}), {4, 8});
  expect_near(with({{1, 2}, {0, 1}, DataType::Bool}), {0, 16});
  // A mask of numbers is added: ln 3 evens the scores out.
  expect_near(with({{1, 2}, {ln3, 0}}), {2, 12});
  expect_near(with({{2}, {1, 1}}), {1, 14});
}

TEST(BadMilLinear, EinsumAndAttention) {
  const Fed m{{2, 3}, counting(6)};
  const auto refuse = [&](const char* part, const char* equation) {
    expect_refusal(part, "einsum", {{"values", std::vector<Fed>{m, m}}, {"equation", mil_text(equation)}},
                   {2});
  };
  refuse("not of the form", "ij,ij");
  refuse("not of the form", "ij->ij,ij");
  refuse("not of the form", "ij,ij,ij->ij");
  refuse("no letter", "i1,i1->i");
  refuse("repeats the label i", "ii,ij->j");
  refuse("in no operand", "ij,ij->k");
  refuse("does not suit", "ijk,ij->k");
  refuse("label j stands for 3 and 2", "ij,jk->ik");
  expect_refusal("not two", "einsum", {{"values", std::vector<Fed>{m}}, {"equation", mil_text("ij,jk->ik")}},
                 {2});

  const Fed q{{1, 2, 3}, counting(6)}, other{{2, 2, 3}, counting(12)}, short_mask{{5}, counting(5)};
  expect_refusal("differ in their batch", "scaled_dot_product_attention",
                 {{"query", q}, {"key", other}, {"value", q}}, {1, 2, 3});
  expect_refusal("less than three axes", "scaled_dot_product_attention",
                 {{"query", m}, {"key", m}, {"value", m}}, {2, 3});
  expect_refusal("do not match", "scaled_dot_product_attention",
                 {{"query", q}, {"key", q}, {"value", q}, {"attn_mask", short_mask}}, {1, 2, 3});
  expect_refusal("the mask [2, 2, 2] does not suit", "scaled_dot_product_attention",
                 {{"query", q}, {"key", q}, {"value", q}, {"attn_mask", Fed{{2, 2, 2}, counting(8)}}},
                 {1, 2, 3});
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
