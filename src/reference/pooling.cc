// Core ML's pooling layer: which windows it has.

#include "reference/layer_window.h"
#include "reference/pooling_kernel.h"

namespace ane::reference {
namespace {

using Params = coreml::spec::PoolingLayerParams;

// includeLastPixel: the last window may reach over the end, but where either axis is padded (Caffe's rule) it
// must begin before it.
Window padded_to_last_pixel(const Call& call, const Params& params, Window window, int axis) {
  const auto& amounts = params.includelastpixel().paddingamounts();
  const int64_t padding = element_or(amounts, axis, 0);
  const bool any_padding =
      std::any_of(amounts.begin(), amounts.end(), [](uint64_t amount) { return amount > 0; });
  const int64_t room = window.in + 2 * padding - window.kernel;
  if (room < 0) call.fail("the kernel is larger than the padded input");
  window.before = window.after = padding;
  window.out = (room + window.stride - 1) / window.stride + 1;
  if (any_padding && (window.out - 1) * window.stride >= window.in + padding) --window.out;
  return window;
}

Window window_of(const Call& call, const Params& params, int64_t in, int axis) {
  Window window;
  window.in = in;
  if (params.globalpooling()) {
    window.kernel = in;
    window.out = 1;
    return window;
  }
  window.kernel = element_or(params.kernelsize(), axis, 3);
  window.stride = element_or(params.stride(), axis, 1);
  if (!params.has_includelastpixel()) return padded(call, params, window, axis);
  return padded_to_last_pixel(call, params, window, axis);
}

PoolingKind kind_of(const Call& call, const Params& params) {
  switch (params.type()) {
    case Params::MAX:
      return PoolingKind::Maximum;
    case Params::AVERAGE:
      return PoolingKind::Average;
    case Params::L2:
      return PoolingKind::L2;
    default:
      call.fail("unknown type of pooling");
  }
}

}  // namespace

Tensor evaluate_pooling(const Call& call) {
  const Params& params = call.layer.pooling();
  const Planes in = planes_of(call, call.input());
  const Window h = window_of(call, params, in.h, 0), w = window_of(call, params, in.w, 1);
  const PoolingSizes sizes{
      in.n * in.c, {Window{}, h, w}, kind_of(call, params), params.avgpoolexcludepadding()};
  Tensor result = make_tensor(with_planes(call.input().shape, in.c, h.out, w.out));
  pool(sizes, call.input().data.data(), result.data.data());
  return result;
}

}  // namespace ane::reference
