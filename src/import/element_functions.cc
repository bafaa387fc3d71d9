// The forms.
//
//   sin, cos     r = x - 2 pi n, n the integer nearest to x / 2 pi, in [-pi, pi]; mirrored at the quarters
//   into
//                [-pi/2, pi/2], where sin is a polynomial of degree 5 (off by 7e-5).
//   tan          sin / cos of x - pi n: the period is half as long.
//   atan         twice the arctangent of half the angle: x / (1 + sqrt(1 + x^2)) lies in [-1, 1], where twice
//                the arctangent is a polynomial of degree 7 (off by 1.6e-4). x is kept within 240, beyond
//                which its square overflows and the result is pi/2 but for 0.0042.
//   asin         the same of x / (1 + sqrt(1 - x^2)), for tan(asin(x) / 2) is that.
//   acos         pi/2 - asin x.
//   sinh, cosh   half the difference and the sum of e^x and e^-x.
//   asinh        ln(|x| + sqrt(x^2 + 1)) with the sign of x; beyond 240 the root is |x|.
//   acosh        ln(x + sqrt((x - 1)(x + 1))); beyond 240 the root is x.
//   atanh        half of ln(1 + x) - ln(1 - x).
//   x // y, x % y  n, the integer nearest to x / y, and x - y n, which is exact; both put right by one where
//                that does not lie between 0 and y. The quotient itself is rounded, and would be off by one
//                before many a whole number.
//
// 2 pi n is taken away in two parts: 6.25 has so few digits that its products with n up to 63 are exact, and
// those of the rest, 0.0332, are small. So the arguments' useful range is about 400, where neighbouring
// binary16 numbers are a quarter apart.
//
// Coefficients: our own fits (least squares, weighted until the largest errors are equal).
#include "import/element_functions.h"

#include <limits>
#include <map>
#include <numbers>

#include "base/error.h"

namespace ane::import {
namespace {

using aneir::ElementWise;
using aneir::ElementWiseOp;
using aneir::Goc;
using aneir::Neuron;
using aneir::NeuronType;
using aneir::TensorId;

constexpr float pi = std::numbers::pi_v<float>;
constexpr float largest_square_root = 240;  // its square is a binary16 number
constexpr float infinity = std::numeric_limits<float>::infinity();

// Short forms for expressions.
struct Calculator {
  const AddUnit& add;

  TensorId apply(NeuronType type, TensorId x, float alpha = 0, float beta = 0) const {
    return add(Neuron{type, alpha, beta, 1}, {x});
  }
  TensorId scaled(TensorId x, float factor) const { return add(Goc{factor, 0, {}, {}}, {x}); }
  TensorId plus(TensorId x, float offset) const { return add(Goc{1, offset, {}, {}}, {x}); }
  TensorId less(float number, TensorId x) const { return plus(scaled(x, -1), number); }
  TensorId combine(ElementWiseOp op, TensorId a, TensorId b, float scale = 1) const {
    return add(ElementWise{op, scale, false}, {a, b});
  }
  TensorId sum(TensorId a, TensorId b) const { return combine(ElementWiseOp::Add, a, b); }
  TensorId difference(TensorId a, TensorId b) const { return combine(ElementWiseOp::Sub, a, b); }
  TensorId product(TensorId a, TensorId b) const { return combine(ElementWiseOp::Mult, a, b); }
  TensorId within(TensorId x, float low, float high) const {
    return apply(NeuronType::ClampedReLU, x, low, high);
  }
  // x (c[0] + c[1] x^2 + c[2] x^4 + ...)
  TensorId odd_polynomial(TensorId x, std::initializer_list<float> coefficients) const {
    const TensorId square = product(x, x);
    const float* next = coefficients.end() - 1;
    TensorId result = plus(scaled(square, *next), *(next - 1));
    for (--next; next != coefficients.begin(); --next) result = plus(product(result, square), *(next - 1));
    return product(x, result);
  }
};

// ---- Circular functions ----

// x - (coarse + fine) n, n the nearest integer.
TensorId reduced(const Calculator& calculate, TensorId x, float coarse, float fine) {
  const TensorId turns = calculate.apply(NeuronType::RoundNearest, calculate.scaled(x, 1 / (coarse + fine)));
  const TensorId rest = calculate.difference(x, calculate.scaled(turns, coarse));
  return calculate.difference(rest, calculate.scaled(turns, fine));
}

TensorId within_turn(const Calculator& calculate, TensorId x) {
  return reduced(calculate, x, 6.25f, 2 * pi - 6.25f);
}

// For |x| up to pi/2.
TensorId sine_of_quarter(const Calculator& calculate, TensorId x) {
  return calculate.odd_polynomial(x, {0.9996968f, -0.1656731f, 0.007514384f});
}

// For |x| up to pi.
TensorId cosine_of_half(const Calculator& calculate, TensorId x) {
  return sine_of_quarter(calculate, calculate.less(pi / 2, calculate.apply(NeuronType::Abs, x)));
}

TensorId sine(const Calculator& calculate, TensorId x) {
  const TensorId angle = within_turn(calculate, x), negative = calculate.scaled(angle, -1);
  const TensorId below = calculate.combine(ElementWiseOp::Min, angle, calculate.plus(negative, pi));
  return sine_of_quarter(calculate,
                         calculate.combine(ElementWiseOp::Max, below, calculate.plus(negative, -pi)));
}

TensorId cosine(const Calculator& calculate, TensorId x) {
  return cosine_of_half(calculate, within_turn(calculate, x));
}

TensorId tangent(const Calculator& calculate, TensorId x) {
  const TensorId angle = reduced(calculate, x, 3.125f, pi - 3.125f);
  const TensorId inverse = calculate.apply(NeuronType::Inv, cosine_of_half(calculate, angle));
  return calculate.product(sine_of_quarter(calculate, angle), inverse);
}

// Of x / (1 + root), which lies in [-1, 1].
TensorId twice_arctangent(const Calculator& calculate, TensorId x, TensorId root) {
  const TensorId half_angle = calculate.product(x, calculate.apply(NeuronType::Inv, calculate.plus(root, 1)));
  return calculate.odd_polynomial(half_angle, {1.9984276f, -0.6423497f, 0.2925284f, -0.07797267f});
}

TensorId arctangent(const Calculator& calculate, TensorId x) {
  const TensorId near = calculate.within(x, -largest_square_root, largest_square_root);
  const TensorId square = calculate.plus(calculate.product(near, near), 1);
  return twice_arctangent(calculate, near, calculate.apply(NeuronType::Sqrt, square));
}

TensorId arcsine(const Calculator& calculate, TensorId x) {
  const TensorId square = calculate.product(calculate.less(1, x), calculate.plus(x, 1));
  return twice_arctangent(calculate, x, calculate.apply(NeuronType::Sqrt, square));
}

TensorId arccosine(const Calculator& calculate, TensorId x) {
  return calculate.less(pi / 2, arcsine(calculate, x));
}

// ---- Hyperbolic functions ----

template <ElementWiseOp op>
TensorId half_of_powers(const Calculator& calculate, TensorId x) {
  const TensorId inverse = calculate.add(Neuron{NeuronType::Exp, 0, 0, -1}, {x});
  return calculate.combine(op, calculate.apply(NeuronType::Exp, x), inverse, 0.5f);
}

TensorId area_sine(const Calculator& calculate, TensorId x) {
  const TensorId magnitude = calculate.apply(NeuronType::Abs, x);
  const TensorId near = calculate.within(magnitude, 0, largest_square_root);
  const TensorId root = calculate.apply(NeuronType::Sqrt, calculate.plus(calculate.product(near, near), 1));
  const TensorId larger = calculate.combine(ElementWiseOp::Max, magnitude, root);
  const TensorId logarithm = calculate.apply(NeuronType::Log, calculate.sum(magnitude, larger));
  return calculate.product(logarithm, calculate.apply(NeuronType::Sign, x));
}

TensorId area_cosine(const Calculator& calculate, TensorId x) {
  const TensorId near = calculate.within(x, -infinity, largest_square_root);
  const TensorId square = calculate.product(calculate.plus(near, -1), calculate.plus(near, 1));
  const TensorId root = calculate.apply(NeuronType::Sqrt, square);
  const TensorId far = calculate.apply(NeuronType::ThresholdedReLU, x, largest_square_root);
  return calculate.apply(NeuronType::Log, calculate.sum(x, calculate.combine(ElementWiseOp::Max, root, far)));
}

TensorId area_tangent(const Calculator& calculate, TensorId x) {
  const TensorId above = calculate.apply(NeuronType::Log, calculate.plus(x, 1));
  const TensorId below = calculate.apply(NeuronType::Log, calculate.less(1, x));
  return calculate.combine(ElementWiseOp::Sub, above, below, 0.5f);
}

using Function = TensorId (*)(const Calculator& calculate, TensorId x);

const std::map<std::string, Function> functions = {
    {"acos", arccosine},  {"acosh", area_cosine},
    {"asin", arcsine},    {"asinh", area_sine},
    {"atan", arctangent}, {"atanh", area_tangent},
    {"cos", cosine},      {"cosh", half_of_powers<ElementWiseOp::Add>},
    {"sin", sine},        {"sinh", half_of_powers<ElementWiseOp::Sub>},
    {"tan", tangent},
};

// ---- Division with rounding ----

struct Division {
  TensorId quotient, remainder;  // x = y * quotient + remainder, the remainder about from -y/2 to y/2
  TensorId excess;               // by how much the quotient is too large: 1, 0 or -1
};

Division divide(const Calculator& calculate, TensorId x, TensorId y) {
  const auto is_negative = [&](TensorId value) { return calculate.apply(NeuronType::IsNegative, value); };
  Division result;
  result.quotient = calculate.apply(NeuronType::RoundNearest, calculate.combine(ElementWiseOp::Div, x, y));
  result.remainder = calculate.difference(x, calculate.product(y, result.quotient));
  // Both with the sign that makes y positive.
  const TensorId part = calculate.product(result.remainder, calculate.apply(NeuronType::Sign, y));
  const TensorId whole = calculate.apply(NeuronType::Abs, y);
  const TensorId below = is_negative(part), not_above = is_negative(calculate.difference(part, whole));
  result.excess = calculate.plus(calculate.sum(below, not_above), -1);
  return result;
}

}  // namespace

TensorId element_function(const std::string& name, const AddUnit& add, TensorId x) {
  const auto found = functions.find(name);
  ensure(found != functions.end(), "a function without a form");
  return found->second({add}, x);
}

TensorId floored_quotient(const AddUnit& add, TensorId x, TensorId y) {
  const Calculator calculate{add};
  const Division division = divide(calculate, x, y);
  return calculate.difference(division.quotient, division.excess);
}

TensorId floored_remainder(const AddUnit& add, TensorId x, TensorId y) {
  const Calculator calculate{add};
  const Division division = divide(calculate, x, y);
  return calculate.sum(division.remainder, calculate.product(y, division.excess));
}

}  // namespace ane::import
