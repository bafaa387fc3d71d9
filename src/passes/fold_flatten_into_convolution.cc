// An inner product over an image arrives as a Reshape of C x H x W to C*H*W channels and a 1x1 convolution.
// The weights of that convolution, read as [Cout][C][H][W], are those of an H x W convolution of the
// unflattened image that has a single position: the same products, and no data moves. Where H or W exceed the
// engine's kernels, decompose_reshape does the flattening instead.
#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

bool is_matrix(const Conv& conv) {
  return !conv.transposed && conv.groups == 1 && conv.kernel_width == 1 && conv.kernel_height == 1 &&
         conv.pad_left == 0 && conv.pad_right == 0 && conv.pad_top == 0 && conv.pad_bottom == 0;
}

}  // namespace

bool fold_flatten_into_convolution(Network& network, const EngineFacts& facts) {
  bool folded = false;
  rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    auto* conv = unit.as<Conv>();
    const Unit* flatten = conv && is_matrix(*conv) ? here.producer(unit.bottoms[0]) : nullptr;
    if (!flatten || !flatten->as<aneir::Reshape>()) return no_tensor;
    const Shape image = here.shape(flatten->bottoms[0]), flat = here.shape(flatten->top);
    const bool flattens = flat.h == 1 && flat.w == 1 && flat.n == image.n && image.d == 1 && flat.d == 1;
    if (!flattens || image.h > facts.max_kernel_height || image.w > facts.max_kernel_width) return no_tensor;
    conv->kernel_height = static_cast<int>(image.h);
    conv->kernel_width = static_cast<int>(image.w);
    conv->stride_x = conv->stride_y = conv->dilation_x = conv->dilation_y = 1;
    unit.bottoms = flatten->bottoms;
    folded = true;
    return no_tensor;
  });
  return remove_dead_units(network) || folded;
}

}  // namespace ane::passes
