// Bounds: max(x, c) and min(x, c) with one number c, ReLU, ClampedReLU, and chains of them, are one
// ClampedReLU, which the engine computes in one table pass (or in the pass of a convolution before it).
// Frameworks write ReLU6 and "clip" as two layers.
#include <algorithm>
#include <limits>
#include <optional>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::ElementWise;
using aneir::ElementWiseOp;

constexpr float infinity = std::numeric_limits<float>::infinity();

struct Bounds {
  float low, high;
};

std::optional<Bounds> bounds_of(const Neuron& neuron) {
  if (neuron.type == NeuronType::ReLU) return Bounds{0, infinity};
  if (neuron.type == NeuronType::ClampedReLU) return Bounds{neuron.alpha, neuron.beta};
  return std::nullopt;
}

// min(max(x, low), high), as a ReLU where it is one.
Neuron clamp(Bounds bounds, float input_scale) {
  const bool relu = bounds.low == 0 && bounds.high == infinity;
  if (relu) return {NeuronType::ReLU, 0, 0, input_scale};
  return {NeuronType::ClampedReLU, bounds.low, bounds.high, input_scale};
}

// max(x, c), min(x, c)
TensorId clamp_by_constant(const Unit& unit, Replacement& here) {
  const auto* elementwise = unit.as<ElementWise>();
  if (!elementwise || elementwise->scale != 1 || elementwise->relu) return no_tensor;
  const bool upper = elementwise->op == ElementWiseOp::Min;
  if (!upper && elementwise->op != ElementWiseOp::Max) return no_tensor;
  for (const size_t i : {0u, 1u}) {
    const auto* constants = constants_of(here.producer(unit.bottoms[i]));
    const TensorId operand = unit.bottoms[1 - i];
    if (!constants || constants->shape.count() != 1 || here.shape(operand) != here.shape(unit.top)) continue;
    const float bound = constants->values.floats()[0];
    return here.add("clamp", clamp(upper ? Bounds{-infinity, bound} : Bounds{bound, infinity}, 1), {operand});
  }
  return no_tensor;
}

bool merge(Unit& producer, const Unit& reader) {
  auto* first = producer.as<Neuron>();
  const auto* second = reader.as<Neuron>();
  if (!first || !second || second->input_scale != 1) return false;
  const auto inner = bounds_of(*first), outer = bounds_of(*second);
  if (!inner || !outer) return false;
  const auto outer_of = [&](float x) { return std::min(std::max(x, outer->low), outer->high); };
  *first = clamp({outer_of(inner->low), outer_of(inner->high)}, first->input_scale);
  return true;
}

}  // namespace

bool recognise_clamp(Network& network, const EngineFacts&) {
  const bool recognised = rewrite_units(
      network, [](Unit& unit, Replacement& here) -> TensorId { return clamp_by_constant(unit, here); });
  const bool merged = absorb_readers(network, merge);
  return remove_dead_units(network) || recognised || merged;
}

}  // namespace ane::passes
