// Operations that rearrange pixels, or take them in an order that is no slice.
//
// Blocks of pixels against channels: a reshape that gives each factor an axis, a transposition, and a reshape
// back, as the operations are defined; so they are exact for every value.
#include <algorithm>
#include <cmath>

#include "import/mil_operation.h"
#include "import/window.h"

namespace ane::import {
namespace {

using aneir::TensorId;

constexpr int64_t most_windows = 256;
constexpr int64_t most_border = 1024;

std::vector<int64_t> image_of(const OperationImport& at) {
  at.require(at.rank("x") == 4, "rearranges a tensor of rank " + std::to_string(at.rank("x")));
  return at.type("x").shape;
}

int64_t block_of(const OperationImport& at, const char* parameter) {
  const int64_t block = at.integer(parameter);
  at.require(block >= 1 && block <= 1024, std::string(parameter) + " is " + std::to_string(block));
  return block;
}

// Channels become pixels; `split`: the six axes of x, `perm`: their order in the result.
Tops rearranged(OperationImport& at, const std::vector<int64_t>& split, const std::vector<size_t>& perm) {
  return {at.reshaped(transposed(at, at.tensor("x"), split, perm), at.declared_shape())};
}

Tops to_space(OperationImport& at, const char* parameter, bool channel_first) {
  const std::vector<int64_t> x = image_of(at);
  const int64_t b = block_of(at, parameter);
  at.require(x[1] % (b * b) == 0, std::to_string(x[1]) + " channels are no blocks");
  if (channel_first) return rearranged(at, {x[0], x[1] / (b * b), b, b, x[2], x[3]}, {0, 1, 4, 2, 5, 3});
  return rearranged(at, {x[0], b, b, x[1] / (b * b), x[2], x[3]}, {0, 3, 4, 1, 5, 2});
}

Tops to_depth(OperationImport& at, const char* parameter, bool channel_first) {
  const std::vector<int64_t> x = image_of(at);
  const int64_t b = block_of(at, parameter);
  at.require(x[2] % b == 0 && x[3] % b == 0, at.type("x").text() + " has no whole blocks");
  const std::vector<int64_t> split = {x[0], x[1], x[2] / b, b, x[3] / b, b};
  if (channel_first) return rearranged(at, split, {0, 1, 3, 5, 2, 4});
  return rearranged(at, split, {0, 3, 5, 1, 2, 4});
}

std::vector<Range> whole(const std::vector<int64_t>& shape) {
  std::vector<Range> ranges;
  for (const int64_t length : shape) ranges.push_back({0, length, 1});
  return ranges;
}

}  // namespace

Tops import_depth_to_space(OperationImport& at) {
  return to_space(at, "block_size", false);
}
Tops import_space_to_depth(OperationImport& at) {
  return to_depth(at, "block_size", false);
}
Tops import_pixel_shuffle(OperationImport& at) {
  return to_space(at, "upscale_factor", true);
}
Tops import_pixel_unshuffle(OperationImport& at) {
  return to_depth(at, "downscale_factor", true);
}

// What is cut from both ends of the last two axes.
Tops import_crop(OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  at.require(shape.size() >= 3, "crops a tensor of rank " + std::to_string(shape.size()));
  std::vector<Range> ranges = whole(shape);
  const char* const parameters[] = {"crop_height", "crop_width"};
  for (size_t i = 0; i < 2; ++i) {
    const std::vector<int64_t> amounts = at.integers(parameters[i], 2, 0);
    Range& range = ranges[shape.size() - 2 + i];
    at.require(amounts[0] >= 0 && amounts[1] >= 0 && amounts[0] < range.count &&
                   amounts[1] < range.count - amounts[0],
               std::string(parameters[i]) + " leaves nothing");
    range.begin = amounts[0];
    range.count -= amounts[0] + amounts[1];
  }
  return {sliced(at, at.tensor("x"), shape, ranges)};
}

Tops import_reverse(OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  TensorId x = at.tensor("x");
  std::vector<int64_t> axes;
  for (size_t i = 0; i < shape.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  if (at.has("axes")) axes = at.integers("axes");
  for (const int64_t axis : axes) {
    const size_t index = at.axis_index(axis, shape.size());
    std::vector<int64_t> positions;
    for (int64_t i = shape[index]; i-- > 0;) positions.push_back(i);
    if (positions.size() > 1) x = taken(at, x, shape, index, positions);
  }
  return {x};
}

// [..., L, ...] becomes [..., windows, size, ...].
Tops import_sliding_windows(OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  const size_t axis = at.axis_index(at.integer("axis"), shape.size());
  const int64_t size = at.integer("size"), stride = at.integer("stride", 1);
  at.require(size >= 1 && stride >= 1 && size <= shape[axis], "windows of " + std::to_string(size));
  const int64_t windows = (shape[axis] - size) / stride + 1;
  at.require(windows <= most_windows, "makes " + std::to_string(windows) + " windows");
  std::vector<TensorId> parts;
  for (int64_t i = 0; i < windows; ++i) {
    std::vector<Range> ranges = whole(shape);
    ranges[axis] = {i * stride, size, 1};
    parts.push_back(sliced(at, at.tensor("x"), shape, ranges));
  }
  std::vector<int64_t> joint = shape;
  joint[axis] = windows * size;
  return {at.reshaped(joined(at, joint, axis, parts), at.declared_shape())};
}

// Writes into one stretch of an axis, all others being whole: what lies before, the update, what lies behind.
Tops import_slice_update(OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  const std::vector<Range> ranges = slice_ranges(at);
  std::optional<size_t> axis;
  for (size_t i = 0; i < shape.size(); ++i) {
    at.require(ranges[i].step == 1, "writes in steps");
    if (ranges[i].count == shape[i]) continue;
    at.require(!axis, "writes a part of several axes");
    axis = i;
  }
  if (!axis) return {at.reshaped(at.tensor("update"), at.declared_shape())};
  const Range range = ranges[*axis];
  at.require(range.begin >= 0 && range.count >= 1 && range.begin + range.count <= shape[*axis],
             "writes elements that are not there");
  const auto kept = [&](int64_t begin, int64_t count) {
    std::vector<Range> part = whole(shape);
    part[*axis] = {begin, count, 1};
    return sliced(at, at.tensor("x"), shape, part);
  };
  std::vector<TensorId> parts;
  if (range.begin > 0) parts.push_back(kept(0, range.begin));
  parts.push_back(at.tensor("update"));
  const int64_t end = range.begin + range.count;
  if (end < shape[*axis]) parts.push_back(kept(end, shape[*axis] - end));
  return {joined(at, shape, *axis, parts)};
}

// Pixel (i, j) of the blocks of image k is image (i * width + j) * n + k.
Tops import_space_to_batch(OperationImport& at) {
  std::vector<int64_t> x = image_of(at);
  const std::vector<int64_t> block = at.integers("block_shape", 2, 1), border = at.integers("paddings", 4, 0);
  for (const int64_t width : border)
    at.require(width >= 0 && width <= most_border, "a padding of " + std::to_string(width));
  aneir::Conv conv = depthwise_ones(x[1], 1, 1);
  conv.pad_top = static_cast<int>(border[0]), conv.pad_bottom = static_cast<int>(border[1]);
  conv.pad_left = static_cast<int>(border[2]), conv.pad_right = static_cast<int>(border[3]);
  const bool pads = border != std::vector<int64_t>(4, 0);
  const TensorId wide = pads ? at.add(std::move(conv), {at.tensor("x")}) : at.tensor("x");
  x[2] += border[0] + border[1], x[3] += border[2] + border[3];
  at.require(block[0] >= 1 && block[1] >= 1 && x[2] % block[0] == 0 && x[3] % block[1] == 0,
             "has no whole blocks");
  const std::vector<int64_t> split = {x[0], x[1], x[2] / block[0], block[0], x[3] / block[1], block[1]};
  return {at.reshaped(transposed(at, wide, split, {3, 5, 0, 1, 2, 4}), at.declared_shape())};
}

Tops import_batch_to_space(OperationImport& at) {
  const std::vector<int64_t> x = image_of(at);
  const std::vector<int64_t> block = at.integers("block_shape", 2, 1), crop = at.integers("crops", 4, 0);
  at.require(block[0] >= 1 && block[1] >= 1 && block[0] <= x[0] && block[1] <= x[0] &&
                 x[0] % (block[0] * block[1]) == 0,
             std::to_string(x[0]) + " images are no blocks");
  const int64_t n = x[0] / (block[0] * block[1]);
  const std::vector<int64_t> split = {block[0], block[1], n, x[1], x[2], x[3]},
                             wide = {n, x[1], x[2] * block[0], x[3] * block[1]};
  std::vector<Range> ranges = whole(wide);
  for (size_t i = 0; i < 2; ++i) {
    Range& range = ranges[2 + i];
    const int64_t low = crop[2 * i], high = crop[2 * i + 1];
    at.require(low >= 0 && high >= 0 && low < range.count && high < range.count - low, "crops leave nothing");
    range.begin = low;
    range.count -= low + high;
  }
  const TensorId blocks = transposed(at, at.tensor("x"), split, {2, 3, 4, 0, 5, 1});
  return {sliced(at, at.reshaped(blocks, {wide[0], 1, wide[1], wide[2], wide[3]}), wide, ranges)};
}

}  // namespace ane::import
