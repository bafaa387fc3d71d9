// Operations that move elements within a tensor, repeat or drop them.

#include <fmt/format.h>

#include "reference/mil_operations.h"

namespace ane::reference::ops {

Tensor transpose(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  std::vector<bool> seen(x.shape.size(), false);
  std::vector<int64_t> permutation = call.integers("perm", x.shape.size());
  for (int64_t& each : permutation) {
    const size_t axis = call.axis_index(each, x.shape.size());
    if (seen[axis]) call.fail("perm is no permutation of the axes");
    seen[axis] = true;
    each = static_cast<int64_t>(axis);
  }
  return transposed(x, permutation);
}

Tensor tile(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const std::vector<int64_t> repetitions = call.positives("reps", x.shape.size());
  Shape shape = x.shape;
  for (size_t axis = 0; axis < shape.size(); ++axis) shape[axis] *= repetitions[axis];
  call.checked(shape);
  return tiled(x, repetitions);
}

Tensor reverse(const MilCall& call) {
  Tensor result = call.tensor("x");
  const std::vector<bool> axes = call.axis_set("axes", result.shape.size());
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    const int64_t size = result.shape[axis];
    if (axes[axis]) result = sliced(result, axis, size - 1, -1, size);
  }
  return result;
}

// For element b of batch_axis, the first lengths[b] elements along seq_axis are reversed.
Tensor reverse_sequence(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const size_t rank = x.shape.size();
  const size_t along = call.axis("seq_axis", rank), batch = call.axis("batch_axis", rank);
  if (along == batch) call.fail("seq_axis and batch_axis are the same");
  const std::vector<int64_t> lengths = call.integers("lengths", static_cast<size_t>(x.shape[batch]));
  const Strides strides = strides_of(x.shape);
  Tensor result = x;
  for (int64_t i = 0; i < static_cast<int64_t>(x.data.size()); ++i) {
    const int64_t length = lengths[i / strides[batch] % x.shape[batch]];
    if (length < 0 || length > x.shape[along])
      call.fail(fmt::format("a length of {} is outside of an axis of {}", length, x.shape[along]));
    const int64_t position = i / strides[along] % x.shape[along];
    if (position < length) result.data[i] = x.data[i + (length - 1 - 2 * position) * strides[along]];
  }
  return result;
}

// [..., L, ...] becomes [..., windows, size, ...].
Tensor sliding_windows(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  const size_t axis = call.axis("axis", x.shape.size());
  const int64_t size = call.positive("size"), stride = call.positive("stride");
  if (size > x.shape[axis])
    call.fail(fmt::format("windows of {} are larger than an axis of {}", size, x.shape[axis]));
  Shape shape = x.shape;
  Strides strides = strides_of(shape);
  const auto behind = static_cast<int64_t>(axis) + 1;
  shape[axis] = (shape[axis] - size) / stride + 1;
  shape.insert(shape.begin() + behind, size);
  strides.insert(strides.begin() + behind, strides[axis]);
  strides[axis] *= stride;
  return strided_copy(x.data, call.checked(shape), strides);
}

// Keeps `lower` diagonals below the main one and `upper` above it, of the matrices in the last two axes; all
// where the number is negative.
Tensor band_part(const MilCall& call) {
  const int64_t lower = call.integer("lower"), upper = call.integer("upper");
  Tensor result = call.tensor("x");
  if (result.shape.size() < 2)
    call.fail(fmt::format("x has the shape {}, which is no matrix", to_string(result.shape)));
  const int64_t rows = result.shape[result.shape.size() - 2], columns = result.shape.back();
  for (int64_t i = 0; i < static_cast<int64_t>(result.data.size()); ++i) {
    const int64_t row = i / columns % rows, column = i % columns;
    const bool kept = (lower < 0 || row - column <= lower) && (upper < 0 || column - row <= upper);
    if (!kept) result.data[i] = 0;
  }
  return result;
}

}  // namespace ane::reference::ops
