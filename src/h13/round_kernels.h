#pragma once

#include <cstdint>

#include "aneir/network.h"

namespace ane::h13 {

// Convolution weights, `taps` in a row to a kernel, as binary16 numbers whose rounding errors cancel within
// each kernel. Weights that are binary16 already are returned as they are, and so are kernels beyond its
// range.
aneir::Constant round_kernels(const aneir::Constant& weights, int64_t taps);

}  // namespace ane::h13
