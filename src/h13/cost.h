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
  int64_t l2_bytes = 0;  // of tensors that stay on chip while it runs; what streams through is not counted
  // The roofline at the rates of target.h: the longer of moving the bytes and multiplying.
  double traffic_microseconds = 0, work_microseconds = 0, microseconds = 0;
  // The whole number in header word 1: the same, and what tables, reductions and tensors of one pixel take.
  int64_t header_microseconds = 0;

  int64_t bytes() const { return dram_read + dram_written + coefficient_bytes; }
};
// Without l2_bytes and header_microseconds, which need the whole program and the task's words.
Cost cost(const EngineOp& op, const Target& target);

// Of operations one after the other; of l2_bytes the most.
void add(Cost& total, const Cost& part);

// Microseconds, for header word 1.
uint32_t time_estimate(const EngineOp& op, const Task& task, const Target& target);

// Whether one-row patches would compute a convolution longer than its data takes to stream. `patch`: log2 of
// the rows of the patches that it could take instead.
bool computes_longer_than_it_streams(const EngineOp& op, int patch, const Target& target);

}  // namespace ane::h13
