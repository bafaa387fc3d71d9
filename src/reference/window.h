// Where the windows of convolution and pooling lie along one axis: the padding rules that both share.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace ane::reference {

struct Window {
  int64_t in = 1, out = 1;  // sizes of the axis
  int64_t kernel = 1, stride = 1, dilation = 1;
  int64_t before = 0, after = 0;  // padding at the start and, as declared, at the end

  // How many elements the window spans.
  int64_t extent() const { return (kernel - 1) * dilation + 1; }
  // The input position that output `position` reads with kernel element `tap`; outside of [0, in) is padding.
  int64_t source(int64_t position, int64_t tap) const { return position * stride - before + tap * dilation; }
};

// Depth, rows and columns. Where there are fewer axes, the first ones are single elements.
using Windows = std::array<Window, 3>;

struct Edges {
  int64_t before = 0, after = 0;
};

// `total` padding in two parts; the odd one goes to the end unless `start_heavy`.
inline Edges split_padding(int64_t total, bool start_heavy) {
  const int64_t smaller = total / 2;
  return start_heavy ? Edges{total - smaller, smaller} : Edges{smaller, total - smaller};
}

// Completes `window` (in, kernel, stride, dilation) by given amounts: out = floor((in + before + after - K')
// / s)
// + 1, or 0 where the kernel is larger than the padded input.
inline Window padded_by(Window window, Edges edges) {
  const int64_t room = window.in + edges.before + edges.after - window.extent();
  window.before = edges.before;
  window.after = edges.after;
  window.out = room < 0 ? 0 : room / window.stride + 1;
  return window;
}

// The same by same padding: out = ceil(in / s).
inline Window padded_same(Window window, bool start_heavy) {
  window.out = (window.in + window.stride - 1) / window.stride;
  const int64_t needed = (window.out - 1) * window.stride + window.extent();
  const Edges edges = split_padding(std::max<int64_t>(0, needed - window.in), start_heavy);
  window.before = edges.before;
  window.after = edges.after;
  return window;
}

}  // namespace ane::reference
