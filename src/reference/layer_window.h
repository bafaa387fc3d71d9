// The windows of Core ML's convolution and pooling layers, from their parameters.
#pragma once

#include "reference/layers.h"
#include "reference/window.h"

namespace ane::reference {

// Amounts of H (axis 0) or W (axis 1); absent ones are 0.
inline Edges edges_of(const coreml::spec::BorderAmounts& amounts, int axis) {
  if (axis >= amounts.borderamounts_size()) return {};
  const auto& sizes = amounts.borderamounts(axis);
  return {static_cast<int64_t>(sizes.startedgesize()), static_cast<int64_t>(sizes.endedgesize())};
}

inline bool start_heavy(const coreml::spec::SamePadding& same) {
  return same.asymmetrymode() == coreml::spec::SamePadding::TOP_LEFT_HEAVY;
}

// Element `axis` of a repeated parameter that may be absent.
template <typename Repeated>
int64_t element_or(const Repeated& values, int axis, int64_t default_value) {
  return axis < values.size() ? static_cast<int64_t>(values.Get(axis)) : default_value;
}

// Neither kind given is taken as valid without padding: the format leaves it open.
template <typename Params>
Window padded(const Call& call, const Params& params, const Window& window, int axis) {
  if (params.has_same()) return padded_same(window, start_heavy(params.same()));
  const Window result = padded_by(window, edges_of(params.valid().paddingamounts(), axis));
  if (result.out < 1) call.fail("the kernel is larger than the padded input");
  return result;
}

}  // namespace ane::reference
