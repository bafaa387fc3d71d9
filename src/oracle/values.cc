#include "oracle/values.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <regex>

#include "base/half.h"
#include "oracle/pack_weights.h"

namespace ane::oracle {

namespace {

// The header of a MIL weight file whose longest constant has `longest` elements.
Bytes weight_file_header(int64_t longest) {
  ByteWriter file;
  file.u32(1), file.u32(2), file.pad_to(64);
  file.u32(0xdeadbeef), file.u64(static_cast<uint64_t>(longest) * 2), file.u64(128), file.pad_to(128);
  return file.take();
}

bool uses(const SourceProgram& program, const std::string& type) {
  return std::any_of(program.operations.begin(), program.operations.end(),
                     [&](const SourceOperation& op) { return op.type == type; });
}

}  // namespace

std::vector<float> random_values(int64_t count, uint32_t seed, float scale) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(-scale, scale);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = round_to_half(uniform(generator));
  return values;
}

uint16_t scrambled(int64_t a, int64_t b, int64_t c, int64_t d) {
  uint64_t state = static_cast<uint64_t>(((a * 4099 + b) * 67 + c) * 61 + d) * 0x9e3779b97f4a7c15ull;
  state ^= state >> 29;
  const auto step = static_cast<int>(state % 63) - 31;
  return half(step == 0 ? 1 : step / 32.0);
}

ConstantValues recorded_constants(const Case& from) {
  static const std::regex counted(R"(fp16 bits 0x([0-9a-f]{1,4}) ?\+ ?(i|index|ordinal))"),
      base(R"(baseline 0x([0-9a-f]{4}))");
  const std::string &text = from.capture.line("weights"), &name = from.capture.name;
  std::smatch match;
  uint16_t first = half(0.5);
  bool step = false, header = text.find("names the blob header") != std::string::npos;
  for (const char* family : {"conv_", "env_conv_", "env_bcast_", "env_mm_", "matmul_"})
    header |= name.starts_with(family);
  if (std::regex_search(text, match, counted))
    first = static_cast<uint16_t>(std::stoul(match[1], nullptr, 16)), step = true;
  else if (std::regex_search(text, match, base))
    first = static_cast<uint16_t>(std::stoul(match[1], nullptr, 16));
  int64_t longest = 0;
  for (const auto& weight : from.source.weights) longest = std::max(longest, count_of(weight.second));
  const Bytes bytes = header ? weight_file_header(longest) : Bytes();
  return [=](size_t constant, int64_t index) {
    const auto at = static_cast<size_t>(index) * 2;
    if (at < bytes.size()) return static_cast<uint16_t>(bytes[at] | bytes[at + 1] << 8);
    return static_cast<uint16_t>(first + (step ? constant : 0));
  };
}

ConstantValues random_constants(const Case& from) {
  const ConstantValues recorded = recorded_constants(from);
  std::vector<double> scales;
  for (const auto& [name, shape] : from.source.weights) {
    const bool vector = shape.empty() || count_of(shape) == *std::max_element(shape.begin(), shape.end());
    const int64_t terms = vector ? 1 : shape.size() == 2 ? shape[1] : count_of(shape) / shape[0];
    scales.push_back(std::sqrt(3.0 / static_cast<double>(terms)));
  }
  return [=](size_t constant, int64_t index) {
    if ((recorded(constant, index) & 0x7fff) == 0) return uint16_t{0};
    return half(to_float(Half{scrambled(index, static_cast<int64_t>(constant))}) * scales[constant]);
  };
}

std::vector<float> input_values(const SourceProgram& program, size_t number, uint32_t seed) {
  const SourceInput& input = program.inputs[number];
  const bool function = program.operations.size() == 1 && program.inputs.size() == 1;
  std::vector<float> values = random_values(
      count_of(input.shape), 50 + static_cast<uint32_t>(number) + 1000 * seed, function ? 10.0f : 1.0f);
  const bool ties = uses(program, "less") || uses(program, "select");
  const bool positive = uses(program, "sqrt") || uses(program, "rsqrt");
  for (float& value : values) {
    if (input.boolean) value = value > 0;
    if (ties && !input.boolean) value = std::round(value * 4) / 4;
    if (positive) value = round_to_half(std::fabs(value) + 0.01f);
    if (uses(program, "real_div") && std::fabs(value) < 0.1f) value = 0.5f;
  }
  return values;
}

}  // namespace ane::oracle
