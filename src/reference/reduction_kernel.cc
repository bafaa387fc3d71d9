// Every input element is sent to its place in the result, so that one loop serves all choices of axes.

#include "reference/reduction_kernel.h"

#include <cmath>
#include <functional>
#include <limits>

namespace ane::reference {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// The index of the first best element along an axis.
template <typename Better>
Tensor arg_best(const Tensor& input, size_t axis, Better better) {
  const AxisView view = view_along(input.shape, axis);
  Shape shape = input.shape;
  shape[axis] = 1;
  Tensor result = make_tensor(shape);
  for (int64_t line = 0; line < static_cast<int64_t>(result.data.size()); ++line) {
    const float* first = input.data.data() + line / view.inner * view.length * view.inner + line % view.inner;
    int64_t best = 0;
    for (int64_t i = 1; i < view.length; ++i) {
      if (better(first[i * view.inner], first[best * view.inner])) best = i;
    }
    result.data[line] = static_cast<float>(best);
  }
  return result;
}

}  // namespace

const Reduction sum_of = {0, [](double so_far, double x) { return so_far + x; }};
const Reduction mean_of = {0, sum_of.step, [](double result, double count) { return result / count; }};
const Reduction product_of = {1, [](double so_far, double x) { return so_far * x; }};
const Reduction sum_of_squares = {0, [](double so_far, double x) { return so_far + x * x; }};
const Reduction l1_norm = {0, [](double so_far, double x) { return so_far + std::abs(x); }};
const Reduction l2_norm = {0, sum_of_squares.step, [](double result, double) { return std::sqrt(result); }};
const Reduction maximum_of = {-infinity, [](double so_far, double x) { return std::max(so_far, x); }};
const Reduction minimum_of = {infinity, [](double so_far, double x) { return std::min(so_far, x); }};
const Reduction logarithm_of_sum = {0, sum_of.step, [](double result, double) { return std::log(result); }};

Tensor reduce(const Tensor& input, const std::vector<bool>& reduced, const Reduction& by) {
  Shape shape = input.shape;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (reduced[axis]) shape[axis] = 1;
  }
  std::vector<double> results(static_cast<size_t>(element_count(shape)), by.start);
  // The strides of the result, 0 along what is reduced.
  const Strides strides = broadcast_strides(shape, input.shape);
  const int64_t width = input.shape.empty() ? 1 : input.shape.back();
  const int64_t step = input.shape.empty() ? 0 : strides.back();
  const int64_t rows = width == 0 ? 0 : static_cast<int64_t>(input.data.size()) / width;
  for (int64_t row = 0; row < rows; ++row) {
    double* out = results.data() + row_offset(input.shape, strides, row);
    for (int64_t i = 0; i < width; ++i) out[i * step] = by.step(out[i * step], input.data[row * width + i]);
  }
  const double count = static_cast<double>(input.data.size()) / static_cast<double>(results.size());
  Tensor result{shape, {}};
  for (const double value : results) result.data.push_back(static_cast<float>(by.finish(value, count)));
  return result;
}

Tensor reduce_log_sum_exp(const Tensor& input, const std::vector<bool>& reduced) {
  const Tensor largest = reduce(input, reduced, maximum_of);
  const Tensor powers =
      combine_elements(input, largest, input.shape, [](double x, double m) { return std::exp(x - m); });
  return combine_elements(reduce(powers, reduced, sum_of), largest, largest.shape,
                          [](double sum, double m) { return std::log(sum) + m; });
}

Tensor index_of_largest(const Tensor& input, size_t axis) {
  return arg_best(input, axis, std::greater<float>());
}

Tensor index_of_smallest(const Tensor& input, size_t axis) {
  return arg_best(input, axis, std::less<float>());
}

}  // namespace ane::reference
