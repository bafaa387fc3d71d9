// The definitions of the layers, one function each, in one file per family. interpreter.cc has the table that
// finds them.
#pragma once

#include <NeuralNetwork.pb.h>

#include <string>
#include <vector>

#include "coreml/model.h"
#include "reference/tensor.h"

namespace ane::reference {

// One layer with the blobs it reads.
struct Call {
  const coreml::spec::NeuralNetworkLayer& layer;
  const std::vector<const Tensor*>& inputs;
  const std::string& file;

  // Throws Error naming the layer.
  [[noreturn]] void fail(const std::string& why) const;

  // Throws Error when the layer has fewer inputs.
  const Tensor& input(size_t index = 0) const;

  // The axis of a tensor of `rank` that `axis` names; negative ones count from the end.
  size_t axis_index(int64_t axis, size_t rank) const;

  // Weights of `shape`, decoded; quantisation scales, where each channel has its own, run along
  // `channel_axis`.
  std::vector<float> weights(const coreml::spec::WeightParams& params, const Shape& shape,
                             size_t channel_axis = 0) const;
};

// The last three axes are C, H, W; everything before is batch.
struct Planes {
  int64_t n, c, h, w;
};
Planes planes_of(const Call& call, const Tensor& tensor);
Shape with_planes(const Shape& shape, int64_t c, int64_t h, int64_t w);

// The parameter's value, or its default where it is absent (proto3: zero).
inline float value_or(float value, float default_value) {
  return value == 0 ? default_value : value;
}

// convolution.cc
Tensor evaluate_convolution(const Call& call);

// pooling.cc
Tensor evaluate_pooling(const Call& call);

// matrix.cc
Tensor evaluate_inner_product(const Call& call);
Tensor evaluate_embedding(const Call& call);
Tensor evaluate_embedding_nd(const Call& call);
Tensor evaluate_batched_matmul(const Call& call);

// activation.cc
Tensor evaluate_activation(const Call& call);
Tensor evaluate_unary(const Call& call);
Tensor evaluate_clip(const Call& call);
Tensor evaluate_gelu(const Call& call);
Tensor evaluate_clamped_relu(const Call& call);
Tensor evaluate_function(const Call& call);  // ceil, floor, sin, erf, ...: no parameters

// arithmetic.cc
Tensor evaluate_add(const Call& call);
Tensor evaluate_multiply(const Call& call);
Tensor evaluate_average(const Call& call);
Tensor evaluate_max(const Call& call);
Tensor evaluate_min(const Call& call);
Tensor evaluate_scale(const Call& call);
Tensor evaluate_bias(const Call& call);
Tensor evaluate_dot(const Call& call);
Tensor evaluate_broadcastable(const Call& call);  // addBroadcastable, lessThan, logicalAnd, ...
Tensor evaluate_where(const Call& call);

// normalization.cc
Tensor evaluate_batchnorm(const Call& call);
Tensor evaluate_mvn(const Call& call);
Tensor evaluate_l2_normalize(const Call& call);
Tensor evaluate_lrn(const Call& call);
Tensor evaluate_softmax(const Call& call);
Tensor evaluate_softmax_nd(const Call& call);
Tensor evaluate_layer_normalization(const Call& call);

// reduction.cc
Tensor evaluate_reduce(const Call& call);
Tensor evaluate_reduce_nd(const Call& call);  // reduceSum, reduceMean, ...
Tensor evaluate_arg_max(const Call& call);
Tensor evaluate_arg_min(const Call& call);

// resampling.cc
Tensor evaluate_upsample(const Call& call);
Tensor evaluate_resize_bilinear(const Call& call);
Tensor evaluate_crop_resize(const Call& call);

// movement.cc
Tensor evaluate_crop(const Call& call);
Tensor evaluate_padding(const Call& call);
Tensor evaluate_constant_pad(const Call& call);
Tensor evaluate_permute(const Call& call);
Tensor evaluate_transpose(const Call& call);
Tensor evaluate_concat(const Call& call);
Tensor evaluate_concat_nd(const Call& call);
Tensor evaluate_stack(const Call& call);
std::vector<Tensor> evaluate_split(const Call& call);
std::vector<Tensor> evaluate_split_nd(const Call& call);
Tensor evaluate_slice(const Call& call);
Tensor evaluate_slice_static(const Call& call);
Tensor evaluate_sliding_windows(const Call& call);
Tensor evaluate_sequence_repeat(const Call& call);
Tensor evaluate_tile(const Call& call);
Tensor evaluate_reverse(const Call& call);
Tensor evaluate_reorganize_data(const Call& call);
Tensor evaluate_gather(const Call& call);

// selection.cc
Tensor evaluate_matrix_band_part(const Call& call);
Tensor evaluate_lower_triangular(const Call& call);
Tensor evaluate_upper_triangular(const Call& call);
Tensor evaluate_fill_like(const Call& call);
Tensor evaluate_range_static(const Call& call);
Tensor evaluate_get_shape(const Call& call);
Tensor evaluate_slice_by_size(const Call& call);
Tensor evaluate_broadcast_to_static(const Call& call);
Tensor evaluate_broadcast_to_like(const Call& call);
Tensor evaluate_reshape_like(const Call& call);
Tensor evaluate_cum_sum(const Call& call);
Tensor evaluate_one_hot(const Call& call);
std::vector<Tensor> evaluate_top_k(const Call& call);

// recurrent.cc
std::vector<Tensor> evaluate_simple_recurrent(const Call& call);
std::vector<Tensor> evaluate_gru(const Call& call);
std::vector<Tensor> evaluate_lstm(const Call& call);
std::vector<Tensor> evaluate_bidirectional_lstm(const Call& call);

// shape.cc
Tensor evaluate_copy(const Call& call);
Tensor evaluate_reshape(const Call& call);
Tensor evaluate_flatten(const Call& call);
Tensor evaluate_reshape_static(const Call& call);
Tensor evaluate_rank_preserving_reshape(const Call& call);
Tensor evaluate_squeeze(const Call& call);
Tensor evaluate_expand_dims(const Call& call);
Tensor evaluate_flatten_to_2d(const Call& call);
Tensor evaluate_load_constant(const Call& call);
Tensor evaluate_load_constant_nd(const Call& call);
Tensor evaluate_fill_static(const Call& call);

}  // namespace ane::reference
