// Moving tensors between memory and the engine: five strides, channel interleaving, element formats.
#pragma once

#include <cstdint>
#include "base/intervals.h"
#include "sim/memory.h"
#include "sim/tensor.h"

namespace ane::sim {

enum class Format : uint8_t { UInt8 = 0, Int8 = 1, Half = 2 };
inline uint64_t bytes_of(Format format) {
  return format == Format::Half ? 2 : 1;
}

// Where a tensor lies. Element (g, z, c, y, x) is at
//   base + g * group + z * depth + (c / interleave) * plane + y * row + (x * interleave + c mod interleave) *
//   size.
// In L2 the plane stride is the channel stride.
struct View {
  Memory* memory = nullptr;
  uint64_t base = 0, row = 0, plane = 0, depth = 0, group = 0;
  int64_t interleave = 1;
  Format format = Format::Half;
  bool transposed = false;  // stored with channels and columns exchanged

  friend bool operator==(const View&, const View&) = default;
};

struct Range {
  uint64_t begin = 0, end = 0;
  bool overlaps(const Range& other) const { return begin < other.end && other.begin < end; }
};

// First byte and the one behind the last of a tensor of `shape`. Throws Hazard when it leaves the memory or
// claims more elements than the memory has bytes.
Range range_of(const View& view, const Shape& shape);

// Rows begin at multiples of these, in L2 and in DRAM.
inline constexpr uint64_t l2_granule = Memory::granule, dram_granule = 64;

// The bytes of a tensor, rows as whole granules.
Extents extents_of(const View& view, const Shape& shape, uint64_t granule);

// Do two tensors of one memory have a byte in common? Ranges may interleave without touching, as rows of one
// tensor do that are written beside rows of another.
bool share_bytes(const Extents& a, const Extents& b);

// Reads a tensor. A group stride of 0 repeats the first group. Throws Hazard on bytes never written.
Tensor load(const View& view, const Shape& shape);

// Rounds to the format and writes. A NaN stays one in fp16.
void store(const View& view, const Tensor& tensor);

}  // namespace ane::sim
