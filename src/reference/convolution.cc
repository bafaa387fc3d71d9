// Core ML's convolution layer, deconvolution included.

#include "reference/convolution_kernel.h"
#include "reference/layer_window.h"

namespace ane::reference {
namespace {

using Params = coreml::spec::ConvolutionLayerParams;

// The part of the full result ((in - 1) * s + K along an axis) that a deconvolution keeps; `before` is how
// much of its start is cut. How the cut of outputShape is split, and what happens where the kernel is smaller
// than the stride under same padding, is open in the format: the split is that of same padding, and rows
// beyond the full result are zero.
Window cropped(const Call& call, const Params& params, Window window, int axis) {
  const int64_t full = (window.in - 1) * window.stride + window.kernel;
  Edges cut;
  if (axis < params.outputshape_size()) {
    window.out = static_cast<int64_t>(params.outputshape(axis));
    cut = split_padding(std::max<int64_t>(0, full - window.out), start_heavy(params.same()));
  } else if (params.has_same()) {
    window.out = window.in * window.stride;
    cut = split_padding(std::max<int64_t>(0, full - window.out), start_heavy(params.same()));
  } else {
    cut = edges_of(params.valid().paddingamounts(), axis);
    window.out = full - cut.before - cut.after;
  }
  if (window.out < 1) call.fail("the padding leaves no output");
  window.before = cut.before;
  return window;
}

ConvolutionSizes sizes_of(const Call& call, const Params& params) {
  const Planes in = planes_of(call, call.input());
  ConvolutionSizes sizes;
  sizes.n = in.n;
  sizes.in_channels = in.c;
  sizes.out_channels = static_cast<int64_t>(params.outputchannels());
  sizes.groups = std::max<int64_t>(1, static_cast<int64_t>(params.ngroups()));
  if (sizes.in_channels % sizes.groups != 0 || sizes.out_channels % sizes.groups != 0)
    call.fail("the groups do not divide the channels");
  const int64_t in_sizes[] = {in.h, in.w};
  for (const int axis : {0, 1}) {
    Window& window = sizes.windows[static_cast<size_t>(axis) + 1];
    window.in = in_sizes[axis];
    window.kernel = element_or(params.kernelsize(), axis, 3);
    window.stride = element_or(params.stride(), axis, 1);
    // Deconvolution ignores it.
    if (!params.isdeconvolution()) window.dilation = element_or(params.dilationfactor(), axis, 1);
    window =
        params.isdeconvolution() ? cropped(call, params, window, axis) : padded(call, params, window, axis);
  }
  return sizes;
}

// The weights are a parameter or, since specification 4, the second input.
std::vector<float> weights_of(const Call& call, const Params& params, const ConvolutionSizes& sizes) {
  const bool transpose = params.isdeconvolution();
  const int64_t rows = sizes.windows[1].kernel, columns = sizes.windows[2].kernel;
  const Shape shape = transpose ? Shape{sizes.in_channels, sizes.out_group(), rows, columns}
                                : Shape{sizes.out_channels, sizes.in_group(), rows, columns};
  if (call.inputs.size() < 2) return call.weights(params.weights(), shape, transpose ? 1 : 0);
  if (static_cast<int64_t>(call.input(1).data.size()) != element_count(shape)) {
    call.fail("the second input is not a matching kernel");
  }
  return call.input(1).data;
}

std::vector<float> bias_of(const Call& call, const Params& params, const ConvolutionSizes& sizes) {
  if (!params.hasbias()) return std::vector<float>(static_cast<size_t>(sizes.out_channels), 0.0f);
  return call.weights(params.bias(), {sizes.out_channels});
}

}  // namespace

Tensor evaluate_convolution(const Call& call) {
  const Params& params = call.layer.convolution();
  const ConvolutionSizes sizes = sizes_of(call, params);
  const std::vector<float> weights = weights_of(call, params, sizes), bias = bias_of(call, params, sizes);
  Tensor result = make_tensor(
      with_planes(call.input().shape, sizes.out_channels, sizes.windows[1].out, sizes.windows[2].out));
  const auto run = params.isdeconvolution() ? convolve_transposed : convolve;
  run(sizes, call.input().data.data(), weights.data(), bias.data(), result.data.data());
  return result;
}

}  // namespace ane::reference
