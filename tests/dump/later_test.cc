// The views of programs of H14 and later: captured H14 tasks, the published words of H17, and tasks of the
// other generations made from them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/later_oracle.h"
#include "tools/dump/dump.h"

namespace ane::dump {
namespace {

using nlohmann::json;

Program load_oracle(const test::Oracle& oracle) {
  return load(test::later_program_of(oracle).build(), oracle.name);
}

// Lines of a capture that the words view prints: all but the name, the source, and hashes of constants that
// only Apple's compiler knows.
std::vector<std::string> comparable_lines(std::istream& in) {
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    if (!line.starts_with("case ") && !line.starts_with("mil ") && !line.starts_with("weights "))
      lines.push_back(line.starts_with("const ") ? line.substr(0, line.find(" nonzero=")) : line);
  return lines;
}

TEST(LaterWords, AreTheCapturedLines) {
  ANE_NEED_EVIDENCE("oracles/h14");
  for (const test::Oracle& oracle : test::oracles(evidence_folder)) {
    std::istringstream printed(words(load_oracle(oracle)));
    std::ifstream captured(evidence_folder / (oracle.name + ".oracle"));
    EXPECT_EQ(comparable_lines(printed), comparable_lines(captured)) << oracle.name;
  }
}

// Constants that are all zero hash as captured.
TEST(LaterWords, ZeroConstantsHaveTheCapturedHash) {
  ANE_NEED_EVIDENCE("oracles/h14");
  size_t compared = 0;
  for (const test::Oracle& oracle : test::oracles(evidence_folder)) {
    if (test::value_of(oracle.lines.at("const"), "nonzero") != "0") continue;
    EXPECT_NE(words(load_oracle(oracle)).find(oracle.lines.at("const") + "\n"), std::string::npos)
        << oracle.name;
    ++compared;
  }
  EXPECT_GT(compared, 3u);
}

TEST(LaterText, SaysWhatCapturedH14TasksDo) {
  ANE_NEED_EVIDENCE("oracles/h14");
  // From the source of each case; slotN are its surfaces.
  const std::pair<const char*, std::vector<const char*>> expected[] = {
      {"binary_add_1x64x8x8", {"PE  add: slot4 [64x8x8], slot6 -> slot5 [64x8x8]"}},
      {"binary_add_c64_constant_blob",
       {"NE  copy, 1 engine: constants [1x2x64] -> L2", "PE  offset and gain per channel: slot4 [64x1x1]"}},
      {"binary_mul_c64_constant_scalar", {"PE  scale and bias: slot4 [64x1x1] -> slot5 [64x1x1]"}},
      {"env_conv_k3_c64_n64_s16_st1_g1_bias1",
       {"NE  convolution 3x3 + bias, 16 engines: slot4 [64x16x16], coefficients from constants -> slot5 "
        "[64x16x16]"}},
      {"env_mm_r2rr_m128_k2048_n2048_tx1_ty1", {"matrix product with computed coefficients 1x1", "scratch"}},
      {"reduce_max_axes_1", {"NE  maximum over channels, 1 engine: slot4 [64x8x8] -> slot5 [1x8x8]"}},
      {"softmax_1x512x1x1", {"PE  multiply", "+ table"}},
      {"unary_relu_c512", {"NE  copy + ReLU, 16 engines: slot4 [512x1x1] -> slot5 [512x1x1]"}},
      {"unary_rsqrt_c512", {"+ table"}},
  };
  for (const auto& [name, lines] : expected) {
    const std::filesystem::path file = evidence_folder / (std::string(name) + ".oracle");
    const std::string shown = text(load_oracle(oracle::read_capture(file)));
    for (const char* line : lines) EXPECT_NE(shown.find(line), std::string::npos) << name << "\n" << shown;
    EXPECT_NE(shown.find("engine H14 (A15, M2), subtype 5"), std::string::npos) << name;
    EXPECT_NE(shown.find("\n0 set bits without a name, 0 unknown registers\n"), std::string::npos) << name;
    EXPECT_EQ(shown.find("\nnote "), std::string::npos) << name;
  }
}

TEST(LaterJson, HoldsEveryCapturedWord) {
  ANE_NEED_EVIDENCE("oracles/h14");
  for (const test::Oracle& oracle : test::oracles(evidence_folder)) {
    const json view = json::parse(dump::json(load_oracle(oracle)));
    EXPECT_EQ(view["engine"], "H14");
    EXPECT_EQ(view["generation"]["chips"], "A15, M2");
    ASSERT_EQ(view["tasks"].size(), oracle.tasks.size());
    for (size_t i = 0; i < oracle.tasks.size(); ++i) {
      const json& task = view["tasks"][i];
      EXPECT_EQ(task["header"]["words"].get<std::vector<uint32_t>>(), oracle.tasks[i].header);
      std::vector<uint32_t> captured, shown;
      for (const test::OracleRecord& record : oracle.tasks[i].records)
        captured.insert(captured.end(), record.words.begin(), record.words.end());
      for (const json& reg : task["registers"]) {
        shown.push_back(reg["value"]);
        EXPECT_EQ(reg["unknown_bits"], 0) << reg;
      }
      EXPECT_EQ(shown, captured) << oracle.name;
      for (size_t r = 0; r < oracle.tasks[i].records.size(); ++r)
        EXPECT_EQ(task["records"][r]["word"], oracle.tasks[i].records[r].address);
    }
    EXPECT_EQ(view["unknown"]["bits"], 0);
  }
}

// ------------------------------------------------------------------------------------------------ made here

// A program with an input x and an output y in these slots, and one task.
Program with_task(uint32_t subtype, std::vector<uint32_t> task, uint32_t x_slot = 4, uint32_t y_slot = 5) {
  task[0] = static_cast<uint32_t>(task.size()) << 16;
  test::LaterProgram program;
  program.subtype = subtype;
  program.text = test::sequential_text({task}, 1);
  program.surfaces = {{.input = true, .name = "x", .slot = x_slot},
                      {.input = false, .name = "y", .slot = y_slot}};
  program.tail = test::later_tail(program.text.size(), 1);
  return load(program.build(), "made.hwx");
}

const json* find_register(const json& task, const std::string& block, const std::string& name) {
  for (const json& reg : task["registers"])
    if (reg["block"] == block && reg["name"] == name) return &reg;
  return nullptr;
}

TEST(LaterText, MarksHowSureEachNameIs) {
  // MasterConfig, Cin, ConvCfg by its default, ChCfg (in a public map alone) and a word without a name.
  const Program program = with_task(5, {0, 0, 0, 0, 0, 0, 0, 1, 0x00000640, 0x00000280, 0x00008002, 0x2a,
                                        0x40, 0x00000008, 0x5000a041, 0x0000045e, 0x5});
  const std::string shown = text(program);
  EXPECT_NE(shown.find("    01900  00000280  MasterConfig         LastTask=1 Bit9(unknown)=1\n"),
            std::string::npos)
      << shown;
  EXPECT_NE(shown.find("    00008  0000002a  ChCfg~               InFmt~=2 (fp16) Src2InFmt~=2 (fp16) "
                       "OutFmt~=2 (fp16) (default)\n"),
            std::string::npos)
      << shown;
  EXPECT_NE(shown.find("    0000c  00000040  Cin                  Cin=64\n"), std::string::npos) << shown;
  EXPECT_NE(shown.find("ConvCfg              Kw=1 Kh=1 Sx=1 Sy=1 Ox=1 Oy=1 (default)\n"), std::string::npos)
      << shown;
  EXPECT_NE(shown.find("    01178  00000005  Unknown_1178         unknown=0x5\n"), std::string::npos)
      << shown;
  EXPECT_NE(shown.find("    OCGSize?=0x3\n"), std::string::npos) << shown;  // left out, and known by default
  EXPECT_NE(shown.find("\nword outside of tasks at 0x0: 00000001\n"), std::string::npos) << shown;
  EXPECT_NE(shown.find("\n0 set bits without a name, 1 unknown registers\n"), std::string::npos) << shown;
}

TEST(LaterText, TellsWhereThreadAndTasksDisagree) {
  test::LaterProgram program;
  program.text = test::sequential_text({{0x00080000, 0, 0, 0, 0, 0, 0, 1}});
  program.surfaces = {{.name = "x"}, {.input = false, .name = "y", .slot = 5}};
  program.tail = test::later_tail(program.text.size() + 4, 2);
  const std::string shown = text(load(program.build(), "made.hwx"));
  EXPECT_NE(shown.find("note       the program thread counts 2 tasks, the stream holds 1\n"),
            std::string::npos);
  EXPECT_NE(shown.find("note       the program thread counts 13 words of tasks, the section has 48 bytes\n"),
            std::string::npos)
      << shown;
}

// The registers of H15's Common are H14's, and its other blocks lie 0x3c00 higher: captured H14 tasks moved
// there.
TEST(LaterJson, H14TasksMovedToH15) {
  ANE_NEED_EVIDENCE("oracles/h14");
  for (const test::Oracle& oracle : test::oracles(evidence_folder)) {
    test::Oracle moved = oracle;
    for (test::OracleTask& task : moved.tasks)
      for (test::OracleRecord& record : task.records)
        if ((record.address & 0x7fff) >= 0x500 / 4) record.address += 0x3c00 / 4;
    test::LaterProgram program = test::later_program_of(oracle);
    program.subtype = 6;
    program.text = test::later_text_of(moved);
    const json view = json::parse(dump::json(load(program.build(), oracle.name)));
    EXPECT_EQ(view["engine"], "H15");
    for (size_t i = 0; i < oracle.tasks.size(); ++i) {
      const json& task = view["tasks"][i];
      ASSERT_TRUE(find_register(task, "Common", "Cin")) << oracle.name;
      EXPECT_EQ((*find_register(task, "Common", "Cin"))["evidence"], "inferred");
      ASSERT_TRUE(find_register(task, "L2", "SourceCfg")) << oracle.name;
    }
  }
}

// Width, height and channels have a register each from H16 on.
TEST(LaterJson, DimensionsOfH16ToH18) {
  const std::pair<uint32_t, const char*> generations[] = {{7, "H16"}, {9, "H17"}, {10, "H18"}};
  for (const auto& [subtype, name] : generations) {
    const Program program = with_task(subtype, {0, 0, 0, 0, 0, 0, 0, 0, 0x00030001, 0x00010001, 10, 11, 12,
                                                0x00010005, 20, 21, 22, 0x0000000f, 0x20});
    const json view = json::parse(dump::json(program));
    EXPECT_EQ(view["engine"], name);
    const json& task = view["tasks"][0];
    const std::tuple<const char*, const char*, int> expected[] = {
        {"InWidth", "Win", 10},   {"InHeight", "Hin", 11},   {"InChannels", "Cin", 12},
        {"OutWidth", "Wout", 20}, {"OutHeight", "Hout", 21}, {"OutChannels", "Cout", 22},
        {"MacCfg", "TaskType", 2}};
    for (const auto& [reg, field, value] : expected) {
      const json* found = find_register(task, "Common", reg);
      ASSERT_TRUE(found) << name << " " << reg;
      EXPECT_EQ((*found)["fields"][field], value) << name << " " << reg;
      EXPECT_EQ((*found)["evidence"], subtype == 9 ? "words" : "map") << name << " " << reg;
    }
    EXPECT_EQ(task["engine"], "NE");  // ENE is 3
    EXPECT_NE(text(program).find("NE  work not known for this generation: ? [12x11x10] -> ? [22x21x20]\n"),
              std::string::npos)
        << text(program);
  }
}

// The published words of an H17 activation: 1x64x1x1 to 1x64x1x1 on 16 engines, with an input in slot 6 and
// an output in slot 7.
TEST(LaterText, PublishedWordsOfH17) {
  const Program program =
      with_task(9, {0,          0,          0x04000068, 0,          0x00fff868, 0,          0,    0,
                    0x00050009, 0x00001540, 0x80,       0x00010001, 1,          1,          0x40, 0x93618005,
                    1,          1,          0x40,       0x00014000, 1,          0x00200000, 0,    0x00200000,
                    0x80081342, 0xce,       0x40,       0x22001440, 0x01000021},
                6, 7);
  const std::string shown = text(program);
  for (const char* line : {"engine H17 (A18, M5), subtype 9", "    h4     00fff868 DebugLogEvents=0xfff868\n",
                           "    h2     04000068 LogEvents=0x68 unknown=0x4000000\n",
                           "    05500  00000080  MasterConfig         LastTask=1\n",
                           "    00030  00014000  UnicastCfg           UnicastEn=1 UnicastCin=1\n",
                           "    0003c  00200000  MacCfg               ActiveNE=4\n",
                           "    0004c  00200000  NID                  unknown=0x200000\n",
                           "    04d08  000000ce  Src1WrapCfg          CacheHint=206\n",
                           " slot=4 (buffer 4)\n", "     6  input   x ", "     7  output  y "})
    EXPECT_NE(shown.find(line), std::string::npos) << line << "\n" << shown;
}

}  // namespace
}  // namespace ane::dump
