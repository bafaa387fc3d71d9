// Sums over long rows of float32 numbers, four at a time on every processor: vectors of 16 bytes are what
// x86-64 and AArch64 always have. The order of the additions is the code's, so that results are the same
// everywhere.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ane {

using Lanes = float __attribute__((vector_size(16)));
constexpr size_t lanes_at_once = 4;

inline Lanes load_lanes(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}

inline void store_lanes(float* to, Lanes lanes) {
  std::memcpy(to, &lanes, sizeof(lanes));
}

inline Lanes larger(Lanes a, Lanes b) {
  return a > b ? a : b;
}

inline float largest_of(Lanes lanes) {
  return std::max(std::max(lanes[0], lanes[1]), std::max(lanes[2], lanes[3]));
}

// Bit i is set where number i of these is `value`.
inline uint32_t places_of(float value, const std::array<Lanes, 4>& numbers) {
  using Bits = uint32_t __attribute__((vector_size(16)));
  const Lanes wanted = {value, value, value, value};
  Bits bit = {1, 2, 4, 8}, found{};
  for (const Lanes& lanes : numbers) {
    found |= reinterpret_cast<Bits>(lanes == wanted) & bit;
    bit <<= lanes_at_once;
  }
  return (found[0] | found[1]) | (found[2] | found[3]);
}

// The sum of term(i) over i = 0, 4, ... below `count`, a multiple of 8; term(i) gives four terms.
template <typename Term>
float sum_lanes(size_t count, Term term) {
  Lanes even{}, odd{};
  for (size_t i = 0; i < count; i += 2 * lanes_at_once) {
    even += term(i);
    odd += term(i + lanes_at_once);
  }
  const Lanes sum = even + odd;
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

}  // namespace ane
