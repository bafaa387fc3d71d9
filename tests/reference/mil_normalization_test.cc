// MIL's normalisations, by hand and against plain loops.

#include "mil_run.h"

namespace ane::reference {
namespace {

TEST(MilSoftmax, AlongAnyAxis) {
  // e^ln(a) : e^ln(b) = a : b
  const auto ln = [](float value) { return std::log(value); };
  const Fed x{{2, 2}, {ln(1), ln(3), ln(4), ln(1)}};
  expect_near(result("softmax", {{"x", x}}, {2, 2}), {0.25, 0.75, 0.8, 0.2});
  expect_near(result("softmax", {{"x", x}, {"axis", mil_integer(1)}}, {2, 2}), {0.25, 0.75, 0.8, 0.2});
  expect_near(result("softmax", {{"x", x}, {"axis", mil_integer(0)}}, {2, 2}), {0.2, 0.75, 0.8, 0.25});
  expect_near(result("softmax", {{"x", x}, {"axis", mil_integer(-2)}}, {2, 2}), {0.2, 0.75, 0.8, 0.25});
  expect_near(result("softmax", {{"x", Fed{{2}, {1000, 1000}}}}, {2}), {0.5, 0.5});
}

TEST(MilLayerNorm, OverTheLastAxis) {
  // Rows 1, 3 and 0, 4: means 2 and 2, variances 1 and 4.
  const Fed x{{2, 2}, {1, 3, 0, 4}};
  const Bound last{"axes", mil_integers({-1})}, exact{"epsilon", mil_number(0)};
  expect_near(result("layer_norm", {{"x", x}, last, exact}, {2, 2}), {-1, 1, -1, 1});
  expect_near(
      result("layer_norm",
             {{"x", x}, last, exact, {"gamma", Fed{{2}, {10, 100}}}, {"beta", Fed{{2}, {1, 2}}}}, {2, 2}),
      {-9, 102, -9, 102});
  // The default of epsilon is 1e-5.
  const double scale = 1 / std::sqrt(1 + 1e-5), wide = 2 / std::sqrt(4 + 1e-5);
  expect_near(result("layer_norm", {{"x", x}, last}, {2, 2}), {-scale, scale, -wide, wide}, 1e-7);
}

TEST(MilLayerNorm, OverAxesThatAreNotTheLast) {
  const Fed x{{2, 3, 2}, pattern(12, 1)}, gamma{{2, 3}, pattern(6, 2)}, beta{{2, 3}, pattern(6, 3)};
  std::vector<double> expected(12);
  for (int64_t c = 0; c < 2; ++c) {
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < 6; ++i) mean += x.values[i * 2 + c] / 6.0;
    for (int64_t i = 0; i < 6; ++i) variance += std::pow(x.values[i * 2 + c] - mean, 2) / 6;
    for (int64_t i = 0; i < 6; ++i)
      expected[i * 2 + c] =
          gamma.values[i] * (x.values[i * 2 + c] - mean) / std::sqrt(variance + 0.5) + beta.values[i];
  }
  for (const std::vector<int64_t>& axes : {std::vector<int64_t>{0, 1}, {1, 0}, {-2, -3}}) {
    expect_near(result("layer_norm",
                       {{"x", x},
                        {"axes", mil_integers(axes)},
                        {"gamma", gamma},
                        {"beta", beta},
                        {"epsilon", mil_number(0.5)}},
                       {2, 3, 2}),
                expected);
  }
}

TEST(MilLayerNorm, OverEverythingWithoutAxes) {
  expect_near(result("layer_norm", {{"x", Fed{{2, 2}, {1, 3, 3, 1}}}, {"epsilon", mil_number(0)}}, {2, 2}),
              {-1, 1, 1, -1});
}

TEST(BadMilNormalization, Parameters) {
  const Fed x{{2, 3}, counting(6)};
  expect_refusal("axis 2", "softmax", {{"x", x}, {"axis", mil_integer(2)}}, {2, 3});
  expect_refusal("axis 0 is outside of rank 0", "softmax", {{"x", Fed{{}, {1}}}, {"axis", mil_integer(0)}},
                 {});
  expect_refusal("gamma has the shape [2] where [3] is needed", "layer_norm",
                 {{"x", x}, {"axes", mil_integers({1})}, {"gamma", Fed{{2}, {1, 2}}}}, {2, 3});
  expect_refusal("axis 5", "layer_norm", {{"x", x}, {"axes", mil_integers({5})}}, {2, 3});
}

}  // namespace
}  // namespace ane::reference
