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
constexpr uint32_t dma_read_written = 0x53901;  // waits for the write of an earlier task
constexpr uint32_t dma_write_fifo = 0x040000c1, dma_write_strided = 0xc1, dma_write_off = 0xc0;
constexpr uint32_t scratch_hint = 0x300;  // destination is scratch: kept in the system cache
constexpr uint32_t format_read = 0x01002031, format_read_second = 0x2030, format_off = 0x01000000;
constexpr uint32_t format_write = 0x01302031;
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
  Emitter(const EngineProgram& program, const Binding& binding, Bytes constants, const Compat& compat,
          const Target& target)
      : program_(program), binding_(binding), compat_(compat), target_(target) {
    result_.constants = std::move(constants);
  }

  Emitted run() {
    for (const EngineOp& op : program_.ops)
      std::visit([&](const auto& work) { emit_work(op, work); }, op.work);
    finish_headers();
    return std::move(result_);
  }

 private:
  // ---- Pieces common to all tasks ----

  // A task with the operation's surfaces, no coefficients, and one row of output channels per input channel.
  Task begin(const View& source, const View& destination, const Geometry& g) {
    Task task;
    task[Reg::InDim] = u32(source.h << 16 | source.w);
    task[Reg::InDepth] = 1;
    task[Reg::ChCfg] = 0x22;
    task[Reg::Cin] = u32(source.c);
    task[Reg::Cout] = u32(destination.c);
    task[Reg::OutDim] = u32(destination.h << 16 | destination.w);
    task[Reg::OutDepth] = 1;
    task[Reg::ConvCfg] = 0x5000a021;
    task[Reg::ConvCfg3d] = 0x2041;
    task[Reg::GroupConvCfg] = 0x10001;
    task[Reg::TileCfg] = u32(g.tile);
    read_from(task, source);
    task[Reg::Unknown_13840] = 0x100;
    l2_source(task, g.source);
    task[Reg::ResultBase] = u32(g.result.base);
    const bool first = result_.tasks.empty();
    task[Reg::SourceCfg] = first || reuses_l2_ ? 0x500172 : 0x172;
    task[Reg::ResultCfg] = first ? 0x50017a : 0x17a;
    reuses_l2_ = false;
    write_to(task, destination, g);
    return task;
  }

  uint32_t slot(const View& view) const { return binding_.slots[static_cast<size_t>(view.buffer)]; }
  int64_t address(const View& view) const {
    return binding_.bases[static_cast<size_t>(view.buffer)] + view.offset;
  }

  void read_from(Task& task, const View& view) {
    task.set(HeaderField::RBase0, slot(view));
    task.set(HeaderField::RBE0, 1);
    task[Reg::Src1DMAConfig] = was_written(view) ? dma_read_written : dma_read;
    task[Reg::Src2DMAConfig] = dma_off;
    task[Reg::Src1BaseAddr] = u32(address(view));
    task[Reg::Src1RowStride] = u32(view.stride_h);
    task[Reg::Src1PlaneStride] = u32(view.stride_c);
    task[Reg::Src1DepthStride] = u32(view.image_bytes);
    task[Reg::Src1GroupStride] = compat_.group_strides ? task[Reg::Src1DepthStride] : 0;
    task[Reg::Src1Fmt] = format_read;
  }

  // Did an earlier task write the buffer? Scratch, and outputs that later layers read too.
  bool was_written(const View& view) const { return written_.contains(view.buffer); }

  void read_second_from(Task& task, const View& view) {
    task.set(HeaderField::RBase1, slot(view));
    task.set(HeaderField::RBE1, 1);
    task[Reg::Src2DMAConfig] = dma_read_second;
    task[Reg::Src2BaseAddr] = u32(address(view));
    task[Reg::Src2RowStride] = u32(view.stride_h);
    task[Reg::Src2PlaneStride] = u32(view.stride_c);
    task[Reg::Src2DepthStride] = u32(view.image_bytes);
    task[Reg::Src2GroupStride] = compat_.group_strides ? task[Reg::Src2DepthStride] : 0;
    task[Reg::Src2Fmt] = format_read_second;
  }

  void write_to(Task& task, const View& view, const Geometry& g) {
    task.set(HeaderField::WBase, slot(view));
    task.set(HeaderField::WBE, 1);
    task[Reg::DstDMAConfig] = g.result_strided ? dma_write_strided : dma_write_fifo;
    if (slot(view) == scratch_slot) task[Reg::DstDMAConfig] |= scratch_hint;
    task[Reg::DstBaseAddr] = u32(address(view));
    task[Reg::DstRowStride] = u32(view.stride_h);
    task[Reg::DstPlaneStride] = u32(view.stride_c);
    task[Reg::DstDepthStride] = u32(view.image_bytes);
    task[Reg::DstGroupStride] = compat_.group_strides ? task[Reg::DstDepthStride] : 0;
    task[Reg::DstFmt] = format_write;
    if (!g.result_strided) return;
    task[Reg::ResultCfg] = (task[Reg::ResultCfg] & ~0xfu) | 2;
    task[Reg::ResultChannelStride] = u32(g.result.channel);
    task[Reg::ResultRowStride] = u32(g.result.row);
    task[Reg::ResultDepthStride] = u32(g.result.depth);
    task[Reg::ResultGroupStride] = u32(g.result.depth);
  }

  void l2_source(Task& task, const L2Operand& operand) {
    task[Reg::SourceBase] = u32(operand.base);
    task[Reg::SourceChannelStride] = u32(operand.channel);
    task[Reg::SourceRowStride] = u32(operand.row);
    task[Reg::SourceDepthStride] = u32(operand.depth);
    task[Reg::SourceGroupStride] = u32(operand.depth);
  }

  void neural(Task& task, int engines_log2) {
    task.set(HeaderField::ENE, static_cast<uint64_t>(engines_log2 + 1));
    task.set(Field::Cfg_ActiveNE, static_cast<uint64_t>(engines_log2));
    task[Reg::TaskInfo] = 0x100000;
    task[Reg::PostScale] = 0x3c00;
  }

  // KernelCfg and MACCfg of a pass without weights.
  void bypass_words(Task& task, uint32_t mode, Activation activation) {
    const uint32_t nonlinear = activation == Activation::Relu ? 1 : activation == Activation::Lookup ? 2 : 0;
    task[Reg::KernelCfg] = compat_.bypass_has_kernel_format ? 0x82 : 0x80;
    task[Reg::MACCfg] = (compat_.bypass_has_kernel_format ? 0x101c00u : 0x100000u) | nonlinear << 16 | mode;
  }

  void planar(Task& task, const Geometry& g) {
    task[Reg::PatchCfg] = static_cast<uint32_t>(g.patch_height << 4 | g.patch_width);
    task[Reg::BiasScale] = 0x3c000000;
    task[Reg::PreScale] = 0x3c000000;
    task[Reg::FinalScale] = 0x3f800000;
    if (compat_.kernel_words_in_pe_tasks) {
      task[Reg::KernelCfg] = 0x80;
      task[Reg::MACCfg] = 0x100000;
    }
    if (!compat_.unknown_13840_in_pe) task[Reg::Unknown_13840] = 0;
    if (!compat_.planar_zero_pad) task[Reg::DstFmt] &= ~0x300000u;
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

  // Appends packed blocks to the constants and points the engines at them. `shared`: all read the first
  // block.
  void coefficients(Task& task, const PackedKernel& packed, bool sparse, bool shared) {
    int64_t offset = round_up(static_cast<int64_t>(result_.constants.size()), target_.dma_alignment);
    result_.constants.resize(static_cast<size_t>(offset));
    result_.constants.insert(result_.constants.end(), packed.bytes.begin(), packed.bytes.end());
    task.set(HeaderField::KBase0, 1);
    task.set(HeaderField::KBE0, 1);
    task[Reg::MasterConfig] = sparse ? 0x60 : 0x40;
    const int used = static_cast<int>(packed.sizes.size());
    for (int i = 0; i < target_.engines; ++i) {
      task[Reg::CoeffDMAConfig0 + i] = i < used ? 0x81 : 0x80;
      task[Reg::CoeffBaseAddr0 + i] = i < used ? u32(offset) : 0;
      task[Reg::CoeffBfrSize0 + i] = i < used ? u32(packed.sizes[static_cast<size_t>(i)]) : 0x40;
      if (i < used && !shared) offset += packed.sizes[static_cast<size_t>(i)];
    }
    special_streams(task);
    task.set_records(records_of(Layout::Full));
  }

  void push(Task task, const EngineOp& op) {
    if (task.get(HeaderField::WBE)) written_.insert(op.destination.buffer);
    result_.tasks.push_back(std::move(task));
    result_.ops.push_back(op);
  }

  // ---- One operation each ----

  void emit_work(const EngineOp& op, const Convolution& work) {
    Geometry g = geometry(op, target_);
    if (g.small && compat_.small_result_strides) stride_result(g, op.destination);
    Task task = begin(op.source, op.destination, g);
    share_source(task, op.sharing);
    const int cap = lane_cap(op.source, target_);
    const int engines_log2 = ceil_log2(std::min<int64_t>(target_.engines, op.destination.c));
    neural(task, engines_log2);
    convolution_shape(task, op, work, cap);
    task[Reg::Cfg] |= 1u | static_cast<uint32_t>(g.shape_max) << 16 | (g.small ? 4u : 0u);
    const uint32_t forced =
        g.small || large_patches_pay(op, g, target_) ? static_cast<uint32_t>(g.shape_max) : 0;
    task[Reg::Cfg] |= forced << 8 | forced << 12;
    task[Reg::KernelCfg] = is_sparse(work) ? 0x182 : 0x82;
    const uint32_t nonlinear = work.activation == Activation::Relu     ? 1
                               : work.activation == Activation::Lookup ? 2
                                                                       : 0;
    task[Reg::MACCfg] = 0x101c00u | (work.bias ? 0x10u : 0u) | nonlinear << 16;
    const int64_t per_group = work.form == Convolution::Form::Depthwise ? 1
                              : work.form == Convolution::Form::Grouped ? op.source.c / work.groups
                                                                        : op.source.c;
    coefficients(task, pack_kernel(work, per_group, op.destination.c, cap, target_), is_sparse(work), false);
    push(std::move(task), op);
  }

  void stride_result(Geometry& g, const View& destination) const {
    const int64_t base = g.result.base;
    g.result = resident_operand(destination, target_);
    g.result.row = 16 * spread_over_banks(g.result.depth / 16, 2, 8, target_);
    g.result.base = base;
    g.result_strided = true;
  }

  // Bit 26 of Cfg: a second set of accumulators, where the lanes leave room for one.
  void double_buffer(Task& task, int64_t lanes) const {
    if (compat_.accumulator_double_buffer && 2 * lanes <= target_.accumulators)
      task.set(Field::Cfg_AccDoubleBufEn, 1);
  }

  // A source that stays in L2 for the next parts of a layer, or is there already.
  void share_source(Task& task, EngineOp::Sharing sharing) {
    if (sharing == EngineOp::Sharing::Keeps) task[Reg::SourceCfg] = (task[Reg::SourceCfg] & ~3u) | 1;
    if (sharing != EngineOp::Sharing::Finds) return;
    task[Reg::SourceCfg] = 0x100;
    task[Reg::SourceGroupStride] = 0;
    task[Reg::ResultCfg] &= ~0x500030u;
    task.set(HeaderField::RBase0, 0);
    task.set(HeaderField::RBE0, 0);
    task[Reg::Src1DMAConfig] = dma_off;
    for (const Reg reg : {Reg::Src1BaseAddr, Reg::Src1RowStride, Reg::Src1PlaneStride, Reg::Src1DepthStride,
                          Reg::Src1GroupStride})
      task[reg] = 0;
    task[Reg::Src1Fmt] = format_off;
  }

  void convolution_shape(Task& task, const EngineOp& op, const Convolution& work, int cap) {
    const int64_t engines = std::min<int64_t>(target_.engines, op.destination.c);
    int64_t lanes = lane_chunks(op.destination.c, cap, target_)[0];
    if (work.form == Convolution::Form::Grouped) {
      task[Reg::Cin] = u32(op.source.c / work.groups);
      task[Reg::Cout] = u32(op.destination.c / work.groups);
      task[Reg::GroupConvCfg] = 0x10000 | u32(work.groups);
      lanes = std::max<int64_t>(1, op.destination.c / work.groups / engines);
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
    const Geometry g = geometry(op, target_);
    Task task = begin(op.source, op.destination, g);
    if (work.transpose) task[Reg::Cout] = u32(op.source.c);
    bypass_task(task, op.source, g, work);
    task[Reg::OutDim] = task[Reg::InDim];
    if (work.transpose) task.set(Field::Cfg_OutputTranspose, 1);
    if (work.table) {
      coefficients(task, pack_table(*work.table, int64_t{1} << task.get(Field::Cfg_ActiveNE)), false, true);
    } else {
      no_coefficients(task, false);
    }
    push(std::move(task), op);
  }

  void bypass_task(Task& task, const View& source, const Geometry& g, const Bypass& work) {
    neural(task, std::min(4, ceil_log2(source.c)));
    task[Reg::GroupConvCfg] = 0x14001;
    task[Reg::Cfg] |= 1u | bypass_patches(source, g);
    double_buffer(task, 1);
    const bool scaled_sum = work.bias != 0;
    bypass_words(task, scaled_sum ? 0x8 : 0xc, work.activation);
    task[Reg::PostScale] = half_bits(work.scale);
    task[Reg::AccBias] = scaled_sum ? half_bits(work.bias) : 0;
    if (scaled_sum) task[Reg::DPE] = 1;
  }

  // Patch preferences of a pass without weights. The older compiler wants two rows, and insists where they
  // fit.
  uint32_t bypass_patches(const View& source, const Geometry& g) const {
    const uint32_t largest = static_cast<uint32_t>(g.shape_max);
    if (!compat_.two_row_patches) return largest << 16;
    const uint32_t preferred = std::max(largest, 1u);
    return preferred << 16 | preferred << 8 | (2 * source.w <= 128 ? 1u : 0u) << 12;
  }

  void emit_work(const EngineOp& op, const ChannelReduce& work) {
    const Geometry g = geometry(op, target_);
    Task task = begin(op.source, op.destination, g);
    neural(task, 0);
    const uint32_t forced = work.maximum ? 0 : g.small ? static_cast<uint32_t>(g.shape_max) : 0;
    task[Reg::Cfg] |= 1u | static_cast<uint32_t>(g.shape_max) << 16 | forced << 8 | forced << 12 |
                      (!work.maximum && g.small ? 4u : 0u);
    if (work.maximum) {
      task[Reg::GroupConvCfg] = u32(op.source.c << 16) | 0x4001;
      task[Reg::L2Cfg] = 4;
      bypass_words(task, 0xb, Activation::None);
    } else {
      bypass_words(task, 0x8, work.table ? Activation::Lookup : Activation::None);
      task[Reg::DPE] = 1;
    }
    if (work.table)
      coefficients(task, pack_table(*work.table, 1), false, true);
    else
      no_coefficients(task, false);
    push(std::move(task), op);
  }

  static bool same_shape(const View& a, const View& b) { return a.c == b.c && a.h == b.h && a.w == b.w; }

  void emit_work(const EngineOp& op, const Elementwise& work) {
    const bool resident = !same_shape(op.source, *op.source2);
    if (resident) bring_operand(op);
    const Geometry g = geometry(op, target_);
    Task task = begin(op.source, op.destination, g);
    planar(task, g);
    task[Reg::ChCfg] = 0x2a;
    task[Reg::PECfg] = elementwise_code(work.op) | (work.relu ? 0x20u : 0u);
    task[Reg::BiasScale] = pair(work.scale, 0);
    task[Reg::Source2ChannelStride] = u32(g.source2.channel);
    task[Reg::Source2RowStride] = u32(g.source2.row);
    task[Reg::Source2DepthStride] = u32(g.source2.depth);
    task[Reg::Source2Base] = u32(g.source2.base);
    if (resident) {
      task[Reg::Cfg] |= 0x31;
      task[Reg::SourceCfg] = 0x172;
      task[Reg::ResultCfg] &= ~0x500030u;
      task[Reg::PESrcCfg] = (op.source2->w < op.source.w ? 0x10u : 0u) |
                            (op.source2->h < op.source.h ? 0x20u : 0u) |
                            (op.source2->c < op.source.c ? 0x80u : 0u);
      reuses_l2_ = true;
    } else {
      task[Reg::Cfg] |= 0x33;
      task[Reg::Source2GroupStride] = u32(g.source2.depth);
      task[Reg::SourceCfg] |= 0x1000000;
      if (was_written(*op.source2)) task[Reg::Src1DMAConfig] = dma_read_written;
      read_second_from(task, *op.source2);
    }
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

  // A copy that leaves a small operand in L2, at 0, for the task after it.
  void bring_operand(const EngineOp& wanting) {
    const View& operand = *wanting.source2;
    EngineOp op;
    op.unit = wanting.unit, op.layer = wanting.layer;
    op.work = Bypass{};
    op.source = op.destination = operand;
    op.stays_on_chip = true;
    const L2Operand resident = resident_operand(operand, target_);
    Geometry g = bypass_geometry(operand, false, target_);
    g.source.base = resident_bytes(operand, target_);
    g.result = resident;
    g.result_strided = false;
    Task task = begin(operand, operand, g);
    bypass_task(task, operand, g, Bypass{});
    task[Reg::ResultCfg] = (task[Reg::ResultCfg] & ~0xfu);
    task[Reg::ResultBase] = 0;
    task[Reg::ResultChannelStride] = u32(resident.channel);
    task[Reg::ResultRowStride] = u32(resident.row);
    task[Reg::ResultDepthStride] = u32(resident.depth);
    task.set(HeaderField::WBase, 0);
    task.set(HeaderField::WBE, 0);
    for (const Reg reg :
         {Reg::DstBaseAddr, Reg::DstRowStride, Reg::DstPlaneStride, Reg::DstDepthStride, Reg::DstGroupStride})
      task[reg] = 0;
    task[Reg::DstDMAConfig] = dma_write_off;
    task[Reg::DstFmt] = format_off;
    no_coefficients(task, false);
    push(std::move(task), op);
  }

  void emit_work(const EngineOp& op, const Scalar& work) {
    const Geometry g = geometry(op, target_);
    Task task = begin(op.source, op.destination, g);
    planar(task, g);
    task[Reg::Cfg] |= 0x21;
    task[Reg::PECfg] = work.absolute ? 0x40 : 0;
    task[Reg::BiasScale] = pair(work.scale, work.offset);
    no_coefficients(task, true);
    push(std::move(task), op);
  }

  void emit_work(const EngineOp& op, const PlaneReduce& work) {
    const Geometry g = geometry(op, target_);
    Task task = begin(op.source, op.destination, g);
    planar(task, g);
    task[Reg::Cfg] |= 0x51;
    task[Reg::OutDim] = task[Reg::InDim];
    if (work.type == aneir::ReductionType::Max) {
      task[Reg::PECfg] = 2;
      task[Reg::L2Cfg] = 4;
    }
    if (work.type == aneir::ReductionType::MeanSquare) {
      task[Reg::PECfg] = 0x2010;  // squares; inverse root of the result
      task[Reg::PreScale] = pair(1, work.epsilon);
    }
    if (work.type == aneir::ReductionType::Mean || work.type == aneir::ReductionType::MeanSquare)
      task[Reg::FinalScale] = std::bit_cast<uint32_t>(1.0f / static_cast<float>(op.source.h * op.source.w));
    no_coefficients(task, true);
    push(std::move(task), op);
  }

  void emit_work(const EngineOp& op, const WindowPool& work) {
    const Geometry g = geometry(op, target_);
    Task task = begin(op.source, op.destination, g);
    planar(task, g);
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
      const bool first = i == 0, last = i + 1 == tasks.size();
      task.header[2] = 0x400 | (first && compat_.log_first_task ? 0x8u : 0u) | (last ? 0x22u : 0u);
      task.header[4] = debug_events(task, result_.ops[i]) | (last ? 0x6au : first ? 0x68u : 0u);
      const bool reads = task[Reg::Src1DMAConfig] & 1, writes = task[Reg::DstDMAConfig] & 1;
      const bool next_reads = last || (tasks[i + 1][Reg::Src1DMAConfig] & 1);
      const bool waited = first || (tasks[i - 1].header[6] & 0x8000);
      task.header[6] = (reads ? 0x10000000u : 0u) | (reads && waited ? 0x800u : 0u) |
                       (writes ? 0x20000000u : 0u) | (writes && next_reads ? 0x9000u : 0u);
      if (compat_.time_estimate) task.header[1] |= time_estimate(task, target_);
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

  const EngineProgram& program_;
  const Binding& binding_;
  const Compat& compat_;
  const Target& target_;
  Emitted result_;
  std::set<int> written_;   // buffers that tasks so far wrote
  bool reuses_l2_ = false;  // the task before kept an operand in L2 that a planar pass may still read
};

}  // namespace

Emitted emit(const EngineProgram& program, const Binding& binding, Bytes constants, const Compat& compat,
             const Target& target) {
  return Emitter(program, binding, std::move(constants), compat, target).run();
}

}  // namespace ane::h13
