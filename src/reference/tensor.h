// What the layer definitions need to say about dense row-major tensors: axes, strided views, broadcasting.
//
// Nearly every layer that only moves elements (permute, slice, crop, split, tile, depth to space, ...) reads
// its input through other strides, so one function, strided_copy, does them all; a layer's definition is then
// the choice of shape and strides.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/parallel.h"

namespace ane::reference {

using Shape = std::vector<int64_t>;
using Strides = std::vector<int64_t>;

struct Tensor {
  Shape shape;
  std::vector<float> data;  // row-major
};

// Elements below which a loop is not worth a second thread.
constexpr int64_t parallel_grain = 1 << 14;

int64_t element_count(const Shape& shape);
int64_t element_count(const Shape& shape, size_t first_axis, size_t end_axis);
Strides strides_of(const Shape& shape);

// The shape without the axes that are `dropped`.
Shape without_axes(const Shape& shape, const std::vector<bool>& dropped);

// "[1, 2, 3]", for messages.
std::string to_string(const Shape& shape);

Tensor make_tensor(const Shape& shape, float value = 0.0f);

// The same elements under another shape. The element counts must agree.
Tensor reshaped(Tensor tensor, const Shape& shape);

// out[i0, i1, ...] = data[base + i0*strides[0] + i1*strides[1] + ...]. Strides may be 0 (repeat) or negative
// (reverse).
Tensor strided_copy(const std::vector<float>& data, const Shape& shape, const Strides& strides,
                    int64_t base = 0);

// Output axis i is input axis permutation[i].
Tensor transposed(const Tensor& tensor, const std::vector<int64_t>& permutation);

// The elements start, start + step, ... of one axis, `count` of them.
Tensor sliced(const Tensor& tensor, size_t axis, int64_t start, int64_t step, int64_t count);

// Element i of an axis is element positions[i] of the tensor, or `fill` where that is -1.
Tensor taken(const Tensor& tensor, size_t axis, const std::vector<int64_t>& positions, float fill = 0);

// Blocks of b x b pixels of one channel against the same pixel of b * b channels, for [n, C, H, W]: pixel (i,
// j) of the block of channel c is channel (i * b + j) * C + c, or c * b * b + i * b + j where channels come
// first.
Tensor depth_to_space(const Tensor& tensor, int64_t b, bool channel_first);  // b * b divides C
Tensor space_to_depth(const Tensor& tensor, int64_t b, bool channel_first);  // b divides H and W

// What a Python slice means for an axis of `size`: `count` elements from `start`. An open end reaches as far
// as the axis does. `step` is not 0.
struct Slice {
  int64_t start, step, count;
};
Slice python_slice(int64_t size, int64_t begin, bool open_begin, int64_t end, bool open_end, int64_t step);

// Axis i repeated repetitions[i] times as a whole.
Tensor tiled(const Tensor& tensor, const std::vector<int64_t>& repetitions);

// The parts one after another along an axis. They must agree along all others.
Tensor concatenated(const std::vector<const Tensor*>& parts, size_t axis);

// Element i of every part in turn along an axis. The parts must have the same shape.
Tensor interleaved(const std::vector<const Tensor*>& parts, size_t axis);

// Parts of `sizes`, which make up the axis, in order.
std::vector<Tensor> split_along(const Tensor& tensor, size_t axis, const std::vector<int64_t>& sizes);

// The tensor as seen by a loop along one axis: element (o, i, k) is at (o * length + i) * inner + k.
struct AxisView {
  int64_t outer, length, inner;
};
AxisView view_along(const Shape& shape, size_t axis);

// Offset of the first element of row number `row`, where a row runs along the last axis.
int64_t row_offset(const Shape& shape, const Strides& strides, int64_t row);

// The shape to which both are broadcast (axes of size 1 are repeated, shapes of different rank are aligned at
// the right); nothing where they do not match.
std::optional<Shape> broadcast_shape(const Shape& a, const Shape& b);

// Strides that read a tensor of shape `from` as one of shape `to` (same or higher rank, aligned at the
// right): 0 along repeated axes.
Strides broadcast_strides(const Shape& from, const Shape& to);

// The tensor repeated to `shape`, to which it must broadcast.
Tensor broadcast_to(const Tensor& tensor, const Shape& shape);

template <typename Function>
Tensor map_elements(const Tensor& input, Function function) {
  Tensor result{input.shape, std::vector<float>(input.data.size())};
  parallel_for(static_cast<int64_t>(input.data.size()), parallel_grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) result.data[i] = static_cast<float>(function(input.data[i]));
  });
  return result;
}

// function(a, b) for every element of `shape`, to which both must broadcast.
template <typename Function>
Tensor combine_elements(const Tensor& a, const Tensor& b, const Shape& shape, Function function) {
  Tensor result = make_tensor(shape);
  if (result.data.empty()) return result;
  const Strides a_strides = broadcast_strides(a.shape, shape), b_strides = broadcast_strides(b.shape, shape);
  const int64_t width = shape.empty() ? 1 : shape.back();
  const int64_t a_step = shape.empty() ? 0 : a_strides.back(), b_step = shape.empty() ? 0 : b_strides.back();
  const int64_t rows = static_cast<int64_t>(result.data.size()) / width;
  parallel_for(rows, std::max<int64_t>(1, parallel_grain / width), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* a_row = a.data.data() + row_offset(shape, a_strides, row);
      const float* b_row = b.data.data() + row_offset(shape, b_strides, row);
      float* out = result.data.data() + row * width;
      for (int64_t i = 0; i < width; ++i)
        out[i] = static_cast<float>(function(a_row[i * a_step], b_row[i * b_step]));
    }
  });
  return result;
}

}  // namespace ane::reference
