// Layers that move elements without computing on them.

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "reference/layer_window.h"

namespace ane::reference {
namespace {

size_t channel_axis(const Call& call) {
  return call.axis_index(-3, call.input().shape.size());
}

// For every output position along an axis, the input position it repeats; -1 where a constant stands.
std::vector<int64_t> padded_positions(const Call& call, const coreml::spec::PaddingLayerParams& params,
                                      int64_t size, Edges amounts) {
  using Padding = coreml::spec::PaddingLayerParams;
  std::vector<int64_t> positions;
  for (int64_t i = -amounts.before; i < size + amounts.after; ++i) {
    int64_t position = i;
    if (i < 0 || i >= size) {
      switch (params.PaddingType_case()) {
        case Padding::kReflection:
          position = i < 0 ? -i : 2 * (size - 1) - i;
          break;
        case Padding::kReplication:
          position = std::clamp<int64_t>(i, 0, size - 1);
          break;
        default:
          position = -1;
      }
      if (params.has_reflection() && (position < 0 || position >= size)) {
        call.fail("more is reflected than the input has");
      }
    }
    positions.push_back(position);
  }
  return positions;
}

std::vector<int64_t> equal_parts(const Call& call, int64_t size, int64_t count) {
  if (count < 1 || size % count != 0)
    call.fail(fmt::format("{} cannot be split into {} equal parts", size, count));
  return std::vector<int64_t>(static_cast<size_t>(count), size / count);
}

Tensor concat_along(const Call& call, size_t axis) {
  for (const Tensor* input : call.inputs) {
    Shape shape = input->shape;
    if (shape.size() != call.input().shape.size()) call.fail("the inputs differ in rank");
    shape[axis] = call.input().shape[axis];
    if (shape != call.input().shape)
      call.fail("the inputs differ along another axis than that of the concatenation");
  }
  return concatenated(call.inputs, axis);
}

Tensor interleave_along(const Call& call, size_t axis) {
  for (const Tensor* input : call.inputs) {
    if (input->shape != call.input().shape) call.fail("inputs of different shapes cannot be interleaved");
  }
  return interleaved(call.inputs, axis);
}

Slice slice_of(const Call& call, int64_t size, int64_t begin, bool open_begin, int64_t end, bool open_end,
               int64_t step) {
  if (step == 0) call.fail("a slice with step 0");
  return python_slice(size, begin, open_begin, end, open_end, step);
}

std::vector<int64_t> permutation_of(const Call& call, const google::protobuf::RepeatedField<uint64_t>& axes,
                                    size_t rank) {
  std::vector<int64_t> permutation(axes.begin(), axes.end()), sorted = permutation, all(rank);
  std::sort(sorted.begin(), sorted.end());
  std::iota(all.begin(), all.end(), 0);
  if (sorted != all) call.fail("the axes are not a permutation");
  return permutation;
}

}  // namespace

Tensor evaluate_crop(const Call& call) {
  const auto& params = call.layer.crop();
  const Planes in = planes_of(call, call.input());
  const size_t rows_axis = call.input().shape.size() - 2;
  const int64_t sizes[] = {in.h, in.w};
  Tensor result = call.input();
  for (const int axis : {0, 1}) {
    int64_t start = 0, count = 0;
    if (call.inputs.size() >= 2) {
      const Planes like = planes_of(call, call.input(1));
      start = element_or(params.offset(), axis, 0);
      count = axis == 0 ? like.h : like.w;
    } else {
      const Edges amounts = edges_of(params.cropamounts(), axis);
      start = amounts.before;
      count = sizes[axis] - amounts.before - amounts.after;
    }
    if (count < 1 || start + count > sizes[axis]) call.fail("the crop is not inside of the input");
    result = sliced(result, rows_axis + static_cast<size_t>(axis), start, 1, count);
  }
  return result;
}

Tensor evaluate_padding(const Call& call) {
  const auto& params = call.layer.padding();
  const Planes in = planes_of(call, call.input());
  const auto rows = padded_positions(call, params, in.h, edges_of(params.paddingamounts(), 0));
  const auto columns = padded_positions(call, params, in.w, edges_of(params.paddingamounts(), 1));
  Tensor result{with_planes(call.input().shape, in.c, static_cast<int64_t>(rows.size()),
                            static_cast<int64_t>(columns.size())),
                {}};
  result.data.reserve(static_cast<size_t>(element_count(result.shape)));
  for (int64_t p = 0; p < in.n * in.c; ++p) {
    const float* plane = call.input().data.data() + p * in.h * in.w;
    for (const int64_t y : rows) {
      for (const int64_t x : columns) {
        result.data.push_back(y < 0 || x < 0 ? params.constant().value() : plane[y * in.w + x]);
      }
    }
  }
  return result;
}

// padAmounts holds [before, after] for every axis; in the mode that gives output sizes, after is what is
// missing.
Tensor evaluate_constant_pad(const Call& call) {
  const auto& params = call.layer.constantpad();
  const Tensor& input = call.input();
  if (call.inputs.size() > 1) call.fail("padding amounts that are computed are not supported");
  if (params.padamounts_size() != 2 * static_cast<int>(input.shape.size()))
    call.fail("not two amounts to an axis");
  Shape shape = input.shape;
  std::vector<int64_t> before(shape.size());
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    before[axis] = static_cast<int64_t>(params.padamounts(2 * static_cast<int>(axis)));
    const auto after = static_cast<int64_t>(params.padamounts(2 * static_cast<int>(axis) + 1));
    // Both amounts may be given in the output size mode; the one that is not 0 is the size.
    if (params.padtogivenoutputsizemode()) {
      const int64_t target = std::max(before[axis], after);
      const int64_t missing = std::max<int64_t>(0, target - shape[axis]);
      before[axis] = before[axis] > 0 ? missing : 0;
      shape[axis] += missing;
    } else {
      shape[axis] += before[axis] + after;
    }
  }
  Tensor result = make_tensor(shape, params.value());
  const Strides to = strides_of(shape), from = strides_of(input.shape);
  for (int64_t i = 0; i < static_cast<int64_t>(input.data.size()); ++i) {
    int64_t at = 0;
    for (size_t axis = 0; axis < shape.size(); ++axis)
      at += (i / from[axis] % input.shape[axis] + before[axis]) * to[axis];
    result.data[at] = input.data[i];
  }
  return result;
}

// The permutation speaks of (Seq, C, H, W); the batch axis stays where it is.
Tensor evaluate_permute(const Call& call) {
  const Tensor& input = call.input();
  if (input.shape.size() != 5)
    call.fail(fmt::format("the input {} is not of rank 5", to_string(input.shape)));
  constexpr int64_t rank5_axis[] = {0, 2, 3, 4};
  const std::vector<int64_t> axes = permutation_of(call, call.layer.permute().axis(), 4);
  return transposed(input,
                    {rank5_axis[axes[0]], 1, rank5_axis[axes[1]], rank5_axis[axes[2]], rank5_axis[axes[3]]});
}

Tensor evaluate_transpose(const Call& call) {
  return transposed(call.input(),
                    permutation_of(call, call.layer.transpose().axes(), call.input().shape.size()));
}

Tensor evaluate_concat(const Call& call) {
  const int64_t axis = call.layer.concat().sequenceconcat() ? -5 : -3;
  return concat_along(call, call.axis_index(axis, call.input().shape.size()));
}

Tensor evaluate_concat_nd(const Call& call) {
  const auto& params = call.layer.concatnd();
  const size_t axis = call.axis_index(params.axis(), call.input().shape.size());
  return params.interleave() ? interleave_along(call, axis) : concat_along(call, axis);
}

Tensor evaluate_stack(const Call& call) {
  const size_t axis = call.axis_index(call.layer.stack().axis(), call.input().shape.size() + 1);
  std::vector<Tensor> widened;
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    Shape shape = call.input(i).shape;
    if (shape != call.input().shape) call.fail("the inputs differ in shape");
    shape.insert(shape.begin() + static_cast<int64_t>(axis), 1);
    widened.push_back(reshaped(call.input(i), shape));
  }
  std::vector<const Tensor*> inputs;
  for (const Tensor& tensor : widened) inputs.push_back(&tensor);
  return concat_along({call.layer, inputs, call.file}, axis);
}

std::vector<Tensor> evaluate_split(const Call& call) {
  const size_t axis = channel_axis(call);
  const auto count = static_cast<int64_t>(call.layer.split().noutputs());
  return split_along(call.input(), axis, equal_parts(call, call.input().shape[axis], count));
}

std::vector<Tensor> evaluate_split_nd(const Call& call) {
  const auto& params = call.layer.splitnd();
  const size_t axis = call.axis_index(params.axis(), call.input().shape.size());
  const int64_t size = call.input().shape[axis];
  if (params.splitsizes().empty()) {
    return split_along(call.input(), axis, equal_parts(call, size, static_cast<int64_t>(params.numsplits())));
  }
  const std::vector<int64_t> sizes(params.splitsizes().begin(), params.splitsizes().end());
  if (std::accumulate(sizes.begin(), sizes.end(), int64_t{0}) != size)
    call.fail("the parts do not make up the axis");
  return split_along(call.input(), axis, sizes);
}

Tensor evaluate_slice(const Call& call) {
  const auto& params = call.layer.slice();
  const size_t axis = channel_axis(call) + static_cast<size_t>(params.axis());
  const auto step = std::max<int64_t>(1, static_cast<int64_t>(params.stride()));
  const Slice slice =
      slice_of(call, call.input().shape[axis], params.startindex(), false, params.endindex(), false, step);
  return sliced(call.input(), axis, slice.start, slice.step, slice.count);
}

Tensor evaluate_slice_static(const Call& call) {
  const auto& params = call.layer.slicestatic();
  Tensor result = call.input();
  const int rank = static_cast<int>(result.shape.size());
  if (params.beginids_size() != rank || params.endids_size() != rank)
    call.fail("not one begin and end to an axis");
  const auto flag = [](const google::protobuf::RepeatedField<bool>& flags, int axis) {
    return axis < flags.size() && flags.Get(axis);
  };
  Shape kept;
  for (int axis = 0; axis < rank; ++axis) {
    const int64_t size = result.shape[axis];
    const bool squeeze = flag(params.squeezemasks(), axis), open_begin = flag(params.beginmasks(), axis);
    const int64_t begin = params.beginids(axis), step = element_or(params.strides(), axis, 1);
    Slice slice =
        slice_of(call, size, begin, open_begin, params.endids(axis), flag(params.endmasks(), axis), step);
    if (squeeze) {
      const int64_t index = open_begin ? 0 : begin < 0 ? begin + size : begin;
      if (index < 0 || index >= size)
        call.fail(fmt::format("index {} is outside of an axis of {}", begin, size));
      slice = {index, 1, 1};
    }
    result = sliced(result, static_cast<size_t>(axis), slice.start, slice.step, slice.count);
    if (!squeeze) kept.push_back(slice.count);
  }
  return reshaped(std::move(result), kept.empty() ? Shape{1} : kept);
}

Tensor evaluate_sliding_windows(const Call& call) {
  const auto& params = call.layer.slidingwindows();
  const Tensor& input = call.input();
  const size_t axis = call.axis_index(params.axis(), input.shape.size());
  const auto size = static_cast<int64_t>(params.windowsize());
  const auto step = std::max<int64_t>(1, static_cast<int64_t>(params.step()));
  if (size < 1 || size > input.shape[axis]) call.fail("the window is larger than the axis");
  Shape shape = input.shape;
  Strides strides = strides_of(shape);
  shape[axis] = (shape[axis] - size) / step + 1;
  shape.insert(shape.begin() + static_cast<int64_t>(axis) + 1, size);
  strides.insert(strides.begin() + static_cast<int64_t>(axis) + 1, strides[axis]);
  strides[axis] *= step;
  return strided_copy(input.data, shape, strides);
}

Tensor evaluate_sequence_repeat(const Call& call) {
  const size_t rank = call.input().shape.size();
  std::vector<int64_t> repetitions(rank, 1);
  repetitions[call.axis_index(-5, rank)] =
      std::max<int64_t>(1, static_cast<int64_t>(call.layer.sequencerepeat().nrepetitions()));
  return tiled(call.input(), repetitions);
}

// A list of repetitions that is shorter than the shape is for the last axes.
Tensor evaluate_tile(const Call& call) {
  const auto& params = call.layer.tile();
  const size_t rank = call.input().shape.size();
  std::vector<int64_t> repetitions(params.reps().begin(), params.reps().end());
  if (repetitions.empty()) call.fail("repetitions that are computed are not supported");
  if (repetitions.size() > rank) call.fail("there are more repetitions than axes");
  repetitions.insert(repetitions.begin(), rank - repetitions.size(), 1);
  return tiled(call.input(), repetitions);
}

Tensor evaluate_reverse(const Call& call) {
  const auto& params = call.layer.reverse();
  Tensor result = call.input();
  for (int axis = 0; axis < std::min(params.reversedim_size(), static_cast<int>(result.shape.size()));
       ++axis) {
    const int64_t size = result.shape[axis];
    if (params.reversedim(axis)) result = sliced(result, static_cast<size_t>(axis), size - 1, -1, size);
  }
  return result;
}

// PIXEL_SHUFFLE numbers channels (channel, row, column), the others (row, column, channel).
Tensor evaluate_reorganize_data(const Call& call) {
  using Reorganize = coreml::spec::ReorganizeDataLayerParams;
  const Reorganize& params = call.layer.reorganizedata();
  const Tensor& input = call.input();
  const Planes in = planes_of(call, input);
  const auto b = static_cast<int64_t>(params.blocksize());
  const bool to_depth = params.mode() == Reorganize::SPACE_TO_DEPTH;
  if (b < 1 || (to_depth ? in.h % b != 0 || in.w % b != 0 : in.c % (b * b) != 0))
    call.fail("the blocks do not fit");
  const Tensor planes = reshaped(input, {in.n, in.c, in.h, in.w});
  Tensor result = to_depth ? space_to_depth(planes, b, false)
                           : depth_to_space(planes, b, params.mode() == Reorganize::PIXEL_SHUFFLE);
  result.shape = with_planes(input.shape, result.shape[1], result.shape[2], result.shape[3]);
  return result;
}

Tensor evaluate_gather(const Call& call) {
  const Tensor &data = call.input(0), &indices = call.input(1);
  const size_t axis = call.axis_index(call.layer.gather().axis(), data.shape.size());
  const AxisView view = view_along(data.shape, axis);
  Shape shape(data.shape.begin(), data.shape.begin() + static_cast<int64_t>(axis));
  shape.insert(shape.end(), indices.shape.begin(), indices.shape.end());
  shape.insert(shape.end(), data.shape.begin() + static_cast<int64_t>(axis) + 1, data.shape.end());
  Tensor result{shape, {}};
  for (int64_t outer = 0; outer < view.outer; ++outer) {
    for (const float value : indices.data) {
      const auto size = static_cast<float>(view.length);
      if (!(value >= -size && value < size))
        call.fail(fmt::format("index {} is outside of an axis of {}", value, view.length));
      const auto index = static_cast<int64_t>(value);
      const int64_t position = index < 0 ? index + view.length : index;
      const auto start = data.data.begin() + (outer * view.length + position) * view.inner;
      result.data.insert(result.data.end(), start, start + view.inner);
    }
  }
  return result;
}

}  // namespace ane::reference
