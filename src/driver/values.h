// Values in and out of a program: pictures and arrays as the user has them, surfaces as the engine wants
// them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "driver/sidecar.h"
#include "media/image.h"
#include "sim/simulator.h"

namespace ane::driver {

// Which file goes with which input, from [NAME=]FILE words of a command line. A name is needed when there are
// several inputs. Throws Error for names that the program does not have.
std::map<std::string, std::filesystem::path> match_inputs(const std::vector<std::string>& words,
                                                          const Sidecar& sidecar);

// What the user gives for one input: array elements in row-major order, or picture values 0..255 as [C][H][W]
// planes in the channel order of the model.
std::vector<float> read_input(const SidecarFeature& feature, const std::filesystem::path& path);

// Uniform values from a seed: [-1, 1) for arrays, whole numbers 0..255 for pictures, 0 and 1 for truths, any
// of them for indices.
std::vector<float> random_input(const SidecarFeature& feature, uint64_t seed);

// The input surface's values: the picture's preprocessing applied.
std::vector<float> to_surface(const SidecarFeature& feature, std::vector<float> values);

// An output as a picture (values clamped to 0..255).
media::Image to_image(const SidecarFeature& feature, const std::vector<float>& values);

}  // namespace ane::driver
