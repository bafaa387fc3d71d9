// Batch normalisation, scale and bias layers behind a convolution go into its weights and bias: s * (W*x + b)
// + o is (s*W)*x + (s*b + o). That saves a pass over the tensor and a rounding to binary16.
//
// The arithmetic is float32, and weights are rounded to binary16 once, when they are packed. A gain that
// would push a weight or bias out of binary16's range is left as it is.
#include <cmath>
#include <optional>

#include "base/half.h"
#include "base/parallel.h"
#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::Goc;

// One number per output channel.
std::vector<float> spread(const std::optional<Constant>& per_channel, float scalar, int64_t channels) {
  return per_channel ? per_channel->floats() : std::vector<float>(static_cast<size_t>(channels), scalar);
}

bool all_are_halves(const std::vector<float>& values) {
  for (const float value : values)
    if (!std::isfinite(round_to_half(value))) return false;
  return true;
}

// Rows of the kernel, one per output channel, times their gain.
std::vector<float> scaled(std::vector<float> weights, const std::vector<float>& gains) {
  const int64_t channels = static_cast<int64_t>(gains.size());
  const int64_t row = static_cast<int64_t>(weights.size()) / channels;
  const int64_t grain = std::max<int64_t>(1, (1 << 16) / std::max<int64_t>(1, row));
  parallel_for(channels, grain, [&](int64_t begin, int64_t end) {
    for (int64_t channel = begin; channel < end; ++channel)
      for (int64_t i = channel * row; i < (channel + 1) * row; ++i)
        weights[static_cast<size_t>(i)] *= gains[static_cast<size_t>(channel)];
  });
  return weights;
}

bool fold(Conv& conv, const Goc& goc) {
  const std::vector<float> gains = spread(goc.channel_scale, goc.scale, conv.output_channels);
  const std::vector<float> offsets = spread(goc.channel_offset, goc.offset, conv.output_channels);
  std::vector<float> bias = spread(conv.bias, 0, conv.output_channels);
  for (size_t i = 0; i < bias.size(); ++i) bias[i] = bias[i] * gains[i] + offsets[i];
  if (!all_are_halves(bias)) return false;
  if (goc.scale != 1 || goc.channel_scale) {
    std::vector<float> weights = scaled(conv.weights.floats(), gains);
    if (!all_are_halves(weights)) return false;
    conv.weights = Constant::of_floats(std::move(weights));
  }
  conv.bias = Constant::of_floats(std::move(bias));
  return true;
}

}  // namespace

bool fold_goc_into_convolution(Network& network, const EngineFacts&) {
  return absorb_readers(network, [](Unit& producer, const Unit& reader) {
    auto* conv = producer.as<Conv>();
    const auto* goc = reader.as<Goc>();
    return conv && goc && !conv->activation && !conv->transposed && fold(*conv, *goc);
  });
}

}  // namespace ane::passes
