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
  std::vector<Task> tasks;
  std::vector<EngineOp> ops;  // what each task does: the operations, and copies of small operands
  Bytes constants;            // coefficient blocks appended to `constants` given
};

// `constants` holds what lies before the coefficients (constant operands).
Emitted emit(const EngineProgram& program, const Binding& binding, Bytes constants, const Compat& compat,
             const Target& target);

}  // namespace ane::h13
