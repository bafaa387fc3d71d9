// hwxrun: runs a .hwx program, ours or Apple's, on the functional simulator.
//
// A .hwx knows surfaces of fp16 numbers and nothing of pictures or labels; those come from the model.json
// that coreml2hwx leaves beside it. Without one, inputs and outputs are the surfaces themselves.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "driver/sidecar.h"
#include "driver/values.h"
#include "hwx/file.h"
#include "media/array.h"
#include "tools/program.h"
#include "tools/progress.h"

namespace {

namespace fs = std::filesystem;
using namespace ane;
using nlohmann::ordered_json;

constexpr size_t json_data_limit = 1024;  // outputs with more elements are left out of --json

struct Arguments {
  fs::path file, output;
  std::vector<std::string> inputs;
  size_t top = 0;
  bool json = false, trace = false, random = false;
  uint64_t seed = 1;
};

driver::SidecarFeature surface_feature(const hwx::Surface& surface) {
  driver::SidecarFeature feature;
  feature.name = feature.binding = surface.binding;
  feature.shape = {surface.n, surface.c, surface.h, surface.w};
  feature.type = "float16";
  return feature;
}

// model.json beside the program, or what the container says by itself.
driver::Sidecar sidecar_for(const hwx::File& file, const fs::path& path) {
  const fs::path beside = path.parent_path() / "model.json";
  if (fs::exists(beside)) {
    driver::Sidecar sidecar = driver::read_sidecar(beside);
    const auto known = [&](const driver::SidecarFeature& feature) {
      return std::any_of(file.surfaces.begin(), file.surfaces.end(),
                         [&](const hwx::Surface& surface) { return surface.binding == feature.binding; });
    };
    const bool ours = std::all_of(sidecar.inputs.begin(), sidecar.inputs.end(), known) &&
                      std::all_of(sidecar.outputs.begin(), sidecar.outputs.end(), known);
    if (!ours)
      throw Error(beside.string(), "", "describes another program than " + path.string(),
                  "remove or replace it");
    return sidecar;
  }
  driver::Sidecar sidecar;
  for (const hwx::Surface& surface : file.surfaces)
    (surface.role == hwx::Role::Input ? sidecar.inputs : sidecar.outputs).push_back(surface_feature(surface));
  return sidecar;
}

void set_inputs(sim::Simulator& simulator, const Arguments& arguments, const driver::Sidecar& sidecar) {
  const std::map<std::string, fs::path> files = driver::match_inputs(arguments.inputs, sidecar);
  uint64_t seed = arguments.seed;
  for (const driver::SidecarFeature& feature : sidecar.inputs) {
    const auto file = files.find(feature.name);
    if (file == files.end() && !arguments.random)
      throw Error(arguments.file.string(), "", "input " + feature.name + " has no value",
                  "give --input " + feature.name + "=FILE, or --random");
    const std::vector<float> values = file != files.end() ? driver::read_input(feature, file->second)
                                                          : driver::random_input(feature, seed++);
    simulator.set_input(feature.binding, driver::to_surface(feature, values));
  }
}

std::vector<size_t> best_of(const std::vector<float>& values, size_t count) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  count = std::min(count, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(count), order.end(),
                    [&](size_t a, size_t b) { return values[a] > values[b]; });
  order.resize(count);
  return order;
}

// The label of a class; without labels its index.
std::string label_of(const driver::Sidecar& sidecar, const driver::SidecarFeature& feature, size_t index) {
  const bool scores = sidecar.class_scores == feature.name && index < sidecar.class_labels.size();
  return scores ? sidecar.class_labels[index] : fmt::format("{}", index);
}

// JSON has no infinities; they become strings rather than null.
ordered_json number(float value) {
  if (std::isfinite(value)) return value;
  return value > 0 ? "inf" : value < 0 ? "-inf" : "nan";
}

ordered_json output_json(const Arguments& arguments, const driver::Sidecar& sidecar,
                         const driver::SidecarFeature& feature, const std::vector<float>& values) {
  ordered_json out = {{"name", feature.name}, {"shape", feature.shape}};
  if (values.size() <= json_data_limit) {
    out["data"] = ordered_json::array();
    for (const float value : values) out["data"].push_back(number(value));
  }
  if (arguments.top > 0) {
    out["top"] = ordered_json::array();
    for (const size_t index : best_of(values, arguments.top))
      out["top"].push_back(
          {{"index", index}, {"label", label_of(sidecar, feature, index)}, {"value", number(values[index])}});
  }
  return out;
}

// Names of outputs may hold anything; names of files may not.
std::string file_name(std::string name) {
  for (char& c : name)
    if (c == '/' || c == '\0') c = '_';
  return name.empty() || name[0] == '.' ? "_" + name : name;
}

void write_output(const Arguments& arguments, const driver::SidecarFeature& feature,
                  const std::vector<float>& values) {
  const fs::path stem = arguments.output / file_name(feature.name);
  if (feature.image) {
    media::write_png(stem.string() + ".png", driver::to_image(feature, values));
    return;
  }
  media::write_npy(stem.string() + ".npy", {feature.shape, values});
}

void print_output(const Arguments& arguments, const driver::Sidecar& sidecar,
                  const driver::SidecarFeature& feature, const std::vector<float>& values) {
  std::string shape;
  for (const int64_t length : feature.shape) shape += fmt::format("{}{}", shape.empty() ? "" : "x", length);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  fmt::print("{} [{}]: {:g} .. {:g}\n", feature.name, shape, *low, *high);
  const bool classifier = sidecar.class_scores == feature.name;
  const size_t count = arguments.top > 0 ? arguments.top : classifier ? 5 : 0;
  for (const size_t index : best_of(values, count))
    fmt::print("  {:<24} {:.5f}\n", label_of(sidecar, feature, index), values[index]);
}

int run(const Arguments& arguments) {
  const MappedFile mapped(arguments.file);
  const hwx::File file = hwx::read(mapped.bytes(), mapped.name());
  const driver::Sidecar sidecar = sidecar_for(file, arguments.file);
  sim::Simulator simulator(file);
  set_inputs(simulator, arguments, sidecar);

  sim::Options options;
  options.progress = progress_line("simulating task");
  if (arguments.trace) options.trace = [](const std::string& line) { fmt::print(stderr, "{}\n", line); };
  const sim::Statistics statistics = simulator.run(options);

  if (!arguments.output.empty()) fs::create_directories(arguments.output);
  ordered_json result = {{"outputs", ordered_json::array()}};
  for (const driver::SidecarFeature& feature : sidecar.outputs) {
    const std::vector<float> values = simulator.output(feature.binding).data;
    if (!arguments.output.empty()) write_output(arguments, feature, values);
    if (arguments.json)
      result["outputs"].push_back(output_json(arguments, sidecar, feature, values));
    else
      print_output(arguments, sidecar, feature, values);
  }
  result["simulate_seconds"] = statistics.seconds;
  result["multiply_accumulates"] = statistics.multiply_accumulates;
  if (arguments.json)
    fmt::print("{}\n", result.dump(2, ' ', false, ordered_json::error_handler_t::replace));
  else
    fmt::print(stderr, "simulated in {:.3f} s, {:.1f} million multiply-accumulates\n", statistics.seconds,
               static_cast<double>(statistics.multiply_accumulates) / 1e6);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Runs a .hwx program, ours or Apple's, on a functional simulator of the H13 engine.");
  app.set_version_flag("--version", version_text("hwxrun"));
  app.add_option("FILE", arguments.file,
                 "the program; a model.json beside it names inputs, outputs and labels")
      ->required();
  app.add_option("--input", arguments.inputs,
                 "[NAME=]FILE: PNG, JPEG, PNM, .npy, raw .f32 or .f16 (once per input)");
  app.add_flag("--random", arguments.random, "random values for inputs without a file");
  app.add_option("--seed", arguments.seed, "seed of the random values")->capture_default_str();
  app.add_option("-o,--output", arguments.output, "folder for the outputs (.npy, or .png for image outputs)");
  app.add_option("--top", arguments.top, "show the K largest values of each output with their labels");
  app.add_flag("--json", arguments.json, "print the outputs as one JSON object (values up to 1024 elements)");
  app.add_flag("--trace", arguments.trace, "print each task as it runs");
  app.footer(
      "Hazards (reads of memory nobody wrote, overlaps, broken limits) are errors.\n"
      "Exit status: 0 done, 1 the file is unreadable or a hazard was met, 2 wrong usage, 70 a bug of this "
      "program.");
  return run_program(argc, argv, app, [&] { return run(arguments); });
}
