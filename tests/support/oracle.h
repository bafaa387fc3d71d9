// The captured task words of Apple's compiler, one text file a case. (oracle_program.h makes programs of them
// that run.)
#pragma once

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "support/evidence.h"

namespace ane::test {

struct OracleRecord {
  uint32_t address = 0;
  std::vector<uint32_t> words;
};
struct OracleTask {
  uint32_t bytes = 0;
  std::vector<uint32_t> header;
  std::vector<OracleRecord> records;
};
struct Oracle {
  std::string name;
  std::map<std::string, std::string> lines;  // by first word: "program", "const", "mil"
  std::vector<std::string> tensors;
  std::vector<OracleTask> tasks;
};

inline std::vector<uint32_t> hex_words(std::istringstream& in) {
  std::vector<uint32_t> words;
  for (std::string word; in >> word;) words.push_back(static_cast<uint32_t>(std::stoul(word, nullptr, 16)));
  return words;
}

// "KEY=VALUE" in a line; empty when it is not there.
inline std::string value_of(const std::string& line, const std::string& key) {
  std::istringstream in(line);
  for (std::string word; in >> word;)
    if (word.starts_with(key + "=")) return word.substr(key.size() + 1);
  return "";
}

inline void parse_oracle_line(const std::string& line, Oracle& oracle) {
  std::istringstream in(line);
  std::string key;
  if (!(in >> key)) return;
  if (line.starts_with("  h ")) {
    oracle.tasks.back().header = hex_words(in);
  } else if (line.starts_with("  @")) {
    const uint32_t address = static_cast<uint32_t>(std::stoul(key.substr(1), nullptr, 16));
    oracle.tasks.back().records.push_back({address, hex_words(in)});
  } else if (key == "task") {
    oracle.tasks.emplace_back();
    oracle.tasks.back().bytes = static_cast<uint32_t>(std::stoul(value_of(line, "bytes")));
  } else if (key == "tensor") {
    oracle.tensors.push_back(line);
  } else {
    oracle.lines[key] = line;
  }
}

inline Oracle parse_oracle(std::istream& in, const std::string& name) {
  Oracle oracle;
  oracle.name = name;
  for (std::string line; std::getline(in, line);) parse_oracle_line(line, oracle);
  return oracle;
}

// Sorted by name; `folder` is evidence()/oracles/h13.
inline std::vector<Oracle> oracles(const std::filesystem::path& folder) {
  std::vector<Oracle> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".oracle") {
      std::ifstream in(entry.path());
      found.push_back(parse_oracle(in, entry.path().stem().string()));
    }
  std::sort(found.begin(), found.end(), [](const Oracle& a, const Oracle& b) { return a.name < b.name; });
  return found;
}

}  // namespace ane::test
