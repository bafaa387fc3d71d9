// The engine's arithmetic, as far as it was measured (docs/h13-semantics.md, numerics): operands are fp16,
// sums run in a wide accumulator, and one rounding to fp16 ends a task. What the accumulator adds to IEEE
// rules stands here.
//
// Not modelled: products are added in groups of four that hardware rounds before the wide sum, and sums of
// denormals flush to zero; which products form a group is unknown, and both effects lie below one final
// rounding.
#pragma once

#include <cmath>
#include <limits>

namespace ane::sim {

inline constexpr float infinity = std::numeric_limits<float>::infinity();

// A NaN operand counts as +infinity.
inline float as_operand(float value) {
  return std::isnan(value) ? infinity : value;
}

// The engine emits no NaN: inf - inf, 0 * inf and roots of negative numbers give +0.
inline float without_nan(float value) {
  return std::isnan(value) ? 0.0f : value;
}

// A sum of two or more terms overflows at 32768; a single product has the whole range of fp16.
inline float saturate_sum(float sum, bool several_terms) {
  if (several_terms && std::fabs(sum) >= 32768.0f) return std::copysign(infinity, sum);
  return without_nan(sum);
}

}  // namespace ane::sim
