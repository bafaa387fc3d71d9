// Which rule holds for which layer. The switch is the list of layers that read_model() understands.
#include "coreml/shape_rules.h"

#include <fmt/format.h>

#include <limits>

namespace ane::coreml {

namespace {

using Layer = spec::NeuralNetworkLayer;
constexpr size_t any_number = std::numeric_limits<size_t>::max();

Shape elementwise_shape(const LayerCheck& check) {
  check.need_inputs(1, 1);
  return check.input();
}

Shape elementwise_shape_of_rank(const LayerCheck& check, size_t least_rank) {
  check.need_inputs(1, 1);
  check.need_rank(least_rank);
  return check.input();
}

Shape elementwise_shape_along(const LayerCheck& check, int64_t axis) {
  check.need_inputs(1, 1);
  check.axis(axis, check.rank());
  return check.input();
}

// Of data, indices and updates: the data's.
Shape scattered_shape(const LayerCheck& check, int64_t axis) {
  check.need_inputs(3, 3);
  check.axis(axis, check.rank());
  return check.input(0);
}

template <typename Params>
Shape reduce_by(const LayerCheck& check, const Params& params) {
  return reduce_nd_shape(check, params.axes(), params.keepdims(), params.reduceall());
}

template <typename Params>
Shape arg_extreme_by(const LayerCheck& check, const Params& params) {
  return arg_extreme_shape(check, params.axis(), params.removedim());
}

std::string unknown_layer_reason(const Layer& layer) {
  const auto& fields = Layer::GetReflection()->GetUnknownFields(layer);
  if (fields.empty()) return "names no layer type";
  return fmt::format("a layer type this version does not know (field {})", fields.field(0).number());
}

}  // namespace

std::optional<std::string> refusal_reason(const Layer& layer) {
  switch (layer.layer_case()) {
    case Layer::LAYER_NOT_SET:
      return unknown_layer_reason(layer);
    case Layer::kCustom:
      return fmt::format("custom code of class '{}', which is not in the file", layer.custom().classname());
    case Layer::kBranch:
    case Layer::kLoop:
    case Layer::kLoopBreak:
    case Layer::kLoopContinue:
      return "control flow is not supported";
    case Layer::kConvolution3D:
    case Layer::kPooling3D:
    case Layer::kGlobalPooling3D:
      return "three-dimensional windows are not supported";
    case Layer::kRandomNormalLike:
    case Layer::kRandomNormalStatic:
    case Layer::kRandomNormalDynamic:
    case Layer::kRandomUniformLike:
    case Layer::kRandomUniformStatic:
    case Layer::kRandomUniformDynamic:
    case Layer::kRandomBernoulliLike:
    case Layer::kRandomBernoulliStatic:
    case Layer::kRandomBernoulliDynamic:
    case Layer::kCategoricalDistribution:
      return "random numbers are not supported";
    case Layer::kRangeDynamic:
    case Layer::kSliceDynamic:
    case Layer::kFillDynamic:
    case Layer::kBroadcastToDynamic:
    case Layer::kReshapeDynamic:
    case Layer::kWhereNonZero:
    case Layer::kNonMaximumSuppression:
      return "the shape of its output depends on data";
    case Layer::kActivation:
      if (layer.activation().NonlinearityType_case() == spec::ActivationParams::NONLINEARITYTYPE_NOT_SET)
        return "names no activation function that this version knows";
      return std::nullopt;
    case Layer::kConvolution:
      if (layer.input_size() > 1) return "weights computed at run time are not supported";
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

Shapes infer_shapes(const LayerCheck& check) {
  const Layer& layer = check.layer();
  switch (layer.layer_case()) {
    case Layer::kConvolution:
      return {convolution_shape(check)};
    case Layer::kPooling:
      return {pooling_shape(check)};
    case Layer::kActivation:
      return {activation_shape(check)};
    case Layer::kInnerProduct:
      return {inner_product_shape(check)};
    case Layer::kEmbedding:
      return {embedding_shape(check)};
    case Layer::kBatchnorm:
      return {batchnorm_shape(check)};
    case Layer::kMvn:
    case Layer::kL2Normalize:
    case Layer::kSoftmax:
      return {elementwise_shape_of_rank(check, 3)};
    case Layer::kLrn:
      check.size(layer.lrn().localsize(), "localSize");
      return {elementwise_shape_of_rank(check, 3)};
    case Layer::kCrop:
      return {crop_shape(check)};
    case Layer::kPadding:
      return {padding_shape(check)};
    case Layer::kUpsample:
      return {upsample_shape(check)};
    case Layer::kResizeBilinear:
      return {resize_bilinear_shape(check)};
    case Layer::kCropResize:
      return {crop_resize_shape(check)};
    case Layer::kAdd:
    case Layer::kMultiply:
      return {broadcast_shape(check, 1, any_number)};
    case Layer::kAverage:
    case Layer::kMax:
    case Layer::kMin:
      return {broadcast_shape(check, 2, any_number)};
    case Layer::kScale:
      return {scale_shape(check)};
    case Layer::kBias:
      return {bias_shape(check)};
    case Layer::kDot:
      return {dot_shape(check)};
    case Layer::kReduce:
      return {reduce_shape(check)};
    case Layer::kLoadConstant:
      return {load_constant_shape(check)};
    case Layer::kReshape:
      return {reshape_shape(check)};
    case Layer::kFlatten:
      return {flatten_shape(check)};
    case Layer::kPermute:
      return {permute_shape(check)};
    case Layer::kConcat:
      return {concat_shape(check)};
    case Layer::kSplit:
      return split_shapes(check);
    case Layer::kSequenceRepeat:
      return {sequence_repeat_shape(check)};
    case Layer::kReorganizeData:
      return {reorganize_shape(check)};
    case Layer::kSlice:
      return {slice_shape(check)};
    case Layer::kSimpleRecurrent:
      return simple_recurrent_shapes(check);
    case Layer::kGru:
      return gru_shapes(check);
    case Layer::kUniDirectionalLSTM:
      return lstm_shapes(check);
    case Layer::kBiDirectionalLSTM:
      return bidirectional_lstm_shapes(check);

    case Layer::kUnary:
    case Layer::kCopy:
    case Layer::kClip:
    case Layer::kCeil:
    case Layer::kFloor:
    case Layer::kSign:
    case Layer::kRound:
    case Layer::kExp2:
    case Layer::kSin:
    case Layer::kCos:
    case Layer::kTan:
    case Layer::kAsin:
    case Layer::kAcos:
    case Layer::kAtan:
    case Layer::kSinh:
    case Layer::kCosh:
    case Layer::kTanh:
    case Layer::kAsinh:
    case Layer::kAcosh:
    case Layer::kAtanh:
    case Layer::kErf:
    case Layer::kGelu:
    case Layer::kLogicalNot:
    case Layer::kFillLike:
    case Layer::kClampedReLU:
      return {elementwise_shape(check)};
    case Layer::kReverse:
      check.need_inputs(1, 1);
      check.need(layer.reverse().reversedim_size() == static_cast<int>(check.rank()),
                 "does not name every axis");
      return {check.input()};
    case Layer::kMatrixBandPart:
    case Layer::kLowerTriangular:
    case Layer::kUpperTriangular:
      return {elementwise_shape_of_rank(check, 2)};
    case Layer::kSoftmaxND:
      return {elementwise_shape_along(check, layer.softmaxnd().axis())};
    case Layer::kCumSum:
      return {elementwise_shape_along(check, layer.cumsum().axis())};
    case Layer::kArgSort:
      return {elementwise_shape_along(check, layer.argsort().axis())};
    case Layer::kEqual:
    case Layer::kNotEqual:
    case Layer::kLessThan:
    case Layer::kLessEqual:
    case Layer::kGreaterThan:
    case Layer::kGreaterEqual:
      return {broadcast_shape(check, 1, 2)};
    case Layer::kLogicalOr:
    case Layer::kLogicalXor:
    case Layer::kLogicalAnd:
    case Layer::kModBroadcastable:
    case Layer::kPowBroadcastable:
    case Layer::kDivideBroadcastable:
    case Layer::kFloorDivBroadcastable:
    case Layer::kSubtractBroadcastable:
      return {broadcast_shape(check, 2, 2)};
    case Layer::kMinBroadcastable:
    case Layer::kMaxBroadcastable:
    case Layer::kAddBroadcastable:
    case Layer::kMultiplyBroadcastable:
      return {broadcast_shape(check, 2, any_number)};
    case Layer::kWhereBroadcastable:
      return {broadcast_shape(check, 3, 3)};

    case Layer::kConcatND:
      check.need_inputs(1, any_number);
      return {concat_along(check, check.axis(layer.concatnd().axis(), check.rank()))};
    case Layer::kSplitND:
      return split_nd_shapes(check);
    case Layer::kTranspose:
      return {transpose_shape(check)};
    case Layer::kSliceStatic:
      return {slice_static_shape(check)};
    case Layer::kSliceBySize:
      return {slice_by_size_shape(check)};
    case Layer::kSlidingWindows:
      return {sliding_windows_shape(check)};
    case Layer::kSqueeze:
      return {squeeze_shape(check)};
    case Layer::kExpandDims:
      return {expand_dims_shape(check)};
    case Layer::kFlattenTo2D:
      return {flatten_to_2d_shape(check)};
    case Layer::kReshapeStatic:
      return {reshape_static_shape(check)};
    case Layer::kRankPreservingReshape:
      return {rank_preserving_reshape_shape(check)};
    case Layer::kReshapeLike:
      check.need_inputs(2, 2);
      check.need(element_count(check.input(0)) == element_count(check.input(1)), "cannot reshape {} to {}",
                 check.input(0), check.input(1));
      return {check.input(1)};
    case Layer::kLoadConstantND:
      return {load_constant_nd_shape(check)};
    case Layer::kFillStatic:
      check.need_inputs(0, 0);
      return {check.shape(layer.fillstatic().targetshape(), "targetShape")};
    case Layer::kBroadcastToStatic:
      check.need_inputs(1, 1);
      return {broadcast_to_shape(check, check.shape(layer.broadcasttostatic().targetshape(), "targetShape"))};
    case Layer::kBroadcastToLike:
      check.need_inputs(2, 2);
      return {broadcast_to_shape(check, check.input(1))};
    case Layer::kTile:
      return {tile_shape(check)};
    case Layer::kStack:
      return {stack_shape(check)};
    case Layer::kGather:
      return {gather_shape(check)};
    case Layer::kGatherND:
      return {gather_nd_shape(check)};
    case Layer::kGatherAlongAxis:
      check.need_inputs(2, 2);
      check.axis(layer.gatheralongaxis().axis(), check.rank());
      return {check.input(1)};
    case Layer::kScatter:
      return {scattered_shape(check, layer.scatter().axis())};
    case Layer::kScatterAlongAxis:
      return {scattered_shape(check, layer.scatteralongaxis().axis())};
    case Layer::kScatterND:
      return {scattered_shape(check, 0)};
    case Layer::kReverseSeq:
      check.need_inputs(2, 2);
      check.axis(layer.reverseseq().batchaxis(), check.rank());
      check.axis(layer.reverseseq().sequenceaxis(), check.rank());
      return {check.input(0)};
    case Layer::kGetShape:
      check.need_inputs(1, 1);
      return {{static_cast<int64_t>(check.rank())}};
    case Layer::kTopK:
      return {top_k_shape(check), top_k_shape(check)};
    case Layer::kArgMax:
      return {arg_extreme_by(check, layer.argmax())};
    case Layer::kArgMin:
      return {arg_extreme_by(check, layer.argmin())};
    case Layer::kEmbeddingND:
      return {embedding_nd_shape(check)};
    case Layer::kBatchedMatmul:
      return {batched_matmul_shape(check)};
    case Layer::kConstantPad:
      return {constant_pad_shape(check)};
    case Layer::kOneHot:
      return {one_hot_shape(check)};
    case Layer::kLayerNormalization:
      return {layer_normalization_shape(check)};
    case Layer::kRangeStatic:
      return {range_static_shape(check)};

    case Layer::kReduceL1:
      return {reduce_by(check, layer.reducel1())};
    case Layer::kReduceL2:
      return {reduce_by(check, layer.reducel2())};
    case Layer::kReduceMax:
      return {reduce_by(check, layer.reducemax())};
    case Layer::kReduceMin:
      return {reduce_by(check, layer.reducemin())};
    case Layer::kReduceSum:
      return {reduce_by(check, layer.reducesum())};
    case Layer::kReduceProd:
      return {reduce_by(check, layer.reduceprod())};
    case Layer::kReduceMean:
      return {reduce_by(check, layer.reducemean())};
    case Layer::kReduceLogSum:
      return {reduce_by(check, layer.reducelogsum())};
    case Layer::kReduceSumSquare:
      return {reduce_by(check, layer.reducesumsquare())};
    case Layer::kReduceLogSumExp:
      return {reduce_by(check, layer.reducelogsumexp())};

    default:
      check.fail("the shape of this layer's output is not known");
  }
}

}  // namespace ane::coreml
