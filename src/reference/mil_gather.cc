// Operations that read or write at indices which are data.
//
// Up to iOS16 an index may be negative and counts from the end. From iOS17 on that is out of bounds, and what
// an index out of bounds does is undefined: it is refused here, whether or not validate_indices asks for it.

#include <fmt/format.h>

#include <cmath>

#include "reference/mil_operations.h"

namespace ane::reference::ops {
namespace {

int64_t index_within(const MilCall& call, float value, int64_t size, bool from_end) {
  const auto limit = static_cast<float>(size);
  if (!(value >= (from_end ? -limit : 0) && value < limit) || value != std::floor(value))
    call.fail(fmt::format("{} is no index into an axis of {}", value, size));
  const auto index = static_cast<int64_t>(value);
  return index < 0 ? index + size : index;
}

// How an update changes an element.
using Change = float (*)(float old, float update);

Change change_of(const MilCall& call) {
  const std::string& mode = call.text("mode");
  if (mode == "update") return [](float, float update) { return update; };
  if (mode == "add") return [](float old, float update) { return old + update; };
  if (mode == "sub") return [](float old, float update) { return old - update; };
  if (mode == "mul") return [](float old, float update) { return old * update; };
  if (mode == "div") return [](float old, float update) { return old / update; };
  if (mode == "max") return [](float old, float update) { return std::max(old, update); };
  if (mode == "min") return [](float old, float update) { return std::min(old, update); };
  call.fail(fmt::format("mode {} is not known", mode));
}

void need_shape(const MilCall& call, const char* name, const Shape& is, const Shape& needed) {
  if (is != needed)
    call.fail(fmt::format("{} has the shape {} where {} is needed", name, to_string(is), to_string(needed)));
}

// `first` with its axis `axis` replaced by the axes of `middle` from `skip` on.
Shape replaced_axis(const Shape& first, size_t axis, const Shape& middle, size_t skip) {
  Shape shape(first.begin(), first.begin() + static_cast<int64_t>(axis));
  shape.insert(shape.end(), middle.begin() + static_cast<int64_t>(skip), middle.end());
  shape.insert(shape.end(), first.begin() + static_cast<int64_t>(axis) + 1, first.end());
  return shape;
}

// The number of leading axes that x and indices have in common; each of their elements is gathered by itself.
size_t batch_axes(const MilCall& call, const Shape& x, const Shape& indices) {
  const int64_t count = call.integer("batch_dims");
  const auto most = static_cast<int64_t>(std::min(x.size(), indices.size()));
  if (count < 0 || count > most || !std::equal(x.begin(), x.begin() + count, indices.begin()))
    call.fail(fmt::format("the first {} axes of {} and {} are not the same", count, to_string(x),
                          to_string(indices)));
  return static_cast<size_t>(count);
}

// The offset in a tensor of shape `shape` to which one row of `depth` indices points, its first axis being
// `axis`.
int64_t offset_of(const MilCall& call, const Shape& shape, const float* row, size_t axis, size_t depth,
                  bool from_end) {
  const Strides strides = strides_of(shape);
  int64_t offset = 0;
  for (size_t i = 0; i < depth; ++i)
    offset += index_within(call, row[i], shape[axis + i], from_end) * strides[axis + i];
  return offset;
}

// The last axis of indices: how many leading axes of x, behind the batch, an index has.
size_t index_depth(const MilCall& call, const Shape& x, const Shape& indices, size_t batch) {
  if (indices.size() <= batch || indices.back() > static_cast<int64_t>(x.size() - batch))
    call.fail(fmt::format("indices of the shape {} do not point into {}", to_string(indices), to_string(x)));
  return static_cast<size_t>(indices.back());
}

// The element of x to which element i of indices points, both having the same axes.
int64_t along_axis(const MilCall& call, const Shape& x, const Tensor& indices, size_t axis, int64_t i,
                   bool from_end) {
  const AxisView view = view_along(indices.shape, axis);
  const int64_t index = index_within(call, indices.data[i], x[axis], from_end);
  return (i / view.inner / view.length * x[axis] + index) * view.inner + i % view.inner;
}

// Along all axes but `axis`, x and indices have the same sizes.
size_t common_axis(const MilCall& call, const Shape& x, const Shape& indices) {
  const size_t axis = call.axis("axis", x.size());
  Shape needed = x;
  if (indices.size() == x.size()) needed[axis] = indices[axis];
  need_shape(call, "indices", indices, needed);
  return axis;
}

}  // namespace

// The axis is replaced by the axes of indices behind the batch.
template <bool from_end>
Tensor gather(const MilCall& call) {
  const Tensor &x = call.tensor("x"), &indices = call.tensor("indices");
  const size_t axis = call.axis("axis", x.shape.size()), batch = batch_axes(call, x.shape, indices.shape);
  if (axis < batch) call.fail(fmt::format("axis {} is among the {} of the batch", axis, batch));
  const Shape shape = call.checked(replaced_axis(x.shape, axis, indices.shape, batch));
  const int64_t batches = element_count(x.shape, 0, batch), outer = element_count(x.shape, batch, axis);
  const int64_t count = element_count(indices.shape, batch, indices.shape.size());
  const AxisView view = view_along(x.shape, axis);
  Tensor result{shape, {}};
  result.data.reserve(static_cast<size_t>(element_count(shape)));
  for (int64_t line = 0; line < batches * outer; ++line) {
    for (int64_t k = 0; k < count; ++k) {
      const int64_t index = index_within(call, indices.data[line / outer * count + k], view.length, from_end);
      const auto start = x.data.begin() + (line * view.length + index) * view.inner;
      result.data.insert(result.data.end(), start, start + view.inner);
    }
  }
  return result;
}

template <bool from_end>
Tensor gather_along_axis(const MilCall& call) {
  const Tensor &x = call.tensor("x"), &indices = call.tensor("indices");
  const size_t axis = common_axis(call, x.shape, indices.shape);
  Tensor result = make_tensor(indices.shape);
  for (int64_t i = 0; i < static_cast<int64_t>(result.data.size()); ++i)
    result.data[i] = x.data[along_axis(call, x.shape, indices, axis, i, from_end)];
  return result;
}

// The last axis of indices points to a part of x.
template <bool from_end>
Tensor gather_nd(const MilCall& call) {
  const Tensor &x = call.tensor("x"), &indices = call.tensor("indices");
  const size_t batch = batch_axes(call, x.shape, indices.shape),
               depth = index_depth(call, x.shape, indices.shape, batch);
  Shape shape(indices.shape.begin(), indices.shape.end() - 1);
  shape.insert(shape.end(), x.shape.begin() + static_cast<int64_t>(batch + depth), x.shape.end());
  Tensor result{call.checked(shape), {}};
  const int64_t part = element_count(x.shape, batch + depth, x.shape.size());
  const int64_t batch_size = element_count(x.shape, batch, x.shape.size());
  const int64_t rows = element_count(indices.shape, 0, indices.shape.size() - 1),
                rows_of_batch = element_count(indices.shape, batch, indices.shape.size() - 1);
  for (int64_t row = 0; row < rows; ++row) {
    const float* index = indices.data.data() + row * static_cast<int64_t>(depth);
    const int64_t offset =
        row / rows_of_batch * batch_size + offset_of(call, x.shape, index, batch, depth, from_end);
    result.data.insert(result.data.end(), x.data.begin() + offset, x.data.begin() + offset + part);
  }
  return result;
}

// Updates come in the order of indices, one after another where an index occurs twice.
template <bool from_end>
Tensor scatter(const MilCall& call) {
  Tensor result = call.tensor("data");
  const Tensor &indices = call.tensor("indices"), &updates = call.tensor("updates");
  const size_t axis = call.axis("axis", result.shape.size());
  need_shape(call, "updates", updates.shape, replaced_axis(result.shape, axis, indices.shape, 0));
  const Change change = change_of(call);
  const AxisView view = view_along(result.shape, axis);
  const auto count = static_cast<int64_t>(indices.data.size());
  for (int64_t i = 0; i < static_cast<int64_t>(updates.data.size()); ++i) {
    const int64_t index = index_within(call, indices.data[i / view.inner % count], view.length, from_end);
    float& target = result.data[(i / view.inner / count * view.length + index) * view.inner + i % view.inner];
    target = change(target, updates.data[i]);
  }
  return result;
}

template <bool from_end>
Tensor scatter_along_axis(const MilCall& call) {
  Tensor result = call.tensor("data");
  const Tensor &indices = call.tensor("indices"), &updates = call.tensor("updates");
  const size_t axis = common_axis(call, result.shape, indices.shape);
  need_shape(call, "updates", updates.shape, indices.shape);
  const Change change = change_of(call);
  for (int64_t i = 0; i < static_cast<int64_t>(updates.data.size()); ++i) {
    float& target = result.data[along_axis(call, result.shape, indices, axis, i, from_end)];
    target = change(target, updates.data[i]);
  }
  return result;
}

template <bool from_end>
Tensor scatter_nd(const MilCall& call) {
  Tensor result = call.tensor("data");
  const Tensor &indices = call.tensor("indices"), &updates = call.tensor("updates");
  const size_t depth = index_depth(call, result.shape, indices.shape, 0);
  Shape shape(indices.shape.begin(), indices.shape.end() - 1);
  shape.insert(shape.end(), result.shape.begin() + static_cast<int64_t>(depth), result.shape.end());
  need_shape(call, "updates", updates.shape, shape);
  const Change change = change_of(call);
  const int64_t part = element_count(result.shape, depth, result.shape.size());
  for (int64_t i = 0; i < static_cast<int64_t>(updates.data.size()); ++i) {
    const float* index = indices.data.data() + i / part * static_cast<int64_t>(depth);
    float& target = result.data[offset_of(call, result.shape, index, 0, depth, from_end) + i % part];
    target = change(target, updates.data[i]);
  }
  return result;
}

template Tensor gather<false>(const MilCall&);
template Tensor gather<true>(const MilCall&);
template Tensor gather_along_axis<false>(const MilCall&);
template Tensor gather_along_axis<true>(const MilCall&);
template Tensor gather_nd<false>(const MilCall&);
template Tensor gather_nd<true>(const MilCall&);
template Tensor scatter<false>(const MilCall&);
template Tensor scatter<true>(const MilCall&);
template Tensor scatter_along_axis<false>(const MilCall&);
template Tensor scatter_along_axis<true>(const MilCall&);
template Tensor scatter_nd<false>(const MilCall&);
template Tensor scatter_nd<true>(const MilCall&);

// The new axis has on_value where the index says and off_value elsewhere; an index outside says nowhere.
Tensor one_hot(const MilCall& call) {
  const Tensor& indices = call.tensor("indices");
  const size_t axis = call.axis("axis", indices.shape.size() + 1);
  const int64_t size = call.positive("one_hot_vector_size");
  Shape shape = indices.shape;
  shape.insert(shape.begin() + static_cast<int64_t>(axis), size);
  Tensor result = make_tensor(call.checked(shape), static_cast<float>(call.number("off_value")));
  const AxisView view = view_along(shape, axis);
  for (int64_t i = 0; i < static_cast<int64_t>(indices.data.size()); ++i) {
    const float index = indices.data[i];
    if (!(index >= 0 && index < static_cast<float>(size))) continue;
    const int64_t at = (i / view.inner * size + static_cast<int64_t>(index)) * view.inner + i % view.inner;
    result.data[at] = static_cast<float>(call.number("on_value"));
  }
  return result;
}

// The indices of the elements that are not 0, one row each.
Tensor non_zero(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const Strides strides = strides_of(x.shape);
  Tensor result{{0, static_cast<int64_t>(x.shape.size())}, {}};
  for (int64_t i = 0; i < static_cast<int64_t>(x.data.size()); ++i) {
    if (x.data[i] == 0) continue;
    ++result.shape[0];
    for (size_t axis = 0; axis < x.shape.size(); ++axis)
      result.data.push_back(static_cast<float>(i / strides[axis] % x.shape[axis]));
  }
  return result;
}

}  // namespace ane::reference::ops
