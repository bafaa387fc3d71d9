// model.json, the file beside model.hwx that says what a .hwx cannot: the user's names and types of inputs
// and outputs, image preprocessing, class labels, and which tasks came from which layer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "driver/pipeline.h"

namespace ane::driver {

struct SidecarImage {
  std::string color_space;  // "grayscale", "rgb", "bgr": the order of the surface's channels
  int64_t width = 0, height = 0;
  // Surface value of channel c = scale * pixel + bias[c] - mean[c][y][x]; pixel is 0..255. Outputs: all
  // defaults.
  double scale = 1;
  std::vector<double> bias;  // one per channel
  std::vector<float> mean;   // C*H*W or empty
};

struct SidecarFeature {
  std::string name;            // the user's
  std::string binding;         // the surface's run-time name
  std::vector<int64_t> shape;  // the user's, row-major; same number of elements as the surface
  std::string type;            // "float32", "float64", "float16", "int32", "uint8" (truths, 0 and 1), "image"
  std::optional<SidecarImage> image;
  int64_t indices = 0;  // the values are indices: whole numbers below this; 0: any numbers
};

struct SidecarLayer {
  std::string name, type;
  std::vector<int64_t> tasks;  // indices into the task list; empty = folded away
};

struct Sidecar {
  std::string model;     // file name of the source
  std::string compiler;  // our name and version
  std::string compat;
  std::vector<SidecarFeature> inputs, outputs;
  std::vector<std::string> class_labels;  // in the order of the scores
  std::string class_scores;  // name of the output that holds the scores; empty when no classifier
  std::optional<PipelineChoice> pipeline;  // where the program is one part of a pipeline
  std::vector<SidecarLayer> layers;
};

// Throws Error on a damaged file.
Sidecar read_sidecar(const std::filesystem::path& path);
nlohmann::ordered_json to_json(const PipelineChoice& pipeline);
std::string to_json(const Sidecar& sidecar);

}  // namespace ane::driver
