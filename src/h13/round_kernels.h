#pragma once

#include <vector>

#include "aneir/network.h"
#include "h13/moments.h"

namespace ane::h13 {

struct RoundedKernels {
  aneir::Constant weights;
  // How far the mean of each output channel is below what it should be; empty if nothing is known of it.
  std::vector<double> mean_error;
};

// The weights of a convolution as binary16 numbers, each one of the two beside it, chosen so that the error
// of the results is expected to be small for inputs with these moments, the rounding of the bias included.
// `mean_error` says how far the mean of each input channel is below what it should be (or is empty).
// Weights that are binary16 already are returned as they are, and so are those beyond its range.
RoundedKernels round_kernels(const aneir::Conv& conv, const Moments& input,
                             const std::vector<double>& mean_error = {});

// The same for all convolutions of a network whose inputs have these moments. What the rounding of one leaves
// wrong with the mean of its results, the next ones make good as far as they can.
void round_kernels(aneir::Network& network, const std::vector<Moments>& inputs);

}  // namespace ane::h13
