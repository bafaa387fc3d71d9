// Resizing of images: interpolation along an axis as a product with a constant matrix. Shared by the
// importers.
//
// The engine has no unit that reads between pixels (H13 lacks the texture engine of later generations). But
// every resizing of fixed sizes is separable, and along one axis it is linear: result = M * column of pixels,
// M of two numbers in each row. A product with a constant matrix is a 1x1 convolution once the axis lies
// along the channels, and exchanging axes is one copy (rows and channels: none at all). So any size becomes
// any other in two convolutions and two copies.
//
// The zeros of M are multiplied, too: out * in products for each column of pixels. At the rates of
// h13::Target that is less time than one copy of the result as long as `in` is below some 700 pixels. The
// alternative, one small convolution for each phase of the pattern, needs a pass for each, and whole ratios.
//
// Weights are multiples of 2^-11, so that both are binary16 numbers whose sum is exactly 1: a flat image
// stays what it is. Where a pixel is taken is so off by at most 2^-12 of the distance of two pixels.
#pragma once

#include <cstdint>
#include <vector>

#include "import/composition.h"

namespace ane::import {

// Where each element of the result is taken from, in elements of the input; clamped to its ends by
// `resample`.
using Positions = std::vector<double>;

// How `out` sampling points lie on `in` pixels.
enum class Grid {
  EndPoints,     // evenly from the first pixel to the last; a single one on the first
  FromFirst,     // in steps of in / out from the first pixel
  PixelCentres,  // the middles of `out` equal parts of the area of all pixels
};
// These and the next throw Refusal where the matrix would be too large.
Positions positions_on(Grid grid, int64_t in, int64_t out);
// For each of `out` pixels the one that an enlargement by `factor` made it of.
Positions nearest_positions(double factor, int64_t in, int64_t out);

// `x` read at all pairs of `rows` and `columns`, linearly between pixels.
aneir::TensorId resample(const aneir::Network& network, const AddUnit& add, aneir::TensorId x,
                         const Positions& rows, const Positions& columns);

}  // namespace ane::import
