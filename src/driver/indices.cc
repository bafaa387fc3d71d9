#include "driver/indices.h"

#include <NeuralNetwork.pb.h>

#include <algorithm>

namespace ane::driver {

namespace {

using Layer = coreml::spec::NeuralNetworkLayer;

// What a layer looks things up by: a blob, and how many things there are.
struct LookUp {
  std::string blob;
  int64_t count = 0;
};

// Of a gather, whose matrix is a blob of its own.
LookUp gather_of(const Layer& layer, const coreml::Model& model) {
  if (layer.input_size() < 2) return {};
  const auto found = model.shapes.find(layer.input(0));
  if (found == model.shapes.end()) return {};
  const auto rank = static_cast<int64_t>(found->second.size());
  const int64_t axis = layer.gather().axis() < 0 ? layer.gather().axis() + rank : layer.gather().axis();
  if (axis < 0 || axis >= rank) return {};
  return {layer.input(1), found->second[static_cast<size_t>(axis)]};
}

// Nothing of layers that look nothing up.
LookUp look_up_of(const Layer& layer, const coreml::Model& model) {
  if (layer.input_size() == 0) return {};
  if (layer.has_embedding()) return {layer.input(0), static_cast<int64_t>(layer.embedding().inputdim())};
  if (layer.has_embeddingnd()) return {layer.input(0), static_cast<int64_t>(layer.embeddingnd().vocabsize())};
  return layer.has_gather() ? gather_of(layer, model) : LookUp{};
}

bool only_moves(const Layer& layer) {
  switch (layer.layer_case()) {
    case Layer::kCopy:
    case Layer::kConcat:
    case Layer::kConcatND:
    case Layer::kExpandDims:
    case Layer::kFlatten:
    case Layer::kFlattenTo2D:
    case Layer::kPermute:
    case Layer::kRankPreservingReshape:
    case Layer::kReshape:
    case Layer::kReshapeStatic:
    case Layer::kSequenceRepeat:
    case Layer::kSlice:
    case Layer::kSliceStatic:
    case Layer::kSplit:
    case Layer::kSplitND:
    case Layer::kSqueeze:
    case Layer::kTile:
    case Layer::kTranspose:
      return true;
    default:
      return false;
  }
}

}  // namespace

// From the last layer backwards, so that a blob's readers are known before its producer is looked at. With
// several readers the smallest matrix counts.
Indices index_inputs(const coreml::Model& model) {
  std::map<std::string, int64_t> counts;
  const auto note = [&](const std::string& blob, int64_t count) {
    const auto [found, is_new] = counts.emplace(blob, count);
    if (!is_new) found->second = std::min(found->second, count);
  };
  for (auto at = model.layers.rbegin(); at != model.layers.rend(); ++at) {
    const Layer& layer = **at;
    if (const LookUp look_up = look_up_of(layer, model); look_up.count > 0) note(look_up.blob, look_up.count);
    if (!only_moves(layer)) continue;
    for (const std::string& output : layer.output()) {
      const auto found = counts.find(output);
      if (found == counts.end()) continue;
      for (const std::string& input : layer.input()) note(input, found->second);
    }
  }
  std::map<std::string, int64_t> inputs;
  for (const coreml::Feature& input : model.inputs)
    if (const auto found = counts.find(input.name); found != counts.end()) inputs.insert(*found);
  return inputs;
}

}  // namespace ane::driver
