// Manifest.json: {"rootModelIdentifier": ID, "itemInfoEntries": {ID: {"path": PATH, ...}, ...}, ...}; paths
// are below Data. Seen so in all fourteen packages of the evidence; described by ModelPackage.cpp in
// coremltools' sources.
#include "driver/package.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/file.h"

namespace ane::driver {

namespace fs = std::filesystem;

namespace {

using nlohmann::json;

bool is_model_path(const std::string& path) {
  return path.ends_with(".mlmodel");
}

std::string path_of(const json& item) {
  return item.is_object() ? item.value("path", "") : "";
}

// Of the item that holds the model; empty where there is none, or no telling which.
std::string model_path(const json& manifest) {
  const auto items = manifest.find("itemInfoEntries");
  if (items == manifest.end() || !items->is_object()) return "";
  if (const std::string root = manifest.value("rootModelIdentifier", ""); !root.empty()) {
    const auto found = items->find(root);
    return found == items->end() ? "" : path_of(*found);
  }
  std::string only;
  for (const json& item : *items) {
    if (!is_model_path(path_of(item))) continue;
    if (!only.empty()) return "";
    only = path_of(item);
  }
  return only;
}

bool stays_inside(const fs::path& path) {
  return path.is_relative() && std::find(path.begin(), path.end(), "..") == path.end();
}

}  // namespace

fs::path package_model(const fs::path& package) {
  const MappedFile file(package / "Manifest.json");
  const json manifest = json::parse(file.text(), nullptr, false);
  if (!manifest.is_object()) throw Error(file.name(), "", "is damaged: no JSON object");
  std::string path;
  try {
    path = model_path(manifest);
  } catch (const json::exception& error) {
    throw Error(file.name(), "", std::string("is damaged: ") + error.what());
  }
  if (path.empty()) throw Error(file.name(), "", "names no model of the package");
  if (!stays_inside(path))
    throw Error(file.name(), path, "leads out of the package", "a package's items lie below its Data");
  return package / "Data" / path;
}

}  // namespace ane::driver
