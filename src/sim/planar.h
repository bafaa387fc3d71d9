// The PE: elementwise work on one or two sources, reductions over the plane, windowed pooling.
#pragma once

#include <string>

#include "h13/task.h"
#include "sim/descriptor.h"

namespace ane::sim {

// The result before rounding. `source2` is null for tasks with one source.
Tensor run_planar(const h13::Task& task, const Descriptor& descriptor, const Tensor& source,
                  const Tensor* source2);

// "add", "reduce max", ... for trace lines.
std::string describe_planar(const h13::Task& task);

}  // namespace ane::sim
