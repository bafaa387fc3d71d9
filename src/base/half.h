// IEEE 754 binary16, the number format in which the engine reads and writes every tensor and every weight.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace ane {

// A binary16 by its bits. Arithmetic is done in float; only conversions live here.
struct Half {
  uint16_t bits = 0;

  friend bool operator==(Half, Half) = default;
};

constexpr float to_float(Half half) {
  const uint32_t sign = static_cast<uint32_t>(half.bits & 0x8000u) << 16;
  const uint32_t exponent = (half.bits >> 10) & 0x1fu;
  const uint32_t mantissa = half.bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
}

// Rounds to nearest, ties to even; magnitudes from 65520 on become infinity; NaN stays NaN.
constexpr Half to_half(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu))};
  if (magnitude >= 0x477ff000u) return {static_cast<uint16_t>(sign | 0x7c00u)};
  if (magnitude < 0x38800000u) {
    // Subnormal: adding 0.5 leaves the rounded count of 2^-24 in the low mantissa bits.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return {static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u))};
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return {static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13))};
}

constexpr float round_to_half(float value) {
  return to_float(to_half(value));
}

// Whole arrays, with the processor's conversion instructions where it has them. Sizes must be equal.
void to_half(std::span<const float> from, std::span<Half> to);
void to_float(std::span<const Half> from, std::span<float> to);

// A power of two, `count`^-1/4 or somewhat more, by which numbers are multiplied before the squares of so
// many are added up in binary16: then neither the sum leaves the range soon (65504) nor do the squares of
// small numbers. 1 up to 1024 of them.
constexpr float scale_for_squares(int64_t count) {
  float scale = 1;
  for (int64_t left = count > 1024 ? count : 1; left >= 16; left /= 16) scale /= 2;
  return scale;
}

}  // namespace ane
