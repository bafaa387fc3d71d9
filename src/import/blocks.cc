// Layers that exchange blocks of pixels with channels, and that repeat tensors. Channels and rows can be
// picked and woven by strides alone, columns once they lie along the channels; so a whole layer is two turns.
#include "import/layer.h"

namespace ane::import {
namespace {

using aneir::Axis;
using aneir::Concat;
using aneir::InputView;
using aneir::Shape;
using aneir::TensorId;

constexpr int64_t most_blocks = 64;  // along each side; every pixel of a block is a few units

TensorId turned(LayerImport& at, TensorId x) {
  return at.add(aneir::Transpose{{Axis::Batch, Axis::Depth, Axis::Width, Axis::Height, Axis::Channel}}, {x});
}

TensorId woven(LayerImport& at, Axis axis, const std::vector<TensorId>& parts) {
  return parts.size() == 1 ? parts[0] : at.add(Concat{axis, true}, parts);
}

// The channels that hold pixel (y, x) of every block: `count` of them.
InputView channels_of_pixel(int64_t pixel, int64_t count, int64_t block, bool shuffled) {
  if (count == 1) return {Axis::Channel, pixel, 1, 1};
  return shuffled ? InputView{Axis::Channel, pixel, count, block * block}
                  : InputView{Axis::Channel, pixel * count, count, 1};
}

TensorId depth_to_space(LayerImport& at, int64_t block, bool shuffled) {
  const int64_t channels = at.shape(at.input()).c / (block * block);
  std::vector<TensorId> columns;
  for (int64_t x = 0; x < block; ++x) {
    std::vector<TensorId> rows;
    for (int64_t y = 0; y < block; ++y)
      rows.push_back(
          turned(at, at.add(channels_of_pixel(y * block + x, channels, block, shuffled), {at.input()})));
    columns.push_back(woven(at, Axis::Height, rows));
  }
  return turned(at, woven(at, Axis::Channel, columns));
}

TensorId space_to_depth(LayerImport& at, int64_t block) {
  const Shape shape = at.shape(at.input());
  const TensorId by_columns = turned(at, at.input());
  std::vector<TensorId> pixels;
  for (int64_t y = 0; y < block; ++y)
    for (int64_t x = 0; x < block; ++x) {
      const auto view = [&](TensorId from, Axis axis, int64_t offset, int64_t length) {
        const int64_t count = length / block;
        return at.add(InputView{axis, offset, count, count == 1 ? 1 : block}, {from});
      };
      pixels.push_back(
          turned(at, view(view(by_columns, Axis::Channel, x, shape.w), Axis::Height, y, shape.h)));
    }
  return pixels.size() == 1 ? pixels[0] : at.add(Concat{Axis::Channel, false}, pixels);
}

}  // namespace

Tops import_space_to_depth(LayerImport& at) {
  const int64_t block = at.layer.integer("block_size", at.net.file);
  at.require(block >= 1 && block <= most_blocks, "block_size is " + std::to_string(block));
  const Shape shape = at.shape(at.input());
  const bool reverse = at.flag("reverse");
  const bool fits = reverse ? shape.c % (block * block) == 0 : shape.h % block == 0 && shape.w % block == 0;
  at.require(fits, "an image of " + shape.text() + " is no whole number of blocks");
  return {reverse ? depth_to_space(at, block, at.flag("pixel_shuffle")) : space_to_depth(at, block)};
}

// How often each axis is repeated. An axis of length 1 is spread, which units behind may do by themselves.
Tops import_tile(LayerImport& at) {
  constexpr const char* keys[] = {"dst_w", "dst_h", "dst_k", "dst_n", "dst_seq"};
  constexpr int64_t most_copies = 1024;
  TensorId x = at.input();
  for (int64_t code = 0; code < 5; ++code) {
    const int64_t count = at.integer(keys[code], 1);
    at.require(count >= 1 && count <= aneir::max_axis,
               std::string(keys[code]) + " is " + std::to_string(count));
    if (count == 1) continue;
    const Axis axis = axis_of_code(at, code);
    Shape shape = at.shape(x);
    if (shape[axis] == 1) {
      shape[axis] = count;
      x = at.add(aneir::Broadcast{shape, false}, {x});
    } else {
      at.require(count <= most_copies, "repeats " + std::to_string(count) + " times");
      x = at.add(Concat{axis, false}, std::vector<TensorId>(static_cast<size_t>(count), x));
    }
  }
  return {x};
}

}  // namespace ane::import
