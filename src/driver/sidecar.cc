#include "driver/sidecar.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace ane::driver {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

ordered_json to_json(const SidecarFeature& feature) {
  ordered_json out = {
      {"name", feature.name}, {"binding", feature.binding}, {"shape", feature.shape}, {"type", feature.type}};
  if (feature.indices != 0) out["indices"] = feature.indices;
  if (!feature.image) return out;
  const SidecarImage& image = *feature.image;
  out["image"] = {{"color_space", image.color_space},
                  {"width", image.width},
                  {"height", image.height},
                  {"scale", image.scale},
                  {"bias", image.bias}};
  if (!image.mean.empty()) out["image"]["mean"] = image.mean;
  return out;
}

[[noreturn]] void refuse(const std::string& feature, const std::string& why) {
  throw Error("", feature, why, "compile the model again, or remove the file");
}

// Everything behind this relies on these sizes, so they are checked where they come in.
void check(const SidecarFeature& feature) {
  constexpr int64_t max_length = 1 << 24, max_elements = int64_t{1} << 31, max_side = 16384;
  int64_t elements = 1;
  for (const int64_t length : feature.shape) {
    if (length < 1 || length > max_length || elements > max_elements / length)
      refuse(feature.name, "has an impossible shape");
    elements *= length;
  }
  if (feature.indices < 0) refuse(feature.name, "has fewer than no indices");
  if (!feature.image) return;
  const SidecarImage& image = *feature.image;
  const bool gray = image.color_space == "grayscale";
  if (!gray && image.color_space != "rgb" && image.color_space != "bgr")
    refuse(feature.name, "has an unknown colour space");
  if (image.width < 1 || image.width > max_side || image.height < 1 || image.height > max_side)
    refuse(feature.name, "has an impossible picture size");
  const int64_t channels = gray ? 1 : 3, pixels = image.width * image.height;
  if (elements != channels * pixels) refuse(feature.name, "has a shape that is not its picture's");
  const auto size_of = [](const auto& values) { return static_cast<int64_t>(values.size()); };
  if (!image.bias.empty() && size_of(image.bias) != channels)
    refuse(feature.name, "needs one bias a channel");
  if (!image.mean.empty() && size_of(image.mean) != elements)
    refuse(feature.name, "needs a mean for every element");
}

SidecarFeature feature_from(const json& in) {
  SidecarFeature feature;
  feature.name = in.at("name").get<std::string>();
  feature.binding = in.at("binding").get<std::string>();
  feature.shape = in.at("shape").get<std::vector<int64_t>>();
  feature.type = in.at("type").get<std::string>();
  feature.indices = in.value("indices", int64_t{0});
  if (!in.contains("image")) {
    check(feature);
    return feature;
  }
  const json& from = in.at("image");
  SidecarImage image;
  image.color_space = from.at("color_space").get<std::string>();
  image.width = from.at("width").get<int64_t>();
  image.height = from.at("height").get<int64_t>();
  image.scale = from.at("scale").get<double>();
  image.bias = from.at("bias").get<std::vector<double>>();
  if (from.contains("mean")) image.mean = from.at("mean").get<std::vector<float>>();
  feature.image = std::move(image);
  check(feature);
  return feature;
}

PipelineChoice pipeline_from(const json& in) {
  PipelineChoice pipeline{in.at("name").get<std::string>(), in.at("type").get<std::string>(), {}};
  for (const json& other : in.at("left_out"))
    pipeline.left_out.push_back({other.at("name").get<std::string>(), other.at("type").get<std::string>(),
                                 other.at("runs").get<std::string>() == "before"});
  return pipeline;
}

Sidecar sidecar_from(const json& in) {
  Sidecar sidecar;
  sidecar.model = in.value("model", "");
  sidecar.compiler = in.value("compiler", "");
  sidecar.compat = in.value("compat", "");
  for (const json& feature : in.at("inputs")) sidecar.inputs.push_back(feature_from(feature));
  for (const json& feature : in.at("outputs")) sidecar.outputs.push_back(feature_from(feature));
  if (in.contains("classifier")) {
    sidecar.class_labels = in.at("classifier").at("labels").get<std::vector<std::string>>();
    sidecar.class_scores = in.at("classifier").at("scores").get<std::string>();
  }
  if (in.contains("pipeline")) sidecar.pipeline = pipeline_from(in.at("pipeline"));
  for (const json& layer : in.value("layers", json::array()))
    sidecar.layers.push_back({layer.at("name").get<std::string>(), layer.at("type").get<std::string>(),
                              layer.at("tasks").get<std::vector<int64_t>>()});
  return sidecar;
}

}  // namespace

Sidecar read_sidecar(const std::filesystem::path& path) {
  const MappedFile file(path);
  try {
    return sidecar_from(json::parse(file.text()));
  } catch (const json::exception& error) {
    throw Error(file.name(), "", std::string("is not a sidecar of this compiler (") + error.what() + ")",
                "compile the model again, or remove the file");
  } catch (const Error& error) {
    throw Error(file.name(), "", error.what());
  }
}

ordered_json to_json(const PipelineChoice& pipeline) {
  ordered_json out = {{"name", pipeline.name}, {"type", pipeline.type}, {"left_out", ordered_json::array()}};
  for (const PipelineChoice::LeftOut& other : pipeline.left_out)
    out["left_out"].push_back(
        {{"name", other.name}, {"type", other.type}, {"runs", other.before ? "before" : "behind"}});
  return out;
}

std::string to_json(const Sidecar& sidecar) {
  ordered_json out = {{"model", sidecar.model}, {"compiler", sidecar.compiler}, {"compat", sidecar.compat}};
  out["inputs"] = ordered_json::array();
  for (const SidecarFeature& feature : sidecar.inputs) out["inputs"].push_back(to_json(feature));
  out["outputs"] = ordered_json::array();
  for (const SidecarFeature& feature : sidecar.outputs) out["outputs"].push_back(to_json(feature));
  if (!sidecar.class_scores.empty())
    out["classifier"] = {{"scores", sidecar.class_scores}, {"labels", sidecar.class_labels}};
  if (sidecar.pipeline) out["pipeline"] = to_json(*sidecar.pipeline);
  out["layers"] = ordered_json::array();
  for (const SidecarLayer& layer : sidecar.layers)
    out["layers"].push_back({{"name", layer.name}, {"type", layer.type}, {"tasks", layer.tasks}});
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace ane::driver
