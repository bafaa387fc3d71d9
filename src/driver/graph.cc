#include "driver/graph.h"

#include <Model.pb.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace ane::driver {

namespace {

using Names = std::vector<std::string>;

// ---- Core ML

// The networks that control flow holds.
std::vector<const coreml::spec::NeuralNetwork*> networks_in(const coreml::spec::NeuralNetworkLayer& layer) {
  if (layer.has_branch()) return {&layer.branch().ifbranch(), &layer.branch().elsebranch()};
  if (layer.has_loop()) return {&layer.loop().conditionnetwork(), &layer.loop().bodynetwork()};
  return {};
}

// Networks within share the names of those around them, and may leave a blob as it was, so that what they
// write they also read. The reader of the file has bounded how deep they nest.
void collect(const coreml::spec::NeuralNetworkLayer& layer, Graph::Step& step, bool within) {
  step.reads.insert(step.reads.end(), layer.input().begin(), layer.input().end());
  step.writes.insert(step.writes.end(), layer.output().begin(), layer.output().end());
  if (within) step.reads.insert(step.reads.end(), layer.output().begin(), layer.output().end());
  for (const coreml::spec::NeuralNetwork* network : networks_in(layer))
    for (const auto& inner : network->layers()) collect(inner, step, true);
}

template <typename Network>
void add_layers(const Network& network, Graph& graph) {
  graph.steps.reserve(static_cast<size_t>(network.layers_size()));
  for (const auto& layer : network.layers()) {
    Graph::Step& step = graph.steps.emplace_back();
    step.name = layer.name();
    step.type = coreml::layer_type(layer);
    collect(layer, step, false);
  }
}

// ---- MIL

void collect(const mil::Block& block, Graph::Step& step);

void collect(const mil::Operation& operation, Graph::Step& step) {
  for (const mil::Argument& argument : operation.inputs)
    for (const mil::Binding& binding : argument.bindings)
      if (!binding.value) step.reads.push_back(binding.name);
  for (const mil::Block& block : operation.blocks) collect(block, step);
}

// A block's own values are among the reads as well, where they are names that nobody writes.
void collect(const mil::Block& block, Graph::Step& step) {
  for (const mil::Operation& operation : block.operations) {
    collect(operation, step);
    for (const mil::NamedType& output : operation.outputs) step.within.push_back(output.name);
  }
  step.reads.insert(step.reads.end(), block.outputs.begin(), block.outputs.end());
}

Names names_of(const std::vector<mil::NamedType>& values) {
  Names names;
  for (const mil::NamedType& value : values) names.push_back(value.name);
  return names;
}

}  // namespace

Graph graph_of(const coreml::spec::Model& model) {
  Graph graph;
  if (model.has_neuralnetwork()) add_layers(model.neuralnetwork(), graph);
  if (model.has_neuralnetworkclassifier()) add_layers(model.neuralnetworkclassifier(), graph);
  if (model.has_neuralnetworkregressor()) add_layers(model.neuralnetworkregressor(), graph);
  for (const auto& input : model.description().input()) graph.inputs.push_back(input.name());
  const std::string scores = coreml::scores_blob(model);
  for (const auto& output : model.description().output()) {
    const bool is_prediction = model.has_neuralnetworkclassifier() && !output.type().has_imagetype() &&
                               !output.type().has_multiarraytype();
    if (!is_prediction && output.name() != scores) graph.outputs.push_back(output.name());
  }
  if (!scores.empty()) graph.outputs.push_back(scores);
  return graph;
}

Graph graph_of(const mil::Function& function) {
  Graph graph{names_of(function.inputs), function.block.outputs, {}};
  graph.steps.reserve(function.block.operations.size());
  for (const mil::Operation& operation : function.block.operations) {
    Graph::Step& step = graph.steps.emplace_back();
    step.name = operation.label();
    step.type = operation.type;
    step.writes = names_of(operation.outputs);
    collect(operation, step);
  }
  return graph;
}

Graph graph_of(const espresso::Net& net) {
  Graph graph{net.inputs(), net.outputs(), {}};
  graph.steps.reserve(net.layers.size());
  for (const espresso::Layer& layer : net.layers)
    graph.steps.push_back({layer.name, layer.type, layer.bottoms, layer.tops, {}});
  return graph;
}

bool is_work(const Graph::Step& step) {
  // In the words of the three forms.
  static const std::set<std::string_view> types = {"convolution",
                                                   "innerProduct",
                                                   "batchedMatmul",
                                                   "simpleRecurrent",
                                                   "gru",
                                                   "uniDirectionalLSTM",
                                                   "biDirectionalLSTM",
                                                   "deconvolution",
                                                   "inner_product",
                                                   "batch_matmul",
                                                   "rnn_arch",
                                                   "conv",
                                                   "conv_transpose",
                                                   "linear",
                                                   "matmul",
                                                   "einsum",
                                                   "lstm",
                                                   "rnn",
                                                   "scaled_dot_product_attention"};
  return types.contains(step.type);
}

Wiring::Wiring(const Graph& graph) {
  const auto define = [&](const std::string& name, std::optional<size_t> step) {
    last[name] = values.size();
    values.push_back({name, step});
    return values.size() - 1;
  };
  for (const std::string& input : graph.inputs) define(input, std::nullopt);
  reads.resize(graph.steps.size());
  writes.resize(graph.steps.size());
  for (size_t i = 0; i < graph.steps.size(); ++i) {
    for (const std::string& name : graph.steps[i].reads) {
      const auto found = last.find(name);
      reads[i].push_back(found != last.end() ? found->second : define(name, std::nullopt));
    }
    for (const std::string& name : graph.steps[i].writes) writes[i].push_back(define(name, i));
  }
}

}  // namespace ane::driver
