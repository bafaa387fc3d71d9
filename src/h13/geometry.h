// How an operation lies on the engine: patches, tile height, on-chip (L2) layout. One function per choice.
//
// The rules are those that reproduce Apple's words (docs/h13-rules.md gives each with its evidence). L2 rows
// are [row][channel][x]; every channel row takes a multiple of 16 bytes; row strides get a skew so that the
// rows of one patch fall into different ones of the 64 banks.
#pragma once

#include <cstdint>

#include "h13/engine_op.h"
#include "h13/target.h"

namespace ane::h13 {

// Strides of one L2 operand in bytes.
struct L2Operand {
  int64_t base = 0, channel = 0, row = 0, depth = 0;
};

struct Geometry {
  bool fits = false;  // false: too large for one task however it is tiled
  int64_t tile = 0;   // output rows per tile (= all of them when not tiled)
  L2Operand source, source2, result;
  bool result_strided = false;  // the result passes through a ring with explicit strides instead of a FIFO
  // NE: log2 of the patch height; PE: log2 of the patch.
  int shape_max = 0;
  int patch_width = 0, patch_height = 0;
  bool small = false;  // NE: the whole output fits one patch
};

int ceil_log2(int64_t value);

// Smallest stride >= `units` (of 16 bytes) such that `rows` multiples of it lie at least `distance` banks
// apart.
int64_t spread_over_banks(int64_t units, int64_t distance, int64_t rows, const Target& target);

Geometry convolution_geometry(const Convolution& work, const View& source, const View& destination,
                              const Target& target);
Geometry bypass_geometry(const View& source, bool transpose, const Target& target);
Geometry channel_reduce_geometry(const View& source, const Target& target);
// `operand_in_l2`: source2 is smaller than source and waits in L2 below everything else.
Geometry planar_geometry(const View& source, const View* source2, bool operand_in_l2, const View& destination,
                         const Target& target);
// Where a broadcast operand lies in L2 (base 0) and how many bytes it takes.
L2Operand resident_operand(const View& operand, const Target& target);
int64_t resident_bytes(const View& operand, const Target& target);

// Lanes a convolution may interleave: more while the input is small.
int lane_cap(const View& source, const Target& target);

Geometry geometry(const EngineOp& op, const Target& target);

}  // namespace ane::h13
