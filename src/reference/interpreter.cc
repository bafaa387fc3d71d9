// The loop over the layers: preprocess the inputs, look every layer up in the table, keep every blob.
//
// Layers compute their own output shapes. The reader has derived them too, by rules written by other hands; a
// disagreement is a bug in one of the two and ends the run.

#include "reference/interpreter.h"

#include <fmt/format.h>

#include "base/error.h"
#include "reference/layers.h"

namespace ane::reference {
namespace {

using Layer = coreml::spec::NeuralNetworkLayer;
using Evaluator = std::vector<Tensor> (*)(const Call&);

template <Tensor (*function)(const Call&)>
std::vector<Tensor> one(const Call& call) {
  std::vector<Tensor> outputs;
  outputs.push_back(function(call));
  return outputs;
}

const std::map<Layer::LayerCase, Evaluator>& evaluators() {
  static const std::map<Layer::LayerCase, Evaluator> table = {
      {Layer::kConvolution, one<evaluate_convolution>},
      {Layer::kPooling, one<evaluate_pooling>},
      {Layer::kActivation, one<evaluate_activation>},
      {Layer::kInnerProduct, one<evaluate_inner_product>},
      {Layer::kEmbedding, one<evaluate_embedding>},
      {Layer::kBatchnorm, one<evaluate_batchnorm>},
      {Layer::kMvn, one<evaluate_mvn>},
      {Layer::kL2Normalize, one<evaluate_l2_normalize>},
      {Layer::kSoftmax, one<evaluate_softmax>},
      {Layer::kLrn, one<evaluate_lrn>},
      {Layer::kCrop, one<evaluate_crop>},
      {Layer::kPadding, one<evaluate_padding>},
      {Layer::kUpsample, one<evaluate_upsample>},
      {Layer::kResizeBilinear, one<evaluate_resize_bilinear>},
      {Layer::kCropResize, one<evaluate_crop_resize>},
      {Layer::kUnary, one<evaluate_unary>},
      {Layer::kAdd, one<evaluate_add>},
      {Layer::kMultiply, one<evaluate_multiply>},
      {Layer::kAverage, one<evaluate_average>},
      {Layer::kScale, one<evaluate_scale>},
      {Layer::kBias, one<evaluate_bias>},
      {Layer::kMax, one<evaluate_max>},
      {Layer::kMin, one<evaluate_min>},
      {Layer::kDot, one<evaluate_dot>},
      {Layer::kReduce, one<evaluate_reduce>},
      {Layer::kLoadConstant, one<evaluate_load_constant>},
      {Layer::kReshape, one<evaluate_reshape>},
      {Layer::kFlatten, one<evaluate_flatten>},
      {Layer::kPermute, one<evaluate_permute>},
      {Layer::kConcat, one<evaluate_concat>},
      {Layer::kSplit, evaluate_split},
      {Layer::kSequenceRepeat, one<evaluate_sequence_repeat>},
      {Layer::kReorganizeData, one<evaluate_reorganize_data>},
      {Layer::kSlice, one<evaluate_slice>},
      {Layer::kSimpleRecurrent, evaluate_simple_recurrent},
      {Layer::kGru, evaluate_gru},
      {Layer::kUniDirectionalLSTM, evaluate_lstm},
      {Layer::kBiDirectionalLSTM, evaluate_bidirectional_lstm},

      {Layer::kCopy, one<evaluate_copy>},
      {Layer::kClip, one<evaluate_clip>},
      {Layer::kCeil, one<evaluate_function>},
      {Layer::kFloor, one<evaluate_function>},
      {Layer::kSign, one<evaluate_function>},
      {Layer::kRound, one<evaluate_function>},
      {Layer::kExp2, one<evaluate_function>},
      {Layer::kSin, one<evaluate_function>},
      {Layer::kCos, one<evaluate_function>},
      {Layer::kTan, one<evaluate_function>},
      {Layer::kAsin, one<evaluate_function>},
      {Layer::kAcos, one<evaluate_function>},
      {Layer::kAtan, one<evaluate_function>},
      {Layer::kSinh, one<evaluate_function>},
      {Layer::kCosh, one<evaluate_function>},
      {Layer::kTanh, one<evaluate_function>},
      {Layer::kAsinh, one<evaluate_function>},
      {Layer::kAcosh, one<evaluate_function>},
      {Layer::kAtanh, one<evaluate_function>},
      {Layer::kErf, one<evaluate_function>},
      {Layer::kLogicalNot, one<evaluate_function>},
      {Layer::kGelu, one<evaluate_gelu>},
      {Layer::kClampedReLU, one<evaluate_clamped_relu>},
      {Layer::kEqual, one<evaluate_broadcastable>},
      {Layer::kNotEqual, one<evaluate_broadcastable>},
      {Layer::kLessThan, one<evaluate_broadcastable>},
      {Layer::kLessEqual, one<evaluate_broadcastable>},
      {Layer::kGreaterThan, one<evaluate_broadcastable>},
      {Layer::kGreaterEqual, one<evaluate_broadcastable>},
      {Layer::kLogicalOr, one<evaluate_broadcastable>},
      {Layer::kLogicalXor, one<evaluate_broadcastable>},
      {Layer::kLogicalAnd, one<evaluate_broadcastable>},
      {Layer::kModBroadcastable, one<evaluate_broadcastable>},
      {Layer::kMinBroadcastable, one<evaluate_broadcastable>},
      {Layer::kMaxBroadcastable, one<evaluate_broadcastable>},
      {Layer::kAddBroadcastable, one<evaluate_broadcastable>},
      {Layer::kPowBroadcastable, one<evaluate_broadcastable>},
      {Layer::kDivideBroadcastable, one<evaluate_broadcastable>},
      {Layer::kFloorDivBroadcastable, one<evaluate_broadcastable>},
      {Layer::kMultiplyBroadcastable, one<evaluate_broadcastable>},
      {Layer::kSubtractBroadcastable, one<evaluate_broadcastable>},
      {Layer::kWhereBroadcastable, one<evaluate_where>},
      {Layer::kTile, one<evaluate_tile>},
      {Layer::kStack, one<evaluate_stack>},
      {Layer::kReverse, one<evaluate_reverse>},
      {Layer::kGather, one<evaluate_gather>},
      {Layer::kSoftmaxND, one<evaluate_softmax_nd>},
      {Layer::kConcatND, one<evaluate_concat_nd>},
      {Layer::kSplitND, evaluate_split_nd},
      {Layer::kTranspose, one<evaluate_transpose>},
      {Layer::kSliceStatic, one<evaluate_slice_static>},
      {Layer::kSlidingWindows, one<evaluate_sliding_windows>},
      {Layer::kConstantPad, one<evaluate_constant_pad>},
      {Layer::kArgMax, one<evaluate_arg_max>},
      {Layer::kArgMin, one<evaluate_arg_min>},
      {Layer::kEmbeddingND, one<evaluate_embedding_nd>},
      {Layer::kBatchedMatmul, one<evaluate_batched_matmul>},
      {Layer::kLayerNormalization, one<evaluate_layer_normalization>},
      {Layer::kLoadConstantND, one<evaluate_load_constant_nd>},
      {Layer::kFillStatic, one<evaluate_fill_static>},
      {Layer::kSqueeze, one<evaluate_squeeze>},
      {Layer::kExpandDims, one<evaluate_expand_dims>},
      {Layer::kFlattenTo2D, one<evaluate_flatten_to_2d>},
      {Layer::kReshapeStatic, one<evaluate_reshape_static>},
      {Layer::kRankPreservingReshape, one<evaluate_rank_preserving_reshape>},
      {Layer::kMatrixBandPart, one<evaluate_matrix_band_part>},
      {Layer::kLowerTriangular, one<evaluate_lower_triangular>},
      {Layer::kUpperTriangular, one<evaluate_upper_triangular>},
      {Layer::kFillLike, one<evaluate_fill_like>},
      {Layer::kRangeStatic, one<evaluate_range_static>},
      {Layer::kGetShape, one<evaluate_get_shape>},
      {Layer::kSliceBySize, one<evaluate_slice_by_size>},
      {Layer::kBroadcastToStatic, one<evaluate_broadcast_to_static>},
      {Layer::kBroadcastToLike, one<evaluate_broadcast_to_like>},
      {Layer::kReshapeLike, one<evaluate_reshape_like>},
      {Layer::kCumSum, one<evaluate_cum_sum>},
      {Layer::kOneHot, one<evaluate_one_hot>},
      {Layer::kTopK, evaluate_top_k},
      {Layer::kReduceL1, one<evaluate_reduce_nd>},
      {Layer::kReduceL2, one<evaluate_reduce_nd>},
      {Layer::kReduceMax, one<evaluate_reduce_nd>},
      {Layer::kReduceMin, one<evaluate_reduce_nd>},
      {Layer::kReduceSum, one<evaluate_reduce_nd>},
      {Layer::kReduceProd, one<evaluate_reduce_nd>},
      {Layer::kReduceMean, one<evaluate_reduce_nd>},
      {Layer::kReduceLogSum, one<evaluate_reduce_nd>},
      {Layer::kReduceSumSquare, one<evaluate_reduce_nd>},
      {Layer::kReduceLogSumExp, one<evaluate_reduce_nd>},
  };
  return table;
}

void preprocess(const coreml::ImageFeature& image, std::vector<float>& planes) {
  const coreml::Preprocessing& by = image.preprocessing;
  const auto plane = static_cast<size_t>(image.width * image.height);
  for (size_t i = 0; i < planes.size(); ++i) {
    planes[i] = by.scale * planes[i] + (by.bias.empty() ? 0.0f : by.bias[i / plane]);
    if (!by.mean.empty()) planes[i] -= by.mean[i];
  }
}

Tensor input_tensor(const coreml::Model& model, const coreml::Feature& feature,
                    const std::map<std::string, std::vector<float>>& inputs) {
  const auto given = inputs.find(feature.name);
  if (given == inputs.end()) {
    // An optional input that is left out is zero: it is the initial state of a recurrent layer.
    if (feature.optional) return make_tensor(feature.tensor);
    throw Error(model.file, "input " + feature.name, "no values are given for it");
  }
  Tensor tensor{feature.tensor, given->second};
  if (static_cast<int64_t>(tensor.data.size()) != element_count(feature.tensor)) {
    throw Error(model.file, "input " + feature.name,
                fmt::format("{} values are given where {} are needed", tensor.data.size(),
                            element_count(feature.tensor)));
  }
  if (feature.image()) preprocess(*feature.image(), tensor.data);
  return tensor;
}

std::vector<Tensor> evaluate_layer(const Call& call) {
  const auto evaluator = evaluators().find(call.layer.layer_case());
  if (evaluator == evaluators().end()) call.fail("the reference has no definition of this layer");
  std::vector<Tensor> outputs = evaluator->second(call);
  if (static_cast<int>(outputs.size()) != call.layer.output_size()) {
    call.fail(fmt::format("the layer makes {} blobs but names {}", outputs.size(), call.layer.output_size()));
  }
  return outputs;
}

void check_shape(const coreml::Model& model, const Layer& layer, const std::string& blob,
                 const Shape& computed) {
  const auto derived = model.shapes.find(blob);
  if (derived == model.shapes.end() || derived->second == computed) return;
  throw InternalError(fmt::format("layer {} ({}): the reference computes the shape {}, the reader derived {}",
                                  layer.name(), coreml::layer_type(layer), to_string(computed),
                                  to_string(derived->second)));
}

}  // namespace

void Call::fail(const std::string& why) const {
  throw Error(file, fmt::format("layer {} ({})", layer.name(), coreml::layer_type(layer)), why);
}

const Tensor& Call::input(size_t index) const {
  if (index >= inputs.size()) fail(fmt::format("the layer needs {} inputs", index + 1));
  return *inputs[index];
}

size_t Call::axis_index(int64_t axis, size_t rank) const {
  const auto signed_rank = static_cast<int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank)
    fail(fmt::format("axis {} is outside of rank {}", axis, rank));
  return static_cast<size_t>(axis < 0 ? axis + signed_rank : axis);
}

std::vector<float> Call::weights(const coreml::spec::WeightParams& params, const Shape& shape,
                                 size_t channel_axis) const {
  if (coreml::weight_count(params) < element_count(shape)) {
    fail(fmt::format("{} weights are there where {} are needed", coreml::weight_count(params),
                     to_string(shape)));
  }
  return coreml::decode_weights(params, shape, channel_axis);
}

Planes planes_of(const Call& call, const Tensor& tensor) {
  const size_t rank = tensor.shape.size();
  if (rank < 3)
    call.fail(fmt::format("the input has the shape {}, of less than three axes", to_string(tensor.shape)));
  return {element_count(tensor.shape, 0, rank - 3), tensor.shape[rank - 3], tensor.shape[rank - 2],
          tensor.shape[rank - 1]};
}

Shape with_planes(const Shape& shape, int64_t c, int64_t h, int64_t w) {
  Shape result(shape.begin(), shape.end() - 3);
  result.insert(result.end(), {c, h, w});
  return result;
}

std::map<std::string, Tensor> evaluate(const coreml::Model& model,
                                       const std::map<std::string, std::vector<float>>& inputs,
                                       const Wanted& wanted) {
  Blobs blobs(wanted);
  for (const Layer* layer : model.layers)
    for (const std::string& name : layer->input()) blobs.expect_reader(name);
  for (const coreml::Feature& feature : model.inputs)
    blobs.put(feature.name, input_tensor(model, feature, inputs));
  for (const Layer* layer : model.layers) {
    std::vector<Tensor> outputs = evaluate_layer({*layer, blobs.read(layer->input()), model.file});
    blobs.done_reading(layer->input());
    for (size_t i = 0; i < outputs.size(); ++i) {
      const std::string& name = layer->output(static_cast<int>(i));
      check_shape(model, *layer, name, outputs[i].shape);
      blobs.put(name, std::move(outputs[i]));
    }
  }
  return blobs.take();
}

}  // namespace ane::reference
