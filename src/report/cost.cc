// What a program costs, as a table for people and as JSON for programs. Costs are those of src/h13/cost.h.
#include <fmt/format.h>

#include <set>

#include "report/report.h"
#include "report/text.h"

namespace ane::report {

namespace {

constexpr int most_columns = 140;

h13::Cost total_of(const h13::Program& program) {
  h13::Cost total;
  for (const h13::TaskInfo& info : program.infos) {
    total.macs += info.cost.macs;
    total.dram_read += info.cost.dram_read;
    total.dram_written += info.cost.dram_written;
    total.coefficient_bytes += info.cost.coefficient_bytes;
    total.microseconds += info.cost.microseconds;
  }
  return total;
}

const char* engine_of(const h13::Task& task) {
  return task.get(h13::Field::Cfg_TaskType) == 0 ? "NE" : "PE";
}

void add_cost(nlohmann::ordered_json& entry, const h13::Cost& cost) {
  entry["macs"] = cost.macs;
  entry["dram_bytes_read"] = cost.dram_read;
  entry["dram_bytes_written"] = cost.dram_written;
  entry["coefficient_bytes"] = cost.coefficient_bytes;
  entry["estimated_microseconds"] = cost.microseconds;
}

// ---- The table
// -----------------------------------------------------------------------------------------------------

struct Column {
  const char* title;
  int width;
  bool number;
};
constexpr Column table_columns[] = {
    {"task", 5, true},   {"layer", 24, false}, {"unit", 20, false}, {"eng", 3, false},  {"work", 28, false},
    {"input", 13, true}, {"output", 13, true}, {"MACs", 7, true},   {"bytes", 7, true}, {"est. us", 9, true}};

constexpr int table_width() {
  int width = -1;
  for (const Column& column : table_columns) width += column.width + 1;
  return width;
}
static_assert(table_width() <= most_columns);

std::string line_of(const std::vector<std::string>& cells) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const Column& column = table_columns[i];
    const std::string cell = cut_middle(cells[i], column.width);
    if (i != 0) line += ' ';
    line += column.number ? pad_left(cell, column.width) : pad_right(cell, column.width);
  }
  return line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

std::string shape_text(const h13::View& view) {
  return fmt::format("{}x{}x{}", view.c, view.h, view.w);
}

std::vector<std::string> cost_cells(const h13::Cost& cost) {
  const int64_t bytes = cost.dram_read + cost.dram_written + cost.coefficient_bytes;
  return {short_number(static_cast<double>(cost.macs)), short_number(static_cast<double>(bytes)),
          fmt::format("{:.1f}", cost.microseconds)};
}

std::string row_of(const std::vector<std::string>& what, const h13::Cost& cost) {
  std::vector<std::string> cells = what;
  for (std::string& cell : cost_cells(cost)) cells.push_back(std::move(cell));
  return line_of(cells);
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

std::string layer_table(const h13::Program& program, const std::vector<std::string>& layers) {
  std::vector<std::string> titles;
  for (const Column& column : table_columns) titles.push_back(column.title);
  std::string text = line_of(titles) + std::string(table_width(), '-') + "\n";
  bool experimental = false;
  for (size_t i = 0; i < program.infos.size(); ++i) {
    const h13::TaskInfo& info = program.infos[i];
    experimental |= info.experimental;
    text += row_of(
        {fmt::format("{}{}", i, info.experimental ? "*" : ""), info.layer, info.unit,
         engine_of(program.tasks[i]), info.work, shape_text(info.source), shape_text(info.destination)},
        info.cost);
  }
  text += std::string(table_width(), '-') + "\n";
  text +=
      row_of({"", "total", fmt::format("{} tasks", program.infos.size()), "", "", "", ""}, total_of(program));
  if (experimental) text += "* experimental: no public program shows this form\n";
  const std::vector<std::string> rest = without_task(program, layers);
  if (!rest.empty())
    text += listing("layers without a task of their own (folded into others, or moving nothing):", rest);
  return text;
}

nlohmann::ordered_json cost_json(const h13::Program& program) {
  nlohmann::ordered_json tasks = nlohmann::ordered_json::array();
  for (size_t i = 0; i < program.infos.size(); ++i) {
    const h13::TaskInfo& info = program.infos[i];
    nlohmann::ordered_json entry = {{"task", i},
                                    {"layer", printable(info.layer)},
                                    {"unit", printable(info.unit)},
                                    {"engine", engine_of(program.tasks[i])},
                                    {"work", info.work},
                                    {"experimental", info.experimental}};
    add_cost(entry, info.cost);
    tasks.push_back(std::move(entry));
  }
  nlohmann::ordered_json total = nlohmann::ordered_json::object();
  add_cost(total, total_of(program));
  return {{"tasks", std::move(tasks)}, {"total", std::move(total)}};
}

}  // namespace ane::report
