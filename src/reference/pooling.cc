// Pooling: a maximum, a mean or a norm over windows of each plane.

#include <cmath>
#include <limits>

#include "reference/window.h"

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

// The inputs [begin, end) of one window along an axis, and how many elements it has there with its padding.
struct Span {
  int64_t begin, end, padded;
};

// A window that overhangs the declared padding (includeLastPixel only) counts what is inside of it. The
// format leaves that open; it is the rule of Caffe, whose output sizes this kind of padding repeats.
Span span_of(const Window& window, int64_t position) {
  const int64_t start = window.source(position, 0);
  const int64_t padded_end = std::min(start + window.kernel, window.in + window.after);
  return {std::max<int64_t>(0, start), std::min(start + window.kernel, window.in), padded_end - start};
}

struct Sums {
  double sum = 0, squares = 0;
  float maximum = -std::numeric_limits<float>::infinity();
};

Sums sums_over(const float* plane, int64_t width, const Span& h, const Span& w) {
  Sums sums;
  for (int64_t y = h.begin; y < h.end; ++y) {
    for (int64_t x = w.begin; x < w.end; ++x) {
      const float value = plane[y * width + x];
      sums.sum += value;
      sums.squares += double{value} * value;
      if (!(value <= sums.maximum)) sums.maximum = value;
    }
  }
  return sums;
}

double divisor(const Params& params, const Span& h, const Span& w) {
  const bool real_only = params.avgpoolexcludepadding();
  const int64_t rows = real_only ? std::max<int64_t>(0, h.end - h.begin) : h.padded;
  const int64_t columns = real_only ? std::max<int64_t>(0, w.end - w.begin) : w.padded;
  return static_cast<double>(rows * columns);
}

double pool(const Call& call, const Params& params, const float* plane, int64_t width, const Span& h,
            const Span& w) {
  const Sums sums = sums_over(plane, width, h, w);
  switch (params.type()) {
    case Params::MAX:
      return sums.maximum;
    case Params::AVERAGE:
      return sums.sum / divisor(params, h, w);
    case Params::L2:
      return std::sqrt(sums.squares);
    default:
      call.fail("unknown type of pooling");
  }
}

}  // namespace

Tensor evaluate_pooling(const Call& call) {
  const Params& params = call.layer.pooling();
  const Planes in = planes_of(call, call.input());
  const Window h = window_of(call, params, in.h, 0), w = window_of(call, params, in.w, 1);
  Tensor result = make_tensor(with_planes(call.input().shape, in.c, h.out, w.out));
  parallel_for(in.n * in.c * h.out, 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* plane = call.input().data.data() + row / h.out * in.h * in.w;
      const Span rows = span_of(h, row % h.out);
      for (int64_t q = 0; q < w.out; ++q) {
        result.data[row * w.out + q] =
            static_cast<float>(pool(call, params, plane, in.w, rows, span_of(w, q)));
      }
    }
  });
  return result;
}

}  // namespace ane::reference
