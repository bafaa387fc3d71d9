// The engine scales a tensor, or adds a number to it, in one elementwise pass; both together in that pass are
// shown by no captured program, and numbers per channel only behind an extra copy. A depthwise 1x1
// convolution with bias does all of it in one pass and rounds once, with weights and biases as exact as those
// of the GOC itself.
#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::Goc;

bool is_simple(const Goc& goc) {
  return !goc.channel_scale && !goc.channel_offset && (goc.scale == 1 || goc.offset == 0);
}

Conv as_convolution(const Goc& goc, int64_t channels) {
  Conv conv = depthwise(channels, 1, 1, goc.scale);
  if (goc.channel_scale) conv.weights = *goc.channel_scale;
  if (goc.channel_offset)
    conv.bias = *goc.channel_offset;
  else if (goc.offset != 0)
    conv.bias = Constant::of_floats(std::vector<float>(static_cast<size_t>(channels), goc.offset));
  return conv;
}

}  // namespace

bool decompose_goc(Network& network, const EngineFacts&) {
  return rewrite_units(network, [](Unit& unit, Replacement& here) -> TensorId {
    const auto* goc = unit.as<Goc>();
    if (!goc || is_simple(*goc)) return no_tensor;
    const int64_t channels = here.shape(unit.top).c;
    if (channels > max_invented_constant) return no_tensor;
    return here.add("conv", as_convolution(*goc, channels), unit.bottoms);
  });
}

}  // namespace ane::passes
