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

// The slice as strides over x, squeezed axes still there.
struct View {
  Shape shape;
  Strides strides;
  int64_t base = 0;
};

View view_of(const MilCall& call, const Shape& shape) {
  const std::vector<Slice> slices = slices_of(call, shape);
  View view{{}, strides_of(shape)};
  for (size_t axis = 0; axis < slices.size(); ++axis) {
    view.base += slices[axis].start * view.strides[axis];
    view.strides[axis] *= slices[axis].step;
    view.shape.push_back(slices[axis].count);
  }
  return view;
}

}  // namespace

Tensor slice_by_index(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const View view = view_of(call, x.shape);
  Tensor result = strided_copy(x.data, view.shape, view.strides, view.base);
  result.shape = without_axes(result.shape, call.flags("squeeze_mask", view.shape.size()));
  return result;
}

// x with the slice replaced, whose shape update has.
Tensor slice_update(const MilCall& call) {
  Tensor result = call.tensor("x");
  const Tensor& update = call.tensor("update");
  const View view = view_of(call, result.shape);
  const Shape shape = without_axes(view.shape, call.flags("squeeze_mask", view.shape.size()));
  if (update.shape != shape)
    call.fail(fmt::format("update has the shape {} where the slice has {}", to_string(update.shape),
                          to_string(shape)));
  const Strides from = strides_of(view.shape);
  for (int64_t i = 0; i < static_cast<int64_t>(update.data.size()); ++i) {
    int64_t at = view.base;
    for (size_t axis = 0; axis < view.shape.size(); ++axis)
      at += i / from[axis] % view.shape[axis] * view.strides[axis];
    result.data[at] = update.data[i];
  }
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
