// The words of a program in the form in which captured programs are kept, so that the two can be compared
// line by line.
//
// Records of H13 are shown by address, those of later generations by the word that opens them. Captures of
// the latter also show the end of the program thread, and slots from the third on.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "tools/dump/dump.h"

namespace ane::dump {
namespace {

constexpr size_t least_resources = 5;  // the captured form shows at least this many slots

// Addresses of the surfaces in slot order.
std::string resources(const hwx::File& file) {
  std::vector<std::string> addresses;
  for (size_t i = 0; i < std::max(least_resources, file.surfaces.size()); ++i)
    addresses.push_back(fmt::format("{:08x}", file.slots[hwx::first_surface_slot + i]));
  return fmt::format("{}", fmt::join(addresses, ","));
}

// Inputs by symbol, then outputs: the order of the tensor threads.
std::vector<const hwx::Surface*> in_order(const hwx::File& file) {
  std::vector<const hwx::Surface*> order;
  for (const hwx::Surface& surface : file.surfaces) order.push_back(&surface);
  std::stable_sort(order.begin(), order.end(), [](const hwx::Surface* a, const hwx::Surface* b) {
    return a->role != b->role ? a->role < b->role : a->role == hwx::Role::Input && a->symbol < b->symbol;
  });
  return order;
}

std::string tensor_line(const hwx::Surface& s) {
  const bool input = s.role == hwx::Role::Input;
  return fmt::format("tensor {} binding={} elem={} shape={},{},{},{} strides={},{},{},{} bytes={}\n",
                     input ? "in" : "out", input ? 1 : 2, s.element_code, s.n, s.c, s.h, s.w, s.batch_stride,
                     s.plane_stride, s.row_stride, s.element_size, s.n == 1 ? s.total : s.batch_stride);
}

std::string constants_line(const hwx::File& file) {
  const Bytes section = file.constants.empty() ? Bytes(hwx::constant_section_size(file)) : file.constants;
  const auto zeros = std::count(section.begin(), section.end(), uint8_t{0});
  return fmt::format("const size={} nonzero={} sha256={}\n", section.size(),
                     static_cast<ptrdiff_t>(section.size()) - zeros, sha256(section));
}

void put_task(const Program& program, size_t index, std::string& out) {
  const bool linked = program.generation->tasks == generations::TaskList::Linked;
  const generations::Task& task = program.stream.tasks[index];
  out += fmt::format("task {} bytes={}", index, 4 * task.words());
  if (!linked) out += fmt::format(" at={:x}", task.offset);
  out += fmt::format("\n  h {:08x}\n", fmt::join(task.header, " "));
  for (const generations::Record& record : task.records) {
    out +=
        linked ? fmt::format("  @{:05x}", record.writes[0].address) : fmt::format("  @{:08x}", record.word);
    for (const generations::Write& write : record.writes) out += fmt::format(" {:08x}", write.value);
    out += '\n';
  }
}

std::string linked_program_line(const Program& program) {
  const hwx::File& file = program.file;
  return fmt::format("program tasks={} words1={} text={:08x} const={:08x} resources={}\n",
                     program.stream.tasks.size(), file.first_task_words - 1, file.text_address,
                     file.const_address, resources(file));
}

// Words of the program thread from this offset on; those that it is too short for are left out.
std::span<const uint32_t> thread_from(const Program& program, uint32_t offset) {
  const std::span<const uint32_t> words = program.thread_words;
  return words.subspan(std::min<size_t>(words.size(), offset / 4));
}

std::string sequential_program_lines(const Program& program) {
  constexpr uint32_t first_shown = 0x30, shown = 5;  // five words, 8 bytes apart
  std::vector<std::string> slots;
  for (uint32_t i = 0; i < shown; ++i)
    slots.push_back(fmt::format("{:08x}", thread_from(program, first_shown + 8 * i)[0]));
  return fmt::format("program tasks={} text_words={} text={:08x} const={:08x} slots={}\ntail {:08x}\n",
                     program.stream.tasks.size(), program.file.text.size() / 4, program.file.text_address,
                     program.file.const_address, fmt::join(slots, ","),
                     fmt::join(thread_from(program, hwx::program_thread::text_address), " "));
}

}  // namespace

std::string words(const Program& program) {
  const bool linked = program.generation->tasks == generations::TaskList::Linked;
  std::string out = linked ? linked_program_line(program) : sequential_program_lines(program);
  for (const hwx::Surface* surface : in_order(program.file)) out += tensor_line(*surface);
  out += constants_line(program.file);
  for (size_t i = 0; i < program.stream.tasks.size(); ++i) put_task(program, i, out);
  return out;
}

}  // namespace ane::dump
