// Elementwise layers of several operands, with broadcasting: axes of size 1 are repeated, and shapes of
// different rank are aligned at the right. The rank-5 layers name three cases of this ([B,1,1,1], [B,C,1,1],
// [B,1,H,W] to [B,C,H,W]); the general rule covers them.

#include <fmt/format.h>

#include <cmath>

#include "reference/layers.h"
#include "reference/scalar_functions.h"

namespace ane::reference {
namespace {

using Layer = coreml::spec::NeuralNetworkLayer;

Shape common_shape(const Call& call, const Shape& a, const Shape& b) {
  const std::optional<Shape> shape = broadcast_shape(a, b);
  if (!shape) call.fail(fmt::format("the shapes {} and {} do not match", to_string(a), to_string(b)));
  return *shape;
}

template <typename Function>
Tensor combine(const Call& call, const Tensor& a, const Tensor& b, Function function) {
  return combine_elements(a, b, common_shape(call, a.shape, b.shape), function);
}

template <typename Function>
Tensor fold_inputs(const Call& call, Function function) {
  Tensor result = call.input();
  for (size_t i = 1; i < call.inputs.size(); ++i) result = combine(call, result, call.input(i), function);
  return result;
}

// A parameter of shape [1], [C], [1, H, W] or [C, H, W], as [C, H, W] with axes of size 1 that are repeated.
Tensor plane_parameter(const Call& call, const google::protobuf::RepeatedField<uint64_t>& declared,
                       const coreml::spec::WeightParams& params) {
  Shape shape(declared.begin(), declared.end());
  if (shape.size() == 1) shape.insert(shape.end(), {1, 1});
  if (shape.size() != 3) call.fail(fmt::format("a parameter of shape {} is not known", to_string(shape)));
  return {shape, call.weights(params, shape)};
}

float truth(bool value) {
  return value ? 1.0f : 0.0f;
}

// The second operand: an input or, for comparisons with one input, the parameter alpha.
template <typename Params>
Tensor second_operand(const Call& call, const Params& params) {
  if (call.inputs.size() >= 2) return call.input(1);
  return {{}, {params.alpha()}};
}

}  // namespace

Tensor evaluate_add(const Call& call) {
  const float alpha = call.layer.add().alpha();
  if (call.inputs.size() == 1) return map_elements(call.input(), [=](float x) { return x + alpha; });
  return fold_inputs(call, [](float a, float b) { return a + b; });
}

Tensor evaluate_multiply(const Call& call) {
  const float alpha = call.layer.multiply().alpha();
  if (call.inputs.size() == 1) return map_elements(call.input(), [=](float x) { return x * alpha; });
  return fold_inputs(call, [](float a, float b) { return a * b; });
}

Tensor evaluate_average(const Call& call) {
  const auto count = static_cast<float>(call.inputs.size());
  return map_elements(fold_inputs(call, [](float a, float b) { return a + b; }),
                      [=](float x) { return x / count; });
}

Tensor evaluate_max(const Call& call) {
  return fold_inputs(call, [](float a, float b) { return std::max(a, b); });
}

Tensor evaluate_min(const Call& call) {
  return fold_inputs(call, [](float a, float b) { return std::min(a, b); });
}

Tensor evaluate_scale(const Call& call) {
  const auto& params = call.layer.scale();
  Tensor result = combine(call, call.input(), plane_parameter(call, params.shapescale(), params.scale()),
                          [](float x, float s) { return x * s; });
  if (!params.hasbias()) return result;
  return combine(call, result, plane_parameter(call, params.shapebias(), params.bias()),
                 [](float x, float b) { return x + b; });
}

Tensor evaluate_bias(const Call& call) {
  const auto& params = call.layer.bias();
  return combine(call, call.input(), plane_parameter(call, params.shape(), params.bias()),
                 [](float x, float b) { return x + b; });
}

Tensor evaluate_dot(const Call& call) {
  const Tensor &a = call.input(0), &b = call.input(1);
  const Planes in = planes_of(call, a);
  if (a.shape != b.shape) call.fail("the two inputs have different shapes");
  const int64_t plane = in.h * in.w;
  Tensor result = make_tensor(with_planes(a.shape, 1, in.h, in.w));
  for (int64_t i = 0; i < static_cast<int64_t>(result.data.size()); ++i) {
    double product = 0, a_squares = 0, b_squares = 0;
    for (int64_t c = 0; c < in.c; ++c) {
      const int64_t at = (i / plane * in.c + c) * plane + i % plane;
      product += double{a.data[at]} * b.data[at];
      a_squares += double{a.data[at]} * a.data[at];
      b_squares += double{b.data[at]} * b.data[at];
    }
    const bool cosine = call.layer.dot().cosinesimilarity();
    result.data[i] = static_cast<float>(cosine ? product / std::sqrt(a_squares * b_squares) : product);
  }
  return result;
}

Tensor evaluate_broadcastable(const Call& call) {
  const Layer& layer = call.layer;
  const auto inputs = [&](auto function) { return combine(call, call.input(0), call.input(1), function); };
  const auto compare = [&](const auto& params, auto function) {
    return combine(call, call.input(0), second_operand(call, params),
                   [=](float a, float b) { return truth(function(a, b)); });
  };
  switch (layer.layer_case()) {
    case Layer::kEqual:
      return compare(layer.equal(), [](float a, float b) { return a == b; });
    case Layer::kNotEqual:
      return compare(layer.notequal(), [](float a, float b) { return a != b; });
    case Layer::kLessThan:
      return compare(layer.lessthan(), [](float a, float b) { return a < b; });
    case Layer::kLessEqual:
      return compare(layer.lessequal(), [](float a, float b) { return a <= b; });
    case Layer::kGreaterThan:
      return compare(layer.greaterthan(), [](float a, float b) { return a > b; });
    case Layer::kGreaterEqual:
      return compare(layer.greaterequal(), [](float a, float b) { return a >= b; });
    case Layer::kLogicalOr:
      return inputs([](float a, float b) { return truth(a != 0 || b != 0); });
    case Layer::kLogicalXor:
      return inputs([](float a, float b) { return truth((a != 0) != (b != 0)); });
    case Layer::kLogicalAnd:
      return inputs([](float a, float b) { return truth(a != 0 && b != 0); });
    case Layer::kModBroadcastable:
      return inputs(floored_remainder);
    case Layer::kMinBroadcastable:
      return inputs([](float a, float b) { return std::min(a, b); });
    case Layer::kMaxBroadcastable:
      return inputs([](float a, float b) { return std::max(a, b); });
    case Layer::kAddBroadcastable:
      return inputs([](float a, float b) { return a + b; });
    case Layer::kPowBroadcastable:
      return inputs([](double a, double b) { return std::pow(a, b); });
    case Layer::kDivideBroadcastable:
      return inputs([](float a, float b) { return a / b; });
    case Layer::kFloorDivBroadcastable:
      return inputs([](double a, double b) { return std::floor(a / b); });
    case Layer::kMultiplyBroadcastable:
      return inputs([](float a, float b) { return a * b; });
    case Layer::kSubtractBroadcastable:
      return inputs([](float a, float b) { return a - b; });
    default:
      call.fail("unknown operation");
  }
}

Tensor evaluate_where(const Call& call) {
  const Tensor &condition = call.input(0), &yes = call.input(1), &no = call.input(2);
  const Shape shape = common_shape(call, common_shape(call, condition.shape, yes.shape), no.shape);
  Tensor result = broadcast_to(yes, shape);
  const Tensor mask = broadcast_to(condition, shape), other = broadcast_to(no, shape);
  for (size_t i = 0; i < result.data.size(); ++i) {
    if (mask.data[i] == 0) result.data[i] = other.data[i];
  }
  return result;
}

}  // namespace ane::reference
