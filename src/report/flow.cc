// Tensors are boxes in memory with five strides, so two of them can share a byte range and yet no byte (every
// second channel, say). Writers are therefore kept by runs of bytes: contiguous axes are merged into one run
// first, which leaves one run for nearly every tensor. Where a tensor would fall into more pieces than are
// worth keeping, its whole range stands for it; that can only add an edge.
#include "report/flow.h"

#include <algorithm>
#include <array>

namespace ane::report {

namespace {

using h13::Field;
using h13::HeaderField;
using h13::Reg;
using h13::Task;

constexpr uint64_t most_runs = 1 << 16;

struct Span {
  uint64_t begin, end;
};

// The byte runs of an operand, in ascending order as far as its strides are.
std::vector<Span> spans_of(const Operand& operand) {
  const uint64_t granule = operand.on_chip ? 16 : 64;  // rows start at multiples of it
  uint64_t run = static_cast<uint64_t>(operand.width * operand.interleave * operand.element_size);
  run = (run + granule - 1) / granule * granule;
  const int64_t planes = (operand.channels + operand.interleave - 1) / operand.interleave;
  std::array<std::pair<uint64_t, uint64_t>, 4> axes = {{{operand.row, operand.height},
                                                        {operand.plane, planes},
                                                        {operand.depth, operand.depths},
                                                        {operand.group, operand.groups}}};
  std::sort(axes.begin(), axes.end());
  std::vector<std::pair<uint64_t, uint64_t>> apart;  // stride, count
  uint64_t pieces = 1, reach = run;
  for (const auto& [stride, count] : axes) {
    if (count <= 1 || stride == 0) continue;
    reach += stride * (count - 1);
    if (apart.empty() && stride <= run) {
      run = stride * (count - 1) + run;
    } else {
      apart.emplace_back(stride, count);
      pieces = std::min(pieces * count, most_runs + 1);
    }
  }
  if (pieces > most_runs) return {{operand.base, operand.base + reach}};
  std::vector<Span> spans = {{operand.base, operand.base + run}};
  for (const auto& [stride, count] : apart) {
    const size_t inner = spans.size();
    for (uint64_t i = 1; i < count; ++i)
      for (size_t j = 0; j < inner; ++j)
        spans.push_back({spans[j].begin + i * stride, spans[j].end + i * stride});
  }
  return spans;
}

int64_t element_size(uint32_t format) {
  return format == 2 ? 2 : 1;
}

void set_input_shape(const Task& task, Operand& operand) {
  operand.groups = task.get(Field::GroupConvCfg_NumGroups);
  operand.depths = task.get(Field::InDepth_Din);
  operand.channels = task.get(Field::Cin_Cin);
  operand.height = task.get(Field::InDim_Hin);
  operand.width = task.get(Field::InDim_Win);
}

void set_place_on_chip(const Task& task, Reg base, Operand& operand) {
  operand.on_chip = true;
  operand.base = task[base];
  operand.plane = task[base + 1];
  operand.row = task[base + 2];
  operand.depth = task[base + 3];
  operand.group = task[base + 4];
  operand.interleave = 1;
}

void set_place_in_dram(const Task& task, Reg base, uint32_t slot, uint32_t interleave, Operand& operand) {
  operand.slot = slot;
  operand.base = task[base];
  operand.row = task[base + 1];
  operand.plane = task[base + 2];
  operand.depth = task[base + 3];
  operand.group = task[base + 4];
  operand.interleave = std::max<int64_t>(1, interleave);
}

Operand source_of(const Task& task) {
  Operand source;
  set_input_shape(task, source);
  source.element_size = element_size(task.get(Field::ChCfg_InFmt));
  if (task.get(Field::SourceCfg_SourceType) == 0)
    set_place_on_chip(task, Reg::SourceBase, source);
  else
    set_place_in_dram(task, Reg::Src1BaseAddr, task.get(HeaderField::RBase0),
                      task.get(Field::Src1Fmt_Interleave), source);
  if (task.get(Field::Cfg_TaskType) == 0) return source;
  if (task.get(Field::PESrcCfg_Src1BcastW)) source.width = 1;
  if (task.get(Field::PESrcCfg_Src1BcastH)) source.height = 1;
  if (task.get(Field::PESrcCfg_Src1BcastD)) source.depths = 1;
  if (task.get(Field::PESrcCfg_Src1BcastC)) source.channels = 1;
  if (task.get(Field::PESrcCfg_Src1Transpose)) std::swap(source.channels, source.width);
  return source;
}

std::optional<Operand> source2_of(const Task& task) {
  const uint32_t type = task.get(Field::Cfg_TaskType);
  const bool gain_and_offset = type == 4;
  if (type != 3 && type != 6 && !gain_and_offset) return std::nullopt;
  Operand source;
  set_input_shape(task, source);
  source.element_size = element_size(task.get(Field::ChCfg_Src2InFmt));
  if (task.get(Field::Cfg_Src2Dma))
    set_place_in_dram(task, Reg::Src2BaseAddr, task.get(HeaderField::RBase1),
                      task.get(Field::Src2Fmt_Interleave), source);
  else
    set_place_on_chip(task, Reg::Source2Base, source);
  if (task.get(Field::PESrcCfg_Src2BcastW)) source.width = 1;
  if (task.get(Field::PESrcCfg_Src2BcastH)) source.height = 1;
  if (task.get(Field::PESrcCfg_Src2BcastD)) source.depths = 1;
  if (task.get(Field::PESrcCfg_Src2BcastC)) source.channels = 1;
  if (gain_and_offset)
    source.width = source.depths = 1, source.height = 2;  // a row of offsets, a row of gains
  if (task.get(Field::PESrcCfg_Src2Transpose)) std::swap(source.channels, source.width);
  return source;
}

Operand result_of(const Task& task) {
  Operand result;
  const uint32_t type = task.get(Field::Cfg_TaskType);
  const bool neural = type == 0, reduction = type == 5 || type == 6;
  result.groups = task.get(Field::GroupConvCfg_NumGroups);
  result.channels = task.get(Field::Cout_Cout);
  if (!reduction) {
    result.depths = task.get(Field::OutDepth_Dout);
    result.height = task.get(Field::OutDim_Hout) * (neural ? task.get(Field::ConvCfg_Oy) : 1);
    result.width = task.get(Field::OutDim_Wout) * (neural ? task.get(Field::ConvCfg_Ox) : 1);
  }
  result.element_size = element_size(task.get(Field::ChCfg_OutFmt));
  if (task.get(Field::DstDMAConfig_En))
    set_place_in_dram(task, Reg::DstBaseAddr, task.get(HeaderField::WBase),
                      task.get(Field::DstFmt_Interleave), result);
  else
    set_place_on_chip(task, Reg::ResultBase, result);
  if (task.get(neural ? Field::Cfg_OutputTranspose : Field::PESrcCfg_ResultTranspose))
    std::swap(result.channels, result.width);
  return result;
}

}  // namespace

TaskOperands operands_of(const Task& task) {
  constexpr uint32_t scratch_slot = 3;
  TaskOperands operands;
  operands.source = source_of(task);
  operands.source2 = source2_of(task);
  operands.result = result_of(task);
  operands.coefficients_from_scratch =
      task.get(HeaderField::KBE0) && task.get(HeaderField::KBase0) == scratch_slot;
  if (task.get(Field::SourceCfg_SourceType) == 1) {
    Operand kept = operands.source;
    set_place_on_chip(task, Reg::SourceBase, kept);
    operands.kept = kept;
  }
  return operands;
}

void WriterMap::assign(uint64_t begin, uint64_t end, int writer) {
  // Cut the runs that reach over an end, then drop those inside.
  const auto cut = [&](uint64_t at) {
    auto after = runs_.upper_bound(at);
    if (after == runs_.begin()) return;
    Run& run = std::prev(after)->second;
    if (std::prev(after)->first == at || run.end <= at) return;
    const Run tail = run;
    run.end = at;
    runs_.emplace(at, tail);
  };
  cut(begin);
  cut(end);
  runs_.erase(runs_.lower_bound(begin), runs_.lower_bound(end));
  runs_.emplace(begin, Run{end, writer});
}

void WriterMap::write(const Operand& operand, int writer) {
  for (const Span& span : spans_of(operand)) assign(span.begin, span.end, writer);
}

std::set<int> WriterMap::writers(const Operand& operand) const {
  std::set<int> found;
  for (const Span& span : spans_of(operand)) {
    auto run = runs_.upper_bound(span.begin);
    if (run != runs_.begin()) --run;
    for (; run != runs_.end() && run->first < span.end; ++run)
      if (run->second.end > span.begin) found.insert(run->second.writer);
  }
  return found;
}

}  // namespace ane::report
