// Captured H14 programs (oracles/h14) as task streams and containers. A record line there begins with the
// word that opens the record; the words between tasks and the frame were not captured and are taken to be
// zero.
#pragma once

#include <set>
#include <sstream>

#include "support/later_container.h"
#include "support/oracle.h"

namespace ane::test {

inline std::vector<uint32_t> words_of(const OracleTask& task) {
  std::vector<uint32_t> words = task.header;
  for (const OracleRecord& record : task.records) {
    words.push_back(record.address);
    words.insert(words.end(), record.words.begin(), record.words.end());
  }
  return words;
}

inline Bytes later_text_of(const Oracle& oracle) {
  std::vector<std::vector<uint32_t>> tasks;
  for (const OracleTask& task : oracle.tasks) tasks.push_back(words_of(task));
  return sequential_text(tasks);
}

// "a,b,c" after KEY= in a line.
inline std::vector<uint64_t> list_in(const std::string& line, const std::string& key, int base = 10) {
  std::vector<uint64_t> numbers;
  std::istringstream in(value_of(line, key));
  for (std::string item; std::getline(in, item, ',');) numbers.push_back(std::stoull(item, nullptr, base));
  return numbers;
}

// Surfaces in the order of their slots, which is that of their memory; they are named after it. A record that
// writes the base of TileDMADst (word 0x542) has the slot of the output.
inline std::vector<LaterSurface> later_surfaces_of(const Oracle& oracle) {
  std::set<uint32_t> outputs;
  for (const OracleTask& task : oracle.tasks)
    for (const OracleRecord& record : task.records)
      if ((record.address & 0x7fff) == 0x542 && (record.address >> 23 & 0x3f) >= 4)
        outputs.insert(record.address >> 23 & 0x3f);
  std::vector<LaterSurface> surfaces(oracle.tensors.size());
  uint32_t next_input = 4, next_output = 4;
  for (const std::string& line : oracle.tensors) {
    LaterSurface s;
    s.input = value_of(line, "binding") == "1";
    uint32_t& next = s.input ? next_input : next_output;
    while (outputs.contains(next) == s.input) ++next;
    s.slot = next++;
    s.name = "slot" + std::to_string(s.slot);
    const auto shape = list_in(line, "shape"), strides = list_in(line, "strides");
    s.n = static_cast<uint32_t>(shape[0]), s.c = static_cast<uint32_t>(shape[1]);
    s.h = static_cast<uint32_t>(shape[2]), s.w = static_cast<uint32_t>(shape[3]);
    s.batch_stride = strides[0], s.plane_stride = strides[1], s.row_stride = strides[2],
    s.element_size = strides[3];
    s.bytes = list_in(line, "bytes")[0];
    surfaces.at(s.slot - 4) = s;
  }
  return surfaces;
}

inline LaterProgram later_program_of(const Oracle& oracle) {
  LaterProgram program;
  program.text = later_text_of(oracle);
  program.constants = Bytes(list_in(oracle.lines.at("const"), "size")[0]);
  program.surfaces = later_surfaces_of(oracle);
  // The fourth slot is the scratch; its size is what lies between it and the first surface.
  const auto slots = list_in(oracle.lines.at("program"), "slots", 16);
  if (slots[2] != 0) program.scratch_bytes = slots[4] - slots[2];
  std::istringstream tail(oracle.lines.at("tail").substr(5));
  for (std::string word; tail >> word;)
    program.tail.push_back(static_cast<uint32_t>(std::stoul(word, nullptr, 16)));
  program.tail.erase(program.tail.begin(), program.tail.begin() + 2);  // the text address
  return program;
}

}  // namespace ane::test
