// Public Apple-compiled programs: containers that other people's converters made of ten of them are ours byte
// for byte, and all of them compute the same with Linux's channel numbers as with their own slots.
#include <gtest/gtest.h>

#include "anec/sample.h"
#include "base/error.h"
#include "support/golden.h"
#include "support/oracle_program.h"

namespace ane::anec {
namespace {

bool slots_are_outputs_first(const hwx::File& program) {
  return hwx::facts(program.dialect).slots_outputs_first;
}

TEST(Golden, TwinsAreTheSameBytes) {
  ANE_NEED_EVIDENCE("golden");
  int twins = 0, of_another_order = 0;
  for (const ane::test::Golden& golden : ane::test::goldens(evidence_folder)) {
    if (!std::filesystem::exists(golden.folder / "model.anec")) continue;
    ++twins;
    const Bytes twin = ane::test::read_bytes(golden.folder / "model.anec");
    const hwx::File program = hwx::read(golden.bytes, golden.name);
    const Converted by_role = from_hwx(program, {.header_size = long_header});
    const Converted positional =
        from_hwx(program, {.header_size = long_header, .channels = Channels::Positional});
    EXPECT_EQ(write(positional.file), twin) << golden.name;
    EXPECT_EQ(write(by_role.file) == twin, slots_are_outputs_first(program)) << golden.name;
    if (!slots_are_outputs_first(program)) {
      ++of_another_order;
      EXPECT_FALSE(positional.warnings.empty()) << golden.name;
    }
    // Reading: nothing is lost, and those whose tasks name other channels are found out.
    const File file = read(twin, golden.name);
    EXPECT_EQ(write(file), twin) << golden.name;
    EXPECT_EQ(contradictions(file, decode_tasks(file)).empty(), slots_are_outputs_first(program))
        << golden.name;
  }
  EXPECT_EQ(twins, 10);
  EXPECT_EQ(of_another_order, 3);
}

TEST(Golden, EveryProgramComputesTheSameUnderLinuxChannels) {
  ANE_NEED_EVIDENCE("golden");
  for (const ane::test::Golden& golden : ane::test::goldens(evidence_folder)) {
    const hwx::File program = hwx::read(golden.bytes, golden.name);
    for (const Driver driver : {Driver::Eiln, Driver::Omarchy}) {
      const Converted converted = from_hwx(program, {.driver = driver});
      EXPECT_TRUE(contradictions(converted.file, decode_tasks(converted.file)).empty()) << golden.name;
      if (golden.name == "atan2-part-macos14" && driver == Driver::Omarchy) continue;  // slow, and the same
      EXPECT_EQ(test::simulate(test::bound(program, converted)), test::simulate(program)) << golden.name;
    }
  }
}

// mul with 7.6.4: header word 8 is 0x00026964, sources 4 and 5, destination 6. Outputs first that is
// destination 4, sources 5 and 6: the word of the same program by 5.4.1, 0x000249a5.
TEST(Golden, RenumberedHeaderIsThatOfTheOlderCompiler) {
  ANE_NEED_EVIDENCE("golden");
  const hwx::File program =
      hwx::read(ane::test::read_bytes(evidence_folder / "mul-64-macos14" / "model.hwx"), "mul");
  EXPECT_EQ(decode_tasks(from_hwx(program, {}).file)[0].header[8], 0x000249a5u);
}

// The checks refuse nothing that Apple's compiler made: buffers are as large as its tasks reach.
TEST(Captured, EveryProgramConverts) {
  ANE_NEED_EVIDENCE("oracles/h13");
  size_t programs = 0, refused = 0;
  for (const ane::test::Oracle& oracle : ane::test::oracles(evidence_folder)) {
    const std::optional<hwx::File> program = ane::test::program_of(oracle);
    if (!program) continue;
    ++programs;
    try {
      const File file = from_hwx(*program, {.driver = Driver::Omarchy}).file;
      EXPECT_TRUE(contradictions(file, decode_tasks(file)).empty()) << oracle.name;
      EXPECT_EQ(read(write(file), file.name), file) << oracle.name;
    } catch (const Error& error) {
      ++refused;
      ADD_FAILURE() << error.what();
    }
  }
  EXPECT_GT(programs, 200u);
  EXPECT_EQ(refused, 0u);
}

}  // namespace
}  // namespace ane::anec
