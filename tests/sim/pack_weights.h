// Coefficient blocks from weights, straight from the written rules (docs/h13-rules.md); the simulator's
// reader has to undo what stands here. Sizes are compared with those of captured programs, which no code of
// ours has a part in.
#pragma once

#include <functional>

#include "sim/task_builder.h"

namespace ane::sim::test {

struct Weights {
  std::function<uint16_t(int64_t out, int64_t in, int64_t y, int64_t x)> weight;  // fp16 bits
  std::function<uint16_t(int64_t out)> bias;                                      // empty: none
};

struct KernelSpec {
  int64_t inputs = 1;  // of one output channel
  int64_t height = 1, width = 1, stride = 1;
  bool sparse = false;
};

// Kernel positions by stride phase; {-1, -1} marks those that an odd kernel leaves empty.
inline std::vector<std::pair<int64_t, int64_t>> positions(const KernelSpec& spec) {
  std::vector<std::pair<int64_t, int64_t>> order;
  const int64_t rows = (spec.height + spec.stride - 1) / spec.stride,
                columns = (spec.width + spec.stride - 1) / spec.stride;
  for (int64_t py = 0; py < spec.stride; ++py)
    for (int64_t px = 0; px < spec.stride; ++px)
      for (int64_t a = 0; a < rows; ++a)
        for (int64_t b = 0; b < columns; ++b) {
          const int64_t y = a * spec.stride + py, x = b * spec.stride + px;
          const bool inside = y < spec.height && x < spec.width;
          order.emplace_back(inside ? y : -1, inside ? x : -1);
        }
  return order;
}

// The slots of one input channel: position-major, lanes inside.
inline std::vector<uint16_t> slots(const KernelSpec& spec, const Weights& from, int64_t first, int64_t lanes,
                                   int64_t in, int64_t padded_lanes) {
  std::vector<uint16_t> values;
  for (const auto& [y, x] : positions(spec))
    for (int64_t lane = 0; lane < padded_lanes; ++lane)
      values.push_back(y < 0 || lane >= lanes ? uint16_t{0} : from.weight(first + lane, in, y, x));
  return values;
}

// Output channels first .. first + lanes into the block of `engine`.
inline void pack_plane(Blocks& blocks, size_t engine, const KernelSpec& spec, const Weights& from,
                       int64_t first, int64_t lanes) {
  Bytes& block = blocks.of_engine[engine];
  for (int64_t lane = 0; from.bias && lane < lanes; ++lane) blocks.half_word(engine, from.bias(first + lane));
  if (!spec.sparse) {
    for (int64_t in = 0; in < spec.inputs; ++in)
      for (const uint16_t value : slots(spec, from, first, lanes, in, lanes)) blocks.half_word(engine, value);
    return;
  }
  const size_t count_at = block.size();
  block.resize(count_at + 3);
  for (int64_t in = 0; in < spec.inputs; ++in) {
    const std::vector<uint16_t> values =
        slots(spec, from, first, lanes, in, std::max(spec.stride * spec.stride, lanes));
    for (size_t begin = 0; begin < values.size(); begin += 8) {
      const size_t mask_at = block.size();
      block.push_back(0);
      for (size_t bit = 0; bit < 8 && begin + bit < values.size(); ++bit)
        if (values[begin + bit] & 0x7fff) {
          block[mask_at] = static_cast<uint8_t>(block[mask_at] | 1u << bit);
          blocks.half_word(engine, values[begin + bit]);
        }
    }
  }
  const size_t count = block.size() - count_at - 3;
  for (size_t i = 0; i < 3; ++i) block[count_at + i] = static_cast<uint8_t>(count >> (8 * i));
}

// Chunks of 16 * lanes channels, as many lanes as `cap` while they last.
inline Blocks pack_dense(const KernelSpec& spec, const Weights& from, int64_t channels, int64_t cap) {
  const int64_t engines = std::min<int64_t>(16, channels);
  Blocks blocks(static_cast<size_t>(engines));
  for (int64_t start = 0; start < channels;) {
    const int64_t lanes = std::min(cap, (channels - start) / engines);
    for (int64_t engine = 0; engine < engines; ++engine)
      pack_plane(blocks, static_cast<size_t>(engine), spec, from, start + engine * lanes, lanes);
    start += lanes * engines;
  }
  return blocks;
}

// One plane for each group, padded to 64 bytes.
inline Blocks pack_grouped(const KernelSpec& spec, const Weights& from, int64_t channels, int64_t groups) {
  const int64_t per_group = channels / groups, engines = std::min<int64_t>(16, per_group),
                lanes = per_group / engines;
  Blocks blocks(static_cast<size_t>(engines));
  for (size_t engine = 0; engine < blocks.of_engine.size(); ++engine)
    for (int64_t group = 0; group < groups; ++group) {
      pack_plane(blocks, engine, spec, from, group * per_group + static_cast<int64_t>(engine) * lanes, lanes);
      blocks.align(engine);
    }
  return blocks;
}

// Channels i, i + 16, ... back to back.
inline Blocks pack_depthwise(const KernelSpec& spec, const Weights& from, int64_t channels) {
  Blocks blocks(static_cast<size_t>(std::min<int64_t>(16, channels)));
  for (int64_t channel = 0; channel < channels; ++channel)
    pack_plane(blocks, static_cast<size_t>(channel) % blocks.of_engine.size(), spec, from, channel, 1);
  return blocks;
}

// A fixed mixture of its arguments, as an fp16 number in -1 .. 1 in steps of 1/32 (never 0).
inline uint16_t scrambled(int64_t a, int64_t b = 0, int64_t c = 0, int64_t d = 0) {
  uint64_t state = static_cast<uint64_t>(((a * 4099 + b) * 67 + c) * 61 + d) * 0x9e3779b97f4a7c15ull;
  state ^= state >> 29;
  const auto step = static_cast<int>(state % 63) - 31;
  return half(step == 0 ? 1 : step / 32.0);
}

}  // namespace ane::sim::test
