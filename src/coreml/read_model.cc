// From the bytes of a .mlmodel to a checked Model.
//
// protobuf only says whether the bytes can be cut into fields; a hostile or damaged file passes that easily.
// So every number that anybody behind this room multiplies, divides by, indexes with or allocates from is
// checked here, once.
#include <Model.pb.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>

#include <limits>
#include <set>

#include "base/error.h"
#include "base/refused_layers.h"
#include "coreml/network.h"
#include "coreml/pipeline.h"
#include "coreml/shape_rules.h"

namespace ane::coreml {

namespace {

// Control flow nests networks and pipelines nest models; nothing sane does so deeper.
constexpr int deepest_nesting = 64;
// So many refused layers are named in full.
constexpr size_t refusals_listed = 12;

using Field = google::protobuf::FieldDescriptor;
using Message = google::protobuf::Message;

// ---- What the file is ----

// Files that are handed over by mistake. None of these beginnings starts a Core ML model.
void refuse_other_formats(ByteSpan bytes, const std::string& file) {
  if (bytes.empty()) throw Error(file, "", "the file is empty");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  struct Format {
    std::string_view beginning;
    const char *why, *remedy;
  };
  static constexpr Format formats[] = {
      {"version https://git-lfs", "is a Git LFS pointer, not the model itself",
       "fetch it with `git lfs pull`"},
      {"PK\x03\x04", "is a zip archive, not a Core ML model", "unpack it first"},
      {"\x1f\x8b", "is a gzip archive, not a Core ML model", "unpack it first"},
      {"\x89HDF", "is an HDF5 file (Keras), not a Core ML model", "convert it with coremltools"},
      {"bplist", "is a property list, not a Core ML model", ""},
      {"program(", "is a textual ML program, not a .mlmodel", ""},
      {"{", "is JSON or other text, not a Core ML model", ""},
      {"[", "is JSON or other text, not a Core ML model", ""},
      {"<", "is XML or a web page, not a Core ML model", ""},
  };
  for (const Format& format : formats)
    if (text.starts_with(format.beginning)) throw Error(file, "", format.why, format.remedy);
}

std::shared_ptr<spec::Model> parse(ByteSpan bytes, const std::string& file) {
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max()))
    throw Error(file, "", "is larger than 2 GiB, the most that the format allows");
  // Our error line is the only thing to say about a file; protobuf would log besides.
  const google::protobuf::LogSilencer silence;
  google::protobuf::io::CodedInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(deepest_nesting);
  auto proto = std::make_shared<spec::Model>();
  if (!proto->ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    throw Error(file, "", "is damaged, or not a Core ML model: its fields cannot be read to the end");
  return proto;
}

// The field chosen in a oneof; nullptr when none is.
const Field* chosen(const Message& message, const char* oneof) {
  return message.GetReflection()->GetOneofFieldDescriptor(message,
                                                          message.GetDescriptor()->FindOneofByName(oneof));
}
std::string chosen_field(const Message& message, const char* oneof) {
  const Field* field = chosen(message, oneof);
  return field ? field->name() : std::string();
}

[[noreturn]] void refuse_model(const spec::Model& model, const std::string& file) {
  const std::string type = describe_model(model);
  if (model.Type_case() == spec::Model::TYPE_NOT_SET) {
    if (model.specificationversion() == 0) throw Error(file, "", "is not a Core ML model");
    throw Error(file, "", "holds a type of model that this version does not know");
  }
  if (model.has_mlprogram()) throw Error(file, "", "is an ML program (mlProgram), not a neural network");
  if (pipeline_part("", model.Type_case()).is_system)
    throw Error(file, "",
                fmt::format("is a {}, whose network is part of Apple's systems and not in the file", type));
  throw Error(file, "", fmt::format("is a {}, which holds no neural network itself", type));
}

template <typename Params>
Network network_of(const Params& params) {
  return {.layers = &params.layers(),
          .preprocessing = &params.preprocessing(),
          .exact_arrays = params.arrayinputshapemapping() == spec::EXACT_ARRAY_MAPPING,
          .exact_images = params.imageinputshapemapping() == spec::RANK4_IMAGE_MAPPING};
}

Network find_network(Model& model) {
  const spec::Model& proto = *model.proto;
  switch (proto.Type_case()) {
    case spec::Model::kNeuralNetwork:
      model.kind = ModelKind::NeuralNetwork;
      return network_of(proto.neuralnetwork());
    case spec::Model::kNeuralNetworkClassifier:
      model.kind = ModelKind::NeuralNetworkClassifier;
      return network_of(proto.neuralnetworkclassifier());
    case spec::Model::kNeuralNetworkRegressor:
      model.kind = ModelKind::NeuralNetworkRegressor;
      return network_of(proto.neuralnetworkregressor());
    default:
      refuse_model(proto, model.file);
  }
}

// ---- Layers ----

// "12 layers are not supported: A (custom): ..., B (...): ...; 5 more: 3 gru, 2 custom"
std::string describe_refusals(const std::vector<Refusal>& refusals) {
  std::string text = refusals.size() == 1 ? "1 layer is not supported: "
                                          : fmt::format("{} layers are not supported: ", refusals.size());
  std::map<std::string, int> rest;
  for (size_t i = 0; i < refusals.size(); ++i) {
    const Refusal& refusal = refusals[i];
    if (i >= refusals_listed)
      ++rest[refusal.type];
    else
      text += fmt::format("{}{} ({}): {}", i ? ", " : "", refusal.layer, refusal.type, refusal.reason);
  }
  if (rest.empty()) return text;
  text += fmt::format(", and {} more:", refusals.size() - refusals_listed);
  for (const auto& [type, count] : rest) text += fmt::format(" {} {}", count, type);
  return text;
}

void refuse_layers(const Network& network, const std::string& file) {
  std::vector<Refusal> refusals;
  std::vector<RefusedLayer> refused;
  for (const auto& layer : *network.layers) {
    const auto reason = refusal_reason(layer);
    if (!reason) continue;
    refusals.push_back({layer.name(), layer_type(layer), *reason});
    refused.push_back({layer.name(), {layer.output().begin(), layer.output().end()}});
  }
  if (!refusals.empty()) throw RefusedLayers(file, describe_refusals(refusals), std::move(refused));
}

// Of a type of message: its enums, and the messages in it that have some. Most have none, weights above all.
// Not of repeated fields, which layers have no enums in.
const std::vector<const Field*>& fields_with_enums(const google::protobuf::Descriptor& type) {
  static thread_local std::map<const void*, std::vector<const Field*>> known;
  const auto [found, is_new] = known.try_emplace(&type);
  if (!is_new) return found->second;
  for (int i = 0; i < type.field_count(); ++i) {
    const Field* field = type.field(i);
    if (field->is_repeated()) continue;
    if (field->cpp_type() == Field::CPPTYPE_ENUM ||
        (field->cpp_type() == Field::CPPTYPE_MESSAGE && !fields_with_enums(*field->message_type()).empty()))
      found->second.push_back(field);
  }
  return found->second;
}

// Numbers that the schema has no name for, in any parameter of a layer.
void need_known_enums(const Message& message, const LayerCheck& check) {
  const auto* reflection = message.GetReflection();
  for (const Field* field : fields_with_enums(*message.GetDescriptor())) {
    if (field->cpp_type() == Field::CPPTYPE_MESSAGE) {
      if (reflection->HasField(message, field))
        need_known_enums(reflection->GetMessage(message, field), check);
      continue;
    }
    const int value = reflection->GetEnumValue(message, field);
    check.need(field->enum_type()->FindValueByNumber(value) != nullptr, "{} has the unknown value {}",
               field->name(), value);
  }
}

void need_usable_shape(const Shape& shape, const LayerCheck& check) {
  const bool usable =
      !shape.empty() && shape.size() <= largest_rank &&
      std::all_of(shape.begin(), shape.end(), [](int64_t s) { return s >= 1 && s <= largest_size; });
  check.need(usable && element_count(shape) <= largest_blob, "gives a blob of shape {}", shape);
}

// Shapes of the layer's outputs from those of its inputs, which earlier layers or the model's inputs must
// have made.
Shapes output_shapes(const spec::NeuralNetworkLayer& layer, const Model& model) {
  std::vector<Shape> inputs;
  for (const std::string& name : layer.input()) {
    const auto found = model.shapes.find(name);
    if (found == model.shapes.end())
      throw Error(model.file, describe(layer),
                  fmt::format("reads '{}', which nothing before it writes", name));
    inputs.push_back(found->second);
  }
  const LayerCheck check(model.file, layer, std::move(inputs));
  if (const Field* field = chosen(layer, "layer"))
    need_known_enums(layer.GetReflection()->GetMessage(layer, field), check);
  Shapes shapes = infer_shapes(check);
  check.need(shapes.size() == static_cast<size_t>(layer.output_size()), "has {} outputs where {} must be",
             layer.output_size(), shapes.size());
  for (const Shape& shape : shapes) need_usable_shape(shape, check);
  return shapes;
}

void read_layer(const spec::NeuralNetworkLayer& layer, Model& model) {
  const Shapes shapes = output_shapes(layer, model);
  for (int i = 0; i < layer.output_size(); ++i) {
    const std::string& name = layer.output(i);
    if (name.empty()) throw Error(model.file, describe(layer), "has an output without a name");
    if (!model.shapes.emplace(name, shapes[static_cast<size_t>(i)]).second)
      throw Error(model.file, describe(layer), fmt::format("writes '{}', which is there already", name));
  }
  model.layers.push_back(&layer);
}

// Of a layer that is not understood the outputs have no shapes.
void note_shapes(const spec::NeuralNetworkLayer& layer, Model& model) {
  Shapes shapes(static_cast<size_t>(layer.output_size()));
  try {
    if (!refusal_reason(layer)) shapes = output_shapes(layer, model);
  } catch (const Error&) {  // nothing more can be said here
  }
  for (int i = 0; i < layer.output_size(); ++i)
    if (const Shape& shape = shapes[static_cast<size_t>(i)]; shape.empty())
      model.shapes.erase(layer.output(i));
    else
      model.shapes[layer.output(i)] = shape;
}

}  // namespace

std::unordered_map<std::string, Shape> blob_shapes(spec::Model& proto, const std::string& name,
                                                   const ChosenShapes& shapes) {
  Model model;
  model.file = name;
  choose_shapes(proto, shapes, name);
  // Kept alive by the caller.
  model.proto = std::shared_ptr<const spec::Model>(std::shared_ptr<const void>(), &proto);
  const Network network = find_network(model);
  for (const auto& description : proto.description().input()) {
    try {
      model.shapes[description.name()] = read_input(description, network, name).tensor;
    } catch (const Error&) {  // no tensor; what reads it has no shape either
    }
  }
  for (const auto& layer : *network.layers) note_shapes(layer, model);
  return std::move(model.shapes);
}

std::string layer_type(const spec::NeuralNetworkLayer& layer) {
  const std::string type = chosen_field(layer, "layer");
  if (type.empty()) return "unknown";
  if (!layer.has_activation()) return type;
  const std::string function = chosen_field(layer.activation(), "NonlinearityType");
  return type + "." + (function.empty() ? "unknown" : function);
}

std::shared_ptr<spec::Model> parse_model(ByteSpan bytes, const std::string& name) {
  refuse_other_formats(bytes, name);
  return parse(bytes, name);
}

Model read_model(ByteSpan bytes, const std::string& name, const ChosenShapes& shapes) {
  return read_model(parse_model(bytes, name), name, shapes);
}

Model read_model(const std::shared_ptr<spec::Model>& proto, const std::string& name,
                 const ChosenShapes& shapes) {
  Model model;
  model.file = name;
  choose_shapes(*proto, shapes, name);
  model.proto = proto;
  const Network network = find_network(model);
  model.specification_version = model.proto->specificationversion();
  if (model.specification_version < 1) throw Error(name, "", "has no specification version");
  model.exact_rank = network.exact_arrays;

  // All unsupported layers are reported at once, before anything that needs their shapes.
  refuse_layers(network, name);
  read_inputs(network, model);
  for (const Feature& input : model.inputs) model.shapes.emplace(input.name, input.tensor);
  for (const auto& layer : *network.layers) read_layer(layer, model);
  read_outputs(model);
  return model;
}

Model read_model(const MappedFile& file, const ChosenShapes& shapes) {
  return read_model(file.bytes(), file.name(), shapes);
}

}  // namespace ane::coreml
