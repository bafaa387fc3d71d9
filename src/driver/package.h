// A .mlpackage: a folder of models and their files, listed by Manifest.json.
#pragma once

#include <filesystem>

namespace ane::driver {

// The .mlmodel that a package is about: the item that its manifest calls the root model, or the only model of
// an older manifest, which names none. Throws Error for a damaged manifest, a path that leads out of the
// package, and a package without a model.
std::filesystem::path package_model(const std::filesystem::path& package);

}  // namespace ane::driver
