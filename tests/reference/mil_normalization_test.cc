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

TEST(MilBatchNorm, ByChannel) {
  // Two channels of two elements.
  const Fed x{{1, 2, 2}, {1, 2, 3, 4}};
  const Bound mean{"mean", Fed{{2}, {1, 3}}}, variance{"variance", Fed{{2}, {3, 0}}},
      epsilon{"epsilon", mil_number(1)};
  expect_near(result("batch_norm", {{"x", x}, mean, variance, epsilon}, {1, 2, 2}), {0, 0.5, 0, 1});
  expect_near(
      result("batch_norm",
             {{"x", x}, mean, variance, epsilon, {"gamma", Fed{{2}, {2, 4}}}, {"beta", Fed{{2}, {10, 20}}}},
             {1, 2, 2}),
      {10, 11, 20, 24});
  // The default of epsilon is 1e-5.
  expect_near(result("batch_norm", {{"x", x}, mean, variance}, {1, 2, 2}),
              {0, 1 / std::sqrt(3.00001), 0, 1 / std::sqrt(1e-5)});
}

TEST(MilInstanceNorm, StatisticsOfEachChannelOfEachImage) {
  // Lines 1, 3 and 0, 4 and 5, 5 and 2, -2: means 2, 2, 5, 0; variances 1, 4, 0, 4.
  const Fed x{{2, 2, 2}, {1, 3, 0, 4, 5, 5, 2, -2}};
  expect_near(result("instance_norm", {{"x", x}}, {2, 2, 2}), {-1, 1, -1, 1, 0, 0, 1, -1});
  expect_near(result("instance_norm", {{"x", x}, {"gamma", Fed{{2}, {1, 10}}}, {"beta", Fed{{2}, {0, 1}}}},
                     {2, 2, 2}),
              {-1, 1, -9, 11, 0, 0, 11, -9});
  // A variance of 1 with an epsilon of 3.
  expect_near(result("instance_norm", {{"x", Fed{{1, 1, 2}, {1, 3}}}, {"epsilon", mil_number(3)}}, {1, 1, 2}),
              {-0.5, 0.5});
}

TEST(MilL2Norm, OverTheLastThreeAxes) {
  const Fed x{{2, 2, 1, 1}, {3, 4, 5, 12}};
  expect_near(result("l2_norm", {{"x", x}}, {2, 2, 1, 1}), {0.6, 0.8, 5.0 / 13, 12.0 / 13});
  // 9 + 16 + 11 = 36
  expect_near(result("l2_norm", {{"x", Fed{{2, 1, 1}, {3, 4}}}, {"epsilon", mil_number(11)}}, {2, 1, 1}),
              {0.5, 4.0 / 6});
  expect_near(result("l2_norm", {{"x", Fed{{2, 1, 1}, {0, 1e-3f}}}}, {2, 1, 1}), {0, 1e-3 / std::sqrt(2e-6)});
}

TEST(MilLocalResponseNorm, OverNeighbouringChannels) {
  // Channels 1, 2, 3: sums of squares over three are 5, 14, 13.
  const Fed x{{1, 3, 1}, {1, 2, 3}};
  const auto norm = [&](std::vector<Bound> more) {
    more.push_back({"x", x});
    more.push_back({"size", mil_integer(3)});
    return result("local_response_norm", more, {1, 3, 1});
  };
  expect_near(norm({{"alpha", mil_number(3)}, {"beta", mil_number(1)}, {"k", mil_number(2)}}),
              {1.0 / 7, 2.0 / 16, 3.0 / 15});
  const auto by_default = [](double value, double squares) {
    return value / std::pow(1 + 1e-4 / 3 * squares, 0.75);
  };
  expect_near(norm({}), {by_default(1, 5), by_default(2, 14), by_default(3, 13)}, 1e-7);
}

TEST(BadMilNormalization, Parameters) {
  const Fed x{{2, 3}, counting(6)};
  expect_refusal("axis 2", "softmax", {{"x", x}, {"axis", mil_integer(2)}}, {2, 3});
  expect_refusal("axis 0 is outside of rank 0", "softmax", {{"x", Fed{{}, {1}}}, {"axis", mil_integer(0)}},
                 {});
  expect_refusal("gamma has the shape [2] where [3] is needed", "layer_norm",
                 {{"x", x}, {"axes", mil_integers({1})}, {"gamma", Fed{{2}, {1, 2}}}}, {2, 3});
  expect_refusal("less than three axes", "l2_norm", {{"x", x}}, {2, 3});
  expect_refusal("less than three axes", "instance_norm", {{"x", x}}, {2, 3});
  expect_refusal("size is 0", "local_response_norm",
                 {{"x", Fed{{1, 2, 1}, {1, 2}}}, {"size", mil_integer(0)}}, {1, 2, 1});
  expect_refusal("mean has the shape [1] where x has 2 channels", "batch_norm",
                 {{"x", Fed{{1, 2, 1}, {1, 2}}}, {"mean", Fed{{1}, {1}}}, {"variance", Fed{{2}, {1, 1}}}},
                 {1, 2, 1});
  expect_refusal("axis 5", "layer_norm", {{"x", x}, {"axes", mil_integers({5})}}, {2, 3});
}

}  // namespace
}  // namespace ane::reference
