// MIL's operations that move elements. The inputs count their elements, so that each result shows where every
// element came from.

#include "mil_run.h"

namespace ane::reference {
namespace {

Fed counted(const Shape& shape) {
  return {shape, counting(element_count(shape))};
}

TEST(MilTranspose, PermutesAxes) {
  const Fed x = counted({2, 3, 2});
  // Element (a, b, c) of the result is x(c, a, b) = 6c + 2a + b.
  Values expected;
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b < 2; ++b)
      for (int c = 0; c < 2; ++c) expected.push_back(static_cast<float>(6 * c + 2 * a + b));
  EXPECT_EQ(result("transpose", {{"x", x}, {"perm", mil_integers({1, 2, 0})}}, {3, 2, 2}), expected);
  EXPECT_EQ(result("transpose", {{"x", x}, {"perm", mil_integers({-2, -1, -3})}}, {3, 2, 2}), expected);
}

TEST(MilTile, RepeatsAlongEachAxis) {
  EXPECT_EQ(result("tile", {{"x", counted({2, 2})}, {"reps", mil_integers({2, 3})}}, {4, 6}),
            (Values{0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3}));
}

TEST(MilConcat, AlongAnAxis) {
  const std::vector<Fed> values = {counted({2, 1}), {{2, 2}, {10, 11, 12, 13}}};
  EXPECT_EQ(result("concat", {{"values", values}, {"axis", mil_integer(1)}}, {2, 3}),
            (Values{0, 10, 11, 1, 12, 13}));
  EXPECT_EQ(result("concat", {{"values", values}, {"axis", mil_integer(-1)}}, {2, 3}),
            (Values{0, 10, 11, 1, 12, 13}));
  EXPECT_EQ(result("concat", {{"values", std::vector<Fed>{counted({2})}}, {"axis", mil_integer(0)}}, {2}),
            (Values{0, 1}));
  // Scalars become a list: how shapes are put together at run time.
  const std::vector<Fed> scalars = {{{}, {3}}, {{}, {5}}};
  EXPECT_EQ(result("concat", {{"values", scalars}, {"axis", mil_integer(0)}}, {2}), (Values{3, 5}));
}

// The example of the operator's documentation.
TEST(MilConcat, Interleaved) {
  const std::vector<Fed> values = {{{3, 2}, {1, 2, 3, 4, 5, 6}}, {{3, 2}, {7, 8, 9, 10, 11, 12}}};
  EXPECT_EQ(result("concat", {{"values", values}, {"axis", mil_integer(0)}, {"interleave", mil_truth(true)}},
                   {6, 2}),
            (Values{1, 2, 7, 8, 3, 4, 9, 10, 5, 6, 11, 12}));
}

TEST(MilReshape, CopiesAndInfersSizes) {
  const Fed x = counted({2, 3, 4});
  const auto to = [&](const std::vector<int64_t>& shape, const Shape& expected) {
    return result("reshape", {{"x", x}, {"shape", mil_integers(shape)}}, expected);
  };
  EXPECT_EQ(to({6, 4}, {6, 4}), x.values);
  EXPECT_EQ(to({-1, 8}, {3, 8}), x.values);
  EXPECT_EQ(to({0, -1, 2}, {2, 6, 2}), x.values);
  EXPECT_EQ(to({0, 0, 0}, {2, 3, 4}), x.values);
  EXPECT_EQ(to({24}, {24}), x.values);
  EXPECT_EQ(result("reshape", {{"x", Fed{{1, 1}, {7}}}, {"shape", mil_integers({})}}, {}), (Values{7}));
}

TEST(MilReshape, TheShapeMayBeComputed) {
  EXPECT_EQ(result("reshape", {{"x", counted({2, 3})}, {"shape", Fed{{2}, {3, 2}, DataType::Int32}}}, {3, 2}),
            counting(6));
}

// x[1:3, ::-1, -1]
TEST(MilSliceByIndex, BeginsEndsStridesAndMasks) {
  const Fed x = counted({4, 3, 2});
  EXPECT_EQ(result("slice_by_index",
                   {{"x", x},
                    {"begin", mil_integers({1, 9, -1})},
                    {"end", mil_integers({3, 9, 9})},
                    {"stride", mil_integers({1, -1, 1})},
                    {"begin_mask", mil_truths({0, 1, 0})},
                    {"end_mask", mil_truths({0, 1, 0})},
                    {"squeeze_mask", mil_truths({0, 0, 1})}},
                   {2, 3}),
            (Values{11, 9, 7, 17, 15, 13}));
}

TEST(MilSliceByIndex, DefaultsAndNegativeBounds) {
  const Fed x = counted({5});
  const auto slice = [&](int64_t begin, int64_t end, int64_t stride, const Shape& shape) {
    return result("slice_by_index",
                  {{"x", x},
                   {"begin", mil_integers({begin})},
                   {"end", mil_integers({end})},
                   {"stride", mil_integers({stride})}},
                  shape);
  };
  EXPECT_EQ(slice(1, 4, 2, {2}), (Values{1, 3}));
  EXPECT_EQ(slice(-4, -1, 1, {3}), (Values{1, 2, 3}));
  EXPECT_EQ(slice(0, 2147483647, 1, {5}), (Values{0, 1, 2, 3, 4}));
  EXPECT_EQ(slice(4, 0, -2, {2}), (Values{4, 2}));
  EXPECT_EQ(
      result("slice_by_index", {{"x", x}, {"begin", mil_integers({1})}, {"end", mil_integers({3})}}, {2}),
      (Values{1, 2}));
  // All axes squeezed: a scalar.
  EXPECT_EQ(result("slice_by_index",
                   {{"x", x},
                    {"begin", mil_integers({-2})},
                    {"end", mil_integers({0})},
                    {"squeeze_mask", mil_truths({1})}},
                   {}),
            (Values{3}));
}

TEST(MilSliceBySize, FromABeginning) {
  const Fed x = counted({3, 4});
  EXPECT_EQ(result("slice_by_size",
                   {{"x", x}, {"begin", mil_integers({1, 1})}, {"size", mil_integers({2, 2})}}, {2, 2}),
            (Values{5, 6, 9, 10}));
  EXPECT_EQ(result("slice_by_size",
                   {{"x", x}, {"begin", mil_integers({2, -3})}, {"size", mil_integers({1, -1})}}, {1, 3}),
            (Values{9, 10, 11}));
}

TEST(BadMilMovement, Parameters) {
  const Fed x = counted({2, 3});
  expect_refusal("no permutation", "transpose", {{"x", x}, {"perm", mil_integers({0, 0})}}, {2, 3});
  expect_refusal("no permutation", "transpose", {{"x", x}, {"perm", mil_integers({1, -1})}}, {2, 3});
  expect_refusal("perm has 3 elements", "transpose", {{"x", x}, {"perm", mil_integers({0, 1, 2})}}, {2, 3});
  expect_refusal("reps holds 0", "tile", {{"x", x}, {"reps", mil_integers({0, 1})}}, {2, 3});
  expect_refusal("more than", "tile", {{"x", x}, {"reps", mil_integers({2147483647, 2147483647})}}, {2, 3});
  const std::vector<Fed> unlike = {x, counted({3, 3})};
  expect_refusal("cannot be joined along axis 1", "concat", {{"values", unlike}, {"axis", mil_integer(1)}},
                 {2, 6});
  expect_refusal("cannot be joined", "concat",
                 {{"values", unlike}, {"axis", mil_integer(0)}, {"interleave", mil_truth(true)}}, {5, 3});
  const std::vector<Fed> ranks = {x, counted({2})};
  expect_refusal("differ in rank", "concat", {{"values", ranks}, {"axis", mil_integer(0)}}, {3, 3});
  expect_refusal("differ in rank", "concat",
                 {{"values", std::vector<Fed>{{{}, {1}}, counted({1})}}, {"axis", mil_integer(0)}}, {2});
  expect_refusal("empty tuple", "concat", {{"values", std::vector<Fed>{}}, {"axis", mil_integer(0)}}, {1});
}

TEST(BadMilMovement, Reshapes) {
  const auto refuse = [](const char* part, const std::vector<int64_t>& shape) {
    expect_refusal(part, "reshape", {{"x", counted({2, 3})}, {"shape", mil_integers(shape)}}, {6});
  };
  refuse("[2, 3] cannot take the shape [4]", {4});
  refuse("[2, 3] cannot take the shape [4, 1]", {4, -1});
  refuse("more than one entry", {-1, -1});
  refuse("not as many entries", {0, 3, 1});
  refuse("an entry of shape is -2", {-2, 3});
  refuse("more elements than the 6", {2147483647, 2147483647, 2147483647, 2147483647});
}

TEST(BadMilMovement, Slices) {
  const Fed x = counted({4});
  const auto refuse = [&](const char* part, std::vector<Bound> more) {
    more.push_back({"x", x});
    more.push_back({"end", mil_integers({9})});
    expect_refusal(part, "slice_by_index", more, {4});
  };
  refuse("stride 0", {{"begin", mil_integers({0})}, {"stride", mil_integers({0})}});
  refuse("index 4 is outside", {{"begin", mil_integers({4})}, {"squeeze_mask", mil_truths({1})}});
  refuse("index -5 is outside", {{"begin", mil_integers({-5})}, {"squeeze_mask", mil_truths({1})}});
  refuse("begin has 2 elements", {{"begin", mil_integers({0, 0})}});
  const auto refuse_size = [&](int64_t begin, int64_t size) {
    expect_refusal("not inside of an axis of 4", "slice_by_size",
                   {{"x", x}, {"begin", mil_integers({begin})}, {"size", mil_integers({size})}}, {4});
  };
  refuse_size(2, 3);
  refuse_size(-5, 1);
  refuse_size(0, -2);
}

}  // namespace
}  // namespace ane::reference
