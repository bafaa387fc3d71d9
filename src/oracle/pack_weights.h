// Coefficient blocks from weights, straight from the written rules (docs/h13-rules.md, sections 1 to 3). Not
// the compiler's packing (src/h13/pack.cc): the two are written apart, so that each can contradict the other.
// Sizes are compared with those of captured programs, which no code of ours has a part in.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/half.h"

namespace ane::oracle {

// The nearest fp16 number's bits.
uint16_t half(double value);

// Streams: one block of bytes for each engine.
struct Blocks {
  std::vector<Bytes> of_engine;
  explicit Blocks(size_t engines) : of_engine(engines) {}
  void half_word(size_t engine, uint16_t bits);
  void align(size_t engine);  // to 64 bytes
};

struct Weights {
  std::function<uint16_t(int64_t out, int64_t in, int64_t y, int64_t x)> weight;  // fp16 bits
  std::function<uint16_t(int64_t out)> bias;                                      // empty: none
};

struct KernelSpec {
  int64_t inputs = 1;  // of one output channel
  int64_t height = 1, width = 1, stride = 1;
  bool sparse = false;
};

// Chunks of 16 * lanes channels, as many lanes as `cap` while they last. `channels` is at most 16 or a
// multiple of it.
Blocks pack_dense(const KernelSpec& spec, const Weights& from, int64_t channels, int64_t cap);

// One plane for each group, padded to 64 bytes. The same holds for the channels of a group.
Blocks pack_grouped(const KernelSpec& spec, const Weights& from, int64_t channels, int64_t groups);

// Channels i, i + 16, ... back to back.
Blocks pack_depthwise(const KernelSpec& spec, const Weights& from, int64_t channels);

// Depthwise, two output pixels for each step of two: the bias twice, then the taps at even offsets and those
// at odd ones, each for the left pixel and, one further, for the right one.
Blocks pack_two_phases(const KernelSpec& spec, const Weights& from, int64_t channels);

}  // namespace ane::oracle
