// Lookup tables of the NE: 33 knots, two outer lines, limits and an argument reduction, in 64 halfwords.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace ane::sim {

class LookupTable {
 public:
  static constexpr uint64_t bytes = 128;

  // Throws Hazard for an argument reduction that no known table uses.
  explicit LookupTable(std::span<const uint16_t, 64> words);

  // The function at x, before rounding to fp16.
  float operator()(float x) const;

  friend bool operator==(const LookupTable&, const LookupTable&) = default;

 private:
  double knot(double position) const;
  double centred(double x) const;

  std::array<float, 64> values_{};
  int spacing_ = 0;  // knots lie 2^-spacing apart
  uint16_t mode_ = 0;
};

}  // namespace ane::sim
