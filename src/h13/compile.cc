#include "h13/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "h13/data_flow.h"
#include "h13/emit.h"
#include "h13/lower.h"
#include "h13/memory_plan.h"
#include "h13/on_chip.h"
#include "h13/split.h"
#include "hwx/tiles.h"

namespace ane::h13 {

namespace {

// Outputs carry a tail in the source network's name space, so that they cannot meet a unit's name.
std::string symbol_of(const ProgramSurface& surface) {
  return surface.output ? surface.name + "@output" : surface.name;
}

hwx::Surface surface_of(const ProgramSurface& from) {
  hwx::Surface surface;
  surface.role = from.output ? hwx::Role::Output : hwx::Role::Input;
  surface.symbol = symbol_of(from);
  surface.n = from.shape.n, surface.c = from.shape.c, surface.h = from.shape.h, surface.w = from.shape.w;
  if (from.bytes) surface.element_code = 3, surface.element_size = 1;
  hwx::layout(surface);
  return surface;
}

// Constant operands that some task reads first, each aligned, then coefficients as tasks are emitted.
Bytes place_constants(EngineProgram& program, const Target& target) {
  std::set<int> read;
  for (const EngineOp& op : program.ops) {
    read.insert(op.source.buffer);
    if (op.source2) read.insert(op.source2->buffer);
    const auto* convolution = std::get_if<Convolution>(&op.work);
    if (convolution && convolution->kernel) read.insert(convolution->kernel->buffer);
  }
  const auto is_placed = [&](size_t i) {
    return program.buffers[i].kind == BufferKind::Constant && read.contains(static_cast<int>(i));
  };
  size_t room = coefficient_room(program, target);
  for (size_t i = 0; i < program.buffers.size(); ++i)
    if (is_placed(i))
      room += program.buffers[i].constant.bytes.size() + static_cast<size_t>(target.dma_alignment);
  Bytes constants;
  constants.reserve(room);
  for (size_t i = 0; i < program.buffers.size(); ++i) {
    Buffer& buffer = program.buffers[i];
    if (!is_placed(i)) continue;
    buffer.base = round_up(static_cast<int64_t>(constants.size()), target.dma_alignment);
    constants.resize(static_cast<size_t>(buffer.base));
    constants.insert(constants.end(), buffer.constant.bytes.begin(), buffer.constant.bytes.end());
    buffer.constant = {};
  }
  return constants;
}

// The slot that tasks name each buffer by. Slots depend on the order of surfaces alone, not on addresses, so
// they are known before the tasks are.
Binding bind_buffers(const EngineProgram& program, const std::vector<ProgramSurface>& surfaces,
                     hwx::File file) {
  hwx::assign_addresses(file);
  Binding binding;
  for (const Buffer& buffer : program.buffers) {
    uint32_t slot = buffer.kind == BufferKind::Scratch ? 3 : 1;
    if (buffer.kind == BufferKind::Surface) {
      const ProgramSurface& wanted = surfaces[static_cast<size_t>(buffer.surface)];
      for (const hwx::Surface& surface : file.surfaces)
        if ((surface.role == hwx::Role::Output) == wanted.output && surface.symbol == symbol_of(wanted))
          slot = surface.slot;
    }
    binding.slots.push_back(slot);
    binding.bases.push_back(buffer.base);
  }
  return binding;
}

// Engine operations that fit the engine and the on-chip memory. Tensors stay on chip where they can; those
// that turn out not to fit beside the operands of some task go to DRAM.
Lowered placed(const aneir::Network& network, const Compat& compat, const Target& target, bool optimise) {
  std::set<aneir::TensorId> in_dram;
  if (!optimise)
    for (size_t i = 0; i < network.tensors.size(); ++i) in_dram.insert(static_cast<aneir::TensorId>(i));
  for (;;) {
    // Units become engine operations, tensors get layouts. After this nothing knows the network any more.
    Lowered lowered = lower(network, compat, target, in_dram);

    // Operations that exceed an engine limit are cut. After this every operation fits.
    split(lowered.program, target);

    // Operands get their places in L2, and tasks what they wait for.
    const std::set<aneir::TensorId> leaving = plan_on_chip(lowered.program, compat, target, in_dram);
    if (leaving.empty()) {
      check_on_chip(lowered.program, target);
      return lowered;
    }
    const size_t before = in_dram.size();
    in_dram.insert(leaving.begin(), leaving.end());
    ensure(in_dram.size() > before, "a tensor does not leave the on-chip memory");
  }
}

}  // namespace

Plan plan_network(const aneir::Network& network, const Compat& compat, const Target& target, bool optimise) {
  const Lowered lowered = placed(network, compat, target, optimise);
  Plan plan;
  plan.tasks = lowered.program.ops.size();
  for (const EngineOp& op : lowered.program.ops) add(plan.cost, cost(op, target));
  for (const int64_t bytes : bytes_on_chip(lowered.program))
    plan.cost.l2_bytes = std::max(plan.cost.l2_bytes, bytes);
  return plan;
}

Program compile_network(aneir::Network network, const Compat& compat, const Target& target, bool optimise) {
  Lowered lowered = placed(network, compat, target, optimise);
  const std::string name = std::move(network.name);
  network = {};
  if (lowered.surfaces.size() > 28)
    throw Error("", "",
                fmt::format("the network has {} inputs and outputs; the engine addresses 28",
                            lowered.surfaces.size()),
                "split the network");

  // Scratch and constants get their places; the plan is proven before anything relies on it.
  Program program;
  program.file.dialect = compat.dialect;
  program.file.network = name;
  program.sources = data_flow(lowered.program);
  program.file.scratch_bytes = static_cast<uint64_t>(plan_scratch(lowered.program, target));
  check_scratch(lowered.program);
  Bytes constants = place_constants(lowered.program, target);

  // Surfaces get their slots, which task headers name.
  for (const ProgramSurface& surface : lowered.surfaces) program.file.surfaces.push_back(surface_of(surface));
  const Binding binding = bind_buffers(lowered.program, lowered.surfaces, program.file);

  // Operations become words, then bytes.
  Emitted emitted = emit(lowered.program, binding, std::move(constants), compat, target);
  program.tasks = std::move(emitted.tasks);
  program.file.text = encode_tasks(program.tasks);
  program.file.constants = std::move(emitted.constants);
  program.file.first_task_words = program.tasks.empty() ? 0 : program.tasks[0].words();
  program.file.tiles = hwx::constant_tiles(program.tasks);
  hwx::assign_addresses(program.file);

  const std::vector<int64_t> on_chip = bytes_on_chip(lowered.program);
  for (size_t i = 0; i < lowered.program.ops.size(); ++i) {
    const EngineOp& op = lowered.program.ops[i];
    program.infos.push_back({op.unit, op.layer, describe(op), op.source, op.destination, cost(op, target),
                             std::holds_alternative<WindowPool>(op.work)});
    program.infos.back().cost.l2_bytes = on_chip[i];
    program.infos.back().cost.header_microseconds = time_estimate(op, program.tasks[i], target);
  }
  return program;
}

}  // namespace ane::h13
