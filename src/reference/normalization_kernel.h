// Statistics, distributions and local norms, apart from any format's parameters. Sums are taken in double.
#pragma once

#include "reference/tensor.h"

namespace ane::reference {

struct Statistics {
  double mean = 0, variance = 0;
};

// Mean and biased variance (divided by N) of `count` runs of `length` elements, `stride` apart.
Statistics statistics_of(const float* data, int64_t count, int64_t length, int64_t stride);

// out[k] = (in[k] - mean) * scale + shift for a run.
void normalize_run(const float* in, float* out, int64_t length, double mean, double scale, double shift);

// exp(x - max) / sum along the axis.
Tensor softmax_along(const Tensor& input, size_t axis);

// x / (k + alpha / size * Σ x²)^beta, the sum going over `size` elements along the axis around x and ending
// where the axis does. An even window cannot be centred and neither format says how it lies; the larger half
// is on the side of the higher channels, as ONNX defines it.
struct LocalResponse {
  int64_t size;
  double alpha, beta, k;
};
Tensor local_response(const Tensor& input, size_t axis, const LocalResponse& by);

}  // namespace ane::reference
