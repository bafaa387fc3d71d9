#include "h13/geometry.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/error.h"

namespace ane::h13 {

namespace {

constexpr int64_t granule = 16;

int64_t channel_pitch(int64_t width) {
  return round_up(width * 2, granule);
}

// log2 of the rows of an NE patch for a convolution: as many as keep 128 pixels.
int convolution_patch(int64_t out_width) {
  if (out_width > 64) return 0;
  int log2 = 0;
  while (log2 < 4 && (out_width << (log2 + 1)) <= 128) ++log2;
  return log2;
}

int bypass_patch(int64_t width, int64_t height) {
  return std::max(0, std::min(ceil_log2(height), 7 - ceil_log2(std::min<int64_t>(width, 128))));
}

// Skew of convolution source rows, in granules: the smallest that keeps the rows of one patch, each as wide
// as an output row and its margin, on different banks.
int64_t convolution_skew(int64_t units, int stride, int64_t out_width, int64_t out_height, int patch,
                         bool small, const Target& target) {
  if (patch <= 1) return 0;
  int64_t width = std::max<int64_t>(3, round_up(2 * out_width, granule) / granule + 1);
  if (patch == 4 && !small && out_width <= 8 && out_height > 16) width = 2;
  const int64_t rows = int64_t{1} << patch;
  for (int64_t skew = 0; skew < target.l2_banks; ++skew) {
    uint64_t used = 0;
    bool free = true;
    for (int64_t r = 0; r < rows && free; ++r)
      for (int64_t q = 0; q < width && free; ++q) {
        const uint64_t bank = uint64_t{1} << ((r * stride * (units + skew) + q) % target.l2_banks);
        free = !(used & bank);
        used |= bank;
      }
    if (free) return skew;
  }
  return 0;
}

// Rows of source that a tile of `tile` output rows keeps.
int64_t rows_kept(const Convolution& work, int64_t tile, int64_t source_height) {
  const int64_t margin = round_up(work.kernel_height - 1, work.stride);
  return std::min(source_height, tile * work.stride + margin);
}

}  // namespace

int ceil_log2(int64_t value) {
  int log2 = 0;
  while ((int64_t{1} << log2) < value) ++log2;
  return log2;
}

int64_t spread_over_banks(int64_t units, int64_t distance, int64_t rows, const Target& target) {
  const int64_t banks = target.l2_banks;
  for (int64_t stride = units; stride < units + banks; ++stride) {
    bool apart = true;
    for (int64_t i = 0; i < rows && apart; ++i)
      for (int64_t j = i + 1; j < rows && apart; ++j) {
        const int64_t gap = ((j - i) * stride) % banks;
        apart = std::min(gap, banks - gap) >= distance;
      }
    if (apart) return stride;
  }
  return units;
}

int lane_cap(const View& source, const Target& target) {
  return std::max(source.h, source.w) <= target.small_image_side ? target.max_lanes_small_image
                                                                 : target.max_lanes;
}

Geometry convolution_geometry(const Convolution& work, const View& source, const View& destination,
                              const Target& target) {
  Geometry g;
  const int64_t channels = work.form == Convolution::Form::Grouped ? source.c / work.groups : source.c;
  const int64_t units = channels * channel_pitch(source.w) / granule;
  g.small = destination.h <= 16 && destination.w <= 8;
  g.shape_max = g.small ? 4 : convolution_patch(destination.w);
  const int patch = convolution_patch(destination.w);
  const int64_t skew =
      convolution_skew(units, work.stride, destination.w, destination.h, patch, g.small, target);
  g.source = {0, channel_pitch(source.w), (units + skew) * granule, units * granule};

  // Staging for the result, then as many source rows as fit. Tile heights are multiples of the patch height.
  const int64_t patch_rows = int64_t{1} << g.shape_max;
  const int64_t staging = 4 * patch_rows * destination.c * channel_pitch(destination.w);
  const auto fits = [&](int64_t tile) {
    return rows_kept(work, tile, source.h) * g.source.row + staging <= target.l2_bytes;
  };
  if (rows_kept(work, destination.h, source.h) * g.source.row + std::min(staging, target.l2_bytes / 4) <=
      target.l2_bytes) {
    // Captured programs with large results and small sources are not tiled: the source decides.
    g.tile = destination.h;
  } else {
    int64_t largest = destination.h / patch_rows * patch_rows;
    while (largest > 0 && !fits(largest)) largest -= patch_rows;
    if (largest <= 0) return g;
    const int64_t tiles = (destination.h + largest - 1) / largest;
    const bool streams = work.kernel_height == 1 && work.kernel_width == 1 && destination.h % patch_rows == 0;
    g.tile = streams ? patch_rows
                     : std::min(destination.h, round_up((destination.h + tiles - 1) / tiles, patch_rows));
  }
  g.result.base = g.source.row * (g.tile == destination.h ? source.h : rows_kept(work, g.tile, source.h));
  g.fits = g.result.base < target.l2_bytes;
  return g;
}

Geometry bypass_geometry(const View& source, bool transpose, const Target& target) {
  Geometry g;
  const int64_t pitch = channel_pitch(std::min<int64_t>(source.w, 128)), depth = source.c * pitch;
  g.shape_max = bypass_patch(source.w, source.h);
  int64_t row = depth;
  if (source.h > 1 && g.shape_max > 0) {
    const int64_t distance = std::min<int64_t>(4, std::max<int64_t>(2, pitch / granule)) + 1;
    row = granule * spread_over_banks(depth / granule, distance, int64_t{1} << g.shape_max, target);
  }
  g.source = {0, pitch, row, depth};
  g.tile = std::min(source.h, (target.l2_bytes - granule) / row);
  if (g.tile == 0) return g;
  g.result.base = g.tile * row;
  g.fits = true;
  if (transpose) {
    g.result_strided = true;
    g.result.channel = channel_pitch(source.c);
    g.result.depth = source.w * g.result.channel;
    g.result.row = g.result.depth;
  }
  return g;
}

Geometry channel_reduce_geometry(const View& source, const Target& target) {
  Geometry g;
  const int64_t units = source.c * channel_pitch(source.w) / granule;
  g.small = source.h <= 16 && source.w <= 8;
  g.shape_max = convolution_patch(source.w);
  const int64_t skew =
      source.h == 1 ? 0 : convolution_skew(units, 1, source.w, source.h, g.shape_max, g.small, target);
  g.source = {0, channel_pitch(source.w), (units + skew) * granule, units * granule};
  const int64_t patch_rows = int64_t{1} << g.shape_max;
  g.tile = source.h;
  if (g.tile * g.source.row > target.l2_bytes - granule) {
    g.tile = (target.l2_bytes - granule) / g.source.row / patch_rows * patch_rows;
    if (g.tile == 0) return g;
  }
  g.result.base = g.tile * g.source.row;
  g.fits = true;
  return g;
}

L2Operand resident_operand(const View& operand, const Target& target) {
  const int64_t pitch = channel_pitch(operand.w), depth = operand.c * pitch;
  const int64_t row = operand.h > 1 ? granule * spread_over_banks(depth / granule, 2, 8, target) : depth;
  return {0, pitch, row, depth};
}

int64_t resident_bytes(const View& operand, const Target& target) {
  return resident_operand(operand, target).row * operand.h;
}

Geometry planar_geometry(const View& source, const View* source2, bool operand_in_l2, const View& destination,
                         const Target& target) {
  Geometry g;
  const int64_t patch_limit = source2 ? 8 : 9;
  g.patch_width = std::clamp(ceil_log2(source.w), 4, 9);
  const int64_t patch = int64_t{1} << g.patch_width;
  if (source.h > 1 && source.w > 16 && 4 * (patch - source.w) > patch) g.patch_width = 5;
  g.patch_height = static_cast<int>(
      std::max<int64_t>(0, std::min<int64_t>(ceil_log2(source.h), patch_limit - g.patch_width)));
  const int64_t patch_pixels = int64_t{1} << g.patch_width;
  const int64_t pitch = channel_pitch(std::min(source.w, patch_pixels)), depth = source.c * pitch;
  const int64_t row = g.patch_width <= 5 ? granule * spread_over_banks(depth / granule, 2, 8, target) : depth;
  const int64_t operand = operand_in_l2 && source2 ? resident_bytes(*source2, target) : 0;
  const int64_t buffers = (source2 && !operand_in_l2 ? 2 : 1) + 1;
  const int64_t room = (target.l2_bytes - operand - 4 * target.l2_banks) / (buffers * row);
  if (room <= 0) return g;
  g.tile = source.h;
  if (room < source.h) {
    const int64_t patch_rows = int64_t{1} << g.patch_height;
    g.tile = std::max<int64_t>(1, room / patch_rows * patch_rows);
    if (g.tile > room) return g;
  }
  const int64_t bytes = g.tile * row;
  g.source = {operand, pitch, row, depth};
  if (operand_in_l2 && source2) {
    g.source2 = resident_operand(*source2, target);
    g.result.base = operand + bytes;
  } else if (source2) {
    int64_t gap = 0;
    const auto too_near = [&](int64_t units) {
      const int64_t bank = units % target.l2_banks;
      return std::min(bank, target.l2_banks - bank) < 4;
    };
    while (too_near(bytes / granule + gap)) ++gap;
    g.source2 = {bytes + granule * gap, pitch, row, depth};
    g.result.base = g.source2.base + bytes;
  } else {
    g.result.base = bytes;
  }
  if (patch_pixels < source.w && source.w % patch_pixels != 0 && destination.w == source.w) {
    g.result_strided = true;
    g.result.channel = pitch, g.result.row = row, g.result.depth = depth;
  }
  g.fits = true;
  return g;
}

Geometry geometry(const EngineOp& op, const Target& target) {
  if (const auto* work = std::get_if<Convolution>(&op.work))
    return convolution_geometry(*work, op.source, op.destination, target);
  if (const auto* work = std::get_if<Bypass>(&op.work))
    return bypass_geometry(op.source, work->transpose, target);
  if (std::holds_alternative<ChannelReduce>(op.work)) return channel_reduce_geometry(op.source, target);
  const bool resident = op.source2 && (op.source2->c != op.source.c || op.source2->h != op.source.h ||
                                       op.source2->w != op.source.w);
  return planar_geometry(op.source, op.source2 ? &*op.source2 : nullptr, resident, op.destination, target);
}

}  // namespace ane::h13
