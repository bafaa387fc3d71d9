// Where buffers of the DRAM scratch lie. (on_chip.h places those in L2.)
#pragma once

#include "h13/engine_op.h"
#include "h13/target.h"

namespace ane::h13 {

// Sets Buffer::base of every scratch buffer so that buffers alive at the same time do not overlap: until
// whoever reads one has finished for certain (Placement::have_read). Returns the size of the scratch region
// (a multiple of the page, 0 without scratch).
int64_t plan_scratch(EngineProgram& program, const Target& target);

// Proves the plan: throws InternalError when two scratch buffers that are alive together share a byte.
void check_scratch(const EngineProgram& program);

}  // namespace ane::h13
