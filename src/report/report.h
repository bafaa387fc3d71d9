// Views of every stage, for people: graphs in Graphviz's DOT language, a table of tasks as text, costs as
// JSON.
//
// Each is a function from one stage's data to a text; nothing here changes anything. Names come from models
// and may hold any bytes: they are shown as valid UTF-8 with control characters made visible, and cut in the
// middle where long (graphs keep more of them in tooltips).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "aneir/network.h"
#include "espresso/net.h"
#include "h13/compile.h"
#include "hwx/file.h"
#include "mil/program.h"

namespace ane::report {

// One box per layer, with its type and attributes; an edge per tensor, with its shape seq × n × k × h × w
// ("?" where the net has none).
std::string espresso_dot(const espresso::Net& net);

// One box per unit, with its type and parameters; an edge per tensor, with its shape N × D × C × H × W.
std::string network_dot(const aneir::Network& network, const std::string& title);

// A line per value of an ML Program that is no constant: the operation that makes it, its type, the shape
// N x D x C x H x W that it has on the engine, and the units that the operation became (Transpose, Reshape
// and Concat among them are moves). Without a shape it is another value under a new name, or known before the
// program runs. `network` is as imported.
std::string layout_table(const mil::Function& function, const aneir::Network& network);

// One box per task: engine, work, tile, buffers. An edge leads from each task that wrote bytes of an operand
// to the task that reads them, with the operand's shape groups × D × C × H × W. All this is read from the
// task words, so it is what the engine will do and not what the compiler meant.
std::string tasks_dot(const h13::Program& program);
// The same for any program; `infos` (one per task, or none) add layers and work.
std::string tasks_dot(const hwx::File& file, std::span<const h13::Task> tasks,
                      std::span<const h13::TaskInfo> infos = {});

// A line per task in at most 140 columns, and totals: task, layer, unit, engine, work, shapes C x H x W of
// input and output, multiply-accumulates, bytes moved to and from DRAM (coefficients included), bytes of L2
// that tensors stay in, estimated microseconds. Where some layer has several tasks, sums by layer follow.
// `layers` are the model's, in order: those without a task of their own are listed at the end.
// `unoptimised`: what the same network costs with nothing folded, fused or kept on chip.
std::string layer_table(const h13::Program& program, const std::vector<std::string>& layers = {},
                        const std::optional<h13::Plan>& unoptimised = {});

// {"tasks": [{"task", "layer", "unit", "engine", "work", "experimental", COST...}],
//  "layers": [{"layer", "tasks", COST...}], "total": {"tasks", COST...},
//  "without_optimisation": {"tasks", COST...}} where COST is "macs", "dram_bytes_read", "dram_bytes_written",
// "coefficient_bytes", "l2_bytes" (most at a time), "estimated_microseconds" (the roofline: the larger of
// "traffic_microseconds" and "work_microseconds", task by task) and "header_microseconds" (what Apple's
// compiler writes into the task; not of what is not made, "without_optimisation").
nlohmann::ordered_json cost_json(const h13::Program& program,
                                 const std::optional<h13::Plan>& unoptimised = {});

}  // namespace ane::report
