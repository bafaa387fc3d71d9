// Kernels as the engines read them: from weights in the order of the model to one block of bytes per neural
// engine.
//
// Output channels are dealt to the engines, and several channels of one engine are interleaved (lanes), so
// that one coefficient fetch feeds several accumulators. Sections 1-4 of docs/h13-rules.md; the section
// hashes of captured programs pin every byte of it.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "h13/engine_op.h"
#include "h13/tables.h"
#include "h13/target.h"

namespace ane::h13 {

// Bytes of each active engine's block, multiples of 64. The blocks follow each other.
using BlockSizes = std::vector<int64_t>;

// The lanes of each pass over `channels` output channels (a multiple of the engines, or less than them): as
// many as `cap` while they last.
std::vector<int64_t> lane_chunks(int64_t channels, int cap, const Target& target);

// All append to `constants`.
//
// Packs output channels first_channel .. + channels of `work`. `input_channels` per group. Runs in parallel.
BlockSizes pack_kernel(const Convolution& work, int64_t input_channels, int64_t channels, int cap,
                       const Target& target, Bytes& constants);

// A table alone, for `engines` engines that all read it: the table and then zeros.
BlockSizes pack_table(const Table& table, int64_t engines, Bytes& constants);

// For a Comparison of `channels` channels, a multiple of the engines: table and signed bytes 1, -1 a channel.
BlockSizes pack_differences(const Table& table, int64_t channels, const Target& target, Bytes& constants);

// Bytes of kernel memory that one lane of one engine takes (bias row included).
int64_t lane_bytes(const Convolution& work, int64_t input_channels);

// Kernels of strided convolutions are stored without their zeros.
inline bool is_sparse(const Convolution& work) {
  return work.stride > 1;
}

}  // namespace ane::h13
