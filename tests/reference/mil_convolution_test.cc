// MIL's convolutions against the sum in their definition, written out as loops over all axes.

#include "mil_run.h"

namespace ane::reference {
namespace {

// One spatial axis in whole: how input and output positions belong together.
struct Axis {
  int64_t in, kernel, stride = 1, dilation = 1, before = 0, after = 0;

  int64_t out() const { return (in + before + after - (kernel - 1) * dilation - 1) / stride + 1; }
};

struct Case {
  int64_t n, in_channels, out_channels, groups;
  std::vector<Axis> axes;  // one to three

  Shape shape(int64_t first, int64_t second, int64_t (*size)(const Axis&)) const {
    Shape result = {first, second};
    for (const Axis& axis : axes) result.push_back(size(axis));
    return result;
  }
  Fed x() const {
    const Shape in = shape(n, in_channels, [](const Axis& axis) { return axis.in; });
    return {in, pattern(element_count(in), 1)};
  }
  Fed weight() const {
    const Shape kernel =
        shape(out_channels, in_channels / groups, [](const Axis& axis) { return axis.kernel; });
    return {kernel, pattern(element_count(kernel), 2)};
  }
  Shape out() const {
    return shape(n, out_channels, [](const Axis& axis) { return axis.out(); });
  }
  std::vector<int64_t> list(int64_t Axis::*member) const {
    std::vector<int64_t> result;
    for (const Axis& axis : axes) result.push_back(axis.*member);
    return result;
  }
  std::vector<int64_t> pads() const {
    std::vector<int64_t> result;
    for (const Axis& axis : axes) result.insert(result.end(), {axis.before, axis.after});
    return result;
  }
};

// Calls body for every index within `shape`.
template <typename Body>
void for_each_index(const Shape& shape, Body body) {
  Shape index(shape.size(), 0);
  for (int64_t i = 0; i < element_count(shape); ++i) {
    int64_t rest = i;
    for (size_t axis = shape.size(); axis-- > 0; rest /= shape[axis]) index[axis] = rest % shape[axis];
    body(index, i);
  }
}

double element(const Fed& tensor, const Shape& index) {
  int64_t at = 0;
  for (size_t axis = 0; axis < index.size(); ++axis) {
    if (index[axis] < 0 || index[axis] >= tensor.shape[axis]) return 0;
    at = at * tensor.shape[axis] + index[axis];
  }
  return tensor.values[at];
}

std::vector<double> convolution(const Case& c, const Values& bias) {
  const Fed x = c.x(), weight = c.weight();
  const int64_t in_group = c.in_channels / c.groups, out_group = c.out_channels / c.groups;
  std::vector<double> expected;
  for_each_index(c.out(), [&](const Shape& out, int64_t) {
    double sum = bias.empty() ? 0 : bias[out[1]];
    for_each_index({weight.shape.begin() + 1, weight.shape.end()}, [&](const Shape& tap, int64_t) {
      Shape from = {out[0], out[1] / out_group * in_group + tap[0]}, by = {out[1]};
      by.insert(by.end(), tap.begin(), tap.end());
      for (size_t i = 0; i < c.axes.size(); ++i)
        from.push_back(out[i + 2] * c.axes[i].stride - c.axes[i].before + tap[i + 1] * c.axes[i].dilation);
      sum += element(x, from) * element(weight, by);
    });
    expected.push_back(sum);
  });
  return expected;
}

TEST(MilConv, OneToThreeSpatialAxesWithEveryParameter) {
  const std::vector<Case> cases = {
      {2, 3, 4, 1, {{7, 3}}},
      {1, 4, 6, 2, {{9, 3, 2, 2, 1, 3}}},
      {2, 3, 5, 1, {{5, 3}, {6, 2}}},
      {1, 4, 4, 4, {{6, 3, 2, 1, 1, 0}, {7, 2, 1, 3, 0, 2}}},
      {1, 6, 4, 2, {{1, 1}, {5, 1, 2}}},
      {1, 2, 3, 1, {{4, 2}, {5, 3, 2, 1, 1, 1}, {3, 2, 1, 2, 0, 1}}},
      {2, 2, 2, 2, {{3, 3, 1, 1, 1, 1}, {3, 1}, {4, 2, 2}}},
      // Padding that is wider than the kernel.
      {1, 1, 1, 1, {{2, 2, 1, 1, 3, 3}, {2, 1, 1, 1, 1, 0}}},
  };
  for (const Case& c : cases) {
    const Values bias = pattern(c.out_channels, 3);
    const std::vector<Bound> operands = {{"x", c.x()},
                                         {"weight", c.weight()},
                                         {"bias", Fed{{c.out_channels}, bias}},
                                         {"strides", mil_integers(c.list(&Axis::stride))},
                                         {"dilations", mil_integers(c.list(&Axis::dilation))},
                                         {"groups", mil_integer(c.groups)},
                                         {"pad_type", mil_text("custom")},
                                         {"pad", mil_integers(c.pads())}};
    expect_near(result("conv", operands, c.out()), convolution(c, bias));
  }
}

TEST(MilConv, DefaultsAreNoPaddingStridesOfOneAndOneGroup) {
  const Case c{1, 2, 3, 1, {{4, 3}, {5, 2}}};
  expect_near(result("conv", {{"x", c.x()}, {"weight", c.weight()}}, c.out()), convolution(c, {}));
  // pad says nothing unless pad_type is custom.
  expect_near(result("conv",
                     {{"x", c.x()},
                      {"weight", c.weight()},
                      {"pad_type", mil_text("valid")},
                      {"pad", mil_integers({1, 1, 1, 1})}},
                     c.out()),
              convolution(c, {}));
}

// Same padding: out = ceil(in / stride); of an odd amount, the larger part is at the end, for same_lower at
// the start.
TEST(MilConv, SamePadding) {
  struct Same {
    Axis upper, lower;
  };
  const std::vector<Same> cases = {
      {{5, 3, 1, 1, 1, 1}, {5, 3, 1, 1, 1, 1}}, {{5, 2, 1, 1, 0, 1}, {5, 2, 1, 1, 1, 0}},
      {{6, 3, 2, 1, 0, 1}, {6, 3, 2, 1, 1, 0}}, {{7, 3, 2, 1, 1, 1}, {7, 3, 2, 1, 1, 1}},
      {{6, 2, 1, 3, 1, 2}, {6, 2, 1, 3, 2, 1}},  // K' = 4
      {{5, 1, 3, 1, 0, 0}, {5, 1, 3, 1, 0, 0}},
  };
  for (const Same& same : cases) {
    for (const bool lower : {false, true}) {
      const Case c{1, 2, 2, 1, {lower ? same.lower : same.upper}};
      expect_near(result("conv",
                         {{"x", c.x()},
                          {"weight", c.weight()},
                          {"strides", mil_integers(c.list(&Axis::stride))},
                          {"dilations", mil_integers(c.list(&Axis::dilation))},
                          {"pad_type", mil_text(lower ? "same_lower" : "same")}},
                         c.out()),
                  convolution(c, {}));
    }
  }
}

// What the transposed convolution of a case gives, whose axes say by `before` and `after` what is cut from
// the full result; every input element adds a kernel.
struct Transposed {
  Case sizes;  // its out() is not that of the transposed convolution

  static int64_t out_of(const Axis& axis) {
    return (axis.in - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1 - axis.before - axis.after;
  }
  Fed weight() const {
    const Shape kernel = sizes.shape(sizes.in_channels, sizes.out_channels / sizes.groups,
                                     [](const Axis& axis) { return axis.kernel; });
    return {kernel, pattern(element_count(kernel), 2)};
  }
  Shape out() const { return sizes.shape(sizes.n, sizes.out_channels, out_of); }

  std::vector<double> expected(const Values& bias) const {
    const Fed x = sizes.x(), w = weight();
    const Strides strides = strides_of(out());
    std::vector<double> result(static_cast<size_t>(element_count(out())));
    for_each_index(out(),
                   [&](const Shape& index, int64_t i) { result[i] = bias.empty() ? 0 : bias[index[1]]; });
    for_each_index(x.shape, [&](const Shape& from, int64_t i) {
      for_each_index({w.shape.begin() + 1, w.shape.end()}, [&](const Shape& tap, int64_t) {
        const int64_t group = from[1] / (sizes.in_channels / sizes.groups);
        int64_t at =
            from[0] * strides[0] + (group * (sizes.out_channels / sizes.groups) + tap[0]) * strides[1];
        for (size_t a = 0; a < sizes.axes.size(); ++a) {
          const Axis& axis = sizes.axes[a];
          const int64_t position = from[a + 2] * axis.stride + tap[a + 1] * axis.dilation - axis.before;
          if (position < 0 || position >= out()[a + 2]) return;
          at += position * strides[a + 2];
        }
        Shape by = {from[1]};
        by.insert(by.end(), tap.begin(), tap.end());
        result[at] += double{x.values[i]} * element(w, by);
      });
    });
    return result;
  }
};

TEST(MilConvTranspose, OneToThreeSpatialAxesWithEveryParameter) {
  const std::vector<Transposed> cases = {
      {{2, 3, 4, 1, {{4, 3, 2}}}},
      {{1, 4, 6, 2, {{4, 3, 2, 2, 1, 3}}}},
      {{2, 3, 5, 1, {{3, 3, 2, 1, 1, 0}, {4, 2, 3}}}},
      {{1, 4, 4, 4, {{3, 3, 1, 2, 0, 1}, {3, 2}}}},
      {{1, 2, 3, 1, {{2, 2, 2}, {3, 3, 1, 1, 1, 1}, {2, 3, 2, 2, 1, 0}}}},
  };
  for (const Transposed& c : cases) {
    const Values bias = pattern(c.sizes.out_channels, 3);
    std::vector<Bound> operands = {{"x", c.sizes.x()},
                                   {"weight", c.weight()},
                                   {"bias", Fed{{c.sizes.out_channels}, bias}},
                                   {"strides", mil_integers(c.sizes.list(&Axis::stride))},
                                   {"dilations", mil_integers(c.sizes.list(&Axis::dilation))},
                                   {"groups", mil_integer(c.sizes.groups)},
                                   {"pad_type", mil_text("custom")},
                                   {"pad", mil_integers(c.sizes.pads())}};
    expect_near(result("conv_transpose", operands, c.out()), c.expected(bias));
    // A repeated shape changes nothing.
    operands.push_back({"output_shape", mil_integers(c.out())});
    expect_near(result("conv_transpose", operands, c.out()), c.expected(bias));
  }
}

TEST(MilConvTranspose, DefaultsKeepTheWholeResult) {
  const Transposed c{{1, 2, 3, 1, {{3, 2}, {2, 3}}}};
  expect_near(result("conv_transpose", {{"x", c.sizes.x()}, {"weight", c.weight()}}, c.out()),
              c.expected({}));
}

// Same padding gives in * stride elements; of an odd cut, the larger part is at the end. With output_shape
// the sizes that a strided convolution would have brought to `in` are possible: 5 or 6 for 3.
TEST(MilConvTranspose, SamePaddingAndOutputShapes) {
  struct Same {
    Axis axis;  // with the cut that is expected
    int64_t asked;
  };
  const std::vector<Same> cases = {
      {{3, 4, 2, 1, 1, 1}, -1},                             // full 8, out 6
      {{3, 3, 2, 1, 0, 1}, -1},                             // full 7, out 6
      {{3, 3, 2, 1, 1, 1}, 5},                              // full 7, out 5
      {{3, 5, 2, 1, 1, 2}, -1},                             // full 9, out 6
      {{4, 3, 1, 1, 1, 1}, -1}, {{3, 1, 2, 1, 0, -1}, -1},  // full 5, out 6: the last one is empty
  };
  for (const Same& same : cases) {
    const Transposed c{{1, 2, 2, 1, {same.axis}}};
    std::vector<Bound> operands = {{"x", c.sizes.x()},
                                   {"weight", c.weight()},
                                   {"strides", mil_integers({same.axis.stride})},
                                   {"pad_type", mil_text("same")}};
    if (same.asked >= 0) operands.push_back({"output_shape", mil_integers({1, 2, same.asked})});
    expect_near(result("conv_transpose", operands, c.out()), c.expected({}));
  }
}

TEST(MilConvTranspose, ValidWithALongerShapeEndsInTheBias) {
  const Transposed longer{{1, 1, 1, 1, {{2, 1, 3, 1, 0, -2}}}};
  const Values x = longer.sizes.x().values, w = longer.weight().values;
  expect_near(result("conv_transpose",
                     {{"x", longer.sizes.x()},
                      {"weight", longer.weight()},
                      {"bias", Fed{{1}, {5}}},
                      {"strides", mil_integers({3})},
                      {"output_shape", mil_integers({1, 1, 6})}},
                     {1, 1, 6}),
              {x[0] * w[0] + 5, 5, 5, x[1] * w[0] + 5, 5, 5});
}

TEST(BadMilConvTranspose, Parameters) {
  const Transposed c{{1, 4, 6, 2, {{3, 3, 2}}}};  // full 7
  const auto with = [&](std::vector<Bound> more) {
    more.insert(more.end(), {{"x", c.sizes.x()},
                             {"weight", c.weight()},
                             {"groups", mil_integer(2)},
                             {"strides", mil_integers({2})}});
    return more;
  };
  const Shape out = c.out();
  EXPECT_EQ(result("conv_transpose", with({}), out).size(), 42u);
  const auto shape = [](std::vector<int64_t> sizes) { return Bound{"output_shape", mil_integers(sizes)}; };
  expect_refusal("where 6 elements are cut from 7", "conv_transpose", with({shape({1, 6, 6})}), out);
  expect_refusal("where 9 elements are cut from 7", "conv_transpose", with({shape({1, 6, 9})}), out);
  expect_refusal("where 4 elements", "conv_transpose",
                 with({shape({1, 6, 4}), {"pad_type", mil_text("same")}}), out);
  expect_refusal("where 7 elements", "conv_transpose",
                 with({shape({1, 6, 7}), {"pad_type", mil_text("custom")}, {"pad", mil_integers({1, 1})}}),
                 out);
  expect_refusal("is not of 1 images with 6 channels", "conv_transpose", with({shape({1, 5, 7})}), out);
  expect_refusal("pad_type same_lower is not known", "conv_transpose",
                 with({{"pad_type", mil_text("same_lower")}}), out);
  expect_refusal("leaves no output", "conv_transpose",
                 with({{"pad_type", mil_text("custom")}, {"pad", mil_integers({4, 3})}}), out);
  expect_refusal("does not suit 4 channels", "conv_transpose",
                 {{"x", c.sizes.x()}, {"weight", Fed{{3, 1, 1}, counting(3)}}}, out);
}

TEST(BadMilConv, Parameters) {
  const Case c{1, 4, 6, 2, {{5, 3}, {5, 3}}};
  const auto with = [&](Bound bound) {
    return std::vector<Bound>{
        {"x", c.x()}, {"weight", c.weight()}, {"groups", mil_integer(2)}, std::move(bound)};
  };
  const Shape out = c.out();
  EXPECT_EQ(result("conv", with({"pad_type", mil_text("valid")}), out).size(), 54u);
  expect_refusal("pad_type full is not known", "conv", with({"pad_type", mil_text("full")}), out);
  expect_refusal("strides has 1 elements where 2 are needed", "conv", with({"strides", mil_integers({1})}),
                 out);
  expect_refusal("strides holds 0", "conv", with({"strides", mil_integers({0, 1})}), out);
  expect_refusal("dilations holds -1", "conv", with({"dilations", mil_integers({1, -1})}), out);
  expect_refusal("the bias has the shape [5]", "conv", with({"bias", Fed{{5}, pattern(5)}}), out);
  expect_refusal("larger than the padded input", "conv", with({"dilations", mil_integers({3, 1})}), out);
  std::vector<Bound> padded = with({"pad_type", mil_text("custom")});
  padded.push_back({"pad", mil_integers({0, -1, 0, 0})});
  expect_refusal("negative amount", "conv", padded, out);
  padded.back() = {"pad", mil_integers({2147483647, 0, 2147483647, 0})};
  expect_refusal("more than", "conv", padded, out);
  padded.back() = {"pad", mil_integers({1, 1})};
  expect_refusal("pad has 2 elements where 4", "conv", padded, out);

  const auto other_weight = [&](const Shape& shape, int64_t groups) {
    return std::vector<Bound>{
        {"x", c.x()}, {"weight", Fed{shape, pattern(element_count(shape))}}, {"groups", mil_integer(groups)}};
  };
  expect_refusal("does not suit 4 channels in 1 groups", "conv", other_weight({6, 2, 3, 3}, 1), out);
  expect_refusal("does not suit 4 channels in 3 groups", "conv", other_weight({6, 2, 3, 3}, 3), out);
  expect_refusal("does not suit 4 channels in 2 groups", "conv", other_weight({5, 2, 3, 3}, 2), out);
  expect_refusal("groups is 0", "conv", other_weight({6, 2, 3, 3}, 0), out);
  expect_refusal("another rank", "conv", other_weight({6, 2, 3}, 2), out);
  expect_refusal("not three to five axes", "conv",
                 {{"x", Fed{{2, 2}, pattern(4)}}, {"weight", Fed{{2, 2}, pattern(4)}}}, {2, 2});
}

}  // namespace
}  // namespace ane::reference
