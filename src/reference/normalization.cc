// Core ML's layers that subtract a mean, divide by a norm or make a distribution.

#include <fmt/format.h>

#include <cmath>

#include "reference/layers.h"
#include "reference/normalization_kernel.h"

namespace ane::reference {
namespace {

// Statistics of channel c for image n, or those of the whole batch.
Statistics data_statistics(const Tensor& input, const Planes& in, int64_t n, int64_t c, bool instance) {
  const int64_t plane = in.h * in.w;
  if (instance) return statistics_of(input.data.data() + (n * in.c + c) * plane, 1, plane, plane);
  return statistics_of(input.data.data() + c * plane, in.n, plane, in.c * plane);
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

Tensor evaluate_lrn(const Call& call) {
  const auto& params = call.layer.lrn();
  const auto size = static_cast<int64_t>(params.localsize());
  if (size < 1) call.fail("localSize is 0");
  return local_response(call.input(), call.axis_index(-3, call.input().shape.size()),
                        {size, params.alpha(), params.beta(), value_or(params.k(), 1)});
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
