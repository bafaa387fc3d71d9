// Operations that compute on values where they stand: functions of one variable, arithmetic and comparisons
// of two, selection, casts. A function that the ANE network does not have is spelled out in those it has.
// Definitions and defaults: coremltools' documentation of the operations (iOS15 to iOS18).
//
// Arithmetic with one known number is a scale and an offset, or a function with a bound; x / s stays a
// division, which the engine's compiler treats in a way of its own (passes/recognise_goc.cc).
#include <cmath>
#include <functional>
#include <limits>

#include "base/half.h"
#include "import/mil_operation.h"
#include "mil/element.h"

namespace ane::import {
namespace {

using aneir::ElementWiseOp;
using aneir::Goc;
using aneir::NeuronType;
using aneir::TensorId;

constexpr float infinity = std::numeric_limits<float>::infinity();

// ---- One variable ----

// By one constant for each channel, which axis 1 is.
TensorId scaled_by_channel(OperationImport& at, TensorId x, const char* parameter) {
  at.require(at.rank("x") >= 2, "numbers by channel for a tensor of rank " + std::to_string(at.rank("x")));
  const aneir::Axis axis = at.axis(1, "x");
  const int64_t channels = at.shape("x")[axis];
  const aneir::Constant numbers = at.numbers(parameter, channels);
  if (axis == aneir::Axis::Channel) return at.add(Goc{1, 0, numbers, {}}, {x});
  aneir::Shape along;
  along[axis] = channels;
  return at.binary(ElementWiseOp::Mult, x, at.constant_tensor(along, numbers));
}

// x >= 0 ? x : slope_c * x, as the positive part plus the scaled negative part.
TensorId prelu(OperationImport& at, TensorId x) {
  if (const std::optional<float> slope = at.scalar("alpha"))
    return at.neuron(x, NeuronType::LeakyReLU, *slope);
  const TensorId positive = at.neuron(x, NeuronType::ReLU);
  const TensorId negative = at.neuron(x, NeuronType::ClampedReLU, -infinity, 0);
  return at.binary(ElementWiseOp::Add, positive, scaled_by_channel(at, negative, "alpha"));
}

// alpha_c * ln(1 + e^(beta_c * x))
TensorId softplus_parametric(OperationImport& at, TensorId x) {
  const TensorId curve = at.neuron(scaled_by_channel(at, x, "beta"), NeuronType::Softplus);
  return scaled_by_channel(at, curve, "alpha");
}

// x >= 0 ? min(x, beta) : min(alpha * x, beta)
TensorId clamped_relu(OperationImport& at, TensorId x) {
  const TensorId leaky = at.neuron(x, NeuronType::LeakyReLU, at.number("alpha"));
  return at.neuron(leaky, NeuronType::ClampedReLU, -infinity, at.number("beta"));
}

// Apple's compiler has one table for both of the first two modes.
TensorId gelu(OperationImport& at, TensorId x) {
  const std::string mode = at.text("mode", "EXACT");
  if (mode == "EXACT" || mode == "TANH_APPROXIMATION") return at.neuron(x, NeuronType::Gelu);
  at.require(mode == "SIGMOID_APPROXIMATION", "mode " + mode);
  return at.neuron(x, NeuronType::GeluBySigmoid);
}

// An epsilon that fp16 cannot tell from 0, such as the default, changes nothing.
TensorId logarithm(OperationImport& at, TensorId x) {
  const float epsilon = at.number("epsilon", 1e-45f);
  if (round_to_half(epsilon) != 0) x = at.linear(x, 1, epsilon);
  return at.neuron(x, NeuronType::Log);
}

using Function = TensorId (*)(OperationImport&, TensorId x);

template <NeuronType type>
TensorId plain(OperationImport& at, TensorId x) {
  return at.neuron(x, type);
}
template <NeuronType type>
TensorId with_alpha(OperationImport& at, TensorId x) {
  return at.neuron(x, type, at.number("alpha"));
}
template <NeuronType type>
TensorId with_alpha_and_beta(OperationImport& at, TensorId x) {
  return at.neuron(x, type, at.number("alpha"), at.number("beta"));
}

const std::map<std::string, Function> functions = {
    {"abs", plain<NeuronType::Abs>},
    {"ceil", plain<NeuronType::Ceil>},
    {"clamped_relu", clamped_relu},
    {"clip", with_alpha_and_beta<NeuronType::ClampedReLU>},
    {"elu", with_alpha<NeuronType::Elu>},
    {"erf", plain<NeuronType::Erf>},
    {"exp", plain<NeuronType::Exp>},
    {"exp2", plain<NeuronType::Exp2>},
    {"floor", plain<NeuronType::Floor>},
    {"gelu", gelu},
    {"inverse", [](OperationImport& at,
                   TensorId x) { return at.neuron(x, NeuronType::Inv, at.number("epsilon", 1e-4f)); }},
    {"leaky_relu", with_alpha<NeuronType::LeakyReLU>},
    {"linear_activation",
     [](OperationImport& at, TensorId x) { return at.linear(x, at.number("alpha"), at.number("beta")); }},
    {"log", logarithm},
    {"logical_not", plain<NeuronType::LogicalNot>},
    {"prelu", prelu},
    {"relu", plain<NeuronType::ReLU>},
    {"relu6", [](OperationImport& at, TensorId x) { return at.neuron(x, NeuronType::ClampedReLU, 0, 6); }},
    {"round", plain<NeuronType::RoundNearest>},
    {"rsqrt", [](OperationImport& at,
                 TensorId x) { return at.neuron(x, NeuronType::Rsqrt, at.number("epsilon", 1e-12f)); }},
    {"scaled_tanh",
     [](OperationImport& at, TensorId x) {
       return at.linear(at.neuron(x, NeuronType::Tanh, 0, 0, at.number("beta")), at.number("alpha"), 0);
     }},
    {"sigmoid", plain<NeuronType::Sigmoid>},
    {"sigmoid_hard", with_alpha_and_beta<NeuronType::HardSigmoid>},
    {"sign", plain<NeuronType::Sign>},
    {"silu", plain<NeuronType::Silu>},
    {"softplus", plain<NeuronType::Softplus>},
    {"softplus_parametric", softplus_parametric},
    {"softsign", plain<NeuronType::Softsign>},
    {"sqrt", plain<NeuronType::Sqrt>},
    {"square", plain<NeuronType::Square>},
    {"tanh", plain<NeuronType::Tanh>},
    {"threshold",
     [](OperationImport& at, TensorId x) {
       return at.neuron(x, NeuronType::ClampedReLU, at.number("alpha"), infinity);
     }},
    {"thresholded_relu", with_alpha<NeuronType::ThresholdedReLU>},
};

// ---- Two operands ----

// On truths, which are 0 and 1: and is their product, or the larger, exclusive or whether they differ.
const std::map<std::string, ElementWiseOp> binary_operations = {
    {"add", ElementWiseOp::Add},
    {"equal", ElementWiseOp::Equal},
    {"greater", ElementWiseOp::GreaterThan},
    {"greater_equal", ElementWiseOp::GreaterEqual},
    {"less", ElementWiseOp::LessThan},
    {"less_equal", ElementWiseOp::LessEqual},
    {"logical_and", ElementWiseOp::Mult},
    {"logical_or", ElementWiseOp::Max},
    {"logical_xor", ElementWiseOp::NotEqual},
    {"maximum", ElementWiseOp::Max},
    {"minimum", ElementWiseOp::Min},
    {"mul", ElementWiseOp::Mult},
    {"not_equal", ElementWiseOp::NotEqual},
    {"pow", ElementWiseOp::Power},
    {"real_div", ElementWiseOp::Div},
    {"sub", ElementWiseOp::Sub},
};

// `op` with a known number on the right; nothing where it stays an operation on two tensors.
std::optional<TensorId> with_number(OperationImport& at, ElementWiseOp op, TensorId x, float number) {
  switch (op) {
    case ElementWiseOp::Add:
      return at.linear(x, 1, number);
    case ElementWiseOp::Sub:
      return at.linear(x, 1, -number);
    case ElementWiseOp::Mult:
      return at.linear(x, number, 0);
    case ElementWiseOp::Max:
      return at.neuron(x, NeuronType::ClampedReLU, number, infinity);
    case ElementWiseOp::Min:
      return at.neuron(x, NeuronType::ClampedReLU, -infinity, number);
    case ElementWiseOp::Power:
      return at.neuron(x, NeuronType::Power, number);
    default:
      return std::nullopt;
  }
}

// The same on the left.
std::optional<TensorId> number_with(OperationImport& at, ElementWiseOp op, float number, TensorId x) {
  switch (op) {
    case ElementWiseOp::Add:
    case ElementWiseOp::Mult:
    case ElementWiseOp::Max:
    case ElementWiseOp::Min:
      return with_number(at, op, x, number);
    case ElementWiseOp::Sub:
      return at.linear(x, -1, number);
    case ElementWiseOp::Power:
      at.require(number > 0, "powers of " + std::to_string(number));
      return at.neuron(x, NeuronType::Exp2, 0, 0, std::log2(number));
    default:
      return std::nullopt;
  }
}

// The operand next to a known number, if there is one: it must have the result's shape by itself.
std::optional<TensorId> beside_number(OperationImport& at, ElementWiseOp op) {
  const auto alone = [&](const char* parameter) {
    return at.type(parameter).element != mil::DataType::Bool && at.shape(parameter) == at.declared_shape();
  };
  if (const auto number = at.scalar("y"); number && alone("x"))
    return with_number(at, op, at.tensor("x"), *number);
  if (const auto number = at.scalar("x"); number && alone("y"))
    return number_with(at, op, *number, at.tensor("y"));
  return std::nullopt;
}

bool is_truth(const mil::Type& type) {
  return type.is_tensor() && type.element == mil::DataType::Bool;
}

}  // namespace

Tops import_unary(OperationImport& at) {
  return {functions.at(at.operation.type)(at, at.tensor("x"))};
}

Tops import_binary(OperationImport& at) {
  const ElementWiseOp op = binary_operations.at(at.operation.type);
  if (const auto result = beside_number(at, op)) return {*result};
  const TensorId x = at.aligned("x", at.declared()), y = at.aligned("y", at.declared());
  return {at.binary(op, x, y)};
}

Tops import_select(OperationImport& at) {
  at.require(is_truth(at.type("cond")), "cond is no bool");
  const aneir::Shape shape = at.declared_shape();
  if (const auto condition = at.scalar("cond"))
    return {at.broadcast(at.aligned(*condition != 0 ? "a" : "b", at.declared()), shape)};
  std::vector<TensorId> bottoms;
  for (const char* parameter : {"cond", "a", "b"})
    bottoms.push_back(at.broadcast(at.aligned(parameter, at.declared()), shape));
  return {at.add(aneir::Select{}, bottoms)};
}

// Between fp16 and fp32 there is nothing to do; a number is true when it is not 0.
Tops import_cast(OperationImport& at) {
  const TensorId x = at.tensor("x");
  const bool from = is_truth(at.type("x")), to = is_truth(at.declared());
  if (from == to) return {x};
  if (from) return {at.add(aneir::Cast{aneir::ElementType::Float16}, {x})};
  return {at.neuron(at.neuron(x, NeuronType::LogicalNot), NeuronType::LogicalNot)};
}

// scale and zero_point are one number or one for each element of an axis; `fallback` where there is none.
namespace {

TensorId along_quantized_axis(OperationImport& at, const char* parameter, double fallback) {
  if (!at.has(parameter))
    return at.constant_tensor({}, aneir::Constant::of_floats({static_cast<float>(fallback)}));
  const int64_t count = at.known(parameter)->count();
  std::vector<float> numbers;
  for (int64_t i = 0; i < count; ++i)
    numbers.push_back(
        static_cast<float>(mil::number_at(at.type(parameter).element, at.constant(parameter)->bytes, i)));
  mil::Type type;
  if (count > 1) {
    type.shape.assign(at.rank("input"), 1);
    type.shape[at.axis_index(at.integer("axis"), at.rank("input"))] = count;
  }
  return at.constant_tensor(engine_shape(type), aneir::Constant::of_floats(std::move(numbers)));
}

}  // namespace

// round(x / scale) + zero_point, within the bytes' range.
Tops import_quantize(OperationImport& at) {
  const std::string type = at.text("output_dtype", "");
  at.require(type == "int8" || type == "uint8", "output_dtype " + type);
  const TensorId quotient =
      at.binary(ElementWiseOp::Div, at.tensor("input"), along_quantized_axis(at, "scale", 1));
  const TensorId sum = at.binary(ElementWiseOp::Add, at.neuron(quotient, NeuronType::RoundNearest),
                                 along_quantized_axis(at, "zero_point", 0));
  return {at.neuron(sum, NeuronType::ClampedReLU, type == "int8" ? -128.0f : 0.0f,
                    type == "int8" ? 127.0f : 255.0f)};
}

// (x - zero_point) * scale
Tops import_dequantize(OperationImport& at) {
  const TensorId difference =
      at.binary(ElementWiseOp::Sub, at.tensor("input"), along_quantized_axis(at, "zero_point", 0));
  return {at.binary(ElementWiseOp::Mult, difference, along_quantized_axis(at, "scale", 1))};
}

}  // namespace ane::import
