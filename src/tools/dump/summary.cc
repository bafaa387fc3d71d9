// What a task does, read from its registers (docs/h13-semantics.md).
#include <fmt/format.h>
#include <fmt/ranges.h>

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

// A buffer by what the program calls it.
std::string buffer(const hwx::File& file, uint32_t slot) {
  if (slot == 1) return "constants";
  if (slot == 3) return "scratch";
  for (const hwx::Surface& surface : file.surfaces)
    if (surface.slot == slot) return printable(surface.binding);
  return fmt::format("buffer {}", slot);
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
  sources.push_back(
      (by_dma ? with_offset(buffer(file, task.get(HeaderField::RBase0)), task.bytes(Field::Src1BaseAddr_Addr))
              : with_offset("L2", task[Reg::SourceBase])) +
      extent);
  if (task.get(Field::Cfg_Src2Dma))
    sources.push_back(
        with_offset(buffer(file, task.get(HeaderField::RBase1)), task.bytes(Field::Src2BaseAddr_Addr)));
  else if (!is_ne(task) && task.get(Field::PECfg_Src2En))
    sources.push_back(with_offset("L2", task[Reg::Source2Base]));
  if (task.get(HeaderField::KBE0))
    sources.push_back("coefficients from " + buffer(file, task.get(HeaderField::KBase0)));
  return sources;
}

}  // namespace

Summary summarise(const Task& task, const hwx::File& file) {
  Summary summary;
  summary.engine = is_ne(task) ? "NE" : "PE";
  summary.work = is_ne(task) ? ne_work(task) : pe_work(task);
  summary.sources = sources_of(task, file);
  summary.destination =
      (task.get(Field::DstDMAConfig_En)
           ? with_offset(buffer(file, task.get(HeaderField::WBase)), task.bytes(Field::DstBaseAddr_Addr))
           : with_offset("L2", task[Reg::ResultBase])) +
      " [" + shape(task, true) + "]";
  return summary;
}

}  // namespace ane::dump
