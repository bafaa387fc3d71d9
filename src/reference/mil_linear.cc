// Operations that multiply matrices.

#include <fmt/format.h>

#include "reference/matrix_product.h"
#include "reference/mil_operations.h"

namespace ane::reference::ops {
namespace {

Tensor product(const MilCall& call, const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b) {
  const std::optional<Shape> shape = product_shape(a.shape, transpose_a, b.shape, transpose_b);
  if (!shape)
    call.fail(fmt::format("the shapes {} and {}{} cannot be multiplied", to_string(a.shape),
                          to_string(b.shape), transpose_a || transpose_b ? ", transposed as said," : ""));
  call.checked(*shape);
  return batched_product(a, transpose_a, b, transpose_b);
}

}  // namespace

Tensor matmul(const MilCall& call) {
  return product(call, call.tensor("x"), call.flag("transpose_x"), call.tensor("y"),
                 call.flag("transpose_y"));
}

// x · weightᵀ + bias
Tensor linear(const MilCall& call) {
  const Tensor& weight = call.tensor("weight");
  if (weight.shape.size() != 2)
    call.fail(fmt::format("the weight has the shape {}, not two axes", to_string(weight.shape)));
  const Tensor result = product(call, call.tensor("x"), false, weight, true);
  const Tensor* bias = call.optional("bias");
  if (!bias) return result;
  if (bias->shape != Shape{weight.shape[0]})
    call.fail(
        fmt::format("the bias has the shape {} where {} are made", to_string(bias->shape), weight.shape[0]));
  return combine_elements(result, *bias, result.shape, [](float value, float b) { return value + b; });
}

}  // namespace ane::reference::ops
