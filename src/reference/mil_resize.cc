// Operations that give the last axes another size. They work axis by axis: each is a list of positions to
// read at.

#include <fmt/format.h>

#include <cmath>

#include "reference/mil_operations.h"
#include "reference/mil_sampling.h"

namespace ane::reference {

SamplingMode sampling_mode_of(const MilCall& call) {
  const std::string& mode = call.text("sampling_mode");
  if (mode == "STRICT_ALIGN_CORNERS") return SamplingMode::StrictAlignCorners;
  if (mode == "ALIGN_CORNERS") return SamplingMode::AlignCorners;
  if (mode == "DEFAULT") return SamplingMode::Default;
  if (mode == "OFFSET_CORNERS") return SamplingMode::OffsetCorners;
  if (mode == "UNALIGN_CORNERS") return SamplingMode::UnalignCorners;
  call.fail(fmt::format("sampling_mode {} is not known", mode));
}

namespace ops {
namespace {

// The new sizes of the last axes of x.
struct Resizing {
  size_t first;  // axis
  std::vector<int64_t> sizes;
};

void need_sizes(const MilCall& call, const Resizing& to) {
  Shape shape = call.tensor("x").shape;
  for (size_t i = 0; i < to.sizes.size(); ++i) {
    if (to.sizes[i] < 1) call.fail(fmt::format("a size of {} is asked for", to.sizes[i]));
    shape[to.first + i] = to.sizes[i];
    // Axes are resized one after the other, so every shape on the way must do.
    call.checked(shape);
  }
}

Tensor linear_resized(const MilCall& call, const Resizing& to, SamplingMode mode) {
  need_sizes(call, to);
  Tensor result = call.tensor("x");
  for (size_t i = 0; i < to.sizes.size(); ++i) {
    const int64_t in = result.shape[to.first + i];
    const Positions positions = sampling_positions(mode, 0, static_cast<double>(in - 1), to.sizes[i]);
    result = interpolated(result, to.first + i, clamped(positions, in));
  }
  return result;
}

// The element whose area holds the position (i * 2 + shift) / 2 of `out` equal parts.
Tensor nearest_resized(const MilCall& call, const Resizing& to, int64_t shift) {
  need_sizes(call, to);
  Tensor result = call.tensor("x");
  for (size_t i = 0; i < to.sizes.size(); ++i) {
    const int64_t in = result.shape[to.first + i], out = to.sizes[i];
    std::vector<int64_t> positions;
    for (int64_t k = 0; k < out; ++k) positions.push_back((k * 2 + shift) * in / (out * 2));
    result = taken(result, to.first + i, positions);
  }
  return result;
}

size_t first_of_two(const MilCall& call) {
  const Shape& x = call.tensor("x").shape;
  if (x.size() < 3) call.fail(fmt::format("x has the shape {}, of less than three axes", to_string(x)));
  return x.size() - 2;
}

// Sizes are rounded down after a product in float32, in which the factors are.
Resizing by_factors(const MilCall& call) {
  Resizing to{first_of_two(call), {}};
  for (const char* name : {"scale_factor_height", "scale_factor_width"}) {
    const auto in = static_cast<float>(call.tensor("x").shape[to.first + to.sizes.size()]);
    const float out = std::floor(in * static_cast<float>(call.number(name)));
    if (!(out >= 1 && out < 0x1p31f)) call.fail(fmt::format("{} leaves a size of {}", name, out));
    to.sizes.push_back(static_cast<int64_t>(out));
  }
  return to;
}

Resizing by_targets(const MilCall& call) {
  return {first_of_two(call), {call.integer("target_size_height"), call.integer("target_size_width")}};
}

}  // namespace

// The factor that counts is that of the sizes: coremltools expects 3 elements under a factor of 1.12 to stay
// as they are (tests/iOS15/test_image_resizing.py).
Tensor upsample_nearest_neighbor(const MilCall& call) {
  return nearest_resized(call, by_factors(call), 0);
}

// Between align_corners and half_pixel_centers, which is its opposite unless given, lie three grids of
// TensorFlow's.
Tensor upsample_bilinear(const MilCall& call) {
  const bool align = call.flag("align_corners");
  const bool centers = call.bound("half_pixel_centers") ? call.flag("half_pixel_centers") : !align;
  if (align && centers) call.fail("align_corners and half_pixel_centers exclude each other");
  return linear_resized(call, by_factors(call),
                        align     ? SamplingMode::StrictAlignCorners
                        : centers ? SamplingMode::UnalignCorners
                                  : SamplingMode::Default);
}

// The centres of the pixels are what is looked for: coremltools makes this operation of TensorFlow's with
// half_pixel_centers, and compares the two.
Tensor resize_nearest_neighbor(const MilCall& call) {
  return nearest_resized(call, by_targets(call), 1);
}

Tensor resize_bilinear(const MilCall& call) {
  return linear_resized(call, by_targets(call), sampling_mode_of(call));
}

// The last resized_dims axes get the last sizes of shape; 0 leaves a size as it is.
Tensor resize(const MilCall& call) {
  const Shape& x = call.tensor("x").shape;
  const std::vector<int64_t> shape = call.integers("shape");
  const int64_t count = call.integer("resized_dims");
  if (count < 0 || count > static_cast<int64_t>(std::min(shape.size(), x.size())))
    call.fail(fmt::format("{} axes of {} cannot take sizes from {}", count, to_string(x), to_string(shape)));
  Resizing to{x.size() - static_cast<size_t>(count), {shape.end() - count, shape.end()}};
  for (size_t i = 0; i < to.sizes.size(); ++i)
    if (to.sizes[i] == 0) to.sizes[i] = x[to.first + i];
  const std::string& interpolation = call.text("interpolation_mode");
  const SamplingMode mode = sampling_mode_of(call);
  if (interpolation == "LINEAR") return linear_resized(call, to, mode);
  if (interpolation != "NEAREST_NEIGHBOR")
    call.fail(fmt::format("interpolation_mode {} is not known", interpolation));
  // As resize_nearest_neighbor; coremltools has expectations for this mode alone.
  if (mode != SamplingMode::Default)
    call.fail("which elements are nearest is known for the sampling_mode DEFAULT only");
  return nearest_resized(call, to, 1);
}

}  // namespace ops
}  // namespace ane::reference
