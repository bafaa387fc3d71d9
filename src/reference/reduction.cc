// Core ML's layers of sums, products, norms and extremes over axes.

#include <cmath>
#include <optional>

#include "reference/layers.h"
#include "reference/reduction_kernel.h"

namespace ane::reference {
namespace {

using Layer = coreml::spec::NeuralNetworkLayer;
using Reduce = coreml::spec::ReduceLayerParams;

Tensor drop_axes(Tensor tensor, const std::vector<bool>& dropped) {
  const Shape shape = without_axes(tensor.shape, dropped);
  // Rank 0 does not exist for these layers: a result of one element has the shape [1].
  return reshaped(std::move(tensor), shape.empty() ? Shape{1} : shape);
}

template <typename Params>
Tensor arg_best_layer(const Call& call, const Params& params,
                      Tensor (*index_of_best)(const Tensor& input, size_t axis)) {
  const size_t rank = call.input().shape.size(), axis = call.axis_index(params.axis(), rank);
  Tensor result = index_of_best(call.input(), axis);
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
    return index_of_largest(call.input(), call.axis_index(axes[0], call.input().shape.size()));
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
    // Unlike LOGSUM of the reduce layer: coremltools tests it on Core ML against np.log(np.sum(x)).
    case Layer::kReduceLogSum:
      return reduce_layer(call, layer.reducelogsum(), logarithm_of_sum);
    case Layer::kReduceSumSquare:
      return reduce_layer(call, layer.reducesumsquare(), sum_of_squares);
    case Layer::kReduceLogSumExp:
      return reduce_layer(call, layer.reducelogsumexp(), std::nullopt);
    default:
      call.fail("unknown reduction");
  }
}

Tensor evaluate_arg_max(const Call& call) {
  return arg_best_layer(call, call.layer.argmax(), index_of_largest);
}

Tensor evaluate_arg_min(const Call& call) {
  return arg_best_layer(call, call.layer.argmin(), index_of_smallest);
}

}  // namespace ane::reference
