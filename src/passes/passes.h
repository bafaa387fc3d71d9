// Network -> network rewrites. Each is one free function in a file of its own, named by what it does, that
// leaves a network with the same results; compile() calls them in the order of `run_passes`, which says why
// each stands where it does.
//
// After run_passes every unit is in engine form, which src/h13 lowers without further questions. No tensor
// has depth, and W, H and C stay within the facts where anything but a Reshape reads or writes.
//   Conv         Not transposed, dilation 1, stride_x == stride_y <= max_stride; kernel and padding within
//                the facts. Any channel counts and groups; bias; activation ReLU or one with a table, of
//                input scale 1, neither Exp nor Rsqrt with alpha (these need work before their table).
//   Neuron       ReLU, or one with a table, both with any input scale; Abs with input scale 1.
//   Goc          Per tensor, with either scale or offset (not both).
//   ElementWise  Add, Sub, Mult, Max, Min. Operands of equal shape, or either of length 1 along some axes;
//                scale allowed; an operand may be a ConstantTensor.
//   Concat       Along Batch, Channel or Height. The same tensor may occur more than once.
//   InputView    Along Batch, Channel or Height; along Width from 0 with step 1.
//   Reshape      That moves nothing: equal W, outer axes regrouped.
//   Transpose    Any permutation of C, H, W.
//   Reduction    Sum, Mean, Max over {H, W} (in this order) or {W}; Sum, Max over {C}. The Sum over {C} may
//                carry an activation with a table, as a Conv does.
//   Pooling      Only with facts.native_pooling: Max, and Average in which padding counts or is absent;
//                windows within the facts of a convolution, stride_x and stride_y independent.
//   Broadcast, Softmax, other Pooling: gone.
// With facts.matrix_products, or facts.composites:
//   MatMul       scale; bias and an activation as a Conv's only with a constant matrix.
// With facts.composites these stay whole, besides:
//   Goc          Per channel: scale, offset or both, with neutral scalars; offset / scale fits binary16.
//   ElementWise  Div (not by constants); LessThan and GreaterThan of equal shapes into bytes.
//   Reduction    Sum, Mean, Max over any of C, H, W (in this order).
//   Broadcast    Of what is computed; relu allowed.
//   Softmax      Along C, H or W.
//   Normalize    Over any of C, H, W (in this order).
//   Select       By a condition of bytes.
//   Cast.
#pragma once

#include <functional>
#include <string>

#include "aneir/engine_facts.h"
#include "aneir/network.h"

namespace ane::passes {

// Called after import ("import") and after each pass that changed something, with the pass's name, for debug
// output.
using Observer = std::function<void(const std::string& pass, const aneir::Network& network)>;

// Runs all passes. Throws one Error that lists every unit that cannot be brought into engine form: layer,
// type, reason.
void run_passes(aneir::Network& network, const aneir::EngineFacts& facts, const Observer& observer = {});

}  // namespace ane::passes
