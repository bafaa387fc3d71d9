// docs/h13-registers.md is made by `hwxdump --registers`; whoever changes the table makes it again.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "tools/dump/dump.h"

namespace ane {
namespace {

TEST(RegisterDocument, IsUpToDate) {
  const MappedFile page(std::filesystem::path(ANE_SOURCE_DIR) / "docs" / "h13-registers.md");
  EXPECT_TRUE(page.text() == dump::registers_markdown())
      << "make it again: build/hwxdump --registers >docs/h13-registers.md";
}

}  // namespace
}  // namespace ane
