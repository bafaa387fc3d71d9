// Espresso's layers that slide a window over h and w, and inner products.
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "reference/convolution_kernel.h"
#include "reference/espresso_layers.h"
#include "reference/matrix_product.h"
#include "reference/pooling_kernel.h"
#include "reference/sampling.h"

namespace ane::reference {
namespace {

enum PadMode : int64_t { pad_explicit = 0, pad_same = 1, pad_valid = 2 };

int64_t images_of(const Tensor& tensor) {
  return tensor.shape[axis_seq] * tensor.shape[axis_n];
}

Shape with_image(const Shape& shape, int64_t k, int64_t h, int64_t w) {
  return {shape[axis_seq], shape[axis_n], k, h, w};
}

Edges amounts_of(const EspressoCall& call, bool along_x) {
  return {call.extent(along_x ? "pad_l" : "pad_t", 0), call.extent(along_x ? "pad_r" : "pad_b", 0)};
}

// Size, stride and dilation of a window along w or h, not placed yet. Sizes are named PREFIXx and PREFIXy.
Window window_along(const EspressoCall& call, bool along_x, const std::string& prefix) {
  const std::string axis = along_x ? "x" : "y";
  Window window;
  window.in = call.input().shape[along_x ? axis_w : axis_h];
  window.kernel = call.extent(prefix + axis, 1);
  window.stride = call.extent("stride_" + axis, 1);
  window.dilation = call.extent("dilation_" + axis, 1);
  call.require(window.kernel > 0 && window.stride > 0 && window.dilation > 0,
               "a window of size, stride or dilation 0");
  return window;
}

Window placed(const EspressoCall& call, bool along_x, const Window& window) {
  switch (call.integer("pad_mode", pad_explicit)) {
    case pad_explicit:
      return padded_by(window, amounts_of(call, along_x));
    case pad_same:
      return padded_same(window, false);
    case pad_valid:
      return padded_by(window, {});
    default:
      call.fail("unknown pad_mode");
  }
}

// Only padding with zeros is known.
void check_padding(const EspressoCall& call, const Window& h, const Window& w) {
  const bool padded = h.before + h.after + w.before + w.after > 0;
  call.require(!padded || (call.integer("pad_fill_mode", 0) == 0 && call.number("pad_value", 0) == 0),
               "padding with anything but zeros is not known");
  call.require(h.out > 0 && w.out > 0, "the kernel is larger than the padded input");
}

// The part of a deconvolution's full result ((in - 1) * s + K along an axis) that is kept; `before` is how
// much of its start is cut.
Window cropped(const EspressoCall& call, bool along_x, Window window) {
  const int64_t full = (window.in - 1) * window.stride + window.kernel;
  const int64_t wanted = call.extent(along_x ? "deconv_out_width" : "deconv_out_height", 0);
  const int64_t mode = call.integer("pad_mode", pad_explicit);
  Edges cut;
  if (wanted > 0 || mode == pad_same) {
    window.out = wanted > 0 ? wanted : window.in * window.stride;
    cut = split_padding(std::max<int64_t>(0, full - window.out), false);
  } else {
    if (mode == pad_explicit) cut = amounts_of(call, along_x);
    window.out = full - cut.before - cut.after;
  }
  call.require(window.out > 0, "the padding leaves no output");
  window.before = cut.before;
  return window;
}

void apply_fused(const EspressoCall& call, Tensor& result, const char* relu, const char* tanh) {
  if (call.flag(relu)) result = map_elements(result, [](float x) { return x < 0 ? 0.0f : x; });
  if (call.flag(tanh)) result = map_elements(result, [](double x) { return std::tanh(x); });
}

using Convolve = void (*)(const ConvolutionSizes&, const float*, const float*, const float*, float*);

Tensor convolved(const EspressoCall& call, const Window& h, const Window& w, Convolve run) {
  call.require(call.integer("n_parallel", 1) == 1, "n_parallel other than 1 is not known");
  call.require(!call.flag("has_batch_norm"), "a batchnorm inside of a convolution is not known");
  const Tensor& input = call.input();
  ConvolutionSizes sizes;
  sizes.n = images_of(input);
  sizes.in_channels = input.shape[axis_k];
  sizes.out_channels = call.extent("C", 0);
  sizes.groups = call.extent("n_groups", 1);
  sizes.windows = {Window{}, h, w};
  call.require(sizes.out_channels > 0 && sizes.groups > 0 && sizes.in_channels % sizes.groups == 0 &&
                   sizes.out_channels % sizes.groups == 0,
               "the groups do not divide the channels");
  call.require(call.integer("K", sizes.in_channels) == sizes.in_channels, "K is not the input's channels");
  Tensor result = make_result(call, with_image(input.shape, sizes.out_channels, h.out, w.out));
  const int64_t per_channel = sizes.in_group() * h.kernel * w.kernel;
  const std::vector<float> weights = call.weights(sizes.out_channels * per_channel, per_channel);
  std::vector<float> bias(static_cast<size_t>(sizes.out_channels), 0.0f);
  if (call.flag("has_biases")) bias = call.floats("blob_biases", sizes.out_channels);
  run(sizes, input.data.data(), weights.data(), bias.data(), result.data.data());
  apply_fused(call, result, "fused_relu", "fused_tanh");
  return result;
}

// How many windows there are shows only in the declared size where it was rounded up: one more, which begins
// inside of the padded input and overhangs it.
void count_windows(const EspressoCall& call, Window& window, int64_t declared) {
  if (declared == window.out) return;
  const int64_t room = window.in + window.before + window.after - window.extent();
  const bool overhangs = room >= 0 && room % window.stride != 0;
  call.require(
      overhangs && declared == window.out + 1 && window.out * window.stride < window.in + window.before,
      fmt::format("{} windows over {} elements are declared", declared, window.in));
  window.out = declared;
}

Tensor sampled(const EspressoCall& call, const Positions& rows, const Positions& columns) {
  const Tensor& input = call.input();
  const int64_t h = input.shape[axis_h], w = input.shape[axis_w];
  const auto out_h = static_cast<int64_t>(rows.size()), out_w = static_cast<int64_t>(columns.size());
  Tensor result = make_result(call, with_image(input.shape, input.shape[axis_k], out_h, out_w));
  for (int64_t plane = 0; plane < images_of(input) * input.shape[axis_k]; ++plane)
    sample_plane(input.data.data() + plane * h * w, h, w, rows, columns,
                 result.data.data() + plane * out_h * out_w);
  return result;
}

// The positions that an enlargement to `count` elements reads. Bilinear grids: on both end points; from the
// first point in steps that stop short of the last (legacy); on the centres of pixels.
Positions enlarged(const EspressoCall& call, int64_t size, int64_t count, double factor) {
  if (call.integer("mode", 0) == 0) {
    Positions positions;
    for (int64_t i = 0; i < count; ++i) positions.push_back(std::floor(static_cast<double>(i) / factor));
    return clamped(std::move(positions), size);
  }
  const SamplingMode mode = call.flag("align_corners")    ? SamplingMode::StrictAlignCorners
                            : call.flag("is_legacy_mode") ? SamplingMode::Default
                                                          : SamplingMode::UnalignCorners;
  return clamped(sampling_positions(mode, 0, static_cast<double>(size - 1), count), size);
}

double factor_of(const EspressoCall& call, const std::string& axis) {
  const bool fractional = call.flag("use_fractional_scale_factors");
  const double factor = fractional ? call.number("fractional_scaling_factor_" + axis, 1)
                                   : static_cast<double>(call.extent("scaling_factor_" + axis, 1));
  call.require(factor > 0 && factor <= 1 << 20, "a scaling factor that enlarges nothing");
  return factor;
}

// The element that each one of a padded axis takes; -1 for the constant.
std::vector<int64_t> padded_positions(const EspressoCall& call, int64_t size, const Edges& edges) {
  const int64_t mode = call.integer("pad_pad_mode", 0);
  call.require(mode >= 0 && mode <= 2, "unknown pad_pad_mode");
  call.require(mode != 1 || std::max(edges.before, edges.after) < size,
               "a reflection reaches over the whole input");
  std::vector<int64_t> positions;
  for (int64_t i = -edges.before; i < size + edges.after; ++i) {
    const bool inside = i >= 0 && i < size;
    const int64_t nearest = std::clamp<int64_t>(i, 0, size - 1);
    positions.push_back(inside ? i : mode == 0 ? -1 : mode == 1 ? 2 * nearest - i : nearest);
  }
  return positions;
}

}  // namespace

Tensor espresso_convolution(const EspressoCall& call) {
  const Window h = placed(call, false, window_along(call, false, "N")),
               w = placed(call, true, window_along(call, true, "N"));
  check_padding(call, h, w);
  return convolved(call, h, w, convolve);
}

// The weights are [K][C / n_groups][Ny][Nx], as in the Core ML model that it was compiled from. Dilation is
// ignored, as Core ML does.
Tensor espresso_deconvolution(const EspressoCall& call) {
  Window h = window_along(call, false, "N"), w = window_along(call, true, "N");
  h.dilation = w.dilation = 1;
  return convolved(call, cropped(call, false, h), cropped(call, true, w), convolve_transposed);
}

// y = W x + b. The vectors are all of an image, or the last axis of an exact-rank tensor; either way they
// follow each other.
Tensor espresso_inner_product(const EspressoCall& call) {
  call.require(!call.flag("is_lookup") && !call.flag("has_prelu"), "an embedding or a fused PReLU");
  const Tensor& input = call.input();
  const int64_t in = call.extent("nB", 0), out = call.extent("nC", 0);
  const int64_t image = input.shape[axis_k] * input.shape[axis_h] * input.shape[axis_w];
  call.require(in > 0 && out > 0 && (image == in || input.shape[axis_w] == in),
               fmt::format("the input {} does not hold vectors of {}", to_string(input.shape), in));
  const int64_t rows = static_cast<int64_t>(input.data.size()) / in;
  Tensor result = make_result(call, call.declared());
  call.require(static_cast<int64_t>(result.data.size()) == rows * out,
               fmt::format("{} is declared for {} vectors of {}", to_string(result.shape), rows, out));
  const std::vector<float> weights = call.weights(in * out, in);
  multiply_in_parallel(result.data.data(), out, {input.data.data(), rows, in, in},
                       {weights.data(), out, in, in, true});
  if (call.flag("has_biases")) {
    const std::vector<float> bias = call.floats("blob_biases", out);
    for (size_t i = 0; i < result.data.size(); ++i) result.data[i] += bias[i % bias.size()];
  }
  apply_fused(call, result, "has_relu", "has_tanh");
  return result;
}

Tensor espresso_batch_matmul(const EspressoCall& call) {
  const Tensor &a = call.input(0), &b = call.input(1);
  call.require(product_shape(a.shape, false, b.shape, false).has_value(),
               "the matrices do not fit each other");
  return batched_product(a, false, b, false);
}

Tensor espresso_pool(const EspressoCall& call) {
  constexpr PoolingKind kinds[] = {PoolingKind::Average, PoolingKind::Maximum, PoolingKind::L2};
  const Tensor& input = call.input();
  const int64_t kind = call.integer("avg_or_max");
  call.require(kind >= 0 && kind <= 2, "unknown avg_or_max");
  Window windows[2];
  for (const bool along_x : {false, true}) {
    Window& window = windows[along_x];
    window = window_along(call, along_x, "size_");
    if (call.flag("is_global")) {
      window = {.in = window.in, .kernel = window.in};
      continue;
    }
    window = placed(call, along_x, window);
    count_windows(call, window, call.declared()[along_x ? axis_w : axis_h]);
  }
  const auto overhangs = [](const Window& w) {
    return (w.out - 1) * w.stride + w.kernel > w.in + w.before + w.after;
  };
  const bool exclude = call.flag("average_count_exclude_padding");
  call.require(kind != 0 || exclude || (!overhangs(windows[0]) && !overhangs(windows[1])),
               "by what an average over an overhanging window is divided is not known");
  call.require(windows[0].out > 0 && windows[1].out > 0, "the kernel is larger than the padded input");
  const PoolingSizes sizes{
      images_of(input) * input.shape[axis_k], {Window{}, windows[0], windows[1]}, kinds[kind], exclude};
  Tensor result =
      make_result(call, with_image(input.shape, input.shape[axis_k], windows[0].out, windows[1].out));
  pool(sizes, input.data.data(), result.data.data());
  return result;
}

Tensor espresso_padding(const EspressoCall& call) {
  const Tensor& input = call.input();
  const Edges rows = amounts_of(call, false), columns = amounts_of(call, true);
  make_result(call,
              with_image(input.shape, input.shape[axis_k], input.shape[axis_h] + rows.before + rows.after,
                         input.shape[axis_w] + columns.before + columns.after));
  const auto value = static_cast<float>(call.number("pad_value", 0));
  const Tensor tall = taken(input, axis_h, padded_positions(call, input.shape[axis_h], rows), value);
  return taken(tall, axis_w, padded_positions(call, input.shape[axis_w], columns), value);
}

// The size under a fractional factor is what the shape file declares.
Tensor espresso_upsample(const EspressoCall& call) {
  call.require(call.integer("mode", 0) == 0 || call.integer("mode", 0) == 1, "unknown mode");
  const Shape declared = call.declared();
  const Tensor& input = call.input();
  return sampled(call, enlarged(call, input.shape[axis_h], declared[axis_h], factor_of(call, "y")),
                 enlarged(call, input.shape[axis_w], declared[axis_w], factor_of(call, "x")));
}

}  // namespace ane::reference
