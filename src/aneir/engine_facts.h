// What passes may ask about the engine they rewrite for. Filled in by the target (src/h13/target.cc); data,
// so that a second generation is a second set of values and not another set of passes.
#pragma once

#include <cstdint>
#include <functional>

#include "aneir/network.h"

namespace ane::aneir {

struct EngineFacts {
  // Convolution kernels the engine runs in one task.
  int max_kernel_width = 0, max_kernel_height = 0;
  int max_padding = 0;  // left and top
  int max_stride = 0;   // equal in x and y: 1..max_stride
  int64_t max_width = 0, max_height = 0, max_channels = 0;
  int engines = 1;            // that share the channels of one task
  int64_t on_chip_bytes = 0;  // memory for tensors between tasks
  // Functions of one variable that one table pass computes (ReLU needs none and is always there).
  std::function<bool(const Neuron&)> has_table;
  // Can the engine work on a dense convolution a few rows at a time? Null: always.
  std::function<bool(const Conv&, const Shape& source, const Shape& result)> fits_on_chip;
  // Softmax, MatMul, Normalize, Cast, Broadcast, Div, reductions over any axes, and gain and offset per
  // channel stay whole, and so do some Selects and comparisons: the back end knows the engine's own sequences
  // of tasks for them.
  bool composites = false;
  // Of these MatMul alone: networks that are else compiled as the older compilers did have it, too.
  bool matrix_products = false;
  // Passes that only make a network faster run too: those that fold, fuse and merge units. Without them what
  // is left is what the engine form (src/passes/passes.h) demands.
  bool optimise = true;
  // Windowed pooling stays a Pooling unit (--experimental native-pooling).
  bool native_pooling = false;
};

}  // namespace ane::aneir
