// Operations that give the same elements another shape, and those that make elements from a shape alone.

#include <fmt/format.h>

#include <cmath>

#include "reference/mil_operations.h"

namespace ane::reference::ops {
namespace {

Tensor with_shape(const MilCall& call, const Tensor& x, const Shape& shape) {
  if (element_count(call.checked(shape)) != static_cast<int64_t>(x.data.size()))
    call.fail(fmt::format("{} cannot take the shape {}", to_string(x.shape), to_string(shape)));
  return reshaped(x, shape);
}

}  // namespace

// 0 copies the size of x, -1 is what the elements leave.
Tensor reshape(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  Shape shape = call.integers("shape");
  const auto count = static_cast<int64_t>(x.data.size());
  int64_t* unknown = nullptr;
  int64_t known = 1;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] == 0) {
      if (shape.size() != x.shape.size())
        call.fail("shape copies a size of x (0) but has not as many entries as x has axes");
      shape[axis] = x.shape[axis];
    }
    if (shape[axis] == -1) {
      if (unknown) call.fail("more than one entry of shape is -1");
      unknown = &shape[axis];
      continue;
    }
    if (shape[axis] < 0) call.fail(fmt::format("an entry of shape is {}", shape[axis]));
    if (shape[axis] > count / known)
      call.fail(fmt::format("shape asks for more elements than the {} of x", count));
    known *= shape[axis];
  }
  if (unknown) *unknown = count / known;
  return with_shape(call, x, shape);
}

// The parts of the shapes of ref_tensors, begins to ends, one behind the other.
Tensor reshape_like(const MilCall& call) {
  const std::vector<const Tensor*> references = call.tensors("ref_tensors");
  const size_t count = references.size();
  const std::vector<int64_t> begins = call.integers("begins", count), ends = call.integers("ends", count);
  const std::vector<bool> open_ends = call.flags("end_masks", count);
  Shape shape;
  for (size_t i = 0; i < count; ++i) {
    const Shape& from = references[i]->shape;
    const auto rank = static_cast<int64_t>(from.size());
    const Slice slice = python_slice(rank, begins[i], false, ends[i], open_ends[i], 1);
    shape.insert(shape.end(), from.begin() + slice.start, from.begin() + slice.start + slice.count);
  }
  return with_shape(call, call.tensor("x"), shape);
}

Tensor flatten2d(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const auto rank = static_cast<int64_t>(x.shape.size());
  const int64_t axis = call.integer("axis");
  if (axis < -rank || axis > rank) call.fail(fmt::format("axis {} is outside of rank {}", axis, rank));
  const auto split = static_cast<size_t>(axis < 0 ? axis + rank : axis);
  return reshaped(x, {element_count(x.shape, 0, split), element_count(x.shape, split, x.shape.size())});
}

// Axes are those of the result.
Tensor expand_dims(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const std::vector<int64_t> axes = call.integers("axes");
  std::vector<bool> added(x.shape.size() + axes.size(), false);
  for (const int64_t axis : axes) {
    const size_t index = call.axis_index(axis, added.size());
    if (added[index]) call.fail(fmt::format("axis {} is given twice", axis));
    added[index] = true;
  }
  Shape shape;
  size_t next = 0;
  for (const bool is_new : added) shape.push_back(is_new ? 1 : x.shape[next++]);
  return reshaped(x, shape);
}

// Axes that are longer than 1 stay, as in PyTorch.
Tensor squeeze(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  std::vector<bool> dropped = call.axis_set("axes", x.shape.size());
  for (size_t axis = 0; axis < dropped.size(); ++axis) dropped[axis] = dropped[axis] && x.shape[axis] == 1;
  return reshaped(x, without_axes(x.shape, dropped));
}

Tensor shape(const MilCall& call) {
  const Shape& x = call.tensor("x").shape;
  return {{static_cast<int64_t>(x.size())}, {x.begin(), x.end()}};
}

Tensor fill(const MilCall& call) {
  const Shape shape = call.integers("shape");
  return make_tensor(call.checked(shape), static_cast<float>(call.number("value")));
}

Tensor fill_like(const MilCall& call) {
  return make_tensor(call.tensor("ref_tensor").shape, static_cast<float>(call.number("value")));
}

// start, start + step, ... before end
Tensor range_1d(const MilCall& call) {
  const double start = call.number("start"), end = call.number("end"), step = call.number("step");
  const double count = std::ceil((end - start) / step);
  if (!std::isfinite(count)) call.fail(fmt::format("from {} to {} by {} is no range", start, end, step));
  // More than any tensor may have is as good as 2^31.
  const auto length = static_cast<int64_t>(std::clamp(count, 0.0, 0x1p31));
  Tensor result = make_tensor(call.checked({length}));
  for (int64_t i = 0; i < length; ++i)
    result.data[i] = static_cast<float>(start + static_cast<double>(i) * step);
  return result;
}

}  // namespace ane::reference::ops
