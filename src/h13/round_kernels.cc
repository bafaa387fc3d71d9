// The engine's weights and biases are binary16 numbers. Rounded one by one, the errors of a kernel add up: a
// kernel that looks for edges has large taps of both signs whose sum is small, and on a smooth image, where
// all its pixels are alike, it answers with the sum of the errors; and what was rounded off a bias is off at
// every pixel. Batch normalisation that was folded into depthwise kernels makes many such.
//
// So the weights that make one output channel are rounded together. With errors e of the weights and b of the
// bias, and inputs of mean m and variance v in each channel c, the expected square of the result's error is
//
//     (b + sum over c of m[c] * S[c])^2  +  sum over c of v[c] * ((1 - r) * Q[c] + r * S[c]^2)
//
// where S is the sum of a channel's errors and Q the sum of their squares, and r says how much alike the
// neighbours of a pixel are: at 0 they are independent, at 1 all the same. From the nearest numbers on,
// weights move to the number on their other side as long as that makes the error smaller, those that gain
// most first.
//
// b also holds what is wrong with the mean of the inputs, since earlier layers are rounded, too.
//
// Nobody knows a channel's mean exactly: it differs between pictures, and channels that are silent on the
// average wake up for some. A tenth of the average variance is therefore added to every channel's.
//
// Of three public MobileNet pose models, over three pictures of noise and three photographs each, the worst
// output is closer to float32 than with nearest numbers by 3.8 dB in the median (0.3 to 14 dB; in one of the
// 18 it is 3.6 dB further off). Kernels that are binary16 already stay as they are.
#include "h13/round_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "base/half.h"
#include "base/parallel.h"

namespace ane::h13 {

namespace {

constexpr double likeness_of_neighbours = 0.9;
constexpr double doubt = 0.1;

constexpr float smallest_normal = 0x1p-14f, smallest_step = 0x1p-24f, largest_half = 65504;

// Of the two binary16 numbers beside `wanted` the one that is not `nearest`. As float32, they lie 2^13 codes
// apart; where they are subnormal, 2^-24. May be beyond the largest.
float other_neighbour(float wanted, float nearest) {
  const float magnitude = std::abs(nearest), direction = std::copysign(1.0f, std::abs(wanted) - magnitude);
  float other = magnitude + direction * smallest_step;
  if (std::min(magnitude, other) >= smallest_normal) {
    const int32_t codes = static_cast<int32_t>(direction) * (1 << 13);
    other = std::bit_cast<float>(std::bit_cast<int32_t>(magnitude) + codes);
  }
  return std::copysign(other, wanted);
}

// The weights that make one output channel.
class Kernel {
 public:
  struct Move {
    uint32_t channel, weight;
    float to;
    double gain;
  };

  Kernel(std::span<const float> wanted, std::span<float> rounded, std::span<const double> mean,
         std::span<const double> variance, double offset)
      : wanted_(wanted),
        rounded_(rounded),
        mean_(mean),
        variance_(variance),
        area_(wanted.size() / mean.size()),
        offset_(offset),
        sums_(mean.size(), 0) {
    double expected = 0;
    for (size_t c = 0, i = 0; c < sums_.size(); ++c) {
      double sum = 0;
      for (size_t tap = 0; tap < area_; ++tap, ++i) sum += error(i);
      sums_[c] = sum;
      expected += mean[c] * sum;
    }
    offset_ += expected;
  }

  // `moves` is room for one more than there are weights.
  void settle(std::vector<Move>& moves) {
    constexpr int sweeps = 2;  // a third finds next to nothing
    const double enough = removable() / 16;
    for (int sweep = 0; sweep < sweeps && removable() > enough; ++sweep) {
      const auto end = find_moves(moves);
      // The first few do nearly all there is to do; the order of the others does not matter.
      const auto sorted = moves.begin() + std::min<std::ptrdiff_t>(end - moves.begin(), 32);
      std::partial_sort(moves.begin(), sorted, end, [](const Move& a, const Move& b) {
        return a.gain != b.gain ? a.gain > b.gain : a.weight < b.weight;
      });
      for (auto move = moves.begin(); move != end; ++move)
        if (gain_of(*move) > 0) apply(*move);
    }
  }

 private:
  // The part of the expected square of the error that no single weight is to blame for.
  double removable() const {
    double sum = offset_ * offset_;
    for (size_t c = 0; area_ > 1 && c < sums_.size(); ++c)
      sum += variance_[c] * likeness_of_neighbours * sums_[c] * sums_[c];
    return sum;
  }

  // Whether a weight moves is a matter of chance, so nothing here branches on it.
  std::vector<Move>::iterator find_moves(std::vector<Move>& moves) const {
    auto next = moves.begin();
    for (size_t c = 0, i = 0; c < sums_.size(); ++c)
      for (size_t tap = 0; tap < area_; ++tap, ++i) {
        next->channel = static_cast<uint32_t>(c);
        next->weight = static_cast<uint32_t>(i);
        next->to = other_neighbour(wanted_[i], rounded_[i]);
        next->gain = gain_of(*next);
        next += static_cast<int>(next->gain > 0) & static_cast<int>(wanted_[i] != 0) &
                static_cast<int>(wanted_[i] != rounded_[i]) &
                static_cast<int>(std::abs(next->to) <= largest_half);
      }
    return next;
  }

  double error(size_t i) const { return static_cast<double>(wanted_[i]) - static_cast<double>(rounded_[i]); }
  double step_of(const Move& move) const {
    return static_cast<double>(move.to) - static_cast<double>(rounded_[move.weight]);
  }

  // By how much the expected square of the error falls.
  double gain_of(const Move& move) const {
    const double mean = mean_[move.channel], step = step_of(move);
    // a^2 - (a - s)^2 = s * (2 a - s), for each of the three squares
    const double common = mean * step * (2 * offset_ - mean * step);
    const double own = step * (2 * error(move.weight) - step),
                 together = step * (2 * sums_[move.channel] - step);
    return common +
           variance_[move.channel] * ((1 - likeness_of_neighbours) * own + likeness_of_neighbours * together);
  }

  void apply(const Move& move) {
    const double step = step_of(move);
    sums_[move.channel] -= step;
    offset_ -= mean_[move.channel] * step;
    rounded_[move.weight] = move.to;
  }

  std::span<const float> wanted_;
  std::span<float> rounded_;
  std::span<const double> mean_, variance_;
  size_t area_;
  double offset_;             // the error that is expected on the average
  std::vector<double> sums_;  // S above
};

std::vector<float> nearest_halves(const std::vector<float>& values) {
  std::vector<Half> halves(values.size());
  to_half(values, halves);
  std::vector<float> rounded(values.size());
  to_float(halves, rounded);
  return rounded;
}

struct Layout {
  size_t kernels = 0, channels = 0;  // how many output channels, and how many input channels each has
  size_t outputs_of_group = 1;
};

// A transposed convolution's weights stand by input channel: there each kernel is rounded for itself.
Layout layout_of(const aneir::Conv& conv, size_t weights) {
  const size_t area = static_cast<size_t>(conv.kernel_width) * static_cast<size_t>(conv.kernel_height);
  if (conv.transposed) return {weights / area, 1, weights / area};
  const auto outputs = static_cast<size_t>(conv.output_channels);
  return {outputs, weights / area / outputs, outputs / static_cast<size_t>(conv.groups)};
}

aneir::Constant rounded(const aneir::Constant& bias) {
  return aneir::Constant::of_floats(nearest_halves(bias.floats()));
}

Moments with_doubt(Moments moments) {
  const double sum = std::accumulate(moments.variance.begin(), moments.variance.end(), 0.0);
  for (double& variance : moments.variance)
    variance += doubt * sum / static_cast<double>(moments.variance.size());
  return moments;
}

}  // namespace

aneir::Constant round_kernels(const aneir::Conv& conv, const Moments& input,
                              const std::vector<double>& mean_error) {
  if (conv.weights.type != aneir::ElementType::Float32) return conv.weights;
  const std::vector<float> wanted = conv.weights.floats();
  std::vector<float> rounded = nearest_halves(wanted);
  if (rounded == wanted || !std::ranges::all_of(rounded, [](float value) { return std::isfinite(value); }))
    return conv.weights;

  const Layout layout = layout_of(conv, wanted.size());
  const bool known = input.known() && !conv.transposed;
  const size_t groups = layout.kernels / layout.outputs_of_group, channels = layout.channels;
  const Moments moments =
      known ? with_doubt(input)
            : Moments{std::vector<double>(channels * groups, 0), std::vector<double>(channels * groups, 1)};
  const std::vector<float> bias = conv.bias && known ? conv.bias->floats() : std::vector<float>();
  const size_t weights = wanted.size() / layout.kernels, area = weights / channels;
  // What is wrong before any weight is rounded.
  const auto offset_of = [&](size_t kernel, size_t first_channel) {
    double offset =
        bias.empty() ? 0
                     : static_cast<double>(bias[kernel]) - static_cast<double>(round_to_half(bias[kernel]));
    if (known && !mean_error.empty())
      for (size_t c = 0, i = kernel * weights; c < channels; ++c)
        for (size_t tap = 0; tap < area; ++tap, ++i)
          offset += static_cast<double>(wanted[i]) * mean_error[first_channel + c];
    return offset;
  };
  const int64_t grain = std::max<int64_t>(1, 4096 / static_cast<int64_t>(weights));
  parallel_for(static_cast<int64_t>(layout.kernels), grain, [&](int64_t begin, int64_t end) {
    std::vector<Kernel::Move> moves(weights + 1);  // where the next would go is written before it is one
    for (auto kernel = static_cast<size_t>(begin); kernel < static_cast<size_t>(end); ++kernel) {
      const size_t channel = kernel / layout.outputs_of_group * channels;
      Kernel(std::span(wanted).subspan(kernel * weights, weights),
             std::span(rounded).subspan(kernel * weights, weights),
             std::span(moments.mean).subspan(channel, channels),
             std::span(moments.variance).subspan(channel, channels), offset_of(kernel, channel))
          .settle(moves);
    }
  });
  return aneir::Constant::of_floats(std::move(rounded));
}

void round_kernels(aneir::Network& network, const std::vector<Moments>& inputs) {
  // Of each tensor, as it should be and as it comes out.
  std::vector<Moments> wanted(network.tensors.size());
  for (size_t i = 0; i < network.inputs.size(); ++i)
    wanted[static_cast<size_t>(network.inputs[i])] = inputs[i];
  std::vector<Moments> got = wanted;
  for (aneir::Unit& unit : network.units) {
    std::vector<const Moments*> wanted_bottoms, got_bottoms;
    for (const aneir::TensorId id : unit.bottoms) {
      wanted_bottoms.push_back(&wanted[static_cast<size_t>(id)]);
      got_bottoms.push_back(&got[static_cast<size_t>(id)]);
    }
    wanted[static_cast<size_t>(unit.top)] = moments_of(network, unit, wanted_bottoms);
    if (auto* conv = unit.as<aneir::Conv>()) {
      std::vector<double> mean_error(got_bottoms[0]->mean.size());
      for (size_t c = 0; c < mean_error.size(); ++c)
        mean_error[c] = wanted_bottoms[0]->mean[c] - got_bottoms[0]->mean[c];
      conv->weights = round_kernels(*conv, *got_bottoms[0], mean_error);
      if (conv->bias) conv->bias = rounded(*conv->bias);
    }
    got[static_cast<size_t>(unit.top)] = moments_of(network, unit, got_bottoms);
  }
}

}  // namespace ane::h13
