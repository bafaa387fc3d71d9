// Captured task words (oracle.h) as programs that run.
//
// The captures hold no constants: they start as zeros of the recorded size. Surfaces are named in0, in1, ...
// in the order of the source program and out0, ...; the slots of the inputs follow the order of their names
// there, and which slot is an output is read off the tasks.
#pragma once

#include <algorithm>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

#include "hwx/file.h"
#include "support/oracle.h"

namespace ane::test {

namespace oracle_detail {

inline std::vector<int64_t> numbers(const std::string& list) {
  std::vector<int64_t> found;
  std::istringstream in(list);
  for (std::string item; std::getline(in, item, ',');) found.push_back(std::stoll(item));
  return found;
}

// Names of the inputs, from "(tensor<fp16, [1, 64]> x, ...) ; ..." or "x[1,64], w[..] ; ...".
inline std::vector<std::string> input_names(const std::string& mil) {
  static const std::regex form(R"((?:>\s*(\w+))|(?:(\w+)\[))");
  const std::string inputs = mil.substr(0, mil.find(';'));
  std::vector<std::string> names;
  for (std::sregex_iterator at(inputs.begin(), inputs.end(), form), end; at != end; ++at) {
    const std::string name = (*at)[1].matched ? (*at)[1] : (*at)[2];
    if (name != "tensor") names.push_back(name);
  }
  return names;
}

// Position of each input among the inputs sorted by name.
inline std::vector<size_t> ranks(const std::vector<std::string>& names, size_t count) {
  std::vector<size_t> rank(count);
  for (size_t i = 0; i < count; ++i) {
    rank[i] = i;
    if (names.size() == count)
      rank[i] = static_cast<size_t>(std::count_if(
          names.begin(), names.end(), [&](const std::string& other) { return other < names[i]; }));
  }
  return rank;
}

// Slots of surfaces that some task reads or writes.
inline void collect_slots(const Oracle& oracle, std::set<uint32_t>& inputs, std::set<uint32_t>& outputs) {
  const auto add = [](std::set<uint32_t>& slots, uint32_t field) {
    if ((field & 0x20) && (field & 31) >= 4) slots.insert(field & 31);
  };
  for (const OracleTask& task : oracle.tasks) {
    add(inputs, task.header[8]);
    add(inputs, task.header[8] >> 6);
    add(outputs, task.header[8] >> 12);
    add(inputs, task.header[9]);
  }
}

inline hwx::Surface surface_of(const std::string& line, hwx::Role role, const std::string& name,
                               uint32_t slot) {
  const std::vector<int64_t> shape = numbers(value_of(line, "shape"));
  hwx::Surface surface;
  surface.role = role;
  surface.symbol = surface.binding = name;
  surface.n = shape[0], surface.c = shape[1], surface.h = shape[2], surface.w = shape[3];
  surface.element_code = static_cast<uint32_t>(std::stoul(value_of(line, "elem")));
  surface.element_size = surface.element_code == 5 ? 2 : 1;
  hwx::layout(surface);
  surface.slot = slot;
  return surface;
}

}  // namespace oracle_detail

// Nothing when the capture lacks what a program needs (tensors, sizes).
inline std::optional<hwx::File> program_of(const Oracle& oracle) {
  using namespace oracle_detail;
  const auto line = [&](const std::string& keyword) {
    return oracle.lines.contains(keyword) ? oracle.lines.at(keyword) : "";
  };
  const std::string size = value_of(line("const"), "size"),
                    resources = value_of(line("program"), "resources");
  std::set<uint32_t> inputs, outputs;
  collect_slots(oracle, inputs, outputs);
  if (oracle.tensors.size() != inputs.size() + outputs.size() || resources.find_first_of("0123456789") != 0 ||
      size.empty() || size.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;

  hwx::File file;
  file.name = oracle.name;
  file.dialect = hwx::Dialect::D;
  file.text = oracle::stream_of(oracle);
  file.first_task_words = oracle.tasks[0].bytes / 4;
  file.constants.resize(std::stoul(size));
  file.scratch_bytes = std::stoul(resources, nullptr, 16) - 0x30000000;
  const std::vector<size_t> rank = ranks(input_names(line("mil")), inputs.size());
  size_t in = 0, out = 0;
  for (const std::string& tensor : oracle.tensors) {
    const bool input = value_of(tensor, "binding") == "1";
    size_t& index = input ? in : out;
    const std::set<uint32_t>& slots = input ? inputs : outputs;
    if (index >= slots.size()) return std::nullopt;
    const uint32_t slot = *std::next(slots.begin(), static_cast<ptrdiff_t>(input ? rank[index] : index));
    file.surfaces.push_back(surface_of(tensor, input ? hwx::Role::Input : hwx::Role::Output,
                                       (input ? "in" : "out") + std::to_string(index), slot));
    ++index;
  }
  return file;
}

}  // namespace ane::test
