#include "h13/tables.h"

#include <cmath>
#include <numbers>

#include "base/half.h"

namespace ane::h13 {

namespace {

using aneir::Neuron;
using aneir::NeuronType;

constexpr uint16_t minus_infinity = 0xfc00, infinity = 0x7c00, one = 0x3c00, one_half = 0x3800;
constexpr int knot_count = 33, first_knot = 4;

// Argument reductions (word 42): the low nibble names the function, 6 in the high nibble odd symmetry, C "no
// negative arguments". All from tables of captured programs.
enum Mode : uint16_t {
  plain = 0x01,
  odd = 0x60,
  power_of_two = 0x0a,
  logarithm = 0xc9,
  square_root = 0xc5,
  inverse_root = 0xc6,
  reciprocal = 0x67
};

struct Frame {
  uint16_t low, high, below, above;       // words 0..3
  uint16_t left_slope, left_intercept;    // words 37, 38
  uint16_t right_slope, right_intercept;  // words 39, 40
  uint16_t spacing;                       // word 41
  Mode mode;
};

uint16_t half(double value) {
  return to_half(static_cast<float>(value)).bits;
}

Table with_frame(const Frame& frame) {
  Table table{};
  table[0] = frame.low, table[1] = frame.high, table[2] = frame.below, table[3] = frame.above;
  table[37] = frame.left_slope, table[38] = frame.left_intercept;
  table[39] = frame.right_slope, table[40] = frame.right_intercept;
  table[41] = frame.spacing, table[42] = frame.mode;
  return table;
}

// Knots at first + i * 2^-s for i >= skipped; those before stay 0.
template <typename Function>
Table sampled(const Frame& frame, double first, int skipped, Function function) {
  Table table = with_frame(frame);
  const double step = std::ldexp(1.0, -frame.spacing);
  for (int i = skipped; i < knot_count; ++i)
    table[static_cast<size_t>(first_knot + i)] = half(function(first + i * step));
  return table;
}

// Odd functions, over 0..4 in steps of 1/8. A chord of a curve errs to one side only: by up to step^2 / 8 of
// its curvature. With knots moved by step^2 / 12 of it the squares of the errors are least (ours).
template <typename Function>
Table fitted_odd(uint16_t limit, Function function) {
  constexpr double step = 0.125;
  return sampled({0, 0x4400, 0, limit, 0, 0, 0, limit, 3, odd}, 0, 0, [&](double x) {
    const double bend = function(x + step) - 2 * function(x) + function(x - step);
    return function(x) - bend / 12;
  });
}

// Functions that Apple's compiler fits rather than samples; the fit is not known, so the knots are.
Table fitted(const Frame& frame, const std::array<uint16_t, knot_count>& knots) {
  Table table = with_frame(frame);
  for (size_t i = 0; i < knots.size(); ++i) table[first_knot + i] = knots[i];
  return table;
}

constexpr std::array<uint16_t, knot_count> gelu_knots = {
    0x0000, 0x8e8a, 0x9230, 0x9757, 0x9bf0, 0xa011, 0xa3bf, 0xa6ec, 0xa9bf, 0xac75, 0xae67,
    0xb03d, 0xb11e, 0xb184, 0xb104, 0xaecf, 0x922d, 0x3098, 0x357e, 0x389f, 0x3ab8, 0x3c78,
    0x3d9a, 0x3eb9, 0x3fd2, 0x4072, 0x40f8, 0x417c, 0x41fe, 0x427f, 0x4300, 0x4380, 0x4400};
constexpr std::array<uint16_t, knot_count> silu_knots = {
    0x98cd, 0x9c5e, 0x9e65, 0xa0ef, 0xa37b, 0xa5a9, 0xa83b, 0xaa45, 0xac8e, 0xae85, 0xb088,
    0xb210, 0xb3a9, 0xb470, 0xb460, 0xb284, 0x96fb, 0x34be, 0x39d0, 0x3ce4, 0x3f0b, 0x409f,
    0x41b7, 0x42cc, 0x43dc, 0x4473, 0x44f8, 0x457a, 0x45fc, 0x467e, 0x46fe, 0x477f, 0x47ff};
// From the public record of the same program for the next generation (mil-hwx-compiler,
// research/oracles/h14/env_act_gelu_1x768x1x1_sigmoid_approximation.json), which lists the section's numbers.
// The section of H13 has the hash that this table gives.
constexpr std::array<uint16_t, knot_count> gelu_by_sigmoid_knots = {
    0x9c5b, 0x9e7b, 0xa095, 0xa281, 0xa495, 0xa66b, 0xa872, 0xaa16, 0xac18, 0xad67, 0xaeed,
    0xb044, 0xb0f7, 0xb14e, 0xb0dd, 0xaebb, 0x9296, 0x30a2, 0x3592, 0x38ad, 0x3ac2, 0x3c77,
    0x3d91, 0x3eaa, 0x3fbe, 0x4068, 0x40ee, 0x4173, 0x41f7, 0x427a, 0x42fb, 0x437d, 0x43fe};

// Two lines that meet at 0, exact everywhere: the knots lie 2^-64 apart, so only x = 0 falls between them and
// the outer lines do the work. `low` and `high` clip the argument range; beyond them the results are
// constants.
Table two_lines(double low, double below, double high, double above, double left_slope, double right_slope,
                double at_zero) {
  Table table = with_frame({half(low), half(high), half(below), half(above), half(left_slope), half(at_zero),
                            half(right_slope), half(at_zero), 64, plain});
  for (int i = 0; i < knot_count; ++i) table[static_cast<size_t>(first_knot + i)] = half(at_zero);
  return table;
}

// x clipped to [low, high]. Captured for one bound (maximum, minimum with a constant); both bounds use the
// same words. When 0 lies outside the range, no argument reaches the knots with another result than the bound
// nearest to them.
Table clamp(double low, double high) {
  Table table = two_lines(low, low, high, high, 1, 1, 0);
  const double nearest = low > 0 ? low : high < 0 ? high : 0;
  for (int i = 0; i < knot_count; ++i) table[static_cast<size_t>(first_knot + i)] = half(nearest);
  return table;
}

Table hard_sigmoid(double alpha, double beta) {
  if (alpha == 0) {
    const double value = std::min(std::max(beta, 0.0), 1.0);
    return two_lines(0, value, 0, value, 0, 0, value);
  }
  const double at_zero = -beta / alpha, at_one = (1 - beta) / alpha;
  return alpha > 0 ? two_lines(at_zero, 0, at_one, 1, alpha, alpha, beta)
                   : two_lines(at_one, 1, at_zero, 0, alpha, alpha, beta);
}

// x >= alpha ? x : 0. The lower limit is inclusive, so it is the number just below alpha.
Table thresholded(float alpha) {
  const Half edge = to_half(alpha);
  const bool negative = (edge.bits & 0x8000) != 0;
  uint16_t before = edge.bits;
  if ((edge.bits & 0x7fff) == 0)
    before = 0x8001;
  else
    before = static_cast<uint16_t>(negative ? edge.bits + 1 : edge.bits - 1);
  return with_frame({before, infinity, 0, infinity, one, 0, one, 0, 64, plain});
}

// 1 for 0 alone. From the captured program logical_not_1x1x64x64, whose section hash it has.
Table logical_not() {
  Table table = with_frame({0x8001, 0x0001, 0, 0, 0, 0, 0, 0, 64, plain});
  for (int i = 0; i + 1 < knot_count; ++i) table[static_cast<size_t>(first_knot + i)] = one;
  return table;
}

// From the captured program less_bool_rr_1x64x1x1, whose section hash it has.
Table is_negative() {
  return with_frame({0x8001, 0x0001, one, 0, 0, one, 0, 0, 64, plain});
}

}  // namespace

Table is_not_zero_table() {
  return with_frame({0x8001, 0x0001, one, one, 0, one, 0, one, 64, plain});
}

std::optional<Table> table_for(const Neuron& neuron) {
  const double alpha = neuron.alpha, beta = neuron.beta;
  switch (neuron.type) {
    case NeuronType::Sigmoid:
      return sampled({0xc8f8, 0x4829, 0, one, 0x09ac, 0x170c, 0x163e, 0x3be6, 1, plain}, -8, 0,
                     [](double x) { return 1 / (1 + std::exp(-x)); });
    case NeuronType::Tanh:
      return sampled({0, 0x4400, 0, one, 0, 0, 0, one, 3, odd}, 0, 0, [](double x) { return std::tanh(x); });
    case NeuronType::Gelu:
      return fitted({0xc466, infinity, 0, infinity, 0, 0, one, 0, 2, plain}, gelu_knots);
    case NeuronType::Silu:
      return fitted({0xc91a, infinity, 0, infinity, 0x945d, 0xa191, one, 0x9c00, 1, plain}, silu_knots);
    case NeuronType::GeluBySigmoid:
      return fitted({0xc500, infinity, 0, infinity, 0x9c5b, 0xa572, one, 0x9c00, 2, plain},
                    gelu_by_sigmoid_knots);
    case NeuronType::Exp:  // the task's output scale multiplies by log2(e) first
    case NeuronType::Exp2:
      return sampled({0xce40, 0x4c00, 0, infinity, 0, 0, 0, 0, 5, power_of_two}, 0, 0,
                     [](double x) { return std::exp2(x); });
    case NeuronType::Log2:
      return sampled({0, infinity, minus_infinity, 0, 0, 0, 0, 0, 6, logarithm}, 0.5, 0,
                     [](double x) { return std::log2(x); });
    case NeuronType::Sqrt:
      return sampled({0, infinity, 0, infinity, 0, 0, 0, 0, 4, square_root}, 0, 8,
                     [](double x) { return std::sqrt(x); });
    case NeuronType::Rsqrt:
      return sampled({0, infinity, infinity, 0, 0, 0, 0, 0, 4, inverse_root}, 0, 8,
                     [](double x) { return 1 / std::sqrt(x); });
    case NeuronType::Inv:
      if (to_half(neuron.alpha).bits != 0)
        return std::nullopt;  // no captured program adds before a reciprocal
      return sampled({0, infinity, infinity, 0, 0, 0, 0, 0, 6, reciprocal}, 0.5, 0,
                     [](double x) { return 1 / x; });
    case NeuronType::LeakyReLU:
      return with_frame(
          {minus_infinity, infinity, minus_infinity, infinity, half(alpha), 0, one, 0, 64, plain});
    case NeuronType::ClampedReLU:
      return clamp(alpha, beta);
    case NeuronType::HardSigmoid:
      return hard_sigmoid(alpha, beta);
    case NeuronType::ThresholdedReLU:
      return thresholded(neuron.alpha);
    case NeuronType::LogicalNot:
      return logical_not();
    case NeuronType::IsNegative:
      return is_negative();
    case NeuronType::TanhFitted:
      return fitted_odd(one, [](double x) { return std::tanh(x); });
    case NeuronType::CenteredPhi:
      return fitted_odd(one_half, [](double x) { return std::erf(x / std::numbers::sqrt2) / 2; });
    default:
      return std::nullopt;
  }
}

bool is_root_table(const Table& table) {
  return table[42] == square_root || table[42] == inverse_root || table[42] == reciprocal;
}

}  // namespace ane::h13
