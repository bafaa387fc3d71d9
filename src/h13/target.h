// The H13 engine (A14, M1) as numbers: limits, sizes, rates. Every stage asks here; nothing is repeated
// elsewhere.
#pragma once

#include <cstdint>

#include "aneir/engine_facts.h"

namespace ane::h13 {

struct Target {
  const char* name = "h13";

  // Convolution. Widths above 8 are rewritten by Apple's compiler into another form, so no public program
  // shows the plain one; heights up to 9 are in captured programs, 15 is the field's width (5 bits) less the
  // rewrites' margin.
  int max_kernel_width = 8, max_kernel_height = 15;
  int max_stride = 2;    // 1 and 2 are in captured programs; the field holds 3
  int max_padding = 31;  // 5-bit fields
  int64_t max_width = 16384, max_height = 16384, max_channels = 65536;

  // Neural engines (convolution lanes) and their kernel memory. A task whose kernel does not fit is split
  // over output channels, except when the whole output fits one patch: then the kernel streams.
  int engines = 16;
  int64_t kernel_bytes_per_engine = 65536;
  int max_lanes = 16;              // output channels interleaved per engine and pass
  int max_lanes_small_image = 32;  // the same when the input is at most 8 pixels high and wide
  int small_image_side = 8;
  int accumulators = 8;  // an engine's, for lanes; twice the lanes when double-buffered

  // On-chip memory.
  int64_t l2_bytes = 2 << 20;
  int l2_banks = 64, l2_granule = 16;

  // DRAM.
  int64_t dma_alignment = 64;
  int64_t page = 0x4000;
  int64_t constants_without_any = 0x4000;  // size of the zero section of a program without constants

  // Rates of the time estimate (header word 1): microseconds = bytes * 3 / 102400, or the work at 4096
  // multiply- accumulates a cycle. Fitted to captured programs (docs/h13-rules.md).
  double bytes_per_microsecond = 102400.0 / 3;
  double macs_per_microsecond = 4096 * 1427.6;
  double pixel_channels_per_microsecond = 225;  // channels of a 1x1 image
};

const Target& target();

// What passes may know about this engine.
//
// Apple's tables of the sigmoid, tanh, GELU and SiLU are off by up to 0.0034, 0.0016, 0.006 and 0.015,
// whatever the size of the result. Without `coarse_tables` they count as missing, and passes compute the
// functions from finer ones.
aneir::EngineFacts engine_facts(bool native_pooling, bool coarse_tables = true);

}  // namespace ane::h13
