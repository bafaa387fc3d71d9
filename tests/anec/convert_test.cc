// Conversion by hand: each field of a small program's container, the task headers for each driver, and that
// renumbered programs still compute what they did.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "anec/sample.h"
#include "base/error.h"

namespace ane::anec {
namespace {

using h13::HeaderField;
using test::add_through_scratch;
using test::bound;
using test::simulate;

TEST(Convert, FieldsOfASmallProgram) {
  const test::Program program = add_through_scratch();
  const Converted converted = from_hwx(program.file, {});
  const Bytes bytes = write(converted.file);
  const ByteReader in(bytes, "made");
  // Two full tasks of 157 words, the second at the next multiple of 0x100: 0x300 + 0x274 = 0x574. Constants
  // at the next multiple of 16, 0x580, and 0x4000 zeros where there are none.
  EXPECT_EQ(in.u64(0x00, "size"), 0x580u + 0x4000u);
  EXPECT_EQ(in.u32(0x08, "td_size"), 0x274u);
  EXPECT_EQ(in.u32(0x0c, "td_count"), 2u);
  EXPECT_EQ(in.u64(0x10, "tsk_size"), 0x574u);
  EXPECT_EQ(in.u64(0x18, "krn_size"), 0x4000u);
  EXPECT_EQ(in.u32(0x20, "src_count"), 2u);
  EXPECT_EQ(in.u32(0x24, "dst_count"), 1u);
  // 0x4580 bytes are two tiles; constants have no buffer of their own; 0x1000 bytes of scratch are one tile.
  const std::array<uint32_t, 8> tiles = {2, 0, 0, 1, 1, 1, 1, 0};
  for (uint32_t i = 0; i < tiles.size(); ++i) EXPECT_EQ(in.u32(0x28 + 4 * i, "tiles"), tiles[i]) << i;
  // 20 columns of 2 bytes take a row of 64; four rows a plane of 256.
  const std::array<uint64_t, 6> nchw = {1, 3, 4, 20, 256, 64};
  for (uint32_t channel = 4; channel < 7; ++channel)
    for (uint32_t i = 0; i < 6; ++i)
      EXPECT_EQ(in.u64(0xa8 + 48 * channel + 8 * i, "nchw"), nchw[i]) << channel << " " << i;
  for (uint64_t offset = 0xa8 + 48 * 7; offset < 0x800; ++offset) EXPECT_EQ(bytes[offset], 0) << offset;
  EXPECT_EQ(bytes.size(), 0x800u + 0x4580u);
  EXPECT_EQ(converted.names[4], "xz");
  EXPECT_EQ(converted.names[5], "x");
  EXPECT_EQ(converted.names[6], "y");
  EXPECT_TRUE(converted.warnings.empty());
}

// x has slot 4, xz 5, y 6; as channels xz is 4, x 5, y 6.
TEST(Convert, SlotsAreRenumberedAndNothingElse) {
  const test::Program program = add_through_scratch();
  const Converted converted = from_hwx(program.file, {});
  const std::vector<h13::Task> tasks = decode_tasks(converted.file);
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[0].get(HeaderField::RBase0), 5u);
  EXPECT_EQ(tasks[0].get(HeaderField::WBase), 3u);
  EXPECT_EQ(tasks[1].get(HeaderField::RBase0), 3u);
  EXPECT_EQ(tasks[1].get(HeaderField::RBase1), 6u);
  EXPECT_EQ(tasks[1].get(HeaderField::WBase), 4u);
  for (size_t i = 0; i < program.file.text.size(); ++i) {
    const bool header_word_8 = (i >= 0x20 && i < 0x24) || (i >= 0x320 && i < 0x324);
    EXPECT_TRUE(header_word_8 || converted.file.tasks[i] == program.file.text[i]) << i;
  }
}

TEST(Convert, RenumberedProgramsComputeTheSame) {
  const test::Program program = add_through_scratch();
  const auto want = simulate(program.file);
  EXPECT_EQ(simulate(bound(program.file, from_hwx(program.file, {}))), want);
  EXPECT_EQ(simulate(bound(program.file, from_hwx(program.file, {.driver = Driver::Omarchy}))), want);
  // By position the same header names the wrong buffers: the simulator sees the output's unwritten memory
  // read.
  const Converted positional = from_hwx(program.file, {.channels = Channels::Positional});
  EXPECT_THROW(simulate(bound(program.file, positional)), Error);
  EXPECT_EQ(positional.file.tasks, program.file.text);
  EXPECT_EQ(positional.warnings.size(), 2u);
}

TEST(Convert, CoefficientSlotsAreRenumberedToo) {
  test::Program program = add_through_scratch();
  h13::Task& task = program.tasks[0];
  task.set(HeaderField::KBase0, 6), task.set(HeaderField::KBE0, 1);
  task.set(HeaderField::KBase1, 5);  // without its enable bit: no slot
  test::encode(program);
  const h13::Task converted = decode_tasks(from_hwx(program.file, {}).file)[0];
  EXPECT_EQ(converted.get(HeaderField::KBase0), 6u);
  EXPECT_EQ(converted.get(HeaderField::KBase1), 5u);
  program.tasks[0].set(HeaderField::KBase0, 5);
  test::encode(program);
  EXPECT_EQ(decode_tasks(from_hwx(program.file, {}).file)[0].get(HeaderField::KBase0), 4u);
}

TEST(Convert, DriversDifferInHeaderSizeAndNetworkId) {
  const test::Program program = add_through_scratch();
  const Converted eiln = from_hwx(program.file, {}),
                  omarchy = from_hwx(program.file, {.driver = Driver::Omarchy});
  EXPECT_EQ(eiln.file.header_size, 0x800u);
  EXPECT_EQ(omarchy.file.header_size, 0x1000u);
  EXPECT_EQ(from_hwx(program.file, {.header_size = 0x1000}).file.header_size, 0x1000u);
  for (const h13::Task& task : decode_tasks(eiln.file)) EXPECT_EQ(task.get(HeaderField::NID), 0u);
  for (const h13::Task& task : decode_tasks(omarchy.file)) EXPECT_EQ(task.get(HeaderField::NID), 0x40u);
}

TEST(Convert, ConstantsMoveToTheNextMultipleOf16) {
  test::Program program = add_through_scratch();
  h13::Task& task = program.tasks[1];
  task.header[6] |= 1u << 24;  // one more header word: 0x300 + 0x278 = 0x578 bytes
  test::encode(program);
  program.file.constants = Bytes(0x40, 7);
  const Bytes bytes = write(from_hwx(program.file, {}).file);
  ASSERT_EQ(bytes.size(), 0x800u + 0x580u + 0x40u);
  EXPECT_EQ(bytes[0x800 + 0x57f], 0);
  EXPECT_EQ(bytes[0x800 + 0x580], 7);
  EXPECT_EQ(bytes.back(), 7);
}

// ---- refusals, each by the name of what is wrong ----

void expect_refused(const hwx::File& file, const std::string& why, const Options& options = {}) {
  try {
    from_hwx(file, options);
    ADD_FAILURE() << "accepted; expected: " << why;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
  }
}

TEST(Convert, BadScratch) {
  test::Program program = add_through_scratch();
  program.file.scratch_bytes = 0;
  expect_refused(program.file, "task 0: the destination is in scratch memory, but the program has none");
  // From 0x3e00: two planes of 0x100, three rows of 0x40, 20 columns of 2 bytes end at 0x40e8, beyond the one
  // tile that 0x1000 bytes get.
  program = add_through_scratch();
  program.tasks[0][h13::Reg::DstBaseAddr] = 0x3e00;
  test::encode(program);
  expect_refused(program.file, "task 0: the destination reaches to 0x40e8 in scratch memory of 0x4000 bytes");
  program.file.scratch_bytes = 0x4001;
  EXPECT_NO_THROW(from_hwx(program.file, {}));
}

TEST(Convert, BadBuffers) {
  test::Program program = add_through_scratch();
  program.tasks[1].set(HeaderField::RBase1, 2);
  test::encode(program);
  expect_refused(program.file, "task 1: source 2 is in buffer 2");
  program.tasks[1].set(HeaderField::RBase1, 31);
  test::encode(program);
  expect_refused(program.file, "task 1: source 2 is in buffer 31");
  program.tasks[1].set(HeaderField::RBase1, 6);
  program.tasks[1].set(HeaderField::RBE1, 0);
  test::encode(program);
  expect_refused(program.file, "names no buffer");
  program = add_through_scratch();
  program.tasks[1][h13::Reg::Src2PlaneStride] = 0x40000;
  test::encode(program);
  expect_refused(program.file, "task 1: source 2 reaches to");
}

TEST(Convert, BadCoefficientsBeyondTheConstants) {
  test::Program program = add_through_scratch();
  program.tasks[0].set(HeaderField::KBase0, 1), program.tasks[0].set(HeaderField::KBE0, 1);
  program.tasks[0][h13::Reg::CoeffDMAConfig0] = 0x81;
  program.tasks[0][h13::Reg::CoeffBaseAddr0] = 0x40, program.tasks[0][h13::Reg::CoeffBfrSize0] = 0x40;
  test::encode(program);
  program.file.constants = Bytes(0x80);
  EXPECT_NO_THROW(from_hwx(program.file, {}));
  program.file.constants = Bytes(0x7f);
  expect_refused(program.file, "a coefficient stream reaches to 0x80");
}

TEST(Convert, BadCounts) {
  test::Program program = add_through_scratch();
  for (int i = 3; i < 28; ++i) program.add_input(fmt::format("i{}", i), test::image);
  EXPECT_NO_THROW(from_hwx(program.file, {}));
  program.add_input("one too many", test::image);
  expect_refused(program.file, "29 inputs and outputs");
}

// A copy of one task, again and again, linked.
TEST(Convert, BadTaskCount) {
  test::Program program = add_through_scratch();
  h13::Task copy = program.tasks[0];
  copy.set_records(h13::records_of(h13::Layout::Short));
  program.tasks.assign(0xfffe, copy);
  test::encode(program);
  EXPECT_EQ(from_hwx(program.file, {}).file.td_count, 0xfffeu);
  program.tasks.push_back(copy);
  test::encode(program);
  expect_refused(program.file, "65535 tasks");
}

TEST(Convert, BadTargetTypeAndHeader) {
  test::Program program = add_through_scratch();
  expect_refused(program.file, "0x900", {.header_size = 0x900});
  program.file.cpu_subtype = 5;
  expect_refused(program.file, "not for H13");
  program.file.cpu_subtype = 4;
  program.file.surfaces[0].element_code = 3, program.file.surfaces[0].element_size = 1;
  expect_refused(program.file, "surface x: elements of type");
  EXPECT_FALSE(from_hwx(program.file, {.driver = Driver::Omarchy}).warnings.empty());
}

TEST(Convert, BadStrides) {
  test::Program program = add_through_scratch();
  program.file.surfaces[1].row_stride = 32;  // 20 columns take 40 bytes
  expect_refused(program.file, "surface xz: rows or planes");
  program = add_through_scratch();
  program.file.surfaces[1].h = 5;
  expect_refused(program.file, "surface xz: rows or planes");
}

TEST(Convert, KernelWordsInPeTasksAreWarnedOf) {
  test::Program program = add_through_scratch();
  program.tasks[1][h13::Reg::KernelCfg] = 0x80;
  test::encode(program);
  const Converted eiln = from_hwx(program.file, {});
  ASSERT_EQ(eiln.warnings.size(), 1u);
  EXPECT_NE(eiln.warnings[0].find("1 of 2 tasks"), std::string::npos);
  EXPECT_TRUE(from_hwx(program.file, {.driver = Driver::Omarchy}).warnings.empty());
}

// Damaged programs are refused, or give a container that is sound in itself.
TEST(Convert, BadDamagedPrograms) {
  std::mt19937 random(9);
  const hwx::File good = add_through_scratch().file;
  size_t converted = 0;
  for (int i = 0; i < 3000; ++i) {
    hwx::File file = good;
    for (int j = 0; j < 3; ++j) file.text[random() % file.text.size()] = static_cast<uint8_t>(random());
    try {
      const File made = from_hwx(file, {.driver = i % 2 ? Driver::Eiln : Driver::Omarchy}).file;
      EXPECT_EQ(read(write(made), made.name), made);
      ++converted;
    } catch (const Error&) {
    }
  }
  EXPECT_GT(converted, 100u);
  EXPECT_LT(converted, 2900u);
}

}  // namespace
}  // namespace ane::anec
