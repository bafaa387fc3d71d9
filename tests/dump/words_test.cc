// The views of hwxdump against what is recorded of the public programs.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/golden.h"
#include "support/oracle.h"
#include "tools/dump/dump.h"

namespace ane::dump {
namespace {

using nlohmann::json;

// Public programs of which both the file and the captured words are at hand.
const std::pair<const char*, const char*> recorded[] = {
    {"mul-64-macos12", "hwx_allbilly_mul"},
    {"mul-64-macos14", "hwx_allbilly_mul_macos14"},
    {"mul-64-macos26-g", "hwx_allbilly_mul_macos26"},
    {"concat-16384-16", "hwx_tinygrad_concat"},
    {"relu-w77", "hwx_tinygrad_relu"},
    {"sigmoid-w77", "hwx_tinygrad_sigmoid"},
    {"sum-64", "hwx_tinygrad_sum"},
};

TEST(Words, AgreeWithTheCapturedWords) {
  ANE_NEED_EVIDENCE("golden");
  const std::filesystem::path captured = test::evidence() / "oracles" / "h13";
  for (const auto& [golden, name] : recorded) {
    const Bytes bytes = test::read_bytes(evidence_folder / golden / "model.hwx");
    const test::Oracle got = oracle::parse_capture(words(load(bytes, golden)), "printed", golden),
                       want = oracle::read_capture(captured / (std::string(name) + ".oracle"));
    EXPECT_EQ(got.lines.at("const"), want.lines.at("const"));
    for (const char* key : {"tasks", "words1", "text", "const"})
      EXPECT_EQ(test::value_of(got.lines.at("program"), key), test::value_of(want.lines.at("program"), key))
          << golden;
    ASSERT_EQ(got.tasks.size(), want.tasks.size());
    for (size_t i = 0; i < got.tasks.size(); ++i) {
      EXPECT_EQ(got.tasks[i].bytes, want.tasks[i].bytes);
      EXPECT_EQ(got.tasks[i].header, want.tasks[i].header) << golden;
      ASSERT_EQ(got.tasks[i].records.size(), want.tasks[i].records.size());
      for (size_t r = 0; r < got.tasks[i].records.size(); ++r) {
        EXPECT_EQ(got.tasks[i].records[r].address, want.tasks[i].records[r].address);
        EXPECT_EQ(got.tasks[i].records[r].words, want.tasks[i].records[r].words) << golden;
      }
    }
  }
}

TEST(Text, NamesWhatThePublicProgramsDo) {
  ANE_NEED_EVIDENCE("golden");
  const std::pair<const char*, const char*> expected[] = {
      {"conv-3x3-twos",
       "NE  convolution 1x1, 4 engines: image [3x1x1], coefficients from constants -> probs@output [3x1x1]"},
      {"conv-goc-3x2", "NE  convolution 1x1 + bias, 2 engines: "},
      {"relu-w77", "NE  copy + ReLU, 1 engine: image [1x1x77] -> probs@output [1x1x77]"},
      {"sigmoid-w77", "NE  copy + table, "},
      {"sum-64", "PE  add: image [64x1x1], image2 -> probs@output [64x1x1]"},
      {"mul-64-macos26", "PE  multiply: image [64x1x1], image2 -> probs [64x1x1]"},
      {"concat-16384-16", "NE  copy, 16 engines: input_1 [16x1x1] -> output@output+0x100000 [16x1x1]"},
  };
  for (const auto& [golden, line] : expected) {
    const std::string shown = text(load(test::read_bytes(evidence_folder / golden / "model.hwx"), golden));
    EXPECT_NE(shown.find(line), std::string::npos) << golden << ": " << shown.substr(0, 6000);
    EXPECT_NE(shown.find("\n0 set bits without a name, 0 unknown registers\n"), std::string::npos) << golden;
  }
}

TEST(Json, HoldsEveryTaskWordOfEveryPublicProgram) {
  ANE_NEED_EVIDENCE("golden");
  for (const test::Golden& golden : test::goldens(evidence_folder)) {
    const Program program = load(golden.bytes, golden.name);
    const json view = json::parse(dump::json(program));
    ASSERT_EQ(view["tasks"].size(), program.h13_tasks.size());
    for (size_t i = 0; i < program.h13_tasks.size(); ++i) {
      const json& task = view["tasks"][i];
      EXPECT_EQ(task["registers"].size(), program.h13_tasks[i].written.count());
      uint64_t from_fields = 0, whole = 0;
      for (const json& reg : task["registers"]) {
        whole += reg["value"].get<uint64_t>();
        from_fields += reg["unknown_bits"].get<uint64_t>();
        for (const h13::FieldInfo& field : h13::fields_of(h13::register_at(reg["address"])))
          from_fields += reg["fields"][field.name].get<uint64_t>() << field.low;
      }
      EXPECT_EQ(from_fields, whole) << golden.name;
    }
  }
}

TEST(Rewrite, GivesEveryPublicProgramBack) {
  ANE_NEED_EVIDENCE("golden");
  for (const test::Golden& golden : test::goldens(evidence_folder))
    EXPECT_EQ(rewrite(load(golden.bytes, golden.name), golden.bytes), golden.bytes) << golden.name;
}

TEST(Registers, TheTableListsEveryRegisterOnce) {
  const std::string table = registers_markdown(generations::h13());
  for (const h13::BlockInfo& block : h13::blocks())
    EXPECT_NE(table.find(std::string("## ") + block.name + " ("), std::string::npos);
  EXPECT_NE(table.find("| 0x0001c | ConvCfg | 9:5 | Kh | kernel height |"), std::string::npos);
  EXPECT_NE(table.find("| 7 | 31:0 | NextPointer |"), std::string::npos);
}

TEST(Printable, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[2J\n\xff"), "a\\x1b[2J\\x0a\\xff");
}

}  // namespace
}  // namespace ane::dump
