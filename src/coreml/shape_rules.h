// Shape inference: what a layer's outputs look like, and whether its parameters fit its inputs. One rule per
// kind of layer, in files by topic; infer_shapes() picks the rule.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coreml/layer_check.h"

namespace ane::coreml {

using Shapes = std::vector<Shape>;

// Why this version cannot understand the layer whatever its inputs are, if so: custom layers, control flow,
// ...
std::optional<std::string> refusal_reason(const spec::NeuralNetworkLayer& layer);

// One shape per output. Throws Error when the layer is inconsistent in itself or with its inputs. The layer
// must have no refusal_reason().
Shapes infer_shapes(const LayerCheck& check);

// ---- Rules
// ---------------------------------------------------------------------------------------------------------
// Arithmetic over channels, height and width (shape_rules_spatial.cc).
Shape convolution_shape(const LayerCheck& check);
Shape pooling_shape(const LayerCheck& check);
Shape crop_shape(const LayerCheck& check);
Shape padding_shape(const LayerCheck& check);
Shape upsample_shape(const LayerCheck& check);
Shape resize_bilinear_shape(const LayerCheck& check);
Shape crop_resize_shape(const LayerCheck& check);
Shape reorganize_shape(const LayerCheck& check);

// The other layers with rank-5 semantics (shape_rules_classic.cc).
Shape activation_shape(const LayerCheck& check);
Shape inner_product_shape(const LayerCheck& check);
Shape embedding_shape(const LayerCheck& check);
Shape batchnorm_shape(const LayerCheck& check);
Shape scale_shape(const LayerCheck& check);
Shape bias_shape(const LayerCheck& check);
Shape dot_shape(const LayerCheck& check);
Shape reduce_shape(const LayerCheck& check);
Shape load_constant_shape(const LayerCheck& check);
Shape reshape_shape(const LayerCheck& check);
Shape flatten_shape(const LayerCheck& check);
Shape permute_shape(const LayerCheck& check);
Shape concat_shape(const LayerCheck& check);
Shapes split_shapes(const LayerCheck& check);
Shape sequence_repeat_shape(const LayerCheck& check);
Shape slice_shape(const LayerCheck& check);

// Recurrent layers (shape_rules_recurrent.cc).
Shapes simple_recurrent_shapes(const LayerCheck& check);
Shapes gru_shapes(const LayerCheck& check);
Shapes lstm_shapes(const LayerCheck& check);
Shapes bidirectional_lstm_shapes(const LayerCheck& check);

// Layers of specification 4 and later, of any rank (shape_rules_exact.cc).
Shape broadcast_shape(const LayerCheck& check, size_t least_inputs, size_t most_inputs);
Shape concat_along(const LayerCheck& check, size_t axis);
Shapes split_nd_shapes(const LayerCheck& check);
Shape transpose_shape(const LayerCheck& check);
Shape slice_static_shape(const LayerCheck& check);
Shape slice_by_size_shape(const LayerCheck& check);
Shape sliding_windows_shape(const LayerCheck& check);
Shape squeeze_shape(const LayerCheck& check);
Shape expand_dims_shape(const LayerCheck& check);
Shape flatten_to_2d_shape(const LayerCheck& check);
Shape reshape_static_shape(const LayerCheck& check);
Shape rank_preserving_reshape_shape(const LayerCheck& check);
Shape load_constant_nd_shape(const LayerCheck& check);
Shape broadcast_to_shape(const LayerCheck& check, const Shape& target);
Shape tile_shape(const LayerCheck& check);
Shape stack_shape(const LayerCheck& check);
Shape gather_shape(const LayerCheck& check);
Shape gather_nd_shape(const LayerCheck& check);
Shape top_k_shape(const LayerCheck& check);
Shape arg_extreme_shape(const LayerCheck& check, int64_t axis, bool remove_axis);
Shape embedding_nd_shape(const LayerCheck& check);
Shape batched_matmul_shape(const LayerCheck& check);
Shape constant_pad_shape(const LayerCheck& check);
Shape one_hot_shape(const LayerCheck& check);
Shape layer_normalization_shape(const LayerCheck& check);
Shape range_static_shape(const LayerCheck& check);

// `axes` with one entry each, or all; negative ones count from the end.
Shape reduce_nd_shape(const LayerCheck& check, const google::protobuf::RepeatedField<int64_t>& axes,
                      bool keep_axes, bool all);

}  // namespace ane::coreml
