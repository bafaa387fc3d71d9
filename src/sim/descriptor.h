// A task's registers as the engine understands them: shapes, operands, waits. Reading them checks every limit
// that hardware is known to have (docs/h13-semantics.md, constraints), so that the engines below need not.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "h13/task.h"
#include "sim/dma.h"

namespace ane::sim {

// Buffers by base address slot; nullptr where the program has none.
using Slots = std::array<Memory*, 32>;

enum class Engine : uint8_t { Neural, Planar };

// What a task does, by Cfg.TaskType.
enum class TaskType : uint8_t {
  Neural = 0,
  Pooling = 1,
  OneSource = 2,
  TwoSources = 3,
  GainOffset = 4,
  Reduction = 5,
  TwoSourceReduction = 6,
};

struct Window {
  int64_t width = 1, height = 1, stride_x = 1, stride_y = 1, pad_left = 0, pad_top = 0;
  int64_t outputs_x = 1, outputs_y = 1;  // output pixels for each step of the strides
};

// What a task waits for before it touches L2, of one engine.
struct Waits {
  bool results = false;  // all earlier tasks, to their end
  bool sources = false;  // all earlier tasks, until they have read their sources
  bool chained = false;  // the task just before, row by row
};
using EngineWaits = std::array<Waits, 2>;  // by Engine

struct Operand {
  View view;
  Shape shape;
  bool dram = false;
  bool relu = false;
  int dependency_mode = 0;
};

struct Descriptor {
  TaskType type = TaskType::Neural;
  Engine engine() const { return type == TaskType::Neural ? Engine::Neural : Engine::Planar; }
  bool reduces() const { return type == TaskType::Reduction || type == TaskType::TwoSourceReduction; }

  Shape input, output;  // in elements; the output of a reduction is already reduced
  Window window;
  bool pad_with_minimum = false;  // outside the image: -infinity instead of 0
  int engines = 1;                // neural engines at work
  int64_t tile_height = 1;

  Operand source;
  std::optional<Operand> source2;
  // The kept copy of source 1 in L2, and the piece of L2 that streaming source 1 and source 2 runs through.
  std::optional<View> keep;
  std::optional<Range> ring, ring2;
  View result;
  bool result_in_dram = false;
  // A result on its way to DRAM passes through L2 from here on; how far is not known.
  std::optional<Range> staging;
  EngineWaits waits;         // before the sources are read or filled in
  EngineWaits result_waits;  // before the result is written
  // The task's own input DMA waits for the end of the task before if that one drains: it ends only when its
  // result has arrived in DRAM.
  bool reads_dram = false, drains = false;
  bool loads_ahead = false;  // the input DMA may run before the task's turn on its engine
};

// Throws Hazard on anything a task must not say.
Descriptor describe(const h13::Task& task, const Slots& slots, Memory& l2);

}  // namespace ane::sim
