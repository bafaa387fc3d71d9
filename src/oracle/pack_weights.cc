#include "oracle/pack_weights.h"

#include <algorithm>

#include "base/error.h"

namespace ane::oracle {

namespace {

// Kernel positions by stride phase; {-1, -1} marks those that an odd kernel leaves empty.
std::vector<std::pair<int64_t, int64_t>> positions(const KernelSpec& spec) {
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
std::vector<uint16_t> slots(const KernelSpec& spec, const Weights& from, int64_t first, int64_t lanes,
                            int64_t in, int64_t padded_lanes) {
  std::vector<uint16_t> values;
  for (const auto& [y, x] : positions(spec))
    for (int64_t lane = 0; lane < padded_lanes; ++lane)
      values.push_back(y < 0 || lane >= lanes ? uint16_t{0} : from.weight(first + lane, in, y, x));
  return values;
}

// Output channels first .. first + lanes into the block of `engine`.
void pack_plane(Blocks& blocks, size_t engine, const KernelSpec& spec, const Weights& from, int64_t first,
                int64_t lanes) {
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

}  // namespace

uint16_t half(double value) {
  return to_half(static_cast<float>(value)).bits;
}

void Blocks::half_word(size_t engine, uint16_t bits) {
  of_engine[engine].push_back(static_cast<uint8_t>(bits & 255));
  of_engine[engine].push_back(static_cast<uint8_t>(bits >> 8));
}

void Blocks::align(size_t engine) {
  of_engine[engine].resize((of_engine[engine].size() + 63) / 64 * 64);
}

Blocks pack_dense(const KernelSpec& spec, const Weights& from, int64_t channels, int64_t cap) {
  ensure(channels > 0 && (channels < 16 || channels % 16 == 0), "pack_dense: channels");
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

Blocks pack_grouped(const KernelSpec& spec, const Weights& from, int64_t channels, int64_t groups) {
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

Blocks pack_depthwise(const KernelSpec& spec, const Weights& from, int64_t channels) {
  Blocks blocks(static_cast<size_t>(std::min<int64_t>(16, channels)));
  for (int64_t channel = 0; channel < channels; ++channel)
    pack_plane(blocks, static_cast<size_t>(channel) % blocks.of_engine.size(), spec, from, channel, 1);
  return blocks;
}

Blocks pack_two_phases(const KernelSpec& spec, const Weights& from, int64_t channels) {
  Blocks blocks(16);
  for (int64_t channel = 0; channel < channels; ++channel) {
    const auto engine = static_cast<size_t>(channel % 16);
    const auto tap = [&](int64_t k) {
      return k < 0 || k >= spec.width ? uint16_t{0} : from.weight(channel, 0, 0, k);
    };
    for (int phase = 0; from.bias && phase < 2; ++phase) blocks.half_word(engine, from.bias(channel));
    for (int64_t parity = 0; parity < 2; ++parity)
      for (int64_t k = parity; k <= spec.width; k += 2)
        blocks.half_word(engine, tap(k)), blocks.half_word(engine, tap(k - 1));
  }
  return blocks;
}

}  // namespace ane::oracle
