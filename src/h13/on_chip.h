// Where operands lie in the on-chip memory (L2), and which earlier work a task must wait for.
//
// L2 is one address space of 2 MiB that holds three kinds of things: tensors that an operation leaves for
// later ones (buffers of kind OnChip), sources that come by DMA and stay, and the rings through which
// operands stream during one task. This is the one place that gives them addresses. The order in which
// Apple's compiler places them is fitted to captured programs (docs/h13-rules.md); any disjoint placement
// would compute the same.
//
// The engines run tasks overlapped. A task says in two registers (SourceCfg, ResultCfg) whose results and
// whose reads it has to wait for; a task whose operand is made by the task right before it, in the same
// shape, may instead be chained to it and start patch by patch.
#pragma once

#include <set>

#include "h13/compat.h"
#include "h13/engine_op.h"
#include "h13/geometry.h"
#include "h13/target.h"

namespace ane::h13 {

// Fills in EngineOp::place of every operation and Buffer::base of every OnChip buffer, and returns nothing;
// or returns tensors that must leave L2 besides `in_dram`, since without that the operands of some task do
// not fit together. Throws Error naming the layer when none could leave.
std::set<aneir::TensorId> plan_on_chip(EngineProgram& program, const Compat& compat, const Target& target,
                                       const std::set<aneir::TensorId>& in_dram);

// For each operation the bytes of OnChip buffers that hold something while it runs.
std::vector<int64_t> bytes_on_chip(const EngineProgram& program);

// Proves the plan: throws InternalError when two things that are in use at the same time share a byte.
void check_on_chip(const EngineProgram& program, const Target& target);

}  // namespace ane::h13
