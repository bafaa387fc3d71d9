// Kernels as binary16 numbers whose errors cancel.
#include "h13/round_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "base/half.h"

namespace ane::h13 {
namespace {

aneir::Conv convolution(int64_t outputs, int64_t groups, int kernel, std::vector<float> weights) {
  aneir::Conv conv;
  conv.output_channels = outputs;
  conv.groups = groups;
  conv.kernel_width = conv.kernel_height = kernel;
  conv.weights = aneir::Constant::of_floats(std::move(weights));
  return conv;
}

std::vector<float> random_weights(size_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> distribution(-9, 9);
  std::vector<float> weights(count);
  for (float& weight : weights) weight = distribution(engine);
  return weights;
}

// Sum of what was rounded away times `factors`.
double error_of(const std::vector<float>& wanted, const std::vector<float>& rounded,
                const std::vector<double>& factors) {
  double sum = 0;
  for (size_t i = 0; i < wanted.size(); ++i)
    sum += factors[i % factors.size()] * (static_cast<double>(wanted[i]) - static_cast<double>(rounded[i]));
  return sum;
}

std::vector<float> nearest(std::vector<float> values) {
  for (float& value : values) value = round_to_half(value);
  return values;
}

// Each weight is one of the two numbers beside it: less than a unit away, and a binary16 number.
void expect_neighbours(const std::vector<float>& wanted, const std::vector<float>& rounded) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(round_to_half(rounded[i]), rounded[i]);
    int exponent = 0;
    std::frexp(wanted[i], &exponent);
    EXPECT_LT(std::abs(rounded[i] - wanted[i]), std::ldexp(1.0f, std::max(exponent, -13) - 11));
  }
}

TEST(RoundKernels, SpatialKernelsKeepTheirSums) {
  double squares = 0, squares_of_nearest = 0;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    const std::vector<float> taps = random_weights(9, seed);
    const std::vector<float> rounded = round_kernels(convolution(1, 1, 3, taps), {}).weights.floats();
    expect_neighbours(taps, rounded);
    squares += std::pow(error_of(taps, rounded, {1}), 2);
    squares_of_nearest += std::pow(error_of(taps, nearest(taps), {1}), 2);
  }
  EXPECT_LT(squares, squares_of_nearest / 10);
}

// Over inputs of known means the error of the mean goes to almost nothing, that of the bias included.
TEST(RoundKernels, ErrorsCancelAtTheExpectedInput) {
  constexpr size_t channels = 64;
  std::vector<double> means(channels), variances(channels, 0.5);
  for (size_t c = 0; c < channels; ++c) means[c] = 0.1 * static_cast<double>(c % 7);
  double squares = 0, squares_of_nearest = 0;
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const std::vector<float> weights = random_weights(channels, seed);
    aneir::Conv conv = convolution(1, 1, 1, weights);
    const float bias = 8 + 0.1f * static_cast<float>(seed);
    conv.bias = aneir::Constant::of_floats({bias});
    const double bias_error = static_cast<double>(bias) - static_cast<double>(round_to_half(bias));
    const std::vector<float> rounded = round_kernels(conv, {means, variances}).weights.floats();
    expect_neighbours(weights, rounded);
    squares += std::pow(error_of(weights, rounded, means) + bias_error, 2);
    squares_of_nearest += std::pow(error_of(weights, nearest(weights), means) + bias_error, 2);
  }
  EXPECT_LT(squares, squares_of_nearest / 100);
}

// A depthwise kernel of one tap cannot make good the rounding of its bias; the convolution behind it can.
TEST(RoundKernels, LaterLayersMakeGoodWhatEarlierOnesCannot) {
  constexpr int64_t channels = 24;
  aneir::Network network;
  network.inputs = {network.add_tensor("image", {1, 1, channels, 4, 4})};
  aneir::Conv first =
      convolution(channels, channels, 1, std::vector<float>(channels, 1));  // binary16: it stays
  std::vector<float> biases(channels);
  for (size_t c = 0; c < channels; ++c) biases[c] = 4 + 0.0019f * static_cast<float>(c % 3);
  first.bias = aneir::Constant::of_floats(biases);
  network.add_unit("first", first, {network.inputs[0]}, "");
  const std::vector<float> weights = random_weights(channels, 4);
  network.add_unit("second", convolution(1, 1, 1, weights), {1}, "");
  round_kernels(network, {{std::vector<double>(channels, 0.5), std::vector<double>(channels, 0.001)}});

  const std::vector<float> rounded = network.units[1].as<aneir::Conv>()->weights.floats();
  double wanted = 0, got = 0, got_by_nearest = 0;
  for (size_t c = 0; c < channels; ++c) {
    wanted += static_cast<double>(weights[c]) * (0.5 + static_cast<double>(biases[c]));
    const double input = 0.5 + static_cast<double>(round_to_half(biases[c]));
    got += static_cast<double>(rounded[c]) * input;
    got_by_nearest += static_cast<double>(round_to_half(weights[c])) * input;
  }
  EXPECT_LT(std::abs(got - wanted), std::abs(got_by_nearest - wanted) / 4);
}

// Nothing is gained by other numbers than the nearest where inputs vary about 0 and independently.
TEST(RoundKernels, PointsAroundZeroAreRoundedToTheNearest) {
  const std::vector<float> weights = random_weights(32, 1);
  const Moments around_zero{std::vector<double>(32, 0), std::vector<double>(32, 1)};
  EXPECT_EQ(round_kernels(convolution(1, 1, 1, weights), around_zero).weights.floats(), nearest(weights));
  EXPECT_EQ(round_kernels(convolution(1, 1, 1, weights), {}).weights.floats(), nearest(weights));
}

TEST(RoundKernels, GroupsLookAtTheirOwnChannels) {
  std::vector<float> weights = random_weights(2 * 40, 2);
  Moments moments{std::vector<double>(80, 0), std::vector<double>(80, 1)};
  std::fill(moments.mean.begin() + 40, moments.mean.end(), 4);
  const std::vector<float> rounded = round_kernels(convolution(2, 2, 1, weights), moments).weights.floats();
  const std::vector<float> plain = nearest(weights);
  EXPECT_TRUE(std::equal(plain.begin(), plain.begin() + 40, rounded.begin()));
  EXPECT_FALSE(std::equal(plain.begin() + 40, plain.end(), rounded.begin() + 40));
}

TEST(RoundKernels, WhatIsBinary16Stays) {
  const std::vector<float> halves = {1, -0.5f, 0.25f, 3};
  EXPECT_EQ(round_kernels(convolution(1, 1, 2, halves), {}).weights.floats(), halves);
}

TEST(RoundKernels, WhatIsBeyondBinary16Stays) {
  const std::vector<float> large = {1e6f, 0.1f, 0.2f, 0.3f};
  EXPECT_EQ(round_kernels(convolution(1, 1, 2, large), {}).weights.floats(), large);
}

// Nothing is known to be better than anything else then, but each weight is a neighbour still.
TEST(RoundKernels, MomentsBeyondAllBounds) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const double value : {1e200, static_cast<double>(infinity), std::nan("")}) {
    const std::vector<float> weights = random_weights(40, 3);
    const Moments moments{std::vector<double>(40, value), std::vector<double>(40, value)};
    expect_neighbours(weights, round_kernels(convolution(1, 1, 1, weights), moments).weights.floats());
  }
}

TEST(RoundKernels, WhatIsNoNumberStays) {
  for (const float value : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    std::vector<float> weights = random_weights(64, 5);
    weights[17] = value;
    const std::vector<float> result = round_kernels(convolution(1, 1, 2, weights), {}).weights.floats();
    EXPECT_EQ(std::memcmp(result.data(), weights.data(), weights.size() * sizeof(float)), 0);
  }
}

TEST(RoundKernels, ZerosStayZeros) {
  const std::vector<float> rounded =
      round_kernels(convolution(1, 1, 3, {0.1f, 0, 0.3f, 0, 0, 0.7f, 0, 0, 0.9f}), {}).weights.floats();
  for (const size_t i : {1u, 3u, 4u, 6u, 7u}) EXPECT_EQ(rounded[i], 0);
}

// Down to subnormal numbers and across powers of two the neighbours are the right ones.
TEST(RoundKernels, NeighboursAcrossPowersOfTwoAndBelowTheSmallest) {
  std::vector<float> taps = {0.99990f, 1.0001f, 2.00001f, -3.9999f, 1e-7f,
                             -3e-8f,   6.1e-5f, 1.3e-4f,  -0.5001f};
  for (float scale = 1; scale < 2; scale += 0.01f) {
    std::vector<float> scaled = taps;
    for (float& tap : scaled) tap *= scale;
    expect_neighbours(scaled, round_kernels(convolution(1, 1, 3, scaled), {}).weights.floats());
  }
}

}  // namespace
}  // namespace ane::h13
