// Rows are contiguous unless channels are interleaved, so the common case converts whole rows, in parallel;
// interleaved tensors, which only runtime kernels and relayouts use, go element by element.
#include "sim/dma.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/half.h"
#include "base/parallel.h"
#include "sim/numerics.h"

namespace ane::sim {

namespace {

constexpr int64_t grain_elements = 1 << 16;

// The shape in memory: transposed tensors lie with channels and columns exchanged.
Shape stored_shape(const View& view, Shape shape) {
  if (view.transposed) std::swap(shape.channels, shape.width);
  return shape;
}

struct RowPlace {
  int64_t group, z, channel, y;
};

RowPlace place_of(const Shape& shape, int64_t row) {
  RowPlace place{};
  place.y = row % shape.height, row /= shape.height;
  place.channel = row % shape.channels, row /= shape.channels;
  place.z = row % shape.depth, place.group = row / shape.depth;
  return place;
}

uint64_t address_of(const View& view, const RowPlace& at) {
  const auto channel = static_cast<uint64_t>(at.channel), interleave = static_cast<uint64_t>(view.interleave);
  return view.base + static_cast<uint64_t>(at.group) * view.group + static_cast<uint64_t>(at.z) * view.depth +
         channel / interleave * view.plane + static_cast<uint64_t>(at.y) * view.row +
         channel % interleave * bytes_of(view.format);
}

float decode(const uint8_t* bytes, Format format) {
  if (format == Format::UInt8) return static_cast<float>(*bytes);
  if (format == Format::Int8) return static_cast<float>(static_cast<int8_t>(*bytes));
  Half half;
  std::memcpy(&half.bits, bytes, 2);
  return as_operand(to_float(half));
}

void encode(float value, Format format, uint8_t* bytes) {
  if (format == Format::Half) {
    const Half half = to_half(value);
    std::memcpy(bytes, &half.bits, 2);
    return;
  }
  const float low = format == Format::UInt8 ? 0.0f : -128.0f;
  const float rounded = std::nearbyint(std::clamp(without_nan(value), low, low + 255.0f));
  *bytes = static_cast<uint8_t>(static_cast<int>(rounded));
}

void load_row(const View& view, uint64_t address, float* row, int64_t width) {
  const uint64_t size = bytes_of(view.format), step = size * static_cast<uint64_t>(view.interleave);
  if (view.interleave > 1) {
    for (int64_t x = 0; x < width; ++x)
      row[x] = decode(view.memory->read(address + static_cast<uint64_t>(x) * step, size), view.format);
    return;
  }
  const uint8_t* bytes = view.memory->read(address, static_cast<uint64_t>(width) * size);
  if (view.format == Format::Half && width >= 8) {
    to_float(std::span(reinterpret_cast<const Half*>(bytes), static_cast<size_t>(width)),
             std::span(row, static_cast<size_t>(width)));
    for (int64_t x = 0; x < width; ++x) row[x] = as_operand(row[x]);
    return;
  }
  for (int64_t x = 0; x < width; ++x) row[x] = decode(bytes + static_cast<uint64_t>(x) * size, view.format);
}

void store_row(const View& view, uint64_t address, const float* row, int64_t width) {
  const uint64_t size = bytes_of(view.format), step = size * static_cast<uint64_t>(view.interleave);
  if (view.interleave > 1) {
    for (int64_t x = 0; x < width; ++x)
      encode(row[x], view.format, view.memory->write(address + static_cast<uint64_t>(x) * step, size));
    return;
  }
  uint8_t* bytes = view.memory->write(address, static_cast<uint64_t>(width) * size);
  if (view.format == Format::Half && width >= 8) {
    to_half(std::span(row, static_cast<size_t>(width)),
            std::span(reinterpret_cast<Half*>(bytes), static_cast<size_t>(width)));
    return;
  }
  for (int64_t x = 0; x < width; ++x) encode(row[x], view.format, bytes + static_cast<uint64_t>(x) * size);
}

Tensor load_stored(const View& view, const Shape& shape) {
  Tensor tensor(shape);
  const int64_t grain = std::max<int64_t>(1, grain_elements / shape.width);
  parallel_for(shape.rows(), grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      load_row(view, address_of(view, place_of(shape, row)), tensor.row(row), shape.width);
  });
  return tensor;
}

}  // namespace

Range range_of(const View& view, const Shape& logical) {
  const Shape shape = stored_shape(view, logical);
  ensure(shape.elements() > 0, "sim: an empty tensor");
  const int64_t distinct = shape.elements() / (view.group == 0 ? shape.groups : 1);
  if (static_cast<uint64_t>(distinct) > view.memory->size() / bytes_of(view.format))
    throw Hazard(fmt::format("a tensor of {} elements does not fit into {} of 0x{:x} bytes", distinct,
                             view.memory->name(), view.memory->size()));
  const uint64_t size = bytes_of(view.format), step = size * static_cast<uint64_t>(view.interleave);
  const uint64_t last_block = static_cast<uint64_t>((shape.channels - 1) / view.interleave);
  const uint64_t last_lane = static_cast<uint64_t>(std::min(shape.channels, view.interleave) - 1);
  const uint64_t end = view.base + static_cast<uint64_t>(shape.groups - 1) * view.group +
                       static_cast<uint64_t>(shape.depth - 1) * view.depth + last_block * view.plane +
                       static_cast<uint64_t>(shape.height - 1) * view.row +
                       static_cast<uint64_t>(shape.width - 1) * step + last_lane * size + size;
  view.memory->check_range(view.base, end - view.base);
  return {view.base, end};
}

Extents extents_of(const View& view, const Shape& logical, uint64_t granule) {
  const Shape shape = stored_shape(view, logical);
  const int64_t lanes = std::min(shape.channels, view.interleave);
  const auto elements = static_cast<uint64_t>((shape.width - 1) * view.interleave + lanes);
  struct Axis {
    uint64_t stride, count;
  };
  std::array<Axis, 4> axes = {
      {{view.row, static_cast<uint64_t>(shape.height)},
       {view.plane, static_cast<uint64_t>((shape.channels + view.interleave - 1) / view.interleave)},
       {view.depth, static_cast<uint64_t>(shape.depth)},
       {view.group, static_cast<uint64_t>(shape.groups)}}};
  std::sort(axes.begin(), axes.end(), [](const Axis& x, const Axis& y) { return x.stride < y.stride; });
  Extents extents(view.base, elements * bytes_of(view.format), granule);
  for (const Axis& axis : axes) extents.repeat(axis.count, axis.stride);
  return extents;
}

Tensor load(const View& view, const Shape& shape) {
  range_of(view, shape);
  Tensor tensor = load_stored(view, stored_shape(view, shape));
  return view.transposed ? transposed(tensor) : tensor;
}

void store(const View& view, const Tensor& tensor) {
  range_of(view, tensor.shape);
  if (view.transposed) {
    View plain = view;
    plain.transposed = false;
    store(plain, transposed(tensor));
    return;
  }
  const int64_t grain =
      view.interleave > 1 ? tensor.shape.rows() : std::max<int64_t>(1, grain_elements / tensor.shape.width);
  parallel_for(tensor.shape.rows(), grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      store_row(view, address_of(view, place_of(tensor.shape, row)), tensor.row(row), tensor.shape.width);
  });
}

bool share_bytes(const Extents& a, const Extents& b) {
  if (a.end() <= b.begin() || b.end() <= a.begin()) return false;
  Intervals<bool> taken;
  a.visit(taken, [](uint64_t, bool& is_taken) { is_taken = true; });
  bool shared = false;
  b.visit(taken, [&](uint64_t, bool is_taken) { shared |= is_taken; });
  return shared;
}

}  // namespace ane::sim
