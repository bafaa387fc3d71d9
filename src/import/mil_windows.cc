// Operations that slide a window: convolutions, pooling, and padding, which with zeros is a convolution.
//
// They count axes from the left: batch, channels, then one or two of space. An image with one axis of space
// is one of height 1. Aligned to the right it has its channels as rows, so it is reshaped before and behind,
// which moves nothing.
#include <algorithm>

#include "import/mil_operation.h"
#include "import/window.h"

namespace ane::import {
namespace {

using aneir::Axis;
using aneir::Conv;
using aneir::Shape;
using aneir::TensorId;

// Window sizes and positions, as far as they do not depend on the padding.
struct Windows {
  Shape image;  // of x, with channels as channels
  size_t axes = 2;
  Side x, y;

  Side& of(size_t axis) { return axis + 1 == axes ? x : y; }
  int64_t length(size_t axis) const { return axis + 1 == axes ? image.w : image.h; }
};

int checked_size(const OperationImport& at, const std::string& what, int64_t value, int64_t least) {
  at.require(value >= least && value <= aneir::max_window, what + " is " + std::to_string(value));
  return static_cast<int>(value);
}

Windows windows_over(const OperationImport& at, const std::vector<int64_t>& kernel, bool dilated) {
  Windows windows;
  const std::vector<int64_t>& x = at.type("x").shape;
  at.require(x.size() == 3 || x.size() == 4,
             "windows over " + std::to_string(std::max<size_t>(x.size(), 2) - 2) + " axes of space");
  windows.axes = x.size() - 2;
  at.require(kernel.size() == windows.axes, "a kernel of another rank than x");
  windows.image = at.shape("x");
  if (windows.axes == 1) windows.image = {x[0], 1, x[1], 1, x[2]};
  const auto strides = at.integers("strides", windows.axes, 1);
  const auto dilations =
      dilated ? at.integers("dilations", windows.axes, 1) : std::vector<int64_t>(windows.axes, 1);
  for (size_t i = 0; i < windows.axes; ++i) {
    Side& side = windows.of(i);
    side.kernel = checked_size(at, "the kernel's size", kernel[i], 1);
    side.stride = checked_size(at, "a stride", strides[i], 1);
    side.dilation = checked_size(at, "a dilation", dilations[i], 1);
  }
  return windows;
}

void set_padding(const OperationImport& at, Windows& windows) {
  const auto pad = at.integers("pad", 2 * windows.axes, 0);
  for (size_t i = 0; i < windows.axes; ++i) {
    windows.of(i).low = checked_size(at, "pad", pad[2 * i], 0);
    windows.of(i).high = checked_size(at, "pad", pad[2 * i + 1], 0);
  }
}

// What pad_type means for windows that must lie within the padded image.
void resolve_padding(const OperationImport& at, Windows& windows, const std::string& pad_type) {
  if (pad_type == "valid") return;
  if (pad_type == "custom") return set_padding(at, windows);
  at.require(pad_type == "same" || pad_type == "same_lower", "pad_type " + pad_type);
  for (size_t i = 0; i < windows.axes; ++i) {
    Side& side = windows.of(i);
    split_padding(side, same_padding(side, windows.length(i)), pad_type == "same");
  }
}

TensorId image_of(OperationImport& at, const Windows& windows) {
  return at.reshaped(at.tensor("x"), windows.image);
}

// The result of a unit over the image, in the declared shape.
Tops result_of(OperationImport& at, aneir::Params params, const Windows& windows) {
  const TensorId result = at.add(std::move(params), {image_of(at, windows)});
  if (windows.axes == 2) return {result};
  const Shape image = at.shape(result);
  return {at.reshaped(result, {1, 1, image.n, image.c, image.w})};
}

// Shape of the weights: two axes of channels, then the kernel.
std::vector<int64_t> kernel_of(const mil::Value& weight) {
  const std::vector<int64_t>& shape = weight.type.shape;
  return shape.size() < 2 ? std::vector<int64_t>{} : std::vector<int64_t>{shape.begin() + 2, shape.end()};
}

void set_values(const OperationImport& at, Conv& conv, const mil::Value& weight) {
  conv.weights = at.numbers("weight", weight.count());
  if (at.has("bias")) conv.bias = at.numbers("bias", conv.output_channels);
}

// A transposed convolution's result, of (length - 1) * stride + extent elements, is cut on both sides down to
// the declared size. Which part is cut first is told by pad_type; the rest is cut behind.
void resolve_cropping(const OperationImport& at, Windows& windows, const std::string& pad_type) {
  const std::vector<int64_t>& declared = at.declared().shape;
  at.require(declared.size() == windows.axes + 2, "gives another rank than x");
  at.require(at.declared().count() >= 0, "leaves the lengths of its result open");
  at.require(pad_type == "custom" || pad_type == "same" || pad_type == "valid", "pad_type " + pad_type);
  if (pad_type == "custom") set_padding(at, windows);
  for (size_t i = 0; i < windows.axes; ++i) {
    Side& side = windows.of(i);
    const int64_t full = (windows.length(i) - 1) * side.stride + side.extent();
    const int64_t total = full - declared[i + 2];
    if (pad_type == "same") split_padding(side, total);
    if (pad_type != "same") side.high = checked_size(at, "what is cut away behind", total - side.low, 0);
  }
}

// The amounts before and behind one axis.
struct Border {
  Axis axis;
  int low, high;
};

// Constants of one number joined to both ends of an axis.
TensorId with_border(OperationImport& at, TensorId x, const Border& border, float value) {
  constexpr int64_t most = int64_t{1} << 26;  // a shape alone stands for these, no data
  std::vector<TensorId> parts = {x};
  for (const bool before : {true, false}) {
    Shape shape = at.shape(x);
    shape[border.axis] = before ? border.low : border.high;
    if (shape[border.axis] == 0) continue;
    at.require(shape.count() <= most, "too large a border");
    std::vector<float> values(static_cast<size_t>(shape.count()), value);
    const TensorId piece =
        at.add(aneir::ConstantTensor{shape, aneir::Constant::of_floats(std::move(values))}, {});
    parts.insert(before ? parts.begin() : parts.end(), piece);
  }
  return at.add(aneir::Concat{border.axis}, parts);
}

// The elements of an axis that lie before or behind it when it goes on as its mirror image (without the last
// element twice), or as its last element.
TensorId mirrored_or_repeated(OperationImport& at, TensorId x, const Border& border, bool mirrored) {
  constexpr int most = 256;  // each is a unit of its own
  const int64_t length = at.shape(x)[border.axis];
  const int widest = std::max(border.low, border.high);
  at.require(widest <= most, "goes on for " + std::to_string(widest) + " elements");
  at.require(!mirrored || widest < length, "mirrors more than there is");
  const auto element = [&](int64_t position) {
    if (length == 1) return x;
    return at.add(aneir::InputView{border.axis, position, 1, 1}, {x});
  };
  // Columns are turned to channels once for all, not each on its own.
  if (border.axis == Axis::Width && border.low + border.high > 2) {
    const aneir::Transpose turn{{Axis::Batch, Axis::Depth, Axis::Width, Axis::Height, Axis::Channel}};
    const Border channels{Axis::Channel, border.low, border.high};
    const TensorId turned = at.add(turn, {x});
    return at.add(turn, {mirrored_or_repeated(at, turned, channels, mirrored)});
  }
  std::vector<TensorId> parts;
  for (int i = border.low; i > 0; --i) parts.push_back(element(mirrored ? i : 0));
  parts.push_back(x);
  for (int i = 1; i <= border.high; ++i) parts.push_back(element(length - 1 - (mirrored ? i : 0)));
  return at.add(aneir::Concat{border.axis}, parts);
}

// Of the last axes of x, each for one axis.
std::vector<Border> borders_of(const OperationImport& at) {
  const std::vector<int64_t> pad = at.integers("pad");
  const size_t rank = at.rank("x");
  at.require(
      pad.size() % 2 == 0 && pad.size() / 2 <= rank,
      "pad has " + std::to_string(pad.size()) + " amounts for a tensor of rank " + std::to_string(rank));
  std::vector<Border> borders;
  for (size_t i = 0; i < pad.size() / 2; ++i) {
    const int low = checked_size(at, "pad", pad[2 * i], 0), high = checked_size(at, "pad", pad[2 * i + 1], 0);
    if (low + high == 0) continue;
    borders.push_back({at.axis(static_cast<int64_t>(rank - pad.size() / 2 + i), "x"), low, high});
  }
  return borders;
}

}  // namespace

Tops import_conv(OperationImport& at) {
  const mil::ValuePointer weight = at.known("weight");
  Windows windows = windows_over(at, kernel_of(*weight), true);
  resolve_padding(at, windows, at.text("pad_type", "valid"));
  Conv conv;
  conv.output_channels = weight->type.shape[0];
  conv.groups = at.integer("groups", 1);
  set_window(conv, windows.x, windows.y);
  set_values(at, conv, *weight);
  return result_of(at, std::move(conv), windows);
}

Tops import_conv_transpose(OperationImport& at) {
  const mil::ValuePointer weight = at.known("weight");
  Windows windows = windows_over(at, kernel_of(*weight), true);
  resolve_cropping(at, windows, at.text("pad_type", "valid"));
  Conv conv;
  conv.transposed = true;
  conv.groups = at.integer("groups", 1);
  conv.output_channels = aneir::saturating_product({weight->type.shape[1], conv.groups});
  set_window(conv, windows.x, windows.y);
  set_values(at, conv, *weight);
  return result_of(at, std::move(conv), windows);
}

// With ceil_mode a last window may overhang the padded image; the declared size tells whether it does.
Tops import_pool(OperationImport& at) {
  const std::string& type = at.operation.type;
  Windows windows = windows_over(at, at.integers("kernel_sizes"), false);
  resolve_padding(at, windows, at.text("pad_type", "valid"));
  aneir::Pooling pooling;
  pooling.type = type == "max_pool"   ? aneir::PoolingType::Max
                 : type == "avg_pool" ? aneir::PoolingType::Average
                                      : aneir::PoolingType::L2;
  pooling.exclude_padding = at.flag("exclude_padding_from_average", false);
  if (at.flag("ceil_mode", false)) {
    const std::vector<int64_t>& declared = at.declared().shape;
    at.require(declared.size() == windows.axes + 2, "gives another rank than x");
    at.require(at.declared().count() >= 0, "leaves the lengths of its result open");
    const int before = windows.x.high + windows.y.high;
    for (size_t i = 0; i < windows.axes; ++i) reach(windows.of(i), windows.length(i), declared[i + 2]);
    const bool overhangs = windows.x.high + windows.y.high != before;
    at.require(!overhangs || pooling.type != aneir::PoolingType::Average || pooling.exclude_padding,
               "averages over windows that overhang the padding");
  }
  pooling.kernel_width = windows.x.kernel, pooling.kernel_height = windows.y.kernel;
  pooling.stride_x = windows.x.stride, pooling.stride_y = windows.y.stride;
  pooling.pad_left = windows.x.low, pooling.pad_right = windows.x.high;
  pooling.pad_top = windows.y.low, pooling.pad_bottom = windows.y.high;
  return result_of(at, pooling, windows);
}

// Zeros around the image are a convolution that copies each channel and pads; passes merge it with one
// behind. Other borders are constants, or parts of the tensor, joined to it.
Tops import_pad(OperationImport& at) {
  const std::string mode = at.text("mode", "constant");
  const std::vector<Border> borders = borders_of(at);
  if (mode != "constant") {
    at.require(mode == "reflect" || mode == "replicate", "mode " + mode);
    TensorId result = at.tensor("x");
    for (const Border& border : borders) result = mirrored_or_repeated(at, result, border, mode == "reflect");
    return {result};
  }
  const float value = at.number("constant_val", 0);
  const auto is_padding = [&](const Border& border) {
    return value == 0 && (border.axis == Axis::Width || border.axis == Axis::Height);
  };
  TensorId result = at.tensor("x");
  for (const Border& border : borders)
    if (!is_padding(border)) result = with_border(at, result, border, value);
  if (std::none_of(borders.begin(), borders.end(), is_padding)) return {result};
  Conv conv = depthwise_ones(at.shape(result).c, 1, 1);
  for (const Border& border : borders) {
    if (!is_padding(border)) continue;
    (border.axis == Axis::Width ? conv.pad_left : conv.pad_top) = border.low;
    (border.axis == Axis::Width ? conv.pad_right : conv.pad_bottom) = border.high;
  }
  return {at.add(std::move(conv), {result})};
}

}  // namespace ane::import
