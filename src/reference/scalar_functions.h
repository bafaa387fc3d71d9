// Functions of one number that both kinds of models have, from their formulas. Evaluated in double; callers
// round once.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ane::reference {

inline double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// ln(1 + e^x) without overflow.
inline double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}

inline double softsign(double x) {
  return x / (1 + std::abs(x));
}

inline double hard_sigmoid(double x, double alpha, double beta) {
  return std::min(std::max(alpha * x + beta, 0.0), 1.0);
}

inline double elu(double x, double alpha) {
  return x >= 0 ? x : alpha * std::expm1(x);
}

inline double gelu(double x) {
  return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2));
}

inline double gelu_by_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}

inline double gelu_by_sigmoid(double x) {
  return x * sigmoid(1.702 * x);
}

inline double sign(double x) {
  return x > 0 ? 1.0 : x < 0 ? -1.0 : x;
}

// The remainder of a floored division: it has the sign of the divisor, as in Python.
inline double floored_remainder(double a, double b) {
  const double remainder = std::fmod(a, b);
  return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

}  // namespace ane::reference
