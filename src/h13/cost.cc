#include "h13/cost.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/bytes.h"
#include "h13/pack.h"

namespace ane::h13 {

namespace {

// Bytes that a transfer moves, row padding included.
int64_t view_bytes(const View& view) {
  const int64_t element = view.bytes ? 1 : 2;
  if (!view.on_chip && view.stride_c == 2 && view.c > 1) return view.g * row_bytes(view.c, element);
  if (view.interleave > 1) return view.c * view.h * view.w * element;
  return view.g * view.d * view.c * view.h * row_bytes(view.w, element);
}

// Output channels that one engine makes.
int64_t lanes_of_engine(const EngineOp& op, const Convolution& work, const Target& target) {
  const int64_t channels = op.destination.c, engines = target.engines;
  if (work.form != Convolution::Form::Grouped) return std::max<int64_t>(1, channels / engines);
  return work.groups * std::max<int64_t>(2, channels / work.groups / engines);
}

// Multiply-accumulate steps for one pixel of one output channel.
int64_t steps_per_lane(const EngineOp& op, const Convolution& work) {
  const int64_t taps = static_cast<int64_t>(work.kernel_height) * work.kernel_width;
  switch (work.form) {
    case Convolution::Form::Depthwise:
      return taps;
    case Convolution::Form::Grouped:
      return op.source.c / work.groups * taps;
    case Convolution::Form::Dense:
      return op.source.c * taps;
  }
  return 0;
}

int64_t kernel_bytes(const EngineOp& op, const Convolution& work) {
  const int64_t per_group = op.source.c / (work.form == Convolution::Form::Dense ? 1 : work.groups);
  return op.destination.c * lane_bytes(work, per_group);
}

}  // namespace

Cost cost(const EngineOp& op, const Target& target) {
  Cost result;
  if (!op.source.on_chip) result.dram_read = view_bytes(op.source);
  if (op.source2 && !op.source2->on_chip) result.dram_read += view_bytes(*op.source2);
  if (!op.destination.on_chip) result.dram_written = view_bytes(op.destination);
  if (const auto* work = std::get_if<Convolution>(&op.work); work && !work->kernel) {
    const int64_t per_group = op.source.c / (work->form == Convolution::Form::Dense ? 1 : work->groups);
    result.macs = op.destination.c * op.destination.h * op.destination.w * per_group * work->kernel_height *
                  work->kernel_width;
    result.coefficient_bytes = kernel_bytes(op, *work);
  }
  result.traffic_microseconds = static_cast<double>(result.bytes()) / target.bytes_per_microsecond;
  result.work_microseconds = static_cast<double>(result.macs) / target.macs_per_microsecond;
  result.microseconds = std::max(result.traffic_microseconds, result.work_microseconds);
  return result;
}

void add(Cost& total, const Cost& part) {
  total.macs += part.macs;
  total.dram_read += part.dram_read;
  total.dram_written += part.dram_written;
  total.coefficient_bytes += part.coefficient_bytes;
  total.l2_bytes = std::max(total.l2_bytes, part.l2_bytes);
  total.traffic_microseconds += part.traffic_microseconds;
  total.work_microseconds += part.work_microseconds;
  total.microseconds += part.microseconds;
  total.header_microseconds += part.header_microseconds;
}

namespace {

constexpr double cycles_per_microsecond = 1427;

// Cycles of work that is not multiplication. Planar reductions take 8 columns (of rows at least 32 wide) of
// four rows at a time, other planar work 32 elements; a table looks at one column of eight rows of 16
// channels. Fitted to the softmax, normalisation and reduction captures.
double work_cycles(const EngineOp& op) {
  const View all = iteration(op);
  const auto ceil = [](int64_t value, int64_t unit) { return (value + unit - 1) / unit; };
  const int64_t planes = all.c * all.g * all.d;
  if (std::holds_alternative<PlaneReduce>(op.work))
    return static_cast<double>(planes * ceil(all.h, 4) * round_up(all.w, 32)) / 8;
  if (!is_neural(op)) return static_cast<double>(planes * all.h * all.w) / 32;
  const auto* bypass = std::get_if<Bypass>(&op.work);
  if (bypass && bypass->table) return static_cast<double>(ceil(all.c, 16) * ceil(all.h, 8) * all.w);
  return 0;
}

// Data of one pixel a channel move a channel at a time: sources, and the results of planar reductions.
int64_t pixel_channels(const EngineOp& op) {
  const auto pixels = [](const View& view) {
    return view.on_chip || view.w != 1 || view.h != 1 ? 0 : view.c * view.g;
  };
  int64_t channels = pixels(op.source) + (op.source2 ? pixels(*op.source2) : 0);
  if (std::holds_alternative<PlaneReduce>(op.work) && op.destination.stride_c != 2)
    channels = std::max(channels, pixels(op.destination));
  return channels;
}

// Rows that two tiles of a convolution both read
// (encoder_conv_idx_c1024_n1024_k9x1_s1_g1024_bias1_same_hmaj).
int64_t bytes_read_again(const EngineOp& op) {
  const auto* work = std::get_if<Convolution>(&op.work);
  if (!work || op.place.tile <= 0) return 0;
  const int64_t seams = (op.destination.h - 1) / op.place.tile;
  const int64_t rows = std::max(0, work->kernel_height - work->stride);
  return seams * rows * op.source.c * row_bytes(op.source.w);
}

}  // namespace

uint32_t time_estimate(const EngineOp& op, const Task& task, const Target& target) {
  double bytes = 0;
  if (!op.source.on_chip) bytes += static_cast<double>(view_bytes(op.source) + bytes_read_again(op));
  if (op.source2 && !op.source2->on_chip) bytes += static_cast<double>(view_bytes(*op.source2));
  if (!op.destination.on_chip) bytes += static_cast<double>(view_bytes(op.destination));
  // A table that all engines read counts once.
  std::set<uint32_t> blocks;
  for (int i = 0; i < target.engines; ++i)
    if ((task[Reg::CoeffDMAConfig0 + i] & 1) && blocks.insert(task[Reg::CoeffBaseAddr0 + i]).second)
      bytes += task[Reg::CoeffBfrSize0 + i];
  double work = 0;
  if (std::holds_alternative<Convolution>(op.work)) {
    const double taps = static_cast<double>(task.get(Field::ConvCfg_Kw)) * task.get(Field::ConvCfg_Kh);
    const bool alone = task.get(Field::GroupConvCfg_UnicastEn);
    work = static_cast<double>(task.get(Field::GroupConvCfg_NumGroups)) * task[Reg::Cout] *
           (alone ? 1 : task[Reg::Cin]) * taps * task.get(Field::OutDim_Wout) * task.get(Field::OutDim_Hout);
  }
  const double estimate = std::max(
      {std::floor(bytes / target.bytes_per_microsecond), std::floor(work / target.macs_per_microsecond),
       std::floor(work_cycles(op) / cycles_per_microsecond),
       std::floor(static_cast<double>(pixel_channels(op)) / target.pixel_channels_per_microsecond)});
  return static_cast<uint32_t>(std::min(estimate, 65535.0));
}

bool computes_longer_than_it_streams(const EngineOp& op, int patch, const Target& target) {
  const auto& work = std::get<Convolution>(op.work);
  // A row of at least 64 pixels of one output channel: 256 steps a cycle, and one cycle to hand it over.
  constexpr double steps_per_cycle = 256;
  const double cycles_of_engine_per_microsecond =
      target.macs_per_microsecond / (steps_per_cycle * target.engines);
  const auto rows = static_cast<double>(round_up(op.destination.h, int64_t{1} << patch) *
                                        lanes_of_engine(op, work, target));
  const double steps =
      static_cast<double>(steps_per_lane(op, work) * std::max<int64_t>(64, op.destination.w));
  const double compute = rows * (steps / steps_per_cycle + 1) / cycles_of_engine_per_microsecond;
  const double traffic =
      static_cast<double>(view_bytes(op.source) + view_bytes(op.destination) + kernel_bytes(op, work)) /
      target.bytes_per_microsecond;
  return compute > traffic;
}

}  // namespace ane::h13
