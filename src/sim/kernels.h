// Coefficients of an NE task: from the blocks of bytes that each neural engine streams, back to weights by
// channel.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/descriptor.h"
#include "sim/table.h"

namespace ane::sim {

struct Coefficients {
  int64_t kernels = 1;         // 1, or one for each group
  int64_t channels = 0;        // output channels of a group
  int64_t length = 0;          // weights of a channel: inputs * rows * columns
  std::vector<float> weights;  // [kernel][channel][input][row][column]; empty when every weight is 1
  std::vector<float> bias;     // [kernel][channel], or empty
  std::optional<LookupTable> table;
  uint64_t bytes = 0;  // streamed
};

// Input channels that one output channel sums over.
int64_t inputs_per_output(const h13::Task& task, const Descriptor& descriptor);

// Reads all streams the task enables.
// Throws Hazard when a stream is missing, superfluous, outside its buffer, or ends before its weights do.
Coefficients read_coefficients(const h13::Task& task, const Descriptor& descriptor, const Slots& slots);

}  // namespace ane::sim
