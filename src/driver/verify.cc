#include "driver/verify.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "driver/values.h"
#include "passes/passes.h"
#include "reference/interpreter.h"

namespace ane::driver {

namespace {

using Inputs = std::map<std::string, std::vector<float>>;

// One value per input, as the user would give it. Every input gets a seed of its own. Inputs that no output
// depends on have no surface; only the reference asks for them.
Inputs gather_inputs(const Sidecar& sidecar, const coreml::Model& model,
                     const std::map<std::string, std::filesystem::path>& files, uint64_t seed) {
  Inputs inputs;
  for (const SidecarFeature& feature : sidecar.inputs) {
    const auto file = files.find(feature.name);
    inputs[feature.name] = file != files.end()
                               ? read_input(feature, file->second)
                               : random_input(feature, seed + 0x9e3779b97f4a7c15u * inputs.size());
  }
  for (const coreml::Feature& feature : model.inputs) {
    size_t count = 1;
    for (const int64_t length : feature.tensor) count *= static_cast<size_t>(length);
    inputs.try_emplace(feature.name, count, 0.0f);
  }
  return inputs;
}

sim::Simulator simulate(const hwx::File& file, const Sidecar& sidecar, const Inputs& inputs,
                        const sim::Options& options, sim::Statistics& statistics) {
  sim::Simulator simulator(file);
  for (const SidecarFeature& feature : sidecar.inputs)
    simulator.set_input(feature.binding, to_surface(feature, inputs.at(feature.name)));
  statistics = simulator.run(options);
  return simulator;
}

OutputError compare(const std::string& name, const std::vector<float>& expected,
                    const std::vector<float>& got) {
  ensure(expected.size() == got.size(), "verify: the program's output has another size than the reference's");
  OutputError error;
  error.name = name;
  double signal = 0, noise = 0, largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double want = static_cast<double>(expected[i]);
    const double difference = std::abs(want - static_cast<double>(got[i]));
    signal += want * want;
    noise += difference * difference;
    largest = std::max(largest, std::abs(want));
    // NaN anywhere must not look like agreement.
    error.max_abs = std::isnan(difference) ? INFINITY : std::max(error.max_abs, difference);
  }
  error.max_rel = largest > 0 ? error.max_abs / largest : error.max_abs;
  if (std::isnan(noise) || std::isinf(noise))
    error.snr_db = -999;
  else
    error.snr_db = noise == 0 ? 999 : signal == 0 ? -999 : 10 * std::log10(signal / noise);
  return error;
}

// Compiles the network once more with every layer's result as an output, some at a time, and finds the first
// that strays. The variant fuses less than the program itself, which is what makes single layers visible.
OutputError find_stray(const Compiled& compiled, const CompileOptions& options, const Inputs& inputs,
                       const std::map<std::string, reference::Tensor>& reference) {
  constexpr size_t outputs_at_a_time = 16;
  const aneir::Network& whole = compiled.source.network;
  std::vector<aneir::Output> candidates;
  for (const aneir::Unit& unit : whole.units) {
    const auto blob = reference.find(whole.tensor(unit.top).name);
    if (blob != reference.end() &&
        static_cast<int64_t>(blob->second.data.size()) == whole.tensor(unit.top).shape.count())
      candidates.push_back({blob->first, unit.top});
  }
  for (size_t begin = 0; begin < candidates.size(); begin += outputs_at_a_time) {
    aneir::Network variant = whole;
    const size_t end = std::min(candidates.size(), begin + outputs_at_a_time);
    variant.outputs.assign(candidates.begin() + static_cast<ptrdiff_t>(begin),
                           candidates.begin() + static_cast<ptrdiff_t>(end));
    passes::run_passes(variant, h13::engine_facts(options.native_pooling, options.coarse_sigmoid));
    const h13::Program program =
        h13::compile_network(variant, h13::compat(compiled.program.file.dialect), h13::target());
    sim::Statistics ignored;
    const sim::Simulator simulator = simulate(program.file, compiled.sidecar, inputs, {}, ignored);
    for (const aneir::Output& output : variant.outputs) {
      for (const hwx::Surface& surface : program.file.surfaces) {
        if (surface.role != hwx::Role::Output || surface.symbol != output.name + "@output") continue;
        OutputError error =
            compare(output.name, reference.at(output.name).data, simulator.output(surface.binding).data);
        if (error.snr_db < stray_db) return error;
      }
    }
  }
  return {};
}

}  // namespace

Verification verify(const Compiled& compiled, const CompileOptions& options,
                    const std::map<std::string, std::filesystem::path>& files, uint64_t seed,
                    const sim::Options& simulation) {
  if (!compiled.source.coreml)
    throw Error(options.model.string(), "--verify",
                "the reference interpreter evaluates Core ML layers, and this is no .mlmodel",
                "verify the .mlmodel it was compiled from");
  const Inputs inputs = gather_inputs(compiled.sidecar, *compiled.source.coreml, files, seed);
  const std::map<std::string, reference::Tensor> reference =
      reference::evaluate(*compiled.source.coreml, inputs);
  Verification result;
  const sim::Simulator simulator =
      simulate(compiled.program.file, compiled.sidecar, inputs, simulation, result.statistics);
  bool stray = false;
  for (const SidecarFeature& feature : compiled.sidecar.outputs) {
    const auto expected = reference.find(feature.name);
    ensure(expected != reference.end(), "verify: the reference lacks an output");
    result.outputs.push_back(
        compare(feature.name, expected->second.data, simulator.output(feature.binding).data));
    stray |= result.outputs.back().snr_db < stray_db;
  }
  if (stray) result.first_stray = find_stray(compiled, options, inputs, reference);
  return result;
}

}  // namespace ane::driver
