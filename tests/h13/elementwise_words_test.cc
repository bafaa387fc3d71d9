// Our words for single elementwise, broadcast and unary programs against those that Apple's compiler emitted
// (9.509): leg 2 of docs/evidence.md. The cases say operation and shapes in their names.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <regex>

#include "h13/compile.h"
#include "support/evidence.h"
#include "support/oracle.h"
#include "support/words.h"

namespace ane::h13 {
namespace {

using aneir::Network;
using aneir::NeuronType;
using aneir::Shape;
using aneir::TensorId;

// "1x64x8x8" is N C H W; of three lengths the last two are rows and columns; "c64" is 64 channels of one
// pixel.
Shape shape_of(const std::string& text) {
  if (text[0] == 'c') return {1, 1, std::stoll(text.substr(1)), 1, 1};
  std::vector<int64_t> lengths;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, 'x');) lengths.push_back(std::stoll(part));
  if (lengths.size() == 3) return {1, 1, lengths[0], lengths[1], lengths[2]};
  return {lengths[0], 1, lengths[1], lengths[2], lengths[3]};
}

std::optional<aneir::ElementWiseOp> binary_op(const std::string& name) {
  if (name == "add") return aneir::ElementWiseOp::Add;
  if (name == "sub") return aneir::ElementWiseOp::Sub;
  if (name == "mul") return aneir::ElementWiseOp::Mult;
  if (name == "maximum") return aneir::ElementWiseOp::Max;
  if (name == "minimum") return aneir::ElementWiseOp::Min;
  return std::nullopt;
}

std::optional<aneir::Neuron> unary_op(const std::string& name) {
  if (name == "abs") return aneir::Neuron{NeuronType::Abs};
  if (name == "relu") return aneir::Neuron{NeuronType::ReLU};
  if (name == "sigmoid") return aneir::Neuron{NeuronType::Sigmoid};
  if (name == "tanh") return aneir::Neuron{NeuronType::Tanh};
  if (name == "gelu") return aneir::Neuron{NeuronType::Gelu};
  if (name == "silu") return aneir::Neuron{NeuronType::Silu};
  if (name == "exp") return aneir::Neuron{NeuronType::Exp};
  if (name == "sqrt") return aneir::Neuron{NeuronType::Sqrt};
  if (name == "rsqrt") return aneir::Neuron{NeuronType::Rsqrt, 1e-6f};
  if (name == "leaky_relu") return aneir::Neuron{NeuronType::LeakyReLU, 0.125f};
  return std::nullopt;
}

// Buffers are numbered by name, so the program's own names matter.
struct Names {
  std::string first = "x", second = "z", result = "y";
};

// "(tensor<fp16, [1, 8]> a, tensor<fp16, [1, 8]> b) ; tensor<fp16, [1, 8]> out = mul(..."
Names names_in(const std::string& mil) {
  static const std::regex form(R"(> (\w+), tensor<fp16, [^>]*> (\w+)\).* (\w+) = \w+\()");
  std::smatch m;
  return std::regex_search(mil, m, form) ? Names{m[1], m[2], m[3]} : Names{};
}

Network binary(aneir::ElementWiseOp op, const Shape& x_shape, const Shape& z_shape, const Names& names) {
  Network network;
  const TensorId x = network.add_tensor(names.first, x_shape), z = network.add_tensor(names.second, z_shape);
  network.inputs = {x, z};
  network.outputs = {
      {names.result, network.add_unit(names.result, aneir::ElementWise{op}, {x, z}, names.result)}};
  return network;
}

Network unary(aneir::Params params, const Shape& shape) {
  Network network;
  const TensorId x = network.add_tensor("x", shape);
  network.inputs = {x};
  network.outputs = {{"y", network.add_unit("y", std::move(params), {x}, "y")}};
  return network;
}

// x op 0.5, as one pass.
std::optional<Network> with_scalar(const std::string& op, const Shape& shape) {
  if (op == "add") return unary(aneir::Goc{1, 0.5f}, shape);
  if (op == "sub") return unary(aneir::Goc{1, -0.5f}, shape);
  if (op == "mul") return unary(aneir::Goc{0.5f, 0}, shape);
  if (op == "minimum") return unary(aneir::Neuron{NeuronType::ClampedReLU, -INFINITY, 0.5f}, shape);
  return std::nullopt;
}

std::optional<Network> network_of(const test::Oracle& oracle) {
  const std::string& name = oracle.name;
  const Names names = names_in(oracle.lines.at("mil"));
  static const std::regex same(R"((?:binary|candidate)_([a-z]+)(?:_rr)?_((?:\d+x)+\d+))");
  static const std::regex scalar(R"(binary_([a-z]+)_(c\d+)_constant_scalar)");
  static const std::regex broadcast(R"(env_bcast_([a-z]+)_([0-9x]+)_runtime_([0-9x]+))");
  static const std::regex one(R"(unary_([a-z_]+)_(c\d+|[0-9x]+))");
  std::smatch m;
  if (std::regex_match(name, m, same) && binary_op(m[1]))
    return binary(*binary_op(m[1]), shape_of(m[2]), shape_of(m[2]), names);
  if (std::regex_match(name, m, scalar)) return with_scalar(m[1], shape_of(m[2]));
  if (std::regex_match(name, m, broadcast))
    return binary(*binary_op(m[1]), shape_of(m[2]), shape_of(m[3]), names);
  if (std::regex_match(name, m, one) && unary_op(m[1])) return unary(*unary_op(m[1]), shape_of(m[2]));
  return std::nullopt;
}

// Batches are not one task yet: those cases are left out by their leading length.
bool batched(const std::string& name) {
  return std::regex_search(name, std::regex(R"(_[2-9]x\d)"));
}

TEST(ElementwiseWords, AgreeWithCapturedPrograms) {
  ANE_NEED_EVIDENCE("oracles/h13");
  int exact = 0, total = 0;
  std::string misses;
  for (const test::Oracle& oracle : test::oracles(evidence_folder)) {
    const std::optional<Network> network = network_of(oracle);
    if (!network || batched(oracle.name)) continue;
    ++total;
    const Program program = compile_network(*network, compat(hwx::Dialect::D), target());
    const std::string difference = test::differences(oracle.tasks, program.tasks);
    if (difference.empty())
      ++exact;
    else
      misses += fmt::format("{}: {}\n", oracle.name, difference);
  }
  RecordProperty("exact", exact);
  RecordProperty("total", total);
  EXPECT_EQ(exact, total) << misses;
}

}  // namespace
}  // namespace ane::h13
