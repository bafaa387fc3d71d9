// Operations that exchange pixels of a block against channels or images. All take [n, C, H, W].

#include <fmt/format.h>

#include "reference/mil_operations.h"

namespace ane::reference::ops {
namespace {

const Tensor& images(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  if (x.shape.size() != 4) call.fail(fmt::format("x has the shape {}, not four axes", to_string(x.shape)));
  return x;
}

Tensor from_depth(const MilCall& call, const char* size, bool channel_first) {
  const Tensor& x = images(call);
  const int64_t b = call.positive(size);
  if (x.shape[1] % (b * b) != 0)
    call.fail(fmt::format("{} channels do not make blocks of {} x {}", x.shape[1], b, b));
  return reference::depth_to_space(x, b, channel_first);
}

Tensor to_depth(const MilCall& call, const char* size, bool channel_first) {
  const Tensor& x = images(call);
  const int64_t b = call.positive(size);
  if (x.shape[2] % b != 0 || x.shape[3] % b != 0)
    call.fail(fmt::format("{} does not divide into blocks of {} x {}", to_string(x.shape), b, b));
  return reference::space_to_depth(x, b, channel_first);
}

// Two amounts, each not negative, for each of the two axes.
std::vector<int64_t> edges(const MilCall& call, const char* name) {
  std::vector<int64_t> amounts = call.integers(name, 4);
  for (const int64_t amount : amounts)
    if (amount < 0) call.fail(fmt::format("{} holds a negative amount", name));
  return amounts;
}

}  // namespace

Tensor depth_to_space(const MilCall& call) {
  return from_depth(call, "block_size", false);
}

Tensor space_to_depth(const MilCall& call) {
  return to_depth(call, "block_size", false);
}

Tensor pixel_shuffle(const MilCall& call) {
  return from_depth(call, "upscale_factor", true);
}

Tensor pixel_unshuffle(const MilCall& call) {
  return to_depth(call, "downscale_factor", true);
}

// After padding with zeros, pixel (i, j) of the blocks of image k is image (i * width + j) * n + k.
Tensor space_to_batch(const MilCall& call) {
  const Tensor& x = images(call);
  const std::vector<int64_t> block = call.positives("block_shape", 2), pad = edges(call, "paddings");
  const Shape padded = {x.shape[0], x.shape[1], x.shape[2] + pad[0] + pad[1], x.shape[3] + pad[2] + pad[3]};
  call.checked(padded);
  if (padded[2] % block[0] != 0 || padded[3] % block[1] != 0)
    call.fail(fmt::format("{} does not divide into blocks of {}", to_string(padded), to_string(block)));
  Tensor wide = x;
  for (const size_t axis : {2u, 3u}) {
    std::vector<int64_t> positions(static_cast<size_t>(padded[axis]), -1);
    for (int64_t i = 0; i < x.shape[axis]; ++i) positions[i + pad[2 * (axis - 2)]] = i;
    wide = taken(wide, axis, positions);
  }
  const int64_t n = padded[0], c = padded[1], h = padded[2] / block[0], w = padded[3] / block[1];
  const Tensor blocks = reshaped(wide, {n, c, h, block[0], w, block[1]});
  return reshaped(transposed(blocks, {3, 5, 0, 1, 2, 4}), {block[0] * block[1] * n, c, h, w});
}

Tensor batch_to_space(const MilCall& call) {
  const Tensor& x = images(call);
  const std::vector<int64_t> block = call.positives("block_shape", 2), crop = edges(call, "crops");
  const int64_t pixels = block[0] * block[1], c = x.shape[1], h = x.shape[2], w = x.shape[3];
  if (x.shape[0] % pixels != 0)
    call.fail(fmt::format("{} images do not make blocks of {}", x.shape[0], to_string(block)));
  const int64_t n = x.shape[0] / pixels;
  const Tensor blocks = transposed(reshaped(x, {block[0], block[1], n, c, h, w}), {2, 3, 4, 0, 5, 1});
  const Tensor wide = reshaped(blocks, {n, c, h * block[0], w * block[1]});
  const int64_t rows = wide.shape[2] - crop[0] - crop[1], columns = wide.shape[3] - crop[2] - crop[3];
  if (rows < 1 || columns < 1)
    call.fail(fmt::format("{} cannot be cut from {}", to_string(crop), to_string(wide.shape)));
  return sliced(sliced(wide, 2, crop[0], 1, rows), 3, crop[2], 1, columns);
}

}  // namespace ane::reference::ops
