// Convolution and deconvolution, as matrix products.
//
// Convolution: the windows under a block of output rows are laid out as the columns of a matrix, and one
// product with the weights gives the block for all output channels of a group. Blocks are small enough for
// the columns to stay in the cache, and they are what the threads share. Deconvolution goes the other way:
// one product gives what every input pixel adds to the window of an output channel, and the windows are added
// up in place.

#include <algorithm>

#include "reference/matrix_product.h"
#include "reference/window.h"

namespace ane::reference {
namespace {

using Params = coreml::spec::ConvolutionLayerParams;

struct Geometry {
  Planes in{};
  int64_t groups = 1, out_channels = 0;
  Window h, w;

  int64_t in_group() const { return in.c / groups; }
  int64_t out_group() const { return out_channels / groups; }
  int64_t window_size() const { return h.kernel * w.kernel; }
  int64_t out_plane() const { return h.out * w.out; }
};

Geometry sizes_of(const Call& call, const Params& params) {
  Geometry g;
  g.in = planes_of(call, call.input());
  g.groups = std::max<int64_t>(1, static_cast<int64_t>(params.ngroups()));
  g.out_channels = static_cast<int64_t>(params.outputchannels());
  if (g.in.c % g.groups != 0 || g.out_channels % g.groups != 0)
    call.fail("the groups do not divide the channels");
  const int64_t in_sizes[] = {g.in.h, g.in.w};
  for (const int axis : {0, 1}) {
    Window& window = axis == 0 ? g.h : g.w;
    window.in = in_sizes[axis];
    window.kernel = element_or(params.kernelsize(), axis, 3);
    window.stride = element_or(params.stride(), axis, 1);
    window.dilation = element_or(params.dilationfactor(), axis, 1);
  }
  return g;
}

// The weights are a parameter or, since specification 4, the second input.
std::vector<float> weights_of(const Call& call, const Params& params, const Geometry& g) {
  const bool transpose = params.isdeconvolution();
  const Shape shape = transpose ? Shape{g.in.c, g.out_group(), g.h.kernel, g.w.kernel}
                                : Shape{g.out_channels, g.in_group(), g.h.kernel, g.w.kernel};
  if (call.inputs.size() < 2) return call.weights(params.weights(), shape, transpose ? 1 : 0);
  if (static_cast<int64_t>(call.input(1).data.size()) != element_count(shape)) {
    call.fail("the second input is not a matching kernel");
  }
  return call.input(1).data;
}

std::vector<float> bias_of(const Call& call, const Params& params, const Geometry& g) {
  if (!params.hasbias()) return std::vector<float>(static_cast<size_t>(g.out_channels), 0.0f);
  return call.weights(params.bias(), {g.out_channels});
}

// One row of the column matrix for one output row: what kernel column `tap` reads from `in`, an input row.
void lay_out_row(const Window& w, const float* in, int64_t tap, float* out) {
  for (int64_t q = 0; q < w.out; ++q) {
    const int64_t x = w.source(q, tap);
    out[q] = x >= 0 && x < w.in ? in[x] : 0.0f;
  }
}

// Rows [begin, end) of the output of a group: matrix rows run over (input channel, kernel row, kernel
// column), columns over the output pixels.
void lay_out_windows(const Geometry& g, const float* in, int64_t begin, int64_t end,
                     std::vector<float>& columns) {
  float* out = columns.data();
  for (int64_t c = 0; c < g.in_group(); ++c) {
    for (int64_t u = 0; u < g.h.kernel; ++u) {
      for (int64_t v = 0; v < g.w.kernel; ++v) {
        for (int64_t p = begin; p < end; ++p, out += g.w.out) {
          const int64_t y = g.h.source(p, u);
          if (y < 0 || y >= g.in.h) {
            std::fill_n(out, g.w.out, 0.0f);
          } else {
            lay_out_row(g.w, in + (c * g.in.h + y) * g.in.w, v, out);
          }
        }
      }
    }
  }
}

bool is_pointwise(const Geometry& g) {
  const auto trivial = [](const Window& w) {
    return w.kernel == 1 && w.stride == 1 && w.before == 0 && w.after == 0;
  };
  return trivial(g.h) && trivial(g.w);
}

// Output rows [begin, end) of one group of one image.
void convolve_rows(const Geometry& g, const float* in, const float* weights, const float* bias, float* out,
                   int64_t begin, int64_t end) {
  const int64_t depth = g.in_group() * g.window_size(), count = (end - begin) * g.w.out;
  const Matrix kernel{weights, g.out_group(), depth, depth};
  float* const block = out + begin * g.w.out;
  if (is_pointwise(g)) {
    multiply_into(block, g.out_plane(), kernel, {in + begin * g.in.w, depth, count, g.in.h * g.in.w});
  } else {
    std::vector<float> columns(static_cast<size_t>(depth * count));
    lay_out_windows(g, in, begin, end, columns);
    multiply_into(block, g.out_plane(), kernel, {columns.data(), depth, count, count});
  }
  for (int64_t o = 0; o < g.out_group(); ++o) {
    float* const row = block + o * g.out_plane();
    for (int64_t i = 0; i < count; ++i) row[i] += bias[o];
  }
}

Tensor convolve(const Call& call, const Params& params) {
  Geometry g = sizes_of(call, params);
  g.h = padded(call, params, g.h, 0);
  g.w = padded(call, params, g.w, 1);
  const std::vector<float> weights = weights_of(call, params, g), bias = bias_of(call, params, g);
  Tensor result = make_tensor(with_planes(call.input().shape, g.out_channels, g.h.out, g.w.out));

  const int64_t depth = g.in_group() * g.window_size();
  const int64_t block_elements = int64_t{1} << 17;
  const int64_t rows = std::clamp<int64_t>(block_elements / (depth * g.w.out), 1, g.h.out);
  const int64_t blocks = (g.h.out + rows - 1) / rows;
  parallel_for(g.in.n * g.groups * blocks, 1, [&](int64_t piece, int64_t last) {
    for (; piece < last; ++piece) {
      const int64_t block = piece % blocks, image_group = piece / blocks, group = image_group % g.groups;
      convolve_rows(g, call.input().data.data() + image_group * g.in_group() * g.in.h * g.in.w,
                    weights.data() + group * g.out_group() * depth, bias.data() + group * g.out_group(),
                    result.data.data() + image_group * g.out_group() * g.out_plane(), block * rows,
                    std::min(g.h.out, (block + 1) * rows));
    }
  });
  return result;
}

// The part of the full result ((in - 1) * s + K along an axis) that a deconvolution keeps; `before` is how
// much of its start is cut. How the cut of outputShape is split, and what happens where the kernel is smaller
// than the stride under same padding, is open in the format: the split is that of same padding, and rows
// beyond the full result are zero.
Window cropped(const Call& call, const Params& params, Window window, int axis) {
  const int64_t full = (window.in - 1) * window.stride + window.kernel;
  Edges cut;
  if (axis < params.outputshape_size()) {
    window.out = static_cast<int64_t>(params.outputshape(axis));
    cut = split_padding(std::max<int64_t>(0, full - window.out), start_heavy(params.same()));
  } else if (params.has_same()) {
    window.out = window.in * window.stride;
    cut = split_padding(std::max<int64_t>(0, full - window.out), start_heavy(params.same()));
  } else {
    cut = edges_of(params.valid().paddingamounts(), axis);
    window.out = full - cut.before - cut.after;
  }
  if (window.out < 1) call.fail("the padding leaves no output");
  window.before = cut.before;
  return window;
}

// Adds what kernel element (u, v) of every input pixel contributes to one output plane.
void add_tap(const Geometry& g, int64_t u, int64_t v, const float* contributions, float* plane) {
  for (int64_t y = 0; y < g.in.h; ++y) {
    const int64_t p = y * g.h.stride + u - g.h.before;
    if (p < 0 || p >= g.h.out) continue;
    for (int64_t x = 0; x < g.in.w; ++x) {
      const int64_t q = x * g.w.stride + v - g.w.before;
      if (q >= 0 && q < g.w.out) plane[p * g.w.out + q] += contributions[y * g.in.w + x];
    }
  }
}

Tensor deconvolve(const Call& call, const Params& params) {
  Geometry g = sizes_of(call, params);
  g.h = cropped(call, params, g.h, 0);
  g.w = cropped(call, params, g.w, 1);
  const std::vector<float> weights = weights_of(call, params, g), bias = bias_of(call, params, g);
  Tensor result = make_tensor(with_planes(call.input().shape, g.out_channels, g.h.out, g.w.out));

  const int64_t in_plane = g.in.h * g.in.w, window = g.window_size();
  parallel_for(g.in.n * g.out_channels, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> contributions(static_cast<size_t>(window * in_plane));
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t image = piece / g.out_channels, o = piece % g.out_channels;
      const int64_t first_in = o / g.out_group() * g.in_group();
      const Matrix kernel{weights.data() + (first_in * g.out_group() + o % g.out_group()) * window,
                          g.in_group(), window, g.out_group() * window, true};
      const float* in = call.input().data.data() + (image * g.in.c + first_in) * in_plane;
      multiply_into(contributions.data(), in_plane, kernel, {in, g.in_group(), in_plane, in_plane});
      float* const plane = result.data.data() + piece * g.out_plane();
      std::fill_n(plane, g.out_plane(), bias[o]);
      for (int64_t tap = 0; tap < window; ++tap) {
        add_tap(g, tap / g.w.kernel, tap % g.w.kernel, contributions.data() + tap * in_plane, plane);
      }
    }
  });
  return result;
}

}  // namespace

Tensor evaluate_convolution(const Call& call) {
  const Params& params = call.layer.convolution();
  return params.isdeconvolution() ? deconvolve(call, params) : convolve(call, params);
}

}  // namespace ane::reference
