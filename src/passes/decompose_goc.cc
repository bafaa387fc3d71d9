// The engine scales a tensor, or adds a number to it, in one elementwise pass; both together in that pass are
// shown by no captured program, and numbers per channel only behind an extra copy. A depthwise 1x1
// convolution with bias does all of it in one pass and rounds once, with weights and biases as exact as those
// of the GOC itself.
//
// With facts.composites numbers per channel stay: scale and offset together become such.
#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::Goc;

bool is_simple(const Goc& goc) {
  return !goc.channel_scale && !goc.channel_offset && (goc.scale == 1 || goc.offset == 0);
}

// Per channel, with neutral scalars: what the back end takes whole.
bool is_whole(const Goc& goc) {
  return (goc.channel_scale || goc.channel_offset) && goc.scale == 1 && goc.offset == 0;
}

Goc as_whole(Goc goc, int64_t channels) {
  const auto spread = [&](float value) {
    return Constant::of_floats(std::vector<float>(static_cast<size_t>(channels), value));
  };
  if (!goc.channel_scale) goc.channel_scale = spread(goc.scale);
  if (!goc.channel_offset) goc.channel_offset = spread(goc.offset);
  goc.scale = 1, goc.offset = 0;
  return goc;
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

bool decompose_goc(Network& network, const EngineFacts& facts) {
  return rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    const auto* goc = unit.as<Goc>();
    if (!goc || is_simple(*goc) || (facts.composites && is_whole(*goc))) return no_tensor;
    const int64_t channels = here.shape(unit.top).c;
    if (channels > max_invented_constant) return no_tensor;
    if (facts.composites) return here.add("whole", as_whole(*goc, channels), unit.bottoms);
    return here.add("conv", as_convolution(*goc, channels), unit.bottoms);
  });
}

}  // namespace ane::passes
