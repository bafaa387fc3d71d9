// The container against every public Apple-compiled program: what we read is what the record says, and what
// we write is the same file.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "h13/task.h"
#include "hwx/container.h"
#include "support/golden.h"

namespace ane::hwx {
namespace {

using nlohmann::json;

json record_of(const test::Golden& golden) {
  std::ifstream in(golden.folder / "container.json");
  return json::parse(in);
}

// Offset of the first difference, or -1; sizes count.
int64_t first_difference(const Bytes& a, const Bytes& b) {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return x == a.end() && y == b.end() ? -1 : x - a.begin();
}

Dialect dialect_of(const json& record) {
  return static_cast<Dialect>(record["dialect"].get<std::string>()[0] - 'A');
}

Bytes range_of(const test::Golden& golden, const json& range) {
  const size_t offset = range["offset"], size = range["size"];
  return {golden.bytes.begin() + static_cast<ptrdiff_t>(offset),
          golden.bytes.begin() + static_cast<ptrdiff_t>(offset + size)};
}

TEST(Golden, ReadingAndWritingGivesTheSameBytes) {
  ANE_NEED_EVIDENCE("golden");
  size_t count = 0;
  for (const test::Golden& golden : test::goldens(evidence_folder)) {
    const File file = read(golden.bytes, golden.name);
    EXPECT_EQ(first_difference(write(file), golden.bytes), -1) << golden.name;
    ++count;
  }
  EXPECT_EQ(count, 20u);
}

TEST(Golden, ReadingFindsWhatTheRecordSays) {
  ANE_NEED_EVIDENCE("golden");
  for (const test::Golden& golden : test::goldens(evidence_folder)) {
    const json record = record_of(golden);
    const File file = read(golden.bytes, golden.name);
    EXPECT_EQ(file.dialect, dialect_of(record)) << golden.name;
    EXPECT_EQ(file.network, record["network"]);
    EXPECT_EQ(file.banner, record["banner"]);
    EXPECT_EQ(file.text, range_of(golden, record["task_stream"]));
    EXPECT_EQ(file.first_task_words, record["task_stream"]["first_task_words"]);
    EXPECT_EQ(h13::decode_tasks(file.text, file.first_task_words, golden.name).size(),
              record["task_stream"]["tasks"]);
    EXPECT_EQ(file.constants,
              record["constants"].is_null() ? Bytes() : range_of(golden, record["constants"]));
    EXPECT_EQ(file.scratch_bytes, record["bss_size"]);
    EXPECT_EQ(file.scratch_figure, record["scratch_field"]);
    ASSERT_EQ(file.surfaces.size(), record["surfaces"].size());
    for (size_t i = 0; i < file.surfaces.size(); ++i) {
      const json& want = record["surfaces"][i];
      const Surface& got = file.surfaces[i];
      EXPECT_EQ(got.role, want["role"] == "in" ? Role::Input : Role::Output);
      EXPECT_EQ(got.symbol, want["symbol"]);
      EXPECT_EQ(got.binding, want["binding"]);
      EXPECT_EQ((std::vector<int64_t>{got.n, got.c, got.h, got.w}), want["nchw"].get<std::vector<int64_t>>());
      EXPECT_EQ(got.element_code, want["element"]);
      EXPECT_EQ(got.element_size, want["element_size"]);
    }
  }
}

// Tiles are the enabled coefficient streams of the tasks, in task and channel order.
std::vector<ConstantTile> tiles_of(std::vector<h13::Task>& tasks) {
  std::vector<ConstantTile> tiles;
  for (const h13::Task& task : tasks)
    for (int channel = 0; channel < 16; ++channel)
      if (task.header[9] != 0 && (task[h13::Reg::CoeffDMAConfig0 + channel] & 1)) {
        const h13::Reg base = h13::Reg::CoeffBaseAddr0 + channel;
        tiles.push_back({h13::offset_in_stream(task, base), static_cast<uint32_t>(channel), task[base], ""});
      }
  return tiles;
}

// The file from the record and the two byte ranges alone, everything else by rule.
File rebuild(const test::Golden& golden, const json& record) {
  File file;
  file.dialect = dialect_of(record);
  file.network = record["network"];
  file.banner = record["banner"];
  file.text = range_of(golden, record["task_stream"]);
  file.first_task_words = record["task_stream"]["first_task_words"];
  if (!record["constants"].is_null()) file.constants = range_of(golden, record["constants"]);
  file.scratch_bytes = record["bss_size"];
  file.scratch_figure = record["scratch_field"];
  if (!record["kernel_symbol"].is_null()) {
    file.kernel_symbol = record["kernel_symbol"]["hash"];
    file.kernel_symbol_per_channel = record["kernel_symbol"]["per_engine"];
  }
  if (const json& debug = record["debug_info"]; !debug.is_null()) {
    file.debug_info = range_of(golden, debug);
    for (const json& symbol : debug["l2_symbols"])
      file.symbols_on_chip.push_back({symbol["name"], symbol["value"]});
  }
  for (const json& surface : record["surfaces"]) {
    Surface s;
    s.role = surface["role"] == "in" ? Role::Input : Role::Output;
    s.symbol = surface["symbol"];
    s.n = surface["nchw"][0];
    s.c = surface["nchw"][1];
    s.h = surface["nchw"][2];
    s.w = surface["nchw"][3];
    file.surfaces.push_back(s);
  }
  std::vector<h13::Task> tasks = h13::decode_tasks(file.text, file.first_task_words, golden.name);
  file.tiles = tiles_of(tasks);
  assign_addresses(file);
  return file;
}

TEST(Golden, EveryContainerFollowsFromItsRecordByRule) {
  ANE_NEED_EVIDENCE("golden");
  std::map<Dialect, int> exact;
  for (const test::Golden& golden : test::goldens(evidence_folder)) {
    const Bytes bytes = write(rebuild(golden, record_of(golden)));
    const int64_t difference = first_difference(bytes, golden.bytes);
    EXPECT_EQ(difference, -1) << golden.name;
    if (difference == -1) ++exact[dialect_of(record_of(golden))];
  }
  EXPECT_EQ(exact,
            (std::map<Dialect, int>{{Dialect::A, 15}, {Dialect::B, 1}, {Dialect::C, 2}, {Dialect::D, 2}}));
}

// The tasks of every program, taken apart and put together again, are the same stream.
TEST(Golden, DecodingAndEncodingTasksIsTheIdentity) {
  ANE_NEED_EVIDENCE("golden");
  for (const test::Golden& golden : test::goldens(evidence_folder)) {
    const File file = read(golden.bytes, golden.name);
    std::vector<h13::Task> tasks = h13::decode_tasks(file.text, file.first_task_words, golden.name);
    EXPECT_EQ(h13::encode_tasks(tasks), file.text) << golden.name;
  }
}

// Set bits without a name: only the four of the destination DMA that registers.def calls open.
TEST(Golden, UnknownBitsAreTheOpenOnes) {
  ANE_NEED_EVIDENCE("golden");
  std::map<std::string, uint32_t> unknown;
  for (const test::Golden& golden : test::goldens(evidence_folder)) {
    const File file = read(golden.bytes, golden.name);
    for (const h13::Task& task : h13::decode_tasks(file.text, file.first_task_words, golden.name)) {
      EXPECT_TRUE(task.unknown.empty()) << golden.name;
      for (size_t word = 0; word < task.header_words(); ++word)
        EXPECT_EQ(task.header[word] & ~h13::known_header_bits(static_cast<int>(word)), 0u) << golden.name;
      for (size_t r = 0; r < h13::register_count; ++r) {
        const h13::Reg reg = static_cast<h13::Reg>(r);
        if (const uint32_t bits = task.registers[r] & ~h13::known_bits(reg))
          unknown[h13::info(reg).name] |= bits;
      }
    }
  }
  EXPECT_EQ(unknown, (std::map<std::string, uint32_t>{{"DstDMAConfig", 1u << 18 | 1u << 22}}));
}

}  // namespace
}  // namespace ane::hwx
