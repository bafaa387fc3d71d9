// Lookup tables against the functions that they tabulate. The tables are built here from std functions; their
// frames (limits, outer lines, spacing, mode) are those of captured programs.
#include "sim/table.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/half.h"
#include "sim/memory.h"

namespace ane::sim {
namespace {

using Words = std::array<uint16_t, 64>;

uint16_t half(double value) {
  return to_half(static_cast<float>(value)).bits;
}

// Knots at first + i * 2^-spacing; those before `skipped` stay 0.
template <typename Function>
Words table(double low, double high, double below, double above, int spacing, uint16_t mode, double first,
            Function function, int skipped = 0) {
  Words words{};
  words[0] = half(low), words[1] = half(high), words[2] = half(below), words[3] = half(above);
  for (int i = skipped; i < 33; ++i)
    words[static_cast<size_t>(4 + i)] = half(function(first + std::ldexp(i, -spacing)));
  words[41] = static_cast<uint16_t>(spacing), words[42] = mode;
  return words;
}

constexpr double inf = INFINITY;

double relative_error(const LookupTable& table, double (*function)(double), double from, double to) {
  double worst = 0;
  for (double x = from; x < to; x *= 1.0037) {
    const double exact = function(x);
    worst = std::max(worst, std::fabs(table(static_cast<float>(x)) - exact) / std::fabs(exact));
  }
  return worst;
}

TEST(Table, ExponentialSplitsOffTheWholePart) {
  const LookupTable exp2(table(-25, 16, 0, inf, 5, 0x0a, 0, [](double x) { return std::exp2(x); }));
  for (int n = -24; n < 16; ++n) EXPECT_EQ(exp2(static_cast<float>(n)), std::ldexp(1.0f, n));
  double worst = 0;
  for (double x = -20; x < 15.9; x += 0.013)
    worst = std::max(worst, std::fabs(exp2(static_cast<float>(x)) / std::exp2(x) - 1));
  EXPECT_LT(worst, 6e-4);
  EXPECT_EQ(exp2(-25), 0);
  EXPECT_EQ(exp2(16), inf);
}

TEST(Table, LogarithmAddsTheExponent) {
  const LookupTable log2(table(0, inf, -inf, 0, 6, 0xc9, 0.5, [](double x) { return std::log2(x); }));
  for (int n = -14; n < 16; ++n) EXPECT_EQ(log2(std::ldexp(1.0f, n)), n);
  for (double x = 1e-4; x < 6e4; x *= 1.003) EXPECT_NEAR(log2(static_cast<float>(x)), std::log2(x), 3e-4);
  EXPECT_EQ(log2(-1), 0);  // no NaN
  EXPECT_EQ(log2(0), -inf);
}

TEST(Table, RootsHalveAnEvenExponent) {
  const LookupTable root(table(
      0, inf, 0, inf, 4, 0xc5, 0, [](double x) { return std::sqrt(x); }, 8));
  const LookupTable inverse(table(
      0, inf, inf, 0, 4, 0xc6, 0, [](double x) { return 1 / std::sqrt(x); }, 8));
  for (int n = -6; n < 8; ++n) {
    EXPECT_EQ(root(std::ldexp(1.0f, 2 * n)), std::ldexp(1.0f, n));
    EXPECT_EQ(inverse(std::ldexp(1.0f, 2 * n)), std::ldexp(1.0f, -n));
  }
  EXPECT_LT(relative_error(
                root, [](double x) { return std::sqrt(x); }, 1e-5, 6e4),
            2.5e-3);
  EXPECT_LT(relative_error(
                inverse, [](double x) { return 1 / std::sqrt(x); }, 1e-5, 6e4),
            6e-3);
  EXPECT_EQ(root(-4), 0);
  EXPECT_EQ(inverse(-4), 0);
  EXPECT_EQ(inverse(0), inf);
}

TEST(Table, ReciprocalKeepsTheSign) {
  const LookupTable reciprocal(table(0, inf, inf, 0, 6, 0x67, 0.5, [](double x) { return 1 / x; }));
  EXPECT_EQ(reciprocal(4), 0.25f);
  EXPECT_EQ(reciprocal(-0.5f), -2);
  EXPECT_EQ(reciprocal(0), inf);
  EXPECT_EQ(reciprocal(-0.0f), inf);
  EXPECT_EQ(reciprocal(inf), 0);
  EXPECT_LT(relative_error(
                reciprocal, [](double x) { return 1 / x; }, 1e-4, 6e4),
            5e-4);
}

TEST(Table, OddFunctionsAreMirrored) {
  Words words = table(0, 4, 0, 1, 3, 0x60, 0, [](double x) { return std::tanh(x); });
  words[40] = half(1);
  const LookupTable tanh(words);
  for (double x = -6; x < 6; x += 0.01) EXPECT_NEAR(tanh(static_cast<float>(x)), std::tanh(x), 2e-3) << x;
  EXPECT_EQ(tanh(-100), -1);
  EXPECT_EQ(tanh(0), 0);
}

TEST(Table, LinesBeyondTheKnots) {
  Words leaky{};
  leaky[0] = leaky[2] = 0xfc00, leaky[1] = leaky[3] = 0x7c00;
  leaky[37] = half(0.125), leaky[39] = half(1), leaky[41] = 64, leaky[42] = 1;
  const LookupTable table(leaky);
  EXPECT_EQ(table(-8), -1);
  EXPECT_EQ(table(-0x1p-24f), -0x1p-27f);
  EXPECT_EQ(table(0), 0);
  EXPECT_EQ(table(3.25f), 3.25f);
  EXPECT_EQ(table(-inf), -inf);
  EXPECT_EQ(table(inf), inf);
}

TEST(Table, BetweenKnotsIsLinear) {
  Words words{};
  words[0] = half(-100), words[1] = half(100);
  words[4 + 16] = half(1), words[4 + 17] = half(3);  // at 0 and at 2^-1
  words[41] = 1, words[42] = 1;
  EXPECT_EQ(LookupTable(words)(0.125f), 1.5f);
  EXPECT_EQ(LookupTable(words)(0.5f), 3);
}

TEST(Table, BadModeAndSpacing) {
  Words words{};
  words[42] = 0x77;
  EXPECT_THROW(LookupTable{words}, Hazard);
  words[42] = 0x01, words[41] = 65;
  EXPECT_THROW(LookupTable{words}, Hazard);
}

}  // namespace
}  // namespace ane::sim
