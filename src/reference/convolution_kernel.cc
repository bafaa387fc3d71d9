// Both kinds are matrix products.
//
// Convolution: the windows under a block of output rows are laid out as the columns of a matrix, and one
// product with the weights gives the block for all output channels of a group. Blocks are small enough for
// the columns to stay in the cache, and they are what the threads share. Transposed convolution goes the
// other way: one product gives what every input element adds to the window of an output channel, and the
// windows are added up in place.

#include "reference/convolution_kernel.h"

#include <vector>

#include "base/parallel.h"
#include "reference/matrix_product.h"

namespace ane::reference {
namespace {

// One row of the column matrix for one output row: what kernel column `tap` reads from `in`, an input row.
void lay_out_row(const Window& w, const float* in, int64_t tap, float* out) {
  for (int64_t q = 0; q < w.out; ++q) {
    const int64_t x = w.source(q, tap);
    out[q] = x >= 0 && x < w.in ? in[x] : 0.0f;
  }
}

// What kernel element (t, u, v) reads from one channel for the output rows [begin, end), counted through all
// depths.
float* lay_out_tap(const Windows& windows, const float* in, int64_t t, int64_t u, int64_t v, int64_t begin,
                   int64_t end, float* out) {
  const auto& [d, h, w] = windows;
  for (int64_t row = begin; row < end; ++row, out += w.out) {
    const int64_t z = d.source(row / h.out, t), y = h.source(row % h.out, u);
    if (z < 0 || z >= d.in || y < 0 || y >= h.in) {
      std::fill_n(out, w.out, 0.0f);
    } else {
      lay_out_row(w, in + (z * h.in + y) * w.in, v, out);
    }
  }
  return out;
}

// Rows [begin, end) of the output of a group: matrix rows run over (input channel, kernel element), columns
// over the output elements.
void lay_out_windows(const ConvolutionSizes& sizes, const float* in, int64_t begin, int64_t end, float* out) {
  const auto& [d, h, w] = sizes.windows;
  for (int64_t c = 0; c < sizes.in_group(); ++c) {
    const float* channel = in + c * sizes.in_volume();
    for (int64_t t = 0; t < d.kernel; ++t)
      for (int64_t u = 0; u < h.kernel; ++u)
        for (int64_t v = 0; v < w.kernel; ++v)
          out = lay_out_tap(sizes.windows, channel, t, u, v, begin, end, out);
  }
}

bool is_pointwise(const ConvolutionSizes& sizes) {
  return std::all_of(sizes.windows.begin(), sizes.windows.end(), [](const Window& window) {
    return window.kernel == 1 && window.stride == 1 && window.before == 0 && window.out == window.in;
  });
}

// Output rows [begin, end) of one group of one image.
void convolve_rows(const ConvolutionSizes& sizes, const float* in, const float* weights, const float* bias,
                   float* out, int64_t begin, int64_t end) {
  const int64_t width = sizes.windows[2].out, count = (end - begin) * width;
  const int64_t depth = sizes.in_group() * sizes.window_size();
  const Matrix kernel{weights, sizes.out_group(), depth, depth};
  float* const block = out + begin * width;
  if (is_pointwise(sizes)) {
    multiply_into(block, sizes.out_volume(), kernel, {in + begin * width, depth, count, sizes.in_volume()});
  } else {
    std::vector<float> columns(static_cast<size_t>(depth * count));
    lay_out_windows(sizes, in, begin, end, columns.data());
    multiply_into(block, sizes.out_volume(), kernel, {columns.data(), depth, count, count});
  }
  for (int64_t o = 0; o < sizes.out_group(); ++o) {
    float* const row = block + o * sizes.out_volume();
    for (int64_t i = 0; i < count; ++i) row[i] += bias[o];
  }
}

// Adds what kernel element (t, u, v) of every input element contributes to one output channel.
void add_tap(const Windows& windows, int64_t t, int64_t u, int64_t v, const float* contributions,
             float* channel) {
  const auto& [d, h, w] = windows;
  const auto target = [](const Window& window, int64_t position, int64_t tap) {
    const int64_t at = position * window.stride + tap * window.dilation - window.before;
    return at >= 0 && at < window.out ? at : -1;
  };
  for (int64_t row = 0; row < d.in * h.in; ++row) {
    const int64_t o = target(d, row / h.in, t), p = target(h, row % h.in, u);
    if (o < 0 || p < 0) continue;
    for (int64_t x = 0; x < w.in; ++x) {
      const int64_t q = target(w, x, v);
      if (q >= 0) channel[(o * h.out + p) * w.out + q] += contributions[row * w.in + x];
    }
  }
}

// One output channel of one image. `in` and `weights` begin at the first input channel of its group.
void convolve_channel_transposed(const ConvolutionSizes& sizes, const float* in, const float* weights,
                                 float bias, std::vector<float>& contributions, float* channel) {
  const int64_t window = sizes.window_size(), volume = sizes.in_volume();
  const Matrix kernel{weights, sizes.in_group(), window, sizes.out_group() * window, true};
  multiply_into(contributions.data(), volume, kernel, {in, sizes.in_group(), volume, volume});
  std::fill_n(channel, sizes.out_volume(), bias);
  const int64_t plane = sizes.windows[1].kernel * sizes.windows[2].kernel, row = sizes.windows[2].kernel;
  for (int64_t tap = 0; tap < window; ++tap) {
    add_tap(sizes.windows, tap / plane, tap % plane / row, tap % row, contributions.data() + tap * volume,
            channel);
  }
}

}  // namespace

void convolve(const ConvolutionSizes& sizes, const float* in, const float* weights, const float* bias,
              float* out) {
  const int64_t depth = sizes.in_group() * sizes.window_size(), width = sizes.windows[2].out;
  const int64_t all_rows = sizes.windows[0].out * sizes.windows[1].out;
  const int64_t block_elements = int64_t{1} << 17;
  const int64_t rows = std::clamp<int64_t>(block_elements / (depth * width), 1, all_rows);
  const int64_t blocks = (all_rows + rows - 1) / rows;
  parallel_for(sizes.n * sizes.groups * blocks, 1, [&](int64_t piece, int64_t last) {
    for (; piece < last; ++piece) {
      const int64_t block = piece % blocks, image_group = piece / blocks, group = image_group % sizes.groups;
      convolve_rows(sizes, in + image_group * sizes.in_group() * sizes.in_volume(),
                    weights + group * sizes.out_group() * depth, bias + group * sizes.out_group(),
                    out + image_group * sizes.out_group() * sizes.out_volume(), block * rows,
                    std::min(all_rows, (block + 1) * rows));
    }
  });
}

void convolve_transposed(const ConvolutionSizes& sizes, const float* in, const float* weights,
                         const float* bias, float* out) {
  const int64_t out_group = sizes.out_group(), window = sizes.window_size();
  parallel_for(sizes.n * sizes.out_channels, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> contributions(static_cast<size_t>(window * sizes.in_volume()));
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t image = piece / sizes.out_channels, o = piece % sizes.out_channels;
      const int64_t first_in = o / out_group * sizes.in_group();
      convolve_channel_transposed(sizes, in + (image * sizes.in_channels + first_in) * sizes.in_volume(),
                                  weights + (first_in * out_group + o % out_group) * window, bias[o],
                                  contributions, out + piece * sizes.out_volume());
    }
  });
}

}  // namespace ane::reference
