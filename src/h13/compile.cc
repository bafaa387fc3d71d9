#include "h13/compile.h"

#include <fmt/format.h>

#include <set>

#include "base/error.h"
#include "h13/emit.h"
#include "h13/lower.h"
#include "h13/memory_plan.h"
#include "h13/on_chip.h"
#include "h13/split.h"

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
  }
  Bytes constants;
  for (size_t i = 0; i < program.buffers.size(); ++i) {
    Buffer& buffer = program.buffers[i];
    if (buffer.kind != BufferKind::Constant || !read.contains(static_cast<int>(i))) continue;
    buffer.base = round_up(static_cast<int64_t>(constants.size()), target.dma_alignment);
    constants.resize(static_cast<size_t>(buffer.base));
    constants.insert(constants.end(), buffer.constant.bytes.begin(), buffer.constant.bytes.end());
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

// Every enabled coefficient stream is a place that a loader may patch.
std::vector<hwx::ConstantTile> constant_tiles(const std::vector<Task>& tasks, const Target& target) {
  std::vector<hwx::ConstantTile> tiles;
  for (const Task& task : tasks) {
    if (!task.get(HeaderField::KBE0) || task.get(HeaderField::KBase0) != 1) continue;
    for (int i = 0; i < target.engines; ++i)
      if (task[Reg::CoeffDMAConfig0 + i] & 1)
        tiles.push_back({offset_in_stream(task, Reg::CoeffBaseAddr0 + i), static_cast<uint32_t>(i),
                         task[Reg::CoeffBaseAddr0 + i], ""});
  }
  return tiles;
}

// Engine operations that fit the engine and the on-chip memory. Tensors stay on chip where they can; those
// that turn out not to fit beside the operands of some task go to DRAM.
Lowered placed(const aneir::Network& network, const Compat& compat, const Target& target) {
  std::set<aneir::TensorId> in_dram;
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

Program compile_network(const aneir::Network& network, const Compat& compat, const Target& target) {
  Lowered lowered = placed(network, compat, target);
  if (lowered.surfaces.size() > 28)
    throw Error("", "",
                fmt::format("the network has {} inputs and outputs; the engine addresses 28",
                            lowered.surfaces.size()),
                "split the network");

  // Scratch and constants get their places; the plan is proven before anything relies on it.
  Program program;
  program.file.dialect = compat.dialect;
  program.file.network = network.name;
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
  program.file.tiles = constant_tiles(program.tasks, target);
  hwx::assign_addresses(program.file);

  for (const EngineOp& op : emitted.ops)
    program.infos.push_back({op.unit, op.layer, describe(op), op.source, op.destination, cost(op, target),
                             std::holds_alternative<WindowPool>(op.work)});
  program.engine = std::move(lowered.program);
  return program;
}

}  // namespace ane::h13
