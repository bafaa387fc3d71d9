// The view for people: the container in short, then every task with its registers and fields.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "tools/dump/dump.h"

namespace ane::dump {
namespace {

using h13::Reg;
using h13::Task;

std::string banner_lines(const std::string& banner) {
  std::string out, line;
  for (const char c : banner + "\n") {
    if (c == '\t') {
      line += "  ";
    } else if (c != '\n') {
      line += c;
    } else if (!line.empty()) {
      out += "    " + printable(line) + "\n";
      line.clear();
    }
  }
  return out;
}

std::string head(const Program& program) {
  const hwx::File& file = program.file;
  std::string out = fmt::format("{}: {} bytes, engine H13, dialect {} (compiler {}), network {}\n",
                                program.name, program.bytes, "ABCD"[static_cast<size_t>(file.dialect)],
                                hwx::facts(file.dialect).compiler_version, printable(file.network));
  out += fmt::format("tasks      {}, {} bytes at {:#x}, the first of {} words\n", program.tasks.size(),
                     file.text.size(), file.text_address, file.first_task_words);
  if (file.constants.empty())
    out += fmt::format("constants  none ({} zero bytes at {:#x})\n", hwx::constant_section_size(file),
                       file.const_address);
  else
    out += fmt::format("constants  {} bytes at {:#x}, sha256 {}\n", file.constants.size(), file.const_address,
                       sha256(file.constants));
  if (!file.tiles.empty()) {
    out += fmt::format("           {} relocated streams", file.tiles.size());
    if (!file.kernel_symbol.empty()) out += ", symbol " + printable(file.kernel_symbol);
    out += "\n";
  }
  out += file.scratch_bytes ? fmt::format("scratch    {} bytes at {:#x}, figure {:#x}\n", file.scratch_bytes,
                                          file.scratch_address, file.scratch_figure)
                            : std::string("scratch    none\n");
  if (!file.debug_info.empty())
    out += fmt::format("debug      {} bytes, {} buffers in L2\n", file.debug_info.size(),
                       file.symbols_on_chip.size());
  return out + "banner\n" + banner_lines(file.banner);
}

std::string surface_table(const hwx::File& file) {
  std::string out =
      "surfaces\n  slot  role    binding           type        NxCxHxW              row    plane    batch    "
      " bytes  address     symbol\n";
  for (const hwx::Surface& s : file.surfaces)
    out += fmt::format("  {:>4}  {:<6}  {:<16}  {:<10}  {:<18} {:>5}  {:>7}  {:>7}  {:>8}  {:#010x}  {}\n",
                       s.slot, s.role == hwx::Role::Input ? "input" : "output", printable(s.binding),
                       hwx::type_name(s.element_code), fmt::format("{}x{}x{}x{}", s.n, s.c, s.h, s.w),
                       s.row_stride, s.plane_stride, s.batch_stride, s.total, s.address, printable(s.symbol));
  return out;
}

// "Win=64 Hin=1", unknown bits last.
template <typename Fields>
std::string fields_text(const Fields& fields, uint32_t word, uint32_t known) {
  std::string out;
  for (const h13::FieldInfo& field : fields)
    if ((word >> field.low) & h13::mask(field))
      out += fmt::format(" {}={}", field.name, field_value(field, word));
  if (word & ~known) out += fmt::format(" unknown={:#x}", word & ~known);
  return out;
}

std::vector<h13::FieldInfo> fields_of_header_word(uint32_t word) {
  std::vector<h13::FieldInfo> found;
  for (const h13::FieldInfo& field : h13::header_fields())
    if (field.word == static_cast<int>(word)) found.push_back(field);
  return found;
}

std::string header_text(const Task& task) {
  std::string out = "  header\n";
  for (uint32_t i = 0; i < task.header_words(); ++i)
    out += fmt::format(
        "    h{:<2}    {:08x}{}\n", i, task.header[i],
        fields_text(fields_of_header_word(i), task.header[i], h13::known_header_bits(static_cast<int>(i))));
  return out;
}

std::string_view stem(Reg reg) {
  const std::string_view name = h13::info(reg).name;
  return name.substr(0, name.find_last_not_of("0123456789") + 1);
}

// Registers from `first` on that need only one line: zeros, or a row of like registers with one value.
size_t alike(const Task& task, size_t first, size_t end) {
  const Reg start = static_cast<Reg>(first);
  size_t last = first;
  while (last + 1 < end) {
    const Reg next = static_cast<Reg>(last + 1);
    if (!task.written[last + 1] || task[next] != task[start]) break;
    if (task[start] != 0 && stem(next) != stem(start)) break;
    ++last;
  }
  return last - first + 1;
}

std::string register_line(const Task& task, size_t first, size_t count) {
  const Reg reg = static_cast<Reg>(first);
  const uint32_t word = task[reg];
  const std::string name = count == 1 ? h13::info(reg).name
                                      : fmt::format("{} .. {}", h13::info(reg).name,
                                                    h13::info(static_cast<Reg>(first + count - 1)).name);
  const std::string fields = fields_text(h13::fields_of(reg), word, h13::known_bits(reg));
  return fmt::format("    {:05x}  {:08x}  {:<{}}{}\n", h13::info(reg).address, word, name,
                     fields.empty() ? 0 : 20, fields);
}

std::string registers_text(const Task& task) {
  std::string out;
  size_t first = 0;
  for (const h13::BlockInfo& block : h13::blocks()) {
    const size_t end = first + block.words;
    std::string lines;
    for (size_t r = first; r < end;) {
      if (!task.written[r]) {
        ++r;
        continue;
      }
      size_t count = alike(task, r, end);
      if (count < 3) count = 1;
      lines += register_line(task, r, count);
      r += count;
    }
    if (!lines.empty()) out += fmt::format("  {}\n{}", block.name, lines);
    first = end;
  }
  for (const auto& [address, value] : task.unknown)
    out += fmt::format("  unknown register {:#07x}  {:08x}\n", address, value);
  return out;
}

std::string task_text(const Task& task, size_t index, const hwx::File& file) {
  const Summary summary = summarise(task, file);
  return fmt::format("\ntask {}  {}  {}: {} -> {}\n", index, summary.engine, summary.work,
                     fmt::join(summary.sources, ", "), summary.destination) +
         fmt::format("  at {:#x}, {} words\n", task.offset, task.words()) + header_text(task) +
         registers_text(task);
}

}  // namespace

std::string text(const Program& program) {
  std::string out = head(program) + surface_table(program.file) + sections(program);
  for (size_t i = 0; i < program.tasks.size(); ++i) out += task_text(program.tasks[i], i, program.file);
  const Unknown unknown = count_unknown(program.tasks);
  return out +
         fmt::format("\n{} set bits without a name, {} unknown registers\n", unknown.bits, unknown.registers);
}

}  // namespace ane::dump
