// The simulator is one of H13; programs of other generations are refused by name.
#include <gtest/gtest.h>

#include "base/error.h"
#include "hwx/sample.h"
#include "sim/simulator.h"

namespace ane::sim {
namespace {

TEST(Simulator, BadGenerationsAreRefusedByName) {
  hwx::File file = hwx::sample_file::make(hwx::Dialect::B, hwx::sample_file::Constants::None);
  const std::pair<uint32_t, const char*> others[] = {
      {1, "H11 (A12)"}, {5, "H14 (A15, M2)"}, {10, "H18 (A19)"}};
  for (const auto& [subtype, title] : others) {
    file.cpu_subtype = subtype;
    try {
      Simulator simulator(file);
      FAIL() << title;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(title), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("not for H13 (A14, M1)"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace ane::sim
