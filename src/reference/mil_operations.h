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

// mil_recurrent.cc
std::vector<Tensor> lstm(const MilCall& call);
std::vector<Tensor> gru(const MilCall& call);
std::vector<Tensor> rnn(const MilCall& call);

// mil_order.cc
Tensor cumsum(const MilCall& call);
Tensor argsort(const MilCall& call);
std::vector<Tensor> topk(const MilCall& call);

// mil_convolution.cc
Tensor conv(const MilCall& call);
Tensor conv_transpose(const MilCall& call);

// mil_pooling.cc
Tensor avg_pool(const MilCall& call);
Tensor max_pool(const MilCall& call);
Tensor l2_pool(const MilCall& call);

// mil_linear.cc
Tensor matmul(const MilCall& call);
Tensor linear(const MilCall& call);
Tensor scaled_dot_product_attention(const MilCall& call);

// mil_einsum.cc
Tensor einsum(const MilCall& call);

// mil_normalization.cc
Tensor softmax(const MilCall& call);
Tensor layer_norm(const MilCall& call);
Tensor batch_norm(const MilCall& call);
Tensor instance_norm(const MilCall& call);
Tensor l2_norm(const MilCall& call);
Tensor local_response_norm(const MilCall& call);

// mil_movement.cc
Tensor transpose(const MilCall& call);
Tensor tile(const MilCall& call);
Tensor reverse(const MilCall& call);
Tensor reverse_sequence(const MilCall& call);
Tensor sliding_windows(const MilCall& call);
Tensor band_part(const MilCall& call);

// mil_join.cc
Tensor concat(const MilCall& call);
Tensor stack(const MilCall& call);
std::vector<Tensor> split(const MilCall& call);

// mil_slice.cc
Tensor slice_by_index(const MilCall& call);
Tensor slice_by_size(const MilCall& call);
Tensor slice_update(const MilCall& call);

// mil_pad.cc
Tensor pad(const MilCall& call);
Tensor crop(const MilCall& call);

// mil_blocks.cc
Tensor depth_to_space(const MilCall& call);
Tensor space_to_depth(const MilCall& call);
Tensor pixel_shuffle(const MilCall& call);
Tensor pixel_unshuffle(const MilCall& call);
Tensor space_to_batch(const MilCall& call);
Tensor batch_to_space(const MilCall& call);

// mil_shape.cc
Tensor reshape(const MilCall& call);
Tensor reshape_like(const MilCall& call);
Tensor flatten2d(const MilCall& call);
Tensor expand_dims(const MilCall& call);
Tensor squeeze(const MilCall& call);
Tensor shape(const MilCall& call);
Tensor fill(const MilCall& call);
Tensor fill_like(const MilCall& call);
Tensor range_1d(const MilCall& call);

// mil_gather.cc; negative indices count `from_end`, or are refused
template <bool from_end>
Tensor gather(const MilCall& call);
template <bool from_end>
Tensor gather_along_axis(const MilCall& call);
template <bool from_end>
Tensor gather_nd(const MilCall& call);
template <bool from_end>
Tensor scatter(const MilCall& call);
template <bool from_end>
Tensor scatter_along_axis(const MilCall& call);
template <bool from_end>
Tensor scatter_nd(const MilCall& call);
Tensor one_hot(const MilCall& call);
Tensor non_zero(const MilCall& call);

// mil_resize.cc
Tensor upsample_nearest_neighbor(const MilCall& call);
Tensor upsample_bilinear(const MilCall& call);
Tensor resize_nearest_neighbor(const MilCall& call);
Tensor resize_bilinear(const MilCall& call);
Tensor resize(const MilCall& call);

// mil_sampling.cc
Tensor crop_resize_ios15(const MilCall& call);
Tensor crop_resize_ios16(const MilCall& call);
Tensor crop_resize(const MilCall& call);
Tensor affine(const MilCall& call);
Tensor resample(const MilCall& call);

// mil_detection.cc
std::vector<Tensor> non_maximum_suppression_ios15(const MilCall& call);
std::vector<Tensor> non_maximum_suppression(const MilCall& call);

// mil_constexpr.cc
Tensor quantize(const MilCall& call);
Tensor dequantize(const MilCall& call);
Tensor constexpr_affine_dequantize(const MilCall& call);
Tensor constexpr_cast(const MilCall& call);
Tensor constexpr_lut_to_dense_ios16(const MilCall& call);
Tensor constexpr_lut_to_dense(const MilCall& call);
Tensor constexpr_sparse_to_dense_ios16(const MilCall& call);
Tensor constexpr_sparse_to_dense(const MilCall& call);
Tensor constexpr_blockwise_shift_scale(const MilCall& call);
std::vector<Tensor> constexpr_lut_to_sparse(const MilCall& call);
std::vector<Tensor> constexpr_sparse_blockwise_shift_scale(const MilCall& call);

}  // namespace ops
}  // namespace ane::reference
