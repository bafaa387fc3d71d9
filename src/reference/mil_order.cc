// Operations that go along an axis in order: running sums, sorting, the largest elements.

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "reference/mil_operations.h"

namespace ane::reference::ops {
namespace {

// For every line along an axis, the positions of its elements from best to worst. Elements that are equal
// stay in their order, which MIL leaves open; what is no number comes last.
Tensor sorted_positions(const Tensor& x, size_t axis, bool ascending) {
  const AxisView view = view_along(x.shape, axis);
  Tensor result = make_tensor(x.shape);
  std::vector<int64_t> positions(static_cast<size_t>(view.length));
  for (int64_t line = 0; line < view.outer * view.inner; ++line) {
    const int64_t first = line / view.inner * view.length * view.inner + line % view.inner;
    const auto at = [&](int64_t i) { return x.data[first + i * view.inner]; };
    std::iota(positions.begin(), positions.end(), 0);
    std::stable_sort(positions.begin(), positions.end(), [&](int64_t i, int64_t j) {
      const float a = at(i), b = at(j);
      if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
      return ascending ? a < b : a > b;
    });
    for (int64_t i = 0; i < view.length; ++i)
      result.data[first + i * view.inner] = static_cast<float>(positions[i]);
  }
  return result;
}

}  // namespace

Tensor cumsum(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const bool exclusive = call.flag("exclusive"), backwards = call.flag("reverse");
  const AxisView view = view_along(x.shape, call.axis("axis", x.shape.size()));
  Tensor result = make_tensor(x.shape);
  for (int64_t line = 0; line < view.outer * view.inner; ++line) {
    const int64_t first = line / view.inner * view.length * view.inner + line % view.inner;
    double sum = 0;
    for (int64_t i = 0; i < view.length; ++i) {
      const int64_t at = first + (backwards ? view.length - 1 - i : i) * view.inner;
      const double next = sum + x.data[at];
      result.data[at] = static_cast<float>(exclusive ? sum : next);
      sum = next;
    }
  }
  return result;
}

Tensor argsort(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  return sorted_positions(x, call.axis("axis", x.shape.size()), call.flag("ascending"));
}

// Values and, where asked for, indices. Unsorted results may come in any order, so also in this one. k = -1
// takes all.
std::vector<Tensor> topk(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const size_t axis = call.axis("axis", x.shape.size());
  const int64_t length = x.shape[axis], k = call.integer("k") == -1 ? length : call.positive("k");
  if (k > length) call.fail(fmt::format("k is {} where the axis has {}", k, length));
  const Tensor indices = sliced(sorted_positions(x, axis, call.flag("ascending")), axis, 0, 1, k);
  Tensor values = make_tensor(indices.shape);
  const AxisView view = view_along(indices.shape, axis);
  for (int64_t i = 0; i < static_cast<int64_t>(indices.data.size()); ++i) {
    const int64_t outer = i / view.inner / view.length, inner = i % view.inner;
    const auto position = static_cast<int64_t>(indices.data[i]);
    values.data[i] = x.data[(outer * length + position) * view.inner + inner];
  }
  std::vector<Tensor> results = {std::move(values)};
  if (call.flag("return_indices")) results.push_back(indices);
  return results;
}

}  // namespace ane::reference::ops
