#include "oracle/tables.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

#include "base/error.h"
#include "base/file.h"

namespace ane::oracle {

namespace {

constexpr const char* own_minimum = "minimum_0.5";

void read_table(const std::string& line, const std::string& where, const std::string& file, Tables& tables) {
  std::istringstream words(line);
  std::string name, word;
  if (!(words >> name) || name.starts_with("#")) return;
  TableWords& table = tables[name];
  for (uint16_t& value : table) {
    words >> word;
    const char* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, value, 16);
    if (!words || error != std::errc() || stop != end)
      throw Error(file, where, "is not a table: a name and 64 words of 4 hexadecimal digits");
  }
}

// 1 below zero; 1 but for zero. The hashes of less_bool_rr_1x64x1x1 and select_rrb_1x64x1x1 show them.
void add_steps(Tables& tables) {
  TableWords step{0x8001, 0x0001, 0x3c00, 0x0000}, non_zero{0x8001, 0x0001, 0x3c00, 0x3c00};
  step[38] = 0x3c00, step[41] = 0x40, step[42] = 1;
  non_zero[38] = non_zero[40] = 0x3c00, non_zero[41] = 0x40, non_zero[42] = 1;
  tables["is_negative"] = step, tables["is_not_zero"] = non_zero;
}

// x * sigmoid(1.702 x): the numbers stand in the public record of the same program for H14 (mil-hwx-compiler,
// research/oracles/h14/env_act_gelu_1x768x1x1_sigmoid_approximation.json); the hash of H13's section shows
// that they are the same.
void add_gelu_by_sigmoid(Tables& tables) {
  tables["gelu_sigmoid"] = {0xc500, 0x7c00, 0x0000, 0x7c00, 0x9c5b, 0x9e7b, 0xa095, 0xa281, 0xa495,
                            0xa66b, 0xa872, 0xaa16, 0xac18, 0xad67, 0xaeed, 0xb044, 0xb0f7, 0xb14e,
                            0xb0dd, 0xaebb, 0x9296, 0x30a2, 0x3592, 0x38ad, 0x3ac2, 0x3c77, 0x3d91,
                            0x3eaa, 0x3fbe, 0x4068, 0x40ee, 0x4173, 0x41f7, 0x427a, 0x42fb, 0x437d,
                            0x43fe, 0x9c5b, 0xa572, 0x3c00, 0x9c00, 0x0002, 0x0001};
}

// maximum_0.5 mirrored.
void add_own(Tables& tables) {
  TableWords minimum{0xfc00, 0x3800, 0xfc00, 0x3800};
  minimum[37] = minimum[39] = 0x3c00, minimum[41] = 0x40, minimum[42] = 1;
  tables[own_minimum] = minimum;
}

}  // namespace

Tables read_tables(const std::filesystem::path& file) {
  Tables tables;
  if (std::filesystem::exists(file)) {
    const MappedFile mapped(file);
    std::istringstream in{std::string(mapped.text())};
    int number = 0;
    for (std::string line; std::getline(in, line);)
      read_table(line, fmt::format("line {}", ++number), mapped.name(), tables);
  }
  add_steps(tables);
  add_gelu_by_sigmoid(tables);
  add_own(tables);
  return tables;
}

bool is_own_table(const std::string& name) {
  return name == own_minimum;
}

}  // namespace ane::oracle
