// A compiled model's layers as a graph. Attributes are shown as they stand, since their names are the format;
// what does not fit a readable box is left out and said to be.
#include <fmt/format.h>

#include <map>

#include "report/dot.h"
#include "report/report.h"

namespace ane::report {

namespace {

constexpr size_t line_length = 48, most_lines = 12;

// "C=64, K=3, stride_x=2": as many to a line as fit.
std::vector<std::string> attribute_lines(const nlohmann::json& attributes) {
  std::vector<std::string> lines;
  if (!attributes.is_object()) return lines;
  for (const auto& [key, value] : attributes.items()) {
    const std::string word =
        fmt::format("{}={}", key, value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    if (!lines.empty() && lines.back().size() + word.size() + 2 <= line_length) {
      lines.back() += ", " + word;
    } else if (lines.size() == most_lines) {
      lines.push_back("(more attributes)");
      break;
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

std::string shape_text(const espresso::Net& net, const std::string& blob) {
  const auto found = net.shapes.find(blob);
  if (found == net.shapes.end()) return "?";
  const espresso::Shape& shape = found->second;
  return dimensions({shape.seq, shape.n, shape.k, shape.h, shape.w});
}

}  // namespace

std::string espresso_dot(const espresso::Net& net) {
  Graph graph("Espresso network", "seq × n × k (channels) × h × w");
  std::map<std::string, std::string> maker;  // node that made each blob last: layers may work in place
  for (const std::string& input : net.inputs()) {
    const std::string id = fmt::format("input{}", maker.size());
    graph.node(id, Look::Input, input, {"input", shape_text(net, input)});
    maker[input] = id;
  }
  for (size_t i = 0; i < net.layers.size(); ++i) {
    const espresso::Layer& layer = net.layers[i];
    const std::string id = fmt::format("layer{}", i);
    std::vector<std::string> lines = attribute_lines(layer.attributes);
    lines.insert(lines.begin(), "Type: " + layer.type);
    graph.node(id, Look::Plain, layer.name, lines);
    for (const std::string& bottom : layer.bottoms)
      if (maker.contains(bottom)) graph.edge(maker[bottom], id, {bottom, shape_text(net, bottom)});
    for (const std::string& top : layer.tops) maker[top] = id;
  }
  const std::vector<std::string> outputs = net.outputs();
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::string id = fmt::format("output{}", i);
    graph.node(id, Look::Output, outputs[i], {"output", shape_text(net, outputs[i])});
    graph.edge(maker[outputs[i]], id, {shape_text(net, outputs[i])});
  }
  return graph.text();
}

}  // namespace ane::report
