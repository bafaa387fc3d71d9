// What a path given by the user is, by content, and its network in Espresso or ANE form.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "aneir/network.h"
#include "coreml/model.h"
#include "espresso/net.h"
#include "mil/program.h"

namespace ane::driver {

enum class SourceKind { CoreMl, Espresso, AnePlist, Mil };

// Throws Error for what this version does not compile, by name (packages, pipelines), and for what is no
// model.
SourceKind identify(const std::filesystem::path& path);

// A model read, with the forms it has. `network` is as imported, before any pass.
struct Source {
  SourceKind kind = SourceKind::CoreMl;
  std::string name;  // of the model: the file or folder name without its suffix
  std::optional<coreml::Model> coreml;
  std::optional<espresso::Net> espresso;
  std::optional<mil::Program> mil;
  aneir::Network network;

  // Of `mil`, the one that is compiled: "main", or the only one there is.
  const mil::Function& function() const;
};

// Reads as far as Espresso (and the plist and ML Programs, which have no Espresso form); import_network does
// the rest.
Source read_source(const std::filesystem::path& path, const coreml::ChosenShapes& shapes = {});
void import_network(Source& source);

}  // namespace ane::driver
