// Which network of a pipeline is compiled. The engine runs networks; the other parts of a pipeline (scalers,
// vectorizers, non-maximum suppression, trees, ...) are left to whoever runs the program, and are named.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "coreml/pipeline.h"

namespace ane::driver {

// What was compiled of a pipeline, and what was not.
struct PipelineChoice {
  struct LeftOut {
    std::string name, type;
    bool before = false;  // runs before the network, else behind it
  };
  std::string name, type;         // of the network
  std::vector<LeftOut> left_out;  // in the order in which they run

  std::string text() const;  // for the log: "ONE (mlProgram); left out: behind it NMS (...)"
};

// The part that `wanted` names or numbers (from 0). When it is empty: the only network, unless a model that
// is not in the file runs before it, since what such a network reads can hardly be made elsewhere. Throws
// Error, which lists the choices. `file` is for messages.
size_t choose_part(const std::vector<coreml::PipelinePart>& parts, const std::string& wanted,
                   const std::string& file);
PipelineChoice describe_choice(const std::vector<coreml::PipelinePart>& parts, size_t chosen);

// A compiled pipeline: the parts are the folders model0, model1, ... in it, and named so.
bool is_compiled_pipeline(const std::filesystem::path& folder);
std::vector<coreml::PipelinePart> compiled_parts(const std::filesystem::path& folder);

}  // namespace ane::driver
