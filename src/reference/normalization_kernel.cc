#include "reference/normalization_kernel.h"

#include <cmath>

namespace ane::reference {

Statistics statistics_of(const float* data, int64_t count, int64_t length, int64_t stride) {
  const auto elements = static_cast<double>(count * length);
  Statistics result;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t k = 0; k < length; ++k) result.mean += data[i * stride + k];
  }
  result.mean /= elements;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t k = 0; k < length; ++k) {
      const double deviation = data[i * stride + k] - result.mean;
      result.variance += deviation * deviation;
    }
  }
  result.variance /= elements;
  return result;
}

void normalize_run(const float* in, float* out, int64_t length, double mean, double scale, double shift) {
  for (int64_t k = 0; k < length; ++k) out[k] = static_cast<float>((in[k] - mean) * scale + shift);
}

Tensor softmax_along(const Tensor& input, size_t axis) {
  const AxisView view = view_along(input.shape, axis);
  Tensor result = make_tensor(input.shape);
  const int64_t lines = view.outer * view.inner;
  parallel_for(lines, std::max<int64_t>(1, parallel_grain / std::max<int64_t>(1, view.length)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t line = begin; line < end; ++line) {
                   const int64_t base = line / view.inner * view.length * view.inner + line % view.inner;
                   const auto at = [&](int64_t i) { return base + i * view.inner; };
                   float maximum = input.data[base];
                   for (int64_t i = 1; i < view.length; ++i) maximum = std::max(maximum, input.data[at(i)]);
                   double sum = 0;
                   for (int64_t i = 0; i < view.length; ++i)
                     sum += std::exp(double{input.data[at(i)]} - maximum);
                   for (int64_t i = 0; i < view.length; ++i) {
                     result.data[at(i)] =
                         static_cast<float>(std::exp(double{input.data[at(i)]} - maximum) / sum);
                   }
                 }
               });
  return result;
}

Tensor local_response(const Tensor& input, size_t axis, const LocalResponse& by) {
  const AxisView view = view_along(input.shape, axis);
  const double alpha = by.alpha / static_cast<double>(by.size);
  Tensor result = make_tensor(input.shape);
  for (int64_t i = 0; i < static_cast<int64_t>(result.data.size()); ++i) {
    const int64_t c = i / view.inner % view.length;
    double squares = 0;
    for (int64_t d = std::max(-c, -((by.size - 1) / 2)); d <= std::min(view.length - 1 - c, by.size / 2);
         ++d) {
      const double value = input.data[i + d * view.inner];
      squares += value * value;
    }
    result.data[i] = static_cast<float>(input.data[i] / std::pow(by.k + alpha * squares, by.beta));
  }
  return result;
}

}  // namespace ane::reference
