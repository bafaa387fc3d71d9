// Graphs of networks whose names are as bad as names can be: Graphviz must take them without a complaint, and
// draw every name and every shape.
#include <gtest/gtest.h>

#include "report/graphviz.h"
#include "report/report.h"

namespace ane::report {
namespace {

using test::draw;
using test::Drawing;

// What a name is, and how it must look in the picture (empty: too long to be looked for).
struct Name {
  std::string name, drawn;
};
const std::vector<Name> names = {
    {"a\"b<c>", "a\"b<c>"},
    {"x,y", "x,y"},
    {"größe→日本", "größe→日本"},
    {std::string(500, 'x'), ""},
    {"ends in \\", "ends in \\"},
    {"\\N \\G \\l", "\\N \\G \\l"},
    {"&quot;&#65;&", "&quot;&#65;&"},
    {"{a|<b>c}", "{a|<b>c}"},
    {"two\nlines", "two␊lines"},
    {std::string("nul\0byte", 8), "nul␀byte"},
    {"broken \xff\xc3", "broken \ufffd\ufffd"},
    {"no character \xef\xbf\xbe", "no character \ufffd"},
    {"<b>bold</b>", "<b>bold</b>"},
    {"-->]]>", "-->]]>"},
    {"", "(no name)"},
};

void expect_drawn(const std::string& graph, const std::vector<std::string>& lines) {
  const Drawing drawing = draw(graph, "svg");
  ASSERT_EQ(drawing.status, 0) << drawing.complaints;
  EXPECT_EQ(drawing.complaints, "");
  const std::multiset<std::string> drawn = test::drawn_lines(drawing.output);
  for (const std::string& line : lines) EXPECT_TRUE(drawn.contains(line)) << "not drawn: " << line;
}

TEST(EspressoGraph, DrawsEveryNameAndShape) {
  ANE_NEED_GRAPHVIZ;
  espresso::Net net;
  std::vector<std::string> expected;
  std::string bottom = "the \"input\"";
  net.shapes[bottom] = {100, 1, 1, 1, 1, std::nullopt};
  for (size_t i = 0; i < names.size(); ++i) {
    espresso::Layer layer;
    layer.name = names[i].name;
    layer.type = "type" + names[i].name;
    layer.bottoms = {bottom};
    layer.tops = {std::to_string(i) + names[i].name};
    layer.attributes = {{"K", 3}, {"key<" + std::to_string(i), names[i].name}};
    bottom = layer.tops[0];
    const int64_t side = static_cast<int64_t>(i) + 7;
    net.shapes[bottom] = {side, side + 1, 5, 2, 1, std::nullopt};
    net.layers.push_back(layer);
    if (!names[i].drawn.empty()) expected.push_back(names[i].drawn);
    expected.push_back("1×2×5×" + std::to_string(side + 1) + "×" + std::to_string(side));
  }
  net.shapes.erase(net.layers[3].tops[0]);
  std::erase(expected, "1×2×5×11×10");
  expected.push_back("?");
  const std::string graph = espresso_dot(net);
  expect_drawn(graph, expected);
  EXPECT_EQ(test::edges_of(graph).size(), names.size() + 1);
}

// A layer may write the blob it reads; readers behind it get the new one.
TEST(EspressoGraph, FollowsLayersThatWorkInPlace) {
  ANE_NEED_GRAPHVIZ;
  espresso::Net net;
  net.layers = {{"first", "convolution", {"x"}, {"y"}, {}},
                {"in place", "activation", {"y"}, {"y"}, {}},
                {"last", "activation", {"y"}, {"z"}, {}}};
  const std::multiset<std::pair<std::string, std::string>> expected = {
      {"input0", "layer0"}, {"layer0", "layer1"}, {"layer1", "layer2"}, {"layer2", "output0"}};
  EXPECT_EQ(test::edges_of(espresso_dot(net)), expected);
}

// One unit of every type, under all the names.
aneir::Network all_units() {
  using namespace aneir;
  Network network;
  size_t count = 0;
  const auto name = [&] { return names[count++ % names.size()].name; };
  const TensorId x = network.add_tensor("in <x>", {1, 1, 4, 8, 12});
  network.inputs = {x};
  Conv conv;
  conv.output_channels = 6, conv.kernel_width = 3, conv.kernel_height = 5;
  conv.pad_left = conv.pad_right = 1, conv.pad_top = conv.pad_bottom = 2;
  conv.weights = Constant::of_floats(std::vector<float>(6 * 4 * 15));
  conv.bias = Constant::of_floats(std::vector<float>(6));
  conv.activation = Neuron{};
  TensorId last = network.add_unit(name(), conv, {x}, "layer \"1\"");
  const auto add = [&](Params params, std::vector<TensorId> bottoms) {
    last = network.add_unit(name(), std::move(params), std::move(bottoms),
                            "layer <" + std::to_string(count) + ">");
  };
  add(Neuron{NeuronType::LeakyReLU, 0.25f}, {last});
  add(Goc{2, 3, std::nullopt, std::nullopt}, {last});
  add(ElementWise{}, {last, last});
  add(Softmax{}, {last});
  add(Pooling{PoolingType::Average, 2, 2, 2, 2}, {last});
  add(Concat{}, {last, last});
  add(Transpose{{Axis::Batch, Axis::Depth, Axis::Height, Axis::Channel, Axis::Width}}, {last});
  add(Reshape{{1, 1, 6, 8, 6}}, {last});
  add(InputView{Axis::Width, 1, 3, 2}, {last});
  add(Reduction{ReductionType::Mean, {Axis::Height, Axis::Width}, std::nullopt}, {last});
  add(Broadcast{{1, 1, 6, 9, 13}}, {last});
  const TensorId pooled = last;
  add(ConstantTensor{{1, 1, 6, 9, 13}, Constant::of_floats(std::vector<float>(702))}, {});
  add(ElementWise{ElementWiseOp::Max}, {pooled, last});
  network.outputs = {{"out & <y>", last}};
  return network;
}

TEST(NetworkGraph, DrawsEveryUnitAndShape) {
  ANE_NEED_GRAPHVIZ;
  const aneir::Network network = all_units();
  std::vector<std::string> expected = {"after <import> & \"co\"", "in <x>", "out & <y>"};
  size_t edges = network.outputs.size();
  for (size_t i = 0; i < network.units.size(); ++i) {
    const aneir::Unit& unit = network.units[i];
    if (!names[i].drawn.empty()) expected.push_back(names[i].drawn);
    expected.push_back(std::string("Type: ") + type_name(unit));
    edges += unit.bottoms.size();
  }
  // What the parameters above make of 1×1×4×8×12.
  for (const char* shape : {"1×1×4×8×12", "1×1×6×8×12", "1×1×6×4×6", "1×1×12×4×6", "1×1×4×12×6", "1×1×6×8×6",
                            "1×1×6×8×3", "1×1×6×1×1", "1×1×6×9×13"})
    expected.push_back(shape);
  for (const char* detail :
       {"Kernel: 5×3 (h×w)", "Pad: left 1, right 1, top 2, bottom 2", "Weights: 360 of Float32",
        "Activation: ReLU", "Function: LeakyReLU, alpha 0.25", "Scale: 2", "Offset: 3", "Channel from Height",
        "Height from Channel", "Width: 3 from 1, step 2", "Kind: Mean over Height, Width", "Operation: Max",
        "Stride: 2×2"})
    expected.push_back(detail);
  const std::string graph = network_dot(network, "after <import> & \"co\"");
  expect_drawn(graph, expected);
  EXPECT_EQ(test::edges_of(graph).size(), edges);
}

}  // namespace
}  // namespace ane::report
