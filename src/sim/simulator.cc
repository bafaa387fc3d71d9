// Runs a program: buffers from the file, then task after task, each to completion.
//
// What belongs to one task stands in descriptor.cc (limits), neural.cc and planar.cc (results). What links
// tasks stands here: whose data a source is, and whether the task said that it would wait for it.
#include "sim/simulator.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "sim/descriptor.h"
#include "sim/dma.h"
#include "sim/dram_order.h"
#include "sim/kernels.h"
#include "sim/neural.h"
#include "sim/ordering.h"
#include "sim/planar.h"

namespace ane::sim {

namespace {

using h13::Field;
using h13::HeaderField;

constexpr uint64_t l2_size = 2u << 20;
constexpr uint64_t address_space = 1ull << 32;  // of the engine's DMA
constexpr uint64_t constants_without_any = 0x4000;
constexpr uint32_t constant_slot = 1, scratch_slot = 3, first_surface_slot = 4;
constexpr uint32_t element_uint8 = 3, element_int8 = 2, element_half = 5;

Format format_of(const hwx::Surface& surface, const std::string& file) {
  switch (surface.element_code) {
    case element_uint8:
      return Format::UInt8;
    case element_int8:
      return Format::Int8;
    case element_half:
      return Format::Half;
    default:
      throw Error(file, "surface " + surface.binding,
                  fmt::format("element type {} is not modelled", surface.element_code));
  }
}

// A surface's batch is its outermost axis, which views call groups.
View view_of(const hwx::Surface& surface, Memory& memory, const std::string& file) {
  View view;
  view.memory = &memory;
  view.row = static_cast<uint64_t>(surface.row_stride);
  view.plane = static_cast<uint64_t>(surface.plane_stride);
  view.group = static_cast<uint64_t>(surface.batch_stride);
  view.format = format_of(surface, file);
  return view;
}

Shape shape_of(const hwx::Surface& surface) {
  return {surface.n, 1, surface.c, surface.h, surface.w};
}

void check_surface(const hwx::Surface& surface, const std::string& file) {
  uint64_t elements = 1;
  for (const int64_t extent : {surface.n, surface.c, surface.h, surface.w}) {
    if (extent < 1 || extent > surface.total)
      throw Error(file, "surface " + surface.binding, "an extent does not fit its bytes");
    elements *= static_cast<uint64_t>(extent);
    if (elements > static_cast<uint64_t>(surface.total))
      throw Error(file, "surface " + surface.binding, "its extents do not fit its bytes");
  }
}

std::string text_of(const Shape& shape) {
  std::string text = fmt::format("{}x{}x{}", shape.channels, shape.height, shape.width);
  if (shape.depth > 1) text = fmt::format("{}x{}", shape.depth, text);
  return shape.groups > 1 ? fmt::format("{}*{}", shape.groups, text) : text;
}

std::string text_of(const View& view) {
  return fmt::format("{}+0x{:x}", view.memory->name(), view.base);
}

}  // namespace

struct Simulator::State {
  std::string name;
  std::vector<h13::Task> tasks;
  std::vector<hwx::Surface> surfaces;
  std::vector<std::unique_ptr<Memory>> memories;
  std::map<std::string, Memory*> by_binding;
  Slots slots{};
  std::set<const Memory*> filled;   // inputs
  const Memory::Contents contents;  // None: to be checked only
  Memory l2{"L2", l2_size, contents};
  L2Order order;
  DramOrder dram{order};
  Statistics statistics;

  State(const hwx::File& file, Memory::Contents wanted);
  Memory& add(uint32_t slot, std::string memory_name, uint64_t size);
  const hwx::Surface& find(const std::string& binding, hwx::Role role) const;
  std::string run_task(int64_t index);
  // A task's place in the order of L2 and DRAM, without its numbers. Returns the tasks whose results it
  // reads.
  Origins check_task(const Descriptor& descriptor, int64_t index);
  void reset();
  void begin();
  // Throws Error when a byte of an output was never written.
  void check_outputs();

 private:
  void read_source(const Operand& operand, bool first, int64_t index, std::set<int64_t>& sources);
  Tensor load_source(const Operand& operand);
  void check_runtime_kernel(const h13::Task& task, const Descriptor& descriptor, int64_t index,
                            std::set<int64_t>& sources);
  void count_dram(const View& view, const Shape& shape, uint64_t& counter);
  void leave_result(const Descriptor& descriptor, const Tensor& result);
  friend class Simulator;
};

Simulator::State::State(const hwx::File& file, Memory::Contents wanted)
    : name(file.name), surfaces(file.surfaces), contents(wanted) {
  hwx::require_h13(file, "the simulator");
  tasks = h13::decode_tasks(file.text, file.first_task_words, file.name);
  uint64_t sum = file.scratch_bytes;
  for (const hwx::Surface& surface : surfaces) {
    if (surface.total < 1 || static_cast<uint64_t>(surface.total) > address_space)
      throw Error(name, "surface " + surface.binding, "its size is outside of the engine's 4 GiB");
    check_surface(surface, name);
    sum += static_cast<uint64_t>(surface.total);
  }
  if (file.scratch_bytes > address_space || sum > address_space)
    throw Error(name, "", "scratch and surfaces exceed the engine's 4 GiB");

  const uint64_t constant_bytes = file.constants.empty() ? constants_without_any : file.constants.size();
  Memory& constants = add(constant_slot, "constants", constant_bytes);
  if (contents == Memory::Contents::Zeros)
    std::copy(file.constants.begin(), file.constants.end(), constants.write(0, constant_bytes));
  if (file.scratch_bytes > 0) add(scratch_slot, "scratch", file.scratch_bytes);
  for (const hwx::Surface& surface : surfaces) {
    const bool input = surface.role == hwx::Role::Input;
    if (surface.slot < first_surface_slot || surface.slot >= slots.size() || slots[surface.slot])
      throw Error(name, "surface " + surface.binding, fmt::format("cannot have buffer {}", surface.slot));
    Memory& memory = add(surface.slot, fmt::format("{} '{}'", input ? "input" : "output", surface.binding),
                         static_cast<uint64_t>(surface.total));
    range_of(view_of(surface, memory, name), shape_of(surface));
    if (!by_binding.emplace(surface.binding, &memory).second)
      throw Error(name, "surface " + surface.binding, "two surfaces have this name");
  }
}

Memory& Simulator::State::add(uint32_t slot, std::string memory_name, uint64_t size) {
  memories.push_back(std::make_unique<Memory>(std::move(memory_name), size, contents));
  slots[slot] = memories.back().get();
  return *memories.back();
}

const hwx::Surface& Simulator::State::find(const std::string& binding, hwx::Role role) const {
  for (const hwx::Surface& surface : surfaces)
    if (surface.role == role && surface.binding == binding) return surface;
  std::string known;
  for (const hwx::Surface& surface : surfaces)
    if (surface.role == role) known += (known.empty() ? "" : ", ") + surface.binding;
  throw Error(name, "", fmt::format("has no {} '{}'", role == hwx::Role::Input ? "input" : "output", binding),
              "it has " + known);
}

// No task has run; the host has filled what it fills.
void Simulator::State::begin() {
  order.reset();
  dram.reset();
  dram.fill(*slots[constant_slot]);
  for (const Memory* memory : filled) dram.fill(*memory);
}

void Simulator::State::reset() {
  for (const hwx::Surface& surface : surfaces)
    if (surface.role == hwx::Role::Output) by_binding.at(surface.binding)->forget_all();
  if (slots[scratch_slot]) slots[scratch_slot]->forget_all();
  l2.forget_all();
  begin();
  statistics = {};
}

// Coefficients computed by the program itself: the task's extra header word names the task that wrote them,
// or the last of several.
void Simulator::State::check_runtime_kernel(const h13::Task& task, const Descriptor& descriptor,
                                            int64_t index, std::set<int64_t>& sources) {
  if (!task.get(HeaderField::KBE0) || task.get(HeaderField::KBase0) != scratch_slot) return;
  if (!task.get(HeaderField::TDE)) throw Hazard("coefficients from scratch without the extra header word");
  const Memory* scratch = slots[scratch_slot];
  if (!scratch) throw Hazard("coefficients from scratch, which the program has none of");
  constexpr int engines = 16;
  const int64_t lanes = std::max<int64_t>(1, descriptor.output.channels / engines);
  const auto bytes = static_cast<uint64_t>(inputs_per_output(task, descriptor) * lanes * 2);
  std::set<int64_t> writers;
  for (int engine = 0; engine < engines; ++engine) {
    if (!(task[h13::Reg::CoeffDMAConfig0 + engine] & 1)) continue;
    const uint64_t begin = task[h13::Reg::CoeffBaseAddr0 + engine];
    scratch->check_range(begin, bytes);
    dram.read(*scratch, begin, begin + bytes, index, writers);
  }
  const int64_t writer = writers.empty() ? no_task : *writers.rbegin();
  if (writer != task.get(HeaderField::DTID))
    throw Hazard(fmt::format("coefficients written by task {}, but the header waits for task {}", writer,
                             task.get(HeaderField::DTID)));
  order.wait_for(writer);
  sources.merge(writers);
}

void Simulator::State::count_dram(const View& view, const Shape& shape, uint64_t& counter) {
  counter += static_cast<uint64_t>(shape.elements()) * bytes_of(view.format);
}

void Simulator::State::read_source(const Operand& operand, bool first, int64_t index,
                                   std::set<int64_t>& sources) {
  if (operand.dram)
    dram.read(operand, first, index, sources);
  else
    order.read(operand.view, operand.shape, sources);
}

Tensor Simulator::State::load_source(const Operand& operand) {
  if (operand.dram) count_dram(operand.view, operand.shape, statistics.dram_bytes_read);
  return load(operand.view, operand.shape);
}

void Simulator::State::leave_result(const Descriptor& descriptor, const Tensor& result) {
  if (descriptor.staging) {
    l2.forget(descriptor.staging->begin, descriptor.staging->end - descriptor.staging->begin);
    count_dram(descriptor.result, descriptor.output, statistics.dram_bytes_written);
  }
  store(descriptor.result, result);
}

void Simulator::State::check_outputs() {
  for (const hwx::Surface& surface : surfaces) {
    if (surface.role != hwx::Role::Output) continue;
    try {
      dram.need_written(view_of(surface, *by_binding.at(surface.binding), name), shape_of(surface));
    } catch (const Hazard& hazard) {
      throw Error(name, "output " + surface.binding, hazard.what());
    }
  }
}

Origins Simulator::State::check_task(const Descriptor& descriptor, int64_t index) {
  const h13::Task& task = tasks[static_cast<size_t>(index)];
  Origins sources;
  order.begin(descriptor);
  read_source(descriptor.source, true, index, sources[0]);
  // What streams through L2 replaces what was there, before anything reads it again.
  if (descriptor.ring) order.fill(*descriptor.ring);
  if (descriptor.keep) order.fill(*descriptor.keep, descriptor.source.shape);
  if (descriptor.source2) read_source(*descriptor.source2, false, index, sources[1]);
  if (descriptor.ring2) order.fill(*descriptor.ring2);
  if (descriptor.engine() == Engine::Neural) check_runtime_kernel(task, descriptor, index, sources[2]);
  order.begin_result(descriptor);
  if (descriptor.staging)
    order.stage(*descriptor.staging);
  else
    order.write(descriptor);
  if (descriptor.result_in_dram) dram.write(descriptor.result, descriptor.output, index);
  return sources;
}

std::string Simulator::State::run_task(int64_t index) {
  const h13::Task& task = tasks[static_cast<size_t>(index)];
  const Descriptor descriptor = describe(task, slots, l2);
  check_task(descriptor, index);
  Tensor source = load_source(descriptor.source);
  // The way of a source between DRAM and engine: nobody reads these bytes again.
  if (descriptor.ring) l2.forget(descriptor.ring->begin, descriptor.ring->end - descriptor.ring->begin);
  if (descriptor.keep) store(*descriptor.keep, source);
  std::optional<Tensor> source2;
  if (descriptor.source2) source2 = load_source(*descriptor.source2);
  if (descriptor.ring2) l2.forget(descriptor.ring2->begin, descriptor.ring2->end - descriptor.ring2->begin);

  std::string what;
  std::optional<Tensor> result;
  if (descriptor.engine() == Engine::Neural) {
    const Coefficients coefficients = read_coefficients(task, descriptor, slots);
    if (descriptor.source.relu)
      for (float& value : source.data) value = std::max(value, 0.0f);
    NeuralResult computed = run_neural(task, descriptor, source, coefficients);
    statistics.coefficient_bytes += coefficients.bytes;
    statistics.multiply_accumulates += computed.multiply_accumulates;
    result = std::move(computed.tensor);
    what = "NE " + describe_neural(task, descriptor);
  } else {
    result = run_planar(task, descriptor, source, source2 ? &*source2 : nullptr);
    what = "PE " + describe_planar(task);
  }
  leave_result(descriptor, *result);
  const std::string second = descriptor.source2 ? fmt::format(", {} {}", text_of(descriptor.source2->view),
                                                              text_of(descriptor.source2->shape))
                                                : "";
  return fmt::format("task {}: {}; {} {}{} -> {} {}", index, what, text_of(descriptor.source.view),
                     text_of(descriptor.source.shape), second, text_of(descriptor.result),
                     text_of(descriptor.output));
}

std::vector<Origins> Simulator::check(const hwx::File& file) {
  try {
    State state(file, Memory::Contents::None);
    for (const hwx::Surface& surface : state.surfaces)
      if (surface.role == hwx::Role::Input) state.filled.insert(state.by_binding.at(surface.binding));
    state.begin();
    std::vector<Origins> sources;
    for (size_t i = 0; i < state.tasks.size(); ++i) {
      try {
        const Descriptor descriptor = describe(state.tasks[i], state.slots, state.l2);
        sources.push_back(state.check_task(descriptor, static_cast<int64_t>(i)));
      } catch (const Hazard& hazard) {
        throw Error(state.name, fmt::format("task {}", i), hazard.what());
      }
    }
    state.check_outputs();
    return sources;
  } catch (const Hazard& hazard) {
    throw Error(file.name, "", hazard.what());
  }
}

Simulator::Simulator(const hwx::File& file) {
  try {
    state_ = std::make_unique<State>(file, Memory::Contents::Zeros);
  } catch (const Hazard& hazard) {
    throw Error(file.name, "", hazard.what());
  }
}
Simulator::~Simulator() = default;
Simulator::Simulator(Simulator&&) noexcept = default;

void Simulator::set_input(const std::string& binding, const std::vector<float>& values) {
  const hwx::Surface& surface = state_->find(binding, hwx::Role::Input);
  Tensor tensor(shape_of(surface));
  if (values.size() != tensor.data.size())
    throw Error(state_->name, "input " + binding,
                fmt::format("{} values given where {}x{}x{}x{} belong", values.size(), surface.n, surface.c,
                            surface.h, surface.w));
  tensor.data = values;
  Memory& memory = *state_->by_binding.at(binding);
  // Hosts clear the padding between rows.
  memory.write(0, memory.size());
  state_->filled.insert(&memory);
  store(view_of(surface, memory, state_->name), tensor);
}

Statistics Simulator::run(const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  state_->reset();
  const size_t count = state_->tasks.size();
  for (size_t i = 0; i < count; ++i) {
    if (options.progress) options.progress(i, count);
    try {
      const std::string line = state_->run_task(static_cast<int64_t>(i));
      if (options.trace) options.trace(line);
    } catch (const Hazard& hazard) {
      throw Error(state_->name, fmt::format("task {}", i), hazard.what());
    }
  }
  state_->statistics.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return state_->statistics;
}

Values Simulator::output(const std::string& binding) const {
  const hwx::Surface& surface = state_->find(binding, hwx::Role::Output);
  try {
    Tensor tensor = load(view_of(surface, *state_->by_binding.at(binding), state_->name), shape_of(surface));
    return {surface.n, surface.c, surface.h, surface.w, std::move(tensor.data)};
  } catch (const Hazard& hazard) {
    throw Error(state_->name, "output " + binding, hazard.what());
  }
}

}  // namespace ane::sim
