// A captured case as a program that runs: its words, surfaces as its source names them, and a constant
// section made from the source's constants.
//
// Captures hold no constants, only their size and hash. The section is made here twice, by the written
// packing rules (pack_weights.h): with the values of the recording, whose hash must be the recorded one
// wherever the source kept it, and with random values, which tell one lane and one plane from another. Both
// use the same mapping from tasks to constants, so the hash vouches for it.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <set>

#include "base/bytes.h"
#include "sim/pack_weights.h"
#include "sim/source_program.h"
#include "support/oracle_program.h"

namespace ane::sim::test {

using ane::test::Oracle;
using TableWords = std::array<uint16_t, 64>;
using Tables = std::map<std::string, TableWords>;

struct OracleCase {
  Oracle oracle;
  SourceProgram source;
  hwx::File file;
  std::vector<Task> tasks;

  std::string recorded(const std::string& line, const std::string& key) const {
    return oracle.lines.contains(line) ? ane::test::value_of(oracle.lines.at(line), key) : "";
  }
  std::string recorded_hash() const {
    const std::string hash = recorded("const", "sha256");
    // A hash computed by a packing formula, and not from Apple's section, is no evidence.
    const std::string& weights = oracle.lines.at("weights");
    for (const char* derived : {"sha derived", "sha256 derived", "constant section derived"})
      if (weights.find(derived) != std::string::npos) return "";
    return hash.size() == 64 && hash.find_first_not_of('0') != std::string::npos ? hash : "";
  }
};

// ---- Surfaces ----

namespace oracle_case_detail {

inline hwx::Surface surface(hwx::Role role, const std::string& name, Dimensions shape, bool boolean) {
  shape.insert(shape.begin(), 4 - std::min<size_t>(4, shape.size()), 1);
  hwx::Surface surface;
  surface.role = role;
  surface.symbol = surface.binding = name;
  surface.n = shape[0], surface.c = shape[1], surface.h = shape[2], surface.w = shape[3];
  surface.element_code = boolean ? 3 : 5, surface.element_size = boolean ? 1 : 2;
  hwx::layout(surface);
  return surface;
}

// The output's shape where the source does not say it: that of the "tensor out" line.
inline Dimensions output_shape(const Oracle& oracle, const SourceProgram& source) {
  if (!source.operations.back().shape.empty()) return source.operations.back().shape;
  for (const std::string& line : oracle.tensors)
    if (line.starts_with("tensor out")) return source_detail::dimensions(ane::test::value_of(line, "shape"));
  throw std::runtime_error("the output's shape is not recorded");
}

}  // namespace oracle_case_detail

// Cases that were decoded from public files describe their source in prose. These are the programs meant; the
// names are ours and put the surfaces where the files have them (outputs first before macOS 14).
inline std::string source_line(const Oracle& oracle) {
  static const std::map<std::string, std::string> of_files{
      {"hwx_allbilly_mul", "b[1,64,1,1], c[1,64,1,1] ; a[1,64,1,1] = mul(b,c) -> a"},
      {"hwx_allbilly_mul_macos14", "a[1,64,1,1], b[1,64,1,1] ; c[1,64,1,1] = mul(a,b) -> c"},
      {"hwx_allbilly_mul_macos26", "a[1,64,1,1], b[1,64,1,1] ; c[1,64,1,1] = mul(a,b) -> c"},
      {"hwx_tinygrad_concat", "b[1,16,1,1], c[1,16384,1,1] ; a[1,16400,1,1] = concat(c,b) -> a"},
      {"hwx_tinygrad_relu", "b[1,1,1,77] ; a[1,1,1,77] = relu(b) -> a"},
      {"hwx_tinygrad_sigmoid", "b[1,1,1,77] ; a[1,1,1,77] = sigmoid(b) -> a"},
      {"hwx_tinygrad_sum", "b[1,64,1,1], c[1,64,1,1] ; a[1,64,1,1] = add(b,c) -> a"}};
  const auto found = of_files.find(oracle.name);
  return found != of_files.end() ? found->second : oracle.lines.at("mil").substr(4);
}

// Surfaces have buffers from 4 on in the order of their names in the source. Nothing when the capture has no
// program.
inline std::optional<OracleCase> load_case(Oracle oracle) {
  using namespace oracle_case_detail;
  OracleCase result;
  std::optional<SourceProgram> source = parse_source(source_line(oracle));
  if (!source) return std::nullopt;
  result.source = std::move(*source);
  result.oracle = std::move(oracle);
  hwx::File& file = result.file;
  file.name = result.oracle.name;
  file.dialect = hwx::Dialect::D;
  file.text = ane::test::oracle_detail::text_of(result.oracle);
  file.first_task_words = result.oracle.tasks[0].bytes / 4;
  result.tasks = h13::decode_tasks(file.text, file.first_task_words, file.name);
  const std::string size = result.recorded("const", "size"),
                    resources = result.recorded("program", "resources");
  file.constants.resize(size.empty() || size == "-" ? 0x4000 : std::stoul(size));
  if (resources.starts_with("3")) file.scratch_bytes = std::stoul(resources, nullptr, 16) - 0x30000000;
  for (const SourceInput& input : result.source.inputs)
    file.surfaces.push_back(surface(hwx::Role::Input, input.name, input.shape, input.boolean));
  file.surfaces.push_back(surface(hwx::Role::Output, result.source.output,
                                  output_shape(result.oracle, result.source),
                                  result.source.operations.back().boolean));
  for (hwx::Surface& s : file.surfaces)
    s.slot = 4 + static_cast<uint32_t>(
                     std::count_if(file.surfaces.begin(), file.surfaces.end(),
                                   [&](const hwx::Surface& other) { return other.binding < s.binding; }));
  return result;
}

// ---- Values of the constants ----

// Element `index` of constant number `constant`, as fp16 bits.
using ConstantValues = std::function<uint16_t(size_t constant, int64_t index)>;

// As the recording had them: uniform, but in most families each constant was read from the start of its
// weight file, so that the first 64 elements are the file's header (oracles/README.md).
inline ConstantValues recorded_values(const OracleCase& oracle_case) {
  static const std::regex counted(R"(fp16 bits 0x([0-9a-f]+) ?\+ ?(i|index|ordinal))"),
      base(R"(baseline 0x([0-9a-f]{4}))");
  const std::string text = oracle_case.oracle.lines.at("weights"), &name = oracle_case.oracle.name;
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
  for (const auto& weight : oracle_case.source.weights) longest = std::max(longest, count_of(weight.second));
  ByteWriter file;
  if (header) {
    file.u32(1), file.u32(2), file.pad_to(64);
    file.u32(0xdeadbeef), file.u64(static_cast<uint64_t>(longest) * 2), file.u64(128), file.pad_to(128);
  }
  const Bytes bytes = file.take();
  return [=](size_t constant, int64_t index) {
    const auto at = static_cast<size_t>(index) * 2;
    if (at < bytes.size()) return static_cast<uint16_t>(bytes[at] | bytes[at + 1] << 8);
    return static_cast<uint16_t>(first + (step ? constant : 0));
  };
}

// Random, and zero where the recording was: zeros shorten sparse kernels. Matrices and kernels have rows of
// length 1 or so, which keeps results in range.
inline ConstantValues random_constants(const OracleCase& oracle_case) {
  const ConstantValues recorded = recorded_values(oracle_case);
  std::vector<double> scales;
  for (const auto& [name, shape] : oracle_case.source.weights) {
    const bool vector = count_of(shape) == *std::max_element(shape.begin(), shape.end());
    int64_t terms = vector ? 1 : shape.size() == 2 ? shape[1] : count_of(shape) / shape[0];
    scales.push_back(std::sqrt(3.0 / static_cast<double>(terms)));
  }
  return [=](size_t constant, int64_t index) {
    if ((recorded(constant, index) & 0x7fff) == 0) return uint16_t{0};
    return half(to_float(Half{scrambled(index, static_cast<int64_t>(constant))}) * scales[constant]);
  };
}

// ---- From constants to the section ----

class SectionBuilder {
 public:
  // `reversed`: products use the constants in the opposite order of their declaration, as where the compiler
  // schedules the second of two independent products first.
  SectionBuilder(OracleCase& oracle_case, const ConstantValues& values, const Tables& tables, bool reversed)
      : case_(oracle_case), values_(values), tables_(tables) {
    for (const SourceOperation& op : case_.source.operations) {
      if (op.type == "conv" || (op.type == "matmul" && case_.source.weight(op.arguments.at("y"))))
        weighted_.push_back(&op);
      else if (!table_names(op).empty() && !fused_with_weights(op))
        for (const std::string& name : table_names(op)) lone_tables_.push_back(name);
      if (has_constant_operand(op)) operands_.push_back(&op);
    }
    if (reversed) std::reverse(weighted_.begin(), weighted_.end());
  }

  void build() {
    std::fill(case_.file.constants.begin(), case_.file.constants.end(), uint8_t{0});
    for (size_t i = 0; i < case_.tasks.size(); ++i) {
      const Task& task = case_.tasks[i];
      if (task.get(HeaderField::RBE0) && task.get(HeaderField::RBase0) == 1) put_operand(i);
      if (!task.get(HeaderField::KBE0) || task.get(HeaderField::KBase0) != 1) continue;
      if (task.get(Field::MACCfg_KernelMode))
        put_table(task, lone_table(task));
      else
        put_kernel(task);
    }
  }

  // Some table was none of Apple's.
  bool used_own_table() const { return own_table_; }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw std::runtime_error(case_.oracle.name + ": test cannot make its constants: " + why);
  }

  // The table functions of an operation, in the order in which their tasks run.
  static std::vector<std::string> table_names(const SourceOperation& op) {
    if (op.type == "softmax") return {"exp"};
    if (op.type == "select") return {"is_not_zero", "logical_not"};
    if (op.type == "real_div") return {"recip"};
    if (op.type == "leaky_relu") return {"leaky_relu_0.125"};
    if (op.type == "maximum" || op.type == "minimum") return {op.type + "_0.5"};
    if (op.type == "gelu") {
      const auto mode = op.arguments.find("mode");
      const bool exact = mode == op.arguments.end() || mode->second.find("SIGMOID") == std::string::npos;
      return {exact ? "gelu" : "gelu_sigmoid"};
    }
    static const std::set<std::string> named{"sigmoid", "tanh",  "silu",       "exp",
                                             "sqrt",    "rsqrt", "logical_not"};
    if (named.contains(op.type)) return {op.type};
    return {};
  }

  const SourceOperation* maker(const std::string& name) const {
    for (const SourceOperation& op : case_.source.operations)
      if (op.name == name) return &op;
    return nullptr;
  }

  // The product or convolution whose task also does `op`, an activation, perhaps behind a bias.
  const SourceOperation* fused_with_weights(const SourceOperation& op) const {
    if (!op.has("x") || op.has("y") || op.type == "softmax") return nullptr;
    const SourceOperation* before = maker(op.arguments.at("x"));
    if (before && before->type == "add" && case_.source.weight(before->arguments.at("y")))
      before = maker(before->arguments.at("x"));
    if (!before || (before->type != "conv" && before->type != "matmul")) return nullptr;
    return before->type == "conv" || case_.source.weight(before->arguments.at("y")) ? before : nullptr;
  }

  bool has_constant_operand(const SourceOperation& op) const {
    if (op.type == "conv" || op.type == "matmul") return false;
    if (op.type == "tile" || (op.has("y") && case_.source.weight(op.arguments.at("y")))) return true;
    return op.type == "real_div" && !maker(op.arguments.at("y")) &&
           case_.source.numbers.contains(op.arguments.at("y"));
  }

  size_t constant_number(const std::string& name) const {
    for (size_t i = 0; i < case_.source.weights.size(); ++i)
      if (case_.source.weights[i].first == name) return i;
    fail("no constant " + name);
  }

  // A table alone. Softmax over channels and division use the reciprocal, the former after a channel sum.
  std::string lone_table(const Task& task) {
    if (task.get(Field::MACCfg_OpMode) == 0 && case_.source.operations.back().type != "rsqrt") return "recip";
    if (next_table_ == lone_tables_.size()) fail("more table tasks than functions");
    return lone_tables_[next_table_++];
  }

  void put_table(const Task& task, const std::string& name) {
    const auto found = tables_.find(name);
    if (found == tables_.end()) fail("no table " + name);
    own_table_ |= name == "minimum_0.5" || name == "gelu_sigmoid";
    for (int i = 0; i < 16; ++i)
      if (task[Reg::CoeffDMAConfig0 + i] & 1)
        std::memcpy(place(task[Reg::CoeffBaseAddr0 + i], 128), found->second.data(), 128);
  }

  uint8_t* place(uint64_t address, uint64_t bytes) {
    if (address + bytes > case_.file.constants.size()) fail("a block leaves the section");
    return case_.file.constants.data() + address;
  }

  // ---- Operands that the tile DMA reads ----

  void put_operand(size_t index) {
    if (next_operand_ == operands_.size()) fail("more constant operands than the source has");
    const SourceOperation& op = *operands_[next_operand_++];
    const Task& task = case_.tasks[index];
    const bool gain_offset =
        index + 1 < case_.tasks.size() && case_.tasks[index + 1].get(Field::Cfg_TaskType) == 4;
    const int64_t channels = task.get(Field::InDim_Win);
    const auto interleave = std::max<int64_t>(1, task.get(Field::Src1Fmt_Interleave));
    const std::string& name = op.arguments.at(op.has("y") ? "y" : "x");
    const Dimensions* shape = case_.source.weight(name);
    const int64_t count = shape ? count_of(*shape) : channels;
    std::vector<uint16_t> words;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t width = interleave > 1 ? count / interleave : 1;
      const int64_t from = interleave > 1 ? i % interleave * width + i / interleave : i;
      const uint16_t bits =
          shape ? values_(constant_number(name), from) : half(case_.source.values_of(op, "y").at(0));
      words.push_back(bits);
    }
    if (gain_offset) words = offset_and_gain(op.type, words);
    std::memcpy(place(task[Reg::Src1BaseAddr], words.size() * 2), words.data(), words.size() * 2);
  }

  static std::vector<uint16_t> offset_and_gain(const std::string& type, const std::vector<uint16_t>& values) {
    std::vector<uint16_t> rows;
    for (const uint16_t bits : values)
      rows.push_back(type == "add"   ? bits
                     : type == "sub" ? static_cast<uint16_t>(bits ^ 0x8000)
                                     : uint16_t{0});
    for (const uint16_t bits : values)
      rows.push_back(type == "mul"        ? bits
                     : type == "real_div" ? half(1 / static_cast<double>(to_float(Half{bits})))
                                          : half(1));
    return rows;
  }

  // ---- Kernels ----

  // The first output channel of a task's part of its layer: parts lie in one place, at increasing channels.
  int64_t first_channel(const Task& task) const {
    const bool dram = task.get(HeaderField::DstLoc) != 0;
    const uint32_t base = dram ? task[Reg::DstBaseAddr] : task[Reg::ResultBase];
    uint32_t step = dram ? task[Reg::DstPlaneStride] : task[Reg::ResultChannelStride];
    if (task.get(Field::Cfg_OutputTranspose)) step = 2;
    const int64_t interleave = dram ? std::max<int64_t>(1, task.get(Field::DstFmt_Interleave)) : 1;
    const uint32_t lowest = dram ? 0 : lowest_result_;
    return step == 0 ? 0 : static_cast<int64_t>((base - lowest) / step) * interleave;
  }

  static int64_t channels_of(const Task& task) {
    return static_cast<int64_t>(task.get(Field::GroupConvCfg_NumGroups)) * task.get(Field::Cout_Cout);
  }

  // Where the first channel of the layer lies in L2 whose parts are the weight tasks from `task` on.
  uint32_t lowest_result(const Task& task, int64_t channels) const {
    uint32_t lowest = task[Reg::ResultBase];
    for (const Task* part = &task; channels > 0 && part <= &case_.tasks.back(); ++part)
      if (part->get(HeaderField::KBE0) && !part->get(Field::MACCfg_KernelMode)) {
        lowest = std::min(lowest, (*part)[Reg::ResultBase]);
        channels -= channels_of(*part);
      }
    return lowest;
  }

  void put_kernel(const Task& task) {
    if (task.get(Field::KernelCfg_KernelFmt) == 1) return put_comparison(task);
    if (task.get(Field::KernelCfg_SparseBinary)) return put_binary(task);
    const SourceOperation& op = next_part(task);
    const std::string& name = op.arguments.at(op.type == "conv" ? "weight" : "y");
    const size_t number = constant_number(name);
    const Dimensions shape = *case_.source.weight(name);
    const bool conv = op.type == "conv", across = !conv && case_.source.value_of(op, "transpose_y", 0) != 0;
    KernelSpec spec;
    spec.inputs = conv ? shape[1] : shape[across ? 1 : 0];
    if (conv) spec.height = shape[2], spec.width = shape[3];
    spec.stride = task.get(Field::ConvCfg_Sx), spec.sparse = task.get(Field::KernelCfg_SparseFmt) != 0;
    const int64_t first = first_channel(task);
    Weights weights;
    weights.weight = [=, this](int64_t o, int64_t i, int64_t y, int64_t x) {
      const int64_t row = ((first + o) * spec.inputs + i);
      return values_(number,
                     conv || across ? (row * spec.height + y) * spec.width + x : i * shape[1] + first + o);
    };
    if (task.get(Field::MACCfg_BiasMode)) weights.bias = bias_of(op, first);
    put_blocks(task, pack(task, spec, weights), activation_of(op));
  }

  Blocks pack(const Task& task, const KernelSpec& spec, const Weights& weights) const {
    const int64_t groups = task.get(Field::GroupConvCfg_NumGroups);
    const int64_t channels = channels_of(task);
    if (task.get(Field::ConvCfg_Ox) == 2) return pack_two_phases(spec, weights, channels);
    if (task.get(Field::GroupConvCfg_UnicastEn)) return pack_depthwise(spec, weights, channels);
    if (groups > 1) return pack_grouped(spec, weights, channels, groups);
    return pack_dense(spec, weights, channels, task.get(Field::ConvCfg_OCGSize) == 5 ? 32 : 16);
  }

  // Depthwise, two output pixels for each step of two: the bias twice, then the taps at even offsets and
  // those at odd ones, each for the left pixel and, one further, for the right one.
  static Blocks pack_two_phases(const KernelSpec& spec, const Weights& weights, int64_t channels) {
    Blocks blocks(16);
    for (int64_t channel = 0; channel < channels; ++channel) {
      const auto engine = static_cast<size_t>(channel % 16);
      const auto tap = [&](int64_t k) {
        return k < 0 || k >= spec.width ? uint16_t{0} : weights.weight(channel, 0, 0, k);
      };
      for (int phase = 0; weights.bias && phase < 2; ++phase) blocks.half_word(engine, weights.bias(channel));
      for (int64_t parity = 0; parity < 2; ++parity)
        for (int64_t k = parity; k <= spec.width; k += 2)
          blocks.half_word(engine, tap(k)), blocks.half_word(engine, tap(k - 1));
    }
    return blocks;
  }

  std::function<uint16_t(int64_t)> bias_of(const SourceOperation& op, int64_t first) const {
    std::string name = op.has("bias") ? op.arguments.at("bias") : "";
    for (const SourceOperation& after : case_.source.operations)
      if (after.type == "add" && after.arguments.at("x") == op.name) name = after.arguments.at("y");
    const size_t number = constant_number(name);
    return [=, this](int64_t o) { return values_(number, first + o); };
  }

  std::string activation_of(const SourceOperation& op) const {
    for (const SourceOperation& after : case_.source.operations)
      if (!table_names(after).empty() && fused_with_weights(after) == &op) return table_names(after)[0];
    return "";
  }

  // The layer that the task is the next part of.
  const SourceOperation& next_part(const Task& task) {
    if (channels_left_ == 0) {
      if (next_weighted_ == weighted_.size()) fail("more weight tasks than layers");
      const SourceOperation& op = *weighted_[next_weighted_++];
      const std::string& name = op.arguments.at(op.type == "conv" ? "weight" : "y");
      const Dimensions& shape = *case_.source.weight(name);
      const bool second = op.type == "matmul" && case_.source.value_of(op, "transpose_y", 0) == 0;
      channels_left_ = shape[second ? 1 : 0];
      lowest_result_ = lowest_result(task, channels_left_);
    }
    channels_left_ -= channels_of(task);
    if (channels_left_ < 0) fail("a task with more channels than its layer has left");
    return *weighted_[next_weighted_ - 1];
  }

  void put_blocks(const Task& task, Blocks blocks, const std::string& table) {
    for (size_t i = 0; i < blocks.of_engine.size(); ++i) {
      const int engine = static_cast<int>(i);
      Bytes& block = blocks.of_engine[i];
      if (task.get(Field::MACCfg_NonlinearMode) == 2) {
        if (!tables_.contains(table)) fail("no table for " + table);
        const auto* words = reinterpret_cast<const uint8_t*>(tables_.at(table).data());
        block.insert(block.begin(), words, words + 128);
      }
      blocks.align(i);
      const uint32_t size = task[Reg::CoeffBfrSize0 + engine];
      if (block.size() != size)
        fail(fmt::format("engine {} has 0x{:x} bytes where the words say 0x{:x}", i, block.size(), size));
      std::memcpy(place(task[Reg::CoeffBaseAddr0 + engine], size), block.data(), size);
    }
  }

  // x - y of neighbouring channels in int8, then a step at 0. The hash of less_bool_rr_1x64x1x1 shows it.
  void put_comparison(const Task& task) {
    Blocks blocks(16);
    for (size_t engine = 0; engine < 16; ++engine)
      for (uint32_t channel = 0; channel < task.get(Field::Cout_Cout) / 16; ++channel)
        for (const uint8_t weight : Bytes{1, 0xff}) blocks.of_engine[engine].push_back(weight);
    put_blocks(task, blocks, "is_negative");
  }

  // One bit for each tap of a kernel 2 x 1, the left one set; the palette, 1.0, before it
  // (encoder_conv_pad_*: the hash is not recorded, the sizes are).
  void put_binary(const Task& task) {
    Blocks blocks(8);
    for (size_t engine = 0; engine < 8; ++engine) {
      blocks.half_word(engine, half(1));
      blocks.align(engine);
      for (const uint8_t byte : Bytes{1, 0, 0, 1}) blocks.of_engine[engine].push_back(byte);
    }
    put_blocks(task, blocks, "");
  }

  OracleCase& case_;
  const ConstantValues& values_;
  const Tables& tables_;
  std::vector<const SourceOperation*> weighted_, operands_;
  std::vector<std::string> lone_tables_;
  size_t next_weighted_ = 0, next_operand_ = 0, next_table_ = 0;
  int64_t channels_left_ = 0;
  uint32_t lowest_result_ = 0;
  bool own_table_ = false;
};

// ---- Tables ----

// Those of oracles/h13/lut.txt, and four that are not in it.
inline Tables read_tables(const std::filesystem::path& folder) {
  Tables tables;
  std::ifstream in(folder / "lut.txt");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name, word;
    words >> name;
    if (name == "#" || name.empty()) continue;
    TableWords& table = tables[name];
    for (uint16_t& value : table) {
      words >> word;
      value = static_cast<uint16_t>(std::stoul(word, nullptr, 16));
    }
  }
  // 1 below zero; 1 but for zero. The hashes of less_bool_rr_1x64x1x1 and select_rrb_1x64x1x1 show them.
  TableWords step{0x8001, 0x0001, 0x3c00, 0x0000}, non_zero{0x8001, 0x0001, 0x3c00, 0x3c00};
  step[38] = 0x3c00, step[41] = 0x40, step[42] = 1;
  non_zero[38] = non_zero[40] = 0x3c00, non_zero[41] = 0x40, non_zero[42] = 1;
  tables["is_negative"] = step, tables["is_not_zero"] = non_zero;
  // Ours: no hash is recorded. maximum_0.5 mirrored; x * sigmoid(1.702 x) with the knots of its function.
  TableWords minimum{0xfc00, 0x3800, 0xfc00, 0x3800};
  minimum[37] = minimum[39] = 0x3c00, minimum[41] = 0x40, minimum[42] = 1;
  tables["minimum_0.5"] = minimum;
  TableWords gelu{0xc800, 0x7c00, 0x0000, 0x7c00};
  for (size_t i = 0; i < 33; ++i) {
    const double x = -4 + static_cast<double>(i) / 4;
    gelu[4 + i] = half(x / (1 + std::exp(-1.702 * x)));
  }
  gelu[39] = 0x3c00, gelu[41] = 2, gelu[42] = 1;
  tables["gelu_sigmoid"] = gelu;
  return tables;
}

}  // namespace ane::sim::test
