// The fitted tables, looked up the way docs/h13-semantics.md describes, against the functions.
#include "h13/tables.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "base/bytes.h"
#include "base/half.h"

namespace ane::h13 {
namespace {

using aneir::Neuron;
using aneir::NeuronType;

double word(const Table& table, size_t index) {
  return static_cast<double>(to_float(Half{table[index]}));
}

// A table of odd symmetry (mode 0x60).
double looked_up(const Table& table, double x) {
  const double u = std::abs(x);
  const double place = std::ldexp(u, table[41]), knot = std::min(std::floor(place), 31.0);
  const auto at = static_cast<size_t>(knot) + 4;
  double y = word(table, at) + (place - knot) * (word(table, at + 1) - word(table, at));
  if (u >= word(table, 1)) y = word(table, 3);
  return std::copysign(y, x);
}

struct Errors {
  double largest = 0, mean_square = 0;
};

Errors errors_of(NeuronType type, double (*function)(double)) {
  const Table table = table_for(Neuron{type}).value();
  EXPECT_EQ(table[42], 0x60);
  Errors errors;
  int count = 0;
  for (double x = -6; x < 6; x += 0.0013, ++count) {
    const double error = std::abs(looked_up(table, x) - function(x));
    errors.largest = std::max(errors.largest, error);
    errors.mean_square += error * error;
  }
  errors.mean_square /= count;
  return errors;
}

double hyperbolic_tangent(double x) {
  return std::tanh(x);
}

// The largest second derivative of tanh is 4 / (3 sqrt 3): a chord between its own points is off by 1/8 of
// that times step^2. Moved by 1/12, it is off by 1/12 at the knots, which rounding to halves adds 2^-12 to.
TEST(Tables, FittedTanh) {
  constexpr double bend = 4 / (3 * std::numbers::sqrt3) / 64;
  const Errors ours = errors_of(NeuronType::TanhFitted, hyperbolic_tangent);
  EXPECT_LE(ours.largest, bend / 12 + 0x1p-12);
  const Errors sampled = errors_of(NeuronType::Tanh, hyperbolic_tangent);
  EXPECT_GT(sampled.largest, bend / 8 - 0x1p-12);
  EXPECT_LT(ours.mean_square, sampled.mean_square / 3);
}

// Its largest second derivative is 1 / sqrt(2 pi e).
TEST(Tables, CenteredPhi) {
  const double bend = 1 / std::sqrt(2 * std::numbers::pi * std::numbers::e) / 64;
  const Errors ours =
      errors_of(NeuronType::CenteredPhi, [](double x) { return std::erf(x / std::numbers::sqrt2) / 2; });
  EXPECT_LE(ours.largest, bend / 12 + 0x1p-13);
}

// The section of the captured program env_act_gelu_1x768x1x1_sigmoid_approximation: the table, then zeros.
TEST(Tables, GeluBySigmoidIsAsCaptured) {
  const Table table = table_for(Neuron{NeuronType::GeluBySigmoid}).value();
  Bytes section(2048, 0);
  std::memcpy(section.data(), table.data(), sizeof(table));
  EXPECT_EQ(sha256(section), "42409d8f78ec510ac7ac97fedcf3bc5d817ef134cf35d92881ad50e2feb26612");
}

}  // namespace
}  // namespace ane::h13
