// ANE network in engine form -> program: the back end's table of contents.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "aneir/network.h"
#include "h13/compat.h"
#include "h13/cost.h"
#include "h13/engine_op.h"
#include "h13/task.h"
#include "hwx/file.h"

namespace ane::h13 {

// One task and what it came from, for reports.
struct TaskInfo {
  std::string unit, layer, work;  // work: "convolution 3x3 dense, ReLU"
  View source, destination;
  Cost cost;
  bool experimental = false;  // a form that no public program shows
};

struct Program {
  hwx::File file;  // ready for hwx::write
  std::vector<Task> tasks;
  std::vector<TaskInfo> infos;  // one per task
  EngineProgram engine;         // after splitting, with addresses
};

// Throws Error naming the layer for what the engine cannot hold.
Program compile_network(const aneir::Network& network, const Compat& compat, const Target& target);

}  // namespace ane::h13
