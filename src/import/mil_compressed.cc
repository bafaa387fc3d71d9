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

}  // namespace

// scale * (code - zero point)
ValuePointer expand_affine(const OperationImport& at) {
  const ValuePointer data = numbers_of(at, "quantized_data"), scale = numbers_of(at, "scale"),
                     zero = numbers_of(at, "zero_point");
  const auto scale_of = along_axis(at, *data, scale), zero_of = along_axis(at, *data, zero);
  return made_value(at, data->count(), [&](int64_t i) {
    return number(scale, scale_of(i)) * (number(data, i) - number(zero, zero_of(i)));
  });
}

ValuePointer expand_blockwise(const OperationImport& at) {
  const ValuePointer data = numbers_of(at, "data"), scale = numbers_of(at, "scale"),
                     offset = at.has("offset") ? numbers_of(at, "offset") : nullptr;
  const auto scale_of = by_block(at, data->type.shape, scale->type.shape);
  const auto offset_of = offset ? by_block(at, data->type.shape, offset->type.shape) : scale_of;
  return made_value(at, data->count(), [&](int64_t i) {
    return number(scale, scale_of(i)) * (number(data, i) - (offset ? number(offset, offset_of(i)) : 0));
  });
}

// Codes are indices of a palette: of one for all, or (iOS18, where codes have their own shape) of one for
// each block, whose last two axes are the palette and the numbers that a code stands for.
ValuePointer expand_palette(const OperationImport& at) {
  const ValuePointer codes = numbers_of(at, "indices"), palette = numbers_of(at, "lut");
  std::vector<int64_t> blocks = palette->type.shape;
  const bool packed = at.has("shape");
  at.require(packed ? blocks.size() == 1 : blocks.size() >= 2 && blocks.back() == 1,
             "has palettes of the shape " + palette->type.text());
  if (!packed) blocks.pop_back();
  const auto colours = static_cast<uint64_t>(blocks.back());
  blocks.pop_back();
  at.require(std::has_single_bit(colours) && colours >= 2 && colours <= 256,
             "has palettes of " + std::to_string(colours));
  const int width = packed ? std::countr_zero(colours) : mil::bits_of(codes->type.element);
  at.require(width != 5 && width != 7, "packs codes of " + std::to_string(width) + " bits");
  const int64_t count = packed ? element_count(at) : codes->count();
  at.require(count <= bits_in(*codes) / width, "has too few codes");
  const auto palette_of =
      packed ? [](int64_t) { return int64_t{0}; } : by_block(at, codes->type.shape, blocks);
  return made_value(at, count, [&](int64_t i) {
    const uint64_t code = mil::element_bits(codes->bytes, width, i);
    at.require(code < colours, "has a code outside of its palette");
    return number(palette, palette_of(i) * static_cast<int64_t>(colours) + static_cast<int64_t>(code));
  });
}

// A bit for each element says whether it is there; the others are 0.
ValuePointer expand_sparse(const OperationImport& at) {
  const ValuePointer data = numbers_of(at, "nonzero_data"), mask = numbers_of(at, "mask");
  const int64_t count = element_count(at);
  at.require(count <= bits_in(*mask), "has too short a mask");
  int64_t next = 0;
  const ValuePointer result = made_value(at, count, [&](int64_t i) {
    if (mil::element_bits(mask->bytes, 1, i) == 0) return 0.0;
    at.require(next < data->count(), "has fewer values than its mask says");
    return number(data, next++);
  });
  at.require(next == data->count(), "has more values than its mask says");
  return result;
}

}  // namespace ane::import
