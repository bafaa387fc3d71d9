// Borders around an image.
//
// Zeros are a convolution that copies each channel and pads, which passes merge with one behind; another
// number is added to the zeros by a map of the border. The image's own edge, repeated or mirrored, is read
// like an image between pixels (resample.h), at positions that happen to be whole.
#include "import/layer.h"
#include "import/resample.h"
#include "import/window.h"

namespace ane::import {
namespace {

using aneir::TensorId;

enum PadKind { pad_constant = 0, pad_reflect = 1, pad_replicate = 2 };

struct Borders {
  int top, bottom, left, right;
};

TensorId surround_by_zeros(LayerImport& at, const Borders& borders) {
  aneir::Conv conv = depthwise_ones(at.shape(at.input()).c, 1, 1);
  conv.pad_left = borders.left, conv.pad_right = borders.right;
  conv.pad_top = borders.top, conv.pad_bottom = borders.bottom;
  return at.add(std::move(conv), {at.input()});
}

// `value` on the border, 0 on the image.
TensorId border_map(LayerImport& at, const Borders& borders, const aneir::Shape& image, float value) {
  constexpr int64_t most = int64_t{1} << 26;  // a shape alone stands for it, no data
  aneir::Shape shape;
  shape.h = image.h + borders.top + borders.bottom, shape.w = image.w + borders.left + borders.right;
  at.require(shape.count() <= most, "too large a border");
  std::vector<float> map(static_cast<size_t>(shape.count()), value);
  for (int64_t y = 0; y < image.h; ++y)
    for (int64_t x = 0; x < image.w; ++x)
      map[static_cast<size_t>((y + borders.top) * shape.w + x + borders.left)] = 0;
  return at.add(aneir::ConstantTensor{shape, aneir::Constant::of_floats(std::move(map))}, {});
}

// Where the elements of an axis of `in` with a border come from. A mirror stands in the edge pixel.
Positions edge_positions(const LayerImport& at, int64_t in, int low, int high, bool mirrored) {
  at.require(!mirrored || (low < in && high < in), "mirrors more than there is");
  Positions positions;
  for (int64_t i = -low; i < in + high; ++i) {
    const int64_t mirror = i < 0 ? -i : i >= in ? 2 * (in - 1) - i : i;
    positions.push_back(static_cast<double>(mirrored ? mirror : i));  // clamped to the edges
  }
  return positions;
}

}  // namespace

Tops import_padding(LayerImport& at) {
  const int64_t kind = at.integer("pad_pad_mode", pad_constant);
  at.require(kind >= pad_constant && kind <= pad_replicate, "pad_pad_mode " + std::to_string(kind));
  const Borders borders{at.window("pad_t", 0), at.window("pad_b", 0), at.window("pad_l", 0),
                        at.window("pad_r", 0)};
  const aneir::Shape image = at.shape(at.input());
  if (kind != pad_constant) {
    const bool mirrored = kind == pad_reflect;
    return {resample(at.network, at.adder(), at.input(),
                     edge_positions(at, image.h, borders.top, borders.bottom, mirrored),
                     edge_positions(at, image.w, borders.left, borders.right, mirrored))};
  }
  const TensorId zeros = surround_by_zeros(at, borders);
  const float value = at.number("pad_value", 0);
  if (value == 0) return {zeros};
  const aneir::ElementWise plus{aneir::ElementWiseOp::Add, 1, false};
  return {at.add(plus, {zeros, border_map(at, borders, image, value)})};
}

}  // namespace ane::import
