// Poolings of one to three spatial axes.

#include "reference/mil_operations.h"
#include "reference/mil_window.h"
#include "reference/pooling_kernel.h"

namespace ane::reference::ops {
namespace {

// With ceil_mode the last window may reach over the end, but where there is padding it must begin before that
// of the end. A window that would lie outside altogether has no meaning.
Window rounded_up(const MilCall& call, Window window) {
  const int64_t room = window.in + window.before + window.after - window.kernel;
  if (window.before != window.after) call.fail("with ceil_mode, padding must be symmetric");
  window.out = (room + window.stride - 1) / window.stride + 1;
  if (window.before > 0 && (window.out - 1) * window.stride >= window.in + window.before) --window.out;
  if (window.source(window.out - 1, 0) >= window.in) call.fail("the last window lies outside of the input");
  return window;
}

Windows pooling_windows(const MilCall& call, const SpatialShape& x) {
  const size_t axes = x.spatial.size();
  Windows windows = padded_windows(call, x.spatial, call.positives("kernel_sizes", axes), false);
  if (!call.flag("ceil_mode")) return windows;
  if (axes > 2) call.fail("ceil_mode is for one or two axes");
  if (call.text("pad_type").starts_with("same")) call.fail("ceil_mode is not for pad_type same");
  for (size_t axis = 0; axis < axes; ++axis) {
    Window& window = window_of(windows, axis, axes);
    window = rounded_up(call, window);
  }
  return windows;
}

Tensor pooled(const MilCall& call, PoolingKind kind, bool exclude_padding) {
  const SpatialShape x = spatial_shape(call);
  const PoolingSizes sizes{x.n * x.channels, pooling_windows(call, x), kind, exclude_padding};
  Tensor result = make_tensor(call.checked(windowed_shape(x.n, x.channels, sizes.windows, x.spatial.size())));
  pool(sizes, call.tensor("x").data.data(), result.data.data());
  return result;
}

}  // namespace

Tensor avg_pool(const MilCall& call) {
  return pooled(call, PoolingKind::Average, call.flag("exclude_padding_from_average"));
}

Tensor max_pool(const MilCall& call) {
  return pooled(call, PoolingKind::Maximum, false);
}

Tensor l2_pool(const MilCall& call) {
  return pooled(call, PoolingKind::L2, false);
}

}  // namespace ane::reference::ops
