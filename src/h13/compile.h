// ANE network in engine form -> program: the back end's table of contents.
#pragma once

#include <string>
#include <vector>

#include "aneir/network.h"
#include "h13/compat.h"
#include "h13/cost.h"
#include "h13/data_flow.h"
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
  // For each task those whose results it is meant to read (data_flow.h).
  std::vector<Origins> sources;
};

struct Plan {
  size_t tasks = 0;
  Cost cost;  // of all tasks
};

// What the program would cost, without making it: no weight is looked at.
Plan plan_network(const aneir::Network& network, const Compat& compat, const Target& target, bool optimise);

// `optimise`: tensors stay on chip between tasks where `compat` shows how.
//
// The network is taken over, so that its weights go as they are packed: move it in where nobody needs it any
// more. Throws Error naming the layer for what the engine cannot hold.
Program compile_network(aneir::Network network, const Compat& compat, const Target& target,
                        bool optimise = true);

}  // namespace ane::h13
