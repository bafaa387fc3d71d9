// What each argument reduction does, read off the tables of captured programs: the knots show the interval
// that is tabulated, and the function named in the source network shows how the rest of the line maps to it.
// Arithmetic inside is double, so that a knot comes out exactly; how hardware rounds between knots is
// unknown.
//
// The low digit of the mode names the reduction, the high one the sign rule: 6 odd symmetry, C nothing below
// zero.
#include "sim/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "sim/memory.h"

namespace ane::sim {

namespace {

constexpr int low_limit = 0, high_limit = 1, below = 2, above = 3, first_knot = 4, knots = 33;
constexpr int left_slope = 37, left_intercept = 38, right_slope = 39, right_intercept = 40;
constexpr int spacing_word = 41, mode_word = 42;

enum Mode : uint16_t {
  plain = 0x01,         // knots at (i - 16) * 2^-s
  odd = 0x60,           // knots at i * 2^-s of |x|
  power_of_two = 0x0a,  // x = n + f: 2^f, exponent n
  logarithm = 0xc9,     // x = m * 2^e, m in [0.5, 1): log2(m) + e
  square_root = 0xc5,   // x = m * 4^k, m in [0.5, 2), knots at i / 16
  inverse_root = 0xc6,
  reciprocal = 0x67,  // x = m * 2^e, m in [0.5, 1)
};

bool known(uint16_t mode) {
  return mode == plain || mode == odd || mode == power_of_two || mode == logarithm || mode == square_root ||
         mode == inverse_root || mode == reciprocal;
}

}  // namespace

LookupTable::LookupTable(std::span<const uint16_t, 64> words) {
  for (size_t i = 0; i < values_.size(); ++i) values_[i] = to_float(Half{words[i]});
  spacing_ = words[spacing_word];
  mode_ = words[mode_word];
  if (!known(mode_))
    throw Hazard(fmt::format("table with argument reduction 0x{:x}, whose meaning is not known", mode_));
  if (spacing_ > 64)
    throw Hazard(fmt::format("table with knots 2^-{} apart; 2^-64 is the narrowest known", spacing_));
}

// Linear between the knots around `position`, which counts knots.
double LookupTable::knot(double position) const {
  position = std::clamp(position, 0.0, static_cast<double>(knots - 1));
  const int left = std::min(static_cast<int>(position), knots - 2);
  const double a = values_[static_cast<size_t>(first_knot + left)];
  const double b = values_[static_cast<size_t>(first_knot + left + 1)];
  const double t = position - left;
  return t == 0 ? a : t == 1 ? b : a + t * (b - a);
}

// Knots around 0 and the lines beyond them.
double LookupTable::centred(double x) const {
  const double position = std::ldexp(x, spacing_) + 16;
  if (position < 0) return values_[left_slope] * x + values_[left_intercept];
  if (position > knots - 1) return values_[right_slope] * x + values_[right_intercept];
  return knot(position);
}

float LookupTable::operator()(float argument) const {
  const bool odd_symmetry = (mode_ & 0xf0) == 0x60, positive_only = (mode_ & 0xf0) == 0xc0;
  if (positive_only && argument < 0) return 0;
  const double sign = odd_symmetry && argument < 0 ? -1 : 1;
  const double x = sign * argument;
  if (x <= values_[low_limit]) return static_cast<float>(sign * values_[below]);
  if (x >= values_[high_limit]) return static_cast<float>(sign * values_[above]);

  const double scale = std::ldexp(1.0, spacing_);
  int exponent = 0;
  switch (mode_) {
    case plain:
      return static_cast<float>(centred(x));
    case odd: {
      const double position = x * scale;
      if (position > knots - 1)
        return static_cast<float>(sign * (values_[right_slope] * x + values_[right_intercept]));
      return static_cast<float>(sign * knot(position));
    }
    case power_of_two: {
      const double whole = std::floor(x);
      return static_cast<float>(std::ldexp(knot((x - whole) * scale), static_cast<int>(whole)));
    }
    case logarithm: {
      const double mantissa = std::frexp(x, &exponent);
      return static_cast<float>(knot((mantissa - 0.5) * scale) + exponent);
    }
    case reciprocal: {
      const double mantissa = std::frexp(x, &exponent);
      return static_cast<float>(sign * std::ldexp(knot((mantissa - 0.5) * scale), -exponent));
    }
    default: {  // the roots: an even exponent leaves [0.5, 2)
      double mantissa = std::frexp(x, &exponent);
      if (exponent % 2 != 0) mantissa *= 2, exponent -= 1;
      const int half_exponent = mode_ == square_root ? exponent / 2 : -exponent / 2;
      return static_cast<float>(std::ldexp(knot(mantissa * scale), half_exponent));
    }
  }
}

}  // namespace ane::sim
