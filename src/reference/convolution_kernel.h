// Convolution and transposed convolution over up to three axes, apart from any format's parameters.
#pragma once

#include "reference/window.h"

namespace ane::reference {

struct ConvolutionSizes {
  int64_t n = 1;  // images
  int64_t in_channels = 1, out_channels = 1;
  int64_t groups = 1;  // divide both
  Windows windows;

  int64_t in_group() const { return in_channels / groups; }
  int64_t out_group() const { return out_channels / groups; }
  int64_t window_size() const { return windows[0].kernel * windows[1].kernel * windows[2].kernel; }
  int64_t in_volume() const { return windows[0].in * windows[1].in * windows[2].in; }
  int64_t out_volume() const { return windows[0].out * windows[1].out * windows[2].out; }
};

// in [n, in_channels, D, H, W], weights [out_channels, in_group, kernel...], bias [out_channels]; out [n,
// out_channels, D', H', W']:
//   out[o, p] = bias[o] + Σ weights[o, i, u] * in[i, p * stride - before + u * dilation], zero outside.
void convolve(const ConvolutionSizes& sizes, const float* in, const float* weights, const float* bias,
              float* out);

// weights [in_channels, out_group, kernel...]:
//   out[o, i * stride + u * dilation - before] += in[c, i] * weights[c, o, u]; what falls outside is dropped.
void convolve_transposed(const ConvolutionSizes& sizes, const float* in, const float* weights,
                         const float* bias, float* out);

}  // namespace ane::reference
