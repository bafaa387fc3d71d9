// Convolution against the sums of its definition, written out in double with a test per element for "inside
// the input".

#include "run.h"

namespace ane::reference {
namespace {

using test::ConvolutionOptions;

struct Case {
  const char* name;
  ConvolutionOptions options;
  int64_t height = 7, width = 9;
  bool top_left_heavy = false;
};

int64_t ceil_div(int64_t a, int64_t b) {
  return a / b + (a % b ? 1 : 0);
}

// Size of the output and padding at the start, by the rules of the format.
struct Axis {
  int64_t out, start;
};

Axis axis_of(const Case& c, bool vertical) {
  const ConvolutionOptions& o = c.options;
  const int64_t in = vertical ? c.height : c.width, k = vertical ? o.kernel_h : o.kernel_w;
  const int64_t s = vertical ? o.stride_h : o.stride_w, d = vertical ? o.dilation_h : o.dilation_w;
  const int64_t a = vertical ? o.top : o.left, b = vertical ? o.bottom : o.right;
  const int64_t extent = (k - 1) * d + 1;
  if (!o.same) return {(in + a + b - extent) / s + 1, a};
  const int64_t out = ceil_div(in, s), total = std::max<int64_t>(0, (out - 1) * s + extent - in);
  return {out, c.top_left_heavy ? ceil_div(total, 2) : total / 2};
}

std::vector<double> convolve(const Case& c, const Values& x, const Values& weights) {
  const ConvolutionOptions& o = c.options;
  const Axis rows = axis_of(c, true), columns = axis_of(c, false);
  const int64_t in_group = o.in / o.groups, out_group = o.out / o.groups;
  std::vector<double> result;
  for (int64_t oc = 0; oc < o.out; ++oc) {
    for (int64_t p = 0; p < rows.out; ++p) {
      for (int64_t q = 0; q < columns.out; ++q) {
        double sum = o.bias.empty() ? 0 : o.bias[oc];
        for (int64_t i = 0; i < in_group; ++i) {
          for (int64_t u = 0; u < o.kernel_h; ++u) {
            for (int64_t v = 0; v < o.kernel_w; ++v) {
              const int64_t y = p * o.stride_h - rows.start + u * o.dilation_h;
              const int64_t z = q * o.stride_w - columns.start + v * o.dilation_w;
              if (y < 0 || y >= c.height || z < 0 || z >= c.width) continue;
              const int64_t channel = oc / out_group * in_group + i;
              sum += double{weights[((oc * in_group + i) * o.kernel_h + u) * o.kernel_w + v]} *
                     x[(channel * c.height + y) * c.width + z];
            }
          }
        }
        result.push_back(sum);
      }
    }
  }
  return result;
}

const Case convolutions[] = {
    {"plain", {.out = 4, .in = 3}},
    {"pointwise", {.out = 5, .in = 6, .kernel_h = 1, .kernel_w = 1, .bias = {1, 2, 3, 4, 5}}},
    {"pointwise with stride",
     {.out = 2, .in = 3, .kernel_h = 1, .kernel_w = 1, .stride_h = 2, .stride_w = 3}},
    {"pointwise with padding", {.out = 2, .in = 3, .kernel_h = 1, .kernel_w = 1, .top = 1, .right = 2}},
    {"rectangle", {.out = 2, .in = 2, .kernel_h = 2, .kernel_w = 5, .stride_h = 1, .stride_w = 2}},
    {"asymmetric padding", {.out = 2, .in = 2, .stride_h = 2, .top = 2, .bottom = 1, .left = 0, .right = 3}},
    {"same, odd remainder", {.out = 2, .in = 2, .kernel_h = 4, .kernel_w = 2, .same = true}},
    {"same, heavy start", {.out = 2, .in = 2, .kernel_h = 4, .kernel_w = 2, .same = true}, 7, 9, true},
    {"same with stride",
     {.out = 3, .in = 2, .kernel_h = 5, .kernel_w = 3, .stride_h = 3, .stride_w = 2, .same = true}},
    {"same, kernel smaller than stride",
     {.in = 1, .kernel_h = 1, .kernel_w = 2, .stride_h = 3, .stride_w = 4, .same = true}},
    {"dilated", {.out = 2, .in = 2, .dilation_h = 2, .dilation_w = 3, .top = 1, .left = 2}},
    {"dilated, same", {.out = 2, .in = 2, .dilation_h = 3, .dilation_w = 2, .same = true}},
    {"groups", {.out = 6, .in = 4, .groups = 2, .bias = {1, -1, 2, -2, 3, -3}}},
    {"depthwise", {.out = 4, .in = 4, .groups = 4, .same = true}},
    {"depthwise with multiplier",
     {.out = 8, .in = 4, .stride_h = 2, .stride_w = 2, .groups = 4, .same = true}},
    // More than one block of rows, the last of them shorter.
    {"many channels", {.out = 9, .in = 40, .kernel_h = 5, .kernel_w = 5, .same = true}, 23, 31},
};

TEST(Convolution, AsDefined) {
  for (Case c : convolutions) {
    SCOPED_TRACE(c.name);
    ConvolutionOptions& o = c.options;
    o.weights = pattern(o.out * o.in / o.groups * o.kernel_h * o.kernel_w, 3);
    const Values x = pattern(o.in * c.height * c.width, 5);
    ModelBuilder model;
    model.array_input("x", {o.in, c.height, c.width});
    auto* params = model.convolution("y", "x", o);
    if (c.top_left_heavy)
      params->mutable_same()->set_asymmetrymode(coreml::spec::SamePadding::TOP_LEFT_HEAVY);
    model.array_output("y");
    const Tensor y = run(model, {{"x", x}}).at("y");
    EXPECT_EQ(y.shape, (coreml::Shape{1, 1, o.out, axis_of(c, true).out, axis_of(c, false).out}));
    expect_near(y.data, convolve(c, x, o.weights), 1e-4);
  }
}

TEST(Convolution, IsACorrelationAndNotFlipped) {
  // [1, 2, 3, 4] with the kernel [10, 1]: 10*1 + 1*2, ...
  ModelBuilder model;
  model.array_input("x", {1, 1, 4});
  model.convolution("y", "x", {.kernel_h = 1, .kernel_w = 2, .weights = {10, 1}, .bias = {0.5f}});
  model.array_output("y");
  EXPECT_EQ(run(model, {{"x", {1, 2, 3, 4}}}).at("y").data, (Values{12.5f, 23.5f, 34.5f}));
}

TEST(Convolution, DefaultsOfAbsentParameters) {
  // Kernel 3x3, stride 1, no padding: the only window of a 3x3 input.
  const Tensor y = rank5({{{1, 3, 3}, counting(9)}}, [](Layer& layer) {
    layer.mutable_convolution()->set_outputchannels(1);
    layer.mutable_convolution()->set_kernelchannels(1);
    layer.mutable_convolution()->mutable_valid();
    test::set_floats(layer.mutable_convolution()->mutable_weights(), Values(9, 1.0f));
  });
  EXPECT_EQ(y.data, (Values{36}));
}

TEST(Convolution, BatchesAndHalfWeights) {
  ModelBuilder model(4);
  model.exact_rank();
  model.array_input("x", {2, 2, 1, 1});
  model.convolution(
      "y", "x",
      {.out = 1, .in = 2, .kernel_h = 1, .kernel_w = 1, .half_weights = true, .weights = {2, -0.5f}});
  model.array_output("y");
  const Tensor y = run(model, {{"x", {1, 2, 3, 8}}}).at("y");
  EXPECT_EQ(y.shape, (coreml::Shape{2, 1, 1, 1}));
  EXPECT_EQ(y.data, (Values{1, 2}));
}

// Every input element adds its multiple of the kernel to the full result, from which the padding is then cut.
std::vector<double> deconvolve(const Case& c, const Values& x, const Values& weights, int64_t out_h,
                               int64_t out_w, int64_t cut_top, int64_t cut_left) {
  const ConvolutionOptions& o = c.options;
  const int64_t in_group = o.in / o.groups, out_group = o.out / o.groups;
  std::vector<double> result(static_cast<size_t>(o.out * out_h * out_w));
  for (int64_t oc = 0; oc < o.out; ++oc) {
    for (int64_t i = 0; i < out_h * out_w; ++i)
      result[oc * out_h * out_w + i] = o.bias.empty() ? 0 : o.bias[oc];
  }
  for (int64_t ic = 0; ic < o.in; ++ic) {
    for (int64_t oc = ic / in_group * out_group; oc < (ic / in_group + 1) * out_group; ++oc) {
      for (int64_t y = 0; y < c.height; ++y) {
        for (int64_t z = 0; z < c.width; ++z) {
          for (int64_t u = 0; u < o.kernel_h; ++u) {
            for (int64_t v = 0; v < o.kernel_w; ++v) {
              const int64_t p = y * o.stride_h + u - cut_top, q = z * o.stride_w + v - cut_left;
              if (p < 0 || p >= out_h || q < 0 || q >= out_w) continue;
              const int64_t w = ((ic * out_group + oc % out_group) * o.kernel_h + u) * o.kernel_w + v;
              result[(oc * out_h + p) * out_w + q] +=
                  double{weights[w]} * x[(ic * c.height + y) * c.width + z];
            }
          }
        }
      }
    }
  }
  return result;
}

TEST(Deconvolution, AsDefined) {
  const Case cases[] = {
      {"plain", {.out = 3, .in = 2, .deconvolution = true, .bias = {1, 2, 3}}},
      {"stride",
       {.out = 2,
        .in = 3,
        .kernel_h = 4,
        .kernel_w = 4,
        .stride_h = 2,
        .stride_w = 2,
        .deconvolution = true}},
      {"cut",
       {.out = 2,
        .in = 3,
        .kernel_h = 4,
        .kernel_w = 5,
        .stride_h = 2,
        .stride_w = 3,
        .top = 1,
        .bottom = 2,
        .left = 3,
        .right = 0,
        .deconvolution = true}},
      {"groups",
       {.out = 6,
        .in = 4,
        .kernel_h = 2,
        .kernel_w = 3,
        .stride_h = 2,
        .stride_w = 2,
        .groups = 2,
        .deconvolution = true}},
      {"same",
       {.out = 2,
        .in = 2,
        .kernel_h = 4,
        .kernel_w = 3,
        .stride_h = 2,
        .stride_w = 2,
        .same = true,
        .deconvolution = true}},
      {"same, heavy start",
       {.out = 2,
        .in = 2,
        .kernel_h = 4,
        .kernel_w = 3,
        .stride_h = 1,
        .stride_w = 2,
        .same = true,
        .deconvolution = true},
       7,
       9,
       true},
  };
  for (Case c : cases) {
    SCOPED_TRACE(c.name);
    ConvolutionOptions& o = c.options;
    o.weights = pattern(o.in * o.out / o.groups * o.kernel_h * o.kernel_w, 3);
    const Values x = pattern(o.in * c.height * c.width, 5);
    const int64_t full_h = (c.height - 1) * o.stride_h + o.kernel_h,
                  full_w = (c.width - 1) * o.stride_w + o.kernel_w;
    int64_t out_h = full_h - o.top - o.bottom, out_w = full_w - o.left - o.right, cut_top = o.top,
            cut_left = o.left;
    if (o.same) {
      out_h = c.height * o.stride_h;
      out_w = c.width * o.stride_w;
      cut_top = c.top_left_heavy ? ceil_div(full_h - out_h, 2) : (full_h - out_h) / 2;
      cut_left = c.top_left_heavy ? ceil_div(full_w - out_w, 2) : (full_w - out_w) / 2;
    }
    ModelBuilder model;
    model.array_input("x", {o.in, c.height, c.width});
    auto* params = model.convolution("y", "x", o);
    if (c.top_left_heavy)
      params->mutable_same()->set_asymmetrymode(coreml::spec::SamePadding::TOP_LEFT_HEAVY);
    model.array_output("y");
    const Tensor y = run(model, {{"x", x}}).at("y");
    EXPECT_EQ(y.shape, (coreml::Shape{1, 1, o.out, out_h, out_w}));
    expect_near(y.data, deconvolve(c, x, o.weights, out_h, out_w, cut_top, cut_left), 1e-4);
  }
}

TEST(Deconvolution, OfOneElementIsTheKernel) {
  ModelBuilder model;
  model.array_input("x", {1, 1, 1});
  model.convolution("y", "x",
                    {.kernel_h = 2,
                     .kernel_w = 2,
                     .stride_h = 2,
                     .stride_w = 2,
                     .deconvolution = true,
                     .weights = {1, 2, 3, 4}});
  model.array_output("y");
  EXPECT_EQ(run(model, {{"x", {10}}}).at("y").data, (Values{10, 20, 30, 40}));
}

TEST(Deconvolution, OutputShapeCutsTheFullResult) {
  // The full result of 1, 1 with the kernel 1, 2, 4 and stride 1 is 1, 3, 6, 4; two of the four stay.
  ModelBuilder model;
  model.array_input("x", {1, 1, 2});
  auto* params = model.convolution(
      "y", "x", {.kernel_h = 1, .kernel_w = 3, .deconvolution = true, .weights = {1, 2, 4}});
  params->add_outputshape(1);
  params->add_outputshape(2);
  model.array_output("y");
  EXPECT_EQ(run(model, {{"x", {1, 1}}}).at("y").data, (Values{3, 6}));
}

}  // namespace
}  // namespace ane::reference
