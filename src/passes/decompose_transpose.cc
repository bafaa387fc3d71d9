// Transpositions that move the batch. Among channels, rows and columns the engine exchanges axes as it
// copies; the batch is no axis of its tasks. But whole images can be regrouped for nothing, so one of the
// four axes is taken out of the way:
//
// An axis of length 1 is none: the others are channels, rows and columns of one image, are exchanged there,
// and regrouped.
//
// N images whose pixels stay in their places, fewer than they have channels, are woven into one: each becomes
// every N-th channel of it (the groups of ShuffleNet).
//
// Else each element of the axis that is to become the batch is such a case of its own, and the results are
// joined along the batch.
#include <algorithm>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::Transpose;

// Slices of which one transposition may consist; more of them are refused.
constexpr int64_t max_pieces = 1024;

constexpr std::array<Axis, 4> four_axes = {Axis::Batch, Axis::Channel, Axis::Height, Axis::Width};
constexpr std::array<Axis, 3> image_axes = {Axis::Channel, Axis::Height, Axis::Width};

Axis source_of(const Transpose& transpose, Axis axis) {
  return transpose.source[static_cast<size_t>(axis)];
}

bool stays_in_image(const Transpose& transpose) {
  return source_of(transpose, Axis::Batch) == Axis::Batch && source_of(transpose, Axis::Depth) == Axis::Depth;
}

// Those of the axes that are not `without`, in order.
std::array<Axis, 3> three_axes(Axis without) {
  std::array<Axis, 3> axes;
  std::copy_if(four_axes.begin(), four_axes.end(), axes.begin(), [&](Axis axis) { return axis != without; });
  return axes;
}

// `x` has length 1 along `gone`; `result` is the shape of the transposition.
TensorId exchange_three(TensorId x, const Transpose& transpose, Axis gone, const Shape& result,
                        Replacement& here) {
  const Shape from = here.shape(x);
  const std::array<Axis, 3> axes = three_axes(gone);
  Shape image;
  for (size_t i = 0; i < 3; ++i) image[image_axes[i]] = from[axes[i]];
  Transpose exchange;
  size_t next = 0;
  for (const Axis axis : four_axes) {
    const Axis source = source_of(transpose, axis);
    if (source == gone) continue;
    const auto place = static_cast<size_t>(std::find(axes.begin(), axes.end(), source) - axes.begin());
    exchange.source[static_cast<size_t>(image_axes[next++])] = image_axes[place];
  }
  const TensorId exchanged = here.add("exchanged", exchange, {here.reshape("image", x, image)});
  return here.reshape("batch", exchanged, result);
}

// The batch and the channels change places, and there are fewer images than channels.
bool weaves_images(const Transpose& transpose, const Shape& from) {
  return source_of(transpose, Axis::Batch) == Axis::Channel &&
         source_of(transpose, Axis::Channel) == Axis::Batch &&
         source_of(transpose, Axis::Height) == Axis::Height && from.n < from.c;
}

// Channel c of image n becomes channel c * N + n of one image, and that channel n of image c.
TensorId weave_images(TensorId x, const Shape& result, Replacement& here) {
  std::vector<TensorId> images;
  for (int64_t i = 0; i < here.shape(x).n; ++i) images.push_back(here.view("image", x, Axis::Batch, i, 1));
  return here.reshape("batch", here.add("woven", aneir::Concat{Axis::Channel, true}, images), result);
}

TensorId move_batch(const Unit& unit, const Transpose& transpose, Replacement& here) {
  const TensorId x = unit.bottoms[0];
  const Shape from = here.shape(x), result = here.shape(unit.top);
  for (const Axis axis : four_axes)
    if (from[axis] == 1) return exchange_three(x, transpose, axis, result, here);
  if (weaves_images(transpose, from) && from.n <= max_pieces) return weave_images(x, result, here);
  const Axis becomes_batch = source_of(transpose, Axis::Batch);
  if (from[becomes_batch] > max_pieces) return no_tensor;
  Shape piece = result;
  piece.n = 1;
  std::vector<TensorId> pieces;
  for (int64_t i = 0; i < from[becomes_batch]; ++i)
    pieces.push_back(
        exchange_three(here.view("piece", x, becomes_batch, i, 1), transpose, becomes_batch, piece, here));
  return here.add("joined", aneir::Concat{Axis::Batch}, pieces);
}

}  // namespace

bool decompose_transpose(Network& network, const EngineFacts&) {
  return rewrite_units(network, [](Unit& unit, Replacement& here) -> TensorId {
    const auto* transpose = unit.as<Transpose>();
    if (!transpose || stays_in_image(*transpose)) return no_tensor;
    const Shape from = here.shape(unit.bottoms[0]);
    const bool moves_depth = source_of(*transpose, Axis::Depth) != Axis::Depth || from.d != 1;
    return moves_depth ? no_tensor : move_batch(unit, *transpose, here);
  });
}

}  // namespace ane::passes
