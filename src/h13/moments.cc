// What values a network's tensors will have, before any has been seen. Rounding weights (round_kernels.cc)
// needs it to weigh errors against each other: one on a channel that is always 6 does more harm than one on a
// channel that is mostly 0.
//
// Each channel is described by its mean and variance. They start at the inputs (a picture's values are taken
// as uniform between 0 and 255) and follow the units: exactly where a unit is linear, under the assumption
// that values are independent where variances meet; and through functions as if what goes in were normally
// distributed, which is what sums of many terms are. (Nagel et al., "Data-Free Quantization Through Weight
// Equalization and Bias Correction", 2019, correct biases in this way.) Borders are neglected. Where a unit
// mixes channels in another way than convolution and concatenation, nothing is known behind it.
#include "h13/moments.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>
#include <span>

#include "base/lanes.h"
#include "base/parallel.h"

namespace ane::h13 {

namespace {

using aneir::Axis;
using aneir::Network;
using aneir::NeuronType;
using aneir::Shape;
using aneir::Unit;

size_t count_of(int64_t number) {
  return static_cast<size_t>(number);
}

// Where the normal distribution has `probability` below it.
double normal_quantile(double probability) {
  double low = -8, high = 8;
  for (int step = 0; step < 50; ++step) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::numbers::sqrt2) / 2 < probability ? low : high) = middle;
  }
  return low;
}

// Values that stand for equal shares of the normal distribution.
constexpr size_t points = 64;
const std::array<double, points>& normal_points() {
  static const std::array<double, points> values = [] {
    std::array<double, points> made{};
    for (size_t i = 0; i < points; ++i)
      made[i] = normal_quantile((static_cast<double>(i) + 0.5) / static_cast<double>(points));
    return made;
  }();
  return values;
}

// Values of `function` at what such points become for each channel.
template <typename Function>
Moments averaged_over_points(Function function, Moments x) {
  const std::array<double, points>& normal = normal_points();
  for (size_t c = 0; c < x.mean.size(); ++c) {
    const double mean = x.mean[c], deviation = std::sqrt(x.variance[c]);
    // Sums that do not wait for each other.
    constexpr size_t at_once = 4;
    static_assert(points % at_once == 0);
    std::array<double, at_once> sums{}, squares{};
    for (size_t i = 0; i < points; i += at_once)
      for (size_t j = 0; j < at_once; ++j) {
        const double y = function(mean + deviation * normal[i + j]);
        sums[j] += y;
        squares[j] += y * y;
      }
    const auto average = [](const auto& of) { return std::accumulate(of.begin(), of.end(), 0.0) / points; };
    x.mean[c] = average(sums);
    x.variance[c] = std::max(0.0, average(squares) - x.mean[c] * x.mean[c]);
  }
  return x;
}

// Nothing is known behind those that occur too seldom before a convolution to matter.
Moments through(const aneir::Neuron& neuron, Moments x) {
  const double s = static_cast<double>(neuron.input_scale), a = static_cast<double>(neuron.alpha),
               b = static_cast<double>(neuron.beta);
  const auto averaged = [&](auto function) { return averaged_over_points(function, std::move(x)); };
  switch (neuron.type) {
    case NeuronType::ReLU:
      return averaged([=](double v) { return std::max(s * v, 0.0); });
    case NeuronType::LeakyReLU:
      return averaged([=](double v) { return s * v >= 0 ? s * v : a * s * v; });
    case NeuronType::ClampedReLU:
      return averaged([=](double v) { return std::min(std::max(s * v, a), b); });
    case NeuronType::HardSigmoid:
      return averaged([=](double v) { return std::min(std::max(a * s * v + b, 0.0), 1.0); });
    case NeuronType::Sigmoid:
      return averaged([=](double v) { return 1 / (1 + std::exp(-s * v)); });
    case NeuronType::Silu:
      return averaged([=](double v) { return s * v / (1 + std::exp(-s * v)); });
    case NeuronType::GeluBySigmoid:
      return averaged([=](double v) { return s * v / (1 + std::exp(-1.702 * s * v)); });
    case NeuronType::Tanh:
      return averaged([=](double v) { return std::tanh(s * v); });
    default:
      return {};
  }
}

// One value a weight, for the kernels that read these channels; zeros up to `end`.
std::vector<float> for_each_weight(const std::vector<double>& of_channels, size_t area, size_t end) {
  std::vector<float> values(end, 0);
  for (size_t i = 0; i < of_channels.size() * area; ++i)
    values[i] = static_cast<float>(of_channels[i / area]);
  return values;
}

void add_dense(Moments& y, const aneir::Conv& conv, const Moments& x, size_t area) {
  const size_t outputs_of_group = y.mean.size() / count_of(conv.groups),
               weights = x.mean.size() / count_of(conv.groups) * area;
  constexpr size_t whole = 2 * lanes_at_once;
  const size_t padded = (weights + whole - 1) / whole * whole;
  const std::vector<float> means = for_each_weight(x.mean, area, x.mean.size() * area + whole),
                           variances = for_each_weight(x.variance, area, x.mean.size() * area + whole);
  const int64_t grain = std::max<int64_t>(1, 65536 / static_cast<int64_t>(weights));
  parallel_for(conv.output_channels, grain, [&](int64_t begin, int64_t end) {
    std::vector<float> row(padded, 0);
    for (size_t o = count_of(begin); o < count_of(end); ++o) {
      conv.weights.read(static_cast<int64_t>(o * weights), std::span(row).first(weights));
      const float *w = row.data(), *mean = means.data() + o / outputs_of_group * weights,
                  *variance = variances.data() + o / outputs_of_group * weights;
      const float sum = sum_lanes(padded, [&](size_t i) { return load_lanes(w + i) * load_lanes(mean + i); });
      const float squares = sum_lanes(padded, [&](size_t i) {
        const Lanes weight = load_lanes(w + i);
        return weight * weight * load_lanes(variance + i);
      });
      y.mean[o] = static_cast<double>(sum);
      y.variance[o] = static_cast<double>(squares);
    }
  });
}

// Its weights stand by input channel; each result meets the taps of one phase.
void add_transposed(Moments& y, const aneir::Conv& conv, const Moments& x, size_t area) {
  const std::vector<float> weights = conv.weights.floats();
  const size_t groups = count_of(conv.groups), outputs_of_group = y.mean.size() / groups,
               inputs_of_group = x.mean.size() / groups;
  const double phases = conv.stride_x * conv.stride_y;
  for (size_t c = 0; c < x.mean.size(); ++c)
    for (size_t o = 0; o < outputs_of_group; ++o) {
      const float* kernel = weights.data() + (c * outputs_of_group + o) * area;
      double sum = 0, squares = 0;
      for (size_t tap = 0; tap < area; ++tap) {
        const double weight = static_cast<double>(kernel[tap]);
        sum += weight;
        squares += weight * weight;
      }
      const size_t output = c / inputs_of_group * outputs_of_group + o;
      y.mean[output] += x.mean[c] * sum / phases;
      y.variance[output] += x.variance[c] * squares / phases;
    }
}

Moments of_goc(const aneir::Goc& goc, Moments x) {
  const size_t channels = x.mean.size();
  const std::vector<float> scale =
      goc.channel_scale ? goc.channel_scale->floats() : std::vector(channels, goc.scale);
  const std::vector<float> offset =
      goc.channel_offset ? goc.channel_offset->floats() : std::vector(channels, goc.offset);
  for (size_t c = 0; c < channels; ++c) {
    const double gain = static_cast<double>(scale[c]);
    x.mean[c] = gain * x.mean[c] + static_cast<double>(offset[c]);
    x.variance[c] *= gain * gain;
  }
  return x;
}

Moments of_elementwise(const aneir::ElementWise& operation, const Moments& a, const Moments& b) {
  using aneir::ElementWiseOp;
  if (a.mean.size() != b.mean.size()) return {};
  const double scale = static_cast<double>(operation.scale);
  Moments y = a;
  for (size_t c = 0; c < y.mean.size(); ++c) {
    const double m = a.mean[c], n = b.mean[c], v = a.variance[c], w = b.variance[c];
    switch (operation.op) {
      case ElementWiseOp::Add:
      case ElementWiseOp::Sub:
        y.mean[c] = operation.op == ElementWiseOp::Add ? m + n : m - n;
        y.variance[c] = v + w;
        break;
      case ElementWiseOp::Mult:
        y.mean[c] = m * n;
        y.variance[c] = v * w + m * m * w + n * n * v;
        break;
      default:
        return {};
    }
    y.mean[c] *= scale;
    y.variance[c] *= scale * scale;
  }
  return operation.relu ? through({NeuronType::ReLU}, std::move(y)) : y;
}

Moments of_view(const aneir::InputView& view, const Moments& x) {
  if (view.axis != Axis::Channel) return x;
  Moments y;
  for (int64_t i = 0; i < view.size; ++i) {
    const size_t c = count_of(view.offset + i * view.step);
    y.mean.push_back(x.mean[c]);
    y.variance.push_back(x.variance[c]);
  }
  return y;
}

Moments averaged(Moments x, double values) {
  for (double& variance : x.variance) variance /= values;
  return x;
}

Moments of_pooling(const aneir::Pooling& pooling, Moments x) {
  const double values = pooling.kernel_width * pooling.kernel_height;
  if (pooling.type == aneir::PoolingType::L2) return {};
  if (pooling.type == aneir::PoolingType::Average) return averaged(std::move(x), values);
  // What the largest of so many values of a normal distribution is expected to be (Blom, 1958).
  const double largest = normal_quantile((values - 0.375) / (values + 0.25));
  for (size_t c = 0; c < x.mean.size(); ++c) x.mean[c] += largest * std::sqrt(x.variance[c]);
  return x;
}

Moments of_reduction(const aneir::Reduction& reduction, const Shape& shape, Moments x) {
  double values = 1;
  for (const Axis axis : reduction.axes) {
    if (axis != Axis::Height && axis != Axis::Width) return {};
    values *= static_cast<double>(shape[axis]);
  }
  if (reduction.type != aneir::ReductionType::Mean) return {};
  x = averaged(std::move(x), values);
  return reduction.activation ? through(*reduction.activation, std::move(x)) : x;
}

Moments of_one(const Unit& unit, const Shape& shape, const Moments& x) {
  if (const auto* conv = unit.as<aneir::Conv>())
    return moments_after_activation(*conv, moments_before_activation(*conv, x));
  if (const auto* goc = unit.as<aneir::Goc>()) return of_goc(*goc, x);
  if (const auto* neuron = unit.as<aneir::Neuron>()) return through(*neuron, x);
  if (const auto* view = unit.as<aneir::InputView>()) return of_view(*view, x);
  if (const auto* pooling = unit.as<aneir::Pooling>()) return of_pooling(*pooling, x);
  if (const auto* reduction = unit.as<aneir::Reduction>()) return of_reduction(*reduction, shape, x);
  return {};
}

}  // namespace

Moments picture_moments(int64_t channels, double scale, const std::vector<double>& bias) {
  Moments moments;
  for (size_t c = 0; c < count_of(channels); ++c) {
    moments.mean.push_back(scale * 127.5 + (bias.empty() ? 0 : bias[std::min(c, bias.size() - 1)]));
    moments.variance.push_back(scale * scale * 255 * 255 / 12);
  }
  return moments;
}

Moments moments_before_activation(const aneir::Conv& conv, const Moments& x) {
  if (!x.known()) return {};
  const size_t area = count_of(conv.kernel_width) * count_of(conv.kernel_height),
               outputs = count_of(conv.output_channels);
  Moments y{std::vector<double>(outputs, 0), std::vector<double>(outputs, 0)};
  (conv.transposed ? add_transposed : add_dense)(y, conv, x, area);
  if (conv.bias) {
    const std::vector<float> bias = conv.bias->floats();
    for (size_t o = 0; o < outputs; ++o) y.mean[o] += static_cast<double>(bias[o]);
  }
  return y;
}

Moments moments_after_activation(const aneir::Conv& conv, Moments x) {
  return conv.activation && x.known() ? through(*conv.activation, std::move(x)) : x;
}

Moments moments_of(const Network& network, const Unit& unit, std::span<const Moments* const> bottoms) {
  if (!std::ranges::all_of(bottoms, [](const Moments* bottom) { return bottom->known(); })) return {};
  if (bottoms.size() == 1) return of_one(unit, network.tensor(unit.bottoms[0]).shape, *bottoms[0]);
  if (const auto* operation = unit.as<aneir::ElementWise>(); operation && bottoms.size() == 2)
    return of_elementwise(*operation, *bottoms[0], *bottoms[1]);
  const auto* concat = unit.as<aneir::Concat>();
  if (!concat || concat->axis != Axis::Channel || concat->interleave) return {};
  Moments y;
  for (const Moments* x : bottoms) {
    y.mean.insert(y.mean.end(), x->mean.begin(), x->mean.end());
    y.variance.insert(y.variance.end(), x->variance.begin(), x->variance.end());
  }
  return y;
}

}  // namespace ane::h13
