// --verify: the simulated program against the reference interpreter on the same input.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "driver/compile.h"
#include "sim/simulator.h"

namespace ane::driver {

struct OutputError {
  std::string name;
  // 10 log10(sum of squares of the reference / sum of squares of the difference); 999 when there is no
  // difference. Of the reference what rounds to 0 in binary16 counts as 0.
  double snr_db = 0;
  double max_abs = 0;
  double max_rel = 0;  // largest difference over the largest reference magnitude
};

struct Verification {
  std::vector<OutputError> outputs;
  sim::Statistics statistics;
  // The first layer whose own result is further off than `stray_db`, with its figure; empty when none is.
  OutputError first_stray;
  // Every layer's own result, in the network's order; only where asked for.
  std::vector<OutputError> layers;
};

inline constexpr double stray_db = 40;

// `inputs` by the user's names; inputs without a file are random from `seed`. Layers are looked at one by one
// when an output strays, and with `all_layers` in any case. Throws Error when the model has no reference
// (Core ML layers, Espresso layers and MIL operations have one).
Verification verify(const Compiled& compiled, const CompileOptions& options,
                    const std::map<std::string, std::filesystem::path>& inputs, uint64_t seed,
                    const sim::Options& simulation = {}, bool all_layers = false);

}  // namespace ane::driver
