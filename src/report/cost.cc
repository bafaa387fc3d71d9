// What a program costs, as a table for people and as JSON for programs. Costs are those of src/h13/cost.h.
#include <fmt/format.h>

#include <map>
#include <set>
#include <span>

#include "report/report.h"
#include "report/text.h"

namespace ane::report {

namespace {

constexpr int most_columns = 140;

// What tasks cost together.
struct Sum {
  size_t tasks = 0;
  h13::Cost cost;
};

void count(Sum& sum, const h13::Cost& cost) {
  ++sum.tasks;
  h13::add(sum.cost, cost);
}

Sum total_of(const h13::Program& program) {
  Sum total;
  for (const h13::TaskInfo& info : program.infos) count(total, info.cost);
  return total;
}

// By layer, in the order of their first tasks.
std::vector<std::pair<std::string, Sum>> by_layer(const h13::Program& program) {
  std::vector<std::pair<std::string, Sum>> layers;
  std::map<std::string, size_t> index;
  for (const h13::TaskInfo& info : program.infos) {
    const auto [place, is_new] = index.emplace(info.layer, layers.size());
    if (is_new) layers.push_back({info.layer, {}});
    count(layers[place->second].second, info.cost);
  }
  return layers;
}

const char* engine_of(const h13::Task& task) {
  return task.get(h13::Field::Cfg_TaskType) == 0 ? "NE" : "PE";
}

void add_cost(nlohmann::ordered_json& entry, const h13::Cost& cost) {
  entry["macs"] = cost.macs;
  entry["dram_bytes_read"] = cost.dram_read;
  entry["dram_bytes_written"] = cost.dram_written;
  entry["coefficient_bytes"] = cost.coefficient_bytes;
  entry["l2_bytes"] = cost.l2_bytes;
  entry["traffic_microseconds"] = cost.traffic_microseconds;
  entry["work_microseconds"] = cost.work_microseconds;
  entry["estimated_microseconds"] = cost.microseconds;
}

void add_sum(nlohmann::ordered_json& entry, const Sum& sum) {
  entry["tasks"] = sum.tasks;
  add_cost(entry, sum.cost);
  entry["header_microseconds"] = sum.cost.header_microseconds;
}

// ---- The table
// -----------------------------------------------------------------------------------------------------

struct Column {
  const char* title;
  int width;
  bool number;
};
constexpr Column task_columns[] = {{"task", 5, true},    {"layer", 24, false}, {"unit", 15, false},
                                   {"eng", 3, false},    {"work", 28, false},  {"input", 13, true},
                                   {"output", 13, true}, {"MACs", 7, true},    {"bytes", 7, true},
                                   {"L2", 5, true},      {"est. us", 8, true}};
constexpr Column layer_columns[] = {{"layer", 60, false}, {"tasks", 6, true}, {"MACs", 7, true},
                                    {"bytes", 7, true},   {"L2", 5, true},    {"est. us", 9, true}};

using Columns = std::span<const Column>;

constexpr int width_of(Columns columns) {
  int width = -1;
  for (const Column& column : columns) width += column.width + 1;
  return width;
}
static_assert(width_of(task_columns) <= most_columns);

std::string line_of(Columns columns, const std::vector<std::string>& cells) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const Column& column = columns[i];
    const std::string cell = cut_middle(cells[i], column.width);
    if (i != 0) line += ' ';
    line += column.number ? pad_left(cell, column.width) : pad_right(cell, column.width);
  }
  return line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

std::string rule_of(Columns columns) {
  return std::string(static_cast<size_t>(width_of(columns)), '-') + "\n";
}

std::string heading_of(Columns columns) {
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  return line_of(columns, titles) + rule_of(columns);
}

std::string shape_text(const h13::View& view) {
  return fmt::format("{}x{}x{}", view.c, view.h, view.w);
}

std::vector<std::string> cost_cells(const h13::Cost& cost) {
  return {short_number(static_cast<double>(cost.macs)), short_number(static_cast<double>(cost.bytes())),
          short_number(static_cast<double>(cost.l2_bytes)), fmt::format("{:.1f}", cost.microseconds)};
}

std::string row_of(Columns columns, const std::vector<std::string>& what, const h13::Cost& cost) {
  std::vector<std::string> cells = what;
  for (std::string& cell : cost_cells(cost)) cells.push_back(std::move(cell));
  return line_of(columns, cells);
}

// What several tasks of one layer cost together; nothing where the lines of the tasks say that already.
std::string sums_by_layer(const h13::Program& program) {
  const std::vector<std::pair<std::string, Sum>> layers = by_layer(program);
  if (layers.size() == program.infos.size()) return "";
  std::string text = fmt::format("\n{}", heading_of(layer_columns));
  for (const auto& [layer, sum] : layers)
    text += row_of(layer_columns, {layer, std::to_string(sum.tasks)}, sum.cost);
  return text;
}

std::string comparison(const h13::Plan& unoptimised) {
  const std::vector<std::string> cells = cost_cells(unoptimised.cost);
  return fmt::format("with nothing folded, fused or kept on chip: {} tasks, {} MACs, {} bytes, {} us\n",
                     unoptimised.tasks, cells[0], cells[1], cells[3]);
}

// Names one after the other, broken into lines.
std::string listing(const std::string& heading, const std::vector<std::string>& names) {
  std::string text = heading, line;
  const auto flush = [&] { text += "\n  " + line; };
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string word = cut_middle(names[i], 60) + (i + 1 < names.size() ? ", " : "");
    if (!line.empty() && columns(line) + columns(word) > most_columns - 2) {
      flush();
      line.clear();
    }
    line += word;
  }
  flush();
  return text + "\n";
}

std::vector<std::string> without_task(const h13::Program& program, const std::vector<std::string>& layers) {
  std::set<std::string> with;
  for (const h13::TaskInfo& info : program.infos) with.insert(info.layer);
  std::vector<std::string> rest;
  for (const std::string& layer : layers)
    if (!with.contains(layer)) rest.push_back(layer);
  return rest;
}

}  // namespace

std::string layer_table(const h13::Program& program, const std::vector<std::string>& layers,
                        const std::optional<h13::Plan>& unoptimised) {
  std::string text = heading_of(task_columns);
  bool experimental = false;
  for (size_t i = 0; i < program.infos.size(); ++i) {
    const h13::TaskInfo& info = program.infos[i];
    experimental |= info.experimental;
    text += row_of(
        task_columns,
        {fmt::format("{}{}", i, info.experimental ? "*" : ""), info.layer, info.unit,
         engine_of(program.tasks[i]), info.work, shape_text(info.source), shape_text(info.destination)},
        info.cost);
  }
  text += rule_of(task_columns);
  text += row_of(task_columns, {"", "total", fmt::format("{} tasks", program.infos.size()), "", "", "", ""},
                 total_of(program).cost);
  if (experimental) text += "* experimental: no public program shows this form\n";
  text += sums_by_layer(program);
  if (unoptimised) text += comparison(*unoptimised);
  const std::vector<std::string> rest = without_task(program, layers);
  if (!rest.empty())
    text += listing("layers without a task of their own (folded into others, or moving nothing):", rest);
  return text;
}

nlohmann::ordered_json cost_json(const h13::Program& program, const std::optional<h13::Plan>& unoptimised) {
  nlohmann::ordered_json tasks = nlohmann::ordered_json::array(), layers = nlohmann::ordered_json::array();
  for (size_t i = 0; i < program.infos.size(); ++i) {
    const h13::TaskInfo& info = program.infos[i];
    nlohmann::ordered_json entry = {{"task", i},
                                    {"layer", printable(info.layer)},
                                    {"unit", printable(info.unit)},
                                    {"engine", engine_of(program.tasks[i])},
                                    {"work", info.work},
                                    {"experimental", info.experimental}};
    add_cost(entry, info.cost);
    entry["header_microseconds"] = info.cost.header_microseconds;
    tasks.push_back(std::move(entry));
  }
  for (const auto& [layer, sum] : by_layer(program)) {
    nlohmann::ordered_json entry = {{"layer", printable(layer)}};
    add_sum(entry, sum);
    layers.push_back(std::move(entry));
  }
  nlohmann::ordered_json total = nlohmann::ordered_json::object();
  add_sum(total, total_of(program));
  nlohmann::ordered_json costs = {
      {"tasks", std::move(tasks)}, {"layers", std::move(layers)}, {"total", std::move(total)}};
  if (unoptimised) {
    nlohmann::ordered_json& entry = costs["without_optimisation"];
    entry["tasks"] = unoptimised->tasks;
    add_cost(entry, unoptimised->cost);
  }
  return costs;
}

}  // namespace ane::report
