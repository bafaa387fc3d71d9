#include "driver/source.h"

#include <Model.pb.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "aneir/plist.h"
#include "base/error.h"
#include "base/file.h"
#include "base/refused_layers.h"
#include "driver/package.h"
#include "espresso/files.h"
#include "espresso/from_coreml.h"
#include "import/from_espresso.h"
#include "import/from_mil.h"
#include "mil/protobuf.h"
#include "mil/text.h"

namespace ane::driver {

namespace fs = std::filesystem;

namespace {

bool has_espresso_net(const fs::path& folder) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.size() >= 12 && name.ends_with("espresso.net")) return true;
  }
  return false;
}

SourceKind identify_folder(const fs::path& path) {
  const std::string file = path.string();
  if (has_espresso_net(path)) return SourceKind::Espresso;
  if (fs::exists(path / "net.plist")) return SourceKind::AnePlist;
  if (fs::exists(path / "Manifest.json")) return SourceKind::CoreMl;
  if (fs::exists(path / "model.mil")) return SourceKind::Mil;
  if (fs::exists(path / "coremldata.bin"))
    throw Error(file, "", "is a compiled model without a neural network (no model.espresso.net inside)",
                "only neural networks run on the engine");
  throw Error(file, "", "is a folder without a compiled model (model.espresso.net or net.plist)");
}

SourceKind identify_file(const fs::path& path) {
  const MappedFile file(path);
  const std::string_view text = file.text();
  if (text.empty()) throw Error(file.name(), "", "is empty");
  if (text.starts_with("bplist00")) return SourceKind::AnePlist;
  if (text.starts_with("<?xml") || text.starts_with("<!DOCTYPE plist") || text.starts_with("<plist"))
    return SourceKind::AnePlist;
  if (text.starts_with("pbze") || text.starts_with("{")) return SourceKind::Espresso;
  if (text.starts_with("program(")) return SourceKind::Mil;
  return SourceKind::CoreMl;
}

// An ML Program in a .mlmodel counts as CoreMl until it is read.
SourceKind identify(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) throw Error(path.string(), "", "does not exist");
  return fs::is_directory(status) ? identify_folder(path) : identify_file(path);
}

// ---- ML Programs

mil::Function& chosen_function(mil::Program& program, const std::string& wanted) {
  std::string names;
  for (mil::Function& function : program.functions) {
    if (function.name == (wanted.empty() ? "main" : wanted)) return function;
    names += (names.empty() ? "" : ", ") + function.name;
  }
  if (!wanted.empty())
    throw Error(program.file, "--function", "there is no function " + wanted, "choose from: " + names);
  if (program.functions.size() == 1) return program.functions[0];
  throw Error(program.file, "", "holds several functions, none of which is called main",
              "choose one with --function: " + names);
}

// The default shapes in the text of a compiled program: [("DefaultShapes", {{"x", [1, 3, 8, 8]}, ...}), ...].
std::vector<int64_t> default_shape(const mil::Function& function, const std::string& input) {
  const auto is_text = [](const mil::Value& value) { return value.strings.size() == 1; };
  for (const mil::Attribute& attribute : function.attributes) {
    if (attribute.name != "FlexibleShapeInformation") continue;
    for (const mil::Value& entry : attribute.value->parts) {
      if (entry.parts.size() != 2 || !is_text(entry.parts[0]) || entry.parts[0].string() != "DefaultShapes")
        continue;
      const std::vector<mil::Value>& pairs = entry.parts[1].parts;
      for (size_t i = 0; i + 1 < pairs.size(); i += 2)
        if (is_text(pairs[i]) && pairs[i].string() == input && pairs[i + 1].type.is_tensor() &&
            pairs[i + 1].type.element == mil::DataType::Int32)
          return pairs[i + 1].integers();
    }
  }
  return {};
}

bool suits(const std::vector<int64_t>& shape, const std::vector<int64_t>& declared) {
  return std::equal(shape.begin(), shape.end(), declared.begin(), declared.end(),
                    [](int64_t a, int64_t b) { return a >= 1 && (b == mil::unknown_dimension || a == b); });
}

void set_shape(const Source& source, const mil::Function& function, const Choice& choice,
               mil::NamedType& input) {
  std::vector<int64_t>& declared = input.type.shape;
  const auto chosen = choice.shapes.find(input.name);
  const bool open = std::find(declared.begin(), declared.end(), mil::unknown_dimension) != declared.end();
  if (chosen == choice.shapes.end() && !open) return;
  std::vector<int64_t> shape;
  if (chosen != choice.shapes.end()) shape = chosen->second;
  for (const coreml::Feature& feature : source.features.inputs)
    if (shape.empty() && feature.name == input.name) shape = feature.tensor;
  if (shape.empty()) shape = default_shape(function, input.name);
  if (shape.empty())
    throw Error(source.mil->file, fmt::format("input '{}'", input.name),
                fmt::format("is a {}, and no default shape is given", input.type.text()),
                fmt::format("choose one: --shape {}=1,3,8,8", input.name));
  if (!suits(shape, declared))
    throw Error(
        source.mil->file, fmt::format("input '{}'", input.name),
        fmt::format("cannot have the shape {}: it is a {}", fmt::join(shape, "x"), input.type.text()));
  declared = shape;
}

void choose(Source& source, const Choice& choice, Graph* graph) {
  mil::Function& function = chosen_function(*source.mil, choice.function);
  source.function_name = function.name;
  if (!choice.cut.is_whole()) cut_function(function, choice.cut, source.mil->file);
  if (graph) *graph = graph_of(function);
  for (const auto& chosen : choice.shapes)
    if (std::none_of(function.inputs.begin(), function.inputs.end(),
                     [&](const mil::NamedType& input) { return input.name == chosen.first; }))
      throw Error(source.mil->file, "--shape", "there is no input " + chosen.first);
  for (mil::NamedType& input : function.inputs)
    if (input.type.is_tensor()) set_shape(source, function, choice, input);
}

void refuse_function(const fs::path& path, const Choice& choice) {
  if (!choice.function.empty()) throw Error(path.string(), "--function", "only ML Programs have functions");
}

void refuse_choice(const fs::path& path, const Choice& choice) {
  refuse_function(path, choice);
  if (!choice.shapes.empty())
    throw Error(path.string(), "--shape", "the shapes of a compiled network cannot be chosen",
                "compile its .mlmodel or .mlpackage");
}

void refuse_cut(const fs::path& path, const Choice& choice) {
  if (!choice.cut.is_whole())
    throw Error(path.string(), choice.cut.from.empty() ? "--to" : "--from",
                "a net.plist is compiled as a whole", "cut the model that it was made from");
}

void refuse_part(const fs::path& path, const Choice& choice) {
  if (!choice.part.empty()) throw Error(path.string(), "--model", "only pipelines hold several models");
}

// The network in a pipeline, or the model itself.
std::shared_ptr<coreml::spec::Model> chosen_model(Source& source,
                                                  const std::shared_ptr<coreml::spec::Model>& whole,
                                                  const fs::path& path, const Choice& choice) {
  if (!coreml::is_pipeline(*whole)) {
    refuse_part(path, choice);
    return whole;
  }
  const std::vector<coreml::PipelinePart> parts = coreml::pipeline_parts(whole);
  const size_t chosen = choose_part(parts, choice.part, path.string());
  source.pipeline = describe_choice(parts, chosen);
  return parts[chosen].model;
}

void read_network(Source& source, const std::shared_ptr<coreml::spec::Model>& proto, const std::string& name,
                  const Choice& choice, Graph* graph) {
  coreml::ChosenShapes shapes = choice.shapes;
  if (!choice.cut.is_whole()) cut_model(*proto, choice.cut, shapes, name);
  if (graph) *graph = graph_of(*proto);
  source.coreml = coreml::read_model(proto, name, shapes);
  source.espresso = espresso::from_coreml(*source.coreml);
}

// `model`: the .mlmodel itself, within a package or not.
void read_core_ml(Source& source, const fs::path& model, const Choice& choice, Graph* graph) {
  // The message has copies of all that the file holds, which is mapped no longer than that takes.
  const std::string name = model.string();
  const auto proto =
      chosen_model(source, coreml::parse_model(MappedFile(model).bytes(), name), model, choice);
  if (!proto->has_mlprogram()) {
    refuse_function(model, choice);
    read_network(source, proto, name, choice, graph);
    return;
  }
  source.kind = SourceKind::Mil;
  source.mil = mil::from_proto(proto->mlprogram(), name, model.parent_path());
  source.features =
      coreml::program_features(*proto, chosen_function(*source.mil, choice.function).name, name);
  choose(source, choice, graph);
}

}  // namespace

namespace {

// `path` is no compiled pipeline.
Source read_model(const fs::path& path, const Choice& choice, Graph* graph) {
  Source source;
  source.kind = identify(path);
  if (source.kind != SourceKind::CoreMl) refuse_part(path, choice);
  if (source.kind != SourceKind::CoreMl && source.kind != SourceKind::Mil) refuse_choice(path, choice);
  switch (source.kind) {
    case SourceKind::CoreMl:
      read_core_ml(source, fs::is_directory(path) ? package_model(path) : path, choice, graph);
      break;
    case SourceKind::Espresso:
      source.espresso = espresso::read_folder(path);
      if (!choice.cut.is_whole()) cut_net(*source.espresso, choice.cut);
      if (graph) *graph = graph_of(*source.espresso);
      break;
    case SourceKind::AnePlist:
      refuse_cut(path, choice);
      source.network = aneir::read_plist(path);
      break;
    case SourceKind::Mil:
      source.mil = mil::read_text(fs::is_directory(path) ? path / "model.mil" : path);
      choose(source, choice, graph);
      break;
  }
  return source;
}

Source read_compiled_pipeline(const fs::path& path, Choice choice, Graph* graph) {
  const std::vector<coreml::PipelinePart> parts = compiled_parts(path);
  const size_t chosen = choose_part(parts, choice.part, path.string());
  choice.part.clear();
  Source source = read_model(path / parts[chosen].name, choice, graph);
  source.pipeline = describe_choice(parts, chosen);
  return source;
}

}  // namespace

Source read_source(const fs::path& path, const Choice& choice, Graph* graph) {
  Source source = is_compiled_pipeline(path) ? read_compiled_pipeline(path, choice, graph)
                                             : read_model(path, choice, graph);
  fs::path named = path;
  if (!named.has_filename()) named = named.parent_path();
  source.name = named.stem().string();
  return source;
}

const mil::Function& Source::function() const {
  const mil::Function* found = mil->find(function_name);
  ensure(found, "the function to compile was chosen when the program was read");
  return *found;
}

namespace {

// Of a Core ML network in Espresso form: one of its layers can be several there, whose blobs it does not
// know. It is refused with any of them: what they give reaches one of its own blobs.
std::vector<RefusedLayer> layers_of_model(const Source& source, const std::vector<RefusedLayer>& refused) {
  const auto is_own = [&](const std::string& blob) { return source.coreml->shapes.contains(blob); };
  std::set<std::string> reached;
  for (const RefusedLayer& layer : refused) reached.insert(layer.results.begin(), layer.results.end());
  std::vector<RefusedLayer> layers;
  for (const espresso::Layer& layer : source.espresso->layers) {
    const auto is_reached = [&](const std::string& blob) { return reached.contains(blob); };
    const bool behind = std::any_of(layer.bottoms.begin(), layer.bottoms.end(), [&](const std::string& blob) {
      return is_reached(blob) && !is_own(blob);
    });
    if (!behind && std::none_of(layer.tops.begin(), layer.tops.end(), is_reached)) continue;
    reached.insert(layer.tops.begin(), layer.tops.end());
    RefusedLayer own{layer.name, {}};
    std::copy_if(layer.tops.begin(), layer.tops.end(), std::back_inserter(own.results), is_own);
    if (!own.results.empty()) layers.push_back(std::move(own));
  }
  return layers;
}

}  // namespace

void import_network(Source& source) {
  if (source.mil) source.network = import::from_mil(*source.mil, source.function());
  if (!source.espresso) return;
  try {
    source.network = import::from_espresso(*source.espresso);
  } catch (RefusedLayers& refused) {
    if (source.coreml) refused.layers = layers_of_model(source, refused.layers);
    throw;
  }
}

}  // namespace ane::driver
