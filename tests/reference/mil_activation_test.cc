// MIL's activations, from their formulas.

#include "mil_run.h"

namespace ane::reference {
namespace {

const Fed x{{5}, {-2, -0.5f, 0, 0.5f, 8}};

Values at(const std::string& type, std::vector<Bound> parameters = {}) {
  parameters.push_back({"x", x});
  return result(type, parameters, {5});
}

Bound alpha(double value) {
  return {"alpha", mil_number(value)};
}
Bound beta(double value) {
  return {"beta", mil_number(value)};
}

TEST(MilActivation, PiecewiseLinear) {
  EXPECT_EQ(at("relu"), (Values{0, 0, 0, 0.5f, 8}));
  EXPECT_EQ(at("relu6"), (Values{0, 0, 0, 0.5f, 6}));
  EXPECT_EQ(at("leaky_relu", {alpha(0.25)}), (Values{-0.5f, -0.125f, 0, 0.5f, 8}));
  EXPECT_EQ(at("clamped_relu", {alpha(0.5), beta(4)}), (Values{-1, -0.25f, 0, 0.5f, 4}));
  // A limit below 0 holds on the left side, too.
  EXPECT_EQ(at("clamped_relu", {alpha(0.5), beta(-0.5)}), (Values{-1, -0.5f, -0.5f, -0.5f, -0.5f}));
  EXPECT_EQ(at("thresholded_relu", {alpha(0.5)}), (Values{0, 0, 0, 0.5f, 8}));
  EXPECT_EQ(at("thresholded_relu", {alpha(1)}), (Values{0, 0, 0, 0, 8}));
  EXPECT_EQ(at("linear_activation", {alpha(2), beta(1)}), (Values{-3, 0, 1, 2, 17}));
  EXPECT_EQ(at("sigmoid_hard", {alpha(0.5), beta(0.5)}), (Values{0, 0.25f, 0.5f, 0.75f, 1}));
}

// The function of every element of x.
void expect_function(const Values& got, double (*function)(double)) {
  std::vector<double> expected;
  for (const float value : x.values) expected.push_back(function(value));
  expect_near(got, expected);
}

TEST(MilActivation, Curves) {
  expect_function(at("sigmoid"), [](double v) { return 1 / (1 + std::exp(-v)); });
  expect_function(at("silu"), [](double v) { return v / (1 + std::exp(-v)); });
  expect_function(at("tanh"),
                  [](double v) { return (std::exp(v) - std::exp(-v)) / (std::exp(v) + std::exp(-v)); });
  expect_function(at("scaled_tanh", {alpha(2), beta(0.5)}), [](double v) { return 2 * std::tanh(v / 2); });
  expect_function(at("softplus"), [](double v) { return std::log(1 + std::exp(v)); });
  expect_function(at("softsign"), [](double v) { return v / (1 + std::abs(v)); });
  expect_function(at("elu", {alpha(2)}), [](double v) { return v < 0 ? 2 * (std::exp(v) - 1) : v; });
}

TEST(MilActivation, GeluInItsThreeModes) {
  expect_function(at("gelu"), [](double v) { return v * 0.5 * std::erfc(-v / std::sqrt(2.0)); });
  expect_function(at("gelu", {{"mode", mil_text("EXACT")}}),
                  [](double v) { return v * 0.5 * std::erfc(-v / std::sqrt(2.0)); });
  // 0.5 (1 + tanh t) = 1 / (1 + e^-2t)
  expect_function(at("gelu", {{"mode", mil_text("TANH_APPROXIMATION")}}), [](double v) {
    return v / (1 + std::exp(-2 * 0.7978845608 * (v + 0.044715 * v * v * v)));
  });
  expect_function(at("gelu", {{"mode", mil_text("SIGMOID_APPROXIMATION")}}),
                  [](double v) { return v / (1 + std::exp(-1.702 * v)); });
}

TEST(MilActivation, NothingOverflows) {
  const Fed far{{2}, {-1000, 1000}};
  EXPECT_EQ(result("softplus", {{"x", far}}, {2}), (Values{0, 1000}));
  EXPECT_EQ(result("sigmoid", {{"x", far}}, {2}), (Values{0, 1}));
}

TEST(MilActivation, AParameterForEachChannel) {
  const Fed planes{{1, 2, 2}, {-1, 2, -3, 4}};
  EXPECT_EQ(result("prelu", {{"x", planes}, {"alpha", mil_numbers({2}, {0.5, 2})}}, {1, 2, 2}),
            (Values{-0.5f, 2, -6, 4}));
  expect_near(
      result("softplus_parametric",
             {{"x", planes}, {"alpha", mil_numbers({2}, {1, 10})}, {"beta", mil_numbers({2}, {2, 0.5})}},
             {1, 2, 2}),
      {std::log(1 + std::exp(-2.0)), std::log(1 + std::exp(4.0)), 10 * std::log(1 + std::exp(-1.5)),
       10 * std::log(1 + std::exp(2.0))});
}

TEST(BadMilActivation, Parameters) {
  expect_refusal("mode ROUGH is not known", "gelu", {{"x", x}, {"mode", mil_text("ROUGH")}}, {5});
  const Fed planes{{1, 2, 2}, {-1, 2, -3, 4}};
  expect_refusal("alpha has the shape [3] where x has 2 channels", "prelu",
                 {{"x", planes}, {"alpha", mil_numbers({3}, {1, 2, 3})}}, {1, 2, 2});
  expect_refusal("less than three axes", "prelu", {{"x", x}, {"alpha", mil_numbers({5}, {1, 2, 3, 4, 5})}},
                 {5});
}

}  // namespace
}  // namespace ane::reference
