// Operations that give the same elements another shape.

#include <fmt/format.h>

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

}  // namespace ane::reference::ops
