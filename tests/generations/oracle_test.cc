// Captured tasks of H14 and H13, and the public H13 programs, through the decoder that hwxdump uses.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <set>

#include "generations/registers.h"
#include "generations/stream.h"
#include "hwx/file.h"
#include "support/golden.h"
#include "support/later_oracle.h"
#include "support/oracle_program.h"

namespace ane::generations {
namespace {

const Generation& h14() {
  return *by_name("H14");
}

// Registers and header words with set bits outside their fields: "DstDMAConfig bit 19" and in how many tasks.
void collect_unknown(const Generation& generation, const Stream& stream, std::map<std::string, int>& into) {
  const RegisterTable& table = registers(generation);
  const auto add = [&](const std::string& where, uint32_t bits) {
    for (int bit = 0; bit < 32; ++bit)
      if (bits >> bit & 1) ++into[fmt::format("{} bit {}", where, bit)];
  };
  for (const Task& task : stream.tasks) {
    for (size_t word = 0; word < task.header.size(); ++word)
      add(fmt::format("header word {}", word),
          task.header[word] & ~table.known_header_bits(static_cast<int>(word)));
    for (const Record& record : task.records)
      for (const Write& write : record.writes)
        if (const Register* reg = table.find(write.address))
          add(reg->name, write.value & ~reg->known_bits());
        else
          ++into[fmt::format("register {:#x}", write.address)];
  }
}

TEST(H14Oracle, EveryTaskDecodesWithoutAnUnknownBit) {
  ANE_NEED_EVIDENCE("oracles/h14");
  size_t cases = 0, tasks = 0, words = 0;
  for (const test::Oracle& oracle : test::oracles(evidence_folder)) {
    const Bytes text = test::later_text_of(oracle);
    EXPECT_EQ(std::to_string(text.size() / 4), test::value_of(oracle.lines.at("program"), "text_words"));
    const Stream stream = decode(h14(), text, 0, oracle.name);
    ASSERT_EQ(stream.tasks.size(), oracle.tasks.size()) << oracle.name;
    for (size_t i = 0; i < stream.tasks.size(); ++i) {
      EXPECT_EQ(stream.tasks[i].header, oracle.tasks[i].header) << oracle.name;
      EXPECT_EQ(stream.tasks[i].words() * 4, oracle.tasks[i].bytes) << oracle.name;
      EXPECT_EQ(stream.tasks[i].header[0] & 0xffff, i) << oracle.name;
      words += stream.tasks[i].words();
    }
    const Unknown unknown = count_unknown(h14(), stream);
    std::map<std::string, int> where;
    collect_unknown(h14(), stream, where);
    EXPECT_EQ(unknown.bits, 0u) << oracle.name << " " << (where.empty() ? "" : where.begin()->first);
    EXPECT_EQ(unknown.registers, 0u) << oracle.name;
    EXPECT_EQ(unknown.loose, 0u) << oracle.name;
    ++cases, tasks += stream.tasks.size();
  }
  std::cout << cases << " cases, " << tasks << " tasks, " << words << " words, no unknown bit\n";
  EXPECT_EQ(cases, 13u);
  EXPECT_EQ(tasks, 26u);
}

// Values by address, unfolded here from the captured lines in another way: a set bit of a scatter word's mask
// is a register, the count of a dense one is what follows.
TEST(H14Oracle, WritesStandAtTheirAddresses) {
  ANE_NEED_EVIDENCE("oracles/h14");
  for (const test::Oracle& oracle : test::oracles(evidence_folder)) {
    const Stream stream = decode(h14(), test::later_text_of(oracle), 0, oracle.name);
    for (size_t i = 0; i < oracle.tasks.size(); ++i) {
      ASSERT_EQ(stream.tasks[i].records.size(), oracle.tasks[i].records.size());
      for (size_t r = 0; r < oracle.tasks[i].records.size(); ++r) {
        const test::OracleRecord& captured = oracle.tasks[i].records[r];
        const std::string bits = fmt::format("{:032b}", captured.address);  // bit 31 first
        uint32_t address = (captured.address & 0x7fff) * 4;
        std::vector<Write> want = {{address, captured.words[0]}};
        for (size_t bit = 15; want.size() < captured.words.size(); ++bit) {
          address += 4;
          if (bits[0] == '0' || bits[31 - bit] == '1') want.push_back({address, captured.words[want.size()]});
        }
        EXPECT_EQ(stream.tasks[i].records[r].writes, want) << oracle.name;
      }
    }
  }
}

// Every address of H14 is written by a record that names its buffer, and no other record does.
TEST(H14Oracle, SlotsStandInTheRecordsThatWriteAddresses) {
  ANE_NEED_EVIDENCE("oracles/h14");
  const std::set<uint32_t> addresses = {0x1110, 0x1128, 0x1508, 0x1908, 0x1a00, 0x19f4};
  for (const test::Oracle& oracle : test::oracles(evidence_folder))
    for (const Task& task : decode(h14(), test::later_text_of(oracle), 0, oracle.name).tasks)
      for (const Record& record : task.records)
        EXPECT_EQ(record.slot.has_value(), addresses.contains(record.writes[0].address)) << oracle.name;
}

// ------------------------------------------------------------------------------------------------ H13

TEST(H13Oracle, UnknownBitsAreCounted) {
  ANE_NEED_EVIDENCE("oracles/h13");
  std::map<std::string, int> where;
  uint64_t bits = 0, unnamed = 0;
  size_t cases = 0, tasks = 0;
  for (const test::Oracle& oracle : test::oracles(evidence_folder)) {
    const Stream stream = decode(h13(), oracle::stream_of(oracle), oracle.tasks[0].bytes / 4, oracle.name);
    ASSERT_EQ(stream.tasks.size(), oracle.tasks.size()) << oracle.name;
    for (size_t i = 0; i < stream.tasks.size(); ++i) {
      EXPECT_EQ(stream.tasks[i].header, oracle.tasks[i].header) << oracle.name;
      ASSERT_EQ(stream.tasks[i].records.size(), oracle.tasks[i].records.size());
      for (size_t r = 0; r < stream.tasks[i].records.size(); ++r)
        for (size_t w = 0; w < stream.tasks[i].records[r].writes.size(); ++w)
          EXPECT_EQ(stream.tasks[i].records[r].writes[w].value, oracle.tasks[i].records[r].words[w]);
    }
    const Unknown unknown = count_unknown(h13(), stream);
    bits += unknown.bits, unnamed += unknown.registers + unknown.loose;
    collect_unknown(h13(), stream, where);
    ++cases, tasks += stream.tasks.size();
  }
  for (const auto& [name, count] : where) std::cout << name << " is set in " << count << " tasks\n";
  std::cout << cases << " cases, " << tasks << " tasks, " << bits << " unknown bits\n";
  EXPECT_EQ(unnamed, 0u);
  EXPECT_EQ(bits, 7u);  // the open bits of h13_task/oracle_test
}

TEST(H13Golden, UnknownBitsAreCounted) {
  ANE_NEED_EVIDENCE("golden");
  std::map<std::string, int> where;
  uint64_t bits = 0, unnamed = 0;
  size_t files = 0;
  for (const test::Golden& golden : test::goldens(evidence_folder)) {
    const hwx::File file = hwx::read(golden.bytes, golden.name);
    const Stream stream = decode(h13(), file.text, file.first_task_words, golden.name);
    const Unknown unknown = count_unknown(h13(), stream);
    bits += unknown.bits, unnamed += unknown.registers + unknown.loose;
    collect_unknown(h13(), stream, where);
    ++files;
  }
  for (const auto& [name, count] : where) std::cout << name << " is set in " << count << " tasks\n";
  std::cout << files << " programs, " << bits << " unknown bits\n";
  EXPECT_EQ(unnamed, 0u);
  EXPECT_EQ(bits, 4u);  // bits 18 and 22 of DstDMAConfig, all in one program (atan2)
}

// ------------------------------------------------------------------------------------------------ marks

// Addresses that some program writes, and which bits are set there.
using Seen = std::map<uint32_t, uint32_t>;

void see(const Stream& stream, Seen& header, Seen& values) {
  for (const Task& task : stream.tasks) {
    for (uint32_t word = 0; word < task.header.size(); ++word) header[word] |= task.header[word];
    for (const Record& record : task.records)
      for (const Write& write : record.writes) values[write.address] |= write.value;
  }
}

// A name said to be borne out by words must be: its register written, its bits set somewhere. `elsewhere` are
// those that only programs outside of the evidence folder set.
void expect_words_seen(const RegisterTable& table, const Seen& header, const Seen& values,
                       const std::set<std::string>& elsewhere) {
  const auto seen = [&](const Seen& where, uint32_t key) { return where.contains(key) ? where.at(key) : 0; };
  for (const HeaderField& field : table.header)
    if (field.field.evidence == Evidence::Words) {
      EXPECT_TRUE(seen(header, static_cast<uint32_t>(field.word)) & field.field.mask()) << field.field.name;
    }
  for (const Register& reg : table.registers) {
    // The base of the first stream is 0 wherever it was seen, and not written then.
    if (reg.evidence == Evidence::Words && !elsewhere.contains(reg.name) && reg.name != "CoeffBaseAddr0") {
      EXPECT_TRUE(values.contains(reg.address)) << reg.name;
    }
    for (const Field& field : reg.fields) {
      // One of a row of like registers stands for all.
      if (field.evidence != Evidence::Words || isdigit(static_cast<unsigned char>(reg.name.back()))) continue;
      const std::string name = reg.name + "." + field.name;
      EXPECT_EQ((seen(values, reg.address) & field.mask()) == 0, elsewhere.contains(name)) << name;
    }
  }
}

TEST(Marks, WordsOfH14AreBorneOut) {
  ANE_NEED_EVIDENCE("oracles/h14");
  Seen header, values;
  for (const test::Oracle& oracle : test::oracles(evidence_folder))
    see(decode(h14(), test::later_text_of(oracle), 0, oracle.name), header, values);
  // From the table of values in joshuaswarren/mil-hwx-compiler research/h14-td-fields.md: 0x544 is 0x400 in
  // two softmax tasks, 0x904 has a low half in tasks with a constant summand.
  expect_words_seen(registers(h14()), header, values,
                    {"ResultGroupStride", "ResultGroupStride.Stride", "BiasScale.Bias"});
}

TEST(Marks, WordsOfH13AreBorneOut) {
  ANE_NEED_EVIDENCE("oracles/h13");
  Seen header, values;
  for (const test::Oracle& oracle : test::oracles(evidence_folder))
    see(decode(h13(), oracle::stream_of(oracle), oracle.tasks[0].bytes / 4, oracle.name), header, values);
  for (const test::Golden& golden : test::goldens(test::evidence() / "golden")) {
    const hwx::File file = hwx::read(golden.bytes, golden.name);
    see(decode(h13(), file.text, file.first_task_words, golden.name), header, values);
  }
  expect_words_seen(registers(h13()), header, values, {});
}

}  // namespace
}  // namespace ane::generations
