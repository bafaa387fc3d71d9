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

AxisView view_along(const Shape& shape, size_t axis) {
  return {element_count(shape, 0, axis), shape[axis], element_count(shape, axis + 1, shape.size())};
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

}  // namespace ane::reference
