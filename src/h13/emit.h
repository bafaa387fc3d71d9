// Operations -> task words. Only translates: every choice was made in geometry.cc, split.cc and
// memory_plan.cc.
#pragma once

#include <vector>

#include "h13/compat.h"
#include "h13/engine_op.h"
#include "h13/target.h"
#include "h13/task.h"

namespace ane::h13 {

// What emission needs to know about the finished container.
struct Binding {
  // Base address slot of each buffer (constants 1, scratch 3, surfaces 4...), and the offset of the buffer
  // inside it.
  std::vector<uint32_t> slots;
  std::vector<int64_t> bases;
};

struct Emitted {
  std::vector<Task> tasks;  // one for each operation
  Bytes constants;          // coefficient blocks appended to `constants` given
};

// Bytes that hold the coefficients of all tasks, or a little more: room that is never touched costs nothing,
// growing does.
size_t coefficient_room(const EngineProgram& program, const Target& target);

// `constants` holds what lies before the coefficients (constant operands). Weights are given up as soon as
// they are packed: both forms of a network's at a time would take twice the memory.
Emitted emit(EngineProgram& program, const Binding& binding, Bytes constants, const Compat& compat,
             const Target& target);

}  // namespace ane::h13
