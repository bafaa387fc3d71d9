// Programs as graphs, tables and JSON. The networks are small enough that tasks, traffic and work are known
// by hand.
#include <gtest/gtest.h>

#include <algorithm>

#include "h13/compile.h"
#include "report/flow.h"
#include "report/graphviz.h"
#include "report/report.h"
#include "report/text.h"
#include "support/golden.h"

namespace ane::report {
namespace {

using namespace aneir;
using Edges = std::multiset<std::pair<std::string, std::string>>;

const std::string nasty = "a\"b<c>\\&\n" + std::string(300, 'x');

Conv convolution(int64_t in, int64_t out) {
  Conv conv;
  conv.output_channels = out;
  conv.weights = Constant::of_floats(std::vector<float>(static_cast<size_t>(in * out), 0.5f));
  return conv;
}

// Of a version that keeps no tensor on chip from task to task, so that the traffic is known by hand.
h13::Program compile(const Network& network) {
  return h13::compile_network(network, h13::compat(hwx::Dialect::B), h13::target());
}

// y = c + sigmoid(c), c = convolution of x.
Network fork() {
  Network network;
  network.inputs = {network.add_tensor(nasty, {1, 1, 16, 8, 8})};
  const TensorId c = network.add_unit(nasty + "c", convolution(16, 16), network.inputs, "layer" + nasty);
  const TensorId s = network.add_unit("s", Neuron{NeuronType::Sigmoid}, {c}, "日本" + nasty);
  network.outputs = {{"y" + nasty, network.add_unit("y", ElementWise{}, {c, s}, "sum")}};
  return network;
}

// Two convolutions side by side in one tensor; one function of all of it, one of its first half.
Network join() {
  Network network;
  network.inputs = {network.add_tensor("x", {1, 1, 16, 8, 8})};
  const TensorId a = network.add_unit("a", convolution(16, 16), network.inputs, "a");
  const TensorId b = network.add_unit("b", convolution(16, 16), network.inputs, "b");
  const TensorId whole = network.add_unit("whole", Concat{}, {a, b}, "whole");
  const TensorId half = network.add_unit("half", InputView{Axis::Channel, 0, 16, 1}, {whole}, "half");
  network.outputs = {{"p", network.add_unit("p", Neuron{NeuronType::Sigmoid}, {whole}, "p")},
                     {"q", network.add_unit("q", Neuron{NeuronType::Tanh}, {half}, "q")}};
  return network;
}

TEST(TasksGraph, FollowsBuffersFromWriterToReader) {
  ANE_NEED_GRAPHVIZ;
  const h13::Program program = compile(fork());
  ASSERT_EQ(program.tasks.size(), 3u);
  const std::string graph = tasks_dot(program);
  const test::Drawing drawing = test::draw(graph, "svg");
  ASSERT_EQ(drawing.status, 0) << drawing.complaints;
  EXPECT_EQ(drawing.complaints, "");
  // One input and one output; which of the two surfaces is number 0 is the container's choice.
  const int input = program.file.surfaces[0].role == hwx::Role::Input ? 0 : 1;
  const std::string in = "input" + std::to_string(input), out = "output" + std::to_string(1 - input);
  const Edges expected = {
      {in, "task0"}, {"task0", "task1"}, {"task0", "task2"}, {"task1", "task2"}, {"task2", out}};
  EXPECT_EQ(test::edges_of(graph), expected);
  const std::multiset<std::string> drawn = test::drawn_lines(drawing.output);
  EXPECT_EQ(drawn.count("1×1×16×8×8"), expected.size() + 2);  // edges, and the two surfaces
  for (const char* line : {"0 NE: convolution 1x1 dense", "2 PE: Add of two", "Layer: sum", "Tile: 8 rows"})
    EXPECT_TRUE(drawn.contains(line)) << line;
}

TEST(TasksGraph, TellsPartsOfABufferApart) {
  ANE_NEED_GRAPHVIZ;
  const h13::Program program = compile(join());
  ASSERT_EQ(program.tasks.size(), 4u);
  const Edges edges = test::edges_of(tasks_dot(program));
  const auto has = [&](const char* from, const char* to) { return edges.contains({from, to}); };
  EXPECT_TRUE(has("task0", "task2") && has("task1", "task2"));
  EXPECT_TRUE(has("task0", "task3"));
  EXPECT_FALSE(has("task1", "task3"));
}

// A kernel of two parts: the first leaves the input on chip for the second.
Network two_parts() {
  Network network;
  network.inputs = {network.add_tensor("x", {1, 1, 256, 16, 16})};
  Conv conv = convolution(256 * 9, 256);
  conv.kernel_width = conv.kernel_height = 3;
  conv.pad_left = conv.pad_right = conv.pad_top = conv.pad_bottom = 1;
  network.outputs = {{"y", network.add_unit("y", conv, network.inputs, "both")}};
  return network;
}

TEST(TasksGraph, FollowsSourcesKeptOnChip) {
  ANE_NEED_GRAPHVIZ;
  const h13::Program program = compile(two_parts());
  ASSERT_EQ(program.tasks.size(), 2u);
  const Edges edges = test::edges_of(tasks_dot(program));
  EXPECT_TRUE(edges.contains({"input0", "task0"}) && edges.contains({"task0", "task1"}));
  EXPECT_FALSE(edges.contains({"input0", "task1"}));
  EXPECT_TRUE(edges.contains({"task0", "output1"}) && edges.contains({"task1", "output1"}));
}

// Apple's programs: every input is read, every output written, every task leads somewhere.
TEST(TasksGraph, ConnectsPublicPrograms) {
  ANE_NEED_GRAPHVIZ;
  ANE_NEED_EVIDENCE("golden");
  for (const test::Golden& golden : test::goldens(evidence_folder)) {
    const hwx::File file = hwx::read(golden.bytes, golden.name);
    const std::vector<h13::Task> tasks = h13::decode_tasks(file.text, file.first_task_words, golden.name);
    const std::string graph = tasks_dot(file, tasks);
    std::set<std::string> from, to;
    for (const auto& [tail, head] : test::edges_of(graph)) from.insert(tail), to.insert(head);
    for (size_t i = 0; i < file.surfaces.size(); ++i) {
      const bool input = file.surfaces[i].role == hwx::Role::Input;
      EXPECT_TRUE((input ? from : to).contains((input ? "input" : "output") + std::to_string(i)))
          << golden.name;
    }
    for (size_t i = 0; i < tasks.size(); ++i) {
      EXPECT_TRUE(from.contains("task" + std::to_string(i))) << golden.name << " task " << i;
      EXPECT_TRUE(to.contains("task" + std::to_string(i))) << golden.name << " task " << i;
    }
  }
}

Operand planes(uint64_t base, int64_t count, uint64_t stride) {
  Operand operand;
  operand.base = base, operand.channels = count, operand.plane = stride;
  operand.height = 4, operand.row = 64, operand.width = 32;  // a plane of 256 bytes
  return operand;
}

TEST(WriterMap, SeparatesInterleavedTensors) {
  WriterMap memory;
  memory.write(planes(0, 4, 512), 0);    // planes 0, 2, 4, 6
  memory.write(planes(256, 4, 512), 1);  // planes 1, 3, 5, 7
  EXPECT_EQ(memory.writers(planes(512, 1, 256)), std::set<int>{0});
  EXPECT_EQ(memory.writers(planes(768, 1, 256)), std::set<int>{1});
  EXPECT_EQ(memory.writers(planes(256, 3, 512)), std::set<int>{1});
  EXPECT_EQ(memory.writers(planes(0, 8, 256)), (std::set<int>{0, 1}));
  EXPECT_EQ(memory.writers(planes(8 * 256, 4, 256)), std::set<int>{});
}

TEST(WriterMap, KeepsOnlyTheLastWriter) {
  WriterMap memory;
  memory.write(planes(0, 8, 256), 0);
  memory.write(planes(512, 2, 256), 1);  // inside it
  EXPECT_EQ(memory.writers(planes(0, 2, 256)), std::set<int>{0});
  EXPECT_EQ(memory.writers(planes(512, 2, 256)), std::set<int>{1});
  EXPECT_EQ(memory.writers(planes(1024, 4, 256)), std::set<int>{0});
  memory.write(planes(0, 8, 256), 2);
  EXPECT_EQ(memory.writers(planes(0, 8, 256)), std::set<int>{2});
}

// More pieces than anybody would keep: the range stands for them, in no time.
TEST(WriterMap, BadStridesCostNothing) {
  Operand operand;
  operand.groups = 8191, operand.depths = 32767, operand.channels = 131071, operand.height = 32767,
  operand.width = 1;
  operand.row = 128, operand.plane = 256, operand.depth = 512, operand.group = 1024;
  WriterMap memory;
  memory.write(operand, 7);
  EXPECT_EQ(memory.writers(planes(4096, 1, 256)), std::set<int>{7});
}

// By hand: rows of 8 fp16 take 64 bytes, so a tensor takes 16 * 8 * 64 = 8192; 16 * 16 weights of 2 bytes; 16
// * 16 * 64 multiply-accumulates.
TEST(CostJson, CountsWorkAndTraffic) {
  const nlohmann::ordered_json json = cost_json(compile(fork()));
  ASSERT_EQ(json.at("tasks").size(), 3u);
  const auto& conv = json.at("tasks")[0];
  EXPECT_EQ(conv.at("macs"), 16384);
  EXPECT_EQ(conv.at("dram_bytes_read"), 8192);
  EXPECT_EQ(conv.at("dram_bytes_written"), 8192);
  EXPECT_EQ(conv.at("coefficient_bytes"), 512);
  EXPECT_EQ(conv.at("engine"), "NE");
  EXPECT_EQ(json.at("tasks")[2].at("engine"), "PE");
  EXPECT_EQ(json.at("tasks")[2].at("dram_bytes_read"), 16384);
  const auto& total = json.at("total");
  EXPECT_EQ(total.at("macs"), 16384);
  EXPECT_EQ(total.at("dram_bytes_read"), 4 * 8192);
  EXPECT_EQ(total.at("dram_bytes_written"), 3 * 8192);
  EXPECT_GT(total.at("estimated_microseconds").get<double>(), 0);
}

// 16896 bytes at 3/102400 us a byte, 16384 products at 4096 * 1427.6 a microsecond: the transfer is longer.
// The header has whole microseconds.
TEST(CostJson, GivesBothSidesOfTheRoofline) {
  const nlohmann::ordered_json conv = cost_json(compile(fork())).at("tasks")[0];
  EXPECT_NEAR(conv.at("traffic_microseconds").get<double>(), 16896 * 3 / 102400.0, 1e-9);
  EXPECT_NEAR(conv.at("work_microseconds").get<double>(), 16384 / (4096 * 1427.6), 1e-9);
  EXPECT_EQ(conv.at("estimated_microseconds"), conv.at("traffic_microseconds"));
  EXPECT_EQ(conv.at("header_microseconds"), 0);
}

TEST(CostJson, AddsUpByLayer) {
  const nlohmann::ordered_json json = cost_json(compile(two_parts()));
  ASSERT_EQ(json.at("layers").size(), 1u);
  const auto& layer = json.at("layers")[0];
  EXPECT_EQ(layer.at("layer"), "both");
  EXPECT_EQ(layer.at("tasks"), 2);
  EXPECT_EQ(layer.at("macs"), 256 * 256 * 9 * 16 * 16);
  EXPECT_GE(layer.at("l2_bytes"), 256 * 16 * 16 * 2);  // the input
  EXPECT_EQ(layer.at("macs"), json.at("total").at("macs"));
  EXPECT_EQ(json.at("total").at("tasks"), 2);
  EXPECT_FALSE(json.contains("without_optimisation"));
}

TEST(CostJson, ComparesWithTheUnoptimisedNetwork) {
  h13::Plan plan;
  plan.tasks = 7, plan.cost.macs = 11;
  const nlohmann::ordered_json json = cost_json(compile(fork()), plan);
  EXPECT_EQ(json.at("without_optimisation").at("tasks"), 7);
  EXPECT_EQ(json.at("without_optimisation").at("macs"), 11);
  EXPECT_NE(layer_table(compile(fork()), {}, plan).find("kept on chip: 7 tasks, 11 MACs"), std::string::npos);
}

TEST(CostJson, BadNamesStayValidJson) {
  h13::Program program = compile(fork());
  program.infos[0].layer = "\xff\xfe";
  EXPECT_NO_THROW(cost_json(program).dump());
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(LayerTable, FitsItsColumnsAndAddsUp) {
  const h13::Program program = compile(fork());
  std::vector<std::string> layers = {"sum"};
  for (int i = 0; i < 40; ++i) layers.push_back("folded" + std::to_string(i));
  layers.push_back(nasty);
  const std::vector<std::string> lines = lines_of(layer_table(program, layers));
  for (const std::string& line : lines) {
    EXPECT_LE(columns(line), 140) << line;
    EXPECT_EQ(
        std::count_if(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
        0);
  }
  const auto with = [&](const std::string& word) {
    return std::count_if(lines.begin(), lines.end(),
                         [&](const std::string& line) { return line.find(word) != std::string::npos; });
  };
  // Multiply-accumulates and bytes: 2 * 8192 + 512 of the convolution, 7 * 8192 + 512 of all.
  EXPECT_EQ(with("16.4k   16.9k"), 1);
  EXPECT_EQ(with("16.4k   57.9k"), 1);
  EXPECT_EQ(with("16x8x8"), 3);
  EXPECT_EQ(with("3 tasks"), 1);
  EXPECT_GE(with("folded39"), 1);
  EXPECT_GE(with("日本"), 1);
}

TEST(LayerTable, SumsOfLayersStandWhereTheySaySomething) {
  EXPECT_EQ(lines_of(layer_table(compile(fork()))).size(), 2u + 3 + 2);  // heading, tasks, total
  const std::vector<std::string> lines = lines_of(layer_table(compile(two_parts())));
  ASSERT_EQ(lines.size(), 2u + 2 + 2 + 1 + 2 + 1);  // and a gap, a heading, one layer
  EXPECT_TRUE(lines.back().starts_with("both ")) << lines.back();
  EXPECT_NE(lines.back().find(" 2 "), std::string::npos);
}

TEST(Text, CutsInTheMiddleByColumns) {
  EXPECT_EQ(cut_middle("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(cut_middle("abcdefghij", 5), "ab…ij");
  EXPECT_EQ(cut_middle("日本語日本語", 12), "日本語日本語");
  EXPECT_LE(columns(cut_middle("日本語日本語", 8)), 8);
  EXPECT_EQ(cut_middle("日本語日本語", 9), "日本…本語");
  EXPECT_EQ(cut_middle("", 3), "");
}

TEST(Text, ShortensNumbers) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(999), "999");
  EXPECT_EQ(short_number(999.9), "1.00k");
  EXPECT_EQ(short_number(4720000), "4.72M");
  EXPECT_EQ(short_number(99960), "100k");
}

}  // namespace
}  // namespace ane::report
