// Elementwise units with one number, or one number per channel, as an operand are gain and offset: x + c, x *
// c, x - c, x / c. As a GOC they need no tensor of constants, and can be folded into a convolution.
#include <cmath>
#include <utility>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::ElementWise;
using aneir::ElementWiseOp;

bool is_per_channel(const Shape& constants, const Shape& operand) {
  return constants.count() == 1 || (constants.c == operand.c && constants.count() == constants.c);
}

// The GOC that does `op` with `values` on the right; nothing for other operations.
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

}  // namespace

bool recognise_goc(Network& network, const EngineFacts&) {
  const bool changed = rewrite_units(network, [](Unit& unit, Replacement& here) -> TensorId {
    const auto* elementwise = unit.as<ElementWise>();
    if (!elementwise || elementwise->scale != 1 || elementwise->relu) return no_tensor;
    TensorId operand = unit.bottoms[0], other = unit.bottoms[1];
    const bool commutes = elementwise->op == ElementWiseOp::Add || elementwise->op == ElementWiseOp::Mult;
    if (commutes && constants_of(here.producer(operand))) std::swap(operand, other);
    const auto* constants = constants_of(here.producer(other));
    const bool fits = constants && !constants_of(here.producer(operand)) &&
                      here.shape(operand) == here.shape(unit.top) &&
                      is_per_channel(constants->shape, here.shape(operand));
    if (!fits) return no_tensor;
    const auto goc = goc_for(elementwise->op, constants->values.floats());
    return goc ? here.add("goc", *goc, {operand}) : no_tensor;
  });
  return remove_dead_units(network) || changed;
}

}  // namespace ane::passes
