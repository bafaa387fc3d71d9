// Functions of one variable for which the engine has no table, from those for which it has one. Every step
// rounds to binary16, that is by a relative 2^-11 at most.
//
//   elu         For 0 <= a <= 1 max(x, a*(e^min(x,0) - 1)): the second is the smaller for x > 0, and the
//               larger below. Else relu(x) + a*(e^min(x,0) - 1), of whose terms one is always 0. The
//               subtraction is exact near 0, so the error is that of the table: a * 2^-12, absolute.
//   sigmoid     e^min(x,0) * 1/(1 + e^-|x|), when its table is too coarse: no power exceeds 1, so the
//               relative error is that of the table of powers down to the smallest results.
//   tanh        When its table is too coarse: by one of ours, whose knots are fitted and not sampled. Error
//               2^-10, absolute.
//   GELU, SiLU  x * (1/2 + t), with t = Phi(x) - 1/2 and tanh(x / 2) / 2: odd functions, whose tables are
//               finer than that of a curve with a bend at 0. Below -4 and -8 the result is 0, off by 0.003 at
//               most.
//   softsign    x * 1/(1 + |x|): three roundings.
//   softplus    relu(x) + ln 2 * log2(1 + e^-|x|): absolute error 2^-11; results below it become 0.
//   log         ln 2 * log2 x: one rounding more than the table.
//   exp         2^(x * log2 e), the factor before the table.
//   x^a         For |a| < 16 in quarters by binary digits: products of x, x^2, x^4, ..., sqrt x and
//               sqrt sqrt x, and 1/x of that for negative a; -0.5 is rsqrt. Each product and root rounds
//               once. Other exponents are 2^(a * log2 x): the product is good to 2^-11, so the result to a
//               relative 2^-11 * |a * log2 x|. Defined for x > 0; 0 gives 0 for a > 0.
//   1/(x + a)   The addition, then the reciprocal.
//   x^2         x * x.
//   sign x      IsNegative(-x) - IsNegative(x). Exact.
//   round x     See nearest(). Exact, ties to even.
//   floor, ceil n - IsNegative(x - n) and n + IsNegative(n - x) with n = round x. Exact.
//   erf         2 t with t = Phi(x * sqrt 2) - 1/2, by the table of GELU. Where Apple's tables are wanted,
//               tanh(2/sqrt(pi) * x * (1 + 11/123 x^2)): absolute error 0.002, relative 0.7 % (3.6e-4 of it
//               the formula's, the rest the table's: its first knot lies at 1/8).
//
// |x| is a mode of the elementwise engine and stays, with its scale taken out.
#include <cmath>
#include <limits>
#include <numbers>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::ElementWise;
using aneir::ElementWiseOp;

constexpr float infinity = std::numeric_limits<float>::infinity();

// Short forms for expressions.
struct Calculator {
  Replacement& here;
  const EngineFacts& facts;

  TensorId apply(const char* suffix, NeuronType type, TensorId x, float input_scale = 1, float alpha = 0,
                 float beta = 0) const {
    return here.add(suffix, Neuron{type, alpha, beta, input_scale}, {x});
  }
  TensorId relu(TensorId x) const { return apply("relu", NeuronType::ReLU, x); }
  TensorId negative_part(TensorId x) const {
    return apply("negative", NeuronType::ClampedReLU, x, 1, -infinity, 0);
  }
  TensorId absolute(TensorId x) const { return apply("abs", NeuronType::Abs, x); }
  TensorId inverse(TensorId x) const { return apply("inverse", NeuronType::Inv, x); }
  TensorId log2(TensorId x) const { return apply("log2", NeuronType::Log2, x); }
  TensorId exp(TensorId x, float input_scale = 1) const {
    if (facts.has_table(Neuron{NeuronType::Exp, 0, 0, input_scale}))
      return apply("exp", NeuronType::Exp, x, input_scale);
    return apply("exp", NeuronType::Exp2, x, input_scale * std::numbers::log2e_v<float>);
  }
  TensorId plus(TensorId x, float offset) const {
    aneir::Goc goc;
    goc.offset = offset;
    return here.add("plus", goc, {x});
  }
  TensorId combine(const char* suffix, ElementWiseOp op, TensorId a, TensorId b) const {
    return here.add(suffix, ElementWise{op, 1, false}, {a, b});
  }
  TensorId product(TensorId a, TensorId b) const { return combine("product", ElementWiseOp::Mult, a, b); }
};

TensorId elu(const Calculator& calculate, TensorId x, float alpha) {
  const TensorId below =
      calculate.here.scale("alpha", calculate.plus(calculate.exp(calculate.negative_part(x)), -1), alpha);
  if (alpha >= 0 && alpha <= 1) return calculate.combine("elu", ElementWiseOp::Max, x, below);
  return calculate.combine("elu", ElementWiseOp::Add, calculate.relu(x), below);
}

TensorId sigmoid(const Calculator& calculate, TensorId x) {
  const TensorId numerator = calculate.exp(calculate.negative_part(x));
  const TensorId smaller = calculate.exp(calculate.absolute(x), -1);
  return calculate.product(numerator, calculate.inverse(calculate.plus(smaller, 1)));
}

TensorId gelu(const Calculator& calculate, TensorId x) {
  return calculate.product(x, calculate.plus(calculate.apply("phi", NeuronType::CenteredPhi, x), 0.5f));
}

// x * sigmoid(factor * x)
TensorId silu(const Calculator& calculate, TensorId x, float factor) {
  const TensorId doubled = calculate.plus(calculate.apply("tanh", NeuronType::TanhFitted, x, factor / 2), 1);
  return calculate.here.add("product", ElementWise{ElementWiseOp::Mult, 0.5f, false}, {x, doubled});
}

TensorId softsign(const Calculator& calculate, TensorId x) {
  return calculate.product(x, calculate.inverse(calculate.plus(calculate.absolute(x), 1)));
}

TensorId logarithm(const Calculator& calculate, TensorId x) {
  return calculate.here.scale("ln2", calculate.log2(x), std::numbers::ln2_v<float>);
}

TensorId softplus(const Calculator& calculate, TensorId x) {
  const TensorId tail = logarithm(calculate, calculate.plus(calculate.exp(calculate.absolute(x), -1), 1));
  return calculate.combine("softplus", ElementWiseOp::Add, calculate.relu(x), tail);
}

// x^(quarters / 4): for each binary digit of the exponent that is set, the root or square of x that it stands
// for.
TensorId power_of_quarters(const Calculator& calculate, TensorId x, int quarters) {
  TensorId result = no_tensor;
  const auto multiply = [&](TensorId factor) {
    result = result == no_tensor ? factor : calculate.product(result, factor);
  };
  TensorId square = x;
  for (int digits = quarters / 4; digits != 0; digits /= 2) {
    if (digits % 2 == 1) multiply(square);
    if (digits > 1) square = calculate.product(square, square);
  }
  if (quarters % 4 == 0) return result;
  const TensorId root = calculate.apply("sqrt", NeuronType::Sqrt, x);
  if (quarters & 2) multiply(root);
  if (quarters & 1) multiply(calculate.apply("sqrt", NeuronType::Sqrt, root));
  return result;
}

TensorId power(const Calculator& calculate, TensorId x, float alpha) {
  if (alpha == 0) return calculate.apply("one", NeuronType::ClampedReLU, x, 1, 1, 1);
  if (alpha == -0.5f) return calculate.apply("rsqrt", NeuronType::Rsqrt, x);
  const float quarters = std::fabs(alpha) * 4;
  if (quarters < 64 && quarters == std::floor(quarters)) {
    const TensorId result = power_of_quarters(calculate, x, static_cast<int>(quarters));
    return alpha < 0 ? calculate.inverse(result) : result;
  }
  return calculate.apply("exp2", NeuronType::Exp2, calculate.log2(x), alpha);
}

// Every result is rounded to binary16, whose numbers from 1024 to 2048 are the integers, and from 2048 to
// 4096 the even ones: adding 2048 and taking it away again leaves an integer n for c in [-1024, 0] and an
// even one for [0, 1024]. c - n then lies in [-1, 1] and is exact; adding 1536 and taking it away rounds that
// to -1, 0 or 1. Ties go to even numbers in both steps. What lies beyond 1024 is an integer already, and
// added again.
//
// Only here, behind the passes that merge units: two additions that cancel must both happen.
TensorId nearest(const Calculator& calculate, TensorId x) {
  const auto rounded_by = [&](TensorId value, float large) {
    return calculate.plus(calculate.plus(value, large), -large);
  };
  const auto sum = [&](TensorId a, TensorId b) { return calculate.combine("sum", ElementWiseOp::Add, a, b); };
  const auto difference = [&](TensorId a, TensorId b) {
    return calculate.combine("difference", ElementWiseOp::Sub, a, b);
  };
  const TensorId near = calculate.apply("near", NeuronType::ClampedReLU, x, 1, -1024, 1024);
  const TensorId coarse = rounded_by(near, 2048);
  const TensorId fine = rounded_by(difference(near, coarse), 1536);
  return sum(difference(x, near), sum(coarse, fine));
}

TensorId floor_or_ceiling(const Calculator& calculate, TensorId x, bool floor) {
  const TensorId integer = nearest(calculate, x);
  const TensorId beyond =
      calculate.combine("beyond", ElementWiseOp::Sub, floor ? x : integer, floor ? integer : x);
  const TensorId step = calculate.apply("step", NeuronType::IsNegative, beyond);
  return calculate.combine(floor ? "floor" : "ceil", floor ? ElementWiseOp::Sub : ElementWiseOp::Add, integer,
                           step);
}

TensorId error_function(const Calculator& calculate, TensorId x, float input_scale) {
  if (!calculate.facts.has_table(Neuron{NeuronType::Tanh}))
    return calculate.here.scale(
        "double",
        calculate.apply("phi", NeuronType::CenteredPhi, x, input_scale * std::numbers::sqrt2_v<float>), 2);
  x = calculate.here.scale("scaled", x, input_scale);
  constexpr float factor = 2 * std::numbers::inv_sqrtpi_v<float>;
  const TensorId square = calculate.here.scale("weighted", calculate.product(x, x), factor * 11 / 123);
  return calculate.apply("tanh", NeuronType::Tanh, calculate.product(x, calculate.plus(square, factor)));
}

TensorId decompose(const Calculator& calculate, const Neuron& neuron, TensorId from) {
  const auto x = [&] { return calculate.here.scale("scaled", from, neuron.input_scale); };
  switch (neuron.type) {
    case NeuronType::Elu:
      return elu(calculate, x(), neuron.alpha);
    case NeuronType::Sigmoid:
      return sigmoid(calculate, x());
    case NeuronType::Tanh:
      return calculate.apply("tanh", NeuronType::TanhFitted, from, neuron.input_scale);
    case NeuronType::Gelu:
      return gelu(calculate, x());
    case NeuronType::Silu:
      return silu(calculate, x(), 1);
    case NeuronType::GeluBySigmoid:
      return silu(calculate, x(), aneir::gelu_sigmoid_factor);
    case NeuronType::Softsign:
      return softsign(calculate, x());
    case NeuronType::Softplus:
      return softplus(calculate, x());
    case NeuronType::Sign:
      return calculate.combine("sign", ElementWiseOp::Sub,
                               calculate.apply("above", NeuronType::IsNegative, from, -neuron.input_scale),
                               calculate.apply("below", NeuronType::IsNegative, from, neuron.input_scale));
    case NeuronType::RoundNearest:
      return nearest(calculate, x());
    case NeuronType::Floor:
    case NeuronType::Ceil:
      return floor_or_ceiling(calculate, x(), neuron.type == NeuronType::Floor);
    case NeuronType::Erf:
      return error_function(calculate, from, neuron.input_scale);
    case NeuronType::Log:
      return logarithm(calculate, x());
    case NeuronType::Exp:
      return calculate.exp(from, neuron.input_scale);
    case NeuronType::Power:
      return power(calculate, x(), neuron.alpha);
    case NeuronType::Inv:
      return neuron.alpha == 0 ? no_tensor : calculate.inverse(calculate.plus(x(), neuron.alpha));
    case NeuronType::Square: {
      const TensorId root = x();
      return calculate.product(root, root);
    }
    case NeuronType::Abs:
      return neuron.input_scale == 1 ? no_tensor : calculate.absolute(x());
    default:
      return no_tensor;
  }
}

// A convolution as it came, with a function in it that it cannot take along.
TensorId release_function(const Unit& unit, const Conv& from, const Calculator& calculate) {
  if (!from.activation || can_be_fused(*from.activation, calculate.facts)) return no_tensor;
  const Neuron neuron = *from.activation;
  Conv conv = from;
  conv.activation.reset();
  const TensorId sum = calculate.here.add("sum", std::move(conv), unit.bottoms);
  const TensorId result = decompose(calculate, neuron, sum);
  return result == no_tensor ? calculate.here.add("function", neuron, {sum}) : result;
}

}  // namespace

bool decompose_neuron(Network& network, const EngineFacts& facts) {
  return rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    if (const auto* conv = unit.as<Conv>()) return release_function(unit, *conv, {here, facts});
    const auto* found = unit.as<Neuron>();
    if (!found || found->type == NeuronType::ReLU || facts.has_table(*found)) return no_tensor;
    const Neuron neuron = *found;
    return decompose({here, facts}, neuron, unit.bottoms[0]);
  });
}

}  // namespace ane::passes
