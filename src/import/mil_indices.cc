// Operations that take or write elements at places that constants name: each element of the result is one
// of the operands' elements. They are taken in blocks, as long as the places allow, of rows of blocks.
#include <algorithm>

#include "import/mil_operation.h"

namespace ane::import {
namespace {

using aneir::TensorId;

constexpr int64_t most_places = int64_t{1} << 20;

// Places in row-major order.
using Places = std::vector<int64_t>;

int64_t count_of(const std::vector<int64_t>& shape, size_t begin = 0, size_t end = SIZE_MAX) {
  int64_t count = 1;
  for (size_t i = begin; i < std::min(end, shape.size()); ++i)
    count = aneir::saturating_product({count, shape[i]});
  return count;
}

int64_t checked_count(const OperationImport& at, const std::vector<int64_t>& shape) {
  const int64_t count = count_of(shape);
  at.require(count >= 1 && count <= most_places, "takes " + std::to_string(count) + " elements one by one");
  return count;
}

// Up to iOS16 indices below 0 count from the end; from iOS17 on they are out of bounds, so this harms nobody.
int64_t within(const OperationImport& at, int64_t index, int64_t length) {
  if (index < 0) index += length;
  at.require(index >= 0 && index < length, "takes an element that is not there");
  return index;
}

bool is_in_blocks(const Places& places, int64_t block) {
  if (static_cast<int64_t>(places.size()) % block != 0) return false;
  for (size_t i = 0; i < places.size(); ++i) {
    const auto within_block = static_cast<int64_t>(i) % block;
    if (places[i] % block != within_block ||
        places[i] - within_block != places[i - static_cast<size_t>(within_block)])
      return false;
  }
  return true;
}

// The longest blocks of whole axes of `shape` that also divide `counts`.
int64_t block_of(const Places& places, const std::vector<int64_t>& shape,
                 const std::vector<int64_t>& counts) {
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const int64_t block = count_of(shape, axis);
    const bool divides =
        std::all_of(counts.begin(), counts.end(), [&](int64_t count) { return count % block == 0; });
    if (divides && is_in_blocks(places, block)) return block;
  }
  return 1;
}

// Elements of `x`, `count` in all, at places that come in blocks.
TensorId taken_blocks(OperationImport& at, TensorId x, int64_t count, const Places& places, int64_t block) {
  Places rows;
  for (size_t i = 0; i < places.size(); i += static_cast<size_t>(block)) rows.push_back(places[i] / block);
  if (block == 1) return taken(at, at.reshaped(x, {1, 1, 1, 1, count}), {count}, 0, rows);
  return taken(at, at.reshaped(x, {1, 1, 1, count / block, block}), {count / block, block}, 0, rows);
}

Tops taken_at(OperationImport& at, const Places& places) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  const int64_t count = checked_count(at, shape), block = block_of(places, shape, {count});
  return {at.reshaped(taken_blocks(at, at.tensor("x"), count, places, block), at.declared_shape())};
}

// `targets`: where in data each element of updates goes.
Tops scattered(OperationImport& at, const Places& targets) {
  const std::string mode = at.text("mode", "add");
  const std::vector<int64_t>& shape = at.type("data").shape;
  const int64_t count = checked_count(at, shape), updates = static_cast<int64_t>(targets.size());
  const bool replaces = mode == "update";
  at.require(replaces || mode == "add" || mode == "sub" || mode == "mul", "mode " + mode);
  Places places(static_cast<size_t>(count));  // in data, and behind it the updates
  for (int64_t i = 0; i < count; ++i) places[static_cast<size_t>(i)] = i;
  for (int64_t i = 0; i < updates; ++i) {
    int64_t& place = places[static_cast<size_t>(targets[static_cast<size_t>(i)])];
    at.require(replaces || place < count, "changes an element twice");
    place = count + i;
  }
  const int64_t block = block_of(places, shape, {count, updates});
  const TensorId update = at.reshaped(at.tensor("updates"), {1, 1, 1, updates / block, block});
  if (replaces) {
    const TensorId data = at.reshaped(at.tensor("data"), {1, 1, 1, count / block, block});
    const TensorId both = joined(at, {(count + updates) / block, block}, 0, {data, update});
    return {at.reshaped(taken_blocks(at, both, count + updates, places, block), at.declared_shape())};
  }
  // One block that changes nothing stands before the updates.
  for (int64_t i = 0; i < count; ++i) {
    int64_t& place = places[static_cast<size_t>(i)];
    place = place < count ? i % block : place - count + block;
  }
  const std::vector<float> neutral(static_cast<size_t>(block), mode == "mul" ? 1.0f : 0.0f);
  const TensorId nothing = at.constant_tensor({1, 1, 1, 1, block}, aneir::Constant::of_floats(neutral));
  const TensorId both = joined(at, {1 + updates / block, block}, 0, {nothing, update});
  const TensorId change =
      at.reshaped(taken_blocks(at, both, block + updates, places, block), at.shape(at.tensor("data")));
  const auto op = mode == "add"   ? aneir::ElementWiseOp::Add
                  : mode == "sub" ? aneir::ElementWiseOp::Sub
                                  : aneir::ElementWiseOp::Mult;
  return {at.binary(op, at.tensor("data"), change)};
}

// For tuples of indices of the axes from `first` on: where the block begins that each of them names, within
// what the axes before `first` leave.
struct Tuples {
  Places begins;
  int64_t block;
};

Tuples tuples_of(const OperationImport& at, const std::vector<int64_t>& shape, size_t first) {
  const std::vector<int64_t> indices = at.integers("indices");
  const std::vector<int64_t>& type = at.type("indices").shape;
  const auto length = static_cast<size_t>(type.empty() ? 0 : type.back());
  at.require(length >= 1 && first + length <= shape.size(),
             "names elements by indices of " + at.type("indices").text());
  Tuples tuples{{}, count_of(shape, first + length)};
  for (size_t i = 0; i < indices.size(); i += length) {
    int64_t place = 0;
    for (size_t j = 0; j < length; ++j)
      place = place * shape[first + j] + within(at, indices[i + j], shape[first + j]);
    tuples.begins.push_back(place * tuples.block);
  }
  return tuples;
}

void append_block(Places& places, int64_t begin, int64_t length) {
  for (int64_t i = 0; i < length; ++i) places.push_back(begin + i);
}

// Where element i of a tensor of `shape` lies in one whose `axis` has `length`, when its index there is
// `index`.
int64_t replaced(int64_t i, const std::vector<int64_t>& shape, size_t axis, int64_t length, int64_t index) {
  const int64_t inner = count_of(shape, axis + 1);
  return (i / (inner * shape[axis]) * length + index) * inner + i % inner;
}

// Of operations with one index for each element: its place in a tensor of `shape`.
Places along_axis(const OperationImport& at, const std::vector<int64_t>& shape) {
  const std::vector<int64_t> type = at.type("indices").shape;
  at.require(!shape.empty() && type.size() == shape.size(), "has indices of another rank");
  const size_t axis = at.axis_index(at.integer("axis", 0), shape.size());
  for (size_t i = 0; i < shape.size(); ++i)
    at.require(i == axis || type[i] == shape[i], "has indices of another shape");
  checked_count(at, type);
  const std::vector<int64_t> indices = at.integers("indices");
  Places places;
  for (size_t i = 0; i < indices.size(); ++i)
    places.push_back(
        replaced(static_cast<int64_t>(i), type, axis, shape[axis], within(at, indices[i], shape[axis])));
  return places;
}

void require_updates(const OperationImport& at, const Places& targets) {
  at.require(count_of(at.type("updates").shape) == static_cast<int64_t>(targets.size()),
             "has updates of another size than its indices");
}

// Computed indices of several axes, as one index of the rows that these axes count.
Tops gather_nd_computed(OperationImport& at, const std::vector<int64_t>& shape) {
  const std::vector<int64_t>& type = at.type("indices").shape;
  const int64_t length = type.empty() ? 0 : type.back();
  at.require(length >= 1 && static_cast<size_t>(length) <= shape.size(),
             "names elements by indices of " + at.type("indices").text());
  const int64_t rows = count_of(shape, 0, static_cast<size_t>(length)), count = count_of(type) / length;
  const TensorId tuples = at.reshaped(at.tensor("indices"), {1, 1, 1, count, length});
  TensorId row = aneir::no_tensor;
  for (int64_t i = 0; i < length; ++i) {
    const auto axis = static_cast<size_t>(i);
    if (shape[axis] == 1) continue;
    const TensorId one =
        length == 1 ? tuples : at.add(aneir::InputView{aneir::Axis::Width, i, 1, 1}, {tuples});
    const TensorId index = from_start(at, one, shape[axis]);
    const auto step = static_cast<float>(count_of(shape, axis + 1, static_cast<size_t>(length)));
    const TensorId part = step == 1 ? index : at.linear(index, step, 0);
    row = row == aneir::no_tensor ? part : at.binary(aneir::ElementWiseOp::Add, row, part);
  }
  at.require(row != aneir::no_tensor, "takes all of x by computed indices");
  return {at.reshaped(looked_up(at, row, 1, rows, count_of(shape) / rows), at.declared_shape())};
}

}  // namespace

Tops import_gather_nd(OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  const int64_t shared = at.integer("batch_dims", 0);
  if (!at.constant("indices") && shared == 0) return gather_nd_computed(at, shape);
  at.require(shared >= 0 && static_cast<size_t>(shared) < std::min(shape.size(), at.rank("indices")),
             "batch_dims is " + std::to_string(shared));
  const auto first = static_cast<size_t>(shared);
  const Tuples tuples = tuples_of(at, shape, first);
  const int64_t batches = count_of(shape, 0, first), size = count_of(shape, first);
  const auto in_each = static_cast<int64_t>(tuples.begins.size()) / batches;
  at.require(in_each >= 1 && in_each * batches == static_cast<int64_t>(tuples.begins.size()) &&
                 tuples.block <= most_places / static_cast<int64_t>(tuples.begins.size()),
             "takes too many elements");
  Places places;
  for (size_t i = 0; i < tuples.begins.size(); ++i)
    append_block(places, static_cast<int64_t>(i) / in_each * size + tuples.begins[i], tuples.block);
  return taken_at(at, places);
}

Tops import_gather_along_axis(OperationImport& at) {
  return taken_at(at, along_axis(at, at.type("x").shape));
}

// The first lengths[b] elements of the sequence of each b are turned round.
Tops import_reverse_sequence(OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  const size_t sequence = at.axis_index(at.integer("seq_axis", 0), shape.size()),
               batch = at.axis_index(at.integer("batch_axis", 0), shape.size());
  const std::vector<int64_t> lengths = at.integers("lengths", static_cast<size_t>(shape[batch]), 0);
  const int64_t count = checked_count(at, shape), step = count_of(shape, sequence + 1);
  Places places;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t index = i / step % shape[sequence],
                  length = lengths[static_cast<size_t>(i / count_of(shape, batch + 1) % shape[batch])];
    at.require(length >= 0 && length <= shape[sequence],
               "turns " + std::to_string(length) + " elements round");
    places.push_back(
        replaced(i, shape, sequence, shape[sequence], index < length ? length - 1 - index : index));
  }
  return taken_at(at, places);
}

Tops import_scatter(OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("data").shape;
  const size_t axis = at.axis_index(at.integer("axis", 0), shape.size());
  const std::vector<int64_t> indices = at.integers("indices");
  const int64_t count = checked_count(at, shape), inner = count_of(shape, axis + 1),
                outer = count / inner / shape[axis];
  at.require(!indices.empty() && static_cast<int64_t>(indices.size()) <= most_places / (inner * outer),
             "writes too many elements");
  Places targets;
  for (int64_t i = 0; i < outer; ++i)
    for (const int64_t index : indices)
      append_block(targets, (i * shape[axis] + within(at, index, shape[axis])) * inner, inner);
  require_updates(at, targets);
  return scattered(at, targets);
}

Tops import_scatter_along_axis(OperationImport& at) {
  const Places targets = along_axis(at, at.type("data").shape);
  require_updates(at, targets);
  return scattered(at, targets);
}

Tops import_scatter_nd(OperationImport& at) {
  const Tuples tuples = tuples_of(at, at.type("data").shape, 0);
  at.require(
      !tuples.begins.empty() && tuples.block <= most_places / static_cast<int64_t>(tuples.begins.size()),
      "writes too many elements");
  Places targets;
  for (const int64_t begin : tuples.begins) append_block(targets, begin, tuples.block);
  require_updates(at, targets);
  return scattered(at, targets);
}

// Computed indices, each compared with every position.
Tops import_one_hot(OperationImport& at) {
  const std::vector<int64_t>& shape = at.declared().shape;
  const int64_t size = at.integer("one_hot_vector_size");
  at.require(shape.size() == at.rank("indices") + 1, "gives a tensor of another rank");
  at.require(size >= 1 && size <= most_exact_integer, "vectors of " + std::to_string(size) + " elements");
  const size_t axis = at.axis_index(at.integer("axis", -1), shape.size());
  mil::Type with_axis = at.type("indices"), positions = at.declared();
  with_axis.shape.insert(with_axis.shape.begin() + static_cast<ptrdiff_t>(axis), 1);
  positions.shape.assign(shape.size(), 1);
  positions.shape[axis] = size;
  std::vector<float> numbers;
  for (int64_t i = 0; i < size; ++i) numbers.push_back(static_cast<float>(i));
  const TensorId index = at.reshaped(at.tensor("indices"), engine_shape(with_axis)),
                 row = at.constant_tensor(engine_shape(positions),
                                          aneir::Constant::of_floats(std::move(numbers)));
  const TensorId equal =
      at.add(aneir::Cast{aneir::ElementType::Float16}, {at.binary(aneir::ElementWiseOp::Equal, index, row)});
  const float on = at.number("on_value", 1), off = at.number("off_value", 0);
  return {at.linear(equal, on - off, off)};
}

// Of the last two axes: column - row within -lower .. upper; a negative bound is none.
Tops import_band_part(OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  at.require(shape.size() >= 2 && at.type("x").element != mil::DataType::Bool, "of " + at.type("x").text());
  const int64_t rows = shape[shape.size() - 2], columns = shape.back(), lower = at.integer("lower", -1),
                upper = at.integer("upper", -1);
  at.require(rows <= most_places / columns, "a band of too many elements");
  std::vector<float> band;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      band.push_back((lower < 0 || row - column <= lower) && (upper < 0 || column - row <= upper) ? 1.0f
                                                                                                  : 0.0f);
  mil::Type type;
  type.shape = {rows, columns};
  return {at.binary(aneir::ElementWiseOp::Mult, at.tensor("x"),
                    at.constant_tensor(engine_shape(type), aneir::Constant::of_floats(std::move(band))))};
}

}  // namespace ane::import
