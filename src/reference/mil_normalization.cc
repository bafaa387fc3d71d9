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

// gamma * (x - mean) / sqrt(variance + epsilon) + beta, with a value of each for every channel
Tensor batch_norm(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const double epsilon = call.number("epsilon");
  const Tensor mean = call.by_channel("mean"), variance = call.by_channel("variance");
  const Tensor gamma = call.by_channel("gamma", 1), beta = call.by_channel("beta", 0);
  const AxisView view = view_along(x.shape, 1);
  Tensor result = make_tensor(x.shape);
  for (int64_t line = 0; line < view.outer * view.length; ++line) {
    const int64_t c = line % view.length, start = line * view.inner;
    normalize_run(x.data.data() + start, result.data.data() + start, view.inner, mean.data[c],
                  gamma.data[c] / std::sqrt(variance.data[c] + epsilon), beta.data[c]);
  }
  return result;
}

// The same with the statistics of each channel of each image.
Tensor instance_norm(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const double epsilon = call.number("epsilon");
  const Tensor gamma = call.by_channel("gamma", 1), beta = call.by_channel("beta", 0);
  const AxisView view = view_along(x.shape, 1);
  Tensor result = make_tensor(x.shape);
  for (int64_t line = 0; line < view.outer * view.length; ++line) {
    const int64_t c = line % view.length, start = line * view.inner;
    const Statistics by = statistics_of(x.data.data() + start, 1, view.inner, view.inner);
    normalize_run(x.data.data() + start, result.data.data() + start, view.inner, by.mean,
                  gamma.data[c] / std::sqrt(by.variance + epsilon), beta.data[c]);
  }
  return result;
}

// x / sqrt(Σ x² + epsilon) over the last three axes
Tensor l2_norm(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const size_t rank = x.shape.size();
  if (rank < 3) call.fail(fmt::format("x has the shape {}, of less than three axes", to_string(x.shape)));
  std::vector<bool> axes(rank, false);
  std::fill(axes.end() - 3, axes.end(), true);
  const double epsilon = call.number("epsilon");
  return combine_elements(x, reduce(x, axes, sum_of_squares), x.shape,
                          [=](double value, double sum) { return value / std::sqrt(sum + epsilon); });
}

Tensor local_response_norm(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  if (x.shape.size() < 3)
    call.fail(fmt::format("x has the shape {}, of less than three axes", to_string(x.shape)));
  return local_response(x, 1,
                        {call.positive("size"), call.number("alpha"), call.number("beta"), call.number("k")});
}

}  // namespace ane::reference::ops
