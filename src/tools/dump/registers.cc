// The register tables as pages of documentation.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "tools/dump/dump.h"

namespace ane::dump {
namespace {

using generations::Evidence;
using generations::Generation;
using generations::RegisterTable;

std::string bits(const generations::Field& field) {
  return field.width == 1 ? fmt::format("{}", field.low)
                          : fmt::format("{}:{}", field.low + field.width - 1, field.low);
}

// A bar in a meaning would end its table cell.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? "\\|" : std::string(1, c);
  return out;
}

std::string meaning(const generations::Field& field) {
  std::string text = field.meaning;
  for (size_t i = 0; i < field.values.size(); ++i)
    text += fmt::format("{}{} {}",
                        i > 0          ? ", "
                        : text.empty() ? ""
                                       : ": ",
                        field.values[i].number, field.values[i].text);
  return cell(text);
}

std::string header_section(const RegisterTable& table) {
  std::string out =
      "\n## Task header\n\n| word | bits | field | meaning | known from |\n|---|---|---|---|---|\n";
  for (const generations::HeaderField& header : table.header)
    out += fmt::format("| {} | {} | {} | {} | {} |\n", header.word, bits(header.field), header.field.name,
                       meaning(header.field), generations::name(header.field.evidence));
  return out;
}

std::string register_rows(const generations::Register& reg) {
  const std::string start = fmt::format("| {:#07x} | {} |", reg.address, reg.name);
  std::string out;
  if (reg.fields.empty()) out += fmt::format("{} | | | {} |\n", start, generations::name(reg.evidence));
  for (const generations::Field& field : reg.fields)
    out += fmt::format("{} {} | {} | {} | {} |\n", start, bits(field), field.name, meaning(field),
                       generations::name(field.evidence));
  if (reg.unwritten)
    out += fmt::format("{} | | {:#x} when not written | {} |\n", start, reg.unwritten->value,
                       generations::name(reg.unwritten->evidence));
  return out;
}

std::string block_section(const generations::Block& block, const RegisterTable& table) {
  std::string out = fmt::format(
      "\n## {} ({:#07x}, {} words)\n\n| address | register | bits | field | meaning | known from |\n"
      "|---|---|---|---|---|---|\n",
      block.name, block.base, block.words);
  for (uint32_t i = 0; i < block.words; ++i)
    if (const generations::Register* reg = table.find(block.base + 4 * i)) out += register_rows(*reg);
  return out;
}

// ------------------------------------------------------------------------------------------------
// generations

// Words of all blocks by how sure their register is; those without one are unknown.
std::array<size_t, 4> count_registers(const RegisterTable& table) {
  std::array<size_t, 4> count{};
  size_t words = 0;
  for (const generations::Block& block : table.blocks) words += block.words;
  for (const generations::Register& reg : table.registers) ++count[static_cast<size_t>(reg.evidence)];
  count[static_cast<size_t>(Evidence::Unknown)] += words - table.registers.size();
  return count;
}

std::array<size_t, 4> count_fields(const RegisterTable& table) {
  std::array<size_t, 4> count{};
  for (const generations::Register& reg : table.registers)
    for (const generations::Field& field : reg.fields) ++count[static_cast<size_t>(field.evidence)];
  return count;
}

std::string overview() {
  std::string out =
      "| generation | subtype | chips | systems | instruction set | tasks | header words | known from |\n"
      "|---|---|---|---|---|---|---|---|\n";
  for (const Generation& g : generations::all())
    out += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n", g.name, g.subtype, g.chips, g.systems,
                       g.instruction_set, g.tasks == generations::TaskList::Linked ? "linked" : "sequential",
                       g.header_words, g.basis);
  return out;
}

std::string counts() {
  std::string out =
      "\n| generation | registers from words | map | inferred | unknown | fields from words | map | inferred "
      "| "
      "unknown |\n|---|---|---|---|---|---|---|---|---|\n";
  for (const Generation& g : generations::all())
    out += fmt::format("| {} | {} | {} |\n", g.name,
                       fmt::join(count_registers(generations::registers(g)), " | "),
                       fmt::join(count_fields(generations::registers(g)), " | "));
  return out;
}

// Base and words of each block, a generation a column.
std::string blocks() {
  std::vector<std::string> names;
  std::string head = "\n| block: base, words |", rule = "|---|";
  for (const Generation& g : generations::all()) {
    head += fmt::format(" {} |", g.name);
    rule += "---|";
    for (const generations::Block& block : generations::registers(g).blocks)
      if (std::find(names.begin(), names.end(), block.name) == names.end()) names.push_back(block.name);
  }
  std::string out = head + "\n" + rule + "\n";
  for (const std::string& name : names) {
    out += fmt::format("| {} |", name);
    for (const Generation& g : generations::all()) {
      std::string cell = "-";
      for (const generations::Block& block : generations::registers(g).blocks)
        if (block.name == name) cell = fmt::format("{:#x}, {}", block.base, block.words);
      out += fmt::format(" {} |", cell);
    }
    out += "\n";
  }
  return out;
}

}  // namespace

std::string registers_markdown(const Generation& generation) {
  const RegisterTable& table = generations::registers(generation);
  std::string out = fmt::format(
      "# {} task registers\n\nWritten by `hwxdump --registers{}`. Subtype {}, {}; {}.\n\n"
      "| known from | that is |\n|---|---|\n",
      generation.name, &generation == &generations::h13() ? "" : fmt::format(" --target {}", generation.name),
      generation.subtype, generation.chips, generation.basis);
  for (const generations::Source& source : table.sources)
    out += fmt::format("| {} | {} |\n", generations::name(source.evidence), source.text);
  out += header_section(table);
  for (const generations::Block& block : table.blocks) out += block_section(block, table);
  return out;
}

std::string generations_markdown() {
  return overview() + counts() + blocks();
}

}  // namespace ane::dump
