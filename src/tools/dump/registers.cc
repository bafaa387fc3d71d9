// The register table as a page of documentation.
#include <fmt/format.h>

#include "tools/dump/dump.h"

namespace ane::dump {
namespace {

std::string bits(const h13::FieldInfo& field) {
  return field.width == 1 ? fmt::format("{}", field.low)
                          : fmt::format("{}:{}", field.low + field.width - 1, field.low);
}

// A bar in a meaning would end its table cell.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? "\\|" : std::string(1, c);
  return out;
}

std::string field_row(const std::string& address, const std::string& name, const h13::FieldInfo& field) {
  return fmt::format("| {} | {} | {} | {} | {} |\n", address, name, bits(field), field.name,
                     cell(field.meaning));
}

constexpr const char* columns = "| address | register | bits | field | meaning |\n|---|---|---|---|---|\n";

std::string header_section() {
  std::string out = "\n## Task header\n\n| word | bits | field | meaning |\n|---|---|---|---|\n";
  for (const h13::FieldInfo& field : h13::header_fields())
    out += fmt::format("| {} | {} | {} | {} |\n", field.word, bits(field), field.name, cell(field.meaning));
  return out;
}

std::string block_section(const h13::BlockInfo& block) {
  std::string out =
      fmt::format("\n## {} ({:#07x}, {} words)\n\n{}", block.name, block.base, block.words, columns);
  for (uint32_t i = 0; i < block.words; ++i) {
    const h13::Reg reg = h13::register_at(block.base + 4 * i);
    const std::string address = fmt::format("{:#07x}", h13::info(reg).address);
    if (h13::fields_of(reg).empty()) out += fmt::format("| {} | {} | | | |\n", address, h13::info(reg).name);
    for (const h13::FieldInfo& field : h13::fields_of(reg))
      out += field_row(address, h13::info(reg).name, field);
  }
  return out;
}

}  // namespace

std::string registers_markdown() {
  std::string out = "# H13 task registers\n\nWritten by `hwxdump --registers` from src/h13/registers.def.\n";
  out += header_section();
  for (const h13::BlockInfo& block : h13::blocks()) out += block_section(block);
  return out;
}

}  // namespace ane::dump
