// The engine has no batch: what stands there is done image by image, one task for each. Sequences of vectors,
// which some models keep along the batch, would be thousands of tasks of a few bytes each. But most units do
// not care which axis it is:
//
//   rows     Images of one row become the rows of one image, [N, C, 1, W] -> [1, C, N, W]. Whatever works on
//            each row by itself (pixels, channels, columns) does so there, and what joins, picks or reduces
//            along the batch does it along the height.
//   planes   Units that treat every element alike take all images as one, [N, C, H, W] -> [1, N*C, H, W].
//
// Both are only another way to read the same bytes: they cost no task. Between two such units the ways there
// and back cancel (remove_identities). With facts.composites units stay as they are: the back end has its own
// sequences for them, some of which know no height.
#include <algorithm>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::ElementWise;

Shape as_rows(const Shape& shape) {
  Shape rows = shape;
  std::swap(rows.n, rows.h);
  return rows;
}
Shape as_planes(const Shape& shape) {
  Shape planes = shape;
  planes.n = 1;
  planes.c = shape.n * shape.c;
  return planes;
}

// ---- Rows
// ----------------------------------------------------------------------------------------------------------

Axis row_axis(Axis axis) {
  return axis == Axis::Batch ? Axis::Height : axis;
}

// What the unit is over rows; nothing when it is no unit of single rows.
struct OverRows {
  const Params* whole;  // for those that stay as they are

  std::optional<Params> operator()(const aneir::Neuron&) const { return *whole; }
  std::optional<Params> operator()(const aneir::Goc&) const { return *whole; }
  std::optional<Params> operator()(const ElementWise&) const { return *whole; }
  std::optional<Params> operator()(const Conv& conv) const {
    const bool of_rows =
        conv.kernel_height == 1 && conv.stride_y == 1 && conv.pad_top == 0 && conv.pad_bottom == 0;
    return of_rows && !conv.transposed ? std::optional(*whole) : std::nullopt;
  }
  std::optional<Params> operator()(const aneir::Broadcast& broadcast) const {
    return aneir::Broadcast{as_rows(broadcast.shape), broadcast.relu};
  }
  std::optional<Params> operator()(const aneir::Concat& concat) const {
    if (concat.axis == Axis::Height) return std::nullopt;
    return aneir::Concat{row_axis(concat.axis), concat.interleave};
  }
  std::optional<Params> operator()(const aneir::InputView& view) const {
    if (view.axis == Axis::Height) return std::nullopt;
    return aneir::InputView{row_axis(view.axis), view.offset, view.size, view.step};
  }
  std::optional<Params> operator()(const aneir::Softmax& softmax) const {
    if (softmax.axis == Axis::Height) return std::nullopt;
    return aneir::Softmax{row_axis(softmax.axis)};
  }
  std::optional<Params> operator()(const aneir::Reduction& reduction) const {
    aneir::Reduction of_rows = reduction;
    std::erase(of_rows.axes, Axis::Height);  // of length 1
    for (Axis& axis : of_rows.axes) axis = row_axis(axis);
    std::sort(of_rows.axes.begin(), of_rows.axes.end());
    return of_rows.axes.empty() ? std::nullopt : std::optional<Params>(of_rows);
  }
  template <typename Other>
  std::optional<Params> operator()(const Other&) const {
    return std::nullopt;
  }
};

// [N, C, 1, W] -> [1, C, N, W]
TensorId to_rows(TensorId x, Replacement& here) {
  const Shape shape = here.shape(x);
  if (shape.n == 1) return x;
  if (const auto* constants = constants_of(here.producer(x))) {
    const std::vector<float> from = constants->values.floats();
    std::vector<float> to;
    to.reserve(from.size());
    for (int64_t c = 0; c < shape.c; ++c)
      for (int64_t n = 0; n < shape.n; ++n)
        for (int64_t w = 0; w < shape.w; ++w)
          to.push_back(from[static_cast<size_t>((n * shape.c + c) * shape.w + w)]);
    return here.constant("rows", as_rows(shape), std::move(to));
  }
  Shape images = shape;
  images.n = 1, images.c = shape.n, images.h = shape.c;
  return here.swap("rows", here.reshape("images", x, images), Axis::Channel, Axis::Height);
}

// [1, C, N, W] -> [N, C, 1, W]
TensorId from_rows(TensorId x, const Shape& shape, Replacement& here) {
  const TensorId images = here.swap("images", x, Axis::Channel, Axis::Height);
  return here.reshape("batch", images, shape);
}

TensorId over_rows(const Unit& unit, const EngineFacts& facts, Replacement& here) {
  const auto has_rows = [&](TensorId id) {
    const Shape shape = here.shape(id);
    return shape.h == 1 && shape.d == 1 && shape.n <= facts.max_height;
  };
  if (!has_rows(unit.top) || !std::all_of(unit.bottoms.begin(), unit.bottoms.end(), has_rows))
    return no_tensor;
  const auto params = std::visit(OverRows{&unit.params}, unit.params);
  if (!params) return no_tensor;
  std::vector<TensorId> rows;
  for (const TensorId bottom : unit.bottoms) rows.push_back(to_rows(bottom, here));
  const TensorId result = here.add("rows", *params, rows);
  return here.shape(unit.top).n == 1 ? result : from_rows(result, here.shape(unit.top), here);
}

// ---- Planes
// --------------------------------------------------------------------------------------------------------

bool treats_all_alike(const Unit& unit) {
  if (const auto* goc = unit.as<aneir::Goc>()) return !goc->channel_scale && !goc->channel_offset;
  return unit.as<Neuron>() || unit.as<ElementWise>();
}

TensorId over_planes(const Unit& unit, const EngineFacts& facts, Replacement& here) {
  const Shape shape = here.shape(unit.top), planes = as_planes(shape);
  const auto fits = [&](TensorId id) { return here.shape(id) == shape && !constants_of(here.producer(id)); };
  if (!treats_all_alike(unit) || shape.d != 1 || planes.c > facts.max_channels ||
      !std::all_of(unit.bottoms.begin(), unit.bottoms.end(), fits))
    return no_tensor;
  std::vector<TensorId> bottoms;
  for (const TensorId bottom : unit.bottoms) bottoms.push_back(here.reshape("planes", bottom, planes));
  return here.reshape("batch", here.add("planes", unit.params, bottoms), shape);
}

bool has_batch(const Unit& unit, const Replacement& here) {
  const auto is_batch = [&](TensorId id) { return here.shape(id).n > 1; };
  return is_batch(unit.top) || std::any_of(unit.bottoms.begin(), unit.bottoms.end(), is_batch);
}

}  // namespace

bool fold_batch_into_rows(Network& network, const EngineFacts& facts) {
  if (facts.composites) return false;
  return rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    return !unit.bottoms.empty() && has_batch(unit, here) ? over_rows(unit, facts, here) : no_tensor;
  });
}

bool fold_batch_into_channels(Network& network, const EngineFacts& facts) {
  if (facts.composites) return false;
  return rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    return !unit.bottoms.empty() && has_batch(unit, here) ? over_planes(unit, facts, here) : no_tensor;
  });
}

}  // namespace ane::passes
