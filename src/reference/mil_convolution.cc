// Convolutions of one to three spatial axes.

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

}  // namespace ane::reference::ops
