// Compressed weights, which ML Programs keep as operations on constants. The engine has forms of 8 and fewer
// bits of its own, but no public program shows them, so weights are expanded to what they stand for.
//
// iOS16 has vectors along one axis, and packs codes of fewer than 8 bits and masks into bytes, the first in
// the lowest bits. iOS18 has types of few bits, which the reader hands over packed in the same way, and
// parameters for blocks: of the data's rank, each length a divisor of the data's.
#include <bit>

#include "import/mil_fold.h"
#include "mil/element.h"

namespace ane::import {

namespace {

using mil::ValuePointer;

// A known operand of numbers.
ValuePointer numbers_of(const OperationImport& at, const char* parameter) {
  const ValuePointer value = at.known(parameter);
  at.require(value->type.is_tensor() && value->type.element != mil::DataType::String,
             std::string(parameter) + " is no tensor of numbers");
  return value;
}

double number(const ValuePointer& value, int64_t index) {
  return mil::number_at(value->type.element, value->bytes, index);
}

// How to find the parameter of each element: one for all, or one for each index along an axis.
std::function<int64_t(int64_t)> along_axis(const OperationImport& at, const mil::Value& data,
                                           const ValuePointer& values) {
  if (values->count() == 1) return [](int64_t) { return int64_t{0}; };
  const std::vector<int64_t>& shape = data.type.shape;
  const size_t axis = at.axis_index(at.integer("axis"), shape.size());
  at.require(values->count() == shape[axis], "has " + std::to_string(values->count()) +
                                                 " parameters along an axis of " +
                                                 std::to_string(shape[axis]));
  int64_t stride = 1;
  for (size_t i = axis + 1; i < shape.size(); ++i) stride *= shape[i];
  return [stride, length = shape[axis]](int64_t index) { return index / stride % length; };
}

// The same for blocks.
std::function<int64_t(int64_t)> by_block(const OperationImport& at, const std::vector<int64_t>& shape,
                                         const std::vector<int64_t>& blocks) {
  at.require(blocks.size() == shape.size(), "has parameters of another rank than the data");
  for (size_t i = 0; i < shape.size(); ++i)
    at.require(blocks[i] >= 1 && shape[i] % blocks[i] == 0, "has parameters that do not divide the data");
  return [shape, blocks](int64_t index) {
    int64_t position = 0, stride = 1;
    for (size_t i = shape.size(); i-- > 0;) {
      position += index % shape[i] / (shape[i] / blocks[i]) * stride;
      index /= shape[i];
      stride *= blocks[i];
    }
    return position;
  };
}

// The declared result's elements; what holds codes must have one for each.
int64_t element_count(const OperationImport& at) {
  const mil::Type& type = at.declared();
  at.require(type.is_tensor() && type.count() >= 0, "gives " + type.text());
  return type.count();
}

int64_t bits_in(const mil::Value& value) {
  return static_cast<int64_t>(value.bytes.size()) * 8;
}

// scale * (code - offset) for the code of an element of a tensor of `shape`.
std::function<double(int64_t, double)> shift_and_scale(const OperationImport& at,
                                                       const std::vector<int64_t>& shape) {
  const ValuePointer scale = numbers_of(at, "scale"),
                     offset = at.has("offset") ? numbers_of(at, "offset") : nullptr;
  const auto scale_of = by_block(at, shape, scale->type.shape);
  const auto offset_of = offset ? by_block(at, shape, offset->type.shape) : scale_of;
  return [=](int64_t i, double code) {
    return number(scale, scale_of(i)) * (code - (offset ? number(offset, offset_of(i)) : 0));
  };
}

// Codes are indices of a palette: of one for all (`packed`, iOS16, where codes are bytes), or (iOS18, where
// codes have their own type) of one for each block of a tensor of `shape`, whose last two axes are the
// palette and the numbers that a code stands for.
struct Palettes {
  ValuePointer colours;
  int64_t count = 0, vector = 1;  // of a palette; of a code
  int width = 0;                  // bits of a code
  std::function<int64_t(int64_t)> block_of;

  Palettes(const OperationImport& at, const mil::Value& codes, const std::vector<int64_t>& shape, bool packed)
      : colours(numbers_of(at, "lut")) {
    std::vector<int64_t> blocks = colours->type.shape;
    at.require(packed ? blocks.size() == 1 : blocks.size() >= 2 && blocks.back() >= 1,
               "has palettes of the shape " + colours->type.text());
    if (!packed) {
      vector = blocks.back();
      blocks.pop_back();
    }
    count = blocks.back();
    blocks.pop_back();
    at.require(count >= 2 && count <= 256 && std::has_single_bit(static_cast<uint64_t>(count)),
               "has palettes of " + std::to_string(count));
    width = packed ? std::countr_zero(static_cast<uint64_t>(count)) : mil::bits_of(codes.type.element);
    at.require(width <= 8 && width != 5 && width != 7, "packs codes of " + std::to_string(width) + " bits");
    if (!packed) block_of = by_block(at, shape, blocks);
  }

  double number(const mil::Value& codes, int64_t index, int64_t block, int64_t part) const {
    const auto code = static_cast<int64_t>(mil::element_bits(codes.bytes, width, index));
    if (code >= count) throw Refusal{"has a code outside of its palette"};
    return import::number(colours, (block * count + code) * vector + part);
  }
};

// The elements that a mask marks, bit by bit; there must be `values` of them.
std::vector<int64_t> marked_by(const OperationImport& at, const mil::Value& mask, int64_t count,
                               int64_t values) {
  at.require(count <= bits_in(mask), "has too short a mask");
  std::vector<int64_t> marked;
  for (int64_t i = 0; i < count; ++i)
    if (mil::element_bits(mask.bytes, 1, i) != 0) marked.push_back(i);
  const auto marks = static_cast<int64_t>(marked.size());
  at.require(marks <= values, "has fewer values than its mask says");
  at.require(marks == values, "has more values than its mask says");
  return marked;
}

}  // namespace

// scale * (code - zero point)
Values expand_affine(const OperationImport& at) {
  const ValuePointer data = numbers_of(at, "quantized_data"), scale = numbers_of(at, "scale"),
                     zero = numbers_of(at, "zero_point");
  const auto scale_of = along_axis(at, *data, scale), zero_of = along_axis(at, *data, zero);
  return {made_value(at, data->count(), [&](int64_t i) {
    return number(scale, scale_of(i)) * (number(data, i) - number(zero, zero_of(i)));
  })};
}

Values expand_blockwise(const OperationImport& at) {
  const ValuePointer data = numbers_of(at, "data");
  const auto shifted = shift_and_scale(at, data->type.shape);
  return {made_value(at, data->count(), [&](int64_t i) { return shifted(i, number(data, i)); })};
}

Values expand_palette(const OperationImport& at) {
  const ValuePointer codes = numbers_of(at, "indices");
  const bool packed = at.has("shape");
  const Palettes palettes(at, *codes, codes->type.shape, packed);
  if (packed) {
    const int64_t count = element_count(at);
    at.require(count <= bits_in(*codes) / palettes.width, "has too few codes");
    return {made_value(at, count, [&](int64_t i) { return palettes.number(*codes, i, 0, 0); })};
  }
  if (palettes.vector == 1)
    return {made_value(at, codes->count(),
                       [&](int64_t i) { return palettes.number(*codes, i, palettes.block_of(i), 0); })};
  // Each code stands for several elements along one axis.
  const std::vector<int64_t>& shape = codes->type.shape;
  const size_t axis = at.axis_index(at.integer("vector_axis"), shape.size());
  int64_t inner = 1;
  for (size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  const int64_t length = shape[axis], vector = palettes.vector;
  return {made_value(at, codes->count() * vector, [&](int64_t i) {
    const int64_t along = i / inner % (length * vector), outer = i / inner / (length * vector);
    const int64_t code = (outer * length + along / vector) * inner + i % inner;
    return palettes.number(*codes, code, palettes.block_of(code), along % vector);
  })};
}

// The elements that a mask does not mark are 0.
Values expand_sparse(const OperationImport& at) {
  const ValuePointer data = numbers_of(at, "nonzero_data"), mask = numbers_of(at, "mask");
  const int64_t count = element_count(at);
  std::vector<double> dense(static_cast<size_t>(count), 0);
  const std::vector<int64_t> marked = marked_by(at, *mask, count, data->count());
  for (size_t i = 0; i < marked.size(); ++i)
    dense[static_cast<size_t>(marked[i])] = number(data, static_cast<int64_t>(i));
  return {made_value(at, count, [&](int64_t i) { return dense[static_cast<size_t>(i)]; })};
}

Values expand_sparse_palette(const OperationImport& at) {
  const ValuePointer codes = numbers_of(at, "indices_nonzero_data"), mask = numbers_of(at, "indices_mask");
  const Palettes palettes(at, *codes, mask->type.shape, false);
  at.require(palettes.vector == 1, "has sparse palettes of several numbers for each code");
  const std::vector<int64_t> marked = marked_by(at, *mask, mask->count(), codes->count());
  return {mask, made_value(
                    at, codes->count(),
                    [&](int64_t i) {
                      return palettes.number(*codes, i, palettes.block_of(marked[static_cast<size_t>(i)]), 0);
                    },
                    1)};
}

Values expand_sparse_blockwise(const OperationImport& at) {
  const ValuePointer data = numbers_of(at, "nonzero_data"), mask = numbers_of(at, "data_mask");
  const auto shifted = shift_and_scale(at, mask->type.shape);
  const std::vector<int64_t> marked = marked_by(at, *mask, mask->count(), data->count());
  return {mask, made_value(
                    at, data->count(),
                    [&](int64_t i) { return shifted(marked[static_cast<size_t>(i)], number(data, i)); }, 1)};
}

}  // namespace ane::import
