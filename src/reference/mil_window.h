// The windows of MIL's convolutions and poolings, from their parameters.
#pragma once

#include "reference/mil_call.h"
#include "reference/window.h"

namespace ane::reference {

// x is [n, C, *D] with one to three spatial axes D. Throws Error for other ranks.
struct SpatialShape {
  int64_t n, channels;
  Shape spatial;
};
SpatialShape spatial_shape(const MilCall& call);

// The windows of the parameters strides, pad_type, pad and, where `dilated`, dilations over `in` with kernels
// of `kernel`. pad counts only where pad_type is custom.
Windows padded_windows(const MilCall& call, const Shape& in, const Shape& kernel, bool dilated);

// The same before padding: sizes, strides and dilations.
Windows unpadded_windows(const MilCall& call, const Shape& in, const Shape& kernel, bool dilated);

// pad: [before, after] for each of `axes` spatial axes.
std::vector<Edges> edges_of(const MilCall& call, size_t axes);

// The window of spatial axis `axis` of `axes`.
inline Window& window_of(Windows& windows, size_t axis, size_t axes) {
  return windows[windows.size() - axes + axis];
}

// [n, channels, *D'] with the sizes that come out of the windows.
Shape windowed_shape(int64_t n, int64_t channels, const Windows& windows, size_t axes);

}  // namespace ane::reference
