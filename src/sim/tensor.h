// A tensor inside the simulator: dense float32, in the order [group][depth][channel][row][column].
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace ane::sim {

struct Shape {
  int64_t groups = 1, depth = 1, channels = 1, height = 1, width = 1;

  int64_t rows() const { return groups * depth * channels * height; }
  int64_t elements() const { return rows() * width; }
  friend bool operator==(const Shape&, const Shape&) = default;
};

struct Tensor {
  Shape shape;
  std::vector<float> data;

  explicit Tensor(const Shape& of) : shape(of), data(static_cast<size_t>(of.elements())) {}

  int64_t row_index(int64_t group, int64_t z, int64_t channel, int64_t y) const {
    return ((group * shape.depth + z) * shape.channels + channel) * shape.height + y;
  }
  float* row(int64_t index) { return data.data() + index * shape.width; }
  const float* row(int64_t index) const { return data.data() + index * shape.width; }
  // The first channel of one group and depth; its channels follow each other.
  float* image(int64_t group, int64_t z) { return row(row_index(group, z, 0, 0)); }
  const float* image(int64_t group, int64_t z) const { return row(row_index(group, z, 0, 0)); }
};

// Channels and columns exchanged.
Tensor transposed(const Tensor& from);

}  // namespace ane::sim
