// Files of our own making: what no public program has (several outputs, batches, bytes as elements, scratch
// beside constants) must read back as it was written, and lie where the rules put it.
#include "hwx/file.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "h13/task.h"
#include "hwx/container.h"
#include "hwx/sample.h"
#include "support/oracle.h"

namespace ane::hwx {
namespace {

const Dialect all_dialects[] = {Dialect::A, Dialect::B, Dialect::C, Dialect::D};

void expect_same(const Surface& a, const Surface& b) {
  EXPECT_EQ(a.role, b.role);
  EXPECT_EQ(a.symbol, b.symbol);
  EXPECT_EQ(a.binding, b.binding);
  EXPECT_EQ((std::array{a.n, a.c, a.h, a.w}), (std::array{b.n, b.c, b.h, b.w}));
  EXPECT_EQ(a.element_code, b.element_code);
  EXPECT_EQ(a.element_size, b.element_size);
  EXPECT_EQ((std::array{a.row_stride, a.plane_stride, a.batch_stride, a.total}),
            (std::array{b.row_stride, b.plane_stride, b.batch_stride, b.total}));
  EXPECT_EQ(a.address, b.address);
  EXPECT_EQ(a.slot, b.slot);
}

void expect_same(const File& a, const File& b) {
  EXPECT_EQ(a.dialect, b.dialect);
  EXPECT_EQ(a.network, b.network);
  EXPECT_EQ(a.banner, b.banner);
  EXPECT_EQ(a.text, b.text);
  EXPECT_EQ(a.constants, b.constants);
  EXPECT_EQ(a.first_task_words, b.first_task_words);
  EXPECT_EQ(a.scratch_bytes, b.scratch_bytes);
  EXPECT_EQ(a.scratch_figure, b.scratch_figure);
  EXPECT_EQ(a.tiles, b.tiles);
  EXPECT_EQ(a.debug_info, b.debug_info);
  EXPECT_EQ(a.symbols_on_chip, b.symbols_on_chip);
  EXPECT_EQ(a.text_address, b.text_address);
  EXPECT_EQ(a.const_address, b.const_address);
  EXPECT_EQ(a.scratch_address, b.scratch_address);
  EXPECT_EQ(a.slots, b.slots);
  ASSERT_EQ(a.surfaces.size(), b.surfaces.size());
  for (size_t i = 0; i < a.surfaces.size(); ++i) expect_same(a.surfaces[i], b.surfaces[i]);
}

TEST(File, ReadsBackWhatWasWritten) {
  for (const Dialect dialect : all_dialects)
    for (const sample_file::Constants constants :
         {sample_file::Constants::Tiled, sample_file::Constants::None}) {
      const File file = sample_file::make(dialect, constants);
      const Bytes bytes = write(file);
      EXPECT_EQ(bytes.size() % 0x4000, 0u);
      const File back = read(bytes, "sample.hwx");
      expect_same(file, back);
      EXPECT_EQ(write(back), bytes);
    }
}

TEST(File, DebugInformationReadsBack) {
  File file = sample_file::make(Dialect::D, sample_file::Constants::Tiled);
  file.debug_info = Bytes(0x4100, 0x5a);
  file.symbols_on_chip = {{"conv/res_l2_buf", 0x10000860}, {"conv/tile_src_l2_buf", 0x10000000}};
  assign_addresses(file);
  const Bytes bytes = write(file);
  expect_same(file, read(bytes, "sample.hwx"));
  EXPECT_EQ(file.scratch_address, 0x30008000u);  // behind two pages of debug information
}

TEST(File, SurfacesFollowTheStrideRules) {
  Surface surface;
  surface.n = 2;
  surface.c = 3;
  surface.h = 5;
  surface.w = 77;
  layout(surface);
  EXPECT_EQ(surface.row_stride, 192);  // 154 bytes, padded to 64
  EXPECT_EQ(surface.plane_stride, 960);
  EXPECT_EQ(surface.batch_stride, 2880);
  EXPECT_EQ(surface.total, 5760);
  EXPECT_EQ(exact_extent(surface), 2 * 960 + 4 * 192 + 154);
  surface.element_size = 1;
  layout(surface);
  EXPECT_EQ(surface.row_stride, 128);
}

TEST(File, DialectsPlaceAndNumberSurfacesTheirWay) {
  struct Place {
    std::string binding;
    uint64_t address;
    uint32_t slot;
  };
  const auto places = [](Dialect dialect) {
    const File file = sample_file::make(dialect, sample_file::Constants::None);
    std::vector<Place> found;
    for (const Surface& surface : file.surfaces)
      found.push_back({surface.binding, surface.address, surface.slot});
    return found;
  };
  // One page and four zero pages of constants make two, one page of scratch; image has 2 batches of 16 KiB.
  const Place b[] = {
      {"y", 0x3000c000, 6}, {"image", 0x30010000, 7}, {"b", 0x30018000, 4}, {"z", 0x3001c000, 5}};
  const Place d[] = {
      {"b", 0x30004000, 4}, {"image", 0x30008000, 5}, {"y", 0x30010000, 6}, {"z", 0x30014000, 7}};
  const auto expect = [](const std::vector<Place>& got, const Place(&want)[4]) {
    ASSERT_EQ(got.size(), 4u);
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(got[i].binding, want[i].binding);
      EXPECT_EQ(got[i].address, want[i].address) << got[i].binding;
      EXPECT_EQ(got[i].slot, want[i].slot) << got[i].binding;
    }
  };
  expect(places(Dialect::B), b);
  expect(places(Dialect::D), d);
  EXPECT_EQ(places(Dialect::A)[2].binding, "b@output");
}

TEST(File, DialectsAreFoundByCompilerVersion) {
  for (const Dialect dialect : all_dialects)
    EXPECT_EQ(find_dialect(facts(dialect).compiler_version)->dialect, dialect);
  EXPECT_EQ(find_dialect("9.509")->dialect, Dialect::D);
  EXPECT_EQ(find_dialect("9.50"), nullptr);
  EXPECT_EQ(find_dialect(""), nullptr);
  EXPECT_EQ(find_dialect("9.509.0.1"), nullptr);
}

TEST(File, ProgramsLargerThanTheAddressSpaceAreRefused) {
  File file = sample_file::make(Dialect::B, sample_file::Constants::None);
  file.surfaces[0].n = 1 << 20;
  file.surfaces[0].c = 1 << 20;
  EXPECT_THROW(assign_addresses(file), Error);
  File many = sample_file::make(Dialect::B, sample_file::Constants::None);
  many.surfaces.assign(253, many.surfaces[0]);
  EXPECT_THROW(assign_addresses(many), Error);
}

std::vector<int64_t> numbers(const std::string& list) {
  std::vector<int64_t> found;
  std::istringstream in(list);
  for (std::string item; std::getline(in, item, ',');) found.push_back(std::stoll(item));
  return found;
}

Surface surface_of(const std::string& line) {
  const std::vector<int64_t> shape = numbers(test::value_of(line, "shape"));
  Surface surface;
  surface.role = test::value_of(line, "binding") == "1" ? Role::Input : Role::Output;
  surface.n = shape[0];
  surface.c = shape[1];
  surface.h = shape[2];
  surface.w = shape[3];
  surface.element_code = static_cast<uint32_t>(std::stoul(test::value_of(line, "elem")));
  surface.element_size = numbers(test::value_of(line, "strides"))[3];
  return surface;
}

uint64_t hex(const std::string& text) {
  return std::stoull(text, nullptr, 16);
}

// Captured programs record strides and totals of every tensor, and the addresses of text and constants behind
// scratch and surfaces.
TEST(File, AddressesAndStridesAreThoseOfCapturedPrograms) {
  ANE_NEED_EVIDENCE("oracles/h13");
  size_t compared = 0;
  for (const test::Oracle& oracle : test::oracles(evidence_folder)) {
    const std::string& program = oracle.lines.at("program");
    if (oracle.tensors.empty() || test::value_of(program, "text") == "-") continue;
    File file;
    file.dialect = Dialect::D;
    file.scratch_bytes = hex(test::value_of(program, "resources").substr(0, 8)) - memory_base;
    for (const std::string& line : oracle.tensors) {
      Surface surface = surface_of(line);
      layout(surface);
      EXPECT_EQ((std::vector<int64_t>{surface.batch_stride, surface.plane_stride, surface.row_stride,
                                      surface.element_size}),
                numbers(test::value_of(line, "strides")))
          << oracle.name;
      EXPECT_EQ(surface.batch_stride, std::stoll(test::value_of(line, "bytes"))) << oracle.name;
      surface.symbol = "t" + std::to_string(file.surfaces.size());
      file.surfaces.push_back(surface);
    }
    uint64_t bytes = 0;
    for (const test::OracleTask& task : oracle.tasks)
      bytes = static_cast<uint64_t>(round_up(static_cast<int64_t>(bytes), 0x100)) + task.bytes;
    file.text.resize(bytes);
    assign_addresses(file);
    EXPECT_EQ(file.text_address, hex(test::value_of(program, "text"))) << oracle.name;
    EXPECT_EQ(file.const_address, hex(test::value_of(program, "const"))) << oracle.name;
    ++compared;
  }
  EXPECT_GT(compared, 200u);
}

}  // namespace
}  // namespace ane::hwx
