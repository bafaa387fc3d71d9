#pragma once

#include <span>
#include <vector>

#include "aneir/network.h"

namespace ane::h13 {

// Mean and variance of a tensor's values, one of each for a channel. Without any nothing is known.
struct Moments {
  std::vector<double> mean, variance;
  bool known() const { return !mean.empty(); }
};

// Of `channels` channels that hold scale * x + bias[channel] for values x of a picture, from 0 to 255. An
// empty `bias` is 0.
Moments picture_moments(int64_t channels, double scale, const std::vector<double>& bias);

// Of a convolution's result, in two steps. Where nothing is known of `x`, nothing is known of it.
Moments moments_before_activation(const aneir::Conv& conv, const Moments& x);
Moments moments_after_activation(const aneir::Conv& conv, Moments x);

// Of a unit's result, from those of its bottoms.
Moments moments_of(const aneir::Network& network, const aneir::Unit& unit,
                   std::span<const Moments* const> bottoms);

}  // namespace ane::h13
