// Shape rules of specification 4 and later: tensors of any rank, axes by number, NumPy's broadcasting and
// slicing.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "coreml/shape_rules.h"

namespace ane::coreml {

namespace {

// Aligned at the last axis; a size of 1 spreads over the other's size.
Shape broadcast(const LayerCheck& check, const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape shape = longer;
  const size_t offset = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    int64_t& size = shape[offset + i];
    check.need(size == shorter[i] || size == 1 || shorter[i] == 1, "cannot combine {} with {}", a, b);
    size = std::max(size, shorter[i]);
  }
  return shape;
}

// Reducing everything leaves one element, which Core ML keeps as [1].
Shape at_least_rank_1(Shape shape) {
  return shape.empty() ? Shape{1} : shape;
}

std::set<size_t> axis_set(const LayerCheck& check, const google::protobuf::RepeatedField<int64_t>& axes,
                          size_t rank) {
  std::set<size_t> result;
  for (const int64_t axis : axes)
    check.need(result.insert(check.axis(axis, rank)).second, "names axis {} twice", axis);
  return result;
}

Shape without_axes(const Shape& shape, const std::set<size_t>& axes) {
  Shape result;
  for (size_t i = 0; i < shape.size(); ++i)
    if (!axes.contains(i)) result.push_back(shape[i]);
  return at_least_rank_1(result);
}

struct SliceAxis {
  int64_t begin, end, stride;
  bool open_begin, open_end;
};

// How many elements NumPy's [begin:end:stride] takes of `size`.
int64_t slice_count(const SliceAxis& slice, int64_t size) {
  const auto place = [&](int64_t index) { return index < 0 ? index + size : index; };
  if (slice.stride > 0) {
    const int64_t begin = slice.open_begin ? 0 : std::clamp<int64_t>(place(slice.begin), 0, size);
    const int64_t end = slice.open_end ? size : std::clamp<int64_t>(place(slice.end), 0, size);
    return std::max<int64_t>(0, (end - begin + slice.stride - 1) / slice.stride);
  }
  const int64_t begin = slice.open_begin ? size - 1 : std::clamp<int64_t>(place(slice.begin), -1, size - 1);
  const int64_t end = slice.open_end ? -1 : std::clamp<int64_t>(place(slice.end), -1, size - 1);
  return std::max<int64_t>(0, (begin - end - slice.stride - 1) / -slice.stride);
}

}  // namespace

Shape broadcast_shape(const LayerCheck& check, size_t least_inputs, size_t most_inputs) {
  check.need_inputs(least_inputs, most_inputs);
  Shape shape = check.input();
  for (const Shape& other : check.inputs()) shape = broadcast(check, shape, other);
  return shape;
}

Shape broadcast_to_shape(const LayerCheck& check, const Shape& target) {
  check.need(broadcast(check, check.input(), target) == target, "cannot broadcast {} to {}", check.input(),
             target);
  return target;
}

Shape concat_along(const LayerCheck& check, size_t axis) {
  Shape shape = check.input();
  for (size_t i = 1; i < check.inputs().size(); ++i) {
    const Shape& other = check.input(i);
    Shape like = other;
    if (like.size() == shape.size()) like[axis] = shape[axis];
    check.need(like == shape, "cannot join {} and {} along axis {}", check.input(), other, axis);
  }
  for (size_t i = 1; i < check.inputs().size(); ++i) shape[axis] += check.input(i)[axis];
  check.need(!check.layer().concatnd().interleave() ||
                 std::all_of(check.inputs().begin(), check.inputs().end(),
                             [&](const Shape& s) { return s == check.input(); }),
             "interleaves inputs of different sizes");
  return shape;
}

Shapes split_nd_shapes(const LayerCheck& check) {
  const auto& params = check.layer().splitnd();
  check.need_inputs(1, 1);
  const size_t axis = check.axis(params.axis(), check.rank());
  const int64_t size = check.input()[axis];
  const int64_t parts = check.layer().output_size();
  Shapes shapes(static_cast<size_t>(parts), check.input());
  if (params.splitsizes_size() == 0) {
    check.need(params.numsplits() == static_cast<uint64_t>(parts) && parts > 0 && size % parts == 0,
               "cannot split {} into {} equal parts for {} outputs", check.input(), params.numsplits(),
               parts);
    for (Shape& shape : shapes) shape[axis] = size / parts;
    return shapes;
  }
  check.need(params.splitsizes_size() == parts, "has another number of sizes than of outputs");
  int64_t sum = 0;
  for (size_t i = 0; i < shapes.size(); ++i) {
    shapes[i][axis] = check.size(params.splitsizes(static_cast<int>(i)), "splitSizes");
    sum += shapes[i][axis];
  }
  check.need(sum == size, "splits {} of a size of {}", sum, size);
  return shapes;
}

Shape transpose_shape(const LayerCheck& check) {
  const auto& axes = check.layer().transpose().axes();
  check.need_inputs(1, 1);
  check.need(axes.size() == static_cast<int>(check.rank()), "does not name every axis of {}", check.input());
  std::set<size_t> seen;
  Shape shape;
  for (const uint64_t value : axes) {
    const size_t axis = check.axis(static_cast<int64_t>(value), check.rank());
    check.need(seen.insert(axis).second, "names axis {} twice", axis);
    shape.push_back(check.input()[axis]);
  }
  return shape;
}

Shape slice_static_shape(const LayerCheck& check) {
  const auto& params = check.layer().slicestatic();
  check.need_inputs(1, 1);
  const int rank = static_cast<int>(check.rank());
  const auto fits = [&](int entries) { return entries == rank; };
  const auto fits_or_empty = [&](int entries) { return entries == rank || entries == 0; };
  check.need(fits(params.beginids_size()) && fits(params.endids_size()) &&
                 fits_or_empty(params.strides_size()) && fits_or_empty(params.beginmasks_size()) &&
                 fits_or_empty(params.endmasks_size()) && fits_or_empty(params.squeezemasks_size()),
             "does not name every axis of {}", check.input());
  // Far places mean the same as the end of the axis.
  const auto near = [](int64_t place) {
    return std::clamp<int64_t>(place, -2 * largest_size, 2 * largest_size);
  };
  Shape shape;
  for (int i = 0; i < rank; ++i) {
    const int64_t size = check.input()[static_cast<size_t>(i)];
    if (params.squeezemasks_size() && params.squeezemasks(i)) {
      check.need(params.beginids(i) >= -size && params.beginids(i) < size, "takes element {} of {}",
                 params.beginids(i), size);
      continue;
    }
    const int64_t stride = params.strides_size() ? params.strides(i) : 1;
    check.need(stride != 0 && near(stride) == stride, "has a stride of {}", stride);
    shape.push_back(slice_count({.begin = near(params.beginids(i)),
                                 .end = near(params.endids(i)),
                                 .stride = stride,
                                 .open_begin = params.beginmasks_size() > 0 && params.beginmasks(i),
                                 .open_end = params.endmasks_size() > 0 && params.endmasks(i)},
                                size));
  }
  return at_least_rank_1(shape);
}

Shape slice_by_size_shape(const LayerCheck& check) {
  const auto& params = check.layer().slicebysize();
  check.need_inputs(2, 2);
  Shape shape = check.input();
  int64_t& size = shape[check.axis(params.axis(), check.rank())];
  check.need(params.size() >= 1 && params.size() <= size, "cannot take {} of {}", params.size(), size);
  size = params.size();
  return shape;
}

Shape sliding_windows_shape(const LayerCheck& check) {
  const auto& params = check.layer().slidingwindows();
  check.need_inputs(1, 1);
  const size_t axis = check.axis(params.axis(), check.rank());
  const int64_t window = check.size(params.windowsize(), "windowSize");
  const int64_t step = check.size(params.step(), "step");
  Shape shape = check.input();
  check.need(window <= shape[axis], "a window of {} does not fit {}", window, shape);
  shape[axis] = (shape[axis] - window) / step + 1;
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, window);
  return shape;
}

Shape squeeze_shape(const LayerCheck& check) {
  const auto& params = check.layer().squeeze();
  check.need_inputs(1, 1);
  const Shape& input = check.input();
  std::set<size_t> axes = axis_set(check, params.axes(), input.size());
  if (params.squeezeall())
    for (size_t i = 0; i < input.size(); ++i)
      if (input[i] == 1) axes.insert(i);
  for (const size_t axis : axes) check.need(input[axis] == 1, "cannot drop axis {} of {}", axis, input);
  return without_axes(input, axes);
}

Shape expand_dims_shape(const LayerCheck& check) {
  const auto& params = check.layer().expanddims();
  check.need_inputs(1, 1);
  const size_t rank = check.rank() + static_cast<size_t>(params.axes_size());
  check.need(params.axes_size() >= 1 && rank <= largest_rank, "adds {} axes", params.axes_size());
  const std::set<size_t> added = axis_set(check, params.axes(), rank);
  Shape shape;
  for (size_t i = 0, from = 0; i < rank; ++i) shape.push_back(added.contains(i) ? 1 : check.input()[from++]);
  return shape;
}

Shape flatten_to_2d_shape(const LayerCheck& check) {
  check.need_inputs(1, 1);
  const int64_t rank = static_cast<int64_t>(check.rank());
  int64_t axis = check.layer().flattento2d().axis();
  check.need(axis >= -rank && axis <= rank, "axis {} is outside a tensor of rank {}", axis, rank);
  if (axis < 0) axis += rank;
  const Shape& input = check.input();
  return {element_count(Shape(input.begin(), input.begin() + axis)),
          element_count(Shape(input.begin() + axis, input.end()))};
}

Shape load_constant_nd_shape(const LayerCheck& check) {
  const auto& params = check.layer().loadconstantnd();
  check.need_inputs(0, 0);
  const Shape shape = at_least_rank_1(check.shape(params.shape(), "shape"));
  check.need_weights(params.data(), shape, "data");
  return shape;
}

Shape tile_shape(const LayerCheck& check) {
  check.need_inputs(1, 1);
  const Shape repetitions = check.shape(check.layer().tile().reps(), "reps");
  check.need(repetitions.size() <= check.rank(), "repeats more axes than its input has");
  Shape shape = check.input();
  for (size_t i = 0; i < repetitions.size(); ++i)
    shape[shape.size() - repetitions.size() + i] *= repetitions[i];
  return shape;
}

Shape stack_shape(const LayerCheck& check) {
  check.need_inputs(1, std::numeric_limits<size_t>::max());
  for (const Shape& other : check.inputs())
    check.need(other == check.input(), "cannot stack {} and {}", check.input(), other);
  const size_t axis = check.axis(check.layer().stack().axis(), check.rank() + 1);
  Shape shape = check.input();
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis),
               static_cast<int64_t>(check.inputs().size()));
  return shape;
}

// data[:axis] + indices + data[axis+1:]
Shape gather_shape(const LayerCheck& check) {
  check.need_inputs(2, 2);
  const auto axis = static_cast<std::ptrdiff_t>(check.axis(check.layer().gather().axis(), check.rank()));
  Shape shape = check.input(0);
  shape.erase(shape.begin() + axis);
  shape.insert(shape.begin() + axis, check.input(1).begin(), check.input(1).end());
  return shape;
}

// The last axis of the indices names a place in the first axes of the data.
Shape gather_nd_shape(const LayerCheck& check) {
  check.need_inputs(2, 2);
  const Shape &data = check.input(0), &indices = check.input(1);
  check.need(indices.back() <= static_cast<int64_t>(data.size()), "cannot index {} by {}", data, indices);
  Shape shape(indices.begin(), indices.end() - 1);
  shape.insert(shape.end(), data.begin() + indices.back(), data.end());
  return at_least_rank_1(shape);
}

Shape top_k_shape(const LayerCheck& check) {
  const auto& params = check.layer().topk();
  check.need_inputs(1, 1);
  Shape shape = check.input();
  int64_t& size = shape[check.axis(params.axis(), check.rank())];
  const int64_t count = check.size(params.k(), "K");
  check.need(count <= size, "cannot take the first {} of {}", count, size);
  size = count;
  return shape;
}

Shape arg_extreme_shape(const LayerCheck& check, int64_t axis, bool remove_axis) {
  check.need_inputs(1, 1);
  const size_t place = check.axis(axis, check.rank());
  if (remove_axis) return without_axes(check.input(), {place});
  Shape shape = check.input();
  shape[place] = 1;
  return shape;
}

Shape reduce_nd_shape(const LayerCheck& check, const google::protobuf::RepeatedField<int64_t>& axes,
                      bool keep_axes, bool all) {
  check.need_inputs(1, 1);
  std::set<size_t> reduced = axis_set(check, axes, check.rank());
  if (all)
    for (size_t i = 0; i < check.rank(); ++i) reduced.insert(i);
  check.need(!reduced.empty(), "names no axis to reduce");
  if (!keep_axes) return without_axes(check.input(), reduced);
  Shape shape = check.input();
  for (const size_t axis : reduced) shape[axis] = 1;
  return shape;
}

Shape embedding_nd_shape(const LayerCheck& check) {
  const auto& params = check.layer().embeddingnd();
  check.need_inputs(1, 1);
  const int64_t entries = check.size(params.vocabsize(), "vocabSize");
  const int64_t out = check.size(params.embeddingsize(), "embeddingSize");
  Shape shape = check.input();
  check.need(shape.back() == 1, "needs a last axis of 1, not {}", shape);
  check.need_weights(params.weights(), {out, entries}, "weights");
  if (params.hasbias()) check.need_weights(params.bias(), {out}, "bias");
  shape.back() = out;
  return shape;
}

namespace {

// One input: a[..., X1] times constant weights [X1, X2], which are stored column-major.
Shape matmul_by_constant_shape(const LayerCheck& check) {
  const auto& params = check.layer().batchedmatmul();
  const int64_t in = check.size(params.weightmatrixfirstdimension(), "weightMatrixFirstDimension");
  const int64_t out = check.size(params.weightmatrixseconddimension(), "weightMatrixSecondDimension");
  check.need(!params.transposea() && !params.transposeb(), "transposes a product with constant weights");
  Shape shape = check.input();
  check.need(shape.back() == in, "multiplies {} by a matrix of {} rows", shape, in);
  check.need_weights(params.weights(), {out, in}, "weights");
  if (params.hasbias()) check.need_weights(params.bias(), {out}, "bias");
  shape.back() = out;
  return shape;
}

}  // namespace

Shape batched_matmul_shape(const LayerCheck& check) {
  const auto& params = check.layer().batchedmatmul();
  check.need_inputs(1, 2);
  if (check.inputs().size() == 1) return matmul_by_constant_shape(check);
  Shape a = check.input(0), b = check.input(1);
  const bool vector_a = a.size() == 1, vector_b = b.size() == 1;
  if (vector_a) a.insert(a.begin(), 1);
  if (vector_b) b.push_back(1);
  if (params.transposea()) std::swap(a[a.size() - 1], a[a.size() - 2]);
  if (params.transposeb()) std::swap(b[b.size() - 1], b[b.size() - 2]);
  const int64_t rows = a[a.size() - 2], columns = b[b.size() - 1];
  check.need(a.back() == b[b.size() - 2], "cannot multiply {} by {}", check.input(0), check.input(1));
  Shape shape = broadcast(check, Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
  if (!vector_a) shape.push_back(rows);
  if (!vector_b) shape.push_back(columns);
  return at_least_rank_1(shape);
}

Shape constant_pad_shape(const LayerCheck& check) {
  const auto& params = check.layer().constantpad();
  check.need_inputs(1, 1);
  check.need(params.padamounts_size() == 2 * static_cast<int>(check.rank()),
             "needs two padAmounts for every axis of {}", check.input());
  Shape shape = check.input();
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t before = check.amount(params.padamounts(static_cast<int>(2 * i)), "padAmounts");
    const int64_t after = check.amount(params.padamounts(static_cast<int>(2 * i + 1)), "padAmounts");
    const bool to_size = params.padtogivenoutputsizemode();
    shape[i] = to_size ? std::max({shape[i], before, after}) : shape[i] + before + after;
  }
  return shape;
}

Shape one_hot_shape(const LayerCheck& check) {
  const auto& params = check.layer().onehot();
  check.need_inputs(1, 1);
  const int64_t size = check.size(params.onehotvectorsize(), "oneHotVectorSize");
  const size_t axis = check.axis(params.axis(), check.rank() + 1);
  Shape shape = check.input();
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), size);
  return shape;
}

Shape layer_normalization_shape(const LayerCheck& check) {
  const auto& params = check.layer().layernormalization();
  check.need_inputs(1, 1);
  const Shape normalized = check.shape(params.normalizedshape(), "normalizedShape");
  const Shape& input = check.input();
  check.need(!normalized.empty() && normalized.size() <= input.size() &&
                 std::equal(normalized.rbegin(), normalized.rend(), input.rbegin()),
             "normalises {} of {}", normalized, input);
  check.need_weights(params.gamma(), normalized, "gamma");
  check.need_weights(params.beta(), normalized, "beta");
  return input;
}

Shape range_static_shape(const LayerCheck& check) {
  const auto& params = check.layer().rangestatic();
  check.need_inputs(0, 0);
  const double count =
      std::ceil((static_cast<double>(params.endvalue()) - static_cast<double>(params.startvalue())) /
                static_cast<double>(params.stepsizevalue()));
  check.need(count >= 1 && count <= static_cast<double>(largest_size),
             "has no usable range from {} to {} in steps of {}", params.startvalue(), params.endvalue(),
             params.stepsizevalue());
  return {static_cast<int64_t>(count)};
}

}  // namespace ane::coreml
