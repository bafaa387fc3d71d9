// The whole road in one call for tests: a Core ML model through the driver into the bytes of a .hwx, those
// read again and simulated, and the outputs compared with the reference interpreter.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "driver/compile.h"
#include "driver/values.h"
#include "espresso/temporary_folder.h"
#include "hwx/file.h"
#include "reference/interpreter.h"
#include "sim/simulator.h"
#include "support/model_builder.h"

namespace ane::test {

struct RoadOptions {
  std::string compat;  // empty: the default
  bool native_pooling = false;
  bool optimise = true;
  uint64_t seed = 1;  // of the inputs
};

struct RoadOutput {
  std::string name;
  std::vector<float> expected, got;
  float largest = 0;  // magnitude of any value on the way, of the reference
};

// 10 log10(signal / noise): 999 when equal, -999 when something is not finite or the signal is 0.
inline double snr_db(const std::vector<float>& expected, const std::vector<float>& got) {
  if (expected.size() != got.size()) return -999;
  double signal = 0, noise = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double want = static_cast<double>(expected[i]), difference = want - static_cast<double>(got[i]);
    signal += want * want;
    noise += difference * difference;
  }
  if (noise == 0) return 999;
  return std::isfinite(noise) && signal > 0 ? 10 * std::log10(signal / noise) : -999;
}

inline driver::Compiled compile(const TemporaryFolder& folder, const ModelBuilder& model,
                                const RoadOptions& options = {}) {
  const Bytes bytes = model.bytes();
  folder.put("model.mlmodel", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  driver::CompileOptions compile_options;
  compile_options.model = folder.path() / "model.mlmodel";
  compile_options.compat = options.compat;
  compile_options.native_pooling = options.native_pooling;
  compile_options.optimise = options.optimise;
  return driver::compile_model(compile_options);
}

inline double largest_difference(const RoadOutput& output) {
  double largest = 0;
  for (size_t i = 0; i < output.expected.size(); ++i) {
    const double difference =
        std::abs(static_cast<double>(output.expected[i]) - static_cast<double>(output.got[i]));
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
  }
  return largest;
}

// A correct program of binary16 numbers gives 40 dB; where an output is a small difference of large numbers
// (the logarithm near 1, sums that cancel) the ratio says little, and four units in the last place (2^-11) of
// the largest value on the way are let pass instead.
inline void expect_agreement(const RoadOutput& output, const std::string& context, double least_db = 40) {
  ASSERT_EQ(output.expected.size(), output.got.size()) << context;
  const double snr = snr_db(output.expected, output.got), difference = largest_difference(output);
  EXPECT_TRUE(snr >= least_db || difference <= 4 * 0x1p-11 * static_cast<double>(output.largest))
      << "output " << output.name << ": " << snr << " dB, largest difference " << difference
      << ", largest value on the way " << output.largest << "\n"
      << context;
}

// Random inputs from the seed. Throws what any of the stages throws.
inline std::vector<RoadOutput> run_road(const ModelBuilder& model, const RoadOptions& options = {}) {
  const TemporaryFolder folder;
  const driver::Compiled compiled = compile(folder, model, options);
  const hwx::File program = hwx::read(hwx::write(compiled.program.file), "model.hwx");
  sim::Simulator simulator(program);
  std::map<std::string, std::vector<float>> inputs;
  uint64_t seed = options.seed;
  for (const driver::SidecarFeature& feature : compiled.sidecar.inputs) {
    inputs[feature.name] = driver::random_input(feature, ++seed);
    simulator.set_input(feature.binding, driver::to_surface(feature, inputs[feature.name]));
  }
  // The program does not ask for what no result depends on.
  for (const coreml::Feature& feature : compiled.source.coreml->inputs)
    inputs.try_emplace(feature.name, static_cast<size_t>(reference::element_count(feature.tensor)), 0.0f);
  simulator.run();
  const auto reference = reference::evaluate(*compiled.source.coreml, inputs);
  float largest = 0;
  for (const auto& [name, blob] : reference)
    for (const float value : blob.data) largest = std::max(largest, std::abs(value));
  std::vector<RoadOutput> outputs;
  for (const driver::SidecarFeature& feature : compiled.sidecar.outputs)
    outputs.push_back(
        {feature.name, reference.at(feature.name).data, simulator.output(feature.binding).data, largest});
  return outputs;
}

}  // namespace ane::test
