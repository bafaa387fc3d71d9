// Operations that multiply matrices.

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "reference/matrix_product.h"
#include "reference/mil_operations.h"
#include "reference/normalization_kernel.h"

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

// softmax(query · keyᵀ / √E + mask) · value. A mask of truths says which keys take part.
Tensor scaled_dot_product_attention(const MilCall& call) {
  const Tensor &query = call.tensor("query"), &key = call.tensor("key"), &value = call.tensor("value");
  const size_t rank = query.shape.size();
  if (rank < 3)
    call.fail(fmt::format("the query has the shape {}, of less than three axes", to_string(query.shape)));
  for (const Tensor* other : {&key, &value})
    if (other->shape.size() != rank ||
        !std::equal(other->shape.begin(), other->shape.end() - 2, query.shape.begin()))
      call.fail(fmt::format("{} and the query {} differ in their batch", to_string(other->shape),
                            to_string(query.shape)));
  const double scale = 1 / std::sqrt(static_cast<double>(query.shape.back()));
  Tensor scores =
      map_elements(product(call, query, false, key, true), [=](double score) { return score * scale; });
  if (const Tensor* mask = call.optional("attn_mask")) {
    if (call.common_shape(scores.shape, mask->shape) != scores.shape)
      call.fail(fmt::format("the mask {} does not suit scores of {}", to_string(mask->shape),
                            to_string(scores.shape)));
    const bool truths = call.type("attn_mask") == mil::DataType::Bool;
    const float excluded = -std::numeric_limits<float>::infinity();
    scores = combine_elements(scores, *mask, scores.shape, [=](float score, float by) {
      return truths ? (by != 0 ? score : excluded) : score + by;
    });
  }
  return product(call, softmax_along(scores, rank - 1), false, value, false);
}

}  // namespace ane::reference::ops
