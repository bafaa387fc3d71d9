// Captured task words (.oracle files: one task stream in text form, with tensors and sizes) as a program that runs.
//
// The captures hold no constants and no surface names. Constants start as zeros of the recorded size; surfaces are named
// in0, in1, ... and out0, ... in slot order, which is their order by name in the source program. Which slot is an output
// is read off the tasks.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "hwx/file.h"

namespace ane::test::program {

struct Oracle {
  std::string name, mil;
  std::map<std::string, std::string> program, constants;  // KEY=VALUE words of these lines
  struct Tensor {
    hwx::Role role;
    uint32_t element_code;
    std::vector<int64_t> shape;
  };
  std::vector<Tensor> tensors;
  std::vector<std::vector<uint32_t>> tasks;  // words as in the stream: header, record words, registers
};

inline std::map<std::string, std::string> key_values(std::istringstream& words) {
  std::map<std::string, std::string> values;
  for (std::string word; words >> word;)
    if (const size_t equals = word.find('='); equals != std::string::npos)
      values[word.substr(0, equals)] = word.substr(equals + 1);
  return values;
}

inline std::vector<uint32_t> hex_words(std::istringstream& line) {
  std::vector<uint32_t> words;
  for (std::string word; line >> word;) words.push_back(static_cast<uint32_t>(std::stoul(word, nullptr, 16)));
  return words;
}

inline Oracle read_oracle(const std::filesystem::path& path) {
  Oracle oracle;
  oracle.name = path.stem().string();
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string kind;
    line >> kind;
    if (kind == "mil") {
      oracle.mil = text;
    } else if (kind == "program") {
      oracle.program = key_values(line);
    } else if (kind == "const") {
      oracle.constants = key_values(line);
    } else if (kind == "tensor") {
      std::string role;
      line >> role;
      auto values = key_values(line);
      Oracle::Tensor tensor{role == "in" ? hwx::Role::Input : hwx::Role::Output,
                            static_cast<uint32_t>(std::stoul(values["elem"])), {}};
      std::istringstream shape(values["shape"]);
      for (std::string extent; std::getline(shape, extent, ',');) tensor.shape.push_back(std::stoll(extent));
      oracle.tensors.push_back(tensor);
    } else if (kind == "task") {
      oracle.tasks.emplace_back();
    } else if (kind == "h") {
      oracle.tasks.back() = hex_words(line);
    } else if (kind.starts_with('@')) {
      const std::vector<uint32_t> words = hex_words(line);
      const auto address = static_cast<uint32_t>(std::stoul(kind.substr(1), nullptr, 16));
      oracle.tasks.back().push_back(static_cast<uint32_t>(words.size() - 1) << 26 | address);
      oracle.tasks.back().insert(oracle.tasks.back().end(), words.begin(), words.end());
    }
  }
  return oracle;
}

// The program, or nothing when the capture lacks what a program needs (tensors, sizes).
inline std::optional<hwx::File> to_file(Oracle oracle) {
  std::set<uint32_t> inputs, outputs;
  const auto slot = [](uint32_t word, int shift) { return (word >> shift) & 31; };
  ByteWriter text;
  for (std::vector<uint32_t>& words : oracle.tasks) {
    text.align(0x100);
    const uint32_t buffers = words[8];
    if ((buffers & 0x20) && slot(buffers, 0) >= 4) inputs.insert(slot(buffers, 0));
    if ((buffers & 0x800) && slot(buffers, 6) >= 4) inputs.insert(slot(buffers, 6));
    if ((buffers & 0x20000) && slot(buffers, 12) >= 4) outputs.insert(slot(buffers, 12));
    if ((words[9] & 0x20) && slot(words[9], 0) >= 4) inputs.insert(slot(words[9], 0));
    for (const uint32_t word : words) text.u32(word);
  }
  const size_t tensors = inputs.size() + outputs.size();
  const std::string size = oracle.constants["size"], resources = oracle.program["resources"];
  if (oracle.tasks.empty() || oracle.tensors.size() != tensors || resources.find_first_of("0123456789") != 0 ||
      size.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;

  hwx::File file;
  file.name = oracle.name;
  file.dialect = hwx::Dialect::D;
  file.text = text.take();
  file.first_task_words = static_cast<uint32_t>(oracle.tasks[0].size());
  file.constants.resize(std::stoul(size));
  file.scratch_bytes = std::stoul(resources, nullptr, 16) - 0x30000000;
  const auto add = [&](hwx::Role role, const std::set<uint32_t>& slots, const std::string& name) {
    auto tensor = oracle.tensors.begin();
    for (const uint32_t number : slots) {
      tensor = std::find_if(tensor, oracle.tensors.end(), [&](const Oracle::Tensor& t) { return t.role == role; });
      if (tensor == oracle.tensors.end()) return false;
      hwx::Surface surface;
      surface.role = role;
      surface.symbol = surface.binding = name + std::to_string(std::distance(slots.begin(), slots.find(number)));
      const std::vector<int64_t>& shape = tensor->shape;
      surface.n = shape[0], surface.c = shape[1], surface.h = shape[2], surface.w = shape[3];
      surface.element_code = tensor->element_code;
      surface.element_size = surface.element_code == 5 ? 2 : 1;
      hwx::layout(surface);
      surface.slot = number;
      file.surfaces.push_back(surface);
      ++tensor;
    }
    return true;
  };
  if (!add(hwx::Role::Input, inputs, "in") || !add(hwx::Role::Output, outputs, "out")) return std::nullopt;
  return file;
}

}  // namespace ane::test::program
