// Apple's own inputs through our back end: the net.plist of each public program of compiler 4.2.1, compiled
// with --compat 4.2.1, against the program itself: leg 1 of docs/evidence.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "aneir/plist.h"
#include "base/file.h"
#include "h13/compile.h"
#include "passes/passes.h"
#include "support/evidence.h"

namespace ane::h13 {
namespace {

namespace fs = std::filesystem;

class Recompile : public testing::TestWithParam<const char*> {};

std::string first_difference(ByteSpan theirs, ByteSpan ours) {
  if (theirs.size() != ours.size()) return fmt::format("{} bytes, ours {}", theirs.size(), ours.size());
  std::string text;
  for (size_t i = 0; i + 4 <= theirs.size() && text.size() < 400; i += 4)
    if (std::memcmp(theirs.data() + i, ours.data() + i, 4) != 0) {
      uint32_t a = 0, b = 0;
      std::memcpy(&a, theirs.data() + i, 4), std::memcpy(&b, ours.data() + i, 4);
      text += fmt::format("at 0x{:x} {:08x}, ours {:08x}; ", i, a, b);
    }
  return text;
}

TEST_P(Recompile, GivesTheSameTasksConstantsAndSurfaces) {
  ANE_NEED_EVIDENCE(fs::path("golden") / GetParam());
  const MappedFile golden(evidence_folder / "model.hwx");
  const hwx::File theirs = hwx::read(golden.bytes(), golden.name());
  aneir::Network network = aneir::read_plist(evidence_folder / "net.plist");
  passes::run_passes(network, engine_facts(false));
  const Program program = compile_network(network, compat(hwx::Dialect::A), target());
  EXPECT_EQ(first_difference(theirs.text, program.file.text), "");
  EXPECT_EQ(first_difference(theirs.constants, program.file.constants), "");
  ASSERT_EQ(theirs.surfaces.size(), program.file.surfaces.size());
  for (size_t i = 0; i < theirs.surfaces.size(); ++i) {
    const hwx::Surface &a = theirs.surfaces[i], &b = program.file.surfaces[i];
    EXPECT_EQ(a.symbol, b.symbol);
    EXPECT_EQ(a.binding, b.binding);
    EXPECT_EQ(a.address, b.address);
    EXPECT_EQ(a.slot, b.slot);
    EXPECT_EQ(a.total, b.total);
  }
  EXPECT_EQ(theirs.tiles.size(), program.file.tiles.size());
}

INSTANTIATE_TEST_SUITE_P(Goldens, Recompile,
                         testing::Values("conv-3x3-twos", "conv-3x3-seq", "conv-3x3-threes",
                                         "conv-3x3-threes-min", "conv-3x2-threes", "conv-goc-3x2", "gemm-512",
                                         "gemm-64", "concat-16384-16", "concat-16-16", "relu-w77", "relu-w16",
                                         "sigmoid-w77", "reshape-noop-3", "sum-64"),
                         [](const auto& golden) {
                           std::string name = golden.param;
                           for (char& c : name)
                             if (c == '-') c = '_';
                           return name;
                         });

}  // namespace
}  // namespace ane::h13
