// Local response normalisation: x / (1 + alpha/n * sum of x^2 over n channels around)^beta.
//
// The sums are a convolution of the squares over the channels, with a band of equal weights. Squares of
// binary16 numbers beyond 255 are none; they are computed divided by 2^8, which the weights make up for, so
// that x may reach 4095.
#include <algorithm>

#include "import/layer.h"

namespace ane::import {
namespace {

using aneir::ElementWise;
using aneir::ElementWiseOp;
using aneir::TensorId;

constexpr float square_scale = 0x1p-8f;

// 1 + weight * sum of the channels from `before` below to `after` above each.
aneir::Conv band(int64_t channels, int64_t before, int64_t after, float weight) {
  aneir::Conv conv;
  conv.output_channels = channels;
  std::vector<float> weights(static_cast<size_t>(channels * channels), 0.0f);
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t i = std::max<int64_t>(0, c - before); i <= std::min(channels - 1, c + after); ++i)
      weights[static_cast<size_t>(c * channels + i)] = weight;
  conv.weights = aneir::Constant::of_floats(std::move(weights));
  conv.bias = aneir::Constant::of_floats(std::vector<float>(static_cast<size_t>(channels), 1.0f));
  return conv;
}

}  // namespace

Tops import_lrn(LayerImport& at) {
  constexpr int64_t most_channels = 8192;  // a shape alone stands for the square of it
  const int64_t size = at.layer.integer("local_size", at.net.file), channels = at.shape(at.input()).c;
  at.require(size >= 1 && size <= aneir::max_window, "local_size is " + std::to_string(size));
  at.require(channels <= most_channels, std::to_string(channels) + " channels");
  const float weight = at.number("alpha", 1) / static_cast<float>(size) / square_scale;
  const TensorId squares =
      at.add(ElementWise{ElementWiseOp::Mult, square_scale, false}, {at.input(), at.input()});
  const TensorId sums = at.add(band(channels, (size - 1) / 2, size / 2, weight), {squares});
  const aneir::Neuron power{aneir::NeuronType::Power, -at.number("beta", 1), 0, 1};
  return {at.add(ElementWise{ElementWiseOp::Mult, 1, false}, {at.input(), at.add(power, {sums})})};
}

}  // namespace ane::import
