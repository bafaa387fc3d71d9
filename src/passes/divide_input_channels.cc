// Convolutions of which not even a few rows, in all channels, fit the on-chip memory: wide images of many
// channels, as super resolution networks end with (64 channels of 2000 columns). The engine holds all input
// channels of the rows it works on, so the input channels are dealt to several convolutions, as few as will
// do, whose results are added; each addition rounds to binary16. The first brings the bias, the last addition
// the activation.
#include <algorithm>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::ElementWise;
using aneir::ElementWiseOp;

constexpr int64_t most_parts = 64;

// Input channels first .. first + count of the weights.
Constant weights_of(const std::vector<float>& weights, const Conv& conv, int64_t channels, int64_t first,
                    int64_t count) {
  const int64_t kernel = int64_t{conv.kernel_height} * conv.kernel_width;
  std::vector<float> part;
  part.reserve(static_cast<size_t>(conv.output_channels * count * kernel));
  for (int64_t o = 0; o < conv.output_channels; ++o) {
    const auto begin = weights.begin() + (o * channels + first) * kernel;
    part.insert(part.end(), begin, begin + count * kernel);
  }
  return Constant::of_floats(std::move(part));
}

// How many channels each part gets; 0 where no number of parts is enough.
int64_t share_of(const Conv& conv, Shape source, const Shape& result, const EngineFacts& facts) {
  const int64_t channels = source.c;
  for (int64_t parts = 2; parts <= std::min(channels, most_parts); ++parts) {
    source.c = (channels + parts - 1) / parts;
    if (facts.fits_on_chip(conv, source, result)) return source.c;
  }
  return 0;
}

TensorId in_parts(const Unit& unit, const Conv& conv, int64_t share, Replacement& here) {
  const int64_t channels = here.shape(unit.bottoms[0]).c;
  const bool relu = conv.activation && conv.activation->type == NeuronType::ReLU;
  const std::vector<float> weights = conv.weights.floats();
  TensorId sum = no_tensor;
  for (int64_t first = 0; first < channels; first += share) {
    const int64_t count = std::min(share, channels - first);
    Conv part = conv;
    part.weights = weights_of(weights, conv, channels, first, count);
    part.activation.reset();
    if (first != 0) part.bias.reset();
    const TensorId seen = here.view("channels", unit.bottoms[0], Axis::Channel, first, count);
    const TensorId result = here.add("part", std::move(part), {seen});
    const ElementWise plus{ElementWiseOp::Add, 1, relu && first + count == channels};
    sum = first == 0 ? result : here.add("sum", plus, {sum, result});
  }
  return relu || !conv.activation ? sum : here.add("activation", *conv.activation, {sum});
}

}  // namespace

bool divide_input_channels(Network& network, const EngineFacts& facts) {
  if (!facts.fits_on_chip) return false;
  return rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    const auto* conv = unit.as<Conv>();
    if (!conv || conv->transposed || conv->groups != 1) return no_tensor;
    const Shape source = here.shape(unit.bottoms[0]), result = here.shape(unit.top);
    if (facts.fits_on_chip(*conv, source, result)) return no_tensor;
    const int64_t share = share_of(*conv, source, result, facts);
    return share == 0 ? no_tensor : in_parts(unit, Conv(*conv), share, here);
  });
}

}  // namespace ane::passes
