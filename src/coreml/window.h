// Sliding windows: where the kernel of a convolution, deconvolution or pooling layer lies over its input.
//
// The file gives lists that may be empty (then a default holds), and one of several padding rules. Everybody
// who needs the numbers (shape inference, translation, the reference) takes them from here, resolved for one
// input.
#pragma once

#include <cstdint>

#include "coreml/model.h"

namespace CoreML::Specification {
class ConvolutionLayerParams;
class PoolingLayerParams;
}  // namespace CoreML::Specification

namespace ane::coreml {

// One axis. Convolution and pooling: window i covers the input positions i * stride - before + u * dilation
// for u = 0..kernel-1; positions outside [0, input) are padding. Deconvolution: input i adds to positions i *
// stride + u of a line of (input - 1) * stride + kernel, of which `before` and `after` positions are cut off.
struct Window {
  int64_t input = 1, output = 1;
  int64_t kernel = 1, stride = 1, dilation = 1;
  int64_t before = 0, after = 0;
};

struct Window2d {
  Window height, width;
};

// `input` is the blob's shape, height and width last. For layers of a Model from read_model(); there, and
// only there, `output` may come out below 1 or `before`, `after` negative (the layer does not fit its input).
Window2d convolution_window(const spec::ConvolutionLayerParams& layer, const Shape& input);
Window2d pooling_window(const spec::PoolingLayerParams& layer, const Shape& input);

}  // namespace ane::coreml
