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
