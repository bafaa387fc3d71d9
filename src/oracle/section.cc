#include "oracle/section.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <stdexcept>

#include "base/error.h"
#include "oracle/pack_weights.h"

namespace ane::oracle {

namespace {

using h13::Field;
using h13::HeaderField;
using h13::Reg;
using h13::Task;

class Builder {
 public:
  Builder(Case& of, const ConstantValues& values, const Tables& tables, ConstantOrder order)
      : case_(of), values_(values), tables_(tables) {
    for (const SourceOperation& op : case_.source.operations) {
      if (op.type == "conv" || (op.type == "matmul" && case_.source.weight(op.arguments.at("y"))))
        weighted_.push_back(&op);
      else if (!table_names(op).empty() && !fused_with_weights(op))
        for (const std::string& name : table_names(op)) lone_tables_.push_back(name);
      if (has_constant_operand(op)) operands_.push_back(&op);
    }
    if (order == ConstantOrder::Reversed) std::reverse(weighted_.begin(), weighted_.end());
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
    throw Error(case_.file.name, "constants", why, "the words and the source program do not belong together");
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

  const Dimensions& shape_of(const std::string& constant) const {
    return case_.source.weights[constant_number(constant)].second;
  }

  // A table alone. Softmax over channels and division use the reciprocal, the former after a channel sum.
  std::string lone_table(const Task& task) {
    if (task.get(Field::MACCfg_OpMode) == 0 && case_.source.operations.back().type != "rsqrt") return "recip";
    if (next_table_ == lone_tables_.size()) fail("more table tasks than functions");
    return lone_tables_[next_table_++];
  }

  void put_table(const Task& task, const std::string& name) {
    const TableWords& table = table_of(name);
    for (int i = 0; i < 16; ++i)
      if (task[Reg::CoeffDMAConfig0 + i] & 1)
        std::memcpy(place(task[Reg::CoeffBaseAddr0 + i], 128), table.data(), 128);
  }

  const TableWords& table_of(const std::string& name) {
    const auto found = tables_.find(name);
    if (found == tables_.end())
      throw Error(case_.file.name, "constants", "needs the table of the function " + name,
                  "give a file that has it (lut.txt beside the cases, or --tables)");
    own_table_ |= is_own_table(name);
    return found->second;
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
    const Dimensions shape = shape_of(name);
    const bool conv = op.type == "conv", across = !conv && case_.source.value_of(op, "transpose_y", 0) != 0;
    KernelSpec spec;
    spec.inputs = conv ? shape.at(1) : shape.at(across ? 1 : 0);
    if (conv) spec.height = shape.at(2), spec.width = shape.at(3);
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
    const int64_t groups = task.get(Field::GroupConvCfg_NumGroups), channels = channels_of(task);
    const int64_t together =
        groups > 1 && !task.get(Field::GroupConvCfg_UnicastEn) ? channels / groups : channels;
    if (together < 1 || (together > 16 && together % 16 != 0) || spec.stride < 1)
      fail("a task with a number of channels that no engine takes");
    if (task.get(Field::ConvCfg_Ox) == 2) return pack_two_phases(spec, weights, channels);
    if (task.get(Field::GroupConvCfg_UnicastEn)) return pack_depthwise(spec, weights, channels);
    if (groups > 1) return pack_grouped(spec, weights, channels, groups);
    return pack_dense(spec, weights, channels, task.get(Field::ConvCfg_OCGSize) == 5 ? 32 : 16);
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
      const Dimensions& shape = shape_of(name);
      const bool second = op.type == "matmul" && case_.source.value_of(op, "transpose_y", 0) == 0;
      channels_left_ = shape.at(second ? 1 : 0);
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
        const auto* words = reinterpret_cast<const uint8_t*>(table_of(table).data());
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

  Case& case_;
  const ConstantValues& values_;
  const Tables& tables_;
  std::vector<const SourceOperation*> weighted_, operands_;
  std::vector<std::string> lone_tables_;
  size_t next_weighted_ = 0, next_operand_ = 0, next_table_ = 0;
  int64_t channels_left_ = 0;
  uint32_t lowest_result_ = 0;
  bool own_table_ = false;
};

bool reads_constants(const Task& task) {
  return (task.get(HeaderField::KBE0) && task.get(HeaderField::KBase0) == 1) ||
         (task.get(HeaderField::RBE0) && task.get(HeaderField::RBase0) == 1);
}

}  // namespace

bool fill_section(Case& to, const ConstantValues& values, const Tables& tables, ConstantOrder order) {
  try {
    Builder builder(to, values, tables, order);
    builder.build();
    return builder.used_own_table();
  } catch (const std::out_of_range&) {  // an operation without the operand that its type has
    throw Error(to.file.name, "constants", "an operation of the source program lacks an operand");
  }
}

const char* name_of(Evidence evidence) {
  switch (evidence) {
    case Evidence::None:
      return "none";
    case Evidence::Hash:
      return "hash";
    case Evidence::Sizes:
      return "sizes";
    case Evidence::OwnTable:
      return "own table";
    case Evidence::OtherHash:
      return "OTHER HASH";
  }
  return "";
}

Evidence fill_with_evidence(Case& to, const ConstantValues& values, const Tables& tables) {
  const bool any = std::any_of(to.tasks.begin(), to.tasks.end(), reads_constants);
  const std::string hash = to.recorded_hash();
  Evidence found = !any ? Evidence::None : hash.empty() ? Evidence::Sizes : Evidence::OtherHash;
  ConstantOrder right = ConstantOrder::Declared;
  const ConstantValues recorded = recorded_constants(to);
  for (const ConstantOrder order : {ConstantOrder::Declared, ConstantOrder::Reversed}) {
    if (found != Evidence::OtherHash) break;
    fill_section(to, recorded, tables, order);
    if (sha256(to.file.constants) == hash) found = Evidence::Hash, right = order;
  }
  return fill_section(to, values, tables, right) ? Evidence::OwnTable : found;
}

}  // namespace ane::oracle
