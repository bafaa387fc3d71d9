// Where the windows of convolution and pooling lie along one axis: the padding rules that both share.
#pragma once

#include "reference/layers.h"

namespace ane::reference {

struct Window {
  int64_t in = 0, out = 0;  // sizes of the axis
  int64_t kernel = 1, stride = 1, dilation = 1;
  int64_t before = 0, after = 0;  // padding at the start and, as declared, at the end

  // The input position that output `position` reads with kernel element `tap`; outside of [0, in) is padding.
  int64_t source(int64_t position, int64_t tap) const { return position * stride - before + tap * dilation; }
};

struct Edges {
  int64_t before = 0, after = 0;
};

// Amounts of H (axis 0) or W (axis 1); absent ones are 0.
inline Edges edges_of(const coreml::spec::BorderAmounts& amounts, int axis) {
  if (axis >= amounts.borderamounts_size()) return {};
  const auto& sizes = amounts.borderamounts(axis);
  return {static_cast<int64_t>(sizes.startedgesize()), static_cast<int64_t>(sizes.endedgesize())};
}

// `total` padding in two parts; the odd one goes to the end unless `start_heavy`.
inline Edges split_padding(int64_t total, bool start_heavy) {
  const int64_t smaller = total / 2;
  return start_heavy ? Edges{total - smaller, smaller} : Edges{smaller, total - smaller};
}

inline bool start_heavy(const coreml::spec::SamePadding& same) {
  return same.asymmetrymode() == coreml::spec::SamePadding::TOP_LEFT_HEAVY;
}

// Element `axis` of a repeated parameter that may be absent.
template <typename Repeated>
int64_t element_or(const Repeated& values, int axis, int64_t default_value) {
  return axis < values.size() ? static_cast<int64_t>(values.Get(axis)) : default_value;
}

// Completes kernel, stride, dilation and in of `window` by valid padding: out = floor((in + before + after -
// K') / s) + 1.
inline Window padded_valid(const Call& call, Window window, Edges edges) {
  const int64_t extent = (window.kernel - 1) * window.dilation + 1;
  const int64_t room = window.in + edges.before + edges.after - extent;
  if (room < 0) call.fail("the kernel is larger than the padded input");
  window.before = edges.before;
  window.after = edges.after;
  window.out = room / window.stride + 1;
  return window;
}

// The same by same padding: out = ceil(in / s).
inline Window padded_same(Window window, bool heavy_start) {
  const int64_t extent = (window.kernel - 1) * window.dilation + 1;
  window.out = (window.in + window.stride - 1) / window.stride;
  const Edges edges =
      split_padding(std::max<int64_t>(0, (window.out - 1) * window.stride + extent - window.in), heavy_start);
  window.before = edges.before;
  window.after = edges.after;
  return window;
}

// Neither kind given is taken as valid without padding: the format leaves it open.
template <typename Params>
Window padded(const Call& call, const Params& params, const Window& window, int axis) {
  if (params.has_same()) return padded_same(window, start_heavy(params.same()));
  return padded_valid(call, window, edges_of(params.valid().paddingamounts(), axis));
}

}  // namespace ane::reference
