// Layers that give the same elements another shape, and those that make elements from nothing.

#include <fmt/format.h>

#include "reference/layers.h"

namespace ane::reference {
namespace {

// Fills in the one entry of `target` that is -1, so that `count` elements fit.
Shape inferred(const Call& call, Shape target, int64_t count) {
  int64_t known = 1;
  int64_t* unknown = nullptr;
  for (int64_t& size : target) {
    if (size != -1) {
      known *= size;
    } else if (unknown) {
      call.fail("more than one entry of the target shape is -1");
    } else {
      unknown = &size;
    }
  }
  if (unknown && known > 0) *unknown = count / known;
  if (element_count(target) != count) {
    call.fail(fmt::format("{} elements do not fit the shape {}", count, to_string(target)));
  }
  return target;
}

Tensor reshaped_to(const Call& call, const Shape& target) {
  return reshaped(call.input(), inferred(call, target, static_cast<int64_t>(call.input().data.size())));
}

template <typename Axes>
std::vector<bool> axis_set(const Call& call, const Axes& axes, size_t rank) {
  std::vector<bool> set(rank, false);
  for (const int64_t axis : axes) set[call.axis_index(axis, rank)] = true;
  return set;
}

// [Seq, Batch, C, H, W] from a target of [C, H, W], which keeps the sequence, or [Seq, C, H, W].
Shape rank5_target(const Call& call, const Shape& input,
                   const google::protobuf::RepeatedField<int64_t>& target) {
  if (target.size() == 3) return {input[0], input[1], target[0], target[1], target[2]};
  if (target.size() == 4) return {target[0], input[1], target[1], target[2], target[3]};
  call.fail(fmt::format("the target shape has {} entries, not 3 or 4", target.size()));
}

template <typename Params>
Tensor constant(const Call& call, const Params& params, const Shape& shape) {
  return {shape, call.weights(params.data(), shape)};
}

}  // namespace

Tensor evaluate_copy(const Call& call) {
  return call.input();
}

// Channel-last order reads and writes the elements with the channel as the fastest axis.
Tensor evaluate_reshape(const Call& call) {
  using Reshape = coreml::spec::ReshapeLayerParams;
  const Reshape& params = call.layer.reshape();
  const Tensor& input = call.input();
  if (input.shape.size() != 5)
    call.fail(fmt::format("the input {} is not of rank 5", to_string(input.shape)));
  const Shape target = inferred(call, rank5_target(call, input.shape, params.targetshape()),
                                static_cast<int64_t>(input.data.size()));
  if (params.mode() == Reshape::CHANNEL_FIRST) return reshaped(input, target);
  const Tensor channel_last = transposed(input, {0, 1, 3, 4, 2});
  return transposed(reshaped(channel_last, {target[0], target[1], target[3], target[4], target[2]}),
                    {0, 1, 4, 2, 3});
}

Tensor evaluate_flatten(const Call& call) {
  using Flatten = coreml::spec::FlattenLayerParams;
  const Tensor& input = call.input();
  const Planes in = planes_of(call, input);
  const Shape shape = with_planes(input.shape, in.c * in.h * in.w, 1, 1);
  if (call.layer.flatten().mode() == Flatten::CHANNEL_FIRST) return reshaped(input, shape);
  return reshaped(transposed(reshaped(input, {in.n, in.c, in.h, in.w}), {0, 2, 3, 1}), shape);
}

Tensor evaluate_reshape_static(const Call& call) {
  const auto& target = call.layer.reshapestatic().targetshape();
  return reshaped_to(call, {target.begin(), target.end()});
}

Tensor evaluate_rank_preserving_reshape(const Call& call) {
  const auto& params = call.layer.rankpreservingreshape().targetshape();
  Shape target(params.begin(), params.end());
  if (target.size() != call.input().shape.size()) call.fail("the target shape has another rank");
  for (size_t axis = 0; axis < target.size(); ++axis) {
    if (target[axis] == 0) target[axis] = call.input().shape[axis];
  }
  return reshaped_to(call, target);
}

Tensor evaluate_squeeze(const Call& call) {
  const auto& params = call.layer.squeeze();
  const Shape& from = call.input().shape;
  const std::vector<bool> dropped = axis_set(call, params.axes(), from.size());
  Shape shape;
  for (size_t axis = 0; axis < from.size(); ++axis) {
    const bool drop = params.squeezeall() ? from[axis] == 1 : dropped[axis];
    if (drop && from[axis] != 1) call.fail(fmt::format("axis {} has size {}, not 1", axis, from[axis]));
    if (!drop) shape.push_back(from[axis]);
  }
  return reshaped(call.input(), shape.empty() ? Shape{1} : shape);
}

// The axes are those of the output.
Tensor evaluate_expand_dims(const Call& call) {
  const auto& axes = call.layer.expanddims().axes();
  const Shape& from = call.input().shape;
  const std::vector<bool> added = axis_set(call, axes, from.size() + static_cast<size_t>(axes.size()));
  Shape shape;
  auto next = from.begin();
  for (const bool is_new : added) {
    if (!is_new && next == from.end()) call.fail("an axis is named twice");
    shape.push_back(is_new ? 1 : *next++);
  }
  return reshaped(call.input(), shape);
}

Tensor evaluate_flatten_to_2d(const Call& call) {
  const Shape& from = call.input().shape;
  const auto signed_rank = static_cast<int64_t>(from.size());
  int64_t axis = call.layer.flattento2d().axis();
  if (axis < -signed_rank || axis > signed_rank)
    call.fail(fmt::format("axis {} is outside of rank {}", axis, from.size()));
  if (axis < 0) axis += signed_rank;
  const auto split = static_cast<size_t>(axis);
  return reshaped(call.input(), {element_count(from, 0, split), element_count(from, split, from.size())});
}

// [C, H, W] becomes [1, 1, C, H, W].
Tensor evaluate_load_constant(const Call& call) {
  const auto& params = call.layer.loadconstant();
  Shape shape = {1, 1};
  shape.insert(shape.end(), params.shape().begin(), params.shape().end());
  return constant(call, params, shape);
}

Tensor evaluate_load_constant_nd(const Call& call) {
  const auto& params = call.layer.loadconstantnd();
  return constant(call, params, {params.shape().begin(), params.shape().end()});
}

Tensor evaluate_fill_static(const Call& call) {
  const auto& params = call.layer.fillstatic();
  return make_tensor({params.targetshape().begin(), params.targetshape().end()}, params.value());
}

}  // namespace ane::reference
