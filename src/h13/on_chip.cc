#include "h13/on_chip.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/bytes.h"
#include "base/error.h"
#include "h13/pack.h"

namespace ane::h13 {

namespace {

// Bits of SourceCfg and ResultCfg. Names as in registers.def: "Conv" is the NE, "Planar" the PE.
constexpr uint32_t streams = 0x2, stays = 0x1, streams_fifo = 0xa, chained_to_neural = 0x4,
                   chained_to_planar = 0x8, neural_reads = 0x10, neural_results = 0x20, has_dma = 0x40,
                   planar_reads = 0x100000, planar_results = 0x400000, second_by_dma = 0x1000000,
                   interleave_one = 0x100;

struct Range {
  int64_t begin = 0, end = 0;
  bool meets(const Range& other) const { return begin < other.end && other.begin < end; }
  bool empty() const { return begin >= end; }
};

// The extent of what a task's result registers describe, before a transposition.
View result_extents(const EngineOp& op) {
  if (const auto* work = std::get_if<Convolution>(&op.work); work && work->transpose) {
    View out = op.destination;
    out.w = op.source.w, out.h = op.source.h, out.c = op.destination.w;
    return out;
  }
  if (std::holds_alternative<Convolution>(op.work) || std::holds_alternative<ChannelReduce>(op.work) ||
      std::holds_alternative<Comparison>(op.work))
    return op.destination;
  return iteration(op);
}

bool transposes(const EngineOp& op) {
  if (const auto* work = std::get_if<Convolution>(&op.work)) return work->transpose;
  const auto* bypass = std::get_if<Bypass>(&op.work);
  return bypass && bypass->transpose;
}

class OnChipPlan {
 public:
  OnChipPlan(EngineProgram& program, const Compat& compat, const Target& target)
      : program_(program), ops_(program.ops), compat_(compat), target_(target) {}

  std::set<aneir::TensorId> run(const std::set<aneir::TensorId>& in_dram) {
    find_chains();
    for (size_t i = 0; i < ops_.size(); ++i) lay_out(i);
    place_buffers();
    for (size_t i = 0; i < ops_.size(); ++i) place_rings(i);
    if (!crowded_.empty()) return leaving(in_dram);
    for (size_t i = 0; i < ops_.size(); ++i) find_waits(i);
    for (size_t i = 0; i < ops_.size(); ++i) find_signals(i);
    return {};
  }

 private:
  // ---- Chains ----

  void find_chains() {
    chains_.assign(ops_.size(), Chain::None);
    for (size_t i = 1; i < ops_.size(); ++i) {
      const EngineOp &before = ops_[i - 1], &op = ops_[i];
      const bool handed_over = op.source.on_chip && before.destination.on_chip &&
                               op.source.buffer == before.destination.buffer && !op.planned_source;
      if (!handed_over || loaded_by(op, before)) continue;
      if (transposes(before) && !(brings_one_patch(before) && op.destination.on_chip)) continue;
      if (!same_extents(result_extents(before), is_neural(op) ? op.source : iteration(op))) continue;
      if (const auto* work = std::get_if<Convolution>(&before.work); work && !one_pass(*work, before))
        continue;
      chains_[i] = is_neural(before) ? Chain::Neural : Chain::Planar;
    }
  }

  // An operand that the task before has itself just brought from DRAM ends the chain (layer_norm).
  static bool loaded_by(const EngineOp& op, const EngineOp& before) {
    return before.kept >= 0 &&
           (op.source.buffer == before.kept || (op.source2 && op.source2->buffer == before.kept));
  }

  // An exchange of rows and columns ends with the last of its channels: it can be handed over when it is one
  // patch. Only one that comes from DRAM is, and to a task whose result stays (task 1 of select_rrb_1x64x1x1,
  // whose task 3 has its row from L2 and is not chained; task 2 of chain_attn_s64_dh64, but not the products
  // of rrmm_r2rr_m32_k64_n64_tx0_ty1 and m256, whose results leave).
  static bool brings_one_patch(const EngineOp& op) {
    return !op.source.on_chip && op.source.h == 1 && op.source.w <= 128;
  }

  // All output channels in one pass of the engines.
  bool one_pass(const Convolution& work, const EngineOp& op) const {
    return lane_chunks(op.destination.c, lane_cap(work, op.source, target_), target_).size() == 1;
  }

  // A planar task shares the patches of the NE task that is chained to it, and of one that it is chained to
  // if that has them from the NE task before (task 3 of chain_attn_s64_dh64; tasks 6 there, 9 of chain_block
  // and 7 of chain_attn_s256_dh64, behind a function that is itself chained to a planar task, keep their
  // own).
  bool shares_neural_patches(size_t i) const {
    if (i + 1 < ops_.size() && chains_[i + 1] == Chain::Planar && is_neural(ops_[i + 1])) return true;
    return i > 0 && chains_[i] == Chain::Neural && chains_[i - 1] == Chain::Neural;
  }

  // ---- Shapes and strides ----

  void lay_out(size_t i) {
    EngineOp& op = ops_[i];
    const Geometry g = geometry(op, target_, chains_[i], shares_neural_patches(i));
    if (!g.fits) crowded_.insert(i);
    Placement& place = op.place;
    place.source = g.source, place.source2 = g.source2, place.result = g.result;
    place.shape_max = g.shape_max, place.shape_min = g.shape_min, place.shape_preferred = g.shape_preferred;
    place.patch_width = g.patch_width, place.patch_height = g.patch_height;
    place.small = g.small, place.tile = g.tile, place.result_strided = g.result_strided;
    whole_.push_back(g.source_whole);
    rings_end_.push_back(g.result.base);
    if (op.destination.on_chip) {
      const View& to = op.destination;
      place.result = {0, channel_stride(to), to.stride_h, to.image_bytes, to.stride_g};
    } else if (const auto* work = std::get_if<Convolution>(&op.work);
               work && g.small && compat_.small_result_strides) {
      const int64_t base = place.result.base, pitch = round_up(op.destination.w * 2, 16);
      const int64_t depth = pitch * op.destination.c;
      place.result = {base, pitch, planar_row(depth, target_), depth, depth};
      place.result_strided = true;
    }
  }

  // For each task that lacks room the largest tensor that could leave.
  std::set<aneir::TensorId> leaving(const std::set<aneir::TensorId>& in_dram) const {
    std::set<aneir::TensorId> tensors;
    for (const size_t i : crowded_) {
      const Life* largest = nullptr;
      bool relieved = false;
      for (const Life& life : lives_) {
        const aneir::TensorId tensor = buffer(life.buffer).tensor;
        if (tensor == aneir::no_tensor || in_dram.contains(tensor) || life.first > i || life.end < i)
          continue;
        relieved |= tensors.contains(tensor);
        if (!largest || life.bytes > largest->bytes) largest = &life;
      }
      if (!largest) too_large(ops_[i]);
      if (!relieved) tensors.insert(buffer(largest->buffer).tensor);
    }
    return tensors;
  }

  [[noreturn]] static void too_large(const EngineOp& op) {
    throw Error("", fmt::format("{} ({})", op.layer.empty() ? op.unit : op.layer, describe(op)),
                "its operands do not fit the on-chip memory together", "reduce the layer's size");
  }

  // ---- Buffers ----

  struct Life {
    int buffer = -1;
    int64_t bytes = 0, weight = 0;
    size_t first = std::numeric_limits<size_t>::max(), last = 0, end = 0;
    bool from_dram = false, copy = false, statistics = false, chained = false, brought = false;
  };

  Buffer& buffer(int id) { return program_.buffers[static_cast<size_t>(id)]; }
  const Buffer& buffer(int id) const { return program_.buffers[static_cast<size_t>(id)]; }

  template <typename Visit>
  void each_on_chip(const EngineOp& op, Visit visit) const {
    if (op.source.on_chip) visit(op.source.buffer);
    if (op.source2 && op.source2->on_chip) visit(op.source2->buffer);
    if (op.destination.on_chip) visit(op.destination.buffer);
    if (op.kept >= 0) visit(op.kept);
  }

  std::vector<Life> lives() const {
    std::vector<Life> all(program_.buffers.size());
    for (size_t i = 0; i < ops_.size(); ++i) {
      each_on_chip(ops_[i], [&](int id) {
        Life& life = all[static_cast<size_t>(id)];
        life.buffer = id;
        life.first = std::min(life.first, i);
        life.last = i;
      });
      const EngineOp& op = ops_[i];
      if (op.destination.on_chip && !op.source.on_chip && is_plain_copy(op) && !transposes(op))
        all[static_cast<size_t>(op.destination.buffer)].brought = true;
      if (op.kept >= 0) all[static_cast<size_t>(op.kept)].from_dram = true;
      if (chains_[i] != Chain::None) all[static_cast<size_t>(op.source.buffer)].chained = true;
    }
    std::erase_if(all, [](const Life& life) { return life.buffer < 0; });
    for (Life& life : all) {
      const Buffer& info = buffer(life.buffer);
      life.bytes = info.bytes;
      life.copy = info.content == Buffer::Content::InputCopy;
      life.statistics = info.content == Buffer::Content::Statistics;
      // A task that is chained to the last reader may start to write while that still reads.
      const bool chained_after = life.last + 1 < ops_.size() && chains_[life.last + 1] != Chain::None;
      life.end = life.last + (chained_after ? 1 : 0);
      life.weight = info.dense_bytes * static_cast<int64_t>(life.last - life.first + 1);
    }
    return all;
  }

  // Order and rule are fitted to captured programs: statistics, then copies of inputs that other units read
  // too, then by size times life; sources that come from DRAM last. At equal weight a copy of an input goes
  // behind what is computed (norm_layer_norm_ax3_1x64x8x8). Each goes behind everything placed that is alive
  // with it.
  void place_buffers() {
    lives_ = lives();
    std::stable_sort(lives_.begin(), lives_.end(), [](const Life& a, const Life& b) {
      const auto key = [](const Life& life) {
        return std::tuple(life.from_dram, !life.statistics, !life.copy, -life.weight, life.brought,
                          life.chained, life.first);
      };
      return key(a) < key(b);
    });
    tops_.assign(ops_.size(), 0);
    for (const Life& life : lives_) {
      const auto begin = tops_.begin() + static_cast<std::ptrdiff_t>(life.first),
                 end = tops_.begin() + static_cast<std::ptrdiff_t>(std::min(life.end + 1, tops_.size()));
      const int64_t base = *std::max_element(begin, end);
      buffer(life.buffer).base = base;
      std::fill(begin, end, base + life.bytes);
    }
  }

  // ---- Rings ----

  int64_t address(const View& view) const { return buffer(view.buffer).base + view.offset; }

  void place_rings(size_t i) {
    EngineOp& op = ops_[i];
    Placement& place = op.place;
    const int64_t above = tops_[i];
    // `geometry` counts from 0, a source that is kept included; that lies in a buffer of its own.
    const int64_t rings = above - (op.kept >= 0 ? buffer(op.kept).bytes : 0);
    const int64_t end = std::max(above, rings + rings_end_[i]);
    if (op.source.on_chip)
      place.source.base = address(op.source);
    else
      place.source.base = op.kept >= 0 ? buffer(op.kept).base : above;
    if (op.source2)
      place.source2.base = op.source2->on_chip ? address(*op.source2) : rings + place.source2.base;
    place.result.base = op.destination.on_chip ? address(op.destination) : end;
    if (end > target_.l2_bytes) crowded_.insert(i);
  }

  // ---- Waits ----

  // What a task uses in L2.
  struct Use {
    Range source, source2, result;
  };

  static int64_t extent(const L2Operand& operand, const View& view, int64_t rows) {
    return std::max({rows * operand.row, view.h * operand.row, view.g * operand.group,
                     operand.channel + (view.c - 1) * operand.channel, int64_t{16}});
  }

  Range range_of(const View& view, const L2Operand& operand, int64_t ring_bytes) const {
    if (view.on_chip) return {buffer(view.buffer).base, buffer(view.buffer).base + buffer(view.buffer).bytes};
    return {operand.base, operand.base + ring_bytes};
  }

  Use use_of(const EngineOp& op) const {
    Use use;
    const Placement& place = op.place;
    if (op.kept >= 0)
      use.source = {place.source.base, place.source.base + buffer(op.kept).bytes};
    else
      use.source = range_of(op.source, place.source, extent(place.source, op.source, place.tile));
    if (op.source2)
      use.source2 = range_of(*op.source2, place.source2, extent(place.source2, *op.source2, place.tile));
    // A ring takes at least one patch of the result; a task may write a few channels of a tensor.
    use.result = range_of(op.destination, place.result, 0x1000);
    const View& to = op.destination;
    if (to.on_chip && to.h == 1 && to.g == 1 && to.stride_c > 2) {
      use.result.begin += to.offset;
      use.result.end = std::min(use.result.end, use.result.begin + to.c * to.stride_c);
    }
    return use;
  }

  bool written_by(int id, size_t before, size_t& writer) const {
    for (size_t j = before; j-- > 0;)
      if (ops_[j].destination.on_chip && ops_[j].destination.buffer == id) {
        writer = j;
        return true;
      }
    return false;
  }

  bool is_kept_source(const View& view, size_t before) const {
    for (size_t j = 0; j < before; ++j)
      if (ops_[j].kept == view.buffer) return true;
    return false;
  }

  // Task writes to DRAM and the queue drains before the next one reads (header word 6, bit 15).
  bool drains(size_t i) const {
    const EngineOp& op = ops_[i];
    if (op.planned_destination) return true;
    if (op.destination.on_chip) return false;
    return i + 1 == ops_.size() || reads_dram(ops_[i + 1]);
  }
  static bool reads_dram(const EngineOp& op) {
    return !op.source.on_chip || (op.source2 && !op.source2->on_chip);
  }
  // The queue starts loading the source on its own (header word 6, bit 11).
  bool loads_ahead(size_t i) const {
    const EngineOp& op = ops_[i];
    if (op.planned_source) return true;
    return !op.source.on_chip && (i == 0 || drains(i - 1));
  }

  void find_waits(size_t i) {
    EngineOp& op = ops_[i];
    const Use use = use_of(op);
    uses_.push_back(use);
    op.place.source_code = source_code(i, use);
    op.place.result_code = result_code(i, use);
    op.place.have_read = read_;
  }

  // ---- What is known to be done ----

  static size_t engine_of(const EngineOp& op) { return is_neural(op) ? 0 : 1; }
  static constexpr size_t neural = 0, planar = 1;

  // All tasks of the engine up to `task` have read their sources; those that followed another task patch by
  // patch have then seen the end of that one.
  void finish_reading(size_t engine, int64_t task) {
    const int64_t first = read_[engine] + 1;
    read_[engine] = std::max(read_[engine], task);
    for (int64_t i = first; i <= task; ++i) {
      const auto index = static_cast<size_t>(i);
      if (engine_of(ops_[index]) != engine || chains_[index] == Chain::None) continue;
      const size_t followed = engine_of(ops_[index - 1]);
      done_[followed] = std::max(done_[followed], i - 1);
      finish_reading(followed, i - 1);
    }
  }
  void finish(size_t engine, int64_t task) {
    done_[engine] = std::max(done_[engine], task);
    finish_reading(engine, task);
  }
  void take_in(uint32_t waits, size_t i) {
    const int64_t before = static_cast<int64_t>(i) - 1;
    if (waits & neural_results) finish(neural, before);
    if (waits & neural_reads) finish_reading(neural, before);
    if (waits & planar_results) finish(planar, before);
    if (waits & planar_reads) finish_reading(planar, before);
    if (waits & (planar_results | planar_reads)) planar_barrier_ = before;
  }

  // Two tasks that write one tensor write different elements of it.
  bool write_together(size_t i, size_t j) const {
    const View &a = ops_[i].destination, &b = ops_[j].destination;
    return a.on_chip && b.on_chip && a.buffer == b.buffer && !reads_buffer(ops_[i], a.buffer) &&
           !reads_buffer(ops_[j], b.buffer);
  }
  static bool reads_buffer(const EngineOp& op, int buffer) {
    return op.source.buffer == buffer || (op.source2 && op.source2->buffer == buffer) || op.kept == buffer;
  }

  static size_t after(int64_t task) { return static_cast<size_t>(task + 1); }

  bool overlaps_results(size_t engine, const Range& range, size_t i) const {
    for (size_t j = after(done_[engine]); j < i; ++j)
      if (engine_of(ops_[j]) == engine && !write_together(i, j) && range.meets(uses_[j].result)) return true;
    return false;
  }
  bool overlaps_reads(size_t engine, const Range& range, size_t i) const {
    for (size_t j = after(read_[engine]); j < i; ++j)
      if (engine_of(ops_[j]) == engine && (range.meets(uses_[j].source) || range.meets(uses_[j].source2)))
        return true;
    return false;
  }
  // Planar tasks that no barrier has waited for, only chains.
  bool overlaps_unfenced_planar(const Range& range, size_t i) const {
    for (size_t j = after(planar_barrier_); j < i; ++j)
      if (!is_neural(ops_[j]) &&
          (range.meets(uses_[j].source) || range.meets(uses_[j].source2) || range.meets(uses_[j].result)))
        return true;
    return false;
  }

  uint32_t planar_conflict(const Range& range, size_t i) const {
    if (overlaps_results(planar, range, i)) return planar_results;
    return overlaps_reads(planar, range, i) ? planar_reads : 0;
  }

  uint32_t neural_conflict(const Range& range, size_t i) const {
    if (overlaps_results(neural, range, i)) return neural_results;
    return overlaps_reads(neural, range, i) ? neural_reads : 0;
  }

  uint32_t own_conflict(const Range& range, size_t i) const {
    return is_neural(ops_[i]) ? neural_conflict(range, i) : planar_conflict(range, i);
  }

  // A result on its way to DRAM: what passes through L2 in tasks of one engine follows each other, but not
  // what they read there or leave there.
  uint32_t own_data_conflict(const Range& range, size_t i) const {
    const size_t engine = engine_of(ops_[i]);
    uint32_t waits = 0;
    for (size_t j = after(std::min(done_[engine], read_[engine])); j < i; ++j) {
      const EngineOp& before = ops_[j];
      const auto index = static_cast<int64_t>(j);
      if (engine_of(before) != engine) continue;
      if (index > done_[engine] && before.destination.on_chip && range.meets(uses_[j].result))
        waits |= engine == neural ? neural_results : planar_results;
      const bool reads = (before.source.on_chip && range.meets(uses_[j].source)) ||
                         (before.source2 && before.source2->on_chip && range.meets(uses_[j].source2));
      if (index > read_[engine] && reads) waits |= engine == neural ? neural_reads : planar_reads;
    }
    if (waits & planar_results) return planar_results;
    return waits & neural_results ? neural_results : waits;
  }

  static uint32_t interleave_bits(const View& view) {
    return view.on_chip ? interleave_one : interleave_one * static_cast<uint32_t>(view.interleave);
  }

  uint32_t source_code(size_t i, const Use& use) {
    const EngineOp& op = ops_[i];
    const bool dma1 = !op.source.on_chip, dma2 = op.source2 && !op.source2->on_chip;
    uint32_t code = interleave_bits(op.source);
    if (dma1) code |= op.kept >= 0 || whole_[i] ? stays : streams;
    if ((dma1 || dma2 || op.planned_source) && !op.source.bytes) code |= has_dma;
    if (dma2) code |= second_by_dma;
    if (i == 0) return code | neural_reads | neural_results | planar_reads | planar_results;

    const uint32_t chain = chains_[i] == Chain::Neural   ? chained_to_neural
                           : chains_[i] == Chain::Planar ? chained_to_planar
                                                         : 0;
    // What the task's own transfer overwrites, before anything is known to be done.
    uint32_t waits = 0;
    for (const Range& filled : {dma1 ? use.source : Range{}, dma2 ? use.source2 : Range{}}) {
      if (filled.empty()) continue;
      waits |= planar_conflict(filled, i);
      if (!is_neural(op) && overlaps_reads(neural, filled, i)) waits |= neural_reads;
    }
    // A chain within one engine is its order; to the other engine it holds for the operand alone.
    if (chain != 0 && engine_of(ops_[i - 1]) == engine_of(op))
      finish(engine_of(op), static_cast<int64_t>(i) - 1);
    waits |= reads_after_writes(i, chain != 0);
    if (dma1 && loads_ahead(i)) waits |= neural_reads | neural_results;
    if (!dma1 && (waits & neural_results) && is_kept_source(op.source, i)) waits |= neural_reads;
    if (chain == chained_to_neural && !is_neural(op) && overlaps_unfenced_planar(use.result, i))
      waits |= planar_results;
    if ((waits & planar_results) && (waits & planar_reads)) waits &= ~planar_reads;
    take_in(waits, i);
    return code | chain | waits;
  }

  // Operands in L2 that a task not known to be done has made. The latest first: whoever waits for that one
  // may know of the others through it.
  uint32_t reads_after_writes(size_t i, bool chained) {
    const EngineOp& op = ops_[i];
    std::vector<size_t> writers;
    size_t writer = 0;
    if (!chained && op.source.on_chip && written_by(op.source.buffer, i, writer)) writers.push_back(writer);
    if (op.source2 && op.source2->on_chip && written_by(op.source2->buffer, i, writer))
      writers.push_back(writer);
    std::sort(writers.rbegin(), writers.rend());
    uint32_t waits = 0;
    for (const size_t made : writers) {
      const size_t engine = engine_of(ops_[made]);
      if (static_cast<int64_t>(made) <= done_[engine]) continue;
      const uint32_t wait = engine == neural ? neural_results : planar_results;
      take_in(wait, i);
      waits |= wait;
    }
    return waits;
  }

  uint32_t result_code(size_t i, const Use& use) {
    const EngineOp& op = ops_[i];
    uint32_t code = op.destination.bytes ? 0 : has_dma;
    code |= interleave_bits(op.destination);
    if (!op.destination.on_chip) {
      const bool row = op.destination.stride_c == 2 && op.destination.c > 1;
      code |= row ? stays : op.place.result_strided ? streams : streams_fifo;
    }
    if (i == 0) return code | neural_reads | neural_results | planar_reads | planar_results;
    if (loads_ahead(i) && !op.planned_source) code |= neural_reads | neural_results;
    // In place of its operand a chained task follows the one that made it.
    if (chains_[i] != Chain::None && op.destination.buffer == op.source.buffer) return code;
    // Who waits for the other engine may know of its own through that one.
    const uint32_t across = is_neural(op) ? planar_conflict(use.result, i) : neural_conflict(use.result, i);
    take_in(across, i);
    const uint32_t within =
        op.destination.on_chip ? own_conflict(use.result, i) : own_data_conflict(use.result, i);
    take_in(within, i);
    return code | across | within;
  }

  // ---- Hand-over between planar tasks ----

  static bool is_plain_copy(const EngineOp& op) {
    const auto* work = std::get_if<Bypass>(&op.work);
    return work && work->activation == Activation::None;
  }

  void find_signals(size_t i) {
    if (i + 1 >= ops_.size()) return;
    EngineOp &op = ops_[i], &next = ops_[i + 1];
    const bool is_planar = !is_neural(op), next_planar = !is_neural(next);
    if (is_planar && next_planar && !next.planned_source) {
      op.place.signals_planar = true;
      next.place.waits_for_planar = true;
    }
    // A copy between two planar tasks passes the signal on (norm_layer_norm_ax1_1x64x8x8).
    const bool between = is_planar && is_plain_copy(next) && next.source.on_chip &&
                         next.destination.on_chip && i + 2 < ops_.size() && !is_neural(ops_[i + 2]) &&
                         ops_[i + 2].source.on_chip;
    if (between) {
      op.place.signals_planar = next.place.signals_planar = true;
      ops_[i + 2].place.waits_for_planar = true;
    }
  }

  EngineProgram& program_;
  std::vector<EngineOp>& ops_;
  const Compat& compat_;
  const Target& target_;
  std::vector<Chain> chains_;
  std::vector<bool> whole_;
  std::vector<int64_t> rings_end_;  // of the task's sources that come by DMA, counted from 0
  std::set<size_t> crowded_;        // tasks that lack room
  std::vector<Life> lives_;
  std::vector<int64_t> tops_;  // by operation: where the buffers that are alive then end
  std::vector<Use> uses_;
  // By engine: the last task known to be done, and to have read its sources.
  std::array<int64_t, 2> done_{-1, -1}, read_{-1, -1};
  int64_t planar_barrier_ = -1;
};

}  // namespace

std::set<aneir::TensorId> plan_on_chip(EngineProgram& program, const Compat& compat, const Target& target,
                                       const std::set<aneir::TensorId>& in_dram) {
  return OnChipPlan(program, compat, target).run(in_dram);
}

namespace {

// From the first operation that touches a buffer to the last.
struct Alive {
  size_t first = std::numeric_limits<size_t>::max(), last = 0;
  bool anywhere() const { return first <= last; }
};

// By buffer; those that do not lie on chip are alive nowhere.
std::vector<Alive> lives_on_chip(const EngineProgram& program) {
  std::vector<Alive> alive(program.buffers.size());
  const auto touch = [&](int id, size_t op) {
    if (program.buffers[static_cast<size_t>(id)].kind != BufferKind::OnChip) return;
    Alive& life = alive[static_cast<size_t>(id)];
    life.first = std::min(life.first, op);
    life.last = std::max(life.last, op);
  };
  for (size_t i = 0; i < program.ops.size(); ++i) {
    const EngineOp& op = program.ops[i];
    if (op.source.on_chip) touch(op.source.buffer, i);
    if (op.source2 && op.source2->on_chip) touch(op.source2->buffer, i);
    if (op.destination.on_chip) touch(op.destination.buffer, i);
    if (op.kept >= 0) touch(op.kept, i);
  }
  return alive;
}

}  // namespace

std::vector<int64_t> bytes_on_chip(const EngineProgram& program) {
  std::vector<int64_t> bytes(program.ops.size(), 0);
  const std::vector<Alive> alive = lives_on_chip(program);
  for (size_t id = 0; id < alive.size(); ++id)
    for (size_t op = alive[id].first; alive[id].anywhere() && op <= alive[id].last; ++op)
      bytes[op] += program.buffers[id].bytes;
  return bytes;
}

void check_on_chip(const EngineProgram& program, const Target& target) {
  const std::vector<Alive> alive = lives_on_chip(program);
  for (size_t a = 0; a < alive.size(); ++a) {
    const Buffer& first = program.buffers[a];
    if (!alive[a].anywhere()) continue;
    ensure(first.base >= 0 && first.base + first.bytes <= target.l2_bytes,
           "an on-chip buffer leaves the memory");
    for (size_t b = a + 1; b < alive.size(); ++b) {
      const Buffer& second = program.buffers[b];
      if (!alive[b].anywhere()) continue;
      const bool together = alive[a].first <= alive[b].last && alive[b].first <= alive[a].last;
      ensure(!together || first.base + first.bytes <= second.base || second.base + second.bytes <= first.base,
             "on-chip buffers overlap while both are alive");
    }
  }
}

}  // namespace ane::h13
