// What becomes of every type of layer that a Core ML neural network can have.
#pragma once

#include <span>
#include <string>

namespace ane::driver {

enum class Treatment {
  Units,    // units that the engine's compiler has
  Chain,    // put together from several
  Known,    // known before the network runs, so it costs nothing
  Refused,  // with the reason
};

struct LayerRow {
  const char* type;  // in the words of the Core ML specification; of activations with the function
  Treatment treatment;
  const char* how;  // its form and its limits; of refused ones the words of the refusal
};

// Every type, in the order of the specification's field numbers.
std::span<const LayerRow> layer_table();

// The same as Markdown (docs/layers.md).
std::string layer_table_text();

}  // namespace ane::driver
