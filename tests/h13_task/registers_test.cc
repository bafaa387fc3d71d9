// The register table keeps its own promises.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "h13/task.h"

namespace ane::h13 {
namespace {

TEST(Registers, EveryAddressLeadsBackToItsRegister) {
  for (size_t r = 0; r < register_count; ++r) {
    const Reg reg = static_cast<Reg>(r);
    EXPECT_EQ(register_at(info(reg).address), reg) << info(reg).name;
    EXPECT_EQ(register_at(info(reg).address + 1), Reg::Count);
  }
  EXPECT_EQ(register_at(0x40), Reg::Count);     // behind the Common block
  EXPECT_EQ(register_at(0x1f8f8), Reg::Count);  // behind the last coefficient register
  EXPECT_EQ(register_at(0xfffffffc), Reg::Count);
}

TEST(Registers, FieldsOfARegisterDoNotOverlap) {
  size_t total = 0;
  for (size_t r = 0; r < register_count; ++r) {
    uint32_t bits = 0;
    std::set<std::string> names;
    for (const FieldInfo& field : fields_of(static_cast<Reg>(r))) {
      ASSERT_LE(field.low + field.width, 32) << field.name;
      EXPECT_EQ(bits & mask(field) << field.low, 0u) << info(static_cast<Reg>(r)).name << "." << field.name;
      EXPECT_TRUE(names.insert(field.name).second) << field.name;
      EXPECT_EQ(field.reg, static_cast<Reg>(r));
      bits |= mask(field) << field.low;
      ++total;
    }
    EXPECT_EQ(bits, known_bits(static_cast<Reg>(r)));
  }
  EXPECT_EQ(total, static_cast<size_t>(Field::Count));
}

TEST(Registers, HeaderFieldsDoNotOverlap) {
  uint32_t bits[11] = {};
  for (const FieldInfo& field : header_fields()) {
    ASSERT_TRUE(field.word >= 0 && field.word < 11);
    EXPECT_EQ(bits[field.word] & mask(field) << field.low, 0u) << field.name;
    bits[field.word] |= mask(field) << field.low;
  }
}

// Both layouts cover what they say: the full one every register, the short one all but the 32 coefficient
// registers.
TEST(Registers, LayoutsCoverTheTable) {
  for (const Layout layout : {Layout::Full, Layout::Short}) {
    Task task;
    task.set_records(records_of(layout));
    EXPECT_EQ(task.words(), layout == Layout::Full ? 157u : 126u);
    EXPECT_EQ(task.written.count(), layout == Layout::Full ? register_count : register_count - 32);
    EXPECT_EQ(task.written[static_cast<size_t>(Reg::CoeffBaseAddr0 + 3)], layout == Layout::Full);
    EXPECT_TRUE(task.written[static_cast<size_t>(Reg::BiasDMAConfig)]);
  }
}

}  // namespace
}  // namespace ane::h13
