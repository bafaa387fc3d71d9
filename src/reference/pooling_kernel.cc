// Every window is gone through by itself; sums are taken in double.

#include "reference/pooling_kernel.h"

#include <cmath>
#include <limits>

#include "base/parallel.h"

namespace ane::reference {
namespace {

// The inputs [begin, end) of one window along an axis, and how many elements it has there with its padding.
struct Span {
  int64_t begin, end, padded;

  int64_t real() const { return std::max<int64_t>(0, end - begin); }
};
using Spans = std::array<Span, 3>;

// A window that overhangs the declared padding (it may where the output size was rounded up) counts what is
// inside of it: the rule of Caffe, whose output sizes Core ML's includeLastPixel repeats, and of PyTorch's
// ceil_mode, which MIL names as its own.
Span span_of(const Window& window, int64_t position) {
  const int64_t start = window.source(position, 0);
  const int64_t padded_end = std::min(start + window.kernel, window.in + window.after);
  return {std::max<int64_t>(0, start), std::min(start + window.kernel, window.in), padded_end - start};
}

struct Sums {
  double sum = 0, squares = 0;
  float maximum = -std::numeric_limits<float>::infinity();
};

Sums sums_over(const Windows& windows, const Spans& spans, const float* in) {
  Sums sums;
  for (int64_t z = spans[0].begin; z < spans[0].end; ++z) {
    for (int64_t y = spans[1].begin; y < spans[1].end; ++y) {
      const float* row = in + (z * windows[1].in + y) * windows[2].in;
      for (int64_t x = spans[2].begin; x < spans[2].end; ++x) {
        sums.sum += row[x];
        sums.squares += double{row[x]} * row[x];
        if (!(row[x] <= sums.maximum)) sums.maximum = row[x];
      }
    }
  }
  return sums;
}

double pool_window(const PoolingSizes& sizes, const Spans& spans, const float* in) {
  const Sums sums = sums_over(sizes.windows, spans, in);
  if (sizes.kind == PoolingKind::Maximum) return sums.maximum;
  if (sizes.kind == PoolingKind::L2) return std::sqrt(sums.squares);
  double count = 1;
  for (const Span& span : spans)
    count *= static_cast<double>(sizes.exclude_padding ? span.real() : span.padded);
  return sums.sum / count;
}

}  // namespace

void pool(const PoolingSizes& sizes, const float* in, float* out) {
  const Window &d = sizes.windows[0], &h = sizes.windows[1], &w = sizes.windows[2];
  const int64_t rows = d.out * h.out;
  parallel_for(sizes.channels * rows, 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* channel = in + row / rows * d.in * h.in * w.in;
      Spans spans = {span_of(d, row % rows / h.out), span_of(h, row % h.out), Span{}};
      for (int64_t q = 0; q < w.out; ++q) {
        spans[2] = span_of(w, q);
        out[row * w.out + q] = static_cast<float>(pool_window(sizes, spans, channel));
      }
    }
  });
}

}  // namespace ane::reference
