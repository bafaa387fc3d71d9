// Network -> network rewrites. Each is one free function in a file of its own, named by what it does, that leaves a
// network with the same results; compile() calls them in the order of `run_passes`, which says why each stands where
// it does.
//
// After run_passes every unit is in engine form, which src/h13 lowers without further questions:
//   Conv         not transposed, dilation 1, stride_x == stride_y <= max_stride, kernel and padding within the facts;
//                any channel counts and groups; bias; activation ReLU or one with a table
//   Neuron       ReLU or one with a table
//   Goc          per tensor, with either scale or offset (not both)
//   ElementWise  Add, Sub, Mult, Max, Min; operands of equal shape, or one of length 1 along some axes; scale allowed;
//                an operand may be a ConstantTensor
//   Concat       along Batch, Channel or Height
//   InputView    along Batch, Channel or Height
//   Reshape      that moves nothing: equal W, N kept (outer axes regrouped), or W == 1 on both sides
//   Transpose    any permutation of C, H, W
//   Reduction    Sum, Mean, Max over {H, W} or {W}; Sum, Max over {C} (Sum may carry an activation with a table)
//   Pooling      only with facts.native_pooling
//   Broadcast, Softmax, other Pooling: gone
#pragma once

#include <functional>
#include <string>

#include "aneir/engine_facts.h"
#include "aneir/network.h"

namespace ane::passes {

// Called after import ("import") and after each pass that changed something, with the pass's name, for debug output.
using Observer = std::function<void(const std::string& pass, const aneir::Network& network)>;

// Runs all passes. Throws one Error that lists every unit that cannot be brought into engine form: layer, type, reason.
void run_passes(aneir::Network& network, const aneir::EngineFacts& facts, const Observer& observer = {});

}  // namespace ane::passes
