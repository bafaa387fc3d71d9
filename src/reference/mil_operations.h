// The definitions of MIL operations, one function each, in one file per family, and the table that finds
// them.
#pragma once

#include <string_view>
#include <vector>

#include "reference/mil_call.h"

namespace ane::reference {

using MilEvaluator = std::vector<Tensor> (*)(const MilCall&);

struct MilDefinition {
  MilEvaluator evaluate;
  std::vector<MilParameter> parameters;
};

// The definition of an operation in the opset of iOS `opset`: the newest that is not newer. Null where there
// is none.
const MilDefinition* find_definition(std::string_view type, int opset);

// Why an operation of MIL is left out; empty for others.
std::string_view reason_of_absence(std::string_view type);

namespace ops {

// mil_elementwise.cc
Tensor inverse(const MilCall& call);
Tensor log(const MilCall& call);
Tensor rsqrt(const MilCall& call);
Tensor threshold(const MilCall& call);
Tensor clip(const MilCall& call);
Tensor cast(const MilCall& call);
Tensor select(const MilCall& call);
Tensor identity(const MilCall& call);

// mil_activation.cc
Tensor relu(const MilCall& call);
Tensor relu6(const MilCall& call);
Tensor leaky_relu(const MilCall& call);
Tensor clamped_relu(const MilCall& call);
Tensor thresholded_relu(const MilCall& call);
Tensor prelu(const MilCall& call);
Tensor elu(const MilCall& call);
Tensor gelu(const MilCall& call);
Tensor linear_activation(const MilCall& call);
Tensor scaled_tanh(const MilCall& call);
Tensor sigmoid_hard(const MilCall& call);
Tensor softplus_parametric(const MilCall& call);

// mil_reduction.cc
Tensor reduce_log_sum_exp(const MilCall& call);
Tensor reduce_argmax(const MilCall& call);
Tensor reduce_argmin(const MilCall& call);

// mil_convolution.cc
Tensor conv(const MilCall& call);

// mil_linear.cc
Tensor matmul(const MilCall& call);
Tensor linear(const MilCall& call);

// mil_normalization.cc
Tensor softmax(const MilCall& call);
Tensor layer_norm(const MilCall& call);

// mil_movement.cc
Tensor transpose(const MilCall& call);
Tensor tile(const MilCall& call);
Tensor concat(const MilCall& call);

// mil_slice.cc
Tensor slice_by_index(const MilCall& call);
Tensor slice_by_size(const MilCall& call);

// mil_shape.cc
Tensor reshape(const MilCall& call);

}  // namespace ops
}  // namespace ane::reference
