// Small programs with known slots: two PE tasks, or what a test makes of them.
#pragma once

#include "anec/from_hwx.h"
#include "sim/task_builder.h"

namespace ane::anec::test {

using h13::Reg;
using h13::Task;
using sim::test::Program;
using sim::test::Size;

constexpr Size image{3, 4, 20};

// z = x + y through scratch memory: task 0 copies x to scratch, task 1 adds y. The output has a slot between
// its inputs, as compilers since 7.6.4 give it when its name sorts there.
inline Program add_through_scratch() {
  Program program;
  program.file.dialect = hwx::Dialect::C;
  const uint32_t x = program.add_input("x", image), z = program.add_output("xz", image),
                 y = program.add_input("y", image);
  program.file.scratch_bytes = 0x1000;
  Task copy = sim::test::copy_task(image);
  read_dram(copy, x, image);
  write_dram(copy, sim::test::scratch, image);
  Task add = sim::test::planar_task(image, 3);
  read_dram(add, sim::test::scratch, image);
  read_dram2(add, y, image);
  write_dram(add, z, image);
  program.tasks = {copy, add};
  program.file.text = h13::encode_tasks(program.tasks);
  program.file.first_task_words = program.tasks[0].words();
  return program;
}

// Encodes the tasks again after a change.
inline void encode(Program& program) {
  program.file.text = h13::encode_tasks(program.tasks);
  program.file.first_task_words = program.tasks[0].words();
}

// The program in `file` as the engine sees it under Linux: its tasks, and surfaces bound to the channels that
// carry their names.
inline hwx::File bound(const hwx::File& original, const Converted& converted) {
  hwx::File file = original;
  file.text = converted.file.tasks;
  file.constants = converted.file.constants;
  for (hwx::Surface& surface : file.surfaces)
    for (uint32_t channel = first_surface_channel; channel < channel_count; ++channel)
      if (converted.names[channel] == surface.binding) surface.slot = channel;
  return file;
}

// All outputs, by the order of the surfaces, for inputs that depend on their names alone.
inline std::vector<std::vector<float>> simulate(const hwx::File& file) {
  sim::Simulator simulator(file);
  uint32_t seed = 1;
  for (const hwx::Surface& surface : file.surfaces)
    if (surface.role == hwx::Role::Input)
      simulator.set_input(surface.binding,
                          sim::test::random_values(surface.n * surface.c * surface.h * surface.w, seed++, 4));
  simulator.run();
  std::vector<std::vector<float>> outputs;
  for (const hwx::Surface& surface : file.surfaces)
    if (surface.role == hwx::Role::Output) outputs.push_back(simulator.output(surface.binding).data);
  return outputs;
}

}  // namespace ane::anec::test
