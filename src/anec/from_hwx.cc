// Conversion is a change of names: the words of the tasks stay, apart from the slot numbers and the network
// id in their headers. The rest of this file asks whether a driver could run the result, from the words
// alone: a driver binds buffers of the sizes in the header and checks nothing else.
#include "anec/from_hwx.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "hwx/container.h"
#include "report/flow.h"

namespace ane::anec {

namespace {

using h13::Field;
using h13::HeaderField;
using h13::Reg;
using h13::Task;

constexpr uint32_t no_channel = channel_count;
constexpr uint32_t network_id = 0x40;  // of the queue that both drivers submit to

// A slot in a task header and the bit that says whether it counts.
struct SlotField {
  HeaderField slot, enable;
  const char* what;
};
constexpr SlotField slot_fields[] = {
    {HeaderField::RBase0, HeaderField::RBE0, "source 1"},
    {HeaderField::RBase1, HeaderField::RBE1, "source 2"},
    {HeaderField::WBase, HeaderField::WBE, "the destination"},
    {HeaderField::TBase, HeaderField::TBE, "the task list"},
    {HeaderField::KBase0, HeaderField::KBE0, "the coefficients"},
    {HeaderField::KBase1, HeaderField::KBE1, "coefficient stream 1"},
    {HeaderField::KBase2, HeaderField::KBE2, "coefficient stream 2"},
    {HeaderField::KBase3, HeaderField::KBE3, "coefficient stream 3"},
};

class Conversion {
 public:
  Conversion(const hwx::File& program, const Options& options);
  Converted run();

 private:
  [[noreturn]] void refuse(const std::string& where, const std::string& why,
                           const std::string& remedy = "") const {
    throw Error(program_.name.empty() ? program_.network : program_.name, where, why, remedy);
  }
  std::string where(const Task& task) const { return fmt::format("task {}", task.get(HeaderField::TID)); }

  void check_program() const;
  void number_channels();
  void add_channel(uint32_t channel, const hwx::Surface& surface);
  void check_slots(const Task& task) const;
  void check_operand(const Task& task, const report::Operand& operand, const SlotField& field) const;
  void check_coefficients(const Task& task) const;
  void check_reach(const Task& task, uint32_t slot, uint64_t end, const char* what) const;
  void check_task(const Task& task) const;
  void write_headers();
  void write_header(Task& task) const;
  void warn_of_kernel_words();
  void warn_of_roles();

  const hwx::File& program_;
  const Options& options_;
  const std::vector<Task> tasks_;
  std::array<uint32_t, channel_count> channel_of_slot_{};
  Converted result_;
};

Conversion::Conversion(const hwx::File& program, const Options& options)
    : program_(program),
      options_(options),
      tasks_(h13::decode_tasks(program.text, program.first_task_words, program.name)) {}

void Conversion::check_program() const {
  if (tasks_.size() > most_tasks)
    refuse("tasks", fmt::format("{} tasks; a driver takes at most {}", tasks_.size(), most_tasks),
           "split the network");
  if (program_.surfaces.size() > most_surfaces)
    refuse("surfaces",
           fmt::format("{} inputs and outputs; a driver takes at most {}", program_.surfaces.size(),
                       most_surfaces),
           "split the network or join tensors");
  if (options_.header_size && *options_.header_size != short_header && *options_.header_size != long_header)
    refuse("--header", fmt::format("0x{:x} is no header size", *options_.header_size), "use 0x800 or 0x1000");
  uint64_t memory = program_.scratch_bytes;
  for (const hwx::Surface& surface : program_.surfaces) memory += static_cast<uint64_t>(surface.total);
  if (program_.scratch_bytes >= hwx::memory_end || memory >= hwx::memory_end)
    refuse("memory", "tensors do not fit the engine's 32-bit addresses", "split the network");
  for (const hwx::Surface& surface : program_.surfaces)
    if (surface.element_size != 2 && options_.driver == Driver::Eiln)
      refuse("surface " + surface.binding,
             fmt::format("elements of type {}; this driver's library lays out fp16 alone",
                         hwx::type_name(surface.element_code)),
             "use fp16, or --driver omarchy");
}

void Conversion::add_channel(uint32_t channel, const hwx::Surface& surface) {
  if (surface.slot < first_surface_channel || surface.slot >= channel_count ||
      channel_of_slot_[surface.slot] != no_channel)
    refuse("surface " + surface.binding, fmt::format("cannot have slot {}", surface.slot));
  channel_of_slot_[surface.slot] = channel;
  result_.names[channel] = surface.binding;
  result_.file.tiles[channel] = tiles_of(static_cast<uint64_t>(surface.total));
  const auto u = [](int64_t value) { return static_cast<uint64_t>(value); };
  result_.file.nchw[channel] = {
      u(surface.n), u(surface.c), u(surface.h), u(surface.w), u(surface.plane_stride), u(surface.row_stride)};
  if (const std::string fault = fault_of(result_.file.nchw[channel], result_.file.tiles[channel],
                                         static_cast<uint64_t>(surface.element_size));
      !fault.empty())
    refuse("surface " + surface.binding, fault);
}

void Conversion::number_channels() {
  channel_of_slot_.fill(no_channel);
  channel_of_slot_[command_channel] = command_channel;
  channel_of_slot_[constants_channel] = constants_channel;
  if (program_.scratch_bytes) channel_of_slot_[scratch_channel] = scratch_channel;
  result_.file.tiles[scratch_channel] = tiles_of(program_.scratch_bytes);
  uint32_t channel = first_surface_channel;
  for (const hwx::Surface& surface : program_.surfaces)
    if (surface.role == hwx::Role::Output) add_channel(channel++, surface);
  result_.file.dst_count = channel - first_surface_channel;
  for (const hwx::Surface& surface : program_.surfaces)
    if (surface.role == hwx::Role::Input) add_channel(channel++, surface);
  result_.file.src_count = channel - first_surface_channel - result_.file.dst_count;
}

void Conversion::check_slots(const Task& task) const {
  for (const SlotField& field : slot_fields) {
    if (!task.get(field.enable)) continue;
    const uint32_t slot = task.get(field.slot);
    if (channel_of_slot_[slot] != no_channel) continue;
    refuse(where(task), slot == scratch_channel
                            ? fmt::format("{} is in scratch memory, but the program has none", field.what)
                            : fmt::format("{} is in buffer {}, which no driver binds", field.what, slot));
  }
}

// Beyond a buffer's end the engine reads and writes the neighbouring memory, without a fault.
void Conversion::check_reach(const Task& task, uint32_t slot, uint64_t end, const char* what) const {
  const uint32_t tiles = result_.file.tiles[channel_of_slot_[slot]];
  const uint64_t limit =
      slot == constants_channel ? result_.file.constants.size() : tiles * static_cast<uint64_t>(tile_bytes);
  if (end > limit)
    refuse(where(task),
           fmt::format("{} reaches to 0x{:x} in {} of 0x{:x} bytes", what, end,
                       slot == scratch_channel ? "scratch memory" : fmt::format("buffer {}", slot), limit));
}

// The byte behind the last element.
uint64_t end_of(const report::Operand& operand) {
  const auto steps = [](int64_t count, uint64_t stride) {
    return static_cast<uint64_t>(std::max<int64_t>(count, 1) - 1) * stride;
  };
  const int64_t planes = (operand.channels + operand.interleave - 1) / operand.interleave;
  const auto size = static_cast<uint64_t>(operand.element_size);
  return operand.base + steps(operand.groups, operand.group) + steps(operand.depths, operand.depth) +
         steps(planes, operand.plane) + steps(operand.height, operand.row) +
         steps(operand.width, static_cast<uint64_t>(operand.interleave) * size) +
         static_cast<uint64_t>(std::clamp<int64_t>(operand.channels, 1, operand.interleave)) * size;
}

void Conversion::check_operand(const Task& task, const report::Operand& operand,
                               const SlotField& field) const {
  if (operand.on_chip) return;
  if (!task.get(field.enable))
    refuse(where(task),
           fmt::format("{} is in memory, but the task header names no buffer for it", field.what));
  check_reach(task, operand.slot, end_of(operand), field.what);
}

void Conversion::check_coefficients(const Task& task) const {
  if (!task.get(HeaderField::KBE0)) return;
  for (int i = 0; i < 16; ++i)
    if (task[Reg::CoeffDMAConfig0 + i] & 1)
      check_reach(task, task.get(HeaderField::KBase0),
                  static_cast<uint64_t>(task[Reg::CoeffBaseAddr0 + i]) + task[Reg::CoeffBfrSize0 + i],
                  "a coefficient stream");
}

void Conversion::check_task(const Task& task) const {
  check_slots(task);
  const report::TaskOperands operands = report::operands_of(task);
  check_operand(task, operands.source, slot_fields[0]);
  if (operands.source2) check_operand(task, *operands.source2, slot_fields[1]);
  check_operand(task, operands.result, slot_fields[2]);
  check_coefficients(task);
}

// libane gives the network id to its copy of the first task; omarchy's driver waits for it in the completion
// of every task.
void Conversion::write_header(Task& task) const {
  if (options_.driver == Driver::Omarchy) task.set(HeaderField::NID, network_id);
  if (options_.channels == Channels::Positional) return;
  for (const SlotField& field : slot_fields)
    if (task.get(field.enable)) task.set(field.slot, channel_of_slot_[task.get(field.slot)]);
}

void Conversion::write_headers() {
  for (Task task : tasks_) {
    write_header(task);
    std::memcpy(result_.file.tasks.data() + task.offset, task.header.data(), 4ull * task.header_words());
  }
}

// Tasks without coefficients carry fill words there since compiler 7.6.4. Whether these matter is not known:
// one report says that such a program gave 0 on an M1 under Linux until they were cleared, while Apple's own
// runtime and the other driver run them as they are.
void Conversion::warn_of_kernel_words() {
  if (options_.driver != Driver::Eiln) return;
  const auto has_kernel_words = [](const Task& task) {
    if (task.get(Field::Cfg_TaskType) == 0) return false;
    bool any = task[Reg::KernelCfg] || task[Reg::MACCfg];
    for (int i = 0; i < 16; ++i) any = any || task[Reg::CoeffDMAConfig0 + i];
    return any;
  };
  if (const auto count = std::count_if(tasks_.begin(), tasks_.end(), has_kernel_words))
    result_.warnings.push_back(
        fmt::format("{} of {} tasks are PE tasks with kernel words (KernelCfg, MACCfg, CoeffDMAConfig), as "
                    "compilers since 7.6.4 "
                    "write them; reports disagree on whether this driver runs them or gives 0; programs of "
                    "--compat 5.4.1 have "
                    "none",
                    count, tasks_.size()));
}

// omarchy's library finds a surface's role in header word 8 of the tasks.
void Conversion::warn_of_roles() {
  const File& file = result_.file;
  for (const std::string& contradiction : contradictions(file, decode_tasks(file)))
    result_.warnings.push_back(contradiction + "; the program will compute from the wrong buffers");
  if (options_.driver != Driver::Omarchy) return;
  const std::array<Use, channel_count> used = uses(decode_tasks(file));
  for (uint32_t i = 0; i < file.dst_count; ++i)
    if (used[file.output_channel(i)].reads)
      result_.warnings.push_back(
          fmt::format("output '{}' is also read by tasks; this driver takes roles from the tasks "
                      "and may call it an input",
                      result_.names[file.output_channel(i)]));
  for (uint32_t i = 0; i < file.src_count; ++i)
    if (!used[file.input_channel(i)].reads)
      result_.warnings.push_back(
          fmt::format("input '{}' is read by no task; this driver takes roles from the tasks and "
                      "may not find it",
                      result_.names[file.input_channel(i)]));
  for (const hwx::Surface& surface : program_.surfaces)
    if (surface.element_size != 2)
      result_.warnings.push_back(
          fmt::format("surface '{}' has elements of {} byte; the container cannot say so: send "
                      "and read it as whole buffers",
                      surface.binding, surface.element_size));
}

Converted Conversion::run() {
  check_program();
  File& file = result_.file;
  file.name = program_.name;
  file.header_size =
      options_.header_size.value_or(options_.driver == Driver::Eiln ? short_header : long_header);
  file.td_size = 4 * program_.first_task_words;
  file.td_count = static_cast<uint32_t>(tasks_.size());
  file.tasks = program_.text;
  file.constants = program_.constants;
  file.constants.resize(hwx::constant_section_size(program_));
  file.tiles[command_channel] = tiles_of(file.contents_size());
  number_channels();
  for (const Task& task : tasks_) check_task(task);
  write_headers();
  warn_of_kernel_words();
  warn_of_roles();
  return std::move(result_);
}

}  // namespace

Converted from_hwx(const hwx::File& program, const Options& options) {
  hwx::require_h13(program, "the Linux drivers' library");
  return Conversion(program, options).run();
}

}  // namespace ane::anec
