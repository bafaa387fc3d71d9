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

// The engine that does an operation's work.
bool is_neural(const EngineOp& op);
// What a task iterates over: its source, except that planar sources may be shorter than each other.
View iteration(const EngineOp& op);
// The task before hands its result over while it still runs, patch by patch (on_chip.h).
enum class Chain { None, Neural, Planar };

// How an operation lies in L2 when everything before it is done. Bases count from 0 for the first operand
// that comes by DMA; operands that lie in L2 already have the strides of their views.
struct Geometry {
  bool fits = false;  // false: too large for one task however it is tiled
  int64_t tile = 0;   // output rows per tile (= all of them when not tiled)
  L2Operand source, source2, result;
  bool result_strided = false;  // the result passes through a ring with explicit strides instead of a FIFO
  // NE: log2 of the patch height, largest, smallest and preferred; PE: log2 of the patch.
  int shape_max = 0, shape_min = 0, shape_preferred = 0;
  int patch_width = 0, patch_height = 0;
  bool small = false;  // NE: the whole output fits one patch
  bool source_whole =
      false;  // the source stays in L2 for the whole task, instead of streaming through a ring
};

int ceil_log2(int64_t value);

// Smallest stride >= `units` (of 16 bytes) such that `rows` multiples of it lie at least `distance` banks
// apart.
int64_t spread_over_banks(int64_t units, int64_t distance, int64_t rows, const Target& target);

// Row stride of a tensor in L2 whose rows have `bytes`: as many patches' rows as fall into different banks.
int64_t planar_row(int64_t bytes, const Target& target);
// The same for a source that an NE task and a planar one read, in patches of up to 16 rows.
int64_t shared_row(int64_t bytes, int64_t rows, const Target& target);

// Where the source of a task without weights lies whole in L2, when it comes from DRAM and stays for later
// tasks (EngineOp::kept); base 0.
L2Operand kept_source(bool is_neural, const View& source, const Target& target);

// Lanes a convolution may interleave: more while the input is small, and its result is not transposed.
int lane_cap(const Convolution& work, const View& source, const Target& target);

// `chain`: how the task before hands over; `neural_patches`: a planar task works in the patches of an NE task
// that it is chained with.
Geometry geometry(const EngineOp& op, const Target& target, Chain chain = Chain::None,
                  bool neural_patches = false);

}  // namespace ane::h13
