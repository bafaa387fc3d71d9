#include "base/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace ane {
namespace {

TEST(Half, EveryCodeSurvivesTheWayThroughFloat) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Half half{static_cast<uint16_t>(bits)};
    const float value = to_float(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(to_float(to_half(value))));
    } else {
      EXPECT_EQ(to_half(value).bits, bits);
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(to_half(2049.0f).bits, to_half(2048.0f).bits);
  EXPECT_EQ(to_half(2051.0f).bits, to_half(2052.0f).bits);
  EXPECT_EQ(to_half(65519.0f).bits, 0x7bff);
  EXPECT_EQ(to_half(65520.0f).bits, 0x7c00);
  EXPECT_EQ(to_half(0x1p-25f).bits, 0);
  EXPECT_EQ(to_half(0x1.8p-25f).bits, 1);
}

TEST(Half, ArraysAgreeWithSingleValues) {
  std::vector<float> values;
  for (int i = -4000; i < 4001; ++i) values.push_back(std::ldexp(static_cast<float>(i) * 1.37f, i % 30 - 20));
  std::vector<Half> halves(values.size());
  to_half(std::span<const float>(values), std::span<Half>(halves));
  std::vector<float> back(values.size());
  to_float(std::span<const Half>(halves), std::span<float>(back));
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(halves[i].bits, to_half(values[i]).bits) << values[i];
    EXPECT_EQ(back[i], to_float(halves[i]));
  }
}

}  // namespace
}  // namespace ane
