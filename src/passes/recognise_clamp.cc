// Bounds: max(x, c) and min(x, c) with one number c, ReLU, ClampedReLU, and chains of them, are one
// ClampedReLU, which the engine computes in one table pass (or in the pass of a convolution before it).
// Frameworks write ReLU6 and "clip" as two layers.
//
// Core ML's layers for bounds before its fourth version have no minimum, so converters wrote min(x, 6) as
// -max(-x, -6), and ReLU6 in all as four layers. Gain and offset in front of bounds do as well behind them:
// s clamp(x, a, b) + o = clamp(s x + o, s a + o, s b + o), a and b exchanged for negative s. So gain and
// offset, bounds, gain and offset are bounds and one gain and offset, which are mostly 1 and 0; and where the
// result lies between 0 and 1 they are one hard sigmoid.
#include <algorithm>
#include <cmath>
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

// scale * x + offset, one number each.
struct Linear {
  float scale, offset;
  float operator()(float x) const { return scale * x + offset; }
};

std::optional<Linear> linear_of(const Unit* unit) {
  const auto* goc = unit ? unit->as<aneir::Goc>() : nullptr;
  if (!goc || goc->channel_scale || goc->channel_offset || goc->scale == 0) return std::nullopt;
  return Linear{goc->scale, goc->offset};
}

// The bounds of x for which `before` reaches `bounds`.
Bounds bounds_before(const Linear& before, const Bounds& bounds) {
  const float low = (bounds.low - before.offset) / before.scale,
              high = (bounds.high - before.offset) / before.scale;
  return before.scale > 0 ? Bounds{low, high} : Bounds{high, low};
}

bool is_about(float value, float wanted) {
  return std::abs(value - wanted) <= 1e-6f;
}

// after(clamp(before(x)))
TensorId bounded(const Linear& before, const Bounds& bounds, const Linear& after, TensorId x,
                 Replacement& here) {
  const Linear whole{after.scale * before.scale, after(before.offset)};
  if (whole.scale > 0 && is_about(after(after.scale > 0 ? bounds.low : bounds.high), 0) &&
      is_about(after(after.scale > 0 ? bounds.high : bounds.low), 1) && !is_about(whole.scale, 1))
    return here.add("gate", Neuron{NeuronType::HardSigmoid, whole.scale, whole.offset, 1}, {x});
  const TensorId clamped = here.add("clamp", clamp(bounds_before(before, bounds), 1), {x});
  if (whole.scale == 1 && whole.offset == 0) return clamped;
  return here.add("linear", aneir::Goc{whole.scale, whole.offset, {}, {}}, {clamped});
}

// Gain and offset on both sides of bounds, between which nobody else reads.
TensorId gather_linear(const Unit& unit, const std::vector<int>& readers, Replacement& here) {
  const auto is_private = [&](TensorId id) {
    return static_cast<size_t>(id) < readers.size() && readers[static_cast<size_t>(id)] == 1;
  };
  const auto after = linear_of(&unit);
  if (!after || !is_private(unit.bottoms[0])) return no_tensor;
  const Unit* between = here.producer(unit.bottoms[0]);
  const auto* neuron = between ? between->as<Neuron>() : nullptr;
  const auto bounds = neuron && neuron->input_scale == 1 ? bounds_of(*neuron) : std::nullopt;
  if (!bounds || !is_private(between->bottoms[0])) return no_tensor;
  const Unit* first = here.producer(between->bottoms[0]);
  const auto before = linear_of(first);
  return before ? bounded(*before, *bounds, *after, first->bottoms[0], here) : no_tensor;
}

// `inner`, then `outer`.
std::optional<Neuron> merged(const Neuron& inner, const Neuron& outer) {
  const auto first = bounds_of(inner), second = bounds_of(outer);
  if (!first || !second || outer.input_scale != 1) return std::nullopt;
  const auto bound = [&](float x) { return std::min(std::max(x, second->low), second->high); };
  return clamp({bound(first->low), bound(first->high)}, inner.input_scale);
}

// A convolution that has bounds already, as importers write its ReLU, takes those behind it along.
bool merge(Unit& producer, const Unit& reader, const EngineFacts& facts) {
  const auto* outer = reader.as<Neuron>();
  auto* conv = producer.as<Conv>();
  auto* inner = conv && conv->activation ? &*conv->activation : producer.as<Neuron>();
  if (!inner || !outer) return false;
  const auto both = merged(*inner, *outer);
  if (!both || (conv && !can_be_fused(*both, facts))) return false;
  *inner = *both;
  return true;
}

}  // namespace

bool recognise_clamp(Network& network, const EngineFacts& facts) {
  const std::vector<int> readers = count_readers(network);
  const bool recognised = rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    const TensorId by_constant = clamp_by_constant(unit, here);
    return by_constant != no_tensor ? by_constant : gather_linear(unit, readers, here);
  });
  bool merged_any = remove_dead_units(network);
  merged_any |= absorb_readers(
      network, [&](Unit& producer, const Unit& reader) { return merge(producer, reader, facts); });
  return recognised || merged_any;
}

}  // namespace ane::passes
