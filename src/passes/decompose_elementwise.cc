// The engine's elementwise operations are +, -, *, max and min. The others in terms of these:
//
//   a / b       a * Inv(b); a constant b is inverted here, in float32
//   (a - b)^2   d * d with d = a - b
//   a < b       IsNegative(a - b); a >= b is its LogicalNot, and the others by exchange of a and b
//   a == b      LogicalNot(a - b); a != b is its LogicalNot
//   c ? a : b   a * LogicalNot(LogicalNot(c)) + b * LogicalNot(c); an infinite or undefined operand that is
//               not taken shows, as in Apple's own program
//   a ^ b       2^(b * log2 a), for a > 0; one constant b is a Neuron Power, which has better forms
//
// Each step rounds to binary16. A quotient is so at most 1.5 units in the last place off, besides the
// reciprocal table's own error (relative 2^-12). A power's exponent is good to a relative 2^-11: up to half a
// percent of the result where |b * log2 a| reaches 16. Comparisons are exact: a difference of two numbers is
// 0 only when they are equal (binary16 has numbers below the normal ones for that). Where the back end has a
// form of its own (facts.composites), quotients of two tensors stay, and comparisons and selections of the
// kind that captured programs show.
//
// Operations between constants are done here.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::all_axes;
using aneir::ConstantTensor;
using aneir::ElementWise;
using aneir::ElementWiseOp;

float apply(ElementWiseOp op, float a, float b) {
  switch (op) {
    case ElementWiseOp::Add:
      return a + b;
    case ElementWiseOp::Sub:
      return a - b;
    case ElementWiseOp::Mult:
      return a * b;
    case ElementWiseOp::Max:
      return std::max(a, b);
    case ElementWiseOp::Min:
      return std::min(a, b);
    case ElementWiseOp::Div:
      return a / b;
    case ElementWiseOp::Power:
      return std::pow(a, b);
    case ElementWiseOp::SquaredDifference:
      return (a - b) * (a - b);
    case ElementWiseOp::Equal:
      return a == b ? 1.0f : 0.0f;
    case ElementWiseOp::NotEqual:
      return a != b ? 1.0f : 0.0f;
    case ElementWiseOp::LessThan:
      return a < b ? 1.0f : 0.0f;
    case ElementWiseOp::GreaterThan:
      return a > b ? 1.0f : 0.0f;
    case ElementWiseOp::LessEqual:
      return a <= b ? 1.0f : 0.0f;
    case ElementWiseOp::GreaterEqual:
      return a >= b ? 1.0f : 0.0f;
  }
  throw InternalError("elementwise operation without a meaning");
}

// Position in `constants` of the element that a result of `shape` uses at row-major index `i`.
size_t operand_index(const Shape& shape, const Shape& constants, int64_t i) {
  int64_t position = 0, stride = 1;
  for (const Axis axis : {Axis::Width, Axis::Height, Axis::Channel, Axis::Depth, Axis::Batch}) {
    const int64_t coordinate = i % shape[axis];
    i /= shape[axis];
    if (constants[axis] != 1) position += coordinate * stride;
    stride *= constants[axis];
  }
  return static_cast<size_t>(position);
}

TensorId fold_constants(const ElementWise& elementwise, const ConstantTensor& a, const ConstantTensor& b,
                        const Shape& shape, Replacement& here) {
  if (shape.count() > max_invented_constant) return no_tensor;
  const std::vector<float> left = a.values.floats(), right = b.values.floats();
  std::vector<float> result(static_cast<size_t>(shape.count()));
  for (int64_t i = 0; i < shape.count(); ++i) {
    const float value = elementwise.scale * apply(elementwise.op, left[operand_index(shape, a.shape, i)],
                                                  right[operand_index(shape, b.shape, i)]);
    result[static_cast<size_t>(i)] = elementwise.relu ? std::max(value, 0.0f) : value;
  }
  return here.constant("constant", shape, std::move(result));
}

// `params` with another operation.
ElementWise with(ElementWise params, ElementWiseOp op) {
  params.op = op;
  return params;
}

TensorId divide(const Unit& unit, const ElementWise& params, Replacement& here) {
  TensorId inverse = no_tensor;
  if (const auto* divisor = constants_of(here.producer(unit.bottoms[1]))) {
    const Shape shape = divisor->shape;
    std::vector<float> values = divisor->values.floats();
    for (float& value : values) value = 1 / value;
    inverse = here.constant("inverse", shape, std::move(values));
  } else {
    inverse = here.add("inverse", Neuron{NeuronType::Inv, 0, 0, 1}, {unit.bottoms[1]});
  }
  return here.add("quotient", with(params, ElementWiseOp::Mult), {unit.bottoms[0], inverse});
}

TensorId square_difference(const Unit& unit, const ElementWise& params, Replacement& here) {
  const TensorId difference = here.add("difference", ElementWise{ElementWiseOp::Sub, 1, false}, unit.bottoms);
  return here.add("square", with(params, ElementWiseOp::Mult), {difference, difference});
}

TensorId raise(const Unit& unit, const ElementWise& params, Replacement& here) {
  if (params.scale != 1 || params.relu) return no_tensor;
  const auto* exponent = constants_of(here.producer(unit.bottoms[1]));
  const bool spreads = here.shape(unit.bottoms[0]) != here.shape(unit.top);
  if (exponent && exponent->shape.count() == 1 && !spreads)
    return here.add("power", Neuron{NeuronType::Power, exponent->values.floats()[0], 0, 1},
                    {unit.bottoms[0]});
  const TensorId logarithm = here.add("log2", Neuron{NeuronType::Log2, 0, 0, 1}, {unit.bottoms[0]});
  const TensorId product =
      here.add("exponent", ElementWise{ElementWiseOp::Mult, 1, false}, {logarithm, unit.bottoms[1]});
  return here.add("exp2", Neuron{NeuronType::Exp2, 0, 0, 1}, {product});
}

// Does the back end have a pass for this comparison? It compares two tensors alike and writes bytes; all
// engines take part.
bool is_one_pass(const ElementWise& elementwise, const Unit& unit, const Replacement& here,
                 const Network& network, const EngineFacts& facts) {
  const bool ordered =
      elementwise.op == ElementWiseOp::LessThan || elementwise.op == ElementWiseOp::GreaterThan;
  if (!ordered || elementwise.scale != 1) return false;
  const Shape& shape = network.tensor(unit.top).shape;
  return facts.composites && network.tensor(unit.top).type == aneir::ElementType::UInt8 &&
         here.shape(unit.bottoms[0]) == shape && here.shape(unit.bottoms[1]) == shape && shape.n == 1 &&
         shape.d == 1 && shape.c % facts.engines == 0 && shape.count() * 16 <= facts.on_chip_bytes;
}

// Does the reciprocal fit on chip beside what streams through?
bool is_quotient_on_chip(const Unit& unit, const Replacement& here, const EngineFacts& facts) {
  const Shape divisor = here.shape(unit.bottoms[1]);
  return facts.composites && divisor.c * divisor.h * (divisor.w + 8) * 2 <= facts.on_chip_bytes / 2;
}

TensorId compare(const Unit& unit, const ElementWise& params, Replacement& here) {
  const bool exchanged = params.op == ElementWiseOp::GreaterThan || params.op == ElementWiseOp::LessEqual;
  const std::vector<TensorId> operands =
      exchanged ? std::vector<TensorId>{unit.bottoms[1], unit.bottoms[0]} : unit.bottoms;
  const TensorId difference = here.add("difference", ElementWise{ElementWiseOp::Sub, 1, false}, operands);
  const bool equality = params.op == ElementWiseOp::Equal || params.op == ElementWiseOp::NotEqual;
  const TensorId result = here.add(
      "truth", Neuron{equality ? NeuronType::LogicalNot : NeuronType::IsNegative, 0, 0, 1}, {difference});
  const bool inverted = params.op == ElementWiseOp::NotEqual || params.op == ElementWiseOp::LessEqual ||
                        params.op == ElementWiseOp::GreaterEqual;
  const TensorId truth =
      inverted ? here.add("inverse", Neuron{NeuronType::LogicalNot, 0, 0, 1}, {result}) : result;
  return here.scale("scaled", truth, params.scale);
}

TensorId select(const Unit& unit, Replacement& here) {
  const auto inversion = [&](const char* suffix, TensorId x) {
    return here.add(suffix, Neuron{NeuronType::LogicalNot, 0, 0, 1}, {x});
  };
  const auto product = [&](const char* suffix, TensorId x, TensorId mask) {
    return here.add(suffix, ElementWise{ElementWiseOp::Mult, 1, false}, {x, mask});
  };
  const TensorId otherwise = inversion("inverse_mask", unit.bottoms[0]);
  const TensorId mask = inversion("mask", otherwise);
  const TensorId first = product("first", unit.bottoms[1], mask);
  const TensorId second = product("second", unit.bottoms[2], otherwise);
  return here.add("sum", ElementWise{ElementWiseOp::Add, 1, false}, {first, second});
}

// A condition of bytes; the two products and both masks lie in L2.
bool is_selection_of_bytes(const Unit& unit, const Network& network, const EngineFacts& facts) {
  const aneir::Tensor& condition = network.tensor(unit.bottoms[0]);
  const Shape& shape = condition.shape;
  return facts.composites && condition.type == aneir::ElementType::UInt8 && shape.n == 1 && shape.d == 1 &&
         shape.count() * 16 <= facts.on_chip_bytes &&
         network.tensor(unit.top).type == aneir::ElementType::Float16;
}

}  // namespace

bool decompose_elementwise(Network& network, const EngineFacts& facts) {
  const bool changed = rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    if (unit.as<aneir::Select>())
      return is_selection_of_bytes(unit, network, facts) ? no_tensor : select(unit, here);
    const auto* elementwise = unit.as<ElementWise>();
    if (!elementwise) return no_tensor;
    const auto* a = constants_of(here.producer(unit.bottoms[0]));
    const auto* b = constants_of(here.producer(unit.bottoms[1]));
    if (a && b) return fold_constants(*elementwise, *a, *b, here.shape(unit.top), here);
    switch (elementwise->op) {
      case ElementWiseOp::Div:
        return is_quotient_on_chip(unit, here, facts) && !b ? no_tensor : divide(unit, *elementwise, here);
      case ElementWiseOp::SquaredDifference:
        return square_difference(unit, *elementwise, here);
      case ElementWiseOp::Power:
        return raise(unit, *elementwise, here);
      case ElementWiseOp::Equal:
      case ElementWiseOp::NotEqual:
      case ElementWiseOp::LessThan:
      case ElementWiseOp::GreaterThan:
      case ElementWiseOp::LessEqual:
      case ElementWiseOp::GreaterEqual:
        return is_one_pass(*elementwise, unit, here, network, facts) ? no_tensor
                                                                     : compare(unit, *elementwise, here);
      default:
        return no_tensor;
    }
  });
  return remove_dead_units(network) || changed;
}

}  // namespace ane::passes
