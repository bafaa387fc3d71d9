// A program as a graph of tasks. The words say where each task reads and writes; following the bytes gives
// the edges, for our programs and Apple's alike. Inputs, outputs and constants are boxes too.
#include <fmt/format.h>

#include "report/dot.h"
#include "report/flow.h"
#include "report/report.h"

namespace ane::report {

namespace {

using h13::Field;
using h13::HeaderField;
using h13::Reg;
using h13::Task;

constexpr uint32_t constants_slot = 1, scratch_slot = 3;

class TaskGraph {
 public:
  TaskGraph(const hwx::File& file, std::span<const Task> tasks, std::span<const h13::TaskInfo> infos)
      : file_(file), tasks_(tasks), infos_(infos) {}

  std::string run() {
    add_inputs();
    for (size_t i = 0; i < tasks_.size(); ++i) add_task(static_cast<int>(i));
    add_outputs();
    return graph_.text();
  }

 private:
  // Writers below 0 are input surfaces: -1 - index.
  static std::string node_of(int writer) {
    return writer >= 0 ? fmt::format("task{}", writer) : fmt::format("input{}", -1 - writer);
  }

  static Operand whole(const hwx::Surface& surface) {
    Operand operand;
    operand.slot = surface.slot;
    operand.width = surface.total, operand.element_size = 1;
    return operand;
  }

  void add_inputs() {
    for (size_t i = 0; i < file_.surfaces.size(); ++i) {
      const hwx::Surface& surface = file_.surfaces[i];
      if (surface.role != hwx::Role::Input) continue;
      const int writer = -1 - static_cast<int>(i);
      graph_.node(node_of(writer), Look::Input, surface.symbol, {"input", surface_shape(surface)});
      buffers_[surface.slot].write(whole(surface), writer);
    }
  }

  void add_outputs() {
    for (size_t i = 0; i < file_.surfaces.size(); ++i) {
      const hwx::Surface& surface = file_.surfaces[i];
      if (surface.role != hwx::Role::Output) continue;
      const std::string node = fmt::format("output{}", i);
      graph_.node(node, Look::Output, surface.symbol, {"output", surface_shape(surface)});
      for (const int writer : buffers_[surface.slot].writers(whole(surface)))
        graph_.edge(node_of(writer), node, {surface_shape(surface)});
    }
  }

  static std::string surface_shape(const hwx::Surface& surface) {
    return dimensions({surface.n, 1, surface.c, surface.h, surface.w});
  }

  std::string buffer_name(uint32_t slot) const {
    for (const hwx::Surface& surface : file_.surfaces)
      if (surface.slot == slot) return surface.symbol;
    return slot == constants_slot ? "constants"
           : slot == scratch_slot ? "scratch"
                                  : fmt::format("buffer {}", slot);
  }

  std::string place(const Operand& operand) const {
    return fmt::format("{}+0x{:x}", operand.on_chip ? "L2" : buffer_name(operand.slot), operand.base);
  }

  void add_task(int index) {
    const Task& task = tasks_[static_cast<size_t>(index)];
    const TaskOperands operands = operands_of(task);
    const bool neural = task.get(Field::Cfg_TaskType) == 0;
    const h13::TaskInfo* info = infos_.empty() ? nullptr : &infos_[static_cast<size_t>(index)];
    graph_.node(node_of(index), neural ? Look::Neural : Look::Planar,
                fmt::format("{} {}{}", index, neural ? "NE" : "PE", info ? ": " + info->work : ""),
                task_lines(task, operands, info), info && info->experimental);
    read(index, operands.source);
    if (operands.source2) read(index, *operands.source2);
    if (operands.coefficients_from_scratch) read_coefficients(index, task);
    if (operands.kept) on_chip_.write(*operands.kept, index);
    memory(operands.result).write(operands.result, index);
  }

  std::vector<std::string> task_lines(const Task& task, const TaskOperands& operands,
                                      const h13::TaskInfo* info) const {
    std::vector<std::string> lines;
    if (info) {
      lines.push_back("Layer: " + info->layer);
      if (info->unit != info->layer) lines.push_back("Unit: " + info->unit);
      if (info->experimental) lines.push_back("Experimental: no public program shows this form");
    }
    const uint32_t height = task.get(Field::OutDim_Hout), tile = task.get(Field::TileCfg_TileHeight);
    lines.push_back(tile < height ? fmt::format("Tile: {} of {} rows", tile, height)
                                  : fmt::format("Tile: {} rows", tile));
    if (task.get(Field::Cfg_TaskType) == 0) {
      lines.push_back(fmt::format("Kernel: {}×{}, stride {}×{}, engines: {}", task.get(Field::ConvCfg_Kh),
                                  task.get(Field::ConvCfg_Kw), task.get(Field::ConvCfg_Sy),
                                  task.get(Field::ConvCfg_Sx), 1 << task.get(Field::Cfg_ActiveNE)));
      if (const uint64_t bytes = coefficient_bytes(task))
        lines.push_back(fmt::format("Coefficients: {} bytes", bytes));
    }
    lines.push_back("In: " + place(operands.source));
    if (operands.source2) lines.push_back("In 2: " + place(*operands.source2));
    lines.push_back(fmt::format("Out: {}, {}", place(operands.result), dimensions(operands.result.shape())));
    if (info) lines.push_back(fmt::format("Estimate: {:.1f} us", info->cost.microseconds));
    return lines;
  }

  static uint64_t coefficient_bytes(const Task& task) {
    uint64_t bytes = 0;
    for (int i = 0; i < 16; ++i)
      if (task[Reg::CoeffDMAConfig0 + i] & 1) bytes += task[Reg::CoeffBfrSize0 + i];
    return bytes;
  }

  WriterMap& memory(const Operand& operand) { return operand.on_chip ? on_chip_ : buffers_[operand.slot]; }

  void read(int index, const Operand& operand) {
    if (!operand.on_chip && operand.slot == constants_slot) add_constant(index, operand);
    const std::set<int> writers = memory(operand).writers(operand);
    const std::string shape = dimensions(operand.shape());
    for (const int writer : writers)
      graph_.edge(node_of(writer), node_of(index),
                  {(writers.size() > 1 ? "part of " : "") + shape, place(operand)});
  }

  // Weights that an earlier task wrote to scratch.
  void read_coefficients(int index, const Task& task) {
    std::set<int> writers;
    uint64_t bytes = 0;
    for (int i = 0; i < 16; ++i) {
      if (!(task[Reg::CoeffDMAConfig0 + i] & 1)) continue;
      Operand block;
      block.slot = scratch_slot, block.base = task[Reg::CoeffBaseAddr0 + i];
      block.width = task[Reg::CoeffBfrSize0 + i], block.element_size = 1;
      bytes += task[Reg::CoeffBfrSize0 + i];
      writers.merge(buffers_[scratch_slot].writers(block));
    }
    for (const int writer : writers)
      graph_.edge(node_of(writer), node_of(index), {fmt::format("coefficients, {} bytes", bytes)});
  }

  void add_constant(int index, const Operand& operand) {
    const std::string node = fmt::format("constant{}", index);
    graph_.node(node, Look::Constant, place(operand), {dimensions(operand.shape())});
    graph_.edge(node, node_of(index), {dimensions(operand.shape())});
  }

  const hwx::File& file_;
  std::span<const Task> tasks_;
  std::span<const h13::TaskInfo> infos_;
  Graph graph_{"Tasks", "groups × D × C × H × W as the task reads them; orange: NE, green: PE"};
  std::map<uint32_t, WriterMap> buffers_;  // by slot
  WriterMap on_chip_;
};

}  // namespace

std::string tasks_dot(const hwx::File& file, std::span<const h13::Task> tasks,
                      std::span<const h13::TaskInfo> infos) {
  return TaskGraph(file, tasks, infos).run();
}

std::string tasks_dot(const h13::Program& program) {
  return tasks_dot(program.file, program.tasks, program.infos);
}

}  // namespace ane::report
