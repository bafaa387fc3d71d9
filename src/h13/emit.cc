// The words of each task, block by block. Constants without a name are those that stand in every captured
// task of the kind; docs/h13-rules.md lists them.
#include "h13/emit.h"

#include <algorithm>
#include <bit>
#include <set>

#include "base/error.h"
#include "base/half.h"
#include "h13/cost.h"
#include "h13/geometry.h"
#include "h13/pack.h"

namespace ane::h13 {

namespace {

constexpr uint32_t dma_read = 0x33881, dma_read_second = 0x33880, dma_off = 0x8880;
constexpr uint32_t dma_first_off = 0x8881;      // the first source lies in L2, the second comes by DMA
constexpr uint32_t dma_planned = 0x48880;       // described, but the data are in L2 already
constexpr uint32_t dma_read_first = 0x3bb81;    // the first of several tasks that stream the same data
constexpr uint32_t dma_read_last = 0x33b01;     // the last of them
constexpr uint32_t dma_read_written = 0x53901;  // waits for the write of an earlier task
constexpr uint32_t dma_write_fifo = 0x040000c1, dma_write_strided = 0xc1, dma_write_off = 0xc0;
constexpr uint32_t scratch_hint = 0x300;  // destination is scratch: kept in the system cache
constexpr uint32_t format_read = 0x01002031, format_read_second = 0x2030, format_off = 0x01000000;
constexpr uint32_t format_write = 0x01302031;
constexpr uint32_t format_of_bytes = 0x01000000, format_write_bytes = 0x01300000;
constexpr uint32_t scratch_slot = 3;

uint32_t u32(int64_t value) {
  return static_cast<uint32_t>(value);
}
uint32_t half_bits(float value) {
  return to_half(value).bits;
}
uint32_t pair(float high, float low) {
  return half_bits(high) << 16 | half_bits(low);
}

class Emitter {
 public:
  Emitter(EngineProgram& program, const Binding& binding, Bytes constants, const Compat& compat,
          const Target& target)
      : program_(program), binding_(binding), compat_(compat), target_(target) {
    result_.constants = std::move(constants);
    find_rereads();
  }

  Emitted run() {
    for (EngineOp& op : program_.ops) {
      std::visit([&](const auto& work) { emit_work(op, work); }, op.work);
      if (auto* work = std::get_if<Convolution>(&op.work)) work->weights = {};
    }
    finish_headers();
    return std::move(result_);
  }

 private:
  // ---- Pieces common to all tasks ----

  // A task with the operation's operands, no coefficients, and one row of output channels per input channel.
  Task begin(const EngineOp& op, const View& in, const View& out) {
    Task task;
    task[Reg::InDim] = u32(in.h << 16 | in.w);
    task[Reg::InDepth] = u32(in.d);
    task[Reg::ChCfg] = (op.source.bytes ? 0u : 2u) | (op.destination.bytes ? 0u : 0x20u);
    task[Reg::Cin] = u32(in.c);
    task[Reg::Cout] = u32(out.c);
    task[Reg::OutDim] = u32(out.h << 16 | out.w);
    task[Reg::OutDepth] = u32(out.d);
    task[Reg::ConvCfg] = 0x5000a021;
    task[Reg::ConvCfg3d] = 0x2041;
    task[Reg::GroupConvCfg] = 0x10000 | u32(in.g);
    task[Reg::TileCfg] = u32(op.place.tile);
    task[Reg::Unknown_13840] = 0x100;
    read_first(task, op);
    task[Reg::SourceCfg] = op.place.source_code;
    task[Reg::ResultCfg] = op.place.result_code;
    write_result(task, op);
    return task;
  }

  uint32_t slot(const View& view) const { return binding_.slots[static_cast<size_t>(view.buffer)]; }
  int64_t address(const View& view) const {
    return binding_.bases[static_cast<size_t>(view.buffer)] + view.offset;
  }

  // Did an earlier task write the buffer? Scratch, and outputs that later layers read too.
  bool was_written(const View& view) const { return written_.contains(view.buffer); }

  // Data that several tasks stream from a surface, each on its own: the first and the last of them say so.
  void find_rereads() {
    if (!compat_.reread_hints) return;
    for (size_t i = 0; i < program_.ops.size(); ++i) {
      const View& view = program_.ops[i].source;
      if (view.on_chip || slot(view) <= scratch_slot) continue;
      const int64_t begin = view.offset;
      for (size_t j = 0; j < i; ++j) {
        const View& other = program_.ops[j].source;
        if (other.on_chip || other.buffer != view.buffer || other.offset != begin) continue;
        first_reads_.insert(j);
        last_reads_.insert(i);
        last_reads_.erase(j);
      }
    }
  }

  uint32_t read_config(const View& view) const {
    const size_t index = result_.tasks.size();
    if (was_written(view)) return dma_read_written;
    if (last_reads_.contains(index)) return dma_read_last;
    if (first_reads_.contains(index)) return dma_read_first;
    return dma_read;
  }

  static uint32_t read_format(const View& view, uint32_t format) {
    if (view.bytes) return format_of_bytes;
    return (format & ~0xf000000u) | static_cast<uint32_t>(view.interleave) << 24;
  }

  void describe_source(Task& task, const View& view, int64_t at) {
    task.set(HeaderField::RBase0, slot(view));
    task.set(HeaderField::RBE0, 1);
    task[Reg::Src1BaseAddr] = u32(at);
    task[Reg::Src1RowStride] = u32(view.stride_h);
    task[Reg::Src1PlaneStride] = u32(view.stride_c);
    task[Reg::Src1DepthStride] = u32(view.image_bytes);
    task[Reg::Src1GroupStride] =
        compat_.group_strides ? u32(view.stride_g ? view.stride_g : view.image_bytes) : 0;
    task[Reg::Src1Fmt] = read_format(view, format_read);
  }

  void read_first(Task& task, const EngineOp& op) {
    const L2Operand& place = op.place.source;
    task[Reg::SourceBase] = u32(place.base);
    task[Reg::SourceChannelStride] = u32(place.channel);
    task[Reg::SourceRowStride] = u32(place.row);
    task[Reg::SourceDepthStride] = u32(place.depth);
    task[Reg::SourceGroupStride] = u32(place.group);
    task[Reg::Src2DMAConfig] = dma_off;
    if (op.source.on_chip) {
      task[Reg::Src1DMAConfig] = dma_off;
      task[Reg::Src1Fmt] = format_off;
      if (op.planned_source) {
        task[Reg::Src1DMAConfig] = dma_planned;
        describe_source(task, *op.planned_source, 0);
      }
      return;
    }
    task[Reg::Src1DMAConfig] = read_config(op.source);
    describe_source(task, op.source, address(op.source));
  }

  void read_second(Task& task, const EngineOp& op) {
    const View& view = *op.source2;
    const L2Operand& place = op.place.source2;
    task[Reg::ChCfg] |= 8;
    task[Reg::Source2Base] = u32(place.base);
    task[Reg::Source2ChannelStride] = u32(place.channel);
    task[Reg::Source2RowStride] = u32(place.row);
    task[Reg::Source2DepthStride] = u32(place.depth);
    task[Reg::Source2GroupStride] = u32(place.group);
    if (view.on_chip) return;
    task.set(HeaderField::RBase1, slot(view));
    task.set(HeaderField::RBE1, 1);
    task[Reg::Src2DMAConfig] = dma_read_second;
    task[Reg::Src2BaseAddr] = u32(address(view));
    task[Reg::Src2RowStride] = u32(view.stride_h);
    task[Reg::Src2PlaneStride] = u32(view.stride_c);
    task[Reg::Src2DepthStride] = u32(view.image_bytes);
    task[Reg::Src2GroupStride] = compat_.group_strides ? task[Reg::Src2DepthStride] : 0;
    task[Reg::Src2Fmt] = format_read_second;
    if (op.source.on_chip) {
      task[Reg::Src1DMAConfig] = dma_first_off;
      task[Reg::Src1Fmt] = format_off | 1;
    } else if (was_written(view)) {
      task[Reg::Src1DMAConfig] = dma_read_written;
    }
  }

  void describe_destination(Task& task, const View& view, int64_t at) {
    task.set(HeaderField::WBase, slot(view));
    task.set(HeaderField::WBE, 1);
    task[Reg::DstBaseAddr] = u32(at);
    task[Reg::DstRowStride] = u32(view.stride_h);
    task[Reg::DstPlaneStride] = u32(view.stride_c == 2 ? view.stride_h : view.stride_c);
    task[Reg::DstDepthStride] = u32(view.image_bytes);
    task[Reg::DstGroupStride] =
        compat_.group_strides ? u32(view.stride_g ? view.stride_g : view.image_bytes) : 0;
    task[Reg::DstFmt] = view.bytes
                            ? format_write_bytes
                            : (format_write & ~0xf000000u) | static_cast<uint32_t>(view.interleave) << 24;
  }

  void write_result(Task& task, const EngineOp& op) {
    const L2Operand& place = op.place.result;
    task[Reg::ResultBase] = u32(place.base);
    if (op.destination.on_chip || op.place.result_strided) {
      task[Reg::ResultChannelStride] = u32(place.channel);
      task[Reg::ResultRowStride] = u32(place.row);
      task[Reg::ResultDepthStride] = u32(place.depth);
      task[Reg::ResultGroupStride] = u32(place.group);
    }
    if (op.destination.on_chip) {
      task[Reg::DstDMAConfig] = dma_write_off;
      task[Reg::DstFmt] = format_off;
      if (op.planned_destination) describe_destination(task, *op.planned_destination, 0);
      return;
    }
    task[Reg::DstDMAConfig] = op.place.result_strided ? dma_write_strided : dma_write_fifo;
    if (slot(op.destination) == scratch_slot) task[Reg::DstDMAConfig] |= scratch_hint;
    // Seen where a product of tensors is written as a kernel (chain_attn_*, chain_block); meaning open.
    if (std::holds_alternative<Elementwise>(op.work) && op.destination.interleave > 1)
      task[Reg::DstDMAConfig] |= 0x1080000;
    describe_destination(task, op.destination, address(op.destination));
  }

  void neural(Task& task, int engines_log2) {
    task.set(HeaderField::ENE, static_cast<uint64_t>(engines_log2 + 1));
    task.set(Field::Cfg_ActiveNE, static_cast<uint64_t>(engines_log2));
    task[Reg::TaskInfo] = 0x100000;
    task[Reg::PostScale] = 0x3c00;
  }

  static uint32_t patch_preferences(const Placement& place) {
    return static_cast<uint32_t>(place.shape_max << 16 | place.shape_min << 12 | place.shape_preferred << 8);
  }

  // KernelCfg and MACCfg of a pass without weights.
  void bypass_words(Task& task, uint32_t mode, Activation activation, const EngineOp& op) {
    const uint32_t nonlinear = activation == Activation::Relu ? 1 : activation == Activation::Lookup ? 2 : 0;
    // Bytes are no format of the kernel's.
    const bool formatted = compat_.bypass_has_kernel_format && !op.source.bytes;
    task[Reg::KernelCfg] = formatted ? 0x82 : 0x80;
    task[Reg::MACCfg] = (formatted ? 0x101c00u : 0x100000u) | nonlinear << 16 | mode;
    if (op.place.signals_planar) task[Reg::KernelCfg] |= 0x1000;
  }

  void planar(Task& task, const EngineOp& op) {
    task[Reg::PatchCfg] = static_cast<uint32_t>(op.place.patch_height << 4 | op.place.patch_width);
    task[Reg::BiasScale] = 0x3c000000;
    task[Reg::PreScale] = 0x3c000000;
    task[Reg::FinalScale] = 0x3f800000;
    if (compat_.kernel_words_in_pe_tasks) {
      task[Reg::KernelCfg] = 0x80;
      task[Reg::MACCfg] = 0x100000;
    }
    if (op.place.signals_planar) task[Reg::KernelCfg] |= 0x1000;
    if (op.place.waits_for_planar) task[Reg::KernelCfg] |= 0x4000;
    if (!compat_.unknown_13840_in_pe) task[Reg::Unknown_13840] = 0;
    if (!compat_.planar_zero_pad) task[Reg::DstFmt] &= ~0x300000u;
  }

  // Which operands are shorter than the iteration, and which are vectors of one value per channel.
  static uint32_t operand_shapes(const EngineOp& op) {
    const View all = iteration(op);
    const auto shorter = [&](const View& view) {
      return (view.w < all.w ? 1u : 0u) | (view.h < all.h ? 2u : 0u) | (view.d < all.d ? 4u : 0u) |
             (view.c < all.c ? 8u : 0u);
    };
    const bool row_result = op.destination.stride_c == 2 && op.destination.c > 1;
    uint32_t bits = row_result ? 0x400 : 0;
    bits |= shorter(op.source) | (is_vector(op.source) ? 0x100u : 0u);
    if (op.source2) bits |= shorter(*op.source2) << 4 | (is_vector(*op.source2) ? 0x200u : 0u);
    return bits;
  }

  // Cfg of a planar task: which sources there are and which of them come by DMA, and the kind of work (bits
  // 7:4).
  static uint32_t planar_sources(const EngineOp& op, uint32_t kind) {
    const bool dma2 = op.source2 && !op.source2->on_chip;
    const bool first = !dma2 || !op.source.on_chip;
    return kind << 4 | (dma2 ? 2u : 0u) | (first ? 1u : 0u);
  }

  // The kernel DMA block of a task without coefficients.
  void no_coefficients(Task& task, bool planar_task) {
    const bool fill = !planar_task || compat_.kernel_words_in_pe_tasks;
    if (fill) {
      for (int i = 0; i < target_.engines; ++i) {
        task[Reg::CoeffDMAConfig0 + i] = 0x80;
        task[Reg::CoeffBfrSize0 + i] = 0x40;
      }
      special_streams(task);
    }
    task.set_records(records_of(compat_.short_tasks ? Layout::Short : Layout::Full));
  }

  void special_streams(Task& task) {
    for (int i = 0; i < 4; ++i) {
      task[Reg::BiasDMAConfig + i] = 0x80;
      task[Reg::BiasBfrSize + i] = compat_.stream_sizes ? 0x40 : 0;
    }
  }

  // Blocks lie `distance` apart: 0 for one that all engines read; nothing: back to back.
  void kernel_streams(Task& task, uint32_t from, int64_t offset, const std::vector<int64_t>& sizes,
                      bool sparse, std::optional<int64_t> distance) {
    task.set(HeaderField::KBase0, from);
    task.set(HeaderField::KBE0, 1);
    task[Reg::MasterConfig] = sparse ? 0x60 : 0x40;
    const int used = static_cast<int>(sizes.size());
    for (int i = 0; i < target_.engines; ++i) {
      task[Reg::CoeffDMAConfig0 + i] = i < used ? 0x81 : 0x80;
      task[Reg::CoeffBaseAddr0 + i] = i < used ? u32(offset) : 0;
      task[Reg::CoeffBfrSize0 + i] = i < used ? u32(sizes[static_cast<size_t>(i)]) : 0x40;
      if (i < used) offset += distance.value_or(sizes[static_cast<size_t>(i)]);
    }
    special_streams(task);
    task.set_records(records_of(Layout::Full));
  }

  // Appends what `pack` makes to the constants and points the engines at it. `shared`: all read the first
  // block.
  template <typename Pack>
  void coefficients(Task& task, Pack pack, bool sparse, bool shared) {
    const int64_t offset = round_up(static_cast<int64_t>(result_.constants.size()), target_.dma_alignment);
    result_.constants.resize(static_cast<size_t>(offset));
    const BlockSizes sizes = pack(result_.constants);
    kernel_streams(task, 1, offset, sizes, sparse, shared ? std::optional<int64_t>(0) : std::nullopt);
  }

  void table(Task& task, const Table& words, int64_t engines) {
    coefficients(
        task, [&](Bytes& constants) { return pack_table(words, engines, constants); }, false, true);
  }

  // Coefficients from DRAM as an earlier task, or the user, has left them.
  void runtime_coefficients(Task& task, const Convolution& work) {
    const View& kernel = *work.kernel;
    const auto used = static_cast<size_t>(std::min<int64_t>(target_.engines, kernel.c));
    const std::vector<int64_t> sizes(used, round_up(kernel.w * kernel.interleave * 2, target_.dma_alignment));
    task[Reg::KernelCfg] |= 0x10000;
    kernel_streams(task, slot(kernel), address(kernel), sizes, false, kernel.stride_c);
    if (slot(kernel) != scratch_slot) return;
    task.set(HeaderField::TDE, 1);
    task.set(HeaderField::DTID, writer_of(kernel));
  }

  // Does a result in DRAM have a byte in [begin, end) of its buffer?
  static bool writes_into(const View& to, int64_t begin, int64_t end) {
    const int64_t row = to.w * to.interleave * (to.bytes ? 1 : 2);
    const int64_t blocks = (to.c + to.interleave - 1) / to.interleave;
    const int64_t group = to.stride_g ? to.stride_g : to.image_bytes;
    for (int64_t g = 0; g < to.g; ++g)
      for (int64_t d = 0; d < to.d; ++d)
        for (int64_t c = 0; c < blocks; ++c)
          for (int64_t h = 0; h < to.h; ++h) {
            const int64_t at = to.offset + g * group + d * to.image_bytes + c * to.stride_c + h * to.stride_h;
            if (at < end && begin < at + row) return true;
          }
    return false;
  }

  // The last task that wrote any of the coefficients.
  uint64_t writer_of(const View& kernel) const {
    const int64_t bytes = kernel.w * kernel.interleave * 2;
    for (size_t task = result_.tasks.size(); task-- > 0;) {
      const View& to = program_.ops[task].destination;
      if (to.on_chip || to.buffer != kernel.buffer) continue;
      for (int64_t block = 0; block * kernel.interleave < kernel.c; ++block) {
        const int64_t at = kernel.offset + block * kernel.stride_c;
        if (writes_into(to, at, at + bytes)) return task;
      }
    }
    throw InternalError("emit: coefficients in scratch that no task has written");
  }

  void push(Task task, const EngineOp& op) {
    if (!op.destination.on_chip) written_.insert(op.destination.buffer);
    result_.tasks.push_back(std::move(task));
  }

  // ---- One operation each ----

  void emit_work(const EngineOp& op, const Convolution& work) {
    View out = op.destination;
    if (work.transpose) out.w = op.source.w, out.h = op.source.h, out.c = op.destination.w;
    Task task = begin(op, op.source, out);
    task[Reg::GroupConvCfg] = 0x10001;
    const int cap = lane_cap(work, op.source, target_);
    neural(task, ceil_log2(std::min<int64_t>(target_.engines, out.c)));
    convolution_shape(task, op, work, out.c, cap);
    task[Reg::Cfg] |= 1u | patch_preferences(op.place) | (op.place.small ? 4u : 0u);
    if (work.transpose) task.set(Field::Cfg_OutputTranspose, 1);
    task[Reg::KernelCfg] = is_sparse(work) ? 0x182 : 0x82;
    const uint32_t nonlinear = work.activation == Activation::Relu     ? 1
                               : work.activation == Activation::Lookup ? 2
                                                                       : 0;
    task[Reg::MACCfg] = 0x101c00u | (work.bias ? 0x10u : 0u) | nonlinear << 16;
    task[Reg::PostScale] = half_bits(work.scale);
    if (work.kernel) {
      runtime_coefficients(task, work);
    } else {
      const int64_t per_group = work.form == Convolution::Form::Depthwise ? 1
                                : work.form == Convolution::Form::Grouped ? op.source.c / work.groups
                                                                          : op.source.c;
      coefficients(
          task,
          [&](Bytes& constants) { return pack_kernel(work, per_group, out.c, cap, target_, constants); },
          is_sparse(work), false);
    }
    push(std::move(task), op);
  }

  // Bit 26 of Cfg: a second set of accumulators, where the lanes leave room for one.
  void double_buffer(Task& task, int64_t lanes) const {
    if (compat_.accumulator_double_buffer && 2 * lanes <= target_.accumulators)
      task.set(Field::Cfg_AccDoubleBufEn, 1);
  }

  void convolution_shape(Task& task, const EngineOp& op, const Convolution& work, int64_t channels, int cap) {
    const int64_t engines = std::min<int64_t>(target_.engines, channels);
    int64_t lanes = lane_chunks(channels, cap, target_)[0];
    if (work.form == Convolution::Form::Grouped) {
      task[Reg::Cin] = u32(op.source.c / work.groups);
      task[Reg::Cout] = u32(channels / work.groups);
      task[Reg::GroupConvCfg] = 0x10000 | u32(work.groups);
      lanes = std::max<int64_t>(1, channels / work.groups / engines);
      if (compat_.group_strides) {
        task[Reg::Src1GroupStride] = u32(op.source.stride_c * op.source.c / work.groups);
        task[Reg::DstGroupStride] = u32(op.destination.stride_c * op.destination.c / work.groups);
      }
    } else if (work.form == Convolution::Form::Depthwise) {
      task[Reg::GroupConvCfg] = 0x14001;
      lanes = 1;
    }
    lanes = std::max(lanes, work.widest_lanes);
    double_buffer(task, lanes);
    task.set(Field::ConvCfg_Kw, static_cast<uint64_t>(work.kernel_width));
    task.set(Field::ConvCfg_Kh, static_cast<uint64_t>(work.kernel_height));
    task.set(Field::ConvCfg_OCGSize, static_cast<uint64_t>(ceil_log2(lanes)));
    task.set(Field::ConvCfg_Sx, static_cast<uint64_t>(work.stride));
    task.set(Field::ConvCfg_Sy, static_cast<uint64_t>(work.stride));
    task.set(Field::ConvCfg_Px, static_cast<uint64_t>(work.pad_left));
    task.set(Field::ConvCfg_Py, static_cast<uint64_t>(work.pad_top));
  }

  void emit_work(const EngineOp& op, const Bypass& work) {
    Task task = begin(op, op.source, op.source);
    const int channels = std::min(4, ceil_log2(op.source.c));
    // A transposed result has columns as channels; at least eight engines write it.
    neural(task, work.transpose ? std::clamp(ceil_log2(op.source.w), 3, 4) : channels);
    task[Reg::GroupConvCfg] = 0x14001;
    task[Reg::Cfg] |= 1u | bypass_patches(op);
    double_buffer(task, 1);
    const bool scaled_sum = work.bias != 0;
    bypass_words(task, scaled_sum ? 0x8 : 0xc, work.activation, op);
    task[Reg::PostScale] = half_bits(work.scale);
    task[Reg::AccBias] = scaled_sum ? half_bits(work.bias) : 0;
    if (scaled_sum) task[Reg::DPE] = 1;
    if (work.transpose) task.set(Field::Cfg_OutputTranspose, 1);
    if (work.table) {
      // Engines without a channel of their own need no table.
      const int users = std::min(static_cast<int>(task.get(Field::Cfg_ActiveNE)), channels);
      table(task, *work.table, int64_t{1} << users);
    } else {
      no_coefficients(task, false);
    }
    push(std::move(task), op);
  }

  // Patch preferences of a pass without weights. The older compiler wants two rows, and insists where they
  // fit.
  uint32_t bypass_patches(const EngineOp& op) const {
    if (!compat_.two_row_patches) return patch_preferences(op.place);
    const uint32_t preferred = std::max(static_cast<uint32_t>(op.place.shape_max), 1u);
    return preferred << 16 | preferred << 8 | (2 * op.source.w <= 128 ? 1u : 0u) << 12;
  }

  void emit_work(const EngineOp& op, const ChannelReduce& work) {
    View out = op.source;
    out.c = 1;
    Task task = begin(op, op.source, out);
    task[Reg::GroupConvCfg] = 0x10001;
    neural(task, 0);
    task[Reg::Cfg] |= 1u | patch_preferences(op.place) | (op.place.small ? 4u : 0u);
    if (work.maximum) {
      task[Reg::GroupConvCfg] = u32(op.source.c << 16) | 0x4001;
      task[Reg::L2Cfg] = 4;
      bypass_words(task, 0xb, Activation::None, op);
    } else {
      bypass_words(task, 0x8, work.table ? Activation::Lookup : Activation::None, op);
      task[Reg::DPE] = 1;
    }
    if (work.table)
      table(task, *work.table, 1);
    else
      no_coefficients(task, false);
    push(std::move(task), op);
  }

  // Words and coefficients of less_bool_rr_1x64x1x1: each engine has the table and, for every channel of its
  // own, the weights 1 and -1 as signed bytes.
  void emit_work(const EngineOp& op, const Comparison& work) {
    Task task = begin(op, op.source, op.destination);
    neural(task, 4);
    task[Reg::GroupConvCfg] = 0x24001;
    task[Reg::Cfg] |= 1u | patch_preferences(op.place);
    task[Reg::KernelCfg] = 0x81;
    task[Reg::MACCfg] = 0x120000;
    coefficients(
        task,
        [&](Bytes& constants) { return pack_differences(work.table, op.destination.c, target_, constants); },
        false, false);
    push(std::move(task), op);
  }

  Task begin_planar(const EngineOp& op, uint32_t kind) {
    const View all = iteration(op);
    Task task = begin(op, all, all);
    planar(task, op);
    if (op.source2) read_second(task, op);
    task[Reg::Cfg] |= planar_sources(op, kind);
    task[Reg::PESrcCfg] = operand_shapes(op);
    return task;
  }

  void emit_work(const EngineOp& op, const Elementwise& work) {
    Task task = begin_planar(op, 3);
    task[Reg::PECfg] = elementwise_code(work.op) | (work.relu ? 0x20u : 0u);
    task[Reg::BiasScale] = pair(work.scale, 0);
    if (work.second_relu) task[Reg::L2Cfg] = 0x10;
    no_coefficients(task, true);
    push(std::move(task), op);
  }

  static uint32_t elementwise_code(aneir::ElementWiseOp op) {
    switch (op) {
      case aneir::ElementWiseOp::Add:
        return 0x80000;
      case aneir::ElementWiseOp::Sub:
        return 0xc0000;
      case aneir::ElementWiseOp::Mult:
        return 0x80004;
      case aneir::ElementWiseOp::Max:
        return 0x80008;
      case aneir::ElementWiseOp::Min:
        return 0x8000c;
      default:
        throw InternalError("emit: an elementwise operation that the engine does not have");
    }
  }

  void emit_work(const EngineOp& op, const Scalar& work) {
    Task task = begin_planar(op, 2);
    task[Reg::PECfg] = (work.absolute ? 0x40u : 0u) | (work.relu ? 0x20u : 0u);
    task[Reg::BiasScale] = pair(work.scale, work.offset);
    no_coefficients(task, true);
    push(std::move(task), op);
  }

  // The second source is named by its rows alone: one value for all channels, or one for each.
  void emit_work(const EngineOp& op, const GainOffset& work) {
    Task task = begin_planar(op, 4);
    const bool one = op.source2->c == 1 && op.source.c > 1;
    task[Reg::PESrcCfg] = (task[Reg::PESrcCfg] & ~0x2f0u) | (one ? 0x80u : 0x200u);
    task[Reg::PECfg] = work.subtract ? 0xc0000 : 0x80000;
    no_coefficients(task, true);
    push(std::move(task), op);
  }

  void emit_work(const EngineOp& op, const PlaneReduce& work) {
    Task task = begin_planar(op, op.source2 ? 6 : 5);
    const bool maximum = work.type == aneir::ReductionType::Max;
    const bool squares = work.type == aneir::ReductionType::MeanSquare;
    task[Reg::PECfg] = (maximum ? 2u : 0u) | (squares ? 0x2010u : 0u) | (op.source2 ? 0x90000u : 0u) |
                       (work.reciprocal ? 0x1000u : 0u);
    if (maximum) task[Reg::L2Cfg] = 4;
    if (squares) task[Reg::PreScale] = pair(1, work.epsilon);
    if (squares || work.type == aneir::ReductionType::Mean)
      task[Reg::FinalScale] = std::bit_cast<uint32_t>(1.0f / static_cast<float>(work.elements));
    no_coefficients(task, true);
    push(std::move(task), op);
  }

  void emit_work(const EngineOp& op, const WindowPool& work) {
    Task task = begin(op, op.source, op.destination);
    planar(task, op);
    task[Reg::Cfg] |= 0x11;
    task.set(Field::ConvCfg_Kw, static_cast<uint64_t>(work.kernel_width));
    task.set(Field::ConvCfg_Kh, static_cast<uint64_t>(work.kernel_height));
    task.set(Field::ConvCfg_Sx, static_cast<uint64_t>(work.stride_x));
    task.set(Field::ConvCfg_Sy, static_cast<uint64_t>(work.stride_y));
    task.set(Field::ConvCfg_Px, static_cast<uint64_t>(work.pad_left));
    task.set(Field::ConvCfg_Py, static_cast<uint64_t>(work.pad_top));
    task[Reg::PECfg] = work.maximum ? 2 : 1;
    task[Reg::L2Cfg] = work.maximum ? 4 : 0;
    if (!work.maximum)
      task[Reg::FinalScale] =
          std::bit_cast<uint32_t>(1.0f / static_cast<float>(work.kernel_width * work.kernel_height));
    no_coefficients(task, true);
    push(std::move(task), op);
  }

  // ---- Header words that depend on the neighbours ----

  void finish_headers() {
    std::vector<Task>& tasks = result_.tasks;
    for (size_t i = 0; i < tasks.size(); ++i) {
      Task& task = tasks[i];
      const EngineOp& op = program_.ops[i];
      const bool first = i == 0, last = i + 1 == tasks.size();
      task.header[2] = 0x400 | (first && compat_.log_first_task ? 0x8u : 0u) | (last ? 0x22u : 0u);
      task.header[4] = debug_events(task, op) | (last ? 0x6au : first ? 0x68u : 0u);
      const bool reads = task[Reg::Src1DMAConfig] & 1, writes = task[Reg::DstDMAConfig] & 1;
      const bool next_reads = last || (tasks[i + 1][Reg::Src1DMAConfig] & 1);
      const bool drained = first || (tasks[i - 1].header[6] & 0x8000);
      const bool ahead = op.planned_source || (!op.source.on_chip && drained);
      task.header[6] = (reads ? 0x10000000u : 0u) | (ahead ? 0x800u : 0u) |
                       (op.planned_source ? 0x2000u : 0u) | (op.planned_destination ? 0xd000u : 0u) |
                       (writes ? 0x20000000u : 0u) | (writes && next_reads ? 0x9000u : 0u) |
                       (task[Reg::KernelCfg] & 0x1000 ? 0x100u : 0u) |
                       (task.get(HeaderField::TDE) ? 0x1000000u : 0u);
      if (compat_.time_estimate) task.header[1] |= time_estimate(op, task, target_);
    }
  }

  // Debug mask: nothing for a plain copy, fewer events for tables of roots and reciprocals.
  static uint32_t debug_events(const Task& task, const EngineOp& op) {
    const bool neural_task = task[Reg::TaskInfo] != 0;
    const uint32_t mac = task[Reg::MACCfg];
    if (!neural_task) return 0xfff800;
    if ((mac & 0xf) == 0xc && (mac & 0x30000) == 0) return 0;
    return looks_up_root(op) ? 0xffd800 : 0xfff800;
  }

  static bool looks_up_root(const EngineOp& op) {
    const std::optional<Table>* table = nullptr;
    if (const auto* work = std::get_if<Bypass>(&op.work)) table = &work->table;
    if (const auto* work = std::get_if<ChannelReduce>(&op.work)) table = &work->table;
    return table && *table && is_root_table(**table);
  }

  EngineProgram& program_;
  const Binding& binding_;
  const Compat& compat_;
  const Target& target_;
  Emitted result_;
  std::set<int> written_;                      // buffers that tasks so far wrote
  std::set<size_t> first_reads_, last_reads_;  // tasks that stream the same data
};

}  // namespace

size_t coefficient_room(const EngineProgram& program, const Target& target) {
  int64_t bytes = 0;
  for (const EngineOp& op : program.ops) {
    const auto* work = std::get_if<Convolution>(&op.work);
    const int64_t planes = work && work->form == Convolution::Form::Grouped ? work->groups : 1;
    bytes += target.engines * (planes * target.dma_alignment + static_cast<int64_t>(sizeof(Table)));
    if (work && !work->kernel) bytes += cost(op, target).coefficient_bytes;
  }
  return static_cast<size_t>(bytes);
}

Emitted emit(EngineProgram& program, const Binding& binding, Bytes constants, const Compat& compat,
             const Target& target) {
  return Emitter(program, binding, std::move(constants), compat, target).run();
}

}  // namespace ane::h13
