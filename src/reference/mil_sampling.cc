// Operations that read images, [B, C, H, W], at positions between the pixels: cut-out boxes and arbitrary
// grids.

#include "reference/mil_sampling.h"

#include <fmt/format.h>

#include <cmath>

#include "reference/mil_operations.h"

namespace ane::reference::ops {
namespace {

struct Images {
  const Tensor& tensor;
  int64_t n, c, h, w;

  const float* plane(int64_t image, int64_t channel) const {
    return tensor.data.data() + (image * c + channel) * h * w;
  }
};

Images images_of(const MilCall& call) {
  const Tensor& x = call.tensor("x");
  if (x.shape.size() != 4) call.fail(fmt::format("x has the shape {}, not four axes", to_string(x.shape)));
  return {x, x.shape[0], x.shape[1], x.shape[2], x.shape[3]};
}

// ---- Boxes ----

// What lies between two positions of an axis.
struct Interval {
  double first, last;
};

struct Box {
  Interval rows, columns;
};

Box box_of(const MilCall& call, const float* v) {
  const std::string& mode = call.text("box_coordinate_mode");
  const auto around = [](double center, double size) {
    return Interval{center - size / 2, center + size / 2};
  };
  if (mode == "CORNERS_HEIGHT_FIRST") return {{v[0], v[2]}, {v[1], v[3]}};
  if (mode == "CORNERS_WIDTH_FIRST") return {{v[1], v[3]}, {v[0], v[2]}};
  if (mode == "CENTER_SIZE_HEIGHT_FIRST") return {around(v[0], v[2]), around(v[1], v[3])};
  if (mode == "CENTER_SIZE_WIDTH_FIRST") return {around(v[1], v[3]), around(v[0], v[2])};
  call.fail(fmt::format("box_coordinate_mode {} is not known", mode));
}

// The positions that a box reads along an axis of `size`, in pixels.
//
// Two things are open and refused: UNALIGN_CORNERS, for which coremltools expects a result that does not
// depend on the box at all (tests/iOS15/test_image_resizing.py), and points behind the end of the box, which
// DEFAULT has where it enlarges.
Positions box_positions(const MilCall& call, Interval interval, int64_t size, int64_t count) {
  const double scale = call.number("spatial_scale") *
                       (call.flag("normalized_coordinates") ? static_cast<double>(size - 1) : 1.0);
  interval = {interval.first * scale, interval.last * scale};
  const SamplingMode mode = sampling_mode_of(call);
  if (mode == SamplingMode::UnalignCorners) call.fail("what UNALIGN_CORNERS means for a box is not known");
  const Positions positions = sampling_positions(mode, interval.first, interval.last, count);
  const double end = std::max(interval.first, interval.last);
  if (mode == SamplingMode::Default && *std::max_element(positions.begin(), positions.end()) > end + 1e-6)
    call.fail("what DEFAULT reads behind the end of a box is not known");
  return positions;
}

// A hair outside, by rounding, is the edge.
bool inside(double& position, int64_t size) {
  const auto last = static_cast<double>(size - 1);
  const double edge = std::clamp(position, 0.0, last);
  if (!(std::abs(position - edge) <= 1e-6 * static_cast<double>(size))) return false;
  position = edge;
  return true;
}

// Reads a box of all channels of image `image` into `out`. Pixels outside are pad_value, of which iOS15 does
// not speak.
void read_box(const MilCall& call, const Images& images, int64_t image, const Box& box, int64_t height,
              int64_t width, bool pads, float* out) {
  const Positions rows = box_positions(call, box.rows, images.h, height);
  const Positions columns = box_positions(call, box.columns, images.w, width);
  const float outside = pads ? static_cast<float>(call.number("pad_value")) : 0.0f;
  for (int64_t c = 0; c < images.c; ++c) {
    for (double y : rows) {
      const bool row_inside = inside(y, images.h);
      for (double x : columns) {
        const bool both = row_inside && inside(x, images.w);
        if (!both && !pads) call.fail("a box reaches outside of the image, and what is there is not known");
        *out++ = both ? interpolate(images.plane(image, c), images.h, images.w, y, x) : outside;
      }
    }
  }
}

int64_t image_index(const MilCall& call, float value, int64_t count) {
  if (!(value >= 0 && value < static_cast<float>(count)) || value != std::floor(value))
    call.fail(fmt::format("a box is cut from image {} of {}", value, count));
  return static_cast<int64_t>(value);
}

// roi is [N, 1, 4, 1, 1], and every box is cut from every image, or [N, 1, 5, 1, 1], with the image first.
Tensor crop_regions(const MilCall& call, bool pads) {
  const Images images = images_of(call);
  const Tensor& roi = call.tensor("roi");
  const int64_t values = roi.shape.size() == 5 ? roi.shape[2] : 0;
  if ((values != 4 && values != 5) || roi.shape != Shape{roi.shape[0], 1, values, 1, 1})
    call.fail(fmt::format("roi has the shape {}, not [N, 1, 4 or 5, 1, 1]", to_string(roi.shape)));
  const int64_t height = call.positive("target_height"), width = call.positive("target_width");
  const int64_t cuts = values == 5 ? 1 : images.n, size = images.c * height * width;
  Tensor result = make_tensor(call.checked({roi.shape[0], cuts, images.c, height, width}));
  for (int64_t i = 0; i < roi.shape[0] * cuts; ++i) {
    const float* row = roi.data.data() + i / cuts * values;
    const int64_t image = values == 5 ? image_index(call, row[0], images.n) : i % cuts;
    read_box(call, images, image, box_of(call, row + values - 4), height, width, pads,
             result.data.data() + i * size);
  }
  return result;
}

// ---- Grids ----

// A position as a coordinate of an axis of `size` says it.
double pixel_of(const MilCall& call, double coordinate, int64_t size) {
  const std::string& mode = call.text("coordinates_mode");
  const auto whole = static_cast<double>(size);
  if (mode == "unnormalized") return coordinate;
  double part = coordinate;  // of the axis
  if (mode == "normalized_minus_one_to_one") {
    part = (coordinate + 1) / 2;
  } else if (mode != "normalized_zero_to_one") {
    call.fail(fmt::format("coordinates_mode {} is not known", mode));
  }
  return call.flag("align_corners") ? part * (whole - 1) : part * whole - 0.5;
}

// `position` folded into [low, high] by reflections at both ends.
double reflected(double position, double low, double high) {
  const double length = high - low;
  if (length <= 0) return low;
  const double within = std::fmod(std::abs(position - low), 2 * length);
  return low + (within <= length ? within : 2 * length - within);
}

// Where a position outside of an axis is read; inside, positions stay. Only the mode constant leaves them
// outside.
double padded_position(const MilCall& call, double position, int64_t size) {
  const std::string& mode = call.text("padding_mode");
  const auto last = static_cast<double>(size - 1);
  if (mode == "constant") return position;
  if (mode == "reflection") return reflected(position, 0, last);
  // Symmetric: the edges of the outermost pixels are the mirrors; between them and the centres lies the pixel
  // itself.
  if (mode == "symmetric") return std::clamp(reflected(position, -0.5, last + 0.5), 0.0, last);
  if (mode == "border") return std::clamp(position, 0.0, last);
  call.fail(fmt::format("padding_mode {} is not known", mode));
}

// The value at (y, x), where everything outside of the plane is `outside`.
double read_padded(const Images& images, const float* plane, double y, double x, double outside) {
  const auto at = [&](double row, double column) {
    const bool within = row >= 0 && row < static_cast<double>(images.h) && column >= 0 &&
                        column < static_cast<double>(images.w);
    return within ? double{plane[static_cast<int64_t>(row) * images.w + static_cast<int64_t>(column)]}
                  : outside;
  };
  const double top = std::floor(y), left = std::floor(x);
  return std::lerp(std::lerp(at(top, left), at(top, left + 1), x - left),
                   std::lerp(at(top + 1, left), at(top + 1, left + 1), x - left), y - top);
}

// Reads all channels of an image at one point into out[0], out[stride], ...
void read_point(const MilCall& call, const Images& images, int64_t image, double x, double y, float* out,
                int64_t stride) {
  const std::string& mode = call.text("sampling_mode");
  if (mode != "bilinear" && mode != "nearest") call.fail(fmt::format("sampling_mode {} is not known", mode));
  double column = padded_position(call, pixel_of(call, x, images.w), images.w);
  double row = padded_position(call, pixel_of(call, y, images.h), images.h);
  if (!std::isfinite(row) || !std::isfinite(column)) call.fail("a coordinate is no number");
  // Ties go to the even pixel, as in PyTorch; coremltools expects 0 for 0.5.
  if (mode == "nearest") {
    row = std::nearbyint(row);
    column = std::nearbyint(column);
  }
  for (int64_t c = 0; c < images.c; ++c) {
    out[c * stride] = static_cast<float>(
        read_padded(images, images.plane(image, c), row, column, call.number("padding_value")));
  }
}

}  // namespace

Tensor crop_resize_ios15(const MilCall& call) {
  return crop_regions(call, false);
}

Tensor crop_resize_ios16(const MilCall& call) {
  return crop_regions(call, true);
}

// boxes is [N, 4]; box_indices says the image of each, or they are those of the images in turn.
Tensor crop_resize(const MilCall& call) {
  const Images images = images_of(call);
  const Tensor& boxes = call.tensor("boxes");
  if (boxes.shape.size() != 2 || boxes.shape[1] != 4)
    call.fail(fmt::format("boxes has the shape {}, not [N, 4]", to_string(boxes.shape)));
  const int64_t count = boxes.shape[0];
  const Tensor* indices = call.optional("box_indices");
  if (indices && indices->shape != Shape{count})
    call.fail(fmt::format("box_indices has the shape {} for {} boxes", to_string(indices->shape), count));
  const int64_t height = call.positive("target_height"), width = call.positive("target_width");
  Tensor result = make_tensor(call.checked({count, images.c, height, width}));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t image = image_index(call, indices ? indices->data[i] : static_cast<float>(i), images.n);
    read_box(call, images, image, box_of(call, boxes.data.data() + i * 4), height, width, true,
             result.data.data() + i * images.c * height * width);
  }
  return result;
}

// coordinates is [B, H', W', 2], (x, y) for each point.
Tensor resample(const MilCall& call) {
  const Images images = images_of(call);
  const Tensor& points = call.tensor("coordinates");
  const Shape& grid = points.shape;
  if (grid.size() != 4 || grid[0] != images.n || grid[3] != 2)
    call.fail(fmt::format("coordinates has the shape {} for {} images", to_string(grid), images.n));
  const int64_t area = grid[1] * grid[2];
  Tensor result = make_tensor(call.checked({images.n, images.c, grid[1], grid[2]}));
  for (int64_t i = 0; i < images.n * area; ++i) {
    const int64_t image = i / area;
    read_point(call, images, image, points.data[2 * i], points.data[2 * i + 1],
               result.data.data() + image * images.c * area + i % area, area);
  }
  return result;
}

// Output point (x, y) is read at (a0 x + a1 y + a2, b0 x + b1 y + b2), both in coordinates from -1 to 1
// between the centres of the outermost pixels. That the operation takes nothing else is its documentation's
// word.
Tensor affine(const MilCall& call) {
  const Images images = images_of(call);
  const Tensor& matrix = call.tensor("transform_matrix");
  if (matrix.shape.size() != 2 || (matrix.shape[0] != 1 && matrix.shape[0] != images.n) ||
      matrix.shape[1] != 6)
    call.fail(
        fmt::format("transform_matrix has the shape {} for {} images", to_string(matrix.shape), images.n));
  if (call.text("sampling_mode") != "bilinear" || call.text("padding_mode") != "constant" ||
      call.text("coordinates_mode") != "normalized_minus_one_to_one" || !call.flag("align_corners"))
    call.fail("affine is bilinear, with constant padding and aligned corners from -1 to 1");
  const int64_t height = call.positive("output_height"), width = call.positive("output_width");
  if (height == 1 || width == 1) call.fail("where a single row or column of points lies is not known");
  Tensor result = make_tensor(call.checked({images.n, images.c, height, width}));
  const Positions ys = sampling_positions(SamplingMode::StrictAlignCorners, -1, 1, height);
  const Positions xs = sampling_positions(SamplingMode::StrictAlignCorners, -1, 1, width);
  for (int64_t image = 0; image < images.n; ++image) {
    const float* m = matrix.data.data() + (matrix.shape[0] == 1 ? 0 : image * 6);
    float* out = result.data.data() + image * images.c * height * width;
    for (const double y : ys)
      for (const double x : xs)
        read_point(call, images, image, m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5], out++,
                   height * width);
  }
  return result;
}

}  // namespace ane::reference::ops
