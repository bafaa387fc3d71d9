// The refusal of layers or operations of a network that is otherwise understood. Who knows the network can
// say which part of it is free of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace ane {

struct RefusedLayer {
  std::string name;
  std::vector<std::string> results;  // tensors, by name; for an input, itself
};

class RefusedLayers : public Error {
 public:
  RefusedLayers(const std::string& file, const std::string& why, std::vector<RefusedLayer> refused)
      : Error(file, "", why), layers(std::move(refused)) {}

  std::vector<RefusedLayer> layers;
};

}  // namespace ane
