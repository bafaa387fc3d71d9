// Which inputs of a Core ML network are indices. Their type does not say it (embeddings take floats), but
// whoever feeds the network must know: numbers that are no index mean nothing, least of all random ones.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "coreml/model.h"

namespace ane::driver {

// How many indices there are (0 .. N - 1), for each input that a look-up reads, directly or through layers
// that only move elements.
using Indices = std::map<std::string, int64_t>;
Indices index_inputs(const coreml::Model& model);

}  // namespace ane::driver
