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

// The pieces begin, begin + step, ... that a list of positions falls into.
std::vector<Range> runs_of(const std::vector<int64_t>& positions) {
  std::vector<Range> runs;
  for (const int64_t position : positions) {
    Range* last = runs.empty() ? nullptr : &runs.back();
    const int64_t step = last ? position - (last->begin + (last->count - 1) * last->step) : 0;
    if (last && step >= 1 && (last->count == 1 || step == last->step)) {
      last->step = step;
      ++last->count;
    } else {
      runs.push_back({position, 1, 1});
    }
  }
  return runs;
}

// Known indices in steps of one size are a slice; others are slices joined.
Tops gather_known(OperationImport& at, const std::vector<int64_t>& shape, size_t axis) {
  constexpr size_t most = 1024;  // each run is a unit of its own
  std::vector<int64_t> indices = at.integers("indices");
  for (int64_t& index : indices) index = from_start(index, shape[axis]);
  std::vector<TensorId> parts;
  for (const Range& run : runs_of(indices)) {
    std::vector<Range> ranges;
    for (size_t i = 0; i < shape.size(); ++i) ranges.push_back(i == axis ? run : Range{0, shape[i], 1});
    parts.push_back(sliced(at, ranges));
    at.require(parts.size() <= most, "takes elements in more than 1024 runs");
  }
  at.require(!parts.empty(), "takes nothing");
  return {at.reshaped(joined(at, at.axis(static_cast<int64_t>(axis), shape.size()), parts, false),
                      at.declared_shape())};
}

// Rows of a matrix by computed indices: which index each row number equals, as numbers 0 and 1, times the
// matrix. Exact, since one product of each sum is not 0; an index that does not exist gives zeros.
Tops gather_computed(OperationImport& at, const std::vector<int64_t>& shape, size_t axis) {
  at.require(axis == 0 && shape.size() <= 2,
             "takes elements of a tensor of rank " + std::to_string(shape.size()) + " by computed indices");
  at.require(shape[0] <= most_exact_integer, "takes one of " + std::to_string(shape[0]) +
                                                 " rows by computed indices, which reach 2048 in fp16");
  const int64_t rows = shape[0], columns = shape.size() == 2 ? shape[1] : 1;
  mil::Type column = at.type("indices");
  column.shape.push_back(1);
  TensorId index = at.reshaped(at.tensor("indices"), engine_shape(column));
  // Negative indices count from the end.
  index = at.binary(aneir::ElementWiseOp::Add, index,
                    at.linear(at.neuron(index, aneir::NeuronType::IsNegative), static_cast<float>(rows), 0));
  std::vector<float> numbers;
  for (int64_t i = 0; i < rows; ++i) numbers.push_back(static_cast<float>(i));
  const TensorId row = at.constant_tensor({1, 1, 1, 1, rows}, aneir::Constant::of_floats(std::move(numbers)));
  const TensorId equal =
      at.add(aneir::Cast{aneir::ElementType::Float16}, {at.binary(aneir::ElementWiseOp::Equal, index, row)});
  aneir::MatMul product;
  std::vector<TensorId> bottoms = {equal};
  if (at.constant("x")) {
    product.matrix = at.numbers("x", rows * columns);
    product.matrix_rows = rows;
    product.matrix_columns = columns;
  } else {
    bottoms.push_back(at.reshaped(at.tensor("x"), {1, 1, 1, rows, columns}));
  }
  return {at.reshaped(at.add(std::move(product), bottoms), at.declared_shape())};
}

}  // namespace

std::vector<Range> slice_ranges(const OperationImport& at) {
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
  return ranges;
}

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
  return {at.reshaped(sliced(at, slice_ranges(at)), at.declared_shape())};
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

Tops import_gather(OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  at.require(at.integer("batch_dims", 0) == 0 && !shape.empty(), "takes elements by several axes");
  const size_t axis = at.axis_index(at.integer("axis", 0), shape.size());
  return at.constant("indices") ? gather_known(at, shape, axis) : gather_computed(at, shape, axis);
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
