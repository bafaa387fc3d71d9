// The time estimates that Apple's compiler computes, and what follows from them.
#pragma once

#include <cstdint>

#include "h13/engine_op.h"
#include "h13/geometry.h"
#include "h13/target.h"
#include "h13/task.h"

namespace ane::h13 {

// What one operation costs by itself.
struct Cost {
  int64_t macs = 0;
  int64_t dram_read = 0, dram_written = 0;  // bytes, row padding included
  int64_t coefficient_bytes = 0;            // of fp16 weights, padding not counted
  double microseconds = 0;                  // the larger of traffic and work
};
Cost cost(const EngineOp& op, const Target& target);

// Microseconds, for header word 1.
uint32_t time_estimate(const EngineOp& op, const Task& task, const Target& target);

// Whether a convolution takes large patches: when one-row patches would compute longer than the data takes to
// stream.
bool large_patches_pay(const EngineOp& op, const Target& target);

}  // namespace ane::h13
