// MIL's running sums and sortings, by hand.

#include "mil_run.h"

namespace ane::reference {
namespace {

TEST(MilCumsum, AlongBothAxes) {
  const Fed x{{2, 3}, {1, 2, 3, 4, 5, 6}};
  const Bound rows{"axis", mil_integer(1)};
  EXPECT_EQ(result("cumsum", {{"x", x}}, {2, 3}), (Values{1, 2, 3, 5, 7, 9}));
  EXPECT_EQ(result("cumsum", {{"x", x}, rows}, {2, 3}), (Values{1, 3, 6, 4, 9, 15}));
  EXPECT_EQ(result("cumsum", {{"x", x}, {"axis", mil_integer(-1)}}, {2, 3}), (Values{1, 3, 6, 4, 9, 15}));
}

// As TensorFlow's documentation of cumsum has it: [a, b, c] becomes [0, a, a + b], [a + b + c, b + c, c] or
// [b + c, c, 0].
TEST(MilCumsum, ExclusiveAndReversed) {
  const Fed x{{3}, {1, 10, 100}};
  const Bound exclusive{"exclusive", mil_truth(true)}, reverse{"reverse", mil_truth(true)};
  EXPECT_EQ(result("cumsum", {{"x", x}, exclusive}, {3}), (Values{0, 1, 11}));
  EXPECT_EQ(result("cumsum", {{"x", x}, reverse}, {3}), (Values{111, 110, 100}));
  EXPECT_EQ(result("cumsum", {{"x", x}, exclusive, reverse}, {3}), (Values{110, 100, 0}));
}

TEST(MilArgsort, DescendsUnlessTold) {
  const Fed x{{2, 3}, {3, 9, 6, 0, -1, 2}};
  EXPECT_EQ(result("argsort", {{"x", x}}, {2, 3}, DataType::Int32), (Values{1, 2, 0, 2, 0, 1}));
  EXPECT_EQ(result("argsort", {{"x", x}, {"ascending", mil_truth(true)}}, {2, 3}, DataType::Int32),
            (Values{0, 2, 1, 1, 0, 2}));
  EXPECT_EQ(result("argsort", {{"x", x}, {"axis", mil_integer(0)}}, {2, 3}, DataType::Int32),
            (Values{0, 0, 0, 1, 1, 1}));
}

TEST(MilArgsort, NotANumberComesLast) {
  const Fed x{{4}, {NAN, 1, NAN, 2}};
  EXPECT_EQ(result("argsort", {{"x", x}}, {4}, DataType::Int32), (Values{3, 1, 0, 2}));
  EXPECT_EQ(result("argsort", {{"x", x}, {"ascending", mil_truth(true)}}, {4}, DataType::Int32),
            (Values{1, 3, 0, 2}));
}

TEST(MilTopk, ValuesAndIndices) {
  const Fed x{{2, 3}, {3, 9, 6, 0, -1, 2}};
  const auto top = [&](std::vector<Bound> more, const Shape& shape) {
    more.push_back({"x", x});
    return results("topk", more, {{shape}, {shape, DataType::Int32}});
  };
  const auto two = top({{"k", mil_integer(2)}}, {2, 2});
  EXPECT_EQ(two[0].data, (Values{9, 6, 2, 0}));
  EXPECT_EQ(two[1].data, (Values{1, 2, 2, 0}));
  const auto lowest = top({{"ascending", mil_truth(true)}}, {2, 1});
  EXPECT_EQ(lowest[0].data, (Values{3, -1}));
  EXPECT_EQ(lowest[1].data, (Values{0, 1}));
  const auto columns = top({{"axis", mil_integer(0)}, {"k", mil_integer(-1)}}, {2, 3});
  EXPECT_EQ(columns[0].data, (Values{3, 9, 6, 0, -1, 2}));
  EXPECT_EQ(columns[1].data, (Values{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(result("topk", {{"x", x}, {"return_indices", mil_truth(false)}}, {2, 1}), (Values{9, 2}));
}

TEST(BadMilOrder, Parameters) {
  const Fed x{{3}, {1, 2, 3}};
  expect_refusal("axis 1", "cumsum", {{"x", x}, {"axis", mil_integer(1)}}, {3});
  expect_refusal("axis 1", "argsort", {{"x", x}, {"axis", mil_integer(1)}}, {3}, DataType::Int32);
  expect_refusal("k is 4", "topk", {{"x", x}, {"k", mil_integer(4)}}, {4});
  expect_refusal("k is 0", "topk", {{"x", x}, {"k", mil_integer(0)}}, {4});
}

}  // namespace
}  // namespace ane::reference
