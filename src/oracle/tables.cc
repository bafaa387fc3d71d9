#include "oracle/tables.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "oracle/pack_weights.h"

namespace ane::oracle {

namespace {

constexpr const char* own_minimum = "minimum_0.5";
constexpr const char* own_gelu = "gelu_sigmoid";

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

// maximum_0.5 mirrored; x * sigmoid(1.702 x) with the knots of its function.
void add_own(Tables& tables) {
  TableWords minimum{0xfc00, 0x3800, 0xfc00, 0x3800};
  minimum[37] = minimum[39] = 0x3c00, minimum[41] = 0x40, minimum[42] = 1;
  tables[own_minimum] = minimum;
  TableWords gelu{0xc800, 0x7c00, 0x0000, 0x7c00};
  for (size_t i = 0; i < 33; ++i) {
    const double x = -4 + static_cast<double>(i) / 4;
    gelu[4 + i] = half(x / (1 + std::exp(-1.702 * x)));
  }
  gelu[39] = 0x3c00, gelu[41] = 2, gelu[42] = 1;
  tables[own_gelu] = gelu;
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
  add_own(tables);
  return tables;
}

bool is_own_table(const std::string& name) {
  return name == own_minimum || name == own_gelu;
}

}  // namespace ane::oracle
