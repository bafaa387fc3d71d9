// The words of a program in the form in which captured programs are kept, so that the two can be compared
// line by line.
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

void put_task(const h13::Task& task, size_t index, std::string& out) {
  out += fmt::format("task {} bytes={}\n  h", index, 4 * task.words());
  for (uint32_t i = 0; i < task.header_words(); ++i) out += fmt::format(" {:08x}", task.header[i]);
  out += '\n';
  size_t next_unknown = 0;
  for (const h13::Record& record : task.records) {
    out += fmt::format("  @{:05x}", record.address);
    for (uint32_t i = 0; i < record.count; ++i) {
      const h13::Reg reg = h13::register_at(record.address + 4 * i);
      out += fmt::format(" {:08x}", reg == h13::Reg::Count ? task.unknown[next_unknown++].second : task[reg]);
    }
    out += '\n';
  }
}

}  // namespace

std::string words(const Program& program) {
  const hwx::File& file = program.file;
  std::string out =
      fmt::format("program tasks={} words1={} text={:08x} const={:08x} resources={}\n", program.tasks.size(),
                  file.first_task_words - 1, file.text_address, file.const_address, resources(file));
  for (const hwx::Surface* surface : in_order(file)) out += tensor_line(*surface);
  out += constants_line(file);
  for (size_t i = 0; i < program.tasks.size(); ++i) put_task(program.tasks[i], i, out);
  return out;
}

}  // namespace ane::dump
