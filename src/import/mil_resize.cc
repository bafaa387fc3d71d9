// Operations that give images another size: nearest elements are painted or cut, and what lies between
// elements is a product with a constant matrix along each axis (resample.h).
#include <algorithm>
#include <cmath>

#include "import/mil_operation.h"
#include "import/resample.h"
#include "import/window.h"

namespace ane::import {
namespace {

using aneir::TensorId;

constexpr int64_t most_boxes = 256;

// The last two axes, as `sizes`: element i of the result is the one whose area holds the position
// (i + shift / 2) of as many equal parts. Whole factors are a transposed convolution that paints each element
// over a block.
TensorId nearest(OperationImport& at, const std::vector<int64_t>& sizes, int64_t shift) {
  std::vector<int64_t> shape = at.type("x").shape;
  const size_t first = shape.size() - 2;
  TensorId x = at.tensor("x");
  const int64_t height = sizes[0] / shape[first], width = sizes[1] / shape[first + 1];
  if (sizes[0] % shape[first] == 0 && sizes[1] % shape[first + 1] == 0 && width <= aneir::max_window &&
      height <= aneir::max_window) {
    aneir::Conv conv = depthwise_ones(at.shape(x).c, static_cast<int>(width), static_cast<int>(height));
    conv.transposed = true;
    conv.stride_x = static_cast<int>(width);
    conv.stride_y = static_cast<int>(height);
    return at.add(std::move(conv), {x});
  }
  for (size_t i = 0; i < 2; ++i) {
    const size_t axis = first + i;
    const int64_t before = shape[axis], after = sizes[i];
    std::vector<int64_t> positions;
    for (int64_t to = 0; to < after; ++to) positions.push_back((2 * to + shift) * before / (2 * after));
    if (after != before) x = taken(at, x, shape, axis, positions);
    shape[axis] = after;
  }
  return x;
}

// ---- Between elements

// `count` points of a stretch of an axis, from the middle of element `first` to that of `last`, as the
// documentation of resize_bilinear and crop_resize has them.
Positions sampling_points(const OperationImport& at, double first, double last, int64_t count) {
  const std::string mode = at.text("sampling_mode", "DEFAULT");
  const double points = static_cast<double>(count), length = last - first + 1;
  double begin = first, step = 0;
  if (mode == "STRICT_ALIGN_CORNERS" || mode == "ALIGN_CORNERS") {
    step = count == 1 ? 0 : (last - first) / (points - 1);
    if (count == 1 && mode == "ALIGN_CORNERS") begin = (first + last) / 2;
  } else if (mode == "DEFAULT") {
    step = count == 1 ? 0 : (length - length / points) / (points - 1);
  } else if (mode == "UNALIGN_CORNERS") {
    step = length / points;
    begin = first + step / 2 - 0.5;
  } else {
    at.require(mode == "OFFSET_CORNERS", "sampling_mode " + mode);
    step = std::max(1.0, last - first) / points;
    begin = first + step / 2;
  }
  Positions positions;
  for (int64_t i = 0; i < count; ++i) positions.push_back(begin + static_cast<double>(i) * step);
  return positions;
}

AddUnit adder(OperationImport& at) {
  return [&at](aneir::Params params, std::vector<TensorId> bottoms) {
    return at.add(std::move(params), std::move(bottoms));
  };
}

int64_t size_of(const OperationImport& at, const std::string& parameter, int64_t size) {
  at.require(size >= 1 && size <= aneir::max_window, parameter + " is " + std::to_string(size));
  return size;
}

std::vector<int64_t> last_two(const OperationImport& at) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  at.require(shape.size() >= 3, "resizes a tensor of rank " + std::to_string(shape.size()));
  return {shape.end() - 2, shape.end()};
}

// Sizes are rounded down after a product in float32, in which the factors are; the elements follow from them.
std::vector<int64_t> sizes_by_factors(const OperationImport& at) {
  std::vector<int64_t> sizes = last_two(at);
  const char* const parameters[] = {"scale_factor_height", "scale_factor_width"};
  for (size_t i = 0; i < 2; ++i) {
    const float factor = at.number(parameters[i], 1);
    const float size = std::floor(static_cast<float>(sizes[i]) * factor);
    at.require(size >= 1 && size <= aneir::max_window,
               std::string(parameters[i]) + " is " + std::to_string(factor));
    sizes[i] = static_cast<int64_t>(size);
  }
  return sizes;
}

// `axes`: of the last two, how many are resized; where the other is read says no mode.
Tops between(OperationImport& at, const std::vector<int64_t>& sizes, int64_t axes = 2) {
  const std::vector<int64_t> from = last_two(at);
  const auto points = [&](size_t axis) {
    return sampling_points(at, 0, static_cast<double>(from[axis] - 1), sizes[axis]);
  };
  const Positions rows = axes == 2 ? points(0) : positions_on(Grid::EndPoints, from[0], from[0]);
  return {resample(at.network, adder(at), at.tensor("x"), rows, points(1))};
}

// ---- Boxes

struct Box {
  double top, left, bottom, right;
};

Box box_of(const OperationImport& at, const float* numbers) {
  const std::string mode = at.text("box_coordinate_mode", "CORNERS_HEIGHT_FIRST");
  double a = static_cast<double>(numbers[0]), b = static_cast<double>(numbers[1]),
         c = static_cast<double>(numbers[2]), d = static_cast<double>(numbers[3]);
  const bool width_first = mode.ends_with("_WIDTH_FIRST");
  if (width_first) std::swap(a, b), std::swap(c, d);
  if (mode.starts_with("CORNERS_")) return {a, b, c, d};
  at.require(mode == "CENTER_SIZE_HEIGHT_FIRST" || width_first, "box_coordinate_mode " + mode);
  return {a - c / 2, b - d / 2, a + c / 2, b + d / 2};
}

// Where a box is read along an axis of `size` elements. What lies outside is pad_value, for which a matrix
// has no place.
Positions points_of_box(const OperationImport& at, double first, double last, int64_t size, int64_t count) {
  const double end = static_cast<double>(size - 1);
  const double scale = static_cast<double>(at.number("spatial_scale", 1)) *
                       (at.flag("normalized_coordinates", false) ? end : 1.0);
  // What these read of a box, or behind its end, is not documented.
  at.require(at.text("sampling_mode", "DEFAULT") != "UNALIGN_CORNERS", "sampling_mode UNALIGN_CORNERS");
  const Positions points = sampling_points(at, first * scale, last * scale, count);
  const double nearly = 1e-6 * static_cast<double>(size);
  for (const double point : points)
    at.require(point >= -nearly && point <= end + nearly && point <= last * scale + nearly,
               "reads outside of a box or an image");
  return points;
}

// One box of one image, as an image.
TensorId cut_out(OperationImport& at, int64_t image, const Box& box, int64_t height, int64_t width) {
  const std::vector<int64_t>& shape = at.type("x").shape;
  at.require(image >= 0 && image < shape[0], "cuts from image " + std::to_string(image));
  const TensorId one = sliced(at, at.tensor("x"), shape,
                              {{image, 1, 1}, {0, shape[1], 1}, {0, shape[2], 1}, {0, shape[3], 1}});
  return resample(at.network, adder(at), one, points_of_box(at, box.top, box.bottom, shape[2], height),
                  points_of_box(at, box.left, box.right, shape[3], width));
}

}  // namespace

// MIL's element is the one at the centre of the result's, as coremltools makes it of TensorFlow's
// half_pixel_centers.
Tops import_resize_nearest(OperationImport& at) {
  last_two(at);
  return {nearest(at,
                  {size_of(at, "target_size_height", at.integer("target_size_height")),
                   size_of(at, "target_size_width", at.integer("target_size_width"))},
                  1)};
}

Tops import_resize_bilinear(OperationImport& at) {
  return between(at, {size_of(at, "target_size_height", at.integer("target_size_height", 1)),
                      size_of(at, "target_size_width", at.integer("target_size_width", 1))});
}

// The last axes get the last sizes; 0 leaves one as it is.
Tops import_resize(OperationImport& at) {
  const int64_t count = at.integer("resized_dims");
  at.require(count == 1 || count == 2, "resizes " + std::to_string(count) + " axes");
  const std::vector<int64_t> given = at.integers("shape");
  std::vector<int64_t> sizes = last_two(at);
  at.require(static_cast<int64_t>(given.size()) >= count, "has too short a shape");
  for (size_t i = 1; i <= static_cast<size_t>(count); ++i)
    if (given[given.size() - i] != 0) sizes[2 - i] = size_of(at, "shape", given[given.size() - i]);
  const std::string mode = at.text("interpolation_mode", "LINEAR");
  if (mode == "LINEAR") return between(at, sizes, count);
  at.require(mode == "NEAREST_NEIGHBOR", "interpolation_mode " + mode);
  at.require(at.text("sampling_mode", "DEFAULT") == "DEFAULT", "sampling_mode other than DEFAULT");
  return {nearest(at, sizes, 1)};
}

Tops import_upsample(OperationImport& at) {
  return {nearest(at, sizes_by_factors(at), 0)};
}

// Between align_corners and half_pixel_centers, which is its opposite unless given, lie three grids.
Tops import_upsample_bilinear(OperationImport& at) {
  const std::vector<int64_t> from = last_two(at), sizes = sizes_by_factors(at);
  const bool align = at.flag("align_corners", true), centers = at.flag("half_pixel_centers", !align);
  at.require(!align || !centers, "align_corners and half_pixel_centers exclude each other");
  const Grid grid = align ? Grid::EndPoints : centers ? Grid::PixelCentres : Grid::FromFirst;
  return {resample(at.network, adder(at), at.tensor("x"), positions_on(grid, from[0], sizes[0]),
                   positions_on(grid, from[1], sizes[1]))};
}

// Up to iOS16 roi is [N, 1, 4, 1, 1], of each image, or [N, 1, 5, 1, 1] with the image first, and the result
// [N, images, C, H, W]; then boxes is [N, 4], with box_indices beside, and the result [N, C, H, W].
Tops import_crop_resize(OperationImport& at) {
  const std::vector<int64_t> shape = at.type("x").shape;
  at.require(shape.size() == 4, "cuts from a tensor of rank " + std::to_string(shape.size()));
  const bool old = at.has("roi");
  const char* const parameter = old ? "roi" : "boxes";
  const int64_t boxes = at.rank(parameter) > 0 ? at.type(parameter).shape[0] : 0,
                all = at.known(parameter)->count(), each = boxes > 0 ? all / boxes : 0;
  at.require(boxes >= 1 && boxes <= most_boxes && each * boxes == all && (each == 4 || (old && each == 5)),
             std::string(parameter) + " is " + at.type(parameter).text());
  const std::vector<float> numbers = at.numbers(parameter, all).floats();
  const std::vector<int64_t> images = at.has("box_indices")
                                          ? at.integers("box_indices", static_cast<size_t>(boxes), 0)
                                          : std::vector<int64_t>();
  const int64_t height = size_of(at, "target_height", at.integer("target_height", 1)),
                width = size_of(at, "target_width", at.integer("target_width", 1));
  const int64_t cuts = old && each == 4 ? shape[0] : 1;
  at.require(cuts <= most_boxes / boxes, "cuts out more than 256 boxes");
  std::vector<TensorId> parts;
  for (int64_t i = 0; i < boxes * cuts; ++i) {
    const float* box = numbers.data() + i / cuts * each;
    const int64_t image = !old        ? (images.empty() ? i : images[static_cast<size_t>(i)])
                          : each == 5 ? static_cast<int64_t>(box[0])
                                      : i % cuts;
    parts.push_back(cut_out(at, image, box_of(at, box + each - 4), height, width));
  }
  const std::vector<int64_t> result = {boxes * cuts, shape[1], height, width};
  return {at.reshaped(joined(at, result, 0, parts), at.declared_shape())};
}

}  // namespace ane::import
