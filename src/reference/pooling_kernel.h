// Pooling over up to three axes, apart from any format's parameters: a maximum, a mean or a norm over the
// windows of each channel.
#pragma once

#include "reference/window.h"

namespace ane::reference {

enum class PoolingKind : uint8_t { Maximum, Average, L2 };

struct PoolingSizes {
  int64_t channels = 1;  // of all images together
  Windows windows;       // dilation 1
  PoolingKind kind = PoolingKind::Maximum;
  bool exclude_padding = false;  // average: divide by the number of elements that are not padding
};

// in [channels, D, H, W], out [channels, D', H', W']. Padding never wins a maximum.
void pool(const PoolingSizes& sizes, const float* in, float* out);

}  // namespace ane::reference
