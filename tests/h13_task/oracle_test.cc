// Tasks against the captured words of Apple's compiler.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <set>

#include "h13/task.h"
#include "support/oracle.h"

namespace ane::h13 {
namespace {

Task build(const test::OracleTask& from) {
  Task task;
  std::copy(from.header.begin(), from.header.end(), task.header.begin());
  std::vector<Record> records;
  for (const test::OracleRecord& record : from.records)
    records.push_back({record.address, static_cast<uint32_t>(record.words.size())});
  task.set_records(records);
  for (const test::OracleRecord& record : from.records)
    for (size_t i = 0; i < record.words.size(); ++i) {
      const Reg reg = register_at(record.address + 4 * static_cast<uint32_t>(i));
      EXPECT_NE(reg, Reg::Count);
      task[reg] = record.words[i];
    }
  return task;
}

// What encoding derives from a task's neighbours, with the fields cleared: it has to come back.
void clear_links(Task& task) {
  for (const HeaderField field : {HeaderField::TID, HeaderField::LNID, HeaderField::EON,
                                  HeaderField::NextSize, HeaderField::NextPointer, HeaderField::TBE})
    task.set(field, 0);
}

TEST(Oracle, EncodingFillsInTheLinksAsCaptured) {
  ANE_NEED_EVIDENCE("oracles/h13");
  size_t cases = 0, tasks_seen = 0;
  for (const test::Oracle& oracle : test::oracles(evidence_folder)) {
    std::vector<Task> tasks;
    for (const test::OracleTask& task : oracle.tasks) {
      tasks.push_back(build(task));
      EXPECT_EQ(tasks.back().words() * 4, task.bytes) << oracle.name;
      clear_links(tasks.back());
    }
    const Bytes text = encode_tasks(tasks);
    const uint32_t first = tasks[0].words();
    EXPECT_EQ(test::value_of(oracle.lines.at("program"), "words1"), std::to_string(first - 1)) << oracle.name;
    const std::vector<Task> back = decode_tasks(text, first, oracle.name);
    ASSERT_EQ(back.size(), oracle.tasks.size()) << oracle.name;
    for (size_t i = 0; i < back.size(); ++i) {
      const std::vector<uint32_t> header(
          back[i].header.begin(), back[i].header.begin() + static_cast<ptrdiff_t>(back[i].header_words()));
      EXPECT_EQ(header, oracle.tasks[i].header) << oracle.name << " task " << i;
      EXPECT_EQ(back[i].registers, build(oracle.tasks[i]).registers) << oracle.name << " task " << i;
    }
    ++cases;
    tasks_seen += back.size();
  }
  std::cout << cases << " cases, " << tasks_seen << " tasks\n";
  EXPECT_GT(cases, 200u);
}

// The tasks of captured programs are cut into one of two lists of records.
TEST(Oracle, EveryTaskHasOneOfTheTwoLayouts) {
  ANE_NEED_EVIDENCE("oracles/h13");
  const auto is = [](const Task& task, Layout layout) {
    const std::span<const Record> want = records_of(layout);
    return std::equal(task.records.begin(), task.records.end(), want.begin(), want.end());
  };
  for (const test::Oracle& oracle : test::oracles(evidence_folder))
    for (const test::OracleTask& from : oracle.tasks) {
      const Task task = build(from);
      EXPECT_TRUE(is(task, Layout::Full) || is(task, Layout::Short)) << oracle.name;
    }
}

// Set bits without a name. These are the open ones; a new one is news, a vanished one belongs into
// registers.def.
TEST(Oracle, UnknownBitsAreTheOpenOnes) {
  ANE_NEED_EVIDENCE("oracles/h13");
  std::map<std::string, int> unknown;
  for (const test::Oracle& oracle : test::oracles(evidence_folder))
    for (const test::OracleTask& from : oracle.tasks) {
      const Task task = build(from);
      for (size_t word = 0; word < task.header_words(); ++word)
        if (task.header[word] & ~known_header_bits(static_cast<int>(word)))
          ++unknown[fmt::format("header word {}", word)];
      for (size_t r = 0; r < register_count; ++r) {
        const Reg reg = static_cast<Reg>(r);
        const uint32_t bits = task.registers[r] & ~known_bits(reg);
        for (int bit = 0; bit < 32; ++bit)
          if (bits >> bit & 1) ++unknown[fmt::format("{} bit {}", info(reg).name, bit)];
      }
    }
  for (const auto& [where, count] : unknown) std::cout << where << " is set in " << count << " tasks\n";
  std::set<std::string> names;
  for (const auto& [where, count] : unknown) names.insert(where);
  const std::set<std::string> open = {"Cfg bit 23", "DstDMAConfig bit 19", "DstDMAConfig bit 24"};
  EXPECT_EQ(names, open);
}

}  // namespace
}  // namespace ane::h13
