// Views of every stage, for people: graphs in Graphviz's DOT language, a table of tasks as text, costs as
// JSON.
//
// Each is a function from one stage's data to a text; nothing here changes anything. Names come from models
// and may hold any bytes: they are shown as valid UTF-8 with control characters made visible, and cut in the
// middle where long (graphs keep more of them in tooltips).
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "aneir/network.h"
#include "espresso/net.h"
#include "h13/compile.h"
#include "hwx/file.h"

namespace ane::report {

// One box per layer, with its type and attributes; an edge per tensor, with its shape seq × n × k × h × w
// ("?" where the net has none).
std::string espresso_dot(const espresso::Net& net);

// One box per unit, with its type and parameters; an edge per tensor, with its shape N × D × C × H × W.
std::string network_dot(const aneir::Network& network, const std::string& title);

// One box per task: engine, work, tile, buffers. An edge leads from each task that wrote bytes of an operand
// to the task that reads them, with the operand's shape groups × D × C × H × W. All this is read from the
// task words, so it is what the engine will do and not what the compiler meant.
std::string tasks_dot(const h13::Program& program);
// The same for any program; `infos` (one per task, or none) add layers and work.
std::string tasks_dot(const hwx::File& file, std::span<const h13::Task> tasks,
                      std::span<const h13::TaskInfo> infos = {});

// A line per task in at most 140 columns, and totals: task, layer, unit, engine, work, shapes C x H x W of
// input and output, multiply-accumulates, bytes moved to and from DRAM (coefficients included), estimated
// microseconds. `layers` are the model's, in order: those without a task of their own are listed at the end.
std::string layer_table(const h13::Program& program, const std::vector<std::string>& layers = {});

// {"tasks": [{"task", "layer", "unit", "engine", "work", "experimental", COST...}], "total": {COST...}} where
// COST is "macs", "dram_bytes_read", "dram_bytes_written", "coefficient_bytes" (bytes) and
// "estimated_microseconds".
nlohmann::ordered_json cost_json(const h13::Program& program);

}  // namespace ane::report
