#include "driver/verify.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "driver/values.h"
#include "reference/espresso.h"
#include "reference/interpreter.h"
#include "reference/mil.h"

namespace ane::driver {

namespace {

using Inputs = std::map<std::string, std::vector<float>>;
using Results = std::map<std::string, reference::Tensor>;

// One value per input, as the user would give it. Every input gets a seed of its own. Inputs that no output
// depends on have no surface; only the reference asks for them.
Inputs gather_inputs(const Sidecar& sidecar, const Source& source,
                     const std::map<std::string, std::filesystem::path>& files, uint64_t seed) {
  Inputs inputs;
  for (const SidecarFeature& feature : sidecar.inputs) {
    const auto file = files.find(feature.name);
    inputs[feature.name] = file != files.end()
                               ? read_input(feature, file->second)
                               : random_input(feature, seed + 0x9e3779b97f4a7c15u * inputs.size());
  }
  const auto add_zeros = [&](const std::string& name, const std::vector<int64_t>& shape) {
    inputs.try_emplace(name, static_cast<size_t>(reference::element_count(shape)), 0.0f);
  };
  if (source.coreml)
    for (const coreml::Feature& feature : source.coreml->inputs) add_zeros(feature.name, feature.tensor);
  if (source.mil)
    for (const mil::NamedType& input : source.function().inputs) add_zeros(input.name, input.type.shape);
  if (source.espresso && !source.coreml)
    for (const std::string& name : source.espresso->inputs()) {
      const espresso::Shape& shape = source.espresso->shape(name);
      add_zeros(name, {shape.seq, shape.n, shape.k, shape.h, shape.w});
    }
  return inputs;
}

// The outputs, and what each layer or operation gives where `all` is asked for.
Results evaluate(const Source& source, const Sidecar& sidecar, const Inputs& inputs, bool all) {
  reference::Wanted wanted;
  if (!all) {
    wanted.emplace();
    for (const SidecarFeature& output : sidecar.outputs) wanted->insert(output.name);
  }
  if (source.coreml) return reference::evaluate(*source.coreml, inputs, wanted);
  if (source.espresso) return reference::evaluate_espresso(*source.espresso, inputs, wanted);
  std::map<std::string, reference::Tensor> tensors;
  for (const mil::NamedType& input : source.function().inputs)
    tensors[input.name] = {input.type.shape, inputs.at(input.name)};
  Results results;
  reference::MilOptions options;
  options.file = source.mil->file;
  if (all)
    options.observe = [&](const mil::Operation& operation, size_t index, const reference::Tensor& value) {
      if (operation.type != "const") results[operation.outputs[index].name] = value;
    };
  results.merge(reference::evaluate_mil(source.function(), tensors, options));
  return results;
}

sim::Simulator simulate(const hwx::File& file, const Sidecar& sidecar, const Inputs& inputs,
                        const sim::Options& options, sim::Statistics& statistics) {
  sim::Simulator simulator(file);
  for (const SidecarFeature& feature : sidecar.inputs)
    simulator.set_input(feature.binding, to_surface(feature, inputs.at(feature.name)));
  statistics = simulator.run(options);
  return simulator;
}

// What rounds to 0 in the engine's numbers is 0: half of the smallest binary16 number. Some networks have
// outputs that were never trained and are all smaller.
double representable(float expected) {
  const double value = static_cast<double>(expected);
  return std::abs(value) <= 0x1p-25 ? 0 : value;
}

OutputError compare(const std::string& name, const std::vector<float>& expected,
                    const std::vector<float>& got) {
  ensure(expected.size() == got.size(), "verify: the program's output has another size than the reference's");
  OutputError error;
  error.name = name;
  double signal = 0, noise = 0, largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double want = representable(expected[i]);
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

// Compiles the network once more with every layer's result as an output, some at a time, and compares each;
// up to the first that strays, or all of them. The variant fuses less than the program itself, which is what
// makes single layers visible.
std::vector<OutputError> layer_errors(const Compiled& compiled, const CompileOptions& options,
                                      const Inputs& inputs, const Results& reference, bool all) {
  constexpr size_t outputs_at_a_time = 16;
  const h13::Compat& compat = h13::compat(compiled.program.file.dialect);
  const aneir::Network& whole = compiled.source.network;
  std::vector<OutputError> errors;
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
    prepare(variant, compiled.source, compat, options);
    const std::vector<aneir::Output> outputs = variant.outputs;
    const h13::Program program =
        h13::compile_network(std::move(variant), compat, h13::target(), options.optimise);
    sim::Statistics ignored;
    const sim::Simulator simulator = simulate(program.file, compiled.sidecar, inputs, {}, ignored);
    for (const aneir::Output& output : outputs) {
      for (const hwx::Surface& surface : program.file.surfaces) {
        if (surface.role != hwx::Role::Output || surface.symbol != output.name + "@output") continue;
        errors.push_back(
            compare(output.name, reference.at(output.name).data, simulator.output(surface.binding).data));
        if (!all && errors.back().snr_db < stray_db) return errors;
      }
    }
  }
  return errors;
}

}  // namespace

Verification verify(const Compiled& compiled, const CompileOptions& options,
                    const std::map<std::string, std::filesystem::path>& files, uint64_t seed,
                    const sim::Options& simulation, bool all_layers) {
  if (compiled.source.kind == SourceKind::AnePlist)
    throw Error(
        options.model.string(), "--verify",
        "the reference interpreters evaluate Core ML layers, Espresso layers and MIL operations, and a "
        "net.plist holds none of them",
        "verify the model it was made from");
  const Inputs inputs = gather_inputs(compiled.sidecar, compiled.source, files, seed);
  const Results reference = evaluate(compiled.source, compiled.sidecar, inputs, false);
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
  if (stray || all_layers) {
    std::vector<OutputError> errors = layer_errors(
        compiled, options, inputs, evaluate(compiled.source, compiled.sidecar, inputs, true), all_layers);
    const auto first =
        std::ranges::find_if(errors, [](const OutputError& error) { return error.snr_db < stray_db; });
    if (first != errors.end()) result.first_stray = *first;
    if (all_layers) result.layers = std::move(errors);
  }
  return result;
}

}  // namespace ane::driver
