// The one rearrangement the engine makes on its way to memory: (channel, column) to (column, channel).
#include "sim/tensor.h"

namespace ane::sim {

Tensor transposed(const Tensor& from) {
  Shape shape = from.shape;
  std::swap(shape.channels, shape.width);
  Tensor to(shape);
  for (int64_t group = 0; group < shape.groups; ++group)
    for (int64_t z = 0; z < shape.depth; ++z)
      for (int64_t channel = 0; channel < from.shape.channels; ++channel)
        for (int64_t y = 0; y < shape.height; ++y) {
          const float* row = from.row(from.row_index(group, z, channel, y));
          for (int64_t x = 0; x < from.shape.width; ++x)
            to.row(to.row_index(group, z, x, y))[channel] = row[x];
        }
  return to;
}

}  // namespace ane::sim
