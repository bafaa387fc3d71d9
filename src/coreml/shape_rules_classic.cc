// Shape rules of the other layers of specification 1 to 3. Their axes count from the end: W is the last, C
// the third from the end, the sequence the fifth; so they hold for tensors of other ranks as far as those
// axes are there.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "coreml/shape_rules.h"

namespace ane::coreml {

namespace {

size_t channel_axis(const LayerCheck& check) {
  return check.rank() - 3;
}

// One value per channel, or one for all.
void need_channel_values(const LayerCheck& check, const spec::WeightParams& values, const char* what) {
  check.need_rank(3);
  const bool one_for_all = weight_count(values) == 1;
  check.need_weights(values, {one_for_all ? 1 : check.input()[channel_axis(check)]}, what);
}

// The parameters of scale and bias: [1], [C], [1, H, W] or [C, H, W] over the last three axes.
void need_constant(const LayerCheck& check, const google::protobuf::RepeatedField<uint64_t>& declared,
                   const spec::WeightParams& values, const char* what) {
  const Shape shape = check.shape(declared, what);
  check.need(shape.size() == 1 || shape.size() == 3, "{} has the shape {}, not [C] or [C, H, W]", what,
             shape);
  check.need_rank(3);
  const Shape last(check.input().end() - 3, check.input().end());
  const Shape full = shape.size() == 1 ? Shape{shape[0], last[1], last[2]} : shape;
  check.need((full[0] == 1 || full[0] == last[0]) && full[1] == last[1] && full[2] == last[2],
             "{} of shape {} does not fit {}", what, shape, check.input());
  check.need_weights(values, shape, what);
}

Shape filled_from(const LayerCheck& check, Shape shape, int64_t wanted) {
  int64_t* inferred = nullptr;
  int64_t known = 1;
  for (int64_t& size : shape) {
    if (size == -1) {
      check.need(inferred == nullptr, "leaves more than one size of {} open", shape);
      inferred = &size;
    } else {
      check.need(size >= 1 && size <= largest_size, "has a target shape of {}", shape);
      known = element_count({known, size});
    }
  }
  if (inferred) *inferred = wanted / known;
  check.need(element_count(shape) == wanted, "cannot reshape {} elements to {}", wanted, shape);
  return shape;
}

}  // namespace

Shape activation_shape(const LayerCheck& check) {
  const auto& params = check.layer().activation();
  check.need_inputs(1, 1);
  if (params.has_prelu()) need_channel_values(check, params.prelu().alpha(), "alpha");
  if (params.has_parametricsoftplus()) {
    need_channel_values(check, params.parametricsoftplus().alpha(), "alpha");
    need_channel_values(check, params.parametricsoftplus().beta(), "beta");
  }
  return check.input();
}

// Of rank 4 and more the last three axes are the vector, else the last one is.
Shape inner_product_shape(const LayerCheck& check) {
  const auto& params = check.layer().innerproduct();
  check.need_inputs(1, 1);
  check.need_rank(1);
  const int64_t in = check.size(params.inputchannels(), "inputChannels");
  const int64_t out = check.size(params.outputchannels(), "outputChannels");
  const Shape& input = check.input();
  const bool spatial = input.size() >= 4;
  const Shape vector(input.end() - (spatial ? 3 : 1), input.end());
  check.need(element_count(vector) == in, "takes {} channels, but its input is {}", in, input);
  check.need_weights(params.weights(), {out, in}, "weights");
  if (params.hasbias()) check.need_weights(params.bias(), {out}, "bias");
  Shape shape(input.begin(), input.end() - static_cast<std::ptrdiff_t>(vector.size()));
  shape.push_back(out);
  if (spatial) shape.insert(shape.end(), {1, 1});
  return shape;
}

Shape embedding_shape(const LayerCheck& check) {
  const auto& params = check.layer().embedding();
  check.need_inputs(1, 1);
  check.need_rank(4);
  const int64_t entries = check.size(params.inputdim(), "inputDim");
  const int64_t out = check.size(params.outputchannels(), "outputChannels");
  Shape shape = check.input();
  check.need(element_count(Shape(shape.end() - 3, shape.end())) == 1,
             "takes one index per batch entry, but its input is {}", shape);
  check.need_weights(params.weights(), {out, entries}, "weights");
  if (params.hasbias()) check.need_weights(params.bias(), {out}, "bias");
  shape[channel_axis(check)] = out;
  return shape;
}

Shape batchnorm_shape(const LayerCheck& check) {
  const auto& params = check.layer().batchnorm();
  check.need_inputs(1, 1);
  check.need_rank(3);
  const int64_t channels = check.size(params.channels(), "channels");
  check.need(channels == check.input()[channel_axis(check)], "has {} channels, but its input is {}", channels,
             check.input());
  check.need_weights(params.gamma(), {channels}, "gamma");
  check.need_weights(params.beta(), {channels}, "beta");
  if (!params.computemeanvar()) {
    check.need_weights(params.mean(), {channels}, "mean");
    check.need_weights(params.variance(), {channels}, "variance");
  }
  return check.input();
}

Shape scale_shape(const LayerCheck& check) {
  const auto& params = check.layer().scale();
  check.need_inputs(1, 1);
  need_constant(check, params.shapescale(), params.scale(), "scale");
  if (params.hasbias()) need_constant(check, params.shapebias(), params.bias(), "bias");
  return check.input();
}

Shape bias_shape(const LayerCheck& check) {
  check.need_inputs(1, 1);
  need_constant(check, check.layer().bias().shape(), check.layer().bias().bias(), "bias");
  return check.input();
}

Shape dot_shape(const LayerCheck& check) {
  check.need_inputs(2, 2);
  check.need_rank(3);
  check.need(check.input(0) == check.input(1), "cannot multiply {} by {}", check.input(0), check.input(1));
  Shape shape = check.input();
  shape[channel_axis(check)] = 1;
  return shape;
}

Shape reduce_shape(const LayerCheck& check) {
  using Params = spec::ReduceLayerParams;
  const Params& params = check.layer().reduce();
  check.need_inputs(1, 1);
  check.need_rank(3);
  const bool one_axis =
      params.axis() == Params::C || params.axis() == Params::H || params.axis() == Params::W;
  check.need(one_axis || params.mode() != Params::ARGMAX, "ARGMAX needs a single axis");
  Shape shape = check.input();
  const auto reduced = [&](Params::ReduceAxis axis) {
    return params.axis() == axis || params.axis() == Params::CHW ||
           (params.axis() == Params::HW && axis != Params::C);
  };
  if (reduced(Params::C)) shape[shape.size() - 3] = 1;
  if (reduced(Params::H)) shape[shape.size() - 2] = 1;
  if (reduced(Params::W)) shape[shape.size() - 1] = 1;
  return shape;
}

Shape load_constant_shape(const LayerCheck& check) {
  const auto& params = check.layer().loadconstant();
  check.need_inputs(0, 0);
  const Shape shape = check.shape(params.shape(), "shape");
  check.need(shape.size() == 3, "has the shape {}, not [C, H, W]", shape);
  check.need_weights(params.data(), shape, "data");
  return {1, 1, shape[0], shape[1], shape[2]};
}

// [C, H, W] keeps the sequence, [Seq, C, H, W] does not; the batch stays.
Shape reshape_shape(const LayerCheck& check) {
  const auto& target = check.layer().reshape().targetshape();
  check.need_inputs(1, 1);
  check.need_exact_rank(5);
  check.need(target.size() == 3 || target.size() == 4, "has a target shape of {} entries, not 3 or 4",
             target.size());
  const Shape& input = check.input();
  const bool keeps_sequence = target.size() == 3;
  const int64_t count = element_count({keeps_sequence ? 1 : input[0], input[2], input[3], input[4]});
  Shape shape = filled_from(check, Shape(target.begin(), target.end()), count);
  if (keeps_sequence) shape.insert(shape.begin(), input[0]);
  shape.insert(shape.begin() + 1, input[1]);
  return shape;
}

Shape flatten_shape(const LayerCheck& check) {
  check.need_inputs(1, 1);
  check.need_rank(3);
  Shape shape = check.input();
  const auto last = shape.end() - 3;
  last[0] = element_count({last[0], last[1], last[2]});
  last[1] = last[2] = 1;
  return shape;
}

Shape permute_shape(const LayerCheck& check) {
  const auto& axes = check.layer().permute().axis();
  check.need_inputs(1, 1);
  check.need_exact_rank(5);
  std::vector<uint64_t> sorted(axes.begin(), axes.end());
  std::sort(sorted.begin(), sorted.end());
  check.need(sorted == std::vector<uint64_t>{0, 1, 2, 3}, "does not permute the four axes Seq, C, H, W");
  constexpr size_t place[] = {0, 2, 3, 4};  // of Seq, C, H, W; the batch stays
  Shape shape = check.input();
  for (int i = 0; i < 4; ++i) shape[place[i]] = check.input()[place[axes.Get(i)]];
  return shape;
}

Shape concat_shape(const LayerCheck& check) {
  check.need_inputs(1, std::numeric_limits<size_t>::max());
  const bool sequence = check.layer().concat().sequenceconcat();
  check.need_rank(sequence ? 5 : 3);
  return concat_along(check, check.rank() - (sequence ? 5 : 3));
}

Shapes split_shapes(const LayerCheck& check) {
  check.need_inputs(1, 1);
  check.need_rank(3);
  const int64_t parts = check.size(check.layer().split().noutputs(), "nOutputs");
  Shape shape = check.input();
  int64_t& channels = shape[channel_axis(check)];
  check.need(parts == check.layer().output_size(), "nOutputs is {}, but it has {} outputs", parts,
             check.layer().output_size());
  check.need(channels % parts == 0, "cannot split {} into {} equal parts", shape, parts);
  channels /= parts;
  return Shapes(static_cast<size_t>(parts), shape);
}

Shape sequence_repeat_shape(const LayerCheck& check) {
  check.need_inputs(1, 1);
  check.need_rank(5);
  const uint64_t repetitions = check.layer().sequencerepeat().nrepetitions();
  Shape shape = check.input();
  shape[shape.size() - 5] *= repetitions == 0 ? 1 : check.size(repetitions, "nRepetitions");
  return shape;
}

// [start, end) with a step; negative places count from the end.
Shape slice_shape(const LayerCheck& check) {
  const auto& params = check.layer().slice();
  check.need_inputs(1, 1);
  check.need_rank(3);
  const int64_t stride = params.stride() == 0 ? 1 : check.size(params.stride(), "stride");
  Shape shape = check.input();
  int64_t& size = shape[channel_axis(check) + static_cast<size_t>(params.axis())];
  const auto place = [&](int64_t index) { return index < 0 ? index + size : index; };
  const int64_t start = place(params.startindex()), end = place(params.endindex());
  check.need(start >= 0 && start < end && end <= size, "cannot slice {}..{} of {}", params.startindex(),
             params.endindex(), shape);
  size = (end - start + stride - 1) / stride;
  return shape;
}

// For reshapeStatic, whose rule is the same: one size may be -1.
Shape reshape_static_shape(const LayerCheck& check) {
  const auto& target = check.layer().reshapestatic().targetshape();
  check.need_inputs(1, 1);
  check.need(target.size() >= 1 && target.size() <= static_cast<int>(largest_rank),
             "has a target shape of {} entries", target.size());
  return filled_from(check, Shape(target.begin(), target.end()), element_count(check.input()));
}

// 0 keeps the size of the input's axis.
Shape rank_preserving_reshape_shape(const LayerCheck& check) {
  const auto& target = check.layer().rankpreservingreshape().targetshape();
  check.need_inputs(1, 1);
  check.need(target.size() == static_cast<int>(check.rank()),
             "has a target shape of another rank than its input");
  Shape shape(target.begin(), target.end());
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == 0) shape[i] = check.input()[i];
  return filled_from(check, shape, element_count(check.input()));
}

}  // namespace ane::coreml
