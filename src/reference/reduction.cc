// Sums, products, norms and extremes over axes. Sums and products are taken in double.

#include <cmath>
#include <limits>
#include <optional>

#include "reference/layers.h"

namespace ane::reference {
namespace {

using Layer = coreml::spec::NeuralNetworkLayer;
using Reduce = coreml::spec::ReduceLayerParams;

struct Reduction {
  double start;
  double (*step)(double so_far, double x);
  double (*finish)(double result, double count) = [](double result, double) { return result; };
};

constexpr double infinity = std::numeric_limits<double>::infinity();

const Reduction sum_of = {0, [](double so_far, double x) { return so_far + x; }};
const Reduction mean_of = {0, sum_of.step, [](double result, double count) { return result / count; }};
const Reduction product_of = {1, [](double so_far, double x) { return so_far * x; }};
const Reduction sum_of_squares = {0, [](double so_far, double x) { return so_far + x * x; }};
const Reduction l1_norm = {0, [](double so_far, double x) { return so_far + std::abs(x); }};
const Reduction l2_norm = {0, sum_of_squares.step, [](double result, double) { return std::sqrt(result); }};
const Reduction maximum_of = {-infinity, [](double so_far, double x) { return std::max(so_far, x); }};
const Reduction minimum_of = {infinity, [](double so_far, double x) { return std::min(so_far, x); }};
const Reduction sum_of_logarithms = {0, [](double so_far, double x) { return so_far + std::log(x); }};

// Reduced axes stay, with size 1.
Tensor reduce(const Tensor& input, const std::vector<bool>& reduced, const Reduction& by) {
  Shape shape = input.shape;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (reduced[axis]) shape[axis] = 1;
  }
  std::vector<double> results(static_cast<size_t>(element_count(shape)), by.start);
  // Every input element is sent to its place in the result: the strides of the result, 0 along what is
  // reduced.
  const Strides strides = broadcast_strides(shape, input.shape);
  const int64_t width = input.shape.empty() ? 1 : input.shape.back();
  const int64_t step = input.shape.empty() ? 0 : strides.back();
  const int64_t rows = width == 0 ? 0 : static_cast<int64_t>(input.data.size()) / width;
  for (int64_t row = 0; row < rows; ++row) {
    double* out = results.data() + row_offset(input.shape, strides, row);
    for (int64_t i = 0; i < width; ++i) out[i * step] = by.step(out[i * step], input.data[row * width + i]);
  }
  const double count = static_cast<double>(input.data.size()) / static_cast<double>(results.size());
  Tensor result{shape, {}};
  for (const double value : results) result.data.push_back(static_cast<float>(by.finish(value, count)));
  return result;
}

// ln Σ e^x, with the largest x taken out so that nothing overflows.
Tensor reduce_log_sum_exp(const Tensor& input, const std::vector<bool>& reduced) {
  const Tensor largest = reduce(input, reduced, maximum_of);
  const Tensor powers =
      combine_elements(input, largest, input.shape, [](double x, double m) { return std::exp(x - m); });
  return combine_elements(reduce(powers, reduced, sum_of), largest, largest.shape,
                          [](double sum, double m) { return std::log(sum) + m; });
}

// The index of the first best element along an axis, which stays with size 1.
template <typename Better>
Tensor arg_best(const Tensor& input, size_t axis, Better better) {
  const AxisView view = view_along(input.shape, axis);
  Shape shape = input.shape;
  shape[axis] = 1;
  Tensor result = make_tensor(shape);
  for (int64_t line = 0; line < static_cast<int64_t>(result.data.size()); ++line) {
    const float* first = input.data.data() + line / view.inner * view.length * view.inner + line % view.inner;
    int64_t best = 0;
    for (int64_t i = 1; i < view.length; ++i) {
      if (better(first[i * view.inner], first[best * view.inner])) best = i;
    }
    result.data[line] = static_cast<float>(best);
  }
  return result;
}

Tensor drop_axes(Tensor tensor, const std::vector<bool>& dropped) {
  Shape shape;
  for (size_t axis = 0; axis < dropped.size(); ++axis) {
    if (!dropped[axis]) shape.push_back(tensor.shape[axis]);
  }
  // Rank 0 does not exist for these layers: a result of one element has the shape [1].
  return reshaped(std::move(tensor), shape.empty() ? Shape{1} : shape);
}

template <typename Params, typename Better>
Tensor arg_best_layer(const Call& call, const Params& params, Better better) {
  const size_t rank = call.input().shape.size(), axis = call.axis_index(params.axis(), rank);
  Tensor result = arg_best(call.input(), axis, better);
  if (!params.removedim()) return result;
  std::vector<bool> dropped(rank, false);
  dropped[axis] = true;
  return drop_axes(std::move(result), dropped);
}

// The axes that the rank-5 reduce layer means, counted from the end.
std::vector<int64_t> reduce_axes(const Call& call, Reduce::ReduceAxis axis) {
  switch (axis) {
    case Reduce::CHW:
      return {-3, -2, -1};
    case Reduce::HW:
      return {-2, -1};
    case Reduce::C:
      return {-3};
    case Reduce::H:
      return {-2};
    case Reduce::W:
      return {-1};
    default:
      call.fail("unknown axis");
  }
}

const Reduction& reduction_of(const Call& call, Reduce::ReduceOperation mode) {
  switch (mode) {
    case Reduce::SUM:
      return sum_of;
    case Reduce::AVG:
      return mean_of;
    case Reduce::PROD:
      return product_of;
    case Reduce::LOGSUM:
      return sum_of_logarithms;
    case Reduce::SUMSQUARE:
      return sum_of_squares;
    case Reduce::L1:
      return l1_norm;
    case Reduce::L2:
      return l2_norm;
    case Reduce::MAX:
      return maximum_of;
    case Reduce::MIN:
      return minimum_of;
    default:
      call.fail("unknown mode");
  }
}

std::vector<bool> axis_set(const Call& call, const std::vector<int64_t>& axes) {
  std::vector<bool> set(call.input().shape.size(), false);
  for (const int64_t axis : axes) set[call.axis_index(axis, set.size())] = true;
  return set;
}

template <typename Params>
Tensor reduce_layer(const Call& call, const Params& params, const std::optional<Reduction>& by) {
  std::vector<bool> axes = axis_set(call, {params.axes().begin(), params.axes().end()});
  if (params.reduceall()) axes.assign(axes.size(), true);
  Tensor result = by ? reduce(call.input(), axes, *by) : reduce_log_sum_exp(call.input(), axes);
  return params.keepdims() ? result : drop_axes(std::move(result), axes);
}

}  // namespace

Tensor evaluate_reduce(const Call& call) {
  const Reduce& params = call.layer.reduce();
  const std::vector<int64_t> axes = reduce_axes(call, params.axis());
  if (params.mode() == Reduce::ARGMAX) {
    if (axes.size() != 1) call.fail("the index of the maximum is taken along one axis only");
    return arg_best(call.input(), call.axis_index(axes[0], call.input().shape.size()), std::greater<float>());
  }
  const std::vector<bool> set = axis_set(call, axes);
  if (params.mode() != Reduce::LOGSUM) return reduce(call.input(), set, reduction_of(call, params.mode()));
  const double epsilon = value_or(params.epsilon(), 1e-6f);
  return reduce(map_elements(call.input(), [=](double x) { return std::log(x + epsilon); }), set, sum_of);
}

Tensor evaluate_reduce_nd(const Call& call) {
  const Layer& layer = call.layer;
  switch (layer.layer_case()) {
    case Layer::kReduceL1:
      return reduce_layer(call, layer.reducel1(), l1_norm);
    case Layer::kReduceL2:
      return reduce_layer(call, layer.reducel2(), l2_norm);
    case Layer::kReduceMax:
      return reduce_layer(call, layer.reducemax(), maximum_of);
    case Layer::kReduceMin:
      return reduce_layer(call, layer.reducemin(), minimum_of);
    case Layer::kReduceSum:
      return reduce_layer(call, layer.reducesum(), sum_of);
    case Layer::kReduceProd:
      return reduce_layer(call, layer.reduceprod(), product_of);
    case Layer::kReduceMean:
      return reduce_layer(call, layer.reducemean(), mean_of);
    case Layer::kReduceLogSum:
      return reduce_layer(call, layer.reducelogsum(), sum_of_logarithms);
    case Layer::kReduceSumSquare:
      return reduce_layer(call, layer.reducesumsquare(), sum_of_squares);
    case Layer::kReduceLogSumExp:
      return reduce_layer(call, layer.reducelogsumexp(), std::nullopt);
    default:
      call.fail("unknown reduction");
  }
}

Tensor evaluate_arg_max(const Call& call) {
  return arg_best_layer(call, call.layer.argmax(), std::greater<float>());
}

Tensor evaluate_arg_min(const Call& call) {
  return arg_best_layer(call, call.layer.argmin(), std::less<float>());
}

}  // namespace ane::reference
