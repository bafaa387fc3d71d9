// Reductions that are no plain fold over the elements: those stand in the table.

#include "reference/mil_operations.h"
#include "reference/reduction_kernel.h"

namespace ane::reference::ops {
namespace {

Tensor index_of_best(const MilCall& call, Tensor (*index)(const Tensor& input, size_t axis)) {
  const Tensor& x = call.tensor("x");
  const size_t axis = call.axis("axis", x.shape.size());
  Tensor result = index(x, axis);
  if (!call.flag("keep_dims")) result.shape.erase(result.shape.begin() + static_cast<int64_t>(axis));
  return result;
}

}  // namespace

Tensor reduce_log_sum_exp(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const std::vector<bool> axes = call.axis_set("axes", x.shape.size());
  Tensor result = reference::reduce_log_sum_exp(x, axes);
  if (!call.flag("keep_dims")) result.shape = without_axes(result.shape, axes);
  return result;
}

// Which of equal elements counts is left open by MIL; the first, as in NumPy.
Tensor reduce_argmax(const MilCall& call) {
  return index_of_best(call, index_of_largest);
}

Tensor reduce_argmin(const MilCall& call) {
  return index_of_best(call, index_of_smallest);
}

}  // namespace ane::reference::ops
