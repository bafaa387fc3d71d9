// Layers that subtract a mean, divide by a norm or make a distribution. Statistics are taken in double.

#include <fmt/format.h>

#include <cmath>

#include "reference/layers.h"

namespace ane::reference {
namespace {

struct Statistics {
  double mean = 0, variance = 0;
};

// Mean and biased variance (divided by N) of `count` runs of `length` elements, `stride` apart.
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

// out[k] = (in[k] - mean) * scale + shift for a run.
void normalize_run(const float* in, float* out, int64_t length, double mean, double scale, double shift) {
  for (int64_t k = 0; k < length; ++k) out[k] = static_cast<float>((in[k] - mean) * scale + shift);
}

// Statistics of channel c for image n, or those of the whole batch.
Statistics data_statistics(const Tensor& input, const Planes& in, int64_t n, int64_t c, bool instance) {
  const int64_t plane = in.h * in.w;
  if (instance) return statistics_of(input.data.data() + (n * in.c + c) * plane, 1, plane, plane);
  return statistics_of(input.data.data() + c * plane, in.n, plane, in.c * plane);
}

// exp(x - max) / sum along the axis.
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

}  // namespace

Tensor evaluate_batchnorm(const Call& call) {
  const auto& params = call.layer.batchnorm();
  const Tensor& input = call.input();
  const Planes in = planes_of(call, input);
  const int64_t plane = in.h * in.w;
  const double epsilon = value_or(params.epsilon(), 1e-5f);
  const auto values = [&](const coreml::spec::WeightParams& weights) {
    return call.weights(weights, {in.c});
  };
  const std::vector<float> gamma = values(params.gamma()), beta = values(params.beta());
  std::vector<float> mean, variance;
  if (!params.computemeanvar()) {
    mean = values(params.mean());
    variance = values(params.variance());
  }
  Tensor result = make_tensor(input.shape);
  parallel_for(in.n * in.c, std::max<int64_t>(1, parallel_grain / std::max<int64_t>(1, plane)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t p = begin; p < end; ++p) {
                   const int64_t c = p % in.c;
                   const Statistics by =
                       params.computemeanvar()
                           ? data_statistics(input, in, p / in.c, c, params.instancenormalization())
                           : Statistics{mean[c], variance[c]};
                   normalize_run(input.data.data() + p * plane, result.data.data() + p * plane, plane,
                                 by.mean, gamma[c] / std::sqrt(by.variance + epsilon), beta[c]);
                 }
               });
  return result;
}

// Whether epsilon is added inside or outside of the root is open in the format; inside, as in batchnorm.
Tensor evaluate_mvn(const Call& call) {
  const auto& params = call.layer.mvn();
  const Tensor& input = call.input();
  const Planes in = planes_of(call, input);
  const double epsilon = value_or(params.epsilon(), 1e-6f);
  const int64_t length = (params.acrosschannels() ? in.c : 1) * in.h * in.w;
  Tensor result = make_tensor(input.shape);
  for (int64_t start = 0; start < static_cast<int64_t>(input.data.size()); start += length) {
    const Statistics by = statistics_of(input.data.data() + start, 1, length, length);
    normalize_run(input.data.data() + start, result.data.data() + start, length, by.mean,
                  params.normalizevariance() ? 1 / std::sqrt(by.variance + epsilon) : 1, 0);
  }
  return result;
}

Tensor evaluate_l2_normalize(const Call& call) {
  const Tensor& input = call.input();
  const Planes in = planes_of(call, input);
  const double epsilon = value_or(call.layer.l2normalize().epsilon(), 1e-6f);
  const int64_t length = in.c * in.h * in.w;
  Tensor result = make_tensor(input.shape);
  for (int64_t start = 0; start < static_cast<int64_t>(input.data.size()); start += length) {
    double squares = 0;
    for (int64_t k = 0; k < length; ++k) squares += double{input.data[start + k]} * input.data[start + k];
    normalize_run(input.data.data() + start, result.data.data() + start, length, 0,
                  1 / std::sqrt(squares + epsilon), 0);
  }
  return result;
}

// An even window cannot be centred and the format does not say how it lies; the larger half is on the side of
// the higher channels, as ONNX defines it.
Tensor evaluate_lrn(const Call& call) {
  const auto& params = call.layer.lrn();
  const Tensor& input = call.input();
  const Planes in = planes_of(call, input);
  const int64_t plane = in.h * in.w, size = static_cast<int64_t>(params.localsize());
  if (size < 1) call.fail("localSize is 0");
  const double k = value_or(params.k(), 1), alpha = params.alpha() / static_cast<double>(size),
               beta = params.beta();
  Tensor result = make_tensor(input.shape);
  for (int64_t i = 0; i < static_cast<int64_t>(result.data.size()); ++i) {
    const int64_t c = i / plane % in.c;
    double squares = 0;
    for (int64_t d = std::max(-c, -((size - 1) / 2)); d <= std::min(in.c - 1 - c, size / 2); ++d) {
      const double value = input.data[i + d * plane];
      squares += value * value;
    }
    result.data[i] = static_cast<float>(input.data[i] / std::pow(k + alpha * squares, beta));
  }
  return result;
}

Tensor evaluate_softmax(const Call& call) {
  return softmax_along(call.input(), call.axis_index(-3, call.input().shape.size()));
}

Tensor evaluate_softmax_nd(const Call& call) {
  return softmax_along(call.input(),
                       call.axis_index(call.layer.softmaxnd().axis(), call.input().shape.size()));
}

Tensor evaluate_layer_normalization(const Call& call) {
  const auto& params = call.layer.layernormalization();
  const Tensor& input = call.input();
  const Shape normalized(params.normalizedshape().begin(), params.normalizedshape().end());
  if (normalized.size() > input.shape.size() ||
      !std::equal(normalized.rbegin(), normalized.rend(), input.shape.rbegin())) {
    call.fail(fmt::format("{} are not the last axes of {}", to_string(normalized), to_string(input.shape)));
  }
  const int64_t length = element_count(normalized);
  const std::vector<float> gamma = call.weights(params.gamma(), {length});
  const std::vector<float> beta = call.weights(params.beta(), {length});
  const double epsilon = value_or(params.eps(), 1e-5f);
  Tensor result = make_tensor(input.shape);
  for (int64_t start = 0; start < static_cast<int64_t>(input.data.size()); start += length) {
    const Statistics by = statistics_of(input.data.data() + start, 1, length, length);
    const double scale = 1 / std::sqrt(by.variance + epsilon);
    for (int64_t k = 0; k < length; ++k) {
      result.data[start + k] =
          static_cast<float>((input.data[start + k] - by.mean) * scale * gamma[k] + beta[k]);
    }
  }
  return result;
}

}  // namespace ane::reference
