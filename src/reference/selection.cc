// Layers that pick elements by indices, make them, or spread them.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "reference/layers.h"

namespace ane::reference {
namespace {

Tensor band(const Call& call, int64_t lowest, int64_t highest) {
  Tensor result = call.input();
  const Shape& shape = result.shape;
  if (shape.size() < 2) call.fail("the input is no matrix");
  const int64_t rows = shape[shape.size() - 2], columns = shape.back();
  for (size_t i = 0; i < result.data.size(); ++i) {
    const int64_t at = static_cast<int64_t>(i), column = at % columns, row = at / columns % rows;
    if (column - row < lowest || column - row > highest) result.data[i] = 0;
  }
  return result;
}

}  // namespace

Tensor evaluate_matrix_band_part(const Call& call) {
  const auto& params = call.layer.matrixbandpart();
  constexpr int64_t all = int64_t{1} << 40;
  return band(call, params.numlower() < 0 ? -all : -params.numlower(),
              params.numupper() < 0 ? all : params.numupper());
}
Tensor evaluate_lower_triangular(const Call& call) {
  return band(call, -(int64_t{1} << 40), call.layer.lowertriangular().k());
}
Tensor evaluate_upper_triangular(const Call& call) {
  return band(call, call.layer.uppertriangular().k(), int64_t{1} << 40);
}

Tensor evaluate_fill_like(const Call& call) {
  return make_tensor(call.input().shape, call.layer.filllike().value());
}

Tensor evaluate_range_static(const Call& call) {
  const auto& params = call.layer.rangestatic();
  std::vector<float> values;
  for (float value = params.startvalue();
       params.stepsizevalue() > 0 ? value < params.endvalue() : value > params.endvalue();
       value = params.startvalue() + static_cast<float>(values.size()) * params.stepsizevalue())
    values.push_back(value);
  const auto count = static_cast<int64_t>(values.size());
  return {{count}, std::move(values)};
}

Tensor evaluate_get_shape(const Call& call) {
  const Shape& shape = call.input().shape;
  return {{static_cast<int64_t>(shape.size())}, std::vector<float>(shape.begin(), shape.end())};
}

Tensor evaluate_slice_by_size(const Call& call) {
  const auto& params = call.layer.slicebysize();
  const Tensor& input = call.input();
  const size_t axis = call.axis_index(params.axis(), input.shape.size());
  const auto given = static_cast<int64_t>(call.input(1).data.at(0));
  const int64_t begin = given < 0 ? given + input.shape[axis] : given;
  if (begin < 0 || begin + params.size() > input.shape[axis])
    call.fail("the slice is not inside of the axis");
  return sliced(input, axis, begin, 1, params.size());
}

Tensor evaluate_broadcast_to_static(const Call& call) {
  const auto& target = call.layer.broadcasttostatic().targetshape();
  return broadcast_to(call.input(), {target.begin(), target.end()});
}
Tensor evaluate_broadcast_to_like(const Call& call) {
  return broadcast_to(call.input(), call.input(1).shape);
}
Tensor evaluate_reshape_like(const Call& call) {
  return reshaped(call.input(), call.input(1).shape);
}

Tensor evaluate_cum_sum(const Call& call) {
  const auto& params = call.layer.cumsum();
  Tensor result = call.input();
  const AxisView view = view_along(result.shape, call.axis_index(params.axis(), result.shape.size()));
  for (int64_t outer = 0; outer < view.outer; ++outer)
    for (int64_t inner = 0; inner < view.inner; ++inner) {
      double sum = 0;
      for (int64_t step = 0; step < view.length; ++step) {
        const int64_t i = params.reverse() ? view.length - 1 - step : step;
        float& element = result.data[static_cast<size_t>((outer * view.length + i) * view.inner + inner)];
        const double before = sum;
        sum += static_cast<double>(element);
        element = static_cast<float>(params.excludefinalsum() ? before : sum);
      }
    }
  return result;
}

Tensor evaluate_one_hot(const Call& call) {
  const auto& params = call.layer.onehot();
  const Tensor& input = call.input();
  const auto size = static_cast<int64_t>(params.onehotvectorsize());
  const size_t axis = call.axis_index(params.axis(), input.shape.size() + 1);
  Shape shape = input.shape;
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), size);
  Tensor result = make_tensor(shape, params.offvalue());
  const AxisView view = view_along(shape, axis);
  for (int64_t outer = 0; outer < view.outer; ++outer)
    for (int64_t inner = 0; inner < view.inner; ++inner) {
      const float index = input.data[static_cast<size_t>(outer * view.inner + inner)];
      for (int64_t i = 0; i < size; ++i)
        if (index == static_cast<float>(i))
          result.data[static_cast<size_t>((outer * view.length + i) * view.inner + inner)] = params.onvalue();
    }
  return result;
}

// Values and their positions; of equal ones the first comes first.
std::vector<Tensor> evaluate_top_k(const Call& call) {
  const auto& params = call.layer.topk();
  const Tensor& input = call.input();
  const size_t axis = call.axis_index(params.axis(), input.shape.size());
  const AxisView view = view_along(input.shape, axis);
  const auto count = static_cast<int64_t>(params.k());
  Shape shape = input.shape;
  shape[axis] = count;
  Tensor values = make_tensor(shape), indices = make_tensor(shape);
  std::vector<int64_t> order(static_cast<size_t>(view.length));
  for (int64_t outer = 0; outer < view.outer; ++outer)
    for (int64_t inner = 0; inner < view.inner; ++inner) {
      const auto element = [&](int64_t i) {
        return input.data[static_cast<size_t>((outer * view.length + i) * view.inner + inner)];
      };
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return params.usebottomk() ? element(a) < element(b) : element(a) > element(b);
      });
      for (int64_t i = 0; i < count; ++i) {
        const auto at = static_cast<size_t>((outer * count + i) * view.inner + inner);
        values.data[at] = element(order[static_cast<size_t>(i)]);
        indices.data[at] = static_cast<float>(order[static_cast<size_t>(i)]);
      }
    }
  return {std::move(values), std::move(indices)};
}

}  // namespace ane::reference
