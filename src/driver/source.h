// What a path given by the user is, by content, and its network in Espresso or ANE form.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aneir/network.h"
#include "coreml/model.h"
#include "driver/cut.h"
#include "driver/graph.h"
#include "driver/pipeline.h"
#include "espresso/net.h"
#include "mil/program.h"

namespace ane::driver {

enum class SourceKind { CoreMl, Espresso, AnePlist, Mil };

// What the user may choose of a model that leaves it open.
struct Choice {
  std::string part;             // of a pipeline, by name or number; empty: choose_part's rule (pipeline.h)
  std::string function;         // of an ML Program; empty: "main", or the only one there is
  coreml::ChosenShapes shapes;  // of inputs of flexible shape, by name; the others have their default
  Cut cut;                      // which part of the network; the shapes are of its inputs, or of the model's
};

// A model read, with the forms it has. `network` is as imported, before any pass.
struct Source {
  SourceKind kind = SourceKind::CoreMl;
  std::string name;  // of the model: the file or folder name without its suffix
  std::optional<coreml::Model> coreml;
  std::optional<espresso::Net> espresso;
  // An ML Program. The inputs of the function that is compiled have shapes without unknown lengths: those
  // chosen, else the default shapes. `features` is what its .mlmodel says of them; a program as text has
  // none.
  std::optional<mil::Program> mil;
  std::string function_name;
  coreml::ProgramFeatures features;
  std::optional<PipelineChoice> pipeline;  // where the model is part of one
  aneir::Network network;

  // Of `mil`, the one that is compiled.
  const mil::Function& function() const;
};

// Reads as far as Espresso (and the plist and ML Programs, which have no Espresso form); import_network does
// the rest. Throws Error for what this version does not compile, by name, and for what is no model;
// RefusedLayers, in the names of the source, where it is some of its layers. `graph` is filled with what the
// cut left of the source, as soon as that is known and before anything of it is refused.
Source read_source(const std::filesystem::path& path, const Choice& choice = {}, Graph* graph = nullptr);
void import_network(Source& source);

}  // namespace ane::driver
