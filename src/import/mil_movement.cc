// Operations that move or select elements without computing.
//
// MIL's reshapes are row-major, which is the ANE network's order too, and axes align to the right; so every
// operation that only adds, removes or regroups axes is one Reshape to the declared shape, or nothing.
#include <algorithm>

#include "import/mil_operation.h"

namespace ane::import {
namespace {

using aneir::Axis;
using aneir::InputView;
using aneir::Shape;
using aneir::TensorId;

// Elements begin, begin + step, ... of one axis.
struct Range {
  int64_t begin = 0, count = 1, step = 1;
};

// One range for each axis of x; those that are whole need no unit.
TensorId sliced(OperationImport& at, const std::vector<Range>& ranges) {
  TensorId result = at.tensor("x");
  const std::vector<int64_t>& shape = at.type("x").shape;
  for (size_t i = 0; i < ranges.size(); ++i) {
    const Range& range = ranges[i];
    at.require(range.begin >= 0 && range.count >= 1 && range.step >= 1 &&
                   range.count - 1 <= (shape[i] - 1 - range.begin) / range.step && range.begin < shape[i],
               "takes elements of axis " + std::to_string(i) + " that are not there");
    if (range.count == shape[i]) continue;
    const int64_t step = range.count == 1 ? 1 : range.step;
    result = at.add(InputView{at.axis(static_cast<int64_t>(i), shape.size()), range.begin, range.count, step},
                    {result});
  }
  return result;
}

int64_t from_start(int64_t position, int64_t length) {
  return position < 0 ? position + length : position;
}

// The engine's axis of a result with axes joined or stacked; `rank` is the result's.
Axis result_axis(const OperationImport& at, size_t rank) {
  return at.axis(at.integer("axis"), rank);
}

std::vector<TensorId> all_values(OperationImport& at) {
  std::vector<TensorId> tensors;
  for (size_t i = 0; i < at.count("values"); ++i) tensors.push_back(at.tensor("values", i));
  at.require(!tensors.empty(), "joins nothing");
  return tensors;
}

TensorId joined(OperationImport& at, Axis axis, const std::vector<TensorId>& parts, bool interleave) {
  for (const TensorId part : parts)
    at.require(at.network.tensor(part).type == at.network.tensor(parts[0]).type, "joins numbers and truths");
  return parts.size() == 1 ? parts[0] : at.add(aneir::Concat{axis, interleave}, parts);
}

// The only one, or none where they are not begin, begin + step, ...
std::optional<Range> progression(const std::vector<int64_t>& indices, int64_t length) {
  if (indices.empty()) return std::nullopt;
  Range range{from_start(indices[0], length), static_cast<int64_t>(indices.size()), 1};
  if (indices.size() > 1) range.step = from_start(indices[1], length) - range.begin;
  for (size_t i = 1; i < indices.size(); ++i)
    if (from_start(indices[i], length) != from_start(indices[i - 1], length) + range.step)
      return std::nullopt;
  return range;
}

}  // namespace

Tops import_identity(OperationImport& at) {
  return {at.tensor("x")};
}

// reshape, expand_dims, squeeze
Tops import_reshape(OperationImport& at) {
  return {at.reshaped(at.tensor("x"), at.declared_shape())};
}

// Axes of length 1 are interchangeable: those that the engine lacks, or that take the place of such, are
// dealt out last.
Tops import_transpose(OperationImport& at) {
  const size_t rank = at.rank("x");
  const std::vector<int64_t> perm = at.integers("perm", rank, 0);
  std::vector<bool> taken(rank, false);
  std::vector<Axis> unused = {Axis::Batch, Axis::Channel, Axis::Height, Axis::Width};
  std::vector<Axis> open = unused;  // result axes
  aneir::Transpose transpose;
  const auto assign = [&](Axis to, Axis from) {
    transpose.source[static_cast<size_t>(to)] = from;
    std::erase(open, to);
    std::erase(unused, from);
  };
  for (size_t i = 0; i < rank; ++i) {
    const size_t from = at.axis_index(perm[i], rank);
    at.require(!taken[from], "perm names an axis twice");
    taken[from] = true;
    const auto to_axis = engine_axis(rank, i), from_axis = engine_axis(rank, from);
    if (to_axis && from_axis) assign(*to_axis, *from_axis);
  }
  while (!open.empty()) {
    const bool stays = std::find(unused.begin(), unused.end(), open[0]) != unused.end();
    assign(open[0], stays ? open[0] : unused[0]);
  }
  return {at.add(transpose, {at.tensor("x")})};
}

Tops import_slice_by_index(OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  const size_t rank = shape.size();
  const auto begin = at.integers("begin", rank, 0), end = at.integers("end", rank, 0),
             stride = at.integers("stride", rank, 1), begin_mask = at.integers("begin_mask", rank, 0),
             end_mask = at.integers("end_mask", rank, 0), squeeze_mask = at.integers("squeeze_mask", rank, 0);
  std::vector<Range> ranges;
  for (size_t i = 0; i < rank; ++i) {
    at.require(stride[i] >= 1, "steps of " + std::to_string(stride[i]));
    const int64_t first = begin_mask[i] != 0 ? 0 : from_start(begin[i], shape[i]);
    const int64_t last = end_mask[i] != 0 ? shape[i] : std::min(from_start(end[i], shape[i]), shape[i]);
    const bool one = squeeze_mask[i] != 0;
    ranges.push_back({first, one ? 1 : last > first ? (last - first - 1) / stride[i] + 1 : 0, stride[i]});
  }
  return {at.reshaped(sliced(at, ranges), at.declared_shape())};
}

Tops import_slice_by_size(OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  const auto begin = at.integers("begin", shape.size(), 0), size = at.integers("size", shape.size(), -1);
  std::vector<Range> ranges;
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t first = from_start(begin[i], shape[i]);
    ranges.push_back({first, size[i] == -1 ? shape[i] - first : size[i], 1});
  }
  return {sliced(at, ranges)};
}

// Known indices in steps of one size are a slice.
Tops import_gather(OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  at.require(at.integer("batch_dims", 0) == 0 && at.rank("indices") <= 1, "takes elements by several axes");
  const size_t axis = at.axis_index(at.integer("axis", 0), shape.size());
  const auto range = progression(at.integers("indices"), shape[axis]);
  at.require(range && range->step >= 1, "takes elements that do not lie in regular steps");
  std::vector<Range> ranges;
  for (size_t i = 0; i < shape.size(); ++i) ranges.push_back(i == axis ? *range : Range{0, shape[i], 1});
  return {at.reshaped(sliced(at, ranges), at.declared_shape())};
}

Tops import_concat(OperationImport& at) {
  const std::vector<TensorId> parts = all_values(at);
  return {joined(at, result_axis(at, at.rank("values")), parts, at.flag("interleave", false))};
}

// Each value gets the new axis, and they are joined along it.
Tops import_stack(OperationImport& at) {
  std::vector<TensorId> parts = all_values(at);
  const size_t rank = at.rank("values") + 1;
  mil::Type type = at.declared();
  at.require(type.shape.size() == rank, "gives a tensor of another rank");
  type.shape[at.axis_index(at.integer("axis"), rank)] = 1;
  for (TensorId& part : parts) part = at.reshaped(part, engine_shape(type));
  return {joined(at, result_axis(at, rank), parts, false)};
}

// The pieces of an axis, one after the other, as long as the outputs' types say.
Tops import_split(OperationImport& at) {
  const size_t rank = at.rank("x");
  const int64_t index = at.integer("axis");
  const Axis axis = at.axis(index, rank);
  const TensorId x = at.tensor("x");
  Tops tops;
  int64_t offset = 0;
  for (size_t i = 0; i < at.operation.outputs.size(); ++i) {
    const int64_t size = at.declared_shape(i)[axis];
    tops.push_back(at.add(InputView{axis, offset, size, 1}, {x}));
    offset += size;
  }
  at.require(offset == at.shape(x)[axis], "the pieces do not add up to the input");
  return tops;
}

// Axes of length 1 are repeated by the units that read them; others are joined to themselves.
Tops import_tile(OperationImport& at) {
  constexpr int64_t most_copies = 1024;
  const size_t rank = at.rank("x");
  const std::vector<int64_t> repetitions = at.integers("reps", rank, 1);
  TensorId x = at.tensor("x");
  Shape repeated = at.shape(x);
  for (size_t i = 0; i < rank; ++i) {
    at.require(repetitions[i] >= 1, "repeats " + std::to_string(repetitions[i]) + " times");
    if (repetitions[i] == 1) continue;
    const Axis axis = at.axis(static_cast<int64_t>(i), rank);
    if (repeated[axis] == 1) {
      repeated[axis] = repetitions[i];
      continue;
    }
    at.require(repetitions[i] <= most_copies, "joins " + std::to_string(repetitions[i]) + " copies");
    x = at.add(aneir::Concat{axis, false}, std::vector<TensorId>(static_cast<size_t>(repetitions[i]), x));
    repeated[axis] = at.shape(x)[axis];
  }
  return {at.broadcast(x, repeated)};
}

}  // namespace ane::import
