// The engine applies a function of one variable to what it has just computed, at no cost: behind a
// convolution ReLU or a table, behind an addition ReLU (the only elementwise operation that captured programs
// show with it), behind a repetition ReLU too (tile_r_1x8x1x375_reps_113751).
#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

bool fuse_activation(Network& network, const EngineFacts& facts) {
  return absorb_readers(network, [&](Unit& producer, const Unit& reader) {
    const auto* neuron = reader.as<Neuron>();
    if (!neuron || !can_be_fused(*neuron, facts)) return false;
    if (auto* conv = producer.as<Conv>()) {
      if (conv->activation) return false;
      conv->activation = *neuron;
      return true;
    }
    auto* broadcast = producer.as<aneir::Broadcast>();
    if (broadcast && facts.composites && neuron->type == NeuronType::ReLU) {
      if (network.tensor(producer.bottoms[0]).type != aneir::ElementType::Float16) return false;
      broadcast->relu = true;
      return true;
    }
    auto* elementwise = producer.as<aneir::ElementWise>();
    const bool adds = elementwise && elementwise->op == aneir::ElementWiseOp::Add && !elementwise->relu;
    if (!adds || neuron->type != NeuronType::ReLU) return false;
    elementwise->relu = true;
    return true;
  });
}

}  // namespace ane::passes
