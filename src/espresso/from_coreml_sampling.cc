// Layers that read an image between its pixels: upsampling and resizing.
#include <algorithm>
#include <cmath>

#include "espresso/translation.h"

namespace ane::espresso {

namespace {

using coreml::spec::SamplingMode;

constexpr int64_t kMultiplyAlpha = 3;

// How the sample points of a bilinear enlargement lie: on both end points; from the first point in steps that
// stop short of the last (Core ML's original rule); or on pixel centres.
enum class Grid { AlignCorners, Legacy, PixelCentres };

void set_grid(json& attributes, Grid grid) {
  attributes["align_corners"] = grid == Grid::AlignCorners ? 1 : 0;
  attributes["is_legacy_mode"] = grid == Grid::Legacy ? 1 : 0;
}

void set_factors(json& attributes, double vertical, double horizontal) {
  if (vertical == std::trunc(vertical) && horizontal == std::trunc(horizontal)) {
    attributes["scaling_factor_y"] = static_cast<int64_t>(vertical);
    attributes["scaling_factor_x"] = static_cast<int64_t>(horizontal);
    return;
  }
  attributes.update({{"use_fractional_scale_factors", 1},
                     {"fractional_scaling_factor_y", vertical},
                     {"fractional_scaling_factor_x", horizontal}});
}

void translate_upsample(Translation& to, const SourceLayer& source) {
  using Params = coreml::spec::UpsampleLayerParams;
  const Params& layer = source.upsample();
  json attributes = {{"mode", layer.mode() == Params::BILINEAR ? 1 : 0}};
  double factors[2] = {1, 1};
  for (int axis = 0; axis < 2; ++axis) {
    if (axis < layer.scalingfactor_size()) factors[axis] = static_cast<double>(layer.scalingfactor(axis));
    if (axis < layer.fractionalscalingfactor_size())
      factors[axis] = finite(layer.fractionalscalingfactor(axis));
  }
  set_factors(attributes, factors[0], factors[1]);
  if (layer.linearupsamplemode() == Params::ALIGN_CORNERS_TRUE)
    set_grid(attributes, Grid::AlignCorners);
  else if (layer.linearupsamplemode() == Params::ALIGN_CORNERS_FALSE)
    set_grid(attributes, Grid::PixelCentres);
  else
    set_grid(attributes, Grid::Legacy);
  add_layer(to, source, "upsample", std::move(attributes));
}

// ---- Matrices
// ----------------------------------------------------------------------------------------------------------------

// The sample points of a resizing that is no upsampling: of ALIGN_ENDPOINTS where it comes down to the
// middle, and of ROI_ALIGN, the middles of equal parts of the way from the first pixel to the last.
double sample_point(SamplingMode::Method method, int64_t i, int64_t in, int64_t out) {
  const double last = static_cast<double>(in - 1), points = static_cast<double>(out);
  if (method == SamplingMode::ROI_ALIGN_MODE)
    return std::min(last, (static_cast<double>(i) + 0.5) * std::max(1.0, last) / points);
  return out == 1 ? last / 2 : static_cast<double>(i) * last / (points - 1);
}

// [out][in]: each sample from the two pixels beside it, with parts in steps of 2^-11 so that binary16 holds
// both and they add up to 1.
std::vector<float> sampling_matrix(SamplingMode::Method method, int64_t in, int64_t out) {
  if (out > (int64_t{1} << 26) / in) throw Unsupported{"too large a size"};
  std::vector<float> matrix(static_cast<size_t>(in * out), 0.0f);
  for (int64_t i = 0; i < out; ++i) {
    const double point = sample_point(method, i, in, out);
    const auto below = static_cast<int64_t>(point);
    const double part = std::round((point - static_cast<double>(below)) * 0x1p11) * 0x1p-11;
    matrix[static_cast<size_t>(i * in + below)] = static_cast<float>(1 - part);
    if (part > 0) matrix[static_cast<size_t>(i * in + below + 1)] = static_cast<float>(part);
  }
  return matrix;
}

void sample_by_matrices(Translation& to, const SourceLayer& source, SamplingMode::Method method) {
  Shape shape = input_shape(to, source);
  const Shape result = output_shape(to, source);
  std::string bottom = source.input(0);
  bottom =
      multiply_axis(to, source, "rows", bottom, shape, kAxisH, sampling_matrix(method, shape.h, result.h));
  bottom =
      multiply_axis(to, source, "columns", bottom, shape, kAxisW, sampling_matrix(method, shape.w, result.w));
  add_layer(to, source, "elementwise", elementwise(kMultiplyAlpha, 1), {bottom});
}

// Any target size is a fractional upsampling whose grid is one of upsample's, but for two kinds of sample
// points that it does not have.
void translate_resize_bilinear(Translation& to, const SourceLayer& source) {
  const auto& layer = source.resizebilinear();
  const Shape from = input_shape(to, source), result = output_shape(to, source);
  const auto method = layer.mode().samplingmethod();
  const bool comes_to_one = (result.h == 1 && from.h != 1) || (result.w == 1 && from.w != 1);
  if (method == SamplingMode::ROI_ALIGN_MODE ||
      (method == SamplingMode::ALIGN_ENDPOINTS_MODE && comes_to_one))
    return sample_by_matrices(to, source, method);
  json attributes = {{"mode", 1}};
  set_factors(attributes, static_cast<double>(result.h) / static_cast<double>(from.h),
              static_cast<double>(result.w) / static_cast<double>(from.w));
  set_grid(attributes, method == SamplingMode::UPSAMPLE_MODE ? Grid::Legacy : Grid::AlignCorners);
  add_layer(to, source, "upsample", std::move(attributes));
}

}  // namespace

bool translate_sampling(Translation& to, const SourceLayer& source) {
  switch (source.layer_case()) {
    case SourceLayer::kUpsample:
      return translate_upsample(to, source), true;
    case SourceLayer::kResizeBilinear:
      return translate_resize_bilinear(to, source), true;
    default:
      return false;
  }
}

}  // namespace ane::espresso
