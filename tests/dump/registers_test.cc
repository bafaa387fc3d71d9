// docs/h13-registers.md and the tables of docs/generations.md are made by hwxdump; whoever changes the facts
// makes them again.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "tools/dump/dump.h"

namespace ane {
namespace {

TEST(RegisterDocument, IsUpToDate) {
  const MappedFile page(std::filesystem::path(ANE_SOURCE_DIR) / "docs" / "h13-registers.md");
  EXPECT_TRUE(page.text() == dump::registers_markdown(generations::h13()))
      << "make it again: build/hwxdump --registers >docs/h13-registers.md";
}

TEST(GenerationsDocument, HoldsTheTables) {
  const MappedFile page(std::filesystem::path(ANE_SOURCE_DIR) / "docs" / "generations.md");
  EXPECT_NE(page.text().find(dump::generations_markdown()), std::string_view::npos)
      << "put the output of build/hwxdump --generations in place of the tables in docs/generations.md";
}

TEST(RegisterTables, NameEveryRegisterOfEveryGeneration) {
  for (const generations::Generation& generation : generations::all()) {
    const std::string table = dump::registers_markdown(generation);
    EXPECT_TRUE(table.starts_with(std::string("# ") + generation.name + " task registers\n"));
    for (const generations::Register& reg : generations::registers(generation).registers)
      EXPECT_NE(table.find("| " + reg.name + " |"), std::string::npos) << generation.name << " " << reg.name;
  }
}

}  // namespace
}  // namespace ane
