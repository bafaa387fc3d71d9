// Reductions over axes, apart from any format's parameters. Sums and products are taken in double.
#pragma once

#include "reference/tensor.h"

namespace ane::reference {

struct Reduction {
  double start;
  double (*step)(double so_far, double x);
  double (*finish)(double result, double count) = [](double result, double) { return result; };
};

extern const Reduction sum_of, mean_of, product_of, sum_of_squares, l1_norm, l2_norm, maximum_of, minimum_of;
extern const Reduction logarithm_of_sum;  // ln Σ x

// `reduced` has an entry for every axis. Reduced axes stay, with size 1.
Tensor reduce(const Tensor& input, const std::vector<bool>& reduced, const Reduction& by);

// ln Σ e^x, with the largest x taken out so that nothing overflows.
Tensor reduce_log_sum_exp(const Tensor& input, const std::vector<bool>& reduced);

// The index of the first largest (smallest) element along an axis, which stays with size 1.
Tensor index_of_largest(const Tensor& input, size_t axis);
Tensor index_of_smallest(const Tensor& input, size_t axis);

}  // namespace ane::reference
