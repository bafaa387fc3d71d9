// Captures made up by hand: one task, in the form of an .oracle file.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

#include "sim/task_builder.h"

namespace ane::oracle::test {

inline const sim::test::Size image{4, 3, 10};

inline std::string task_lines(h13::Task task) {
  std::vector<h13::Task> tasks{task};
  h13::encode_tasks(tasks);
  std::string text = fmt::format("task 0 bytes={}\n  h {:08x}\n", 4 * tasks[0].words(),
                                 fmt::join(tasks[0].header.begin(), tasks[0].header.begin() + 10, " "));
  for (const h13::Record& record : tasks[0].records) {
    text += fmt::format("  @{:05x}", record.address);
    for (uint32_t i = 0; i < record.count; ++i) {
      const h13::Reg reg = h13::register_at(record.address + 4 * i);
      text += fmt::format(" {:08x}", reg == h13::Reg::Count ? 0 : tasks[0][reg]);
    }
    text += '\n';
  }
  return text;
}

inline std::string capture_text(const std::string& mil, const std::string& constants, const h13::Task& task) {
  return fmt::format(
      "case made\nmil {}\nweights none\nprogram tasks=1 resources=30000000,30004000\n"
      "tensor in binding=1 elem=5 shape=1,4,3,10\ntensor out binding=2 elem=5 shape=1,4,3,10\nconst {}\n{}",
      mil, constants, task_lines(task));
}

// A copy, made a ReLU.
inline h13::Task relu_task() {
  h13::Task task = sim::test::copy_task(image);
  sim::test::read_dram(task, 4, image), sim::test::write_dram(task, 5, image);
  task.set(h13::Field::MACCfg_NonlinearMode, 1);
  return task;
}
inline std::string relu_capture() {
  return capture_text("x[1,4,3,10] ; y[1,4,3,10] = relu(x) -> y", "size=16384", relu_task());
}

// A 1x1 convolution of 4 to 3 channels; the stream of each engine has four weights.
inline h13::Task convolution_task() {
  const sim::test::Size out{3, 3, 10};
  h13::Task task = sim::test::neural_task(image, out, 2);
  sim::test::read_dram(task, 4, image), sim::test::write_dram(task, 5, out);
  Bytes section;
  sim::test::add_blocks(task, section, Blocks(3));
  for (int engine = 0; engine < 3; ++engine) {
    task[h13::Reg::CoeffBaseAddr0 + engine] = static_cast<uint32_t>(64 * engine);
    task[h13::Reg::CoeffBfrSize0 + engine] = 64;
  }
  return task;
}
inline std::string convolution_capture(const std::string& constants = "size=192") {
  return capture_text(
      "unrecorded; conv kernel 1x1 stride 1 groups 1 bias 0 pad_type valid input [1, 4, 3, 10] "
      "output [1, 3, 3, 10]",
      constants, convolution_task());
}

}  // namespace ane::oracle::test
