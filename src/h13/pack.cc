#include "h13/pack.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/error.h"
#include "base/half.h"
#include "base/parallel.h"

namespace ane::h13 {

namespace {

constexpr int64_t table_bytes = sizeof(Table);
constexpr int64_t parallel_grain = 1 << 16;  // weights

// The weights and biases of one task's output channels as fp16, row r of channel o at [o * reduction + r].
struct Coefficients {
  std::vector<Half> converted;  // what `weights` refers to, unless they are the network's own
  std::span<const Half> weights;
  std::vector<Half> bias;
  int64_t reduction = 0;

  Half weight(int64_t channel, int64_t r) const {
    return weights[static_cast<size_t>(channel * reduction + r)];
  }
};

// The bytes of values first to first + count - 1.
const uint8_t* values_from(const aneir::Constant& constant, int64_t first, int64_t count) {
  ensure(first + count <= constant.count(), "pack: weights end early");
  return constant.bytes.data() + first * aneir::size_of(constant.type);
}

std::vector<Half> halves(const aneir::Constant& constant, int64_t first, int64_t count) {
  std::vector<Half> values(static_cast<size_t>(count));
  const uint8_t* bytes = values_from(constant, first, count);
  parallel_for(count, parallel_grain, [&](int64_t begin, int64_t end) {
    const std::span<Half> to(values.data() + begin, static_cast<size_t>(end - begin));
    if (constant.type == aneir::ElementType::Float16) {
      std::memcpy(to.data(), bytes + begin * 2, to.size_bytes());
    } else if (constant.type == aneir::ElementType::Float32) {
      // The bytes may lie unaligned inside a protobuf or a mapped file.
      std::vector<float> floats(to.size());
      std::memcpy(floats.data(), bytes + begin * 4, floats.size() * 4);
      to_half(std::span<const float>(floats), to);
    } else {
      for (size_t i = 0; i < to.size(); ++i) {
        const uint8_t byte = bytes[begin + static_cast<int64_t>(i)];
        to[i] = to_half(constant.type == aneir::ElementType::UInt8
                            ? static_cast<float>(byte)
                            : static_cast<float>(static_cast<int8_t>(byte)));
      }
    }
  });
  return values;
}

Coefficients coefficients(const Convolution& work, int64_t input_channels, int64_t channels) {
  Coefficients result;
  result.reduction = input_channels * work.kernel_height * work.kernel_width;
  const int64_t first = work.first_channel * result.reduction, count = channels * result.reduction;
  const uint8_t* bytes = values_from(work.weights, first, count);
  if (work.weights.type == aneir::ElementType::Float16 &&
      reinterpret_cast<uintptr_t>(bytes) % alignof(Half) == 0) {
    result.weights = {reinterpret_cast<const Half*>(bytes), static_cast<size_t>(count)};
  } else {
    result.converted = halves(work.weights, first, count);
    result.weights = result.converted;
  }
  if (work.bias) result.bias = halves(*work.bias, work.first_channel, channels);
  return result;
}

void put(Bytes& block, Half half) {
  block.push_back(static_cast<uint8_t>(half.bits & 0xff));
  block.push_back(static_cast<uint8_t>(half.bits >> 8));
}

// A plane holds `lanes` consecutive output channels, from `first`. Dense: a bias row, then one row of lanes
// for each input channel, kernel row and kernel column.
void put_dense_plane(Bytes& block, const Coefficients& from, int64_t first, int64_t lanes) {
  for (int64_t lane = 0; lane < lanes && !from.bias.empty(); ++lane)
    put(block, from.bias[static_cast<size_t>(first + lane)]);
  const size_t start = block.size();
  block.resize(start + static_cast<size_t>(lanes * from.reduction * 2));
  uint8_t* out = block.data() + start;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    const Half* row = from.weights.data() + (first + lane) * from.reduction;
    for (int64_t r = 0; r < from.reduction; ++r) std::memcpy(out + (r * lanes + lane) * 2, row + r, 2);
  }
}

// Kernel taps by stride phase: all taps at even offsets first, then those shifted by one column, by one row,
// by both. -1 marks positions that odd kernels leave empty.
std::vector<int64_t> phase_order(int kernel_height, int kernel_width, int stride) {
  std::vector<int64_t> order;
  const int rows = (kernel_height + stride - 1) / stride, columns = (kernel_width + stride - 1) / stride;
  for (int phase_y = 0; phase_y < stride; ++phase_y)
    for (int phase_x = 0; phase_x < stride; ++phase_x)
      for (int a = 0; a < rows; ++a)
        for (int b = 0; b < columns; ++b) {
          const int y = a * stride + phase_y, x = b * stride + phase_x;
          order.push_back(y < kernel_height && x < kernel_width ? y * kernel_width + x : -1);
        }
  return order;
}

// Sparse: a bias row, the body's size in three bytes, then for every input channel its slots (phase order,
// lanes innermost) by eights: a mask of the non-zero ones, and those.
void put_sparse_plane(Bytes& block, const Coefficients& from, const Convolution& work, int64_t first,
                      int64_t lanes) {
  for (int64_t lane = 0; lane < lanes && !from.bias.empty(); ++lane)
    put(block, from.bias[static_cast<size_t>(first + lane)]);
  const std::vector<int64_t> order = phase_order(work.kernel_height, work.kernel_width, work.stride);
  const int64_t taps = static_cast<int64_t>(work.kernel_height) * work.kernel_width;
  const int64_t padded_lanes = std::max<int64_t>(work.stride * work.stride, lanes);
  const int64_t slots = static_cast<int64_t>(order.size()) * padded_lanes;
  Bytes body;
  for (int64_t channel = 0; channel < from.reduction / taps; ++channel)
    for (int64_t slot = 0; slot < slots; slot += 8) {
      const size_t mask_at = body.size();
      body.push_back(0);
      for (int64_t bit = 0; bit < 8 && slot + bit < slots; ++bit) {
        const int64_t lane = (slot + bit) % padded_lanes,
                      tap = order[static_cast<size_t>((slot + bit) / padded_lanes)];
        if (lane >= lanes || tap < 0) continue;
        const Half value = from.weight(first + lane, channel * taps + tap);
        if ((value.bits & 0x7fff) == 0) continue;
        body[mask_at] = static_cast<uint8_t>(body[mask_at] | 1u << bit);
        put(body, value);
      }
    }
  ensure(body.size() < (1u << 24), "pack: a sparse plane needs more than its 24-bit size says");
  for (int shift = 0; shift < 24; shift += 8) block.push_back(static_cast<uint8_t>(body.size() >> shift));
  block.insert(block.end(), body.begin(), body.end());
}

void put_plane(Bytes& block, const Coefficients& from, const Convolution& work, int64_t first,
               int64_t lanes) {
  if (is_sparse(work))
    put_sparse_plane(block, from, work, first, lanes);
  else
    put_dense_plane(block, from, first, lanes);
}

void pad64(Bytes& block) {
  block.resize(static_cast<size_t>(round_up(static_cast<int64_t>(block.size()), 64)));
}

// Chunks of 16 * l channels; engine i has the l channels from i * l in each chunk.
void put_dense(Bytes& block, const Coefficients& from, const Convolution& work, int64_t engine,
               int64_t engines, const std::vector<int64_t>& chunks) {
  int64_t start = 0;
  for (const int64_t lanes : chunks) {
    put_plane(block, from, work, start + engine * lanes, lanes);
    start += lanes * engines;
  }
}

// One plane per group, each padded.
void put_grouped(Bytes& block, const Coefficients& from, const Convolution& work, int64_t engine,
                 int64_t channels, int64_t engines) {
  const int64_t per_group = channels / work.groups, lanes = per_group / engines;
  for (int64_t group = 0; group < work.groups; ++group) {
    put_plane(block, from, work, group * per_group + engine * lanes, lanes);
    pad64(block);
  }
}

// Channels i, i + engines, ... back to back.
void put_depthwise(Bytes& block, const Coefficients& from, const Convolution& work, int64_t engine,
                   int64_t channels, int64_t engines) {
  for (int64_t channel = engine; channel < channels; channel += engines)
    put_plane(block, from, work, channel, 1);
}

}  // namespace

std::vector<int64_t> lane_chunks(int64_t channels, int cap, const Target& target) {
  if (channels < target.engines) return {1};
  std::vector<int64_t> chunks;
  for (int64_t left = channels / target.engines; left > 0;) {
    chunks.push_back(std::min<int64_t>(left, cap));
    left -= chunks.back();
  }
  return chunks;
}

BlockSizes pack_kernel(const Convolution& work, int64_t input_channels, int64_t channels, int cap,
                       const Target& target, Bytes& constants) {
  const Coefficients from = coefficients(work, input_channels, channels);
  const int64_t engines = std::min<int64_t>(target.engines, channels);
  const std::vector<int64_t> chunks = lane_chunks(channels, cap, target);
  std::vector<Bytes> blocks(static_cast<size_t>(engines));
  const int64_t weights = static_cast<int64_t>(from.weights.size());
  const int64_t grain = std::max<int64_t>(1, engines * parallel_grain / std::max<int64_t>(1, weights));
  parallel_for(engines, grain, [&](int64_t begin, int64_t end) {
    for (int64_t engine = begin; engine < end; ++engine) {
      Bytes& block = blocks[static_cast<size_t>(engine)];
      // Of dense weights; sparse ones take a little more where there are few zeros.
      block.reserve(static_cast<size_t>(2 * (weights + static_cast<int64_t>(from.bias.size())) / engines +
                                        table_bytes + 64));
      if (work.table) {
        block.resize(table_bytes);
        std::memcpy(block.data(), work.table->data(), table_bytes);
      }
      switch (work.form) {
        case Convolution::Form::Dense:
          put_dense(block, from, work, engine, engines, chunks);
          break;
        case Convolution::Form::Grouped:
          put_grouped(block, from, work, engine, channels, engines);
          break;
        case Convolution::Form::Depthwise:
          put_depthwise(block, from, work, engine, channels, engines);
          break;
      }
      pad64(block);
    }
  });
  BlockSizes sizes;
  for (const Bytes& block : blocks) {
    sizes.push_back(static_cast<int64_t>(block.size()));
    constants.insert(constants.end(), block.begin(), block.end());
  }
  return sizes;
}

BlockSizes pack_table(const Table& table, int64_t engines, Bytes& constants) {
  const size_t start = constants.size();
  constants.resize(start + static_cast<size_t>(table_bytes * engines));
  std::memcpy(constants.data() + start, table.data(), table_bytes);
  return BlockSizes(static_cast<size_t>(engines), table_bytes);
}

BlockSizes pack_differences(const Table& table, int64_t channels, const Target& target, Bytes& constants) {
  Bytes block(static_cast<size_t>(table_bytes));
  std::memcpy(block.data(), table.data(), table_bytes);
  for (int64_t channel = 0; channel < channels; channel += target.engines)
    for (const uint8_t weight : {uint8_t{0x01}, uint8_t{0xff}}) block.push_back(weight);
  pad64(block);
  for (int engine = 0; engine < target.engines; ++engine)
    constants.insert(constants.end(), block.begin(), block.end());
  return BlockSizes(static_cast<size_t>(target.engines), static_cast<int64_t>(block.size()));
}

int64_t lane_bytes(const Convolution& work, int64_t input_channels) {
  const int64_t taps = static_cast<int64_t>(work.kernel_height) * work.kernel_width;
  if (!is_sparse(work)) return 2 * (input_channels * taps + (work.bias ? 1 : 0));
  const int64_t slots =
      static_cast<int64_t>(phase_order(work.kernel_height, work.kernel_width, work.stride).size());
  return input_channels * 2 * taps + input_channels * slots / 8 + (work.bias ? 2 : 0);
}

}  // namespace ane::h13
