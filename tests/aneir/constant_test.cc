// Constants read whole and in part, whatever their elements are.
#include <gtest/gtest.h>

#include "aneir/network.h"
#include "base/error.h"

namespace ane::aneir {
namespace {

Constant of_bytes(ElementType type) {
  static const std::vector<uint8_t> bytes = {1, 2, 0xff, 0x80};
  return {type, nullptr, bytes};
}

std::vector<float> part(const Constant& constant, int64_t first, size_t count) {
  std::vector<float> values(count);
  constant.read(first, values);
  return values;
}

TEST(Constant, PartsOfEveryType) {
  EXPECT_EQ(part(Constant::of_floats({1, 2.5f, -3}), 1, 2), (std::vector<float>{2.5f, -3}));
  const Constant halves = Constant::of_halves({to_half(1.0f), to_half(0.25f), to_half(-2.0f)});
  EXPECT_EQ(halves.type, ElementType::Float16);
  EXPECT_EQ(part(halves, 1, 2), (std::vector<float>{0.25f, -2}));
  EXPECT_EQ(part(of_bytes(ElementType::UInt8), 1, 3), (std::vector<float>{2, 255, 128}));
  EXPECT_EQ(part(of_bytes(ElementType::Int8), 1, 3), (std::vector<float>{2, -1, -128}));
  EXPECT_EQ(halves.floats(), (std::vector<float>{1, 0.25f, -2}));
}

TEST(Constant, NothingIsReadBeyondTheEnd) {
  const Constant constant = Constant::of_floats({1, 2, 3});
  EXPECT_TRUE(part(constant, 3, 0).empty());
  EXPECT_THROW(part(constant, 2, 2), InternalError);
  EXPECT_THROW(part(constant, -1, 1), InternalError);
}

}  // namespace
}  // namespace ane::aneir
