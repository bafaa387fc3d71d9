// Which layers of a network give its results.
#pragma once

#include <set>
#include <string>

#include "espresso/net.h"

namespace ane::espresso {

// Marks the layers that give `results`, and no others. The mark holds for a whole layer: a top that is a
// result beside one that is none gets a layer of its own, a copy. Throws Error for results without a shape.
void mark_outputs(Net& net, const std::set<std::string>& results);

// Takes out shapes and weights that no layer refers to.
void drop_unused(Net& net);

}  // namespace ane::espresso
