// Windows that slide over an image, and the padding that the source formats' rules mean. Shared by the
// importers; whatever does not fit throws Refusal.
#pragma once

#include <cstdint>

#include "aneir/network.h"
#include "import/refusal.h"

namespace ane::import {

// One spatial axis of a window.
struct Side {
  int kernel = 1, stride = 1, dilation = 1;
  int low = 0, high = 0;  // padding before and behind

  int64_t extent() const { return int64_t{kernel - 1} * dilation + 1; }
};

// Splits a total amount of padding: the smaller half first (BOTTOM_RIGHT_HEAVY), or last.
void split_padding(Side& side, int64_t total, bool smaller_first = true);

// The total that "same" means for an input of `length`: a window for every stride that begins in the input.
int64_t same_padding(const Side& side, int64_t length);

// Pads the far side until there are `outputs` windows: pools may count a last one that overhangs the input.
void reach(Side& side, int64_t length, int64_t outputs);

void set_window(aneir::Conv& conv, const Side& x, const Side& y);

// A depthwise convolution whose weights are all 1.
aneir::Conv depthwise_ones(int64_t channels, int kernel_width, int kernel_height);

}  // namespace ane::import
