// Comparison of our tasks with captured ones, word for word.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "h13/task.h"
#include "support/oracle.h"

namespace ane::test {

// Up to six differences, "task 0 @04810 00000430, ours 00000420"; empty when all words agree.
inline std::string differences(const std::vector<OracleTask>& captured, const std::vector<h13::Task>& ours) {
  if (captured.size() != ours.size()) return fmt::format("{} tasks, ours {}", captured.size(), ours.size());
  std::string text;
  int count = 0;
  const auto differ = [&](size_t task, const std::string& where, uint32_t theirs, uint32_t mine) {
    if (theirs != mine && ++count <= 6)
      text += fmt::format("task {} {} {:08x}, ours {:08x}; ", task, where, theirs, mine);
  };
  for (size_t i = 0; i < captured.size(); ++i) {
    for (size_t w = 0; w < captured[i].header.size(); ++w)
      differ(i, fmt::format("h{}", w), captured[i].header[w], ours[i].header[w]);
    if (captured[i].records.size() != ours[i].records.size()) return fmt::format("task {}: other records", i);
    for (const OracleRecord& record : captured[i].records)
      for (size_t w = 0; w < record.words.size(); ++w) {
        const uint32_t address = record.address + 4 * static_cast<uint32_t>(w);
        const h13::Reg reg = h13::register_at(address);
        differ(i, fmt::format("@{:05x}", address), record.words[w],
               reg == h13::Reg::Count ? 0 : ours[i][reg]);
      }
  }
  return text;
}

}  // namespace ane::test
