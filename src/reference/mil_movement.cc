// Operations that move whole elements: along axes, side by side, repeatedly.

#include "reference/mil_operations.h"

#include <fmt/format.h>

namespace ane::reference::ops {

Tensor transpose(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  std::vector<bool> seen(x.shape.size(), false);
  std::vector<int64_t> permutation = call.integers("perm", x.shape.size());
  for (int64_t& each : permutation) {
    const size_t axis = call.axis_index(each, x.shape.size());
    if (seen[axis]) call.fail("perm is no permutation of the axes");
    seen[axis] = true;
    each = static_cast<int64_t>(axis);
  }
  return transposed(x, permutation);
}

Tensor tile(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const std::vector<int64_t> repetitions = call.positives("reps", x.shape.size());
  Shape shape = x.shape;
  for (size_t axis = 0; axis < shape.size(); ++axis) shape[axis] *= repetitions[axis];
  call.checked(shape);
  return tiled(x, repetitions);
}

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

}  // namespace ane::reference::ops
