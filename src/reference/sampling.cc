#include "reference/sampling.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace ane::reference {
namespace {

// `count` points of [first, last], both ends included; a single one is the first.
Positions linspace(double first, double last, int64_t count) {
  Positions positions;
  for (int64_t i = 0; i < count; ++i) {
    const double part = count == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(count - 1);
    positions.push_back(first + (last - first) * part);
  }
  return positions;
}

// The middles of `count` equal parts of `spacing`, the first of which begins at `start`.
Positions middles(double start, double spacing, int64_t count) {
  Positions positions;
  for (int64_t i = 0; i < count; ++i) positions.push_back(start + (static_cast<double>(i) + 0.5) * spacing);
  return positions;
}

}  // namespace

Positions sampling_positions(SamplingMode mode, double first, double last, int64_t count) {
  const double length = last - first + 1, points = static_cast<double>(count);
  switch (mode) {
    case SamplingMode::StrictAlignCorners:
      return linspace(first, last, count);
    case SamplingMode::AlignCorners:
      return count == 1 ? Positions{(first + last) / 2} : linspace(first, last, count);
    case SamplingMode::Default:
      return linspace(first, first + length - length / points, count);
    case SamplingMode::OffsetCorners:
      return middles(first, std::max(1.0, last - first) / points, count);
    case SamplingMode::UnalignCorners:
      return middles(first - 0.5, length / points, count);
  }
  throw InternalError("a sampling mode without positions");
}

Positions clamped(Positions positions, int64_t size) {
  for (double& position : positions) position = std::clamp(position, 0.0, static_cast<double>(size - 1));
  return positions;
}

float interpolate(const float* plane, int64_t height, int64_t width, double y, double x) {
  const auto top = static_cast<int64_t>(y), left = static_cast<int64_t>(x);
  const int64_t bottom = std::min(top + 1, height - 1), right = std::min(left + 1, width - 1);
  const double down = y - static_cast<double>(top), across = x - static_cast<double>(left);
  const auto at = [&](int64_t row, int64_t column) { return double{plane[row * width + column]}; };
  return static_cast<float>(std::lerp(std::lerp(at(top, left), at(top, right), across),
                                      std::lerp(at(bottom, left), at(bottom, right), across), down));
}

void sample_plane(const float* in, int64_t height, int64_t width, const Positions& rows,
                  const Positions& columns, float* out) {
  for (const double y : rows) {
    for (const double x : columns) *out++ = interpolate(in, height, width, y, x);
  }
}

Tensor interpolated(const Tensor& tensor, size_t axis, const Positions& positions) {
  const AxisView view = view_along(tensor.shape, axis);
  Shape shape = tensor.shape;
  shape[axis] = static_cast<int64_t>(positions.size());
  Tensor result{shape, {}};
  result.data.reserve(static_cast<size_t>(element_count(shape)));
  for (int64_t outer = 0; outer < view.outer; ++outer) {
    for (const double position : positions) {
      const auto below = static_cast<int64_t>(position);
      const int64_t above = std::min(below + 1, view.length - 1);
      const double part = position - static_cast<double>(below);
      const float* low = tensor.data.data() + (outer * view.length + below) * view.inner;
      const float* high = tensor.data.data() + (outer * view.length + above) * view.inner;
      for (int64_t k = 0; k < view.inner; ++k)
        result.data.push_back(static_cast<float>(std::lerp(double{low[k]}, double{high[k]}, part)));
    }
  }
  return result;
}

}  // namespace ane::reference
