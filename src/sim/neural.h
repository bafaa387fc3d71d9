// The NE: convolutions, sums and maxima over channels and windows, copies; then bias, scale and activation.
#pragma once

#include "h13/task.h"
#include "sim/descriptor.h"
#include "sim/kernels.h"

namespace ane::sim {

struct NeuralResult {
  Tensor tensor;  // not yet rounded to the result's format
  uint64_t multiply_accumulates = 0;
};

NeuralResult run_neural(const h13::Task& task, const Descriptor& descriptor, const Tensor& source,
                        const Coefficients& coefficients);

// "convolution 3x3", "copy", ... for trace lines.
std::string describe_neural(const h13::Task& task, const Descriptor& descriptor);

}  // namespace ane::sim
