// The tables of facts keep their own promises, and agree with what is published elsewhere.
#include <gtest/gtest.h>

#include <set>

#include "generations/registers.h"
#include "h13/task.h"

namespace ane::generations {
namespace {

TEST(Generations, AreFoundBySubtypeAndName) {
  // Subtypes as freedomtan/coreml_to_ane_hwx lists them.
  const std::pair<uint32_t, const char*> expected[] = {{1, "H11"}, {3, "H12"}, {4, "H13"}, {5, "H14"},
                                                       {6, "H15"}, {7, "H16"}, {9, "H17"}, {10, "H18"}};
  EXPECT_EQ(all().size(), std::size(expected));
  for (const auto& [subtype, name] : expected) {
    ASSERT_TRUE(by_subtype(subtype));
    EXPECT_STREQ(by_subtype(subtype)->name, name);
    EXPECT_EQ(by_name(name), by_subtype(subtype));
  }
  for (const uint32_t unknown : {0u, 2u, 8u, 11u, 0xffffffffu}) EXPECT_FALSE(by_subtype(unknown));
  EXPECT_EQ(by_name("h16"), by_subtype(7));
  EXPECT_FALSE(by_name("h10"));
  EXPECT_FALSE(by_name(""));
  EXPECT_STREQ(h13().name, "H13");
  EXPECT_EQ(title(*by_name("h14")), "H14 (A15, M2)");
}

TEST(Facts, RegistersLieInTheirBlockOnceAndInOrder) {
  for (const Generation& generation : all()) {
    const RegisterTable& table = registers(generation);
    std::set<uint32_t> addresses;
    std::set<std::string> names;
    for (const Register& reg : table.registers) {
      SCOPED_TRACE(std::string(generation.name) + " " + reg.block + "." + reg.name);
      const Block* block = table.block_at(reg.address);
      ASSERT_TRUE(block);
      EXPECT_STREQ(block->name, reg.block);
      EXPECT_EQ(reg.address % 4, 0u);
      EXPECT_TRUE(addresses.insert(reg.address).second);
      EXPECT_TRUE(names.insert(std::string(reg.block) + "." + reg.name).second);
      EXPECT_EQ(table.find(reg.address), &reg);
      EXPECT_EQ(table.find(reg.block, reg.name), &reg);
    }
    EXPECT_GT(table.registers.size(), 100u);
    EXPECT_FALSE(table.find(0x7fffc));
  }
}

TEST(Facts, BlocksDoNotOverlap) {
  for (const Generation& generation : all()) {
    std::set<uint32_t> words;
    for (const Block& block : registers(generation).blocks)
      for (uint32_t i = 0; i < block.words; ++i)
        EXPECT_TRUE(words.insert(block.base + 4 * i).second) << generation.name << " " << block.name;
  }
}

TEST(Facts, FieldsAreInsideTheirWordAndApart) {
  const auto check = [](uint32_t& bits, std::set<std::string>& names, const Field& field) {
    ASSERT_GE(field.low, 0) << field.name;
    ASSERT_GE(field.width, 1) << field.name;
    ASSERT_LE(field.low + field.width, 32) << field.name;
    EXPECT_EQ(bits & field.mask(), 0u) << field.name;
    EXPECT_TRUE(names.insert(field.name).second) << field.name;
    bits |= field.mask();
    for (const Value& value : field.values) EXPECT_LE(value.number, field.mask() >> field.low) << field.name;
    EXPECT_TRUE(field.form != Form::Half || field.width == 16) << field.name;
    EXPECT_TRUE(field.form != Form::Float || field.width == 32) << field.name;
    EXPECT_TRUE(field.form != Form::Float19 || field.width == 19) << field.name;
  };
  for (const Generation& generation : all()) {
    SCOPED_TRACE(generation.name);
    for (const Register& reg : registers(generation).registers) {
      SCOPED_TRACE(reg.name);
      uint32_t bits = 0;
      std::set<std::string> names;
      for (const Field& field : reg.fields) check(bits, names, field);
      EXPECT_EQ(bits, reg.known_bits());
    }
    uint32_t bits[11] = {};
    std::set<std::string> names;
    for (const HeaderField& header : registers(generation).header) {
      ASSERT_TRUE(header.word >= 0 && header.word <= static_cast<int>(generation.header_words));
      check(bits[header.word], names, header.field);
    }
  }
}

// A field cannot be surer than the place of its register.
TEST(Facts, FieldsAreNotSurerThanTheirRegister) {
  for (const Generation& generation : all())
    for (const Register& reg : registers(generation).registers)
      for (const Field& field : reg.fields)
        EXPECT_GE(field.evidence, reg.evidence) << generation.name << " " << reg.name << "." << field.name;
}

TEST(Facts, H13IsTheTableOfTheCompiler) {
  const RegisterTable& table = registers(h13());
  EXPECT_EQ(table.registers.size(), h13::register_count);
  for (size_t r = 0; r < h13::register_count; ++r) {
    const h13::Reg reg = static_cast<h13::Reg>(r);
    const Register* found = table.find(h13::info(reg).address);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->name, h13::info(reg).name);
    EXPECT_EQ(found->known_bits(), h13::known_bits(reg));
  }
  EXPECT_EQ(table.find(0x13840)->evidence, Evidence::Unknown);
  EXPECT_EQ(table.find("NE", "MACCfg")->find("Bit20")->evidence, Evidence::Unknown);
  EXPECT_EQ(table.find("KernelDMASrc", "CoeffDMAConfig7")->find("CrH")->evidence, Evidence::Map);
  EXPECT_EQ(table.find("Common", "Cin")->evidence, Evidence::Words);
}

// Nothing of a generation without words is borne out by words, and nothing at all of those taken to be like
// H13.
TEST(Facts, MarksDoNotClaimMoreThanTheirGeneration) {
  const std::pair<const char*, Evidence> surest[] = {{"H11", Evidence::Inferred},
                                                     {"H12", Evidence::Inferred},
                                                     {"H15", Evidence::Map},
                                                     {"H16", Evidence::Map},
                                                     {"H18", Evidence::Map}};
  for (const auto& [name, evidence] : surest) {
    const RegisterTable& table = registers(*by_name(name));
    for (const Register& reg : table.registers) EXPECT_GE(reg.evidence, evidence) << name << " " << reg.name;
    for (const Block& block : table.blocks) EXPECT_GE(block.evidence, evidence) << name << " " << block.name;
    for (const HeaderField& header : table.header)
      EXPECT_GE(header.field.evidence, evidence) << name << " " << header.field.name;
  }
}

// H17's are borne out by the published words of two tasks and no others.
TEST(Facts, WordsOfH17AreThePublishedOnes) {
  const std::set<uint32_t> written = {0x5500, 0x4,  0x8,  0xc,  0x14, 0x18,   0x1c,  0x30,
                                      0x34,   0x3c, 0x40, 0x44, 0x4c, 0x4d08, 0x4d1c};
  for (const Register& reg : registers(*by_name("H17")).registers)
    if (reg.evidence == Evidence::Words) {
      EXPECT_TRUE(written.contains(reg.address)) << reg.name;
    }
}

// A value of H14 that its H13 namesake has in words that both generations have in common
// (docs/generations.md): the namesakes' fields have the same place, but for the two that grew.
TEST(Facts, H14FieldsLieWhereThoseOfH13Do) {
  size_t same = 0;
  for (const Register& reg : registers(*by_name("H14")).registers) {
    const std::string_view block = reg.block;
    if (block != "Common" && block != "L2" && block != "PE" && block != "NE") continue;
    const Register* twin = registers(h13()).find(block, reg.name);
    if (!twin || reg.name == "ConvCfg" || reg.name == "ConvCfg3d") continue;
    for (const Field& field : reg.fields)
      if (const Field* other = twin->find(field.name)) {
        EXPECT_EQ(field.mask(), other->mask()) << reg.name << "." << field.name;
        ++same;
      }
  }
  EXPECT_GT(same, 80u);
}

}  // namespace
}  // namespace ane::generations
