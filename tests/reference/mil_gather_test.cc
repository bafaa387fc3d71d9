// MIL's operations with indices that are data. The inputs count their elements.

#include "mil_run.h"

namespace ane::reference {
namespace {

Fed counted(const Shape& shape) {
  return {shape, counting(element_count(shape))};
}
Fed ints(const Shape& shape, const Values& values) {
  return {shape, values, DataType::Int32};
}
Bound axis(int64_t value) {
  return {"axis", mil_integer(value)};
}
Bound batch(int64_t count) {
  return {"batch_dims", mil_integer(count)};
}
Bound mode(const char* name) {
  return {"mode", mil_text(name)};
}

TEST(MilGather, TheAxisBecomesTheAxesOfTheIndices) {
  const Fed x = counted({2, 3});
  EXPECT_EQ(result("gather", {{"x", x}, {"indices", ints({2}, {1, 1})}}, {2, 3}), (Values{3, 4, 5, 3, 4, 5}));
  EXPECT_EQ(result("gather", {{"x", x}, {"indices", ints({}, {2})}, axis(1)}, {2}), (Values{2, 5}));
  EXPECT_EQ(result("gather", {{"x", x}, {"indices", ints({2, 2}, {0, 2, 1, 0})}, axis(-1)}, {2, 2, 2}),
            (Values{0, 2, 1, 0, 3, 5, 4, 3}));
}

TEST(MilGather, ABatchGathersByItself) {
  // x [2, 3, 2], indices [2, 2]: result (b, k, c) is x(b, indices(b, k), c).
  EXPECT_EQ(result("gather",
                   {{"x", counted({2, 3, 2})}, {"indices", ints({2, 2}, {2, 0, 1, 1})}, axis(1), batch(1)},
                   {2, 2, 2}),
            (Values{4, 5, 0, 1, 8, 9, 8, 9}));
  // With an axis between: x [2, 2, 3], axis 2.
  EXPECT_EQ(
      result("gather", {{"x", counted({2, 2, 3})}, {"indices", ints({2, 1}, {2, 0})}, axis(2), batch(1)},
             {2, 2, 1}),
      (Values{2, 5, 6, 9}));
}

TEST(MilGather, NegativeIndicesUpToIos16) {
  const std::vector<Bound> operands = {{"x", counted({3})}, {"indices", ints({2}, {-1, -3})}};
  EXPECT_EQ(result("gather", operands, {2}, DataType::Float32, "ios15"), (Values{2, 0}));
  EXPECT_EQ(result("gather", operands, {2}, DataType::Float32, "ios16"), (Values{2, 0}));
  expect_refusal("-1 is no index into an axis of 3", "gather", operands, {2}, DataType::Float32, "ios17");
}

TEST(MilGatherAlongAxis, TakesOneElementForEachIndex) {
  const Fed x = counted({2, 3});
  EXPECT_EQ(result("gather_along_axis", {{"x", x}, {"indices", ints({2, 2}, {2, 0, 1, 1})}, axis(1)}, {2, 2}),
            (Values{2, 0, 4, 4}));
  EXPECT_EQ(result("gather_along_axis", {{"x", x}, {"indices", ints({1, 3}, {1, 0, 1})}}, {1, 3}),
            (Values{3, 1, 5}));
}

TEST(MilGatherNd, RowsOfIndicesPointToParts) {
  const Fed x = counted({2, 3, 2});
  EXPECT_EQ(result("gather_nd", {{"x", x}, {"indices", ints({2, 2}, {1, 2, 0, 1})}}, {2, 2}),
            (Values{10, 11, 2, 3}));
  EXPECT_EQ(result("gather_nd", {{"x", x}, {"indices", ints({1, 3}, {1, 0, 1})}}, {1}), (Values{7}));
  EXPECT_EQ(result("gather_nd", {{"x", x}, {"indices", ints({1}, {1})}}, {3, 2}),
            (Values{6, 7, 8, 9, 10, 11}));
  // A batch of 2: indices (b, k, :) point into x(b).
  EXPECT_EQ(result("gather_nd", {{"x", x}, {"indices", ints({2, 2, 1}, {2, 0, 1, 1})}, batch(1)}, {2, 2, 2}),
            (Values{4, 5, 0, 1, 8, 9, 8, 9}));
}

// The example of the operator's documentation.
TEST(MilScatter, Adds) {
  EXPECT_EQ(result("scatter",
                   {{"data", Fed{{2, 3}, {1, 2, 3, 4, 5, 6}}},
                    {"indices", ints({2}, {1, 0})},
                    {"updates", Fed{{2, 3}, {5, 6, 7, 8, 9, 10}}},
                    axis(0),
                    mode("add")},
                   {2, 3}),
            (Values{9, 11, 13, 9, 11, 13}));
}

TEST(MilScatter, EveryMode) {
  const auto with = [](const char* name) {
    return result("scatter",
                  {{"data", Fed{{3}, {8, 6, 4}}},
                   {"indices", ints({2}, {2, 0})},
                   {"updates", Fed{{2}, {2, 16}}},
                   mode(name)},
                  {3});
  };
  EXPECT_EQ(with("update"), (Values{16, 6, 2}));
  EXPECT_EQ(with("add"), (Values{24, 6, 6}));
  EXPECT_EQ(with("sub"), (Values{-8, 6, 2}));
  EXPECT_EQ(with("mul"), (Values{128, 6, 8}));
  EXPECT_EQ(with("div"), (Values{0.5f, 6, 2}));
  EXPECT_EQ(with("max"), (Values{16, 6, 4}));
  EXPECT_EQ(with("min"), (Values{8, 6, 2}));
}

TEST(MilScatter, AlongAnInnerAxisAndTwiceToOnePlace) {
  EXPECT_EQ(result("scatter",
                   {{"data", Fed{{2, 3}, {0, 0, 0, 0, 0, 0}}},
                    {"indices", ints({2}, {2, 2})},
                    {"updates", Fed{{2, 2}, {1, 2, 3, 4}}},
                    axis(-1)},
                   {2, 3}),
            (Values{0, 0, 3, 0, 0, 7}));
}

TEST(MilScatterAlongAxis, PutsOneElementForEachIndex) {
  EXPECT_EQ(result("scatter_along_axis",
                   {{"data", Fed{{2, 3}, {0, 0, 0, 0, 0, 0}}},
                    {"indices", ints({2, 2}, {2, 0, 1, 1})},
                    {"updates", Fed{{2, 2}, {1, 2, 3, 4}}},
                    axis(1)},
                   {2, 3}),
            (Values{2, 0, 1, 0, 7, 0}));
}

TEST(MilScatterNd, RowsOfIndicesPointToParts) {
  EXPECT_EQ(result("scatter_nd",
                   {{"data", Fed{{2, 2}, {1, 2, 3, 4}}},
                    {"indices", ints({2, 2}, {0, 1, 1, 0})},
                    {"updates", Fed{{2}, {10, 20}}}},
                   {2, 2}),
            (Values{1, 12, 23, 4}));
  EXPECT_EQ(result("scatter_nd",
                   {{"data", Fed{{2, 2}, {1, 2, 3, 4}}},
                    {"indices", ints({1, 1}, {1})},
                    {"updates", Fed{{1, 2}, {10, 20}}},
                    mode("update")},
                   {2, 2}),
            (Values{1, 2, 10, 20}));
}

TEST(MilOneHot, OnANewAxis) {
  const Bound size{"one_hot_vector_size", mil_integer(3)};
  EXPECT_EQ(result("one_hot", {{"indices", ints({2}, {2, 0})}, size}, {2, 3}), (Values{0, 0, 1, 1, 0, 0}));
  EXPECT_EQ(result("one_hot",
                   {{"indices", ints({2}, {2, 0})},
                    size,
                    axis(0),
                    {"on_value", mil_number(5)},
                    {"off_value", mil_number(-1)}},
                   {3, 2}),
            (Values{-1, 5, -1, -1, 5, -1}));
  // An index outside of the vector sets nothing.
  EXPECT_EQ(result("one_hot", {{"indices", ints({2}, {3, -1})}, size}, {2, 3}), (Values{0, 0, 0, 0, 0, 0}));
}

TEST(MilNonZero, RowsOfIndices) {
  EXPECT_EQ(result("non_zero", {{"x", Fed{{2, 3}, {0, 5, 0, -1, 0, 2}}}}, {3, 2}, DataType::Int32),
            (Values{0, 1, 1, 0, 1, 2}));
  EXPECT_EQ(result("non_zero", {{"x", Fed{{2}, {0, 0}}}}, {0, 1}, DataType::Int32), Values{});
}

TEST(BadMilGather, Indices) {
  const Fed x = counted({2, 3});
  for (const float index : {2.0f, -3.0f})
    expect_refusal("is no index into an axis of 2", "gather", {{"x", x}, {"indices", ints({1}, {index})}},
                   {1, 3}, DataType::Float32, "ios15");
  expect_refusal("0.5 is no index", "gather", {{"x", x}, {"indices", Fed{{1}, {0.5f}}}}, {1, 3});
  expect_refusal("no index", "gather_along_axis", {{"x", x}, {"indices", ints({1, 3}, {0, 2, 0})}}, {1, 3});
  expect_refusal("no index", "gather_nd", {{"x", x}, {"indices", ints({1, 2}, {1, 3})}}, {1});
  expect_refusal("no index", "scatter",
                 {{"data", x}, {"indices", ints({1}, {2})}, {"updates", counted({1, 3})}}, {2, 3});
}

TEST(BadMilGather, Shapes) {
  const Fed x = counted({2, 3});
  expect_refusal("the first 1 axes", "gather",
                 {{"x", x}, {"indices", ints({3}, {0, 0, 0})}, axis(1), batch(1)}, {2});
  expect_refusal("among the 1 of the batch", "gather",
                 {{"x", x}, {"indices", ints({2}, {0, 0})}, axis(0), batch(1)}, {2});
  expect_refusal("the first 3 axes", "gather_nd", {{"x", x}, {"indices", ints({1}, {0})}, batch(3)}, {2});
  expect_refusal("indices has the shape [3, 1]", "gather_along_axis",
                 {{"x", x}, {"indices", ints({3, 1}, {0, 0, 0})}, axis(1)}, {3, 1});
  expect_refusal("indices has the shape [2]", "gather_along_axis", {{"x", x}, {"indices", ints({2}, {0, 0})}},
                 {2});
  expect_refusal("do not point into", "gather_nd", {{"x", x}, {"indices", ints({1, 3}, {0, 0, 0})}}, {1});
  expect_refusal("updates has the shape [2, 3]", "scatter",
                 {{"data", x}, {"indices", ints({1}, {0})}, {"updates", x}}, {2, 3});
  expect_refusal("updates has the shape [2]", "scatter_nd",
                 {{"data", x}, {"indices", ints({1, 1}, {0})}, {"updates", counted({2})}}, {2, 3});
  expect_refusal("mode swap is not known", "scatter",
                 {{"data", x}, {"indices", ints({1}, {0})}, {"updates", counted({1, 3})}, mode("swap")},
                 {2, 3});
  expect_refusal("more than", "one_hot",
                 {{"indices", ints({2}, {0, 0})}, {"one_hot_vector_size", mil_integer(2147483647)}}, {2, 3});
}

}  // namespace
}  // namespace ane::reference
