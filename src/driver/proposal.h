// Of a network that is refused for some of its layers: large parts that are free of them.
#pragma once

#include <string>
#include <vector>

#include "base/refused_layers.h"
#include "driver/cut.h"
#include "driver/graph.h"

namespace ane::driver {

// The steps of a graph that `refused` means, added to `steps` (one for each). A step that reads a refused
// input is one. False when that adds none.
bool mark_refused(const Graph& graph, const std::vector<RefusedLayer>& refused, std::vector<bool>& steps);

// Parts that can run in one go: what they are given never depends on what they compute. They do some of the
// work that networks are compiled for (is_work), and their outputs come of that. The best first; none where
// no part does any, or where the user would have to name too many tensors. `cut` is the one that the graph is
// of.
std::vector<Cut> large_parts(const Graph& graph, const std::vector<bool>& refused, const Cut& cut);

// "compile the part before: --to conv_out,boxes"
std::string remedy_text(const Cut& cut);

}  // namespace ane::driver
