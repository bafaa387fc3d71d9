// Where everything lies: strides of surfaces, VM order, addresses, base address slots.
//
// All of it follows from the sizes by rule (docs/hwx.md), with the dialect's three choices: whether the
// program comes before or behind its surfaces, in which order the surfaces follow each other, and which slot
// each gets.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "hwx/container.h"

namespace ane::hwx {
namespace {

constexpr int64_t row_align = 64;
constexpr std::string_view output_tail = "@output";

uint64_t pages(uint64_t bytes) {
  return static_cast<uint64_t>(round_up(static_cast<int64_t>(bytes), page));
}

std::string message_name(const File& file) {
  return file.name.empty() ? file.network : file.name;
}

void name_bindings(File& file) {
  for (Surface& surface : file.surfaces) {
    if (!surface.binding.empty()) continue;
    surface.binding = surface.symbol;
    if (!facts(file.dialect).binding_keeps_output_tail && surface.role == Role::Output &&
        surface.binding.ends_with(output_tail))
      surface.binding.resize(surface.binding.size() - output_tail.size());
  }
}

void order_surfaces(File& file) {
  if (facts(file.dialect).surfaces_by_name)
    std::stable_sort(file.surfaces.begin(), file.surfaces.end(),
                     [](const Surface& a, const Surface& b) { return a.binding < b.binding; });
  else
    std::stable_partition(file.surfaces.begin(), file.surfaces.end(),
                          [](const Surface& surface) { return surface.role == Role::Input; });
}

// Hands out memory from its base upwards, in pages.
class Memory {
 public:
  explicit Memory(const File& file) : file_(file) {}
  uint64_t take(uint64_t bytes) {
    if (bytes > memory_end - next_ || pages(bytes) > memory_end - next_)
      throw Error(message_name(file_), "memory",
                  "program and tensors do not fit the engine's 32-bit addresses", "split the network");
    const uint64_t address = next_;
    next_ += pages(bytes);
    return address;
  }

 private:
  const File& file_;
  uint64_t next_ = memory_base;
};

uint64_t constants_offset(const File& file) {
  return static_cast<uint64_t>(round_up(static_cast<int64_t>(file.text.size()), constant_align));
}

void place(File& file) {
  Memory memory(file);
  const auto place_text = [&] {
    file.text_address = memory.take(constants_offset(file) + constant_section_size(file));
    file.const_address = file.text_address + constants_offset(file);
  };
  const bool text_first = facts(file.dialect).text_first;
  if (text_first)
    place_text();
  else
    memory.take(file.debug_info.size());
  file.scratch_address = file.scratch_bytes ? memory.take(file.scratch_bytes) : 0;
  for (Surface& surface : file.surfaces) surface.address = memory.take(static_cast<uint64_t>(surface.total));
  if (!text_first) place_text();
}

void number_slots(File& file) {
  if (file.surfaces.size() > slot_count - first_surface_slot)
    throw Error(message_name(file), "surfaces", fmt::format("{} inputs and outputs", file.surfaces.size()),
                fmt::format("the engine names at most {}", slot_count - first_surface_slot));
  file.slots.fill(0);
  file.slots[0] = file.text_address;
  file.slots[1] = file.const_address;
  file.slots[3] = file.scratch_address;
  uint32_t slot = first_surface_slot;
  const auto number = [&](auto wanted) {
    for (Surface& surface : file.surfaces)
      if (wanted(surface)) file.slots[surface.slot = slot++] = surface.address;
  };
  if (!facts(file.dialect).slots_outputs_first) return number([](const Surface&) { return true; });
  number([](const Surface& surface) { return surface.role == Role::Output; });
  number([](const Surface& surface) { return surface.role == Role::Input; });
}

}  // namespace

void layout(Surface& surface) {
  surface.row_stride = round_up(surface.w * surface.element_size, row_align);
  surface.plane_stride = surface.h * surface.row_stride;
  surface.batch_stride = surface.c * surface.plane_stride;
  surface.total = surface.n * surface.batch_stride;
}

int64_t exact_extent(const Surface& surface) {
  return (surface.c - 1) * surface.plane_stride + (surface.h - 1) * surface.row_stride +
         surface.w * surface.element_size;
}

bool constants_follow_tasks(const File& file) {
  if (file.const_address < file.text_address) return false;
  const uint64_t gap = file.const_address - file.text_address;
  return gap >= file.text.size() &&
         gap <= static_cast<uint64_t>(round_up(static_cast<int64_t>(file.text.size()), page));
}

uint64_t constant_section_size(const File& file) {
  return file.constants.empty() ? static_cast<uint64_t>(page) : file.constants.size();
}

void assign_addresses(File& file) {
  name_bindings(file);
  for (Surface& surface : file.surfaces) layout(surface);
  order_surfaces(file);
  place(file);
  number_slots(file);
}

}  // namespace ane::hwx
