// softmax(x) = 2^(k*(x - max x)) / sum of the same, k = log2(e), over channels: the five steps, and the order
// of them, that Apple's compiler emits. The engine's exponential is a table of 2^x, so k goes into the
// subtraction, which is rounded once; the reciprocal is the function behind the channel sum. Subtracting the
// maximum keeps every power in (0, 1] and the sum in [1, C].
//
// Error: the exponent is a binary16 number of magnitude up to 16, so small probabilities (below e^-8) carry
// up to 0.5 % relative error; the largest ones are good to a few units of 2^-11.
//
// Other axes are turned into channels and back: heights cost nothing (rows only change their stride), widths
// two copies.
#include <numbers>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::ElementWise;
using aneir::ElementWiseOp;
using aneir::Reduction;
using aneir::ReductionType;

TensorId softmax_over_channels(TensorId x, Replacement& here) {
  const TensorId largest = here.add("max", Reduction{ReductionType::Max, {Axis::Channel}, {}}, {x});
  const TensorId exponent = here.add(
      "exponent", ElementWise{ElementWiseOp::Sub, std::numbers::log2e_v<float>, false}, {x, largest});
  const TensorId power = here.add("power", Neuron{NeuronType::Exp2, 0, 0, 1}, {exponent});
  const Neuron inverse{NeuronType::Inv, 0, 0, 1};
  const TensorId divisor =
      here.add("inverse", Reduction{ReductionType::Sum, {Axis::Channel}, inverse}, {power});
  return here.add("quotient", ElementWise{ElementWiseOp::Mult, 1, false}, {power, divisor});
}

}  // namespace

bool decompose_softmax(Network& network, const EngineFacts& facts) {
  if (facts.composites) return false;
  return rewrite_units(network, [](Unit& unit, Replacement& here) -> TensorId {
    const auto* softmax = unit.as<aneir::Softmax>();
    if (!softmax || softmax->axis == Axis::Batch || softmax->axis == Axis::Depth) return no_tensor;
    const TensorId turned = here.swap("to_channels", unit.bottoms[0], softmax->axis, Axis::Channel);
    return here.swap("back", softmax_over_channels(turned, here), softmax->axis, Axis::Channel);
  });
}

}  // namespace ane::passes
