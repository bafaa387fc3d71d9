// Strides do the work: see the header.

#include "reference/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace ane::reference {

int64_t element_count(const Shape& shape, size_t first_axis, size_t end_axis) {
  int64_t count = 1;
  for (size_t axis = first_axis; axis < end_axis; ++axis) count *= shape[axis];
  return count;
}

int64_t element_count(const Shape& shape) {
  return element_count(shape, 0, shape.size());
}

Strides strides_of(const Shape& shape) {
  Strides strides(shape.size());
  int64_t stride = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

Shape without_axes(const Shape& shape, const std::vector<bool>& dropped) {
  Shape result;
  for (size_t axis = 0; axis < dropped.size(); ++axis) {
    if (!dropped[axis]) result.push_back(shape[axis]);
  }
  return result;
}

Tensor make_tensor(const Shape& shape, float value) {
  return {shape, std::vector<float>(static_cast<size_t>(element_count(shape)), value)};
}

Tensor reshaped(Tensor tensor, const Shape& shape) {
  ensure(element_count(shape) == static_cast<int64_t>(tensor.data.size()),
         "a reshape keeps the number of elements");
  tensor.shape = shape;
  return tensor;
}

int64_t row_offset(const Shape& shape, const Strides& strides, int64_t row) {
  int64_t offset = 0;
  for (size_t axis = shape.size(); axis-- > 1;) {
    offset += row % shape[axis - 1] * strides[axis - 1];
    row /= shape[axis - 1];
  }
  return offset;
}

Tensor strided_copy(const std::vector<float>& data, const Shape& shape, const Strides& strides,
                    int64_t base) {
  Tensor result = make_tensor(shape);
  if (result.data.empty()) return result;
  const int64_t width = shape.empty() ? 1 : shape.back();
  const int64_t step = shape.empty() ? 0 : strides.back();
  const int64_t rows = static_cast<int64_t>(result.data.size()) / width;
  parallel_for(rows, std::max<int64_t>(1, parallel_grain / width), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* in = data.data() + base + row_offset(shape, strides, row);
      float* out = result.data.data() + row * width;
      for (int64_t i = 0; i < width; ++i) out[i] = in[i * step];
    }
  });
  return result;
}

Tensor transposed(const Tensor& tensor, const std::vector<int64_t>& permutation) {
  const Strides from = strides_of(tensor.shape);
  Shape shape;
  Strides strides;
  for (const int64_t axis : permutation) {
    shape.push_back(tensor.shape[axis]);
    strides.push_back(from[axis]);
  }
  return strided_copy(tensor.data, shape, strides);
}

Tensor sliced(const Tensor& tensor, size_t axis, int64_t start, int64_t step, int64_t count) {
  Strides strides = strides_of(tensor.shape);
  Shape shape = tensor.shape;
  const int64_t base = start * strides[axis];
  shape[axis] = count;
  strides[axis] *= step;
  return strided_copy(tensor.data, shape, strides, base);
}

Tensor taken(const Tensor& tensor, size_t axis, const std::vector<int64_t>& positions, float fill) {
  const AxisView view = view_along(tensor.shape, axis);
  Shape shape = tensor.shape;
  shape[axis] = static_cast<int64_t>(positions.size());
  Tensor result = make_tensor(shape, fill);
  float* out = result.data.data();
  for (int64_t outer = 0; outer < view.outer; ++outer) {
    for (const int64_t position : positions) {
      if (position >= 0)
        std::copy_n(tensor.data.data() + (outer * view.length + position) * view.inner, view.inner, out);
      out += view.inner;
    }
  }
  return result;
}

Tensor depth_to_space(const Tensor& tensor, int64_t b, bool channel_first) {
  const int64_t n = tensor.shape[0], c = tensor.shape[1] / (b * b), h = tensor.shape[2], w = tensor.shape[3];
  const Tensor blocks = channel_first ? transposed(reshaped(tensor, {n, c, b, b, h, w}), {0, 1, 4, 2, 5, 3})
                                      : transposed(reshaped(tensor, {n, b, b, c, h, w}), {0, 3, 4, 1, 5, 2});
  return reshaped(blocks, {n, c, h * b, w * b});
}

Tensor space_to_depth(const Tensor& tensor, int64_t b, bool channel_first) {
  const int64_t n = tensor.shape[0], c = tensor.shape[1], h = tensor.shape[2] / b, w = tensor.shape[3] / b;
  const Tensor blocks = reshaped(tensor, {n, c, h, b, w, b});
  return reshaped(
      channel_first ? transposed(blocks, {0, 1, 3, 5, 2, 4}) : transposed(blocks, {0, 3, 5, 1, 2, 4}),
      {n, c * b * b, h, w});
}

Slice python_slice(int64_t size, int64_t begin, bool open_begin, int64_t end, bool open_end, int64_t step) {
  // From the front, positions are within [0, size]; from the back, within [-1, size - 1].
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  const auto bound = [&](int64_t position) {
    return std::clamp(position < 0 ? position + size : position, low, high);
  };
  const int64_t first = open_begin ? (step > 0 ? low : high) : bound(begin);
  const int64_t last = open_end ? (step > 0 ? high : low) : bound(end);
  const int64_t distance = step > 0 ? last - first : first - last, stride = std::abs(step);
  return {first, step, distance <= 0 ? 0 : (distance + stride - 1) / stride};
}

// Each axis becomes (repetition, position); reading the repetition with stride 0 repeats it.
Tensor tiled(const Tensor& tensor, const std::vector<int64_t>& repetitions) {
  const Strides from = strides_of(tensor.shape);
  Shape doubled, shape;
  Strides strides;
  for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    doubled.insert(doubled.end(), {repetitions[axis], tensor.shape[axis]});
    strides.insert(strides.end(), {0, from[axis]});
    shape.push_back(repetitions[axis] * tensor.shape[axis]);
  }
  return reshaped(strided_copy(tensor.data, doubled, strides), shape);
}

Tensor concatenated(const std::vector<const Tensor*>& parts, size_t axis) {
  Shape shape = parts.at(0)->shape;
  shape[axis] = 0;
  for (const Tensor* part : parts) shape[axis] += part->shape[axis];
  Tensor result{shape, {}};
  result.data.reserve(static_cast<size_t>(element_count(shape)));
  for (int64_t outer = 0; outer < element_count(shape, 0, axis); ++outer) {
    for (const Tensor* part : parts) {
      const int64_t length = element_count(part->shape, axis, shape.size());
      const auto start = part->data.begin() + outer * length;
      result.data.insert(result.data.end(), start, start + length);
    }
  }
  return result;
}

// A concatenation along a new axis behind `axis`.
Tensor interleaved(const std::vector<const Tensor*>& parts, size_t axis) {
  const Tensor joined = concatenated(parts, axis);
  const auto count = static_cast<int64_t>(parts.size());
  const AxisView view = view_along(joined.shape, axis);
  const Tensor split{{view.outer, count, view.length / count, view.inner}, joined.data};
  return reshaped(transposed(split, {0, 2, 1, 3}), joined.shape);
}

std::vector<Tensor> split_along(const Tensor& tensor, size_t axis, const std::vector<int64_t>& sizes) {
  std::vector<Tensor> parts;
  int64_t start = 0;
  for (const int64_t size : sizes) {
    parts.push_back(sliced(tensor, axis, start, 1, size));
    start += size;
  }
  return parts;
}

AxisView view_along(const Shape& shape, size_t axis) {
  return {element_count(shape, 0, axis), shape[axis], element_count(shape, axis + 1, shape.size())};
}

std::optional<Shape> broadcast_shape(const Shape& a, const Shape& b) {
  Shape shape(std::max(a.size(), b.size()));
  for (size_t i = 1; i <= shape.size(); ++i) {
    const int64_t x = i <= a.size() ? a[a.size() - i] : 1, y = i <= b.size() ? b[b.size() - i] : 1;
    if (x != y && x != 1 && y != 1) return std::nullopt;
    shape[shape.size() - i] = x == 1 ? y : x;
  }
  return shape;
}

Strides broadcast_strides(const Shape& from, const Shape& to) {
  ensure(from.size() <= to.size(), "broadcasting does not lower the rank");
  const Strides strides = strides_of(from);
  const size_t missing = to.size() - from.size();
  Strides result(to.size(), 0);
  for (size_t axis = 0; axis < from.size(); ++axis) {
    ensure(from[axis] == 1 || from[axis] == to[missing + axis], "only axes of size 1 are broadcast");
    if (from[axis] != 1) result[missing + axis] = strides[axis];
  }
  return result;
}

Tensor broadcast_to(const Tensor& tensor, const Shape& shape) {
  return strided_copy(tensor.data, shape, broadcast_strides(tensor.shape, shape));
}

}  // namespace ane::reference
