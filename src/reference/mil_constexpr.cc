// Operations that make numbers of codes, and quantize, which makes codes of numbers.
//
// The reader has unpacked elements of fewer than eight bits. What iOS16 packs into bytes by itself - indices
// of lookup tables and masks - is unpacked here: elements follow each other from the lowest bit of the first
// byte.

#include <fmt/format.h>

#include <bit>
#include <cmath>

#include "reference/mil_operations.h"

namespace ane::reference::ops {
namespace {

// ---- Scales ----

// A parameter that is one number, or a vector along `axis`, in a shape that broadcasts to x; `absent` where
// it is not given.
Tensor along_axis(const MilCall& call, const char* name, const Tensor& x, float absent) {
  const Tensor* given = call.optional(name);
  if (!given) return {{}, {absent}};
  if (given->shape.empty()) return *given;
  if (!call.bound("axis")) call.fail(fmt::format("{} is a vector, but axis is not given", name));
  Shape shape(x.shape.size(), 1);
  const size_t axis = call.axis("axis", shape.size());
  shape[axis] = x.shape[axis];
  if (given->shape != Shape{x.shape[axis]})
    call.fail(
        fmt::format("{} has the shape {} along an axis of {}", name, to_string(given->shape), x.shape[axis]));
  return reshaped(*given, shape);
}

// scale * (x - zero_point)
Tensor affine_dequantized(const MilCall& call, const char* name) {
  const Tensor& x = call.tensor(name);
  const Tensor shifted = combine_elements(x, along_axis(call, "zero_point", x, 0), x.shape,
                                          [](double code, double zero) { return code - zero; });
  return combine_elements(shifted, along_axis(call, "scale", x, 1), x.shape,
                          [](double value, double scale) { return value * scale; });
}

// ---- Blocks ----

// For an element of a tensor, the element of a smaller one (of the same rank) to whose block it belongs.
class BlockIndex {
 public:
  BlockIndex(const MilCall& call, const char* name, const Shape& shape, const Shape& blocks)
      : shape_(shape), strides_(strides_of(shape)), block_strides_(strides_of(blocks)) {
    if (blocks.size() != shape.size())
      call.fail(fmt::format("{} has {} axes for data of {}", name, blocks.size(), to_string(shape)));
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] % blocks[axis] != 0)
        call.fail(fmt::format("{} blocks of {} do not divide {}", name, to_string(blocks), to_string(shape)));
      sizes_.push_back(shape[axis] / blocks[axis]);
    }
  }

  int64_t operator()(int64_t element) const {
    int64_t index = 0;
    for (size_t axis = 0; axis < shape_.size(); ++axis)
      index += element / strides_[axis] % shape_[axis] / sizes_[axis] * block_strides_[axis];
    return index;
  }

 private:
  const Shape shape_;
  const Strides strides_, block_strides_;
  Shape sizes_;
};

// scale * (data - offset), both of them for each block.
Tensor blockwise_scaled(const MilCall& call, const Tensor& data) {
  const Tensor& scale = call.tensor("scale");
  const Tensor* offset = call.optional("offset");
  const BlockIndex block(call, "scale", data.shape, scale.shape);
  if (offset && offset->shape != scale.shape)
    call.fail(
        fmt::format("offset has the shape {}, scale {}", to_string(offset->shape), to_string(scale.shape)));
  Tensor result = make_tensor(data.shape);
  for (int64_t i = 0; i < static_cast<int64_t>(data.data.size()); ++i) {
    const int64_t at = block(i);
    const double zero = offset ? offset->data[at] : 0;
    result.data[i] = static_cast<float>(scale.data[at] * (data.data[i] - zero));
  }
  return result;
}

// ---- Lookup tables ----

// The axis along which entries of a table that are vectors extend; 0 where they are single numbers.
size_t vector_axis(const MilCall& call, size_t rank, int64_t vector_size) {
  if (vector_size == 1) return 0;
  if (!call.bound("vector_axis")) call.fail("the table holds vectors, but vector_axis is not given");
  return call.axis("vector_axis", rank);
}

// indices [...], lut [blocks..., entries, V]: every index becomes the V numbers of its block's entry, along
// vector_axis.
Tensor looked_up(const MilCall& call, const Tensor& indices) {
  const Tensor& lut = call.tensor("lut");
  const size_t rank = indices.shape.size();
  if (rank < 1 || lut.shape.size() != rank + 2)
    call.fail(fmt::format("a table of the shape {} is not for indices of {}", to_string(lut.shape),
                          to_string(indices.shape)));
  const int64_t entries = lut.shape[rank], vector = lut.shape[rank + 1];
  const BlockIndex block(call, "lut", indices.shape, {lut.shape.begin(), lut.shape.end() - 2});
  const AxisView view = view_along(indices.shape, vector_axis(call, rank, vector));
  Shape shape = indices.shape;
  shape[vector_axis(call, rank, vector)] *= vector;
  Tensor result = make_tensor(call.checked(shape));
  for (int64_t i = 0; i < static_cast<int64_t>(indices.data.size()); ++i) {
    if (!(indices.data[i] >= 0 && indices.data[i] < static_cast<float>(entries)))
      call.fail(fmt::format("index {} is outside of a table of {}", indices.data[i], entries));
    const float* entry =
        lut.data.data() + (block(i) * entries + static_cast<int64_t>(indices.data[i])) * vector;
    float* out = result.data.data() + i / view.inner * vector * view.inner + i % view.inner;
    for (int64_t k = 0; k < vector; ++k) out[k * view.inner] = entry[k];
  }
  return result;
}

// ---- Masks and packed elements ----

// `count` elements of `bits` bits each from bytes.
std::vector<float> unpacked(const MilCall& call, const char* name, int bits, int64_t count) {
  const std::vector<float>& bytes = call.tensor(name).data;
  const int64_t needed = (count * bits + 7) / 8;
  if (static_cast<int64_t>(bytes.size()) != needed)
    call.fail(fmt::format("{} has {} bytes where {} are needed", name, bytes.size(), needed));
  for (const float byte : bytes)
    if (!(byte >= 0 && byte <= 255)) call.fail(fmt::format("{} holds {}, which is no byte", name, byte));
  std::vector<float> result;
  for (int64_t i = 0; i < count; ++i) {
    unsigned code = 0;
    for (int bit = 0; bit < bits; ++bit) {
      const int64_t at = i * bits + bit;
      code |= (static_cast<unsigned>(bytes[at / 8]) >> (at % 8) & 1u) << bit;
    }
    result.push_back(static_cast<float>(code));
  }
  return result;
}

// The numbers of `nonzero`, in order, where the mask is not 0.
Tensor spread(const MilCall& call, const Tensor& mask, const Tensor& nonzero) {
  const auto set = std::count_if(mask.data.begin(), mask.data.end(), [](float each) { return each != 0; });
  if (nonzero.shape != Shape{set})
    call.fail(fmt::format("data of the shape {} is given for the {} elements of a mask",
                          to_string(nonzero.shape), set));
  Tensor result = make_tensor(mask.shape);
  size_t next = 0;
  for (size_t i = 0; i < mask.data.size(); ++i)
    if (mask.data[i] != 0) result.data[i] = nonzero.data[next++];
  return result;
}

// The elements where the mask is not 0, in order.
Tensor gathered(const Tensor& mask, const Tensor& dense) {
  Tensor result{{0}, {}};
  for (size_t i = 0; i < mask.data.size(); ++i)
    if (mask.data[i] != 0) result.data.push_back(dense.data[i]);
  result.shape[0] = static_cast<int64_t>(result.data.size());
  return result;
}

}  // namespace

// round(input / scale) + zero_point, kept within the type. Ties go to the even number, as in NumPy.
Tensor quantize(const MilCall& call) {
  const Tensor& input = call.tensor("input");
  const std::string& type = call.text("output_dtype");
  if (type != "int8" && type != "uint8") call.fail(fmt::format("output_dtype {} is not known", type));
  const float low = type == "int8" ? -128 : 0, high = type == "int8" ? 127 : 255;
  const Tensor scale = along_axis(call, "scale", input, 1);
  if (std::find(scale.data.begin(), scale.data.end(), 0.0f) != scale.data.end()) call.fail("a scale is 0");
  const Tensor rounded = combine_elements(input, scale, input.shape,
                                          [](float value, float by) { return std::nearbyint(value / by); });
  return combine_elements(rounded, along_axis(call, "zero_point", input, 0), input.shape,
                          [=](float value, float zero) { return std::clamp(value + zero, low, high); });
}

Tensor dequantize(const MilCall& call) {
  return affine_dequantized(call, "input");
}

Tensor constexpr_affine_dequantize(const MilCall& call) {
  return affine_dequantized(call, "quantized_data");
}

Tensor constexpr_cast(const MilCall& call) {
  return call.tensor("source_val");
}

Tensor constexpr_lut_to_dense_ios16(const MilCall& call) {
  const Tensor& lut = call.tensor("lut");
  const auto entries = static_cast<uint64_t>(lut.data.size());
  if (lut.shape.size() != 1 || !std::has_single_bit(entries) || entries < 2 || entries > 256)
    call.fail(fmt::format("a table of the shape {} is not for indices of 1 to 8 bits", to_string(lut.shape)));
  const Shape shape = call.checked(call.integers("shape"));
  const auto bits = static_cast<int>(std::bit_width(entries) - 1);
  Tensor result{shape, unpacked(call, "indices", bits, element_count(shape))};
  for (float& each : result.data) each = lut.data[static_cast<size_t>(each)];
  return result;
}

Tensor constexpr_lut_to_dense(const MilCall& call) {
  return looked_up(call, call.tensor("indices"));
}

Tensor constexpr_sparse_to_dense_ios16(const MilCall& call) {
  const Shape shape = call.checked(call.integers("shape"));
  return spread(call, {shape, unpacked(call, "mask", 1, element_count(shape))}, call.tensor("nonzero_data"));
}

Tensor constexpr_sparse_to_dense(const MilCall& call) {
  return spread(call, call.tensor("mask"), call.tensor("nonzero_data"));
}

Tensor constexpr_blockwise_shift_scale(const MilCall& call) {
  return blockwise_scaled(call, call.tensor("data"));
}

// The sparse forms give the mask and the numbers where it is set. What they do to a number depends on where
// it lies, so it is done to the dense tensor.
std::vector<Tensor> constexpr_lut_to_sparse(const MilCall& call) {
  const Tensor& mask = call.tensor("indices_mask");
  const Tensor dense = looked_up(call, spread(call, mask, call.tensor("indices_nonzero_data")));
  // As often as an index becomes more than one number, so does its bit of the mask.
  const size_t rank = mask.shape.size();
  const int64_t vector = call.tensor("lut").shape.back();
  const size_t axis = vector_axis(call, rank, vector);
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < mask.shape[axis] * vector; ++i) positions.push_back(i / vector);
  Tensor wide = taken(mask, axis, positions);
  Tensor nonzero = gathered(wide, dense);
  return {std::move(wide), std::move(nonzero)};
}

std::vector<Tensor> constexpr_sparse_blockwise_shift_scale(const MilCall& call) {
  const Tensor& mask = call.tensor("data_mask");
  const Tensor dense = blockwise_scaled(call, spread(call, mask, call.tensor("nonzero_data")));
  return {mask, gathered(mask, dense)};
}

}  // namespace ane::reference::ops
