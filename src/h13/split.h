// Cuts operations until each is one task: kernel memory, engine groups, on-chip memory.
#pragma once

#include "h13/engine_op.h"
#include "h13/target.h"

namespace ane::h13 {

// Throws Error naming the layer when an operation cannot be cut small enough.
void split(EngineProgram& program, const Target& target);

}  // namespace ane::h13
