// Functions of one element: the activation layer's kinds, the unary layer's operations and the later single
// layers.
//
// Each is evaluated in double and rounded once.

#include <cmath>

#include "reference/layers.h"
#include "reference/scalar_functions.h"

namespace ane::reference {
namespace {

using Activation = coreml::spec::ActivationParams;
using Layer = coreml::spec::NeuralNetworkLayer;

// function(x, channel) with the channel counted along axis -3.
template <typename Function>
Tensor map_by_channel(const Call& call, Function function) {
  const Planes in = planes_of(call, call.input());
  const int64_t plane = in.h * in.w;
  Tensor result = make_tensor(call.input().shape);
  parallel_for(in.n * in.c, std::max<int64_t>(1, parallel_grain / std::max<int64_t>(1, plane)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t p = begin; p < end; ++p) {
                   for (int64_t i = p * plane; i < (p + 1) * plane; ++i) {
                     result.data[i] = static_cast<float>(function(double{call.input().data[i]}, p % in.c));
                   }
                 }
               });
  return result;
}

// One value per channel; a single one holds for all.
std::vector<float> channel_values(const Call& call, const coreml::spec::WeightParams& params) {
  const int64_t channels = planes_of(call, call.input()).c;
  if (coreml::weight_count(params) != 1) return call.weights(params, {channels});
  return std::vector<float>(static_cast<size_t>(channels), call.weights(params, {1})[0]);
}

Tensor evaluate_prelu(const Call& call, const coreml::spec::ActivationPReLU& params) {
  const std::vector<float> alpha = channel_values(call, params.alpha());
  return map_by_channel(call, [&](double x, int64_t c) { return x >= 0 ? x : alpha[c] * x; });
}

Tensor evaluate_parametric_softplus(const Call& call,
                                    const coreml::spec::ActivationParametricSoftplus& params) {
  const std::vector<float> alpha = channel_values(call, params.alpha()),
                           beta = channel_values(call, params.beta());
  return map_by_channel(call, [&](double x, int64_t c) { return alpha[c] * softplus(beta[c] * x); });
}

}  // namespace

Tensor evaluate_activation(const Call& call) {
  const Activation& params = call.layer.activation();
  const Tensor& in = call.input();
  switch (params.NonlinearityType_case()) {
    case Activation::kLinear: {
      const double alpha = params.linear().alpha(), beta = params.linear().beta();
      return map_elements(in, [=](double x) { return alpha * x + beta; });
    }
    case Activation::kReLU:
      return map_elements(in, [](float x) { return x < 0 ? 0.0f : x; });
    case Activation::kLeakyReLU: {
      const double alpha = params.leakyrelu().alpha();
      return map_elements(in, [=](double x) { return x >= 0 ? x : alpha * x; });
    }
    case Activation::kThresholdedReLU: {
      const float alpha = params.thresholdedrelu().alpha();
      return map_elements(in, [=](float x) { return x >= alpha ? x : 0.0f; });
    }
    case Activation::kPReLU:
      return evaluate_prelu(call, params.prelu());
    case Activation::kTanh:
      return map_elements(in, [](double x) { return std::tanh(x); });
    case Activation::kScaledTanh: {
      const double alpha = params.scaledtanh().alpha(), beta = params.scaledtanh().beta();
      return map_elements(in, [=](double x) { return alpha * std::tanh(beta * x); });
    }
    case Activation::kSigmoid:
      return map_elements(in, [](double x) { return sigmoid(x); });
    case Activation::kSigmoidHard: {
      const double alpha = params.sigmoidhard().alpha(), beta = params.sigmoidhard().beta();
      return map_elements(in, [=](double x) { return hard_sigmoid(x, alpha, beta); });
    }
    case Activation::kELU: {
      const double alpha = params.elu().alpha();
      return map_elements(in, [=](double x) { return elu(x, alpha); });
    }
    case Activation::kSoftsign:
      return map_elements(in, [](double x) { return softsign(x); });
    case Activation::kSoftplus:
      return map_elements(in, [](double x) { return softplus(x); });
    case Activation::kParametricSoftplus:
      return evaluate_parametric_softplus(call, params.parametricsoftplus());
    default:
      call.fail("unknown kind of activation");
  }
}

Tensor evaluate_unary(const Call& call) {
  using Unary = coreml::spec::UnaryFunctionLayerParams;
  const Unary& params = call.layer.unary();
  const double scale = value_or(params.scale(), 1), shift = params.shift(), alpha = params.alpha();
  const double epsilon = value_or(params.epsilon(), 1e-6f);
  const auto apply = [&](auto function) {
    return map_elements(call.input(), [=](double x) { return function(scale * x + shift); });
  };
  switch (params.type()) {
    case Unary::SQRT:
      return apply([](double t) { return std::sqrt(t); });
    case Unary::RSQRT:
      return apply([=](double t) { return 1 / std::sqrt(t + epsilon); });
    case Unary::INVERSE:
      return apply([=](double t) { return 1 / (t + epsilon); });
    case Unary::POWER:
      return apply([=](double t) { return std::pow(t, alpha); });
    case Unary::EXP:
      return apply([](double t) { return std::exp(t); });
    case Unary::LOG:
      return apply([](double t) { return std::log(t); });
    case Unary::ABS:
      return apply([](double t) { return std::abs(t); });
    case Unary::THRESHOLD:
      return apply([=](double t) { return std::max(t, alpha); });
    default:
      call.fail("unknown unary operation");
  }
}

Tensor evaluate_clip(const Call& call) {
  const float low = call.layer.clip().minval(), high = call.layer.clip().maxval();
  return map_elements(call.input(), [=](float x) { return std::min(std::max(x, low), high); });
}

Tensor evaluate_gelu(const Call& call) {
  using Gelu = coreml::spec::GeluLayerParams;
  switch (call.layer.gelu().mode()) {
    case Gelu::EXACT:
      return map_elements(call.input(), gelu);
    case Gelu::TANH_APPROXIMATION:
      return map_elements(call.input(), gelu_by_tanh);
    case Gelu::SIGMOID_APPROXIMATION:
      return map_elements(call.input(), gelu_by_sigmoid);
    default:
      call.fail("unknown mode");
  }
}

Tensor evaluate_clamped_relu(const Call& call) {
  const double alpha = call.layer.clampedrelu().alpha(), beta = call.layer.clampedrelu().beta();
  return map_elements(call.input(), [=](double x) { return std::min(beta, x >= 0 ? x : alpha * x); });
}

Tensor evaluate_function(const Call& call) {
  const auto apply = [&](double (*function)(double)) {
    return map_elements(call.input(), [=](double x) { return function(x); });
  };
  switch (call.layer.layer_case()) {
    case Layer::kCeil:
      return apply(std::ceil);
    case Layer::kFloor:
      return apply(std::floor);
    case Layer::kSign:
      return apply(sign);
    // Ties are open in the format; to even, as in NumPy and TensorFlow, from which such layers are converted.
    case Layer::kRound:
      return apply(std::nearbyint);
    case Layer::kExp2:
      return apply(std::exp2);
    case Layer::kSin:
      return apply(std::sin);
    case Layer::kCos:
      return apply(std::cos);
    case Layer::kTan:
      return apply(std::tan);
    case Layer::kAsin:
      return apply(std::asin);
    case Layer::kAcos:
      return apply(std::acos);
    case Layer::kAtan:
      return apply(std::atan);
    case Layer::kSinh:
      return apply(std::sinh);
    case Layer::kCosh:
      return apply(std::cosh);
    case Layer::kTanh:
      return apply(std::tanh);
    case Layer::kAsinh:
      return apply(std::asinh);
    case Layer::kAcosh:
      return apply(std::acosh);
    case Layer::kAtanh:
      return apply(std::atanh);
    case Layer::kErf:
      return apply(std::erf);
    case Layer::kLogicalNot:
      return apply([](double x) { return x == 0 ? 1.0 : 0.0; });
    default:
      call.fail("unknown function");
  }
}

}  // namespace ane::reference
