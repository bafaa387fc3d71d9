// Operations that subtract a mean, divide by a norm or make a distribution.

#include <fmt/format.h>

#include <cmath>

#include "reference/mil_operations.h"
#include "reference/normalization_kernel.h"
#include "reference/reduction_kernel.h"

namespace ane::reference::ops {
namespace {

// A permutation that puts the axes of `last` behind the others, both in their order.
std::vector<int64_t> moved_last(const std::vector<bool>& last) {
  std::vector<int64_t> permutation;
  for (const bool part : {false, true}) {
    for (size_t axis = 0; axis < last.size(); ++axis)
      if (last[axis] == part) permutation.push_back(static_cast<int64_t>(axis));
  }
  return permutation;
}

std::vector<int64_t> inverse_of(const std::vector<int64_t>& permutation) {
  std::vector<int64_t> result(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i) result[permutation[i]] = static_cast<int64_t>(i);
  return result;
}

// gamma or beta: of the shape `shape`, or `absent` everywhere.
Tensor affine_part(const MilCall& call, const char* name, const Shape& shape, float absent) {
  const Tensor* given = call.optional(name);
  if (!given) return make_tensor(shape, absent);
  if (given->shape != shape)
    call.fail(fmt::format("{} has the shape {} where {} is needed", name, to_string(given->shape),
                          to_string(shape)));
  return *given;
}

}  // namespace

Tensor softmax(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  return softmax_along(x, call.axis("axis", x.shape.size()));
}

// gamma and beta have the shape of the normalised axes, in the order of x.
Tensor layer_norm(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const std::vector<bool> axes = call.axis_set("axes", x.shape.size());
  std::vector<bool> kept = axes;
  kept.flip();
  const Shape normalized = without_axes(x.shape, kept);
  const Tensor gamma = affine_part(call, "gamma", normalized, 1),
               beta = affine_part(call, "beta", normalized, 0);
  const double epsilon = call.number("epsilon");
  const int64_t length = element_count(normalized);

  const std::vector<int64_t> permutation = moved_last(axes);
  Tensor rows = transposed(x, permutation);
  for (int64_t start = 0; start < static_cast<int64_t>(rows.data.size()); start += length) {
    float* const row = rows.data.data() + start;
    const Statistics by = statistics_of(row, 1, length, length);
    const double scale = 1 / std::sqrt(by.variance + epsilon);
    for (int64_t k = 0; k < length; ++k)
      row[k] = static_cast<float>((row[k] - by.mean) * scale * gamma.data[k] + beta.data[k]);
  }
  return transposed(rows, inverse_of(permutation));
}

}  // namespace ane::reference::ops
