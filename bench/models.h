// The models that whole compilations are measured on.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ane::bench {

struct Model {
  std::string name;
  std::filesystem::path path;
};

// Writes mobilenet.mlmodel: a MobileNet with weights in every encoding.
void write_model(const std::filesystem::path& folder);

// That one, and models of other people from the evidence folder (tests/support/evidence.h) where it is
// present.
std::vector<Model> models(const std::filesystem::path& folder);

}  // namespace ane::bench
