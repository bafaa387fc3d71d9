// Elementwise units with one number, or one number per channel, as an operand are gain and offset: x + c, x *
// c, x - c, x / c. As a GOC they need no tensor of constants, and can be folded into a convolution.
//
// With facts.composites a quotient by one number is a gain for every channel if there are several, as Apple's
// compiler has it (binary_real_div_c64_constant_scalar: rows of 0 and of 1/s), and two GOCs in a row are one
// if either is per channel, for then both are in one task.
#include <cmath>
#include <utility>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::ElementWise;
using aneir::ElementWiseOp;

bool fits_channels(const Shape& constants, const Shape& operand) {
  return constants.count() == 1 || (constants.c == operand.c && constants.count() == constants.c);
}

// The GOC that does `op` with `values` on the right, one or one per channel; nothing for other operations.
std::optional<aneir::Goc> goc_for(ElementWiseOp op, std::vector<float> values) {
  const bool additive = op == ElementWiseOp::Add || op == ElementWiseOp::Sub;
  if (!additive && op != ElementWiseOp::Mult && op != ElementWiseOp::Div) return std::nullopt;
  for (float& value : values) {
    if (op == ElementWiseOp::Sub) value = -value;
    if (op == ElementWiseOp::Div) value = 1 / value;
    if (!std::isfinite(value)) return std::nullopt;
  }
  aneir::Goc goc;
  if (values.size() == 1)
    (additive ? goc.offset : goc.scale) = values[0];
  else
    (additive ? goc.channel_offset : goc.channel_scale) = Constant::of_floats(std::move(values));
  return goc;
}

bool is_per_channel(const aneir::Goc& goc) {
  return goc.channel_scale || goc.channel_offset;
}

// `second` after `first`, both over `channels`; nothing when a value is not finite.
std::optional<aneir::Goc> merged(const aneir::Goc& first, const aneir::Goc& second, int64_t channels) {
  const auto spread = [&](const std::optional<Constant>& values, float scalar) {
    return values ? values->floats() : std::vector<float>(static_cast<size_t>(channels), scalar);
  };
  std::vector<float> scales = spread(first.channel_scale, first.scale),
                     offsets = spread(first.channel_offset, first.offset);
  const std::vector<float> outer_scales = spread(second.channel_scale, second.scale),
                           outer_offsets = spread(second.channel_offset, second.offset);
  for (size_t i = 0; i < scales.size(); ++i) {
    scales[i] *= outer_scales[i];
    offsets[i] = offsets[i] * outer_scales[i] + outer_offsets[i];
    if (!std::isfinite(scales[i]) || !std::isfinite(offsets[i])) return std::nullopt;
  }
  return aneir::Goc{1, 0, Constant::of_floats(std::move(scales)), Constant::of_floats(std::move(offsets))};
}

bool merge_gocs(Network& network) {
  return absorb_readers(network, [&](Unit& producer, const Unit& reader) {
    auto* first = producer.as<aneir::Goc>();
    const auto* second = reader.as<aneir::Goc>();
    const int64_t channels = network.tensor(reader.top).shape.c;
    if (!first || !second || !(is_per_channel(*first) || is_per_channel(*second)) ||
        channels > max_invented_constant)
      return false;
    auto both = merged(*first, *second, channels);
    if (both) *first = std::move(*both);
    return both.has_value();
  });
}

}  // namespace

bool recognise_goc(Network& network, const EngineFacts& facts) {
  const bool recognised = rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    const auto* elementwise = unit.as<ElementWise>();
    if (!elementwise || elementwise->scale != 1 || elementwise->relu) return no_tensor;
    TensorId operand = unit.bottoms[0], other = unit.bottoms[1];
    const bool commutes = elementwise->op == ElementWiseOp::Add || elementwise->op == ElementWiseOp::Mult;
    if (commutes && constants_of(here.producer(operand))) std::swap(operand, other);
    const auto* constants = constants_of(here.producer(other));
    const bool fits = constants && !constants_of(here.producer(operand)) &&
                      here.shape(operand) == here.shape(unit.top) &&
                      fits_channels(constants->shape, here.shape(operand));
    if (!fits) return no_tensor;
    std::vector<float> values = constants->values.floats();
    const int64_t channels = here.shape(operand).c;
    if (facts.composites && elementwise->op == ElementWiseOp::Div && channels <= max_invented_constant)
      values.resize(static_cast<size_t>(channels), values[0]);
    const auto goc = goc_for(elementwise->op, std::move(values));
    return goc ? here.add("goc", *goc, {operand}) : no_tensor;
  });
  const bool merged = facts.composites && merge_gocs(network);
  return remove_dead_units(network) || recognised || merged;
}

}  // namespace ane::passes
