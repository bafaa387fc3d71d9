// Kernels as binary16 numbers whose errors cancel.
#include "h13/round_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/half.h"

namespace ane::h13 {
namespace {

aneir::Constant constant(std::vector<float> values) {
  return aneir::Constant::of_floats(std::move(values));
}

TEST(RoundKernels, SumsAreRightToTheSmallestTap) {
  std::mt19937 engine(3);
  std::uniform_real_distribution<float> distribution(-9, 9);
  for (int round = 0; round < 100; ++round) {
    std::vector<float> taps(9);
    for (float& tap : taps) tap = distribution(engine);
    taps[4] = 0.01f * distribution(engine);  // the smallest
    const std::vector<float> rounded = round_kernels(constant(taps), 9).floats();
    double wanted = 0, got = 0;
    for (size_t i = 0; i < 9; ++i) {
      wanted += static_cast<double>(taps[i]), got += static_cast<double>(rounded[i]);
      EXPECT_EQ(round_to_half(rounded[i]), rounded[i]);
      EXPECT_NEAR(rounded[i], taps[i], 0x1p-7);  // a unit of the largest
    }
    // The smallest tap took along an error of at most half a unit of the one before: its own unit is at most
    // that of numbers below 2^-3.
    EXPECT_NEAR(got, wanted, 0x1p-14);
  }
}

TEST(RoundKernels, WhatIsBinary16Stays) {
  const std::vector<float> halves = {1, -0.5f, 0.25f, 3};
  EXPECT_EQ(round_kernels(constant(halves), 4).floats(), halves);
  const std::vector<float> points = {0.1f, 0.2f};
  EXPECT_EQ(round_kernels(constant(points), 1).floats(), points);  // packing rounds them one by one
}

TEST(RoundKernels, ZerosStayZeros) {
  const std::vector<float> rounded = round_kernels(constant({0.1f, 0, 0.3f, 0, 0, 0.7f}), 6).floats();
  EXPECT_EQ(rounded[1], 0);
  EXPECT_EQ(rounded[3], 0);
  EXPECT_EQ(rounded[4], 0);
}

}  // namespace
}  // namespace ane::h13
