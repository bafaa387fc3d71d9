// A Broadcast that remains (its reader is not elementwise, or it is an output) is an addition to zeros of the
// result's shape: elementwise work is the only kind that repeats an operand. Where the back end knows a form
// of its own only constants are repeated this way, which makes them constants again (decompose_elementwise).
#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

bool decompose_broadcast(Network& network, const EngineFacts& facts) {
  return rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    const auto* broadcast = unit.as<aneir::Broadcast>();
    if (!broadcast || broadcast->shape.count() > max_invented_constant) return no_tensor;
    if (facts.composites && !constants_of(here.producer(unit.bottoms[0]))) return no_tensor;
    const std::vector<float> zeros(static_cast<size_t>(broadcast->shape.count()), 0.0f);
    const TensorId whole = here.constant("zeros", broadcast->shape, zeros);
    return here.add("repeated", aneir::ElementWise{}, {whole, unit.bottoms[0]});
  });
}

}  // namespace ane::passes
