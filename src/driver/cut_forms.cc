// What a cut does to each form of source.
#include <Model.pb.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <unordered_map>

#include "base/error.h"
#include "driver/cut.h"
#include "espresso/outputs.h"

namespace ane::driver {

namespace {

namespace spec = coreml::spec;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The steps that are left, of a vector of layers or operations.
template <typename Item>
void keep(std::vector<Item>& items, const std::vector<bool>& kept) {
  size_t next = 0;
  std::erase_if(items, [&](const Item&) { return !kept[next++]; });
}

// ---- Neural networks

// The same of a field of a message.
template <typename Field, typename Keep>
void keep_if(Field& items, const Keep& is_kept) {
  int count = 0;
  for (int i = 0; i < items.size(); ++i)
    if (is_kept(i)) items.SwapElements(count++, i);
  items.DeleteSubrange(count, items.size() - count);
}

// What an array of this declared shape is in a network whose tensors have five axes.
coreml::Shape with_five_axes(const coreml::Shape& shape) {
  if (shape.size() == 1) return {1, 1, shape[0], 1, 1};
  if (shape.size() == 3) return {1, 1, shape[0], shape[1], shape[2]};
  return shape;
}

// The inputs that a cut makes, and what is known of all tensors.
struct GivenShapes {
  coreml::ChosenShapes given;
  std::unordered_map<std::string, coreml::Shape> known;
};

GivenShapes given_shapes(spec::Model& model, const Cut& cut, coreml::ChosenShapes& shapes,
                         const std::string& file) {
  GivenShapes found;
  for (const std::string& name : cut.from)
    if (auto chosen = shapes.extract(name)) found.given.insert(std::move(chosen));
  found.known = coreml::blob_shapes(model, file, shapes);
  shapes.clear();
  for (const std::string& name : cut.from) {
    if (found.given.contains(name)) continue;
    const auto known = found.known.find(name);
    if (known == found.known.end())
      throw Error(file, "--from " + name, "its shape does not follow from the layers before it",
                  fmt::format("say it: --shape {}=1,3,8,8", name));
    found.given[name] = known->second;
  }
  return found;
}

void set_array(spec::FeatureDescription& feature, const std::string& name, const coreml::Shape& shape) {
  feature.set_name(name);
  auto& type = *feature.mutable_type()->mutable_multiarraytype();
  type.set_datatype(spec::ArrayFeatureType::FLOAT32);
  type.mutable_shape()->Assign(shape.begin(), shape.end());
}

void set_inputs(spec::ModelDescription& description, const Part& part, const Cut& cut,
                const coreml::ChosenShapes& shapes) {
  auto& inputs = *description.mutable_input();
  keep_if(inputs, [&](int i) { return part.inputs.contains(inputs[i].name()); });
  for (const std::string& name : cut.from) set_array(*inputs.Add(), name, shapes.at(name));
}

// What is declared of a tensor stays. What a classifier says besides its scores stays with them.
void set_outputs(spec::ModelDescription& description, const std::vector<std::string>& names,
                 bool classifies) {
  google::protobuf::RepeatedPtrField<spec::FeatureDescription> old;
  old.Swap(description.mutable_output());
  for (const std::string& name : names) {
    const auto is_it = [&](const auto& feature) {
      return feature.name() == name &&
             (feature.type().has_multiarraytype() || feature.type().has_imagetype());
    };
    const auto found = std::find_if(old.begin(), old.end(), is_it);
    if (found != old.end())
      *description.add_output() = *found;
    else
      set_array(*description.add_output(), name, {});
  }
  for (const auto& feature : old)
    if (classifies && !feature.type().has_multiarraytype() && !feature.type().has_imagetype())
      *description.add_output() = feature;
}

// Steps name their image or, where there is only one, none.
template <typename Network>
void keep_preprocessing(Network& network, const spec::ModelDescription& description, const Part& part) {
  std::string image;
  int images = 0;
  for (const auto& input : description.input())
    if (input.type().has_imagetype()) image = input.name(), ++images;
  auto& steps = *network.mutable_preprocessing();
  for (auto& step : steps)
    if (step.featurename().empty() && images == 1) step.set_featurename(image);
  keep_if(steps, [&](int i) {
    const std::string& name = steps[i].featurename();
    const auto is_it = [&](const auto& input) { return input.name() == name; };
    const auto& inputs = description.input();
    return part.inputs.contains(name) || std::none_of(inputs.begin(), inputs.end(), is_it);
  });
}

template <typename Network>
void cut_layers(Network& network, const Part& part) {
  auto& layers = *network.mutable_layers();
  for (const Part::Renamed& renamed : part.renamed) {
    spec::NeuralNetworkLayer& layer = layers[static_cast<int>(renamed.step)];
    if (renamed.write < static_cast<size_t>(layer.output_size()))
      layer.set_output(static_cast<int>(renamed.write), renamed.name);
  }
  keep_if(layers, [&](int i) { return part.steps[static_cast<size_t>(i)]; });
}

// The inputs of older networks have channels, height and width alone. Where a cut makes others, all arrays
// are declared with every axis.
template <typename Network>
void declare_axes(Network& network, spec::ModelDescription& description, GivenShapes& shapes) {
  if (network.arrayinputshapemapping() == spec::EXACT_ARRAY_MAPPING) return;
  bool plain = true;
  for (auto& [name, shape] : shapes.given) {
    shape = with_five_axes(shape);
    plain &= shape.size() == 5 && shape[0] == 1 && shape[1] == 1;
  }
  if (plain) {
    for (auto& [name, shape] : shapes.given) shape.erase(shape.begin(), shape.begin() + 2);
    return;
  }
  network.set_arrayinputshapemapping(spec::EXACT_ARRAY_MAPPING);
  for (auto& input : *description.mutable_input()) {
    const auto known = shapes.known.find(input.name());
    if (input.type().has_multiarraytype() && known != shapes.known.end())
      input.mutable_type()->mutable_multiarraytype()->mutable_shape()->Assign(known->second.begin(),
                                                                              known->second.end());
  }
}

template <typename Network>
void cut_network(Network& network, spec::Model& model, const Cut& cut, coreml::ChosenShapes& shapes,
                 const std::string& file) {
  const Part part = part_of(graph_of(model), cut, file);
  keep_preprocessing(network, model.description(), part);
  GivenShapes found = given_shapes(model, cut, shapes, file);
  declare_axes(network, *model.mutable_description(), found);
  set_inputs(*model.mutable_description(), part, cut, found.given);
  cut_layers(network, part);
}

// A classifier whose scores are no output any more is a network like any other.
void make_plain(spec::Model& model) {
  const std::unique_ptr<spec::NeuralNetworkClassifier> classifier(model.release_neuralnetworkclassifier());
  spec::NeuralNetwork& network = *model.mutable_neuralnetwork();
  network.mutable_layers()->Swap(classifier->mutable_layers());
  network.mutable_preprocessing()->Swap(classifier->mutable_preprocessing());
  network.set_arrayinputshapemapping(classifier->arrayinputshapemapping());
  network.set_imageinputshapemapping(classifier->imageinputshapemapping());
}

}  // namespace

void cut_model(spec::Model& model, const Cut& cut, coreml::ChosenShapes& shapes, const std::string& file) {
  const std::string scores = coreml::scores_blob(model);
  if (model.has_neuralnetworkclassifier()) {
    cut_network(*model.mutable_neuralnetworkclassifier(), model, cut, shapes, file);
    if (cut.to.empty() || contains(cut.to, scores))
      model.mutable_neuralnetworkclassifier()->set_labelprobabilitylayername(scores);
    else
      make_plain(model);
  } else if (model.has_neuralnetwork()) {
    cut_network(*model.mutable_neuralnetwork(), model, cut, shapes, file);
  } else if (model.has_neuralnetworkregressor()) {
    cut_network(*model.mutable_neuralnetworkregressor(), model, cut, shapes, file);
  }
  if (!cut.to.empty()) set_outputs(*model.mutable_description(), cut.to, model.has_neuralnetworkclassifier());
}

// ---- ML Programs

void cut_function(mil::Function& function, const Cut& cut, const std::string& file) {
  const Part part = part_of(graph_of(function), cut, file);
  std::vector<mil::NamedType> inputs;
  for (mil::NamedType& input : function.inputs)
    if (part.inputs.contains(input.name)) inputs.push_back(std::move(input));
  std::map<std::string, const mil::NamedType*> values;
  for (const mil::Operation& operation : function.block.operations)
    for (const mil::NamedType& output : operation.outputs) values[output.name] = &output;
  for (const std::string& name : cut.from) inputs.push_back(*values.at(name));
  for (const Part::Renamed& renamed : part.renamed)
    function.block.operations[renamed.step].outputs[renamed.write].name = renamed.name;
  keep(function.block.operations, part.steps);
  function.inputs = std::move(inputs);
  if (!cut.to.empty()) function.block.outputs = cut.to;
}

// ---- Compiled networks

void cut_net(espresso::Net& net, const Cut& cut) {
  const Graph graph = graph_of(net);
  const Part part = part_of(graph, cut, net.file);
  for (const std::string& name : cut.from) net.shape(name);  // an input needs one
  for (const Part::Renamed& renamed : part.renamed) {
    std::string& top = net.layers[renamed.step].tops[renamed.write];
    if (const auto found = net.shapes.find(top); found != net.shapes.end())
      net.shapes[renamed.name] = found->second;
    top = renamed.name;
  }
  keep(net.layers, part.steps);
  std::erase_if(net.transforms, [&](const auto& entry) { return !part.inputs.contains(entry.first); });
  const std::vector<std::string>& outputs = cut.to.empty() ? graph.outputs : cut.to;
  espresso::mark_outputs(net, {outputs.begin(), outputs.end()});
  espresso::drop_unused(net);
}

}  // namespace ane::driver
