// A .hwx in words. Everything is printed from the register table, so what the table learns the listing shows;
// set bits that the table does not name are printed as unknown rather than left out.
#include <fmt/format.h>

#include "h13/task.h"
#include "report/report.h"
#include "report/text.h"

namespace ane::report {

namespace {

using h13::Field;
using h13::HeaderField;
using h13::Reg;
using h13::Task;

std::string value_text(uint32_t value) {
  return value < 10 ? fmt::format("{}", value) : fmt::format("{} (0x{:x})", value, value);
}

// "Win 8, Hin 8; unknown bits 0x100". Fields that are 0 are left out.
template <typename Infos>
std::string fields_text(const Infos& infos, uint32_t word, uint32_t known) {
  std::string text;
  for (const h13::FieldInfo& field : infos)
    if (const uint32_t value = (word >> field.low) & h13::mask(field))
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", field.name, value_text(value));
  if (const uint32_t unknown = word & ~known)
    text += fmt::format("{}unknown bits 0x{:x}", text.empty() ? "" : "; ", unknown);
  return text;
}

std::string header_text(const Task& task) {
  std::string text = "  header\n";
  for (uint32_t word = 0; word < task.header_words(); ++word) {
    if (task.header[word] == 0) continue;
    std::vector<h13::FieldInfo> fields;
    for (const h13::FieldInfo& field : h13::header_fields())
      if (field.word == static_cast<int>(word)) fields.push_back(field);
    text +=
        fmt::format("    {:<22} 0x{:08x}  {}\n", fmt::format("word {}", word), task.header[word],
                    fields_text(fields, task.header[word], h13::known_header_bits(static_cast<int>(word))));
  }
  return text;
}

std::string record_text(const Task& task, const h13::Record& record) {
  std::string text = fmt::format("  registers 0x{:05x}, {} words\n", record.address, record.count);
  for (uint32_t i = 0; i < record.count; ++i) {
    const Reg reg = h13::register_at(record.address + 4 * i);
    if (reg == Reg::Count || task[reg] == 0) continue;
    text += fmt::format("    {:<22} 0x{:08x}  {}\n", h13::info(reg).name, task[reg],
                        fields_text(h13::fields_of(reg), task[reg], h13::known_bits(reg)));
  }
  return text;
}

std::string task_text(const Task& task, size_t index) {
  std::string text = fmt::format("\ntask {} at 0x{:x}, {} words, {}\n", index, task.offset, task.words(),
                                 task.get(Field::Cfg_TaskType) == 0 ? "NE" : "PE");
  text += header_text(task);
  for (const h13::Record& record : task.records) text += record_text(task, record);
  for (const auto& [address, value] : task.unknown)
    text += fmt::format("  unknown register 0x{:05x}  0x{:08x}\n", address, value);
  return text;
}

std::string surface_text(const hwx::Surface& surface) {
  return fmt::format(
      "{:<7} {} (bound as {}), buffer {} at 0x{:x}: N {} C {} H {} W {}, element code {} of {} bytes, "
      "strides row 0x{:x} plane 0x{:x} batch 0x{:x}, 0x{:x} bytes\n",
      surface.role == hwx::Role::Input ? "input" : "output", printable(surface.symbol),
      printable(surface.binding), surface.slot, surface.address, surface.n, surface.c, surface.h, surface.w,
      surface.element_code, surface.element_size, surface.row_stride, surface.plane_stride,
      surface.batch_stride, surface.total);
}

}  // namespace

std::string explain(const hwx::File& file) {
  const std::vector<Task> tasks = h13::decode_tasks(file.text, file.first_task_words, file.name);
  std::string text =
      fmt::format("network {}, container of compiler {}, CPU subtype {}, {} tasks\n", printable(file.network),
                  hwx::facts(file.dialect).compiler_version, file.cpu_subtype, tasks.size());
  text += fmt::format(
      "tasks at 0x{:x}, 0x{:x} bytes; constants at 0x{:x}, 0x{:x} bytes; scratch at 0x{:x}, 0x{:x} bytes\n",
      file.text_address, file.text.size(), file.const_address, hwx::constant_section_size(file),
      file.scratch_address, file.scratch_bytes);
  for (const hwx::Surface& surface : file.surfaces) text += surface_text(surface);
  for (size_t i = 0; i < tasks.size(); ++i) text += task_text(tasks[i], i);
  return text;
}

}  // namespace ane::report
