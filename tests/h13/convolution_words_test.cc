// Our words for single convolutions against those that Apple's compiler emitted (zin 9.509): leg 2 of
// docs/evidence.md. The cases say their shapes in their names; weights are 0.5 throughout but for the start
// of the file that the recording read as the first weights, which matters for the sizes of zero-skipping
// kernels.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <regex>

#include "base/half.h"
#include "h13/compile.h"
#include "support/evidence.h"
#include "support/oracle.h"
#include "support/words.h"

namespace ane::h13 {
namespace {

struct Case {
  int kernel = 1, stride = 1;
  int64_t in = 1, out = 1, side = 1, groups = 1;
  bool bias = false, same = true;
};

std::optional<Case> case_of(const std::string& name) {
  static const std::regex form(
      R"(conv_(?:known|probe)_k(\d+)_c(\d+)_n(\d+)_s(\d+)_st(\d+)_g(\d+)_bias(\d)_(same|valid))");
  std::smatch m;
  if (!std::regex_match(name, m, form)) return std::nullopt;
  Case c;
  c.kernel = std::stoi(m[1]), c.in = std::stoi(m[2]), c.out = std::stoi(m[3]), c.side = std::stoi(m[4]);
  c.stride = std::stoi(m[5]), c.groups = std::stoi(m[6]), c.bias = m[7] == "1", c.same = m[8] == "same";
  return c;
}

// The recording's weight file: its 128-byte header, then the values.
aneir::Constant recorded_weights(int64_t count, int64_t longest, uint16_t value) {
  auto bytes = std::make_shared<Bytes>(static_cast<size_t>(std::max<int64_t>(128, 2 * count)));
  for (size_t i = 128; i + 1 < bytes->size(); i += 2) std::memcpy(bytes->data() + i, &value, 2);
  const auto put = [&](size_t at, uint64_t word, size_t size) {
    std::memcpy(bytes->data() + at, &word, size);
  };
  put(0, 1, 4), put(4, 2, 4), put(64, 0xdeadbeef, 4), put(68, static_cast<uint64_t>(longest) * 2, 8),
      put(76, 128, 8);
  aneir::Constant constant;
  constant.type = aneir::ElementType::Float16;
  constant.bytes = ByteSpan(*bytes).first(static_cast<size_t>(2 * count));
  constant.owner = std::move(bytes);
  return constant;
}

// "baseline 0x3801", or 0.5.
uint16_t value_in(const test::Oracle& oracle) {
  static const std::regex form("baseline 0x([0-9a-f]{4})");
  std::smatch m;
  const std::string& line = oracle.lines.at("weights");
  return std::regex_search(line, m, form) ? static_cast<uint16_t>(std::stoul(m[1], nullptr, 16)) : 0x3800;
}

aneir::Network network_of(const Case& c, uint16_t value) {
  aneir::Network network;
  const aneir::TensorId x = network.add_tensor("x", {1, 1, c.in, c.side, c.side});
  network.inputs = {x};
  aneir::Conv conv;
  conv.output_channels = c.out;
  conv.kernel_width = conv.kernel_height = c.kernel;
  conv.stride_x = conv.stride_y = c.stride;
  conv.groups = c.groups;
  if (c.same) {
    const int64_t out = (c.side + c.stride - 1) / c.stride;
    const int total = static_cast<int>(std::max<int64_t>(0, (out - 1) * c.stride + c.kernel - c.side));
    conv.pad_left = conv.pad_top = total / 2;
    conv.pad_right = conv.pad_bottom = total - total / 2;
  }
  const int64_t count = c.out * (c.in / c.groups) * c.kernel * c.kernel;
  conv.weights = recorded_weights(count, count, value);
  if (c.bias) conv.bias = recorded_weights(c.out, count, value);
  network.outputs = {{"y", network.add_unit("y", conv, {x}, "y")}};
  return network;
}

// Tasks whose words no rule explains yet: column tiles of images larger than L2, and a skew.
// docs/h13-rules.md lists each.
TEST(ConvolutionWords, AgreeWithCapturedPrograms) {
  ANE_NEED_EVIDENCE("oracles/h13");
  int exact = 0, total = 0;
  std::string misses;
  for (const test::Oracle& oracle : test::oracles(evidence_folder)) {
    const std::optional<Case> c = case_of(oracle.name);
    if (!c) continue;
    ++total;
    const Program program =
        compile_network(network_of(*c, value_in(oracle)), compat(hwx::Dialect::D), target());
    std::string difference = test::differences(oracle.tasks, program.tasks);
    const std::string hash = test::value_of(oracle.lines.at("const"), "sha256");
    if (hash.find_first_not_of('0') != std::string::npos && hash != sha256(program.file.constants))
      difference += "constants differ";
    if (difference.empty())
      ++exact;
    else
      misses += fmt::format("{}: {}\n", oracle.name, difference);
  }
  RecordProperty("exact", exact);
  RecordProperty("total", total);
  EXPECT_GE(exact * 100, total * 97) << exact << " of " << total << " exact\n" << misses;
}

}  // namespace
}  // namespace ane::h13
