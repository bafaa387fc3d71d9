#include "h13/cost.h"

#include <algorithm>
#include <cmath>

#include "base/bytes.h"
#include "h13/pack.h"

namespace ane::h13 {

namespace {

int64_t view_bytes(const View& view) {
  return view.c * view.h * row_bytes(view.w);
}

// Multiply-accumulate steps of one engine for one output pixel.
int64_t steps_per_pixel(const EngineOp& op, const Convolution& work, const Target& target) {
  const int64_t taps = static_cast<int64_t>(work.kernel_height) * work.kernel_width;
  const int64_t channels = op.destination.c, engines = target.engines;
  switch (work.form) {
    case Convolution::Form::Depthwise:
      return std::max<int64_t>(1, channels / engines) * taps;
    case Convolution::Form::Grouped:
      return work.groups * std::max<int64_t>(2, channels / work.groups / engines) *
             (op.source.c / work.groups) * taps;
    case Convolution::Form::Dense:
      return std::max<int64_t>(1, channels / engines) * op.source.c * taps;
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
  const double traffic =
      static_cast<double>(result.dram_read + result.dram_written + result.coefficient_bytes) /
      target.bytes_per_microsecond;
  result.microseconds = std::max(traffic, static_cast<double>(result.macs) / target.macs_per_microsecond);
  return result;
}

uint32_t time_estimate(const Task& task, const Target& target) {
  const auto bytes_of = [&](Reg dim, Reg channels, Reg row) {
    return static_cast<double>(task[channels]) * (task[dim] >> 16) * task[row];
  };
  const bool reads = task[Reg::Src1DMAConfig] & 1, writes = task[Reg::DstDMAConfig] & 1;
  double bytes = 0;
  const double groups = task.get(Field::GroupConvCfg_NumGroups);
  if (reads) bytes += groups * bytes_of(Reg::InDim, Reg::Cin, Reg::Src1RowStride);
  if (task.get(HeaderField::RBE1)) bytes += groups * bytes_of(Reg::InDim, Reg::Cin, Reg::Src2RowStride);
  if (writes) bytes += groups * bytes_of(Reg::OutDim, Reg::Cout, Reg::DstRowStride);
  for (int i = 0; i < target.engines; ++i)
    if (task[Reg::CoeffDMAConfig0 + i] & 1) bytes += task[Reg::CoeffBfrSize0 + i];
  double work = 0;
  if (task.get(HeaderField::ENE) != 0 && task[Reg::MasterConfig] != 0) {
    const double taps = static_cast<double>(task.get(Field::ConvCfg_Kw)) * task.get(Field::ConvCfg_Kh);
    const bool alone = task.get(Field::GroupConvCfg_UnicastEn);
    work = groups * task[Reg::Cout] * (alone ? 1 : task[Reg::Cin]) * taps * task.get(Field::OutDim_Wout) *
           task.get(Field::OutDim_Hout);
  }
  // Surfaces of one pixel a channel stream a channel at a time.
  const bool pixels = task[Reg::InDim] == 0x10001;
  const double channels =
      pixels ? groups * task[Reg::Cin] * ((reads ? 1 : 0) + task.get(HeaderField::RBE1)) : 0;
  const double estimate = std::max({std::floor(bytes / target.bytes_per_microsecond),
                                    std::floor(work / target.macs_per_microsecond),
                                    std::floor(channels / target.pixel_channels_per_microsecond)});
  return static_cast<uint32_t>(std::min(estimate, 65535.0));
}

bool large_patches_pay(const EngineOp& op, const Target& target) {
  const auto& work = std::get<Convolution>(op.work);
  constexpr double cycles_per_microsecond = 1422, pixels_per_cycle = 256;
  const double rows = static_cast<double>(round_up(op.destination.h, int64_t{1} << op.place.shape_max));
  const double compute = static_cast<double>(steps_per_pixel(op, work, target)) * rows *
                         static_cast<double>(std::max<int64_t>(64, op.destination.w)) / pixels_per_cycle /
                         cycles_per_microsecond;
  const double traffic =
      static_cast<double>(view_bytes(op.source) + view_bytes(op.destination) + kernel_bytes(op, work)) /
      target.bytes_per_microsecond;
  return compute > traffic;
}

}  // namespace ane::h13
