// The engine scales a tensor, or adds a number to it, in one elementwise pass; both together in that pass are
// shown by no captured program, and numbers per channel only behind an extra copy. A depthwise 1x1
// convolution with bias does all of it in one pass and rounds once, with weights and biases as exact as those
// of the GOC itself.
//
// With facts.composites numbers per channel stay, and scale and offset together become such. The engine
// computes scale * (x + offset / scale) then, so where that quotient is no binary16 number (a channel that is
// switched off has a scale of 0) the scales and the offsets are two units. So they are, as scalars, for a
// tensor of one channel: no captured program shows a single pair of them.
#include <cmath>

#include "base/half.h"
#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::Goc;

bool is_simple(const Goc& goc) {
  return !goc.channel_scale && !goc.channel_offset && (goc.scale == 1 || goc.offset == 0);
}

// Per channel, with neutral scalars: what the back end takes whole.
bool is_whole(const Goc& goc, int64_t channels) {
  return channels > 1 && (goc.channel_scale || goc.channel_offset) && goc.scale == 1 && goc.offset == 0;
}

// The only channel's factor, or addend.
float value_of(const std::optional<Constant>& of_channel, float scalar, bool factor) {
  if (!of_channel) return scalar;
  const float value = of_channel->floats()[0];
  return factor ? value * scalar : value + scalar;
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

// Can every offset be added before its scale?
bool divides(const Goc& goc) {
  if (!goc.channel_scale) return true;
  const std::vector<float> scales = goc.channel_scale->floats();
  const std::vector<float> offsets =
      goc.channel_offset ? goc.channel_offset->floats() : std::vector<float>(scales.size(), goc.offset);
  for (size_t i = 0; i < scales.size(); ++i) {
    const float scale = round_to_half(scales[i]);
    if (offsets[i] != 0 && (scale == 0 || !std::isfinite(round_to_half(offsets[i] / scale)))) return false;
  }
  return true;
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
    if (!goc || is_simple(*goc)) return no_tensor;
    const int64_t channels = here.shape(unit.top).c;
    if (facts.composites && is_whole(*goc, channels) && divides(*goc)) return no_tensor;
    if (channels > max_invented_constant) return no_tensor;
    if (facts.composites && channels == 1) {
      const Goc gain{value_of(goc->channel_scale, goc->scale, true), 0, {}, {}};
      const Goc shift{1, value_of(goc->channel_offset, goc->offset, false), {}, {}};
      return here.add("shifted", shift, {here.add("scaled", gain, unit.bottoms)});
    }
    if (facts.composites) {
      const Goc whole = as_whole(*goc, channels);
      if (divides(whole)) return here.add("whole", whole, unit.bottoms);
      const TensorId scaled = here.add("scaled", Goc{1, 0, whole.channel_scale, {}}, unit.bottoms);
      return here.add("shifted", Goc{1, 0, {}, whole.channel_offset}, {scaled});
    }
    return here.add("conv", as_convolution(*goc, channels), unit.bottoms);
  });
}

}  // namespace ane::passes
