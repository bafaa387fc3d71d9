// Where resizing reads between the elements of an axis, and what it finds there, apart from any format's
// parameters.
#pragma once

#include "reference/tensor.h"

namespace ane::reference {

using Positions = std::vector<double>;

// How `count` points are taken from the interval [first, last] of an axis (0 and X - 1 for a whole one),
// whose length is X = last - first + 1. Names are those of MIL.
enum class SamplingMode : uint8_t {
  StrictAlignCorners,  // both ends included; a single point is the first
  AlignCorners,        // the same, but a single point is the middle
  Default,             // spacing (X - X / count) / (count - 1), from first
  OffsetCorners,       // spacing max(1, X - 1) / count, from half a spacing behind first
  UnalignCorners,      // spacing X / count; the centres of pixels
};
Positions sampling_positions(SamplingMode mode, double first, double last, int64_t count);

// The positions kept within [0, size - 1].
Positions clamped(Positions positions, int64_t size);

// The value between the four elements around (y, x), which are within the plane.
float interpolate(const float* plane, int64_t height, int64_t width, double y, double x);

// The plane at all pairs of positions, which are within it.
void sample_plane(const float* in, int64_t height, int64_t width, const Positions& rows,
                  const Positions& columns, float* out);

// The tensor at positions of one axis, which are within it, linearly between its elements.
Tensor interpolated(const Tensor& tensor, size_t axis, const Positions& positions);

}  // namespace ane::reference
