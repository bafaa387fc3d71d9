#include "h13/geometry.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/error.h"
#include "h13/cost.h"

namespace ane::h13 {

namespace {

constexpr int64_t granule = 16;

int64_t channel_pitch(int64_t width, bool bytes = false) {
  return round_up(width * (bytes ? 1 : 2), granule);
}

// Strides of an operand that lies in L2 already.
L2Operand resident(const View& view) {
  return {0, channel_stride(view), view.stride_h, view.image_bytes, view.stride_g};
}

// log2 of the rows of an NE patch for a convolution. A patch has 128 pixels, 2^p rows of them; the p whose
// patches cover the result with the fewest pixels, of equals the one with the widest patch.
int convolution_patch(int64_t out_width, int64_t out_height) {
  const auto covered = [&](int p) {
    return round_up(out_width, int64_t{128} >> p) * round_up(out_height, int64_t{1} << p);
  };
  int best = 0;
  for (int p = 1; p <= 4; ++p)
    if (covered(p) < covered(best)) best = p;
  return best;
}

int bypass_patch(int64_t width, int64_t height) {
  return std::max(0, std::min(ceil_log2(height), 7 - ceil_log2(std::min<int64_t>(width, 128))));
}

// Skew of convolution source rows, in granules: the smallest that keeps the rows of one patch, each as wide
// as the patch and its margin, on different banks.
int64_t convolution_skew(int64_t units, int stride, int64_t out_height, int patch, bool small,
                         const Target& target) {
  if (patch <= 1) return 0;
  const int64_t width = small ? 3 : (int64_t{128} >> patch) * 2 / granule + 1;
  const int64_t rows = out_height > 1 ? std::min(int64_t{1} << patch, out_height) : int64_t{1} << patch;
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

// Rows of source that a tile of `tile` output rows keeps: the most that any tile reads, without the rows that
// padding supplies.
int64_t rows_kept(const Convolution& work, int64_t tile, const View& source, int64_t out_height) {
  int64_t most = 0;
  // The first two and the last: all others are like the second.
  const int64_t last = (out_height - 1) / tile * tile;
  for (const int64_t first : {int64_t{0}, std::min(tile, last), last}) {
    const int64_t begin = first * work.stride - work.pad_top;
    const int64_t rows = std::min(tile, out_height - first);
    const int64_t end = begin + (rows - 1) * work.stride + work.kernel_height;
    most = std::max(most, std::min(end, source.h) - std::max<int64_t>(begin, 0));
  }
  return std::min(source.h, round_up(most, work.stride));
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

int lane_cap(const Convolution& work, const View& source, const Target& target) {
  const bool wide = std::max(source.h, source.w) <= target.small_image_side;
  // A transposed result, and a single row that is longer than one pixel, take the narrow form (matmul_*,
  // chain_*).
  const bool narrow = work.transpose || work.kernel;
  return wide && !narrow ? target.max_lanes_small_image : target.max_lanes;
}

bool is_neural(const EngineOp& op) {
  return std::holds_alternative<Convolution>(op.work) || std::holds_alternative<Bypass>(op.work) ||
         std::holds_alternative<ChannelReduce>(op.work) || std::holds_alternative<Comparison>(op.work);
}

View iteration(const EngineOp& op) {
  View all = op.source;
  if (std::holds_alternative<Scalar>(op.work)) {
    // It may repeat its source.
    all.w = op.destination.w, all.h = op.destination.h, all.c = op.destination.c;
    return all;
  }
  if (!op.source2 || std::holds_alternative<GainOffset>(op.work)) return all;
  const View& other = *op.source2;
  all.w = std::max(all.w, other.w), all.h = std::max(all.h, other.h), all.c = std::max(all.c, other.c);
  all.d = std::max(all.d, other.d), all.g = std::max(all.g, other.g);
  return all;
}

int64_t planar_row(int64_t bytes, const Target& target) {
  return granule * spread_over_banks(bytes / granule, 2, 8, target);
}

int64_t shared_row(int64_t bytes, int64_t rows, const Target& target) {
  return rows < 16 ? planar_row(bytes, target) : granule * spread_over_banks(bytes / granule, 1, 16, target);
}

L2Operand kept_source(bool is_neural, const View& source, const Target& target) {
  const int64_t pitch = channel_pitch(source.w, source.bytes), depth = source.c * pitch,
                total = depth * source.d;
  const int64_t row = source.h == 1 ? total
                      : is_neural   ? shared_row(total, source.h, target)
                                    : planar_row(total, target);
  return {0, pitch, row, depth, total};
}

namespace {

bool is_small(const View& destination) {
  return destination.h <= 16 && destination.w <= 8;
}

void one_patch_shape(Geometry& g, int log2) {
  g.shape_max = g.shape_min = g.shape_preferred = log2;
}

// Patches of a task that runs chained: both engines work on the same 128 pixels (16 rows of an image, else as
// many columns as one row has). Evidence: softmax chains, chain_lnproj, chain_pair_mul_mm.
void chained_shape(Geometry& g, const View& view) {
  one_patch_shape(g, view.h > 1 ? 4 : 7 - std::min(7, ceil_log2(std::max<int64_t>(view.w, 8))));
}

// The image of a matrix product: what one engine pass computes, before its result is transposed.
View untransposed(const Convolution& work, const View& source, const View& destination) {
  View out = destination;
  if (work.transpose) out.w = source.w, out.h = source.h, out.c = destination.w;
  return out;
}

int64_t kernel_block(const Convolution& work, int64_t input_channels, int64_t channels,
                     const Target& target) {
  const int64_t reduction = input_channels * work.kernel_height * work.kernel_width;
  return std::max<int64_t>(1, channels / target.engines) * reduction * 2;
}

Geometry convolution_geometry(const EngineOp& op, const Convolution& work, const Target& target,
                              Chain chain) {
  Geometry g;
  const View &source = op.source, &destination = op.destination;
  const bool keeps = op.kept >= 0;
  const View out = untransposed(work, source, destination);
  const int64_t channels = work.form == Convolution::Form::Grouped ? source.c / work.groups : source.c;
  // A streamed source passes in pieces of 128 columns, one that stays lies whole.
  const bool streams = !source.on_chip && !keeps && work.kernel_width == 1;
  const int64_t columns = streams ? std::min<int64_t>(source.w, 128) : source.w;
  const int64_t units = channels * channel_pitch(columns) / granule;
  // Small images keep every patch whole and stream the kernel; a matrix product does so only while its kernel
  // fits the kernel memory (matmul_m1_k1024_n1024_ty1 is the first that does not).
  g.small = is_small(out);
  if (work.transpose && kernel_block(work, channels, out.c, target) > target.kernel_bytes_per_engine)
    g.small = false;
  const int patch = g.small ? 4 : convolution_patch(out.w, out.h);
  g.shape_max = patch;
  if (work.transpose) one_patch_shape(g, patch);
  if (chain == Chain::Planar || (chain == Chain::Neural && !work.transpose)) chained_shape(g, source);
  if (g.small) one_patch_shape(g, 4);
  const bool computes = computes_longer_than_it_streams(op, g.shape_max, target);
  if (!work.transpose && computes) one_patch_shape(g, g.shape_max);
  const int64_t skew =
      source.h == 1 && !g.small ? 0 : convolution_skew(units, work.stride, out.h, patch, g.small, target);
  g.source = {0, channel_pitch(columns), (units + skew) * granule, units * granule, units * granule};
  if (work.kernel) g.source.row = g.source.depth;
  if (source.on_chip) g.source = resident(source);

  // Tiles of source rows beside one patch of result rows.
  const int64_t patch_rows = int64_t{1} << g.shape_max;
  const int64_t staging = std::min(patch_rows * out.c * channel_pitch(out.w), target.l2_bytes / 4);
  const auto end_of = [&](int64_t tile) { return rows_kept(work, tile, source, out.h) * g.source.row; };
  if (source.on_chip || end_of(out.h) + staging <= target.l2_bytes) {
    g.tile = out.h;
  } else {
    int64_t largest = out.h / patch_rows * patch_rows;
    while (largest > 0 && end_of(largest) + staging > target.l2_bytes) largest -= patch_rows;
    if (largest <= 0) return g;
    g.tile = largest;
    if (work.kernel_height == 1 && work.kernel_width == 1) {
      // Without seams one patch is enough where the rows divide into patches; elsewhere rows lie unpadded
      // (encoder_conv_idx_c256_n256_*).
      if (out.h % patch_rows == 0)
        g.tile = patch_rows;
      else
        g.source.row = g.source.depth;
    } else if (computes) {
      const int64_t tiles = (out.h + largest - 1) / largest;
      g.tile = round_up((out.h + tiles - 1) / tiles, patch_rows);
    }
  }
  if (!source.on_chip) g.result.base = end_of(g.tile);
  g.fits = source.on_chip || g.result.base < target.l2_bytes;
  return g;
}

// A transposed result with at most eight columns, and one that leaves in blocks of channels: both are written
// in pieces smaller than a patch row, and prefer patches of at least eight rows.
bool writes_in_pieces(const EngineOp& op, const Bypass& work) {
  if (!work.transpose || (op.source.on_chip && op.destination.on_chip)) return false;
  return op.source.c <= 8 || op.destination.interleave > 1;
}

Geometry bypass_geometry(const EngineOp& op, const Bypass& work, const Target& target, Chain chain) {
  Geometry g;
  const View& source = op.source;
  // 256 bytes of each row at a time.
  const int64_t width = std::min<int64_t>(source.w, source.bytes ? 256 : 128);
  const int rows = ceil_log2(source.h), spare = 7 - std::min(7, ceil_log2(width));
  g.shape_max = bypass_patch(source.w, source.h);
  if (source.bytes) g.shape_max = std::min(g.shape_max + 1, std::min(rows, 4));
  g.shape_max = std::min(g.shape_max, 4);
  int64_t columns = width;
  if (writes_in_pieces(op, work)) {
    g.shape_preferred = std::clamp(spare, 3, 4);
    g.shape_max = std::min(4, std::max(g.shape_preferred, rows));
    g.shape_min = std::min(g.shape_preferred, std::max(rows, spare));
    if (source.h > 1) columns = std::min(width, std::max<int64_t>(32, 128 >> std::min(rows, 7)));
  } else if (op.kept >= 0 && source.h > 1) {
    one_patch_shape(g, 4);
  }
  if (chain != Chain::None) chained_shape(g, source);
  const int64_t pitch = channel_pitch(columns, source.bytes), depth = source.c * pitch;
  int64_t row = depth;
  if (writes_in_pieces(op, work)) {
    if (source.h >= 8) row = granule * spread_over_banks(depth / granule, 4, 8, target);
  } else if (source.h > 1 && g.shape_max > 0) {
    const int64_t distance = std::min<int64_t>(4, std::max<int64_t>(2, pitch / granule)) + 1;
    row = granule * spread_over_banks(depth / granule, distance,
                                      std::min(int64_t{8}, int64_t{1} << g.shape_max), target);
  }
  g.source = {0, pitch, row, depth, depth};
  if (op.kept >= 0) g.source = kept_source(true, source, target);
  g.tile = source.h;
  if (source.on_chip) {
    g.source = resident(source);
  } else {
    g.tile = std::min(source.h, (target.l2_bytes - granule) / g.source.row);
    if (g.tile < (op.kept >= 0 ? source.h : 1)) return g;
  }
  // An exchange of a high image writes whole patches: into DRAM always, into L2 when the image does not lie
  // there whole.
  if (work.transpose && source.h > 16 && (!op.destination.on_chip || g.tile < source.h))
    g.tile = std::min(g.tile, int64_t{1} << g.shape_max);
  g.result.base = source.on_chip ? 0 : g.tile * g.source.row;
  g.fits = true;
  if (work.transpose && !op.destination.on_chip && !source.on_chip && !writes_in_pieces(op, work)) {
    g.result_strided = true;
    const int64_t element = source.bytes ? 1 : 2;
    g.result.channel = source.bytes ? round_up(source.c, 64) : channel_pitch(source.c);
    g.result.depth =
        source.bytes ? source.w * g.result.channel : source.w * round_up(source.c * element, granule);
    g.result.row = g.result.group = g.result.depth;
  }
  return g;
}

Geometry channel_reduce_geometry(const EngineOp& op, const ChannelReduce& work, const Target& target,
                                 Chain chain) {
  Geometry g;
  const View& source = op.source;
  const int64_t units = source.c * channel_pitch(source.w) / granule;
  g.small = !work.maximum && is_small(source);
  g.shape_max = bypass_patch(source.w, source.h);
  if (g.small || (op.kept >= 0 && source.h > 1) || (chain != Chain::None && source.h > 1))
    one_patch_shape(g, 4);
  const int64_t distance = std::min<int64_t>(4, std::max<int64_t>(2, channel_pitch(source.w) / granule)) + 1;
  int64_t row = units * granule;
  if (source.h > 1) row = granule * spread_over_banks(units, distance, int64_t{1} << g.shape_max, target);
  g.source = {0, channel_pitch(source.w), row, units * granule, units * granule};
  if (op.kept >= 0) g.source = kept_source(true, source, target);
  g.tile = source.h;
  if (source.on_chip) {
    g.source = resident(source);
    g.fits = true;
    return g;
  }
  const int64_t patch_rows = int64_t{1} << g.shape_max;
  if (g.tile * g.source.row > target.l2_bytes - granule) {
    g.tile = (target.l2_bytes - granule) / g.source.row / patch_rows * patch_rows;
    if (g.tile == 0 || op.kept >= 0) return g;
  }
  g.result.base = g.tile * g.source.row;
  g.fits = true;
  return g;
}

// Both operands lie in L2 (less_bool_rr_1x64x1x1).
Geometry comparison_geometry(const EngineOp& op) {
  ensure(op.source.on_chip, "geometry: the operands of a comparison lie in L2");
  Geometry g;
  g.source = resident(op.source);
  g.shape_max = bypass_patch(op.source.w, op.source.h);
  g.tile = op.source.h;
  g.fits = true;
  return g;
}

// PE patches: up to 512 pixels with one source, 256 with two, width first (docs/h13-rules.md).
void planar_patch(Geometry& g, const View& all, bool two, bool neural_patches) {
  if (neural_patches) {
    g.patch_width = all.h > 1 ? 4 : std::clamp(ceil_log2(all.w), 4, 7);
    g.patch_height = all.h > 1 ? 4 : 7 - g.patch_width;
    return;
  }
  g.patch_width = std::clamp(ceil_log2(all.w), 4, 9);
  const int64_t patch = int64_t{1} << g.patch_width;
  if (all.h > 1 && all.w > 16 && 4 * (patch - all.w) > patch) g.patch_width = 5;
  g.patch_height = std::max(0, std::min(ceil_log2(all.h), (two ? 8 : 9) - g.patch_width));
}

// L2 layout of a planar source that comes by DMA.
L2Operand planar_source(const View& view, const Geometry& g, const Target& target) {
  const int64_t pitch = channel_pitch(std::min<int64_t>(view.w, int64_t{1} << g.patch_width), view.bytes);
  const int64_t depth = view.c * pitch, total = depth * view.d;
  const int64_t row = g.patch_width <= 5 ? planar_row(total, target) : total;
  return {0, pitch, row, depth, total};
}

Geometry planar_geometry(const EngineOp& op, const Target& target, bool neural_patches) {
  Geometry g;
  const View all = iteration(op);
  const bool two = op.source2.has_value();
  const bool streams2 = two && !op.source2->on_chip;
  planar_patch(g, all, two, neural_patches);
  const int64_t patch_pixels = int64_t{1} << g.patch_width;
  // A source that is repeated along rows stays whole (tile_*).
  g.source_whole = !op.source.on_chip && op.source.h < all.h;
  const L2Operand staged = planar_source(all, g, target);
  const int64_t buffers = (streams2 ? 2 : 1) + 1;
  g.tile = all.h;
  if (!op.source.on_chip && !g.source_whole) {
    const int64_t room = (target.l2_bytes - 4 * target.l2_banks) / (buffers * staged.row);
    if (room <= 0) return g;
    if (room < all.h) {
      const int64_t patch_rows = int64_t{1} << g.patch_height;
      g.tile = std::max<int64_t>(1, room / patch_rows * patch_rows);
      if (g.tile > room) return g;
    }
  }
  // A reduction whose source is read again works in tiles of 32 rows (layer_norm over C, H, W).
  const bool reads_again = op.kept >= 0 && std::holds_alternative<PlaneReduce>(op.work) && op.source.d >= 1 &&
                           op.source.c == 1 && op.source.h >= 64;
  if (reads_again) g.tile = 32;
  int64_t end = 0;
  if (op.source.on_chip) {
    g.source = resident(op.source);
  } else if (g.source_whole) {
    const int64_t pitch = channel_pitch(op.source.w);
    g.source = {0, pitch, pitch, op.source.c * pitch, op.source.c * pitch};
    end = g.source.depth;
  } else if (op.kept >= 0) {
    g.source = kept_source(false, op.source, target);
    end = op.source.h * g.source.row;
  } else {
    g.source = staged;
    end = g.tile * staged.row;
  }
  if (two && op.source2->on_chip) {
    g.source2 = resident(*op.source2);
  } else if (two) {
    int64_t gap = 0;
    const auto too_near = [&](int64_t units) {
      const int64_t bank = units % target.l2_banks;
      return std::min(bank, target.l2_banks - bank) < 4;
    };
    while (end > 0 && too_near(end / granule + gap)) ++gap;
    g.source2 = planar_source(all, g, target);
    g.source2.base = end + granule * gap;
    end = g.source2.base + g.tile * g.source2.row;
  }
  g.result.base = end;
  const bool reduces = std::holds_alternative<PlaneReduce>(op.work);
  if (!op.destination.on_chip && op.destination.stride_c == 2 && op.destination.c > 1) {
    // Channels become columns, groups rows.
    const int64_t pitch = channel_pitch(op.destination.c);
    g.result_strided = true;
    g.result.channel = g.result.depth = pitch;
    g.result.row = pitch * op.destination.g;
    g.result.group = op.source.on_chip ? 0 : pitch;
  } else if (!reduces && patch_pixels < all.w && all.w % patch_pixels != 0) {
    g.result_strided = true;
    const int64_t base = g.result.base;
    g.result = staged;
    g.result.base = base;
    g.result.group = staged.depth;
  }
  g.fits = true;
  return g;
}

}  // namespace

Geometry geometry(const EngineOp& op, const Target& target, Chain chain, bool neural_patches) {
  if (const auto* work = std::get_if<Convolution>(&op.work))
    return convolution_geometry(op, *work, target, chain);
  if (const auto* work = std::get_if<Bypass>(&op.work)) return bypass_geometry(op, *work, target, chain);
  if (const auto* work = std::get_if<ChannelReduce>(&op.work))
    return channel_reduce_geometry(op, *work, target, chain);
  if (std::holds_alternative<Comparison>(op.work)) return comparison_geometry(op);
  return planar_geometry(op, target, neural_patches);
}

}  // namespace ane::h13
