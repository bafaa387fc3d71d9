// Operations that move or select elements without computing.
//
// MIL's reshapes are row-major, which is the ANE network's order too, and axes align to the right; so every
// operation that only adds, removes or regroups axes is one Reshape to the declared shape, or nothing.
#include <algorithm>
#include <array>
#include <map>

#include "import/mil_operation.h"

namespace ane::import {
namespace {

using aneir::Axis;
using aneir::InputView;
using aneir::Shape;
using aneir::TensorId;

// `count` elements of one axis of a tensor of `shape`, which becomes the result's.
TensorId cut(OperationImport& at, TensorId x, std::vector<int64_t>& shape, size_t index, const Range& range) {
  const Cut along = cut_along(shape, index);
  const int64_t step = range.count == 1 ? 1 : range.step;
  at.require(step == 1 || along.unit == 1, "takes every so many of merged axes");
  x = at.add(InputView{along.axis, range.begin * along.unit, range.count * along.unit, step},
             {at.reshaped(x, along.shape)});
  shape[index] = range.count;
  mil::Type type;
  type.shape = shape;
  return at.reshaped(x, engine_shape(type));
}

int64_t from_start(int64_t position, int64_t length) {
  return position < 0 ? position + length : position;
}

int64_t product_of(const std::vector<int64_t>& shape, size_t begin, size_t end) {
  int64_t product = 1;
  for (size_t i = begin; i < end; ++i) product = aneir::saturating_product({product, shape[i]});
  return product;
}

std::vector<TensorId> all_values(OperationImport& at) {
  std::vector<TensorId> tensors;
  for (size_t i = 0; i < at.count("values"); ++i) tensors.push_back(at.tensor("values", i));
  at.require(!tensors.empty(), "joins nothing");
  return tensors;
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

// Only the engine's own axes change places, and not the batch.
std::optional<aneir::Transpose> direct_transpose(const std::vector<int64_t>& shape,
                                                 const std::vector<size_t>& order) {
  // Axes of length 1 are interchangeable: those that the engine lacks, or that take the place of such, are
  // dealt out last.
  std::vector<Axis> unused = {Axis::Batch, Axis::Channel, Axis::Height, Axis::Width};
  std::vector<Axis> open = unused;  // result axes
  aneir::Transpose transpose;
  const auto assign = [&](Axis to, Axis from) {
    transpose.source[static_cast<size_t>(to)] = from;
    std::erase(open, to);
    std::erase(unused, from);
  };
  std::vector<int64_t> result;
  for (const size_t from : order) result.push_back(shape[from]);
  for (size_t i = 0; i < order.size(); ++i) {
    const auto to_axis = engine_axis(result, i), from_axis = engine_axis(shape, order[i]);
    if (shape[order[i]] != 1 && (!to_axis || !from_axis)) return std::nullopt;
    if (to_axis && from_axis && shape[order[i]] != 1) assign(*to_axis, *from_axis);
  }
  while (!open.empty()) {
    const bool stays = std::find(unused.begin(), unused.end(), open[0]) != unused.end();
    assign(open[0], stays ? open[0] : unused[0]);
  }
  if (transpose.source[static_cast<size_t>(Axis::Batch)] != Axis::Batch) return std::nullopt;
  return transpose;
}

// Axes that stay next to each other are one. `order`: of the result, by position in `lengths`.
struct Groups {
  std::vector<int64_t> lengths;
  std::vector<size_t> order;
};

Groups groups_of(const std::vector<int64_t>& shape, const std::vector<size_t>& order) {
  std::vector<std::vector<size_t>> runs;  // source axes, in the result's order
  std::vector<size_t> long_axes;
  for (size_t axis = 0; axis < shape.size(); ++axis)
    if (shape[axis] != 1) long_axes.push_back(axis);
  const auto next_of = [&](size_t axis) {
    const auto found = std::upper_bound(long_axes.begin(), long_axes.end(), axis);
    return found == long_axes.end() ? shape.size() : *found;
  };
  for (const size_t axis : order) {
    if (shape[axis] == 1) continue;
    if (!runs.empty() && next_of(runs.back().back()) == axis)
      runs.back().push_back(axis);
    else
      runs.push_back({axis});
  }
  std::vector<size_t> by_source(runs.size());
  for (size_t i = 0; i < runs.size(); ++i) by_source[i] = i;
  std::sort(by_source.begin(), by_source.end(), [&](size_t a, size_t b) { return runs[a] < runs[b]; });
  Groups groups;
  groups.order.resize(runs.size());
  for (size_t i = 0; i < by_source.size(); ++i) {
    int64_t length = 1;
    for (const size_t axis : runs[by_source[i]]) length = aneir::saturating_product({length, shape[axis]});
    groups.lengths.push_back(length);
    groups.order[by_source[i]] = i;
  }
  return groups;
}

// One transposition of the engine: the groups, in their present order, as three axes that change places.
struct Move {
  size_t first, second;        // where the second and the third axis begin
  std::array<size_t, 3> turn;  // which of them comes first, second, third
};

std::vector<size_t> moved(const std::vector<size_t>& order, const Move& move) {
  const std::array<size_t, 4> bounds = {0, move.first, move.second, order.size()};
  std::vector<size_t> result;
  for (const size_t part : move.turn)
    result.insert(result.end(), order.begin() + static_cast<ptrdiff_t>(bounds[part]),
                  order.begin() + static_cast<ptrdiff_t>(bounds[part + 1]));
  return result;
}

// The fewest moves that bring groups 0, 1, 2, ... into an order; rows that stay whole are tried first.
std::vector<Move> moves_to(const std::vector<size_t>& wanted) {
  constexpr std::array<size_t, 3> turns[] = {{1, 0, 2}, {0, 2, 1}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  std::vector<size_t> start(wanted.size());
  for (size_t i = 0; i < start.size(); ++i) start[i] = i;
  std::map<std::vector<size_t>, std::vector<Move>> ways = {{start, {}}};
  std::vector<std::vector<size_t>> reached = {start};
  for (size_t next = 0; next < reached.size() && !ways.contains(wanted); ++next) {
    const std::vector<size_t> order = reached[next];
    for (const auto& turn : turns)
      for (size_t first = 1; first < order.size(); ++first)
        for (size_t second = first; second <= order.size(); ++second) {
          const Move move{first, second, turn};
          std::vector<Move> way = ways.at(order);
          way.push_back(move);
          std::vector<size_t> after = moved(order, move);
          if (ways.emplace(after, way).second) reached.push_back(std::move(after));
        }
  }
  return ways.at(wanted);
}

// Permutations of more axes than three, or of the batch: transpositions of merged axes, as many as it takes.
TensorId transposed_in_groups(OperationImport& at, TensorId x, const std::vector<int64_t>& shape,
                              const std::vector<size_t>& order) {
  constexpr size_t most_groups = 6;
  constexpr std::array<Axis, 3> axes = {Axis::Channel, Axis::Height, Axis::Width};
  const Groups groups = groups_of(shape, order);
  at.require(groups.lengths.size() <= most_groups, "moves more than six axes");
  std::vector<size_t> now(groups.lengths.size());
  for (size_t i = 0; i < now.size(); ++i) now[i] = i;
  for (const Move& move : moves_to(groups.order)) {
    const auto length = [&](size_t begin, size_t end) {
      int64_t product = 1;
      for (size_t i = begin; i < end; ++i) product *= groups.lengths[now[i]];
      return product;
    };
    const Shape three{1, 1, length(0, move.first), length(move.first, move.second),
                      length(move.second, now.size())};
    aneir::Transpose transpose;
    for (size_t i = 0; i < 3; ++i) transpose.source[static_cast<size_t>(axes[i])] = axes[move.turn[i]];
    x = at.add(transpose, {at.reshaped(x, three)});
    now = moved(now, move);
  }
  return x;
}

}  // namespace

TensorId sliced(OperationImport& at, TensorId x, std::vector<int64_t> shape,
                const std::vector<Range>& ranges) {
  for (size_t i = 0; i < ranges.size(); ++i) {
    const Range& range = ranges[i];
    at.require(range.begin >= 0 && range.count >= 1 && range.step >= 1 && range.begin < shape[i] &&
                   range.count - 1 <= (shape[i] - 1 - range.begin) / range.step,
               "takes elements of axis " + std::to_string(i) + " that are not there");
    if (range.count != shape[i]) x = cut(at, x, shape, i, range);
  }
  return x;
}

TensorId joined(OperationImport& at, const std::vector<int64_t>& shape, size_t index,
                const std::vector<TensorId>& parts, bool interleave) {
  for (const TensorId part : parts)
    at.require(at.network.tensor(part).type == at.network.tensor(parts[0]).type, "joins numbers and truths");
  if (parts.size() == 1) return parts[0];
  const Cut along = cut_along(shape, index);
  at.require(!interleave || along.unit == 1, "weaves merged axes");
  std::vector<TensorId> bottoms;
  for (const TensorId part : parts) {
    Shape own = along.shape;
    const int64_t others = own.count() / own[along.axis];
    own[along.axis] = at.shape(part).count() / others;
    at.require(own.count() == at.shape(part).count(), "joins tensors of unequal shapes");
    bottoms.push_back(at.reshaped(part, own));
  }
  mil::Type type;
  type.shape = shape;
  return at.reshaped(at.add(aneir::Concat{along.axis, interleave}, bottoms), engine_shape(type));
}

// Which index each row number equals, as numbers 0 and 1, times the matrices. Exact, since one product of
// each sum is not 0; an index that does not exist gives zeros.
TensorId looked_up(OperationImport& at, TensorId indices, int64_t matrices, int64_t rows, int64_t columns) {
  at.require(rows <= most_exact_integer,
             "takes one of " + std::to_string(rows) + " rows by computed indices, which reach 2048 in fp16");
  const TensorId index = at.reshaped(indices, {1, 1, 1, at.shape(indices).count(), 1});
  std::vector<float> numbers;
  for (int64_t i = 0; i < rows; ++i) numbers.push_back(static_cast<float>(i));
  const TensorId row = at.constant_tensor({1, 1, 1, 1, rows}, aneir::Constant::of_floats(std::move(numbers)));
  const TensorId equal =
      at.add(aneir::Cast{aneir::ElementType::Float16}, {at.binary(aneir::ElementWiseOp::Equal, index, row)});
  aneir::MatMul product;
  std::vector<TensorId> bottoms = {equal};
  if (matrices == 1 && at.constant("x")) {
    product.matrix = at.numbers("x", rows * columns);
    product.matrix_rows = rows;
    product.matrix_columns = columns;
  } else {
    bottoms.push_back(at.reshaped(at.tensor("x"), {1, 1, matrices, rows, columns}));
  }
  return at.add(std::move(product), bottoms);
}

// Negative indices count from the end.
TensorId from_start(OperationImport& at, TensorId index, int64_t length) {
  const TensorId negative = at.neuron(index, aneir::NeuronType::IsNegative);
  return at.binary(aneir::ElementWiseOp::Add, index, at.linear(negative, static_cast<float>(length), 0));
}

// Positions in steps of one size are a slice; others are slices joined.
TensorId taken(OperationImport& at, TensorId x, const std::vector<int64_t>& shape, size_t index,
               const std::vector<int64_t>& positions) {
  constexpr size_t most = 1024;  // each run is a unit of its own
  at.require(!positions.empty(), "takes nothing");
  std::vector<TensorId> parts;
  for (const Range& run : runs_of(positions)) {
    std::vector<Range> ranges;
    for (size_t i = 0; i < shape.size(); ++i) ranges.push_back(i == index ? run : Range{0, shape[i], 1});
    parts.push_back(sliced(at, x, shape, ranges));
    at.require(parts.size() <= most, "takes elements in more than 1024 runs");
  }
  std::vector<int64_t> result = shape;
  result[index] = static_cast<int64_t>(positions.size());
  return joined(at, result, index, parts);
}

TensorId transposed(OperationImport& at, TensorId x, const std::vector<int64_t>& shape,
                    const std::vector<size_t>& perm) {
  if (const auto transpose = direct_transpose(shape, perm)) {
    mil::Type type;
    type.shape = shape;
    return at.add(*transpose, {at.reshaped(x, engine_shape(type))});
  }
  return transposed_in_groups(at, x, shape, perm);
}

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

Tops import_transpose(OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  std::vector<size_t> order;
  for (const int64_t axis : at.integers("perm", shape.size(), 0)) {
    order.push_back(at.axis_index(axis, shape.size()));
    at.require(std::count(order.begin(), order.end(), order.back()) == 1, "perm names an axis twice");
  }
  return {at.reshaped(transposed(at, at.tensor("x"), shape, order), at.declared_shape())};
}

Tops import_slice_by_index(OperationImport& at) {
  return {at.reshaped(sliced(at, at.tensor("x"), at.type("x").shape, slice_ranges(at)), at.declared_shape())};
}

Tops import_slice_by_size(OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  const auto begin = at.integers("begin", shape.size(), 0), size = at.integers("size", shape.size(), -1);
  std::vector<Range> ranges;
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t first = from_start(begin[i], shape[i]);
    ranges.push_back({first, size[i] == -1 ? shape[i] - first : size[i], 1});
  }
  return {sliced(at, at.tensor("x"), shape, ranges)};
}

Tops import_gather(OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  at.require(at.integer("batch_dims", 0) == 0 && !shape.empty(), "takes elements by several axes");
  const size_t axis = at.axis_index(at.integer("axis", 0), shape.size());
  if (!at.constant("indices")) {
    const int64_t rows = shape[axis], before = product_of(shape, 0, axis),
                  behind = product_of(shape, axis + 1, shape.size());
    const TensorId index = from_start(at, at.tensor("indices"), rows);
    return {at.reshaped(looked_up(at, index, before, rows, behind), at.declared_shape())};
  }
  std::vector<int64_t> indices = at.integers("indices");
  for (int64_t& index : indices) index = from_start(index, shape[axis]);
  return {at.reshaped(taken(at, at.tensor("x"), shape, axis, indices), at.declared_shape())};
}

Tops import_concat(OperationImport& at) {
  std::vector<int64_t> shape = at.type("values").shape;
  const size_t axis = at.axis_index(at.integer("axis"), shape.size());
  const std::vector<TensorId> parts = all_values(at);
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::vector<int64_t>& other = at.type("values", i).shape;
    at.require(other.size() == shape.size(), "joins tensors of unequal ranks");
    for (size_t j = 0; j < shape.size(); ++j)
      at.require(j == axis || other[j] == shape[j], "joins tensors of unequal shapes");
    shape[axis] += other[axis];
  }
  return {joined(at, shape, axis, parts, at.flag("interleave", false))};
}

// Each value gets the new axis, and they are joined along it.
Tops import_stack(OperationImport& at) {
  const mil::Type& type = at.declared();
  at.require(type.shape.size() == at.rank("values") + 1, "gives a tensor of another rank");
  const size_t axis = at.axis_index(at.integer("axis"), type.shape.size());
  mil::Type one = type;
  one.shape[axis] = 1;
  std::vector<TensorId> parts = all_values(at);
  for (TensorId& part : parts) part = at.reshaped(part, engine_shape(one));
  return {joined(at, type.shape, axis, parts)};
}

// The pieces of an axis, one after the other, as long as the outputs' types say.
Tops import_split(OperationImport& at) {
  const std::vector<int64_t>& whole = at.type("x").shape;
  const size_t axis = at.axis_index(at.integer("axis"), whole.size());
  Tops tops;
  int64_t offset = 0;
  for (size_t i = 0; i < at.operation.outputs.size(); ++i) {
    const std::vector<int64_t>& declared = at.declared(i).shape;
    at.require(declared.size() == whole.size(), "gives tensors of another rank");
    std::vector<int64_t> shape = whole;
    tops.push_back(cut(at, at.tensor("x"), shape, axis, {offset, declared[axis], 1}));
    offset += declared[axis];
  }
  at.require(offset == whole[axis], "the pieces do not add up to the input");
  return tops;
}

namespace {

// One axis, `times` over: one of length 1 is repeated, another joined to itself.
TensorId tiled(OperationImport& at, TensorId x, const LoneAxis& read, int64_t times) {
  constexpr int64_t most_copies = 1024;
  x = at.reshaped(x, read.shape);
  Shape result = read.shape;
  result[read.axis] *= times;
  if (read.shape[read.axis] == 1) return at.broadcast(x, result);
  at.require(times <= most_copies, "joins " + std::to_string(times) + " copies");
  return at.add(aneir::Concat{read.axis, false}, std::vector<TensorId>(static_cast<size_t>(times), x));
}

}  // namespace

// Axes of the engine of length 1 are repeated last, all at once.
Tops import_tile(OperationImport& at) {
  mil::Type now = at.type("x");
  std::vector<int64_t>& shape = now.shape;
  const std::vector<int64_t> repetitions = at.integers("reps", shape.size(), 1);
  TensorId x = at.tensor("x");
  for (size_t i = 0; i < shape.size(); ++i) {
    at.require(repetitions[i] >= 1, "repeats " + std::to_string(repetitions[i]) + " times");
    const std::optional<Axis> axis = engine_axis(shape, i);
    const bool stays = axis && axis == engine_axis(at.declared().shape, i);
    if (repetitions[i] == 1 || (stays && shape[i] == 1)) continue;
    x = tiled(at, x, stays ? LoneAxis{engine_shape(now), *axis} : alone_along(shape, i, i + 1),
              repetitions[i]);
    shape[i] *= repetitions[i];
  }
  return {at.broadcast(at.reshaped(x, engine_shape(now)), at.declared_shape())};
}

}  // namespace ane::import
