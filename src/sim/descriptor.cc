// The checks here are facts about hardware or rules that every public Apple-compiled program keeps; a limit
// that is only suspected is not checked.
#include "sim/descriptor.h"

#include <fmt/format.h>

#include <algorithm>

namespace ane::sim {

namespace {

using h13::Field;
using h13::HeaderField;
using h13::Reg;
using h13::Task;

[[noreturn]] void fail(const std::string& why) {
  throw Hazard(why);
}

int64_t number(const Task& task, Field field) {
  return static_cast<int64_t>(task.get(field));
}

// A register that holds an address or stride of DRAM: whole units of 64 bytes.
uint64_t dram_bytes(const Task& task, Reg reg) {
  const uint32_t value = task[reg];
  if (value % 64 != 0) fail(fmt::format("{} is 0x{:x}, not a multiple of 64", h13::info(reg).name, value));
  return value;
}

// The same for L2: units of 16 bytes inside 2 MiB.
uint64_t l2_bytes(const Task& task, Reg reg, const Memory& l2) {
  const uint32_t value = task[reg];
  if (value % 16 != 0) fail(fmt::format("{} is 0x{:x}, not a multiple of 16", h13::info(reg).name, value));
  if (value >= l2.size()) fail(fmt::format("{} is 0x{:x}, beyond L2", h13::info(reg).name, value));
  return value;
}

Format element_format(int64_t code, const char* what) {
  if (code > 2) fail(fmt::format("{} has element format {}, which is not known", what, code));
  return static_cast<Format>(code);
}

// Registers in which 0 hangs the engine.
void check_not_zero(const Task& task) {
  for (const Reg reg :
       {Reg::InDim, Reg::OutDim, Reg::Cin, Reg::Cout, Reg::InDepth, Reg::OutDepth, Reg::ConvCfg,
        Reg::GroupConvCfg, Reg::TileCfg, Reg::Src1Fmt, Reg::DstFmt, Reg::ResultCfg})
    if (task[reg] == 0) fail(fmt::format("{} is 0, which hangs the engine", h13::info(reg).name));
  for (const Field field :
       {Field::InDim_Win, Field::InDim_Hin, Field::InDepth_Din, Field::Cin_Cin, Field::Cout_Cout,
        Field::OutDim_Wout, Field::OutDim_Hout, Field::OutDepth_Dout, Field::ConvCfg_Kw, Field::ConvCfg_Kh,
        Field::ConvCfg_Sx, Field::ConvCfg_Sy, Field::ConvCfg_Ox, Field::ConvCfg_Oy,
        Field::GroupConvCfg_NumGroups, Field::TileCfg_TileHeight})
    if (task.get(field) == 0) fail(fmt::format("{} is 0", h13::info(field).name));
}

// Registers that decide on the result: a bit without a name may mean anything.
void check_no_unknown_bits(const Task& task) {
  for (const Reg reg : {Reg::ChCfg, Reg::ConvCfg, Reg::ConvCfg3d, Reg::GroupConvCfg, Reg::PESrcCfg,
                        Reg::L2Cfg, Reg::SourceCfg, Reg::ResultCfg, Reg::PECfg, Reg::KernelCfg, Reg::MACCfg,
                        Reg::AccBias, Reg::PostScale})
    if (const uint32_t unknown = task[reg] & ~h13::known_bits(reg))
      fail(fmt::format("{} has bits 0x{:x} set, whose effect is not known", h13::info(reg).name, unknown));
}

// Parts of the DMA formats that no program uses.
void check_plain_formats(const Task& task) {
  for (const Field field :
       {Field::Src1Fmt_OffsetCh, Field::Src1Fmt_CmpVec, Field::Src1Fmt_Shift, Field::Src2Fmt_OffsetCh,
        Field::Src2Fmt_CmpVec, Field::Src2Fmt_Shift, Field::DstFmt_OffsetCh, Field::DstFmt_CmpVec,
        Field::DstFmt_CmpVecFill, Field::DstFmt_Shift})
    if (task.get(field))
      fail(fmt::format("{}.{} is set; what it does is not known", h13::info(h13::info(field).reg).name,
                       h13::info(field).name));
}

// Statements that must agree with each other.
void check_agreement(const Task& task, TaskType type) {
  const bool neural = type == TaskType::Neural;
  const uint32_t expected = neural ? task.get(Field::Cfg_ActiveNE) + 1 : 0;
  if (task.get(HeaderField::ENE) != expected)
    fail(fmt::format("header ENE is {} where {} belongs", task.get(HeaderField::ENE), expected));
  if (task.get(Field::Cfg_ActiveNE) > 4) fail("Cfg.ActiveNE names more than 16 engines");
  if (task.get(Field::ResultCfg_L2BfrMode) != task.get(Field::DstDMAConfig_L2BfrMode))
    fail("L2BfrMode differs between ResultCfg and the destination DMA");
  const bool streams = task.get(Field::ResultCfg_ResultType) != 0;
  if (streams && !task.get(Field::DstDMAConfig_En))
    fail("the result leaves L2, but the destination DMA is off");
  if (!streams && task.get(Field::DstDMAConfig_En))
    fail("the result stays in L2, but the destination DMA is on");
  if (task.get(Field::SourceCfg_Src2FromDma) != task.get(Field::Cfg_Src2Dma))
    fail("Cfg and SourceCfg disagree on where source 2 is");
  const bool reads_dram = task.get(Field::SourceCfg_SourceType) != 0 || task.get(Field::Cfg_Src2Dma);
  if (reads_dram != (task.get(Field::Src1DMAConfig_En) != 0))
    fail("Src1DMAConfig.En does not tell whether a source comes by DMA");
  if (task.get(HeaderField::SrcLoc) != task.get(Field::Src1DMAConfig_En))
    fail("header SrcLoc disagrees with the source DMA");
  if (task.get(HeaderField::DstLoc) != task.get(Field::DstDMAConfig_En))
    fail("header DstLoc disagrees with the destination DMA");
}

Shape input_shape(const Task& task) {
  return {number(task, Field::GroupConvCfg_NumGroups), number(task, Field::InDepth_Din),
          number(task, Field::Cin_Cin), number(task, Field::InDim_Hin), number(task, Field::InDim_Win)};
}

Shape output_shape(const Task& task, TaskType type, const Window& window) {
  Shape shape{number(task, Field::GroupConvCfg_NumGroups), number(task, Field::OutDepth_Dout),
              number(task, Field::Cout_Cout), number(task, Field::OutDim_Hout),
              number(task, Field::OutDim_Wout)};
  if (type == TaskType::Reduction || type == TaskType::TwoSourceReduction)
    shape.depth = shape.height = shape.width = 1;
  if (type == TaskType::Neural) shape.height *= window.outputs_y, shape.width *= window.outputs_x;
  return shape;
}

Window window_of(const Task& task) {
  Window window;
  window.width = number(task, Field::ConvCfg_Kw), window.height = number(task, Field::ConvCfg_Kh);
  window.stride_x = number(task, Field::ConvCfg_Sx), window.stride_y = number(task, Field::ConvCfg_Sy);
  window.pad_left = number(task, Field::ConvCfg_Px), window.pad_top = number(task, Field::ConvCfg_Py);
  window.outputs_x = number(task, Field::ConvCfg_Ox), window.outputs_y = number(task, Field::ConvCfg_Oy);
  return window;
}

Memory* buffer(const Slots& slots, uint32_t slot, bool enabled, const char* what) {
  if (!enabled) fail(fmt::format("{} comes by DMA, but its buffer is not enabled in the header", what));
  Memory* memory = slots[slot];
  if (!memory) fail(fmt::format("{} names buffer {}, which the program does not have", what, slot));
  return memory;
}

Operand dram_source(const Task& task, const Slots& slots) {
  Operand operand;
  operand.dram = true;
  operand.view.memory = buffer(slots, task.get(HeaderField::RBase0), task.get(HeaderField::RBE0), "source 1");
  operand.view.base = dram_bytes(task, Reg::Src1BaseAddr);
  operand.view.row = dram_bytes(task, Reg::Src1RowStride);
  operand.view.plane = dram_bytes(task, Reg::Src1PlaneStride);
  operand.view.depth = dram_bytes(task, Reg::Src1DepthStride);
  operand.view.group = dram_bytes(task, Reg::Src1GroupStride);
  operand.view.interleave = std::max<int64_t>(number(task, Field::Src1Fmt_Interleave), 1);
  operand.view.format = element_format(task.get(Field::Src1Fmt_MemFmt), "source 1");
  operand.dependency_mode = static_cast<int>(task.get(Field::Src1DMAConfig_DependencyMode));
  for (const Reg reg : {Reg::PixelOffset0, Reg::PixelOffset1, Reg::PixelOffset2, Reg::PixelOffset3})
    if (task[reg] != 0) fail(fmt::format("{} is set; what it does is not known", h13::info(reg).name));
  return operand;
}

Operand dram_source2(const Task& task, const Slots& slots) {
  Operand operand;
  operand.dram = true;
  operand.view.memory = buffer(slots, task.get(HeaderField::RBase1), task.get(HeaderField::RBE1), "source 2");
  operand.view.base = dram_bytes(task, Reg::Src2BaseAddr);
  operand.view.row = dram_bytes(task, Reg::Src2RowStride);
  operand.view.plane = dram_bytes(task, Reg::Src2PlaneStride);
  operand.view.depth = dram_bytes(task, Reg::Src2DepthStride);
  operand.view.group = dram_bytes(task, Reg::Src2GroupStride);
  operand.view.interleave = std::max<int64_t>(number(task, Field::Src2Fmt_Interleave), 1);
  operand.view.format = element_format(task.get(Field::Src2Fmt_MemFmt), "source 2");
  operand.dependency_mode = static_cast<int>(task.get(Field::Src2DMAConfig_DependencyMode));
  return operand;
}

View l2_source(const Task& task, Memory& l2) {
  View view;
  view.memory = &l2;
  view.base = l2_bytes(task, Reg::SourceBase, l2);
  view.row = l2_bytes(task, Reg::SourceRowStride, l2);
  view.plane = l2_bytes(task, Reg::SourceChannelStride, l2);
  view.depth = l2_bytes(task, Reg::SourceDepthStride, l2);
  view.group = l2_bytes(task, Reg::SourceGroupStride, l2);
  view.format = element_format(task.get(Field::ChCfg_InFmt), "source 1");
  return view;
}

View l2_source2(const Task& task, Memory& l2) {
  View view;
  view.memory = &l2;
  view.base = l2_bytes(task, Reg::Source2Base, l2);
  view.row = l2_bytes(task, Reg::Source2RowStride, l2);
  view.plane = l2_bytes(task, Reg::Source2ChannelStride, l2);
  view.depth = l2_bytes(task, Reg::Source2DepthStride, l2);
  view.group = l2_bytes(task, Reg::Source2GroupStride, l2);
  view.format = element_format(task.get(Field::ChCfg_Src2InFmt), "source 2");
  return view;
}

// The most source rows that one tile needs, windows beyond its edges included; what padding supplies takes
// none.
int64_t rows_of_tile(const Descriptor& descriptor, int64_t source_height) {
  const Window& window = descriptor.window;
  const int64_t height = descriptor.reduces() ? source_height : descriptor.output.height / window.outputs_y;
  const int64_t tile = descriptor.tile_height;
  int64_t most = 1;
  for (int64_t first = 0; first < height; first += tile) {
    const int64_t last = std::min(first + tile, height) - 1;
    const int64_t begin = std::max<int64_t>(0, first * window.stride_y - window.pad_top);
    const int64_t end = std::min(source_height, last * window.stride_y - window.pad_top + window.height);
    most = std::max(most, end - begin);
  }
  return most;
}

// The rows of L2 that a streamed source passes through.
Range ring_of(const Descriptor& descriptor, const View& view, const Shape& shape) {
  const int64_t rows = std::min(shape.height, rows_of_tile(descriptor, shape.height));
  const uint64_t end = view.base + static_cast<uint64_t>(rows) * view.row;
  if (view.plane == 0) fail("a streamed source has L2 channel stride 0, which wedges L2");
  if (end > view.memory->size())
    fail(fmt::format("a tile of {} rows of 0x{:x} bytes from 0x{:x} leaves L2", rows, view.row, view.base));
  return {view.base, end};
}

void set_source(const Task& task, const Slots& slots, Memory& l2, Descriptor& descriptor) {
  const uint32_t type = task.get(Field::SourceCfg_SourceType);
  if (type == 3) fail("SourceCfg.SourceType 3 is not known");
  const View in_l2 = l2_source(task, l2);
  Operand& source = descriptor.source;
  if (type == 0) {
    source.view = in_l2;
    if (task.get(Field::SourceCfg_DMAInterleave) > 1)
      fail("a source in L2 with interleaved channels is not known");
  } else {
    source = dram_source(task, slots);
  }
  source.shape = descriptor.input;
  source.relu = task.get(Field::L2Cfg_InputReLU) != 0;
  if (descriptor.engine() == Engine::Planar) {
    if (task.get(Field::PESrcCfg_Src1BcastW)) source.shape.width = 1;
    if (task.get(Field::PESrcCfg_Src1BcastH)) source.shape.height = 1;
    if (task.get(Field::PESrcCfg_Src1BcastD)) source.shape.depth = 1;
    if (task.get(Field::PESrcCfg_Src1BcastC)) source.shape.channels = 1;
    source.view.transposed = task.get(Field::PESrcCfg_Src1Transpose) != 0;
  }
  if (type == 1) descriptor.keep = in_l2;
  if (type == 2) descriptor.ring = ring_of(descriptor, in_l2, source.shape);
}

void set_source2(const Task& task, const Slots& slots, Memory& l2, Descriptor& descriptor) {
  const bool dram = task.get(Field::Cfg_Src2Dma) != 0;
  Operand source;
  if (dram)
    source = dram_source2(task, slots);
  else
    source.view = l2_source2(task, l2);
  source.shape = descriptor.input;
  source.relu = task.get(Field::L2Cfg_Src2ReLU) != 0;
  source.view.transposed = task.get(Field::PESrcCfg_Src2Transpose) != 0;
  if (task.get(Field::PESrcCfg_Src2BcastW)) source.shape.width = 1;
  if (task.get(Field::PESrcCfg_Src2BcastH)) source.shape.height = 1;
  if (task.get(Field::PESrcCfg_Src2BcastD)) source.shape.depth = 1;
  if (task.get(Field::PESrcCfg_Src2BcastC)) source.shape.channels = 1;
  if (descriptor.type == TaskType::GainOffset)  // an offset and a gain for each channel, in two rows
    source.shape.width = 1, source.shape.depth = 1, source.shape.height = 2;
  if (dram) descriptor.ring2 = ring_of(descriptor, l2_source2(task, l2), source.shape);
  descriptor.source2 = source;
}

void set_result(const Task& task, const Slots& slots, Memory& l2, Descriptor& descriptor) {
  View& view = descriptor.result;
  descriptor.result_in_dram = task.get(Field::DstDMAConfig_En) != 0;
  const uint64_t l2_base = l2_bytes(task, Reg::ResultBase, l2);
  if (descriptor.result_in_dram) descriptor.staging = Range{l2_base, l2_base + Memory::granule};
  if (descriptor.result_in_dram) {
    view.memory = buffer(slots, task.get(HeaderField::WBase), task.get(HeaderField::WBE), "the destination");
    view.base = dram_bytes(task, Reg::DstBaseAddr);
    view.row = dram_bytes(task, Reg::DstRowStride);
    view.plane = dram_bytes(task, Reg::DstPlaneStride);
    view.depth = dram_bytes(task, Reg::DstDepthStride);
    view.group = dram_bytes(task, Reg::DstGroupStride);
    view.interleave = std::max<int64_t>(number(task, Field::DstFmt_Interleave), 1);
    view.format = element_format(task.get(Field::DstFmt_MemFmt), "the destination");
  } else {
    if (task.get(Field::ResultCfg_DMAInterleave) > 1)
      fail("a result in L2 with interleaved channels is not known");
    view.memory = &l2;
    view.base = l2_base;
    view.row = l2_bytes(task, Reg::ResultRowStride, l2);
    view.plane = l2_bytes(task, Reg::ResultChannelStride, l2);
    view.depth = l2_bytes(task, Reg::ResultDepthStride, l2);
    view.group = l2_bytes(task, Reg::ResultGroupStride, l2);
    view.format = element_format(task.get(Field::ChCfg_OutFmt), "the result");
  }
  view.transposed = descriptor.engine() == Engine::Neural ? task.get(Field::Cfg_OutputTranspose) != 0
                                                          : task.get(Field::PESrcCfg_ResultTranspose) != 0;
}

void set_waits(const Task& task, Descriptor& descriptor) {
  const auto is_set = [&](Field field) { return task.get(field) != 0; };
  const uint32_t dependent = task.get(Field::SourceCfg_Dependent);
  if (dependent == 3) fail("SourceCfg.Dependent 3 is not known");
  descriptor.waits = {
      Waits{is_set(Field::SourceCfg_AliasConvRslt), is_set(Field::SourceCfg_AliasConvSrc), dependent == 1},
      Waits{is_set(Field::SourceCfg_AliasPlanarRslt), is_set(Field::SourceCfg_AliasPlanarSrc),
            dependent == 2}};
  descriptor.reads_dram = task.get(HeaderField::SrcLoc) != 0;
  descriptor.loads_ahead = task.get(HeaderField::SPL) != 0;
  descriptor.drains = task.get(HeaderField::DstLoc) && task.get(HeaderField::TSE);
  descriptor.result_waits = {
      Waits{is_set(Field::ResultCfg_AliasConvRslt), is_set(Field::ResultCfg_AliasConvSrc), false},
      Waits{is_set(Field::ResultCfg_AliasPlanarRslt), is_set(Field::ResultCfg_AliasPlanarSrc), false}};
}

// A result may replace a source element by element; any other overlap overwrites what is still to be read.
void check_overlap(const Descriptor& descriptor, const Operand& source) {
  if (source.view.memory != descriptor.result.memory || source.view == descriptor.result) return;
  const uint64_t granule = descriptor.result_in_dram ? dram_granule : l2_granule;
  if (share_bytes(extents_of(source.view, source.shape, granule),
                  extents_of(descriptor.result, descriptor.output, granule)))
    fail(fmt::format("the result overlaps a source that lies differently in {}", source.view.memory->name()));
}

// A result that streams through L2 must not begin inside of what the task still reads there.
void check_staging(const Descriptor& descriptor) {
  if (!descriptor.staging) return;
  const Range& staging = *descriptor.staging;
  const auto check = [&](const Extents& source) {
    if (share_bytes(source, Extents(staging.begin, staging.end - staging.begin, l2_granule)))
      fail(fmt::format("ResultBase 0x{:x} lies inside of the task's source in L2", staging.begin));
  };
  const auto check_ring = [&](const Range& ring) {
    check(Extents(ring.begin, ring.end - ring.begin, l2_granule));
  };
  const auto check_tensor = [&](const View& view, const Shape& shape) {
    check(extents_of(view, shape, l2_granule));
  };
  if (descriptor.ring) check_ring(*descriptor.ring);
  if (descriptor.ring2) check_ring(*descriptor.ring2);
  if (descriptor.keep) check_tensor(*descriptor.keep, descriptor.source.shape);
  if (!descriptor.source.dram) check_tensor(descriptor.source.view, descriptor.source.shape);
  if (descriptor.source2 && !descriptor.source2->dram)
    check_tensor(descriptor.source2->view, descriptor.source2->shape);
}

// L2's own description of what the DMA moves.
void check_dma_layout(const Descriptor& descriptor, const Task& task) {
  const auto check = [](const char* what, int64_t interleave, const View& view, int64_t size_class) {
    if (std::max<int64_t>(interleave, 1) != view.interleave)
      fail(fmt::format("{}.DMAInterleave is {}, but the DMA interleaves {} channels", what, interleave,
                       view.interleave));
    if (size_class != (bytes_of(view.format) == 2 ? 1 : 0))
      fail(fmt::format("{}.DMAFmt {} does not suit elements of {} bytes", what, size_class,
                       bytes_of(view.format)));
  };
  if (descriptor.source.dram)
    check("SourceCfg", number(task, Field::SourceCfg_DMAInterleave), descriptor.source.view,
          number(task, Field::SourceCfg_DMAFmt));
  if (descriptor.result_in_dram)
    check("ResultCfg", number(task, Field::ResultCfg_DMAInterleave), descriptor.result,
          number(task, Field::ResultCfg_DMAFmt));
}

void check_formats(const Descriptor& descriptor, const Task& task) {
  const auto in = element_format(task.get(Field::ChCfg_InFmt), "source 1");
  if (descriptor.source.view.format != in)
    fail("the source's format in memory is not the one the engine reads");
  const auto out = element_format(task.get(Field::ChCfg_OutFmt), "the result");
  if (descriptor.result.format != out) fail("the result's format in memory is not the one the engine writes");
  if (descriptor.source2 &&
      descriptor.source2->view.format != element_format(task.get(Field::ChCfg_Src2InFmt), "source 2"))
    fail("source 2's format in memory is not the one the engine reads");
}

// Every window must touch the image; what lies right of and below it is padding.
void check_windows(const Descriptor& descriptor) {
  const Window& window = descriptor.window;
  const auto outside = [](int64_t outputs, int64_t stride, int64_t step, int64_t pad, int64_t size,
                          int64_t kernel) {
    return (outputs - 1) * stride / step - pad >= size || pad >= kernel + (step - 1) * stride;
  };
  if (outside(descriptor.output.width, window.stride_x, window.outputs_x, window.pad_left,
              descriptor.input.width, window.width) ||
      outside(descriptor.output.height, window.stride_y, window.outputs_y, window.pad_top,
              descriptor.input.height, window.height))
    fail("a window lies wholly outside of the image");
}

}  // namespace

Descriptor describe(const Task& task, const Slots& slots, Memory& l2) {
  check_not_zero(task);
  check_no_unknown_bits(task);
  check_plain_formats(task);
  Descriptor descriptor;
  if (task.get(Field::Cfg_TaskType) > static_cast<uint32_t>(TaskType::TwoSourceReduction))
    fail(fmt::format("Cfg.TaskType {} is not known", task.get(Field::Cfg_TaskType)));
  descriptor.type = static_cast<TaskType>(task.get(Field::Cfg_TaskType));
  check_agreement(task, descriptor.type);
  descriptor.window = window_of(task);
  descriptor.input = input_shape(task);
  descriptor.output = output_shape(task, descriptor.type, descriptor.window);
  descriptor.engines = 1 << task.get(Field::Cfg_ActiveNE);
  descriptor.tile_height = number(task, Field::TileCfg_TileHeight);
  descriptor.pad_with_minimum = task.get(Field::L2Cfg_PaddingMode) == 1;
  set_waits(task, descriptor);
  set_source(task, slots, l2, descriptor);
  if (descriptor.type == TaskType::TwoSources || descriptor.type == TaskType::GainOffset ||
      descriptor.type == TaskType::TwoSourceReduction)
    set_source2(task, slots, l2, descriptor);
  set_result(task, slots, l2, descriptor);
  check_formats(descriptor, task);
  check_windows(descriptor);
  // Before anything is computed: all of the result and the sources must have their place.
  range_of(descriptor.source.view, descriptor.source.shape);
  if (descriptor.keep) range_of(*descriptor.keep, descriptor.source.shape);
  if (descriptor.source2) range_of(descriptor.source2->view, descriptor.source2->shape);
  range_of(descriptor.result, descriptor.output);
  check_overlap(descriptor, descriptor.source);
  if (descriptor.source2) check_overlap(descriptor, *descriptor.source2);
  check_staging(descriptor);
  check_dma_layout(descriptor, task);
  return descriptor;
}

}  // namespace ane::sim
