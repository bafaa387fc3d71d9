// Operations that take or replace a part of a tensor.

#include <fmt/format.h>

#include "reference/mil_operations.h"

namespace ane::reference::ops {
namespace {

// What begin, end, stride and the masks say for an axis. A squeezed one is a single index.
std::vector<Slice> slices_of(const MilCall& call, const Shape& shape) {
  const size_t rank = shape.size();
  const std::vector<int64_t> begin = call.integers("begin", rank), end = call.integers("end", rank),
                             stride = call.integers("stride", rank);
  const std::vector<bool> open_begin = call.flags("begin_mask", rank),
                          open_end = call.flags("end_mask", rank), squeeze = call.flags("squeeze_mask", rank);
  std::vector<Slice> slices;
  for (size_t axis = 0; axis < rank; ++axis) {
    if (stride[axis] == 0) call.fail("a slice with stride 0");
    if (!squeeze[axis]) {
      slices.push_back(
          python_slice(shape[axis], begin[axis], open_begin[axis], end[axis], open_end[axis], stride[axis]));
      continue;
    }
    const int64_t index = open_begin[axis] ? 0 : begin[axis] < 0 ? begin[axis] + shape[axis] : begin[axis];
    if (index < 0 || index >= shape[axis])
      call.fail(fmt::format("index {} is outside of an axis of {}", begin[axis], shape[axis]));
    slices.push_back({index, 1, 1});
  }
  return slices;
}

}  // namespace

Tensor slice_by_index(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const std::vector<Slice> slices = slices_of(call, x.shape);
  Strides strides = strides_of(x.shape);
  Shape shape;
  int64_t base = 0;
  for (size_t axis = 0; axis < slices.size(); ++axis) {
    base += slices[axis].start * strides[axis];
    strides[axis] *= slices[axis].step;
    shape.push_back(slices[axis].count);
  }
  Tensor result = strided_copy(x.data, shape, strides, base);
  result.shape = without_axes(result.shape, call.flags("squeeze_mask", shape.size()));
  return result;
}

Tensor slice_by_size(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const size_t rank = x.shape.size();
  const std::vector<int64_t> begin = call.integers("begin", rank), size = call.integers("size", rank);
  Tensor result = x;
  for (size_t axis = 0; axis < rank; ++axis) {
    const int64_t start = begin[axis] < 0 ? begin[axis] + x.shape[axis] : begin[axis];
    const int64_t count = size[axis] == -1 ? x.shape[axis] - start : size[axis];
    if (start < 0 || count < 0 || start + count > x.shape[axis])
      call.fail(fmt::format("{} elements from {} are not inside of an axis of {}", size[axis], begin[axis],
                            x.shape[axis]));
    result = sliced(result, axis, start, 1, count);
  }
  return result;
}

}  // namespace ane::reference::ops
