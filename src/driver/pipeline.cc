// Compiled pipelines: folders model0, model1, ... in the order in which they run, each a compiled model,
// whose coremldata.bin begins with the number of its type (u32, little-endian: the field number in the
// message Model; seen in the two parts of a compiled pipeline and in compiled networks). Weights that the
// parts share are said to lie once in the folder around them (rebeckerspecialties/mlmodelc-export); no such
// pipeline with a network is public, so a part is read like any compiled model.
#include "driver/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"

namespace ane::driver {

namespace fs = std::filesystem;
using coreml::PipelinePart;

namespace {

constexpr size_t most_compiled_parts = 4096;

std::string list_of(const std::vector<PipelinePart>& parts, bool networks_only) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i].is_network || !networks_only)
      text += fmt::format("{}{} {} ({})", text.empty() ? "" : ", ", i, parts[i].name, parts[i].type);
  return text;
}

size_t find_part(const std::vector<PipelinePart>& parts, const std::string& wanted) {
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i].name == wanted) return i;
  size_t number = parts.size();
  const char* const end = wanted.data() + wanted.size();
  const auto [behind, error] = std::from_chars(wanted.data(), end, number);
  return error == std::errc() && behind == end ? number : parts.size();
}

int type_number(const fs::path& part) {
  const MappedFile file(part / "coremldata.bin");
  return static_cast<int>(ByteReader(file.bytes(), file.name()).u32(0, "type of model"));
}

}  // namespace

std::string PipelineChoice::text() const {
  std::string others;
  for (const LeftOut& other : left_out)
    others += fmt::format("{}{} ({}), which runs {} it", others.empty() ? "" : ", ", other.name, other.type,
                          other.before ? "before" : "behind");
  return fmt::format("of the pipeline {} ({}) is compiled; left out: {}", name, type,
                     others.empty() ? "nothing" : others);
}

size_t choose_part(const std::vector<PipelinePart>& parts, const std::string& wanted,
                   const std::string& file) {
  if (!wanted.empty()) {
    const size_t found = find_part(parts, wanted);
    if (found >= parts.size())
      throw Error(file, "--model", fmt::format("the pipeline has no part {}", wanted),
                  "choose from: " + list_of(parts, true));
    if (!parts[found].is_network)
      throw Error(file, "--model",
                  fmt::format("{} is a {}, which holds no neural network", wanted, parts[found].type));
    return found;
  }
  const auto is_network = [](const PipelinePart& part) { return part.is_network; };
  const auto first = std::find_if(parts.begin(), parts.end(), is_network);
  if (first == parts.end())
    throw Error(file, "", fmt::format("is a pipeline without a neural network: {}", list_of(parts, false)),
                "only neural networks run on the engine");
  if (std::any_of(first + 1, parts.end(), is_network))
    throw Error(file, "", "is a pipeline with several networks",
                "choose one with --model: " + list_of(parts, true));
  const auto system =
      std::find_if(parts.begin(), first, [](const PipelinePart& part) { return part.is_system; });
  if (system != first)
    throw Error(
        file, "",
        fmt::format("is a pipeline whose network {} runs behind a {}, which is part of Apple's systems "
                    "and not in the file",
                    first->name, system->type),
        fmt::format("compile the network alone: --model {}", first->name));
  return static_cast<size_t>(first - parts.begin());
}

PipelineChoice describe_choice(const std::vector<PipelinePart>& parts, size_t chosen) {
  PipelineChoice choice{parts[chosen].name, parts[chosen].type, {}};
  for (size_t i = 0; i < parts.size(); ++i)
    if (i != chosen) choice.left_out.push_back({parts[i].name, parts[i].type, i < chosen});
  return choice;
}

bool is_compiled_pipeline(const fs::path& folder) {
  return fs::exists(folder / "model0" / "coremldata.bin");
}

std::vector<PipelinePart> compiled_parts(const fs::path& folder) {
  std::vector<PipelinePart> parts;
  for (size_t i = 0; i < most_compiled_parts; ++i) {
    const std::string name = fmt::format("model{}", i);
    if (!fs::exists(folder / name)) break;
    parts.push_back(coreml::pipeline_part(name, type_number(folder / name)));
  }
  return parts;
}

}  // namespace ane::driver
