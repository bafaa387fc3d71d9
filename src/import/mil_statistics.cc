// Operations that look at many elements for each result: reductions, softmax, normalisations.
#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "import/mil_operation.h"

namespace ane::import {
namespace {

using aneir::Axis;
using aneir::ElementWiseOp;
using aneir::NeuronType;
using aneir::Reduction;
using aneir::ReductionType;
using aneir::Shape;
using aneir::TensorId;

// The axes that a parameter lists, all of x where it is absent, sorted and each once.
std::vector<size_t> axis_indices(const OperationImport& at, const char* parameter) {
  const size_t rank = at.rank("x");
  std::vector<size_t> indices;
  if (at.has(parameter)) {
    for (const int64_t axis : at.integers(parameter)) indices.push_back(at.axis_index(axis, rank));
  } else {
    for (size_t i = 0; i < rank; ++i) indices.push_back(i);
  }
  std::sort(indices.begin(), indices.end());
  at.require(std::adjacent_find(indices.begin(), indices.end()) == indices.end(), "names an axis twice");
  return indices;
}

// Those of them that the engine has; the others have length 1. A batch of one is left out, too, so that
// nothing need be done over batches. In the order Batch, Channel, Height, Width.
std::vector<Axis> engine_axes(const OperationImport& at, const std::vector<size_t>& indices) {
  std::vector<Axis> axes;
  for (const size_t index : indices) {
    const std::optional<Axis> axis = engine_axis(at.type("x").shape, index);
    if (axis && (*axis != Axis::Batch || at.shape("x").n > 1)) axes.push_back(*axis);
  }
  return axes;
}

// x, read as a tensor of `shape`, along `axes`.
struct Reading {
  Shape shape;
  std::vector<Axis> axes;
};

// How to work along axes `indices` of x, one after the other: at once where the engine has them all, else
// each run of neighbours by itself. What is behind a run has become length 1 by then.
std::vector<Reading> readings(const OperationImport& at, const std::vector<size_t>& indices) {
  std::vector<int64_t> lengths = at.type("x").shape;
  const bool all = std::all_of(indices.begin(), indices.end(), [&](size_t index) {
    return engine_axis(lengths, index) || lengths[index] == 1;
  });
  std::vector<Axis> axes = engine_axes(at, indices);
  if (all && axes.empty()) return {};
  if (all) return {{at.shape("x"), std::move(axes)}};
  std::vector<Reading> runs;
  for (size_t last = indices.size(); last > 0;) {
    size_t first = last - 1;
    for (; first > 0 && indices[first - 1] + 1 == indices[first]; --first) {
    }
    const LoneAxis run = alone_along(lengths, indices[first], indices[last - 1] + 1);
    runs.push_back({run.shape, {run.axis}});
    for (; last > first; --last) lengths[indices[last - 1]] = 1;
  }
  return runs;
}

LoneAxis one_axis(const OperationImport& at, int64_t axis) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  const size_t index = at.axis_index(axis, shape.size());
  if (const std::optional<Axis> found = engine_axis(shape, index)) return {at.shape("x"), *found};
  return alone_along(shape, index, index + 1);
}

// Constants for the lengths of x along the axes of a reading, laid along these.
TensorId along(OperationImport& at, const Reading& x, aneir::Constant values) {
  Shape shape;
  for (const Axis axis : x.axes) shape[axis] = x.shape[axis];
  return at.constant_tensor(shape, std::move(values));
}

// gamma * x + beta, both optional.
TensorId scaled_and_shifted(OperationImport& at, TensorId x, const Reading& reading,
                            const std::vector<size_t>& indices) {
  int64_t count = 1;
  for (const size_t index : indices) count *= at.type("x").shape[index];
  if (at.has("gamma")) x = at.binary(ElementWiseOp::Mult, x, along(at, reading, at.numbers("gamma", count)));
  if (at.has("beta")) x = at.binary(ElementWiseOp::Add, x, along(at, reading, at.numbers("beta", count)));
  return x;
}

// scale * x^2, scaled before it is rounded.
TensorId squares(OperationImport& at, TensorId x, float scale) {
  if (scale == 1) return at.neuron(x, NeuronType::Square);
  return at.add(aneir::ElementWise{ElementWiseOp::Mult, scale, false}, {x, x});
}

struct ReduceForm {
  std::optional<NeuronType> before;
  ReductionType type;
  std::optional<NeuronType> after;
};

const std::map<std::string, ReduceForm> reductions = {
    {"reduce_l1_norm", {NeuronType::Abs, ReductionType::Sum, {}}},
    {"reduce_log_sum", {{}, ReductionType::Sum, NeuronType::Log}},
    {"reduce_max", {{}, ReductionType::Max, {}}},
    {"reduce_mean", {{}, ReductionType::Mean, {}}},
    {"reduce_min", {{}, ReductionType::Min, {}}},
    {"reduce_sum", {{}, ReductionType::Sum, {}}},
    {"reduce_sum_square", {NeuronType::Square, ReductionType::Sum, {}}},
};

// The position of the largest element, of several the first: where an element equals the maximum stands what
// is left of the axis from there on, and the largest of these is the first. argmin is argmax of -x.
TensorId position_of_best(OperationImport& at, bool smallest) {
  const size_t index = at.axis_index(at.integer("axis", -1), at.rank("x"));
  const int64_t length = at.type("x").shape[index];
  at.require(length <= most_exact_integer,
             "gives one of " + std::to_string(length) + " positions, of which fp16 holds 2048");
  TensorId x = at.tensor("x");
  if (length == 1) return at.neuron(x, NeuronType::ClampedReLU, 0, 0);
  if (smallest) x = at.linear(x, -1, 0);
  const auto [shape, axis] = one_axis(at, static_cast<int64_t>(index));
  x = at.reshaped(x, shape);
  const Reduction largest{ReductionType::Max, {axis}, {}};
  const TensorId equal = at.binary(ElementWiseOp::Equal, x, at.add(largest, {x}));
  std::vector<float> rest;
  for (int64_t i = 0; i < length; ++i) rest.push_back(static_cast<float>(length - i));
  Shape along_axis;
  along_axis[axis] = length;
  const TensorId left =
      at.binary(ElementWiseOp::Mult, at.add(aneir::Cast{aneir::ElementType::Float16}, {equal}),
                at.constant_tensor(along_axis, aneir::Constant::of_floats(std::move(rest))));
  return at.linear(at.add(largest, {left}), -1, static_cast<float>(length));
}

}  // namespace

// sqrt(sum of x^2): of many elements the sum leaves fp16, unless they are scaled before.
Tops import_reduce_l2_norm(OperationImport& at) {
  const std::vector<size_t> indices = axis_indices(at, "axes");
  int64_t count = 1;
  for (const size_t index : indices) count *= at.type("x").shape[index];
  const float scale = scale_for_squares(count);
  TensorId result = squares(at, at.tensor("x"), scale * scale);
  for (const Reading& reading : readings(at, indices))
    result = at.add(Reduction{ReductionType::Sum, reading.axes, {}}, {at.reshaped(result, reading.shape)});
  result = at.neuron(result, NeuronType::Sqrt);
  if (scale != 1) result = at.linear(result, 1 / scale, 0);
  return {at.reshaped(result, at.declared_shape())};
}

Tops import_reduce(OperationImport& at) {
  const ReduceForm& form = reductions.at(at.operation.type);
  TensorId result = at.tensor("x");
  if (form.before) result = at.neuron(result, *form.before);
  for (const Reading& reading : readings(at, axis_indices(at, "axes")))
    result = at.add(Reduction{form.type, reading.axes, {}}, {at.reshaped(result, reading.shape)});
  if (form.after) result = at.neuron(result, *form.after);
  return {at.reshaped(result, at.declared_shape())};
}

Tops import_argument(OperationImport& at) {
  const bool smallest = at.operation.type == "reduce_argmin";
  return {at.reshaped(position_of_best(at, smallest), at.declared_shape())};
}

Tops import_softmax(OperationImport& at) {
  const auto [shape, axis] = one_axis(at, at.integer("axis", -1));
  return {
      at.reshaped(at.add(aneir::Softmax{axis}, {at.reshaped(at.tensor("x"), shape)}), at.declared_shape())};
}

Tops import_layer_norm(OperationImport& at) {
  const std::vector<size_t> indices = axis_indices(at, "axes");
  const std::vector<Reading> runs = readings(at, indices);
  at.require(!runs.empty(), "normalises single elements");
  at.require(runs.size() == 1, "normalises over axes that are apart");
  const TensorId normal = at.add(aneir::Normalize{runs[0].axes, at.number("epsilon", 1e-5f)},
                                 {at.reshaped(at.tensor("x"), runs[0].shape)});
  return {at.reshaped(scaled_and_shifted(at, normal, runs[0], indices), at.declared_shape())};
}

// Over the axes of space, for each channel.
Tops import_instance_norm(OperationImport& at) {
  at.require(at.rank("x") == 3 || at.rank("x") == 4,
             "normalises a tensor of rank " + std::to_string(at.rank("x")));
  std::vector<Axis> axes = {Axis::Height, Axis::Width};
  if (at.rank("x") == 3) axes = {Axis::Width};
  const TensorId normal = at.add(aneir::Normalize{axes, at.number("epsilon", 1e-5f)}, {at.tensor("x")});
  return {scaled_and_shifted(at, normal, {at.shape("x"), engine_axes(at, {1})}, {1})};
}

// gamma (x - mean) / sqrt(variance + epsilon) + beta, as one scale and offset for each channel.
Tops import_batch_norm(OperationImport& at) {
  at.require(at.rank("x") >= 2, "normalises a tensor of rank " + std::to_string(at.rank("x")));
  const int64_t channels = at.type("x").shape[1];
  const std::vector<float> mean = at.numbers("mean", channels).floats();
  const std::vector<float> variance = at.numbers("variance", channels).floats();
  const std::vector<float> ones(mean.size(), 1), zeros(mean.size(), 0);
  const std::vector<float> gamma = at.has("gamma") ? at.numbers("gamma", channels).floats() : ones;
  const std::vector<float> beta = at.has("beta") ? at.numbers("beta", channels).floats() : zeros;
  const auto epsilon = static_cast<double>(at.number("epsilon", 1e-5f));
  std::vector<float> scales, offsets;
  for (size_t c = 0; c < mean.size(); ++c) {
    const double scale =
        static_cast<double>(gamma[c]) / std::sqrt(static_cast<double>(variance[c]) + epsilon);
    scales.push_back(static_cast<float>(scale));
    offsets.push_back(
        static_cast<float>(static_cast<double>(beta[c]) - static_cast<double>(mean[c]) * scale));
  }
  const TensorId x = at.tensor("x");
  aneir::Constant scale = aneir::Constant::of_floats(std::move(scales)),
                  offset = aneir::Constant::of_floats(std::move(offsets));
  if (at.rank("x") == 4) return {at.add(aneir::Goc{1, 0, std::move(scale), std::move(offset)}, {x})};
  const Reading channel = {at.shape("x"), engine_axes(at, {1})};
  const TensorId scaled = at.binary(ElementWiseOp::Mult, x, along(at, channel, std::move(scale)));
  return {at.binary(ElementWiseOp::Add, scaled, along(at, channel, std::move(offset)))};
}

// x / (k + alpha / size * sum of squares over `size` neighbouring channels)^beta. The sum is a convolution
// whose weights are a band of ones; of an even number of channels one more lies before. The squares are
// divided by 2^8, which the weights make up for: x may reach 4095.
Tops import_local_response_norm(OperationImport& at) {
  constexpr int64_t most_channels = 4096;
  constexpr float square_scale = 0x1p-8f;
  at.require(at.rank("x") == 4, "normalises a tensor of rank " + std::to_string(at.rank("x")));
  const int64_t channels = at.shape("x").c, size = at.integer("size");
  at.require(size >= 1 && size % 2 == 1, "normalises over " + std::to_string(size) + " channels");
  at.require(channels <= most_channels, "normalises " + std::to_string(channels) + " channels");
  const float weight = at.number("alpha", 1e-4f) / static_cast<float>(size) / square_scale;
  aneir::Conv band;
  band.output_channels = channels;
  std::vector<float> weights(static_cast<size_t>(channels * channels), 0);
  for (int64_t to = 0; to < channels; ++to)
    for (int64_t from = std::max<int64_t>(0, to - size / 2); from <= std::min(channels - 1, to + size / 2);
         ++from)
      weights[static_cast<size_t>(to * channels + from)] = weight;
  band.weights = aneir::Constant::of_floats(std::move(weights));
  band.bias =
      aneir::Constant::of_floats(std::vector<float>(static_cast<size_t>(channels), at.number("k", 1)));
  const TensorId x = at.tensor("x");
  const TensorId sum = at.add(std::move(band), {squares(at, x, square_scale)});
  return {at.binary(ElementWiseOp::Mult, x, at.neuron(sum, NeuronType::Power, -at.number("beta", 0.75f)))};
}

// m + ln(sum of e^(x - m)), m the largest, so that no power leaves fp16.
Tops import_log_sum_exp(OperationImport& at) {
  const std::vector<Reading> runs = readings(at, axis_indices(at, "axes"));
  if (runs.empty()) return {at.reshaped(at.tensor("x"), at.declared_shape())};
  at.require(runs.size() == 1, "adds along axes that are apart");
  const std::vector<Axis>& axes = runs[0].axes;
  const TensorId x = at.reshaped(at.tensor("x"), runs[0].shape);
  const TensorId largest = at.add(Reduction{ReductionType::Max, axes, {}}, {x});
  const TensorId power = at.neuron(at.binary(ElementWiseOp::Sub, x, largest), NeuronType::Exp);
  const TensorId sum = at.add(Reduction{ReductionType::Sum, axes, {}}, {power});
  const TensorId result = at.binary(ElementWiseOp::Add, largest, at.neuron(sum, NeuronType::Log));
  return {at.reshaped(result, at.declared_shape())};
}

// Halves times halves, until one element is left.
namespace {

TensorId product_along(OperationImport& at, TensorId x, Axis axis) {
  while (at.shape(x)[axis] > 1) {
    const int64_t length = at.shape(x)[axis], half = length / 2;
    const auto part = [&](int64_t begin, int64_t count) {
      return at.add(aneir::InputView{axis, begin, count, 1}, {x});
    };
    const TensorId products = at.binary(ElementWiseOp::Mult, part(0, half), part(half, half));
    x = length % 2 == 0 ? products : at.add(aneir::Concat{axis}, {products, part(length - 1, 1)});
  }
  return x;
}

}  // namespace

Tops import_reduce_prod(OperationImport& at) {
  constexpr int64_t most = 1024;
  TensorId x = at.tensor("x");
  for (const Reading& reading : readings(at, axis_indices(at, "axes"))) {
    x = at.reshaped(x, reading.shape);
    for (const Axis axis : reading.axes) {
      at.require(at.shape(x)[axis] <= most, "multiplies " + std::to_string(at.shape(x)[axis]) + " elements");
      x = product_along(at, x, axis);
    }
  }
  return {at.reshaped(x, at.declared_shape())};
}

// The first of them alone needs no sorting.
Tops import_topk(OperationImport& at) {
  at.require(at.integer("k", 1) == 1, "the engine does not sort; of the best, it finds one");
  const bool smallest = at.flag("ascending", false);
  const auto [shape, axis] = one_axis(at, at.integer("axis", -1));
  const Reduction best{smallest ? ReductionType::Min : ReductionType::Max, {axis}, {}};
  const TensorId x = at.reshaped(at.tensor("x"), shape);
  Tops tops = {at.reshaped(at.add(best, {x}), at.declared_shape())};
  if (at.operation.outputs.size() > 1)
    tops.push_back(at.reshaped(position_of_best(at, smallest), at.declared_shape(1)));
  return tops;
}

// A product with a triangle of ones, along rows.
Tops import_cumsum(OperationImport& at) {
  constexpr int64_t longest = 2048;
  const auto [shape, axis] = one_axis(at, at.integer("axis", 0));
  const int64_t length = shape[axis];
  at.require(length <= longest, "adds up " + std::to_string(length) + " elements");
  const bool reverse = at.flag("reverse", false), exclusive = at.flag("exclusive", false);
  std::vector<float> ones(static_cast<size_t>(length * length), 0);
  for (int64_t from = 0; from < length; ++from)
    for (int64_t to = 0; to < length; ++to)
      if (reverse ? from > to - !exclusive : from < to + !exclusive)
        ones[static_cast<size_t>(from * length + to)] = 1;
  aneir::MatMul product;
  product.matrix = aneir::Constant::of_floats(std::move(ones));
  product.matrix_rows = product.matrix_columns = length;
  aneir::Transpose turn;
  std::swap(turn.source[static_cast<size_t>(axis)], turn.source[static_cast<size_t>(Axis::Width)]);
  TensorId x = at.reshaped(at.tensor("x"), shape);
  if (axis != Axis::Width) x = at.add(turn, {x});
  x = at.add(std::move(product), {x});
  return {at.reshaped(axis == Axis::Width ? x : at.add(turn, {x}), at.declared_shape())};
}

// x / sqrt(sum of squares over the last three axes + epsilon), numerator and denominator scaled alike.
Tops import_l2_norm(OperationImport& at) {
  at.require(at.rank("x") >= 3, "normalises a tensor of rank " + std::to_string(at.rank("x")));
  const TensorId x = at.tensor("x");
  const Shape shape = at.shape(x);
  const float scale = scale_for_squares(shape.c * shape.h * shape.w);
  const Reduction sum{ReductionType::Sum, {Axis::Channel, Axis::Height, Axis::Width}, {}};
  const TensorId norm = at.add(sum, {squares(at, x, scale * scale)});
  const TensorId inverse = at.neuron(norm, NeuronType::Rsqrt, at.number("epsilon", 1e-6f) * scale * scale);
  return {at.add(aneir::ElementWise{ElementWiseOp::Mult, scale, false}, {x, inverse})};
}

}  // namespace ane::import
