// Borders around a tensor that are no zeros: constants, mirror images, repetitions. The engine has no form of
// them, so they are pieces joined to the tensor. Shared by the importers; whatever does not fit throws
// Refusal.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "aneir/network.h"

namespace ane::import {

// The amounts before and behind one axis.
struct Border {
  aneir::Axis axis;
  int low, high;
};

// Constants of one number joined to both ends of an axis. `Import` is LayerImport or OperationImport.
template <typename Import>
aneir::TensorId with_border(Import& at, aneir::TensorId x, const Border& border, float value) {
  constexpr int64_t most = int64_t{1} << 26;  // a shape alone stands for these, no data
  std::vector<aneir::TensorId> parts = {x};
  for (const bool before : {true, false}) {
    aneir::Shape shape = at.shape(x);
    shape[border.axis] = before ? border.low : border.high;
    if (shape[border.axis] == 0) continue;
    at.require(shape.count() <= most, "too large a border");
    std::vector<float> values(static_cast<size_t>(shape.count()), value);
    const aneir::TensorId piece =
        at.add(aneir::ConstantTensor{shape, aneir::Constant::of_floats(std::move(values))}, {});
    parts.insert(before ? parts.begin() : parts.end(), piece);
  }
  return at.add(aneir::Concat{border.axis}, parts);
}

// The elements of an axis that lie before or behind it when it goes on as its mirror image (without the last
// element twice), or as its last element.
template <typename Import>
aneir::TensorId mirrored_or_repeated(Import& at, aneir::TensorId x, const Border& border, bool mirrored) {
  constexpr int most = 256;  // each is a unit of its own
  const int64_t length = at.shape(x)[border.axis];
  const int widest = std::max(border.low, border.high);
  at.require(widest <= most, "goes on for " + std::to_string(widest) + " elements");
  at.require(!mirrored || widest < length, "mirrors more than there is");
  const auto element = [&](int64_t position) {
    if (length == 1) return x;
    return at.add(aneir::InputView{border.axis, position, 1, 1}, {x});
  };
  // Columns are turned to channels once for all, not each on its own.
  if (border.axis == aneir::Axis::Width && border.low + border.high > 2) {
    using aneir::Axis;
    const aneir::Transpose turn{{Axis::Batch, Axis::Depth, Axis::Width, Axis::Height, Axis::Channel}};
    const Border channels{Axis::Channel, border.low, border.high};
    const aneir::TensorId turned = at.add(turn, {x});
    return at.add(turn, {mirrored_or_repeated(at, turned, channels, mirrored)});
  }
  std::vector<aneir::TensorId> parts;
  for (int i = border.low; i > 0; --i) parts.push_back(element(mirrored ? i : 0));
  parts.push_back(x);
  for (int i = 1; i <= border.high; ++i) parts.push_back(element(length - 1 - (mirrored ? i : 0)));
  return at.add(aneir::Concat{border.axis}, parts);
}

}  // namespace ane::import
