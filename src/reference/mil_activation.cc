// Activations with parameters. Those without stand in the table.

#include <fmt/format.h>

#include <cmath>

#include "reference/mil_operations.h"
#include "reference/scalar_functions.h"

namespace ane::reference::ops {
namespace {

// function(x, alpha)
template <typename Function>
Tensor with_alpha(const MilCall& call, Function function) {
  const double alpha = call.number("alpha");
  return map_elements(call.tensor("x"), [=](double x) { return function(x, alpha); });
}

// function(x, alpha, beta)
template <typename Function>
Tensor with_alpha_and_beta(const MilCall& call, Function function) {
  const double alpha = call.number("alpha"), beta = call.number("beta");
  return map_elements(call.tensor("x"), [=](double x) { return function(x, alpha, beta); });
}

}  // namespace

Tensor relu(const MilCall& call) {
  return map_elements(call.tensor("x"), [](float x) { return x < 0 ? 0.0f : x; });
}

Tensor relu6(const MilCall& call) {
  return map_elements(call.tensor("x"), [](float x) { return std::min(std::max(x, 0.0f), 6.0f); });
}

Tensor leaky_relu(const MilCall& call) {
  return with_alpha(call, [](double x, double alpha) { return x >= 0 ? x : alpha * x; });
}

Tensor clamped_relu(const MilCall& call) {
  return with_alpha_and_beta(
      call, [](double x, double alpha, double beta) { return std::min(beta, x >= 0 ? x : alpha * x); });
}

Tensor thresholded_relu(const MilCall& call) {
  return with_alpha(call, [](double x, double alpha) { return x >= alpha ? x : 0.0; });
}

Tensor prelu(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  return combine_elements(x, call.by_channel("alpha"), x.shape,
                          [](double value, double alpha) { return value >= 0 ? value : alpha * value; });
}

Tensor elu(const MilCall& call) {
  return with_alpha(call, reference::elu);
}

Tensor gelu(const MilCall& call) {
  const std::string& mode = call.text("mode");
  const Tensor& x = call.tensor("x");
  if (mode == "EXACT") return map_elements(x, reference::gelu);
  if (mode == "TANH_APPROXIMATION") return map_elements(x, gelu_by_tanh);
  if (mode == "SIGMOID_APPROXIMATION") return map_elements(x, gelu_by_sigmoid);
  call.fail(fmt::format("mode {} is not known", mode));
}

Tensor linear_activation(const MilCall& call) {
  return with_alpha_and_beta(call, [](double x, double alpha, double beta) { return alpha * x + beta; });
}

Tensor scaled_tanh(const MilCall& call) {
  return with_alpha_and_beta(call,
                             [](double x, double alpha, double beta) { return alpha * std::tanh(beta * x); });
}

Tensor sigmoid_hard(const MilCall& call) {
  return with_alpha_and_beta(call, hard_sigmoid);
}

Tensor softplus_parametric(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const Tensor curve = combine_elements(x, call.by_channel("beta"), x.shape,
                                        [](double value, double beta) { return softplus(beta * value); });
  return combine_elements(curve, call.by_channel("alpha"), x.shape,
                          [](double value, double alpha) { return alpha * value; });
}

}  // namespace ane::reference::ops
