// Convolutions of one to three spatial axes, transposed ones included.

#include <fmt/format.h>

#include "reference/convolution_kernel.h"
#include "reference/mil_operations.h"
#include "reference/mil_window.h"

namespace ane::reference::ops {
namespace {

// The weights, which must have the rank of x.
const Tensor& weight_of(const MilCall& call) {
  const Tensor &x = call.tensor("x"), &weight = call.tensor("weight");
  if (weight.shape.size() != x.shape.size())
    call.fail(
        fmt::format("the weight {} has another rank than x {}", to_string(weight.shape), to_string(x.shape)));
  return weight;
}

std::vector<float> bias_of(const MilCall& call, int64_t channels) {
  const Tensor* bias = call.optional("bias");
  if (!bias) return std::vector<float>(static_cast<size_t>(channels), 0.0f);
  if (bias->shape != Shape{channels})
    call.fail(fmt::format("the bias has the shape {} where there are {} output channels",
                          to_string(bias->shape), channels));
  return bias->data;
}

// The part of the full result, (in - 1) * s + K' elements long, that a transposed convolution keeps: `before`
// is where it begins. A result that is longer than the full one ends in zeros (and the bias).
//
// output_shape chooses among the sizes that a convolution would bring back to `in`, as TensorFlow's gradient
// of a convolution does, from which it comes; for others the place of the cut is open.
Window cut(const MilCall& call, Window window, const std::string& pad_type, Edges edges, int64_t asked) {
  const int64_t full = (window.in - 1) * window.stride + window.extent();
  const bool same = pad_type == "same";
  window.out = same ? window.in * window.stride : full - edges.before - edges.after;
  if (asked >= 0 && asked != window.out) {
    const int64_t least = same ? window.out - window.stride + 1 : full,
                  most = same ? window.out : full + window.stride - 1;
    if (pad_type == "custom" || asked < least || asked > most)
      call.fail(fmt::format("where {} elements are cut from {} is not known", asked, full));
    window.out = asked;
  }
  if (same) edges = split_padding(std::max<int64_t>(0, full - window.out), false);
  if (window.out < 1) call.fail("the padding leaves no output");
  window.before = edges.before;
  return window;
}

// The windows of a transposed convolution.
Windows cut_windows(const MilCall& call, const SpatialShape& x, const Shape& kernel, int64_t out_channels) {
  const size_t axes = x.spatial.size();
  Windows windows = unpadded_windows(call, x.spatial, kernel, true);
  const std::string& pad_type = call.text("pad_type");
  if (pad_type != "valid" && pad_type != "same" && pad_type != "custom")
    call.fail(fmt::format("pad_type {} is not known", pad_type));
  const std::vector<Edges> edges = pad_type == "custom" ? edges_of(call, axes) : std::vector<Edges>(axes);
  std::vector<int64_t> asked(axes + 2, -1);
  if (call.bound("output_shape")) {
    asked = call.positives("output_shape", axes + 2);
    if (asked[0] != x.n || asked[1] != out_channels)
      call.fail(fmt::format("output_shape {} is not of {} images with {} channels", to_string(asked), x.n,
                            out_channels));
  }
  for (size_t axis = 0; axis < axes; ++axis) {
    Window& window = window_of(windows, axis, axes);
    window = cut(call, window, pad_type, edges[axis], asked[axis + 2]);
  }
  return windows;
}

}  // namespace

Tensor conv(const MilCall& call) {
  const SpatialShape x = spatial_shape(call);
  const Tensor& weight = weight_of(call);
  ConvolutionSizes sizes;
  sizes.n = x.n;
  sizes.in_channels = x.channels;
  sizes.out_channels = weight.shape[0];
  sizes.groups = call.positive("groups");
  if (sizes.in_channels % sizes.groups != 0 || sizes.out_channels % sizes.groups != 0 ||
      sizes.in_group() != weight.shape[1])
    call.fail(fmt::format("the weight {} does not suit {} channels in {} groups", to_string(weight.shape),
                          x.channels, sizes.groups));
  sizes.windows = padded_windows(call, x.spatial, {weight.shape.begin() + 2, weight.shape.end()}, true);
  const std::vector<float> bias = bias_of(call, sizes.out_channels);
  Tensor result =
      make_tensor(call.checked(windowed_shape(x.n, sizes.out_channels, sizes.windows, x.spatial.size())));
  convolve(sizes, call.tensor("x").data.data(), weight.data.data(), bias.data(), result.data.data());
  return result;
}

// The weight is [in_channels, out_channels / groups, kernel...].
Tensor conv_transpose(const MilCall& call) {
  const SpatialShape x = spatial_shape(call);
  const Tensor& weight = weight_of(call);
  ConvolutionSizes sizes;
  sizes.n = x.n;
  sizes.in_channels = x.channels;
  sizes.groups = call.positive("groups");
  sizes.out_channels = weight.shape[1] * sizes.groups;
  if (sizes.in_channels % sizes.groups != 0 || weight.shape[0] != x.channels)
    call.fail(fmt::format("the weight {} does not suit {} channels in {} groups", to_string(weight.shape),
                          x.channels, sizes.groups));
  sizes.windows = cut_windows(call, x, {weight.shape.begin() + 2, weight.shape.end()}, sizes.out_channels);
  const std::vector<float> bias = bias_of(call, sizes.out_channels);
  Tensor result =
      make_tensor(call.checked(windowed_shape(x.n, sizes.out_channels, sizes.windows, x.spatial.size())));
  convolve_transposed(sizes, call.tensor("x").data.data(), weight.data.data(), bias.data(),
                      result.data.data());
  return result;
}

}  // namespace ane::reference::ops
