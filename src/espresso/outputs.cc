#include "espresso/outputs.h"

#include "espresso/translation.h"

namespace ane::espresso {

namespace {

void separate_results(Net& net, const std::set<std::string>& results) {
  std::vector<Layer> layers;
  for (Layer& layer : net.layers) {
    std::vector<Layer> copies;
    size_t count = 0;
    for (const std::string& top : layer.tops) count += results.contains(top);
    for (std::string& top : layer.tops) {
      if (count == layer.tops.size() || !results.contains(top)) continue;
      std::string part = top + "_part";
      while (net.shapes.contains(part)) part += "_";
      net.shapes[part] = net.shape(top);
      json attributes = elementwise(3);
      attributes["weights"] = json::object();
      copies.push_back({top + "_copy", "elementwise", {part}, {top}, std::move(attributes)});
      top = part;
    }
    layers.push_back(std::move(layer));
    for (Layer& copy : copies) layers.push_back(std::move(copy));
  }
  net.layers = std::move(layers);
}

}  // namespace

void mark_outputs(Net& net, const std::set<std::string>& results) {
  separate_results(net, results);
  for (Layer& layer : net.layers) {
    if (!layer.tops.empty() && results.contains(layer.tops[0]))
      layer.attributes["attributes"]["is_output"] = 1;
    else if (layer.is_output())
      layer.attributes["attributes"].erase("is_output");
  }
}

void drop_unused(Net& net) {
  std::set<std::string> blobs;
  std::set<int64_t> weights;
  for (const Layer& layer : net.layers) {
    blobs.insert(layer.bottoms.begin(), layer.bottoms.end());
    blobs.insert(layer.tops.begin(), layer.tops.end());
    for (const int64_t id : layer.blob_ids(net.file)) weights.insert(id);
  }
  std::erase_if(net.shapes, [&](const auto& entry) { return !blobs.contains(entry.first); });
  std::erase_if(net.blobs, [&](const auto& entry) { return !weights.contains(entry.first); });
}

}  // namespace ane::espresso
