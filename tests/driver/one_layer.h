// Networks of one layer, for tests that try every type of layer.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>
#include <vector>

#include "support/model_builder.h"

namespace ane::test {

// A layer `y` that reads arrays x0, x1, ... of these shapes; `fill` makes it what it is. `exact`: by the
// shape rules of specification 4 and later.
inline ModelBuilder one_layer(bool exact, const std::vector<std::vector<int64_t>>& shapes,
                              const std::function<void(spec::NeuralNetworkLayer&)>& fill) {
  ModelBuilder model(exact ? 5 : 1);
  if (exact) model.exact_rank();
  std::vector<std::string> inputs;
  for (size_t i = 0; i < shapes.size(); ++i) {
    inputs.push_back(fmt::format("x{}", i));
    model.array_input(inputs.back(), shapes[i]);
  }
  fill(*model.layer("y", inputs));
  model.array_output("y");
  return model;
}

}  // namespace ane::test
