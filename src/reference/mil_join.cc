// Operations that put tensors side by side or take them apart.

#include <fmt/format.h>

#include <numeric>

#include "reference/mil_operations.h"

namespace ane::reference::ops {

// Scalars are taken as tensors of one axis.
Tensor concat(const MilCall& call) {
  std::vector<const Tensor*> values = call.tensors("values");
  std::vector<Tensor> raised;
  if (values[0]->shape.empty()) {
    for (const Tensor* value : values) raised.push_back({{1}, value->data});
    for (size_t i = 0; i < values.size(); ++i) {
      if (!values[i]->shape.empty()) call.fail("the values differ in rank");
      values[i] = &raised[i];
    }
  }
  const Shape& first = values[0]->shape;
  const size_t axis = call.axis("axis", first.size());
  const bool interleave = call.flag("interleave");
  Shape whole = first;
  whole[axis] = 0;
  for (const Tensor* value : values) {
    Shape shape = value->shape;
    if (shape.size() != first.size()) call.fail("the values differ in rank");
    whole[axis] += shape[axis];
    if (!interleave) shape[axis] = first[axis];
    if (shape != first)
      call.fail(fmt::format("values of the shapes {} and {} cannot be joined along axis {}", to_string(first),
                            to_string(value->shape), axis));
  }
  call.checked(whole);
  return interleave ? interleaved(values, axis) : concatenated(values, axis);
}

// Along a new axis.
Tensor stack(const MilCall& call) {
  const std::vector<const Tensor*> values = call.tensors("values");
  const Shape& first = values[0]->shape;
  const size_t axis = call.axis("axis", first.size() + 1);
  Shape widened = first;
  widened.insert(widened.begin() + static_cast<int64_t>(axis), 1);
  std::vector<Tensor> raised;
  for (const Tensor* value : values) {
    if (value->shape != first)
      call.fail(fmt::format("values of the shapes {} and {} cannot be stacked", to_string(first),
                            to_string(value->shape)));
    raised.push_back(reshaped(*value, widened));
  }
  std::vector<const Tensor*> parts;
  for (const Tensor& each : raised) parts.push_back(&each);
  widened[axis] = static_cast<int64_t>(parts.size());
  call.checked(widened);
  return concatenated(parts, axis);
}

// split_sizes says the parts; without it there are num_splits equal ones.
std::vector<Tensor> split(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const size_t axis = call.axis("axis", x.shape.size());
  const int64_t length = x.shape[axis];
  std::vector<int64_t> sizes;
  if (call.bound("split_sizes")) {
    sizes = call.integers("split_sizes");
    if (call.bound("num_splits") && call.integer("num_splits") != static_cast<int64_t>(sizes.size()))
      call.fail("num_splits is not the number of split_sizes");
  } else if (call.bound("num_splits")) {
    const int64_t count = call.positive("num_splits");
    if (length % count != 0) call.fail(fmt::format("{} cannot be split into {} equal parts", length, count));
    sizes.assign(static_cast<size_t>(count), length / count);
  } else {
    call.fail("neither num_splits nor split_sizes is given");
  }
  if (std::any_of(sizes.begin(), sizes.end(), [](int64_t size) { return size < 0; }) ||
      std::accumulate(sizes.begin(), sizes.end(), int64_t{0}) != length)
    call.fail(fmt::format("parts of {} do not make up an axis of {}", to_string(sizes), length));
  return split_along(x, axis, sizes);
}

}  // namespace ane::reference::ops
