// What a task does, read from its registers (docs/h13-semantics.md).
//
// H14's registers hold the values of their H13 namesakes, so its tasks are read as H13 ones. Of later
// generations no operation code is borne out by words; their tasks are shown by engine, shapes and buffers
// alone.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <map>
#include <optional>

#include "tools/dump/dump.h"

namespace ane::dump {
namespace {

using h13::Field;
using h13::HeaderField;
using h13::Reg;
using h13::Task;

bool is_ne(const Task& task) {
  return task.get(Field::Cfg_TaskType) == 0;
}

std::string kernel_text(const Task& task) {
  std::string text = fmt::format("{}x{}", task.get(Field::ConvCfg_Kw), task.get(Field::ConvCfg_Kh));
  if (task.get(Field::ConvCfg_Sx) > 1 || task.get(Field::ConvCfg_Sy) > 1)
    text += fmt::format(" stride {}x{}", task.get(Field::ConvCfg_Sx), task.get(Field::ConvCfg_Sy));
  if (task.get(Field::ConvCfg_Ox) > 1 || task.get(Field::ConvCfg_Oy) > 1)
    text += fmt::format(" step {}x{}", task.get(Field::ConvCfg_Ox), task.get(Field::ConvCfg_Oy));
  return text;
}

std::string convolution(const Task& task) {
  const bool unicast = task.get(Field::GroupConvCfg_UnicastEn);
  const uint32_t groups = task.get(Field::GroupConvCfg_NumGroups),
                 inputs = task.get(Field::GroupConvCfg_UnicastCin);
  std::string text = unicast && inputs == 1 ? "depthwise convolution " : "convolution ";
  if (task.get(Field::KernelCfg_RuntimeKernel)) text = "matrix product with computed coefficients ";
  text += kernel_text(task);
  if (groups > 1) text += fmt::format(" in {} groups", groups);
  if (unicast && inputs > 1) text += fmt::format(" of {} inputs per output", inputs);
  if (task.get(Field::KernelCfg_SparseFmt)) text += " sparse";
  if (task.get(Field::KernelCfg_PalettizedEn))
    text += fmt::format(" {}-bit palette", task.get(Field::KernelCfg_PalettizedBits));
  return text;
}

// Without coefficients every weight is 1.
std::string without_coefficients(const Task& task) {
  switch (task.get(Field::MACCfg_OpMode)) {
    case 0:
      return "sum over channels";
    case 3:
      return "maximum over channels";
    case 4:
      return "copy";
    default:
      return fmt::format("operation {}", task.get(Field::MACCfg_OpMode));
  }
}

std::string ne_work(const Task& task) {
  std::string text = task.get(Field::MACCfg_KernelMode) ? without_coefficients(task) : convolution(task);
  const char* const nonlinear[] = {"", " + ReLU", " + table", " + nonlinear mode 3"};
  if (task.get(Field::MACCfg_BiasMode)) text += " + bias";
  if (task.get(Field::MACCfg_MatrixBiasEn)) text += " + scalar bias";
  text += nonlinear[task.get(Field::MACCfg_NonlinearMode)];
  if (task.get(Field::Cfg_OutputTranspose)) text += ", C and W exchanged";
  const uint32_t engines = 1u << task.get(Field::Cfg_ActiveNE);
  return text + fmt::format(", {} engine{}", engines, engines == 1 ? "" : "s");
}

std::string pe_operation(const Task& task) {
  const char* const names[] = {"add", "multiply", "maximum", "minimum", "square of the sum"};
  const uint32_t mode = task.get(Field::PECfg_OpMode);
  if (mode == 0 && task.get(Field::PECfg_NegSrc2)) return "subtract";
  return mode < std::size(names) ? names[mode] : fmt::format("operation {}", mode);
}

std::string pool_operation(const Task& task) {
  const char* const names[] = {"sum", "pool mode 1", "maximum", "pool mode 3"};
  return names[task.get(Field::PECfg_PoolMode)];
}

std::string pe_kind(const Task& task) {
  switch (task.get(Field::Cfg_TaskType)) {
    case 1:
      return "pooling " + kernel_text(task) + " " + pool_operation(task) +
             " (no public program shows this form)";
    case 2:
      return "scale and bias";
    case 3:
      return pe_operation(task);
    case 4:
      return "offset and gain per channel";
    case 5:
      return "reduction, " + pool_operation(task);
    case 6:
      return "reduction of two sources, " + pool_operation(task) + " of " + pe_operation(task);
    default:
      return fmt::format("task type {}", task.get(Field::Cfg_TaskType));
  }
}

std::string pe_work(const Task& task) {
  const char* const outputs[] = {"", ", reciprocal", ", reciprocal square root", ", output mode 3"};
  std::string text = pe_kind(task);
  if (task.get(Field::PECfg_Abs)) text += " + absolute value";
  if (task.get(Field::PECfg_ReluEn)) text += " + ReLU";
  return text + outputs[task.get(Field::PECfg_NLMode)];
}

std::string with_offset(const std::string& name, uint64_t offset) {
  return offset ? fmt::format("{}+{:#x}", name, offset) : name;
}

std::string shape(const Task& task, bool output) {
  const uint32_t groups = task.get(Field::GroupConvCfg_NumGroups);
  const uint32_t d = output ? task.get(Field::OutDepth_Dout) : task.get(Field::InDepth_Din);
  std::string text = groups > 1 ? fmt::format("{} x ", groups) : "";
  text += fmt::format("{}x", output ? task.get(Field::Cout_Cout) : task.get(Field::Cin_Cin));
  if (d > 1) text += fmt::format("{}x", d);
  return text + (output ? fmt::format("{}x{}", task.get(Field::OutDim_Hout), task.get(Field::OutDim_Wout))
                        : fmt::format("{}x{}", task.get(Field::InDim_Hin), task.get(Field::InDim_Win)));
}

std::vector<std::string> sources_of(const Task& task, const hwx::File& file) {
  std::vector<std::string> sources;
  const std::string extent = " [" + shape(task, false) + "]";
  const bool by_dma = task.get(Field::SourceCfg_SourceType) != 0 && task.get(Field::Src1DMAConfig_En);
  sources.push_back((by_dma ? with_offset(buffer_name(file, task.get(HeaderField::RBase0)),
                                          task.bytes(Field::Src1BaseAddr_Addr))
                            : with_offset("L2", task[Reg::SourceBase])) +
                    extent);
  if (task.get(Field::Cfg_Src2Dma))
    sources.push_back(
        with_offset(buffer_name(file, task.get(HeaderField::RBase1)), task.bytes(Field::Src2BaseAddr_Addr)));
  else if (!is_ne(task) && task.get(Field::PECfg_Src2En))
    sources.push_back(with_offset("L2", task[Reg::Source2Base]));
  if (task.get(HeaderField::KBE0))
    sources.push_back("coefficients from " + buffer_name(file, task.get(HeaderField::KBase0)));
  return sources;
}

// ------------------------------------------------------------------------------------------------ H14 and
// later

// A task of a sequential list, its registers by name.
class LaterTask {
 public:
  LaterTask(const Program& program, const generations::Task& task)
      : table_(program.registers()), task_(task), file_(program.file) {
    for (const generations::Record& record : task.records)
      for (const generations::Write& write : record.writes) written_[write.address] = write.value;
  }

  // As written, or by default; nothing when neither is known.
  std::optional<uint32_t> value(const generations::Register& reg) const {
    if (const auto found = written_.find(reg.address); found != written_.end()) return found->second;
    if (reg.unwritten) return reg.unwritten->value;
    return std::nullopt;
  }

  // 0 when the task does not say.
  uint32_t get(const char* block, const char* reg, const char* field) const {
    const generations::Register* found = table_.find(block, reg);
    const generations::Field* bits = found ? found->find(field) : nullptr;
    return bits ? bits->get(value(*found).value_or(0)) : 0;
  }

  // The slot of the first record that writes into this block and, where `base` is given, from this register
  // on.
  std::optional<uint32_t> slot(std::string_view block, std::string_view base = "") const {
    for (const generations::Record& record : task_.records) {
      if (!record.slot) continue;
      const uint32_t address = record.writes[0].address;
      const generations::Block* in = table_.block_at(address);
      const generations::Register* reg = table_.find(address);
      if (in && in->name == block && (base.empty() || (reg && reg->name == base))) return record.slot;
    }
    return std::nullopt;
  }

  bool is_ne() const {
    for (const generations::HeaderField& header : table_.header)
      if (std::string_view(header.field.name) == "ENE")
        return header.field.get(task_.header[static_cast<size_t>(header.word)]) != 0;
    return false;
  }

  const generations::RegisterTable& table() const { return table_; }
  const hwx::File& file() const { return file_; }

 private:
  const generations::RegisterTable& table_;
  const generations::Task& task_;
  const hwx::File& file_;
  std::map<uint32_t, uint32_t> written_;
};

// A field of H13 and the register and field of the same names elsewhere.
struct Twin {
  Field h13;
  const generations::Register* reg;
  const generations::Field* field;
};

std::vector<Twin> twins_of(const generations::RegisterTable& table) {
  std::vector<Twin> twins;
  for (size_t f = 0; f < static_cast<size_t>(Field::Count); ++f) {
    const h13::FieldInfo& info = h13::info(static_cast<Field>(f));
    const h13::RegisterInfo& reg = h13::info(info.reg);
    if (const generations::Register* other = table.find(reg.block, reg.name))
      if (const generations::Field* field = other->find(info.name))
        twins.push_back({static_cast<Field>(f), other, field});
  }
  return twins;
}

// What moved: buffers are named by record words, enable bits and bases stand elsewhere.
void set_transfers(const LaterTask& from, Task& task) {
  task.set(Field::Src1DMAConfig_En, from.get("TileDMASrc", "Src1DMAConfig", "Enable"));
  task.set(Field::DstDMAConfig_En, from.get("TileDMADst", "DMAConfig", "Enable"));
  task.set(Field::Src1BaseAddr_Addr, from.get("TileDMASrc", "Src1BaseAddrLo", "Addr"));
  task.set(Field::Src2BaseAddr_Addr, from.get("TileDMASrc", "Src2BaseAddrLo", "Addr"));
  task.set(Field::DstBaseAddr_Addr, from.get("TileDMADst", "BaseAddrLo", "Addr"));
  const auto set_slot = [&](HeaderField field, std::optional<uint32_t> slot) {
    if (slot) task.set(field, *slot & h13::mask(h13::info(field)));
  };
  set_slot(HeaderField::RBase0, from.slot("TileDMASrc", "Src1BaseAddrLo"));
  set_slot(HeaderField::RBase1, from.slot("TileDMASrc", "Src2BaseAddrLo"));
  set_slot(HeaderField::WBase, from.slot("TileDMADst", "BaseAddrLo"));
  if (const auto slot = from.slot("KernelDMASrc")) {
    set_slot(HeaderField::KBase0, slot);
    task.set(HeaderField::KBE0, 1);
    task.set(Field::KernelCfg_RuntimeKernel,
             *slot != 1);  // no bit is known to say so; computed ones are not constants
  }
}

Task like_h13(const LaterTask& from) {
  static const std::vector<Twin> twins = twins_of(from.table());  // of the one generation that is like H13
  Task task;
  for (const Twin& twin : twins) {
    const uint32_t value = twin.field->get(from.value(*twin.reg).value_or(0));
    if (value <= h13::mask(h13::info(twin.h13))) task.set(twin.h13, value);
  }
  set_transfers(from, task);
  return task;
}

// "64x1x1" from whichever registers of Common have these fields.
std::string later_shape(const LaterTask& task, std::array<const char*, 3> fields) {
  std::string text;
  for (const char* name : fields) {
    std::string extent = "?";
    for (const generations::Register& reg : task.table().registers) {
      const generations::Field* field = std::string_view(reg.block) == "Common" ? reg.find(name) : nullptr;
      const std::optional<uint32_t> value = field ? task.value(reg) : std::nullopt;
      if (value) extent = std::to_string(field->get(*value));
    }
    text += (text.empty() ? "" : "x") + extent;
  }
  return text;
}

Summary buffers_and_shapes(const LaterTask& task) {
  Summary summary;
  summary.engine = task.is_ne() ? "NE" : "PE";
  summary.work = "work not known for this generation";
  for (const char* block : {"TileDMASrc", "KernelDMASrc"})
    if (const auto slot = task.slot(block)) summary.sources.push_back(buffer_name(task.file(), *slot));
  if (summary.sources.empty()) summary.sources.push_back("?");
  summary.sources[0] += " [" + later_shape(task, {"Cin", "Hin", "Win"}) + "]";
  const auto slot = task.slot("TileDMADst");
  summary.destination = (slot ? buffer_name(task.file(), *slot) : "?") + " [" +
                        later_shape(task, {"Cout", "Hout", "Wout"}) + "]";
  return summary;
}

}  // namespace

Summary summarise(const Program& program, size_t index) {
  if (!program.h13_tasks.empty()) return summarise(program.h13_tasks[index], program.file);
  const LaterTask task(program, program.stream.tasks[index]);
  return program.generation->values_of_h13 ? summarise(like_h13(task), program.file)
                                           : buffers_and_shapes(task);
}

Summary summarise(const Task& task, const hwx::File& file) {
  Summary summary;
  summary.engine = is_ne(task) ? "NE" : "PE";
  summary.work = is_ne(task) ? ne_work(task) : pe_work(task);
  summary.sources = sources_of(task, file);
  summary.destination =
      (task.get(Field::DstDMAConfig_En)
           ? with_offset(buffer_name(file, task.get(HeaderField::WBase)), task.bytes(Field::DstBaseAddr_Addr))
           : with_offset("L2", task[Reg::ResultBase])) +
      " [" + shape(task, true) + "]";
  return summary;
}

}  // namespace ane::dump
