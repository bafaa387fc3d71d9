// Core ML's layers that read their input at positions between the elements: upsampling, resizing and cropping
// with resizing.
//
// All of them are separable, so a layer's definition is two lists of positions, one for the rows and one for
// the columns.

#include <fmt/format.h>

#include <cmath>

#include "reference/layer_window.h"
#include "reference/sampling.h"

namespace ane::reference {
namespace {

using Upsample = coreml::spec::UpsampleLayerParams;
using Sampling = coreml::spec::SamplingMode;
using Boxes = coreml::spec::BoxCoordinatesMode;

Tensor sample_planes(const Call& call, const Positions& rows, const Positions& columns) {
  const Tensor& input = call.input();
  const Planes in = planes_of(call, input);
  const auto h = static_cast<int64_t>(rows.size()), w = static_cast<int64_t>(columns.size());
  Tensor result = make_tensor(with_planes(input.shape, in.c, h, w));
  parallel_for(in.n * in.c, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      sample_plane(input.data.data() + p * in.h * in.w, in.h, in.w, rows, columns,
                   result.data.data() + p * h * w);
    }
  });
  return result;
}

SamplingMode mode_of(const Call& call, Upsample::LinearUpsampleMode mode) {
  switch (mode) {
    case Upsample::DEFAULT:
      return SamplingMode::Default;
    case Upsample::ALIGN_CORNERS_TRUE:
      return SamplingMode::StrictAlignCorners;
    case Upsample::ALIGN_CORNERS_FALSE:
      return SamplingMode::UnalignCorners;
    default:
      call.fail("unknown mode");
  }
}

SamplingMode mode_of(const Call& call, Sampling::Method method) {
  switch (method) {
    case Sampling::STRICT_ALIGN_ENDPOINTS_MODE:
      return SamplingMode::StrictAlignCorners;
    case Sampling::ALIGN_ENDPOINTS_MODE:
      return SamplingMode::AlignCorners;
    case Sampling::UPSAMPLE_MODE:
      return SamplingMode::Default;
    case Sampling::ROI_ALIGN_MODE:
      return SamplingMode::OffsetCorners;
    default:
      call.fail("unknown sampling mode");
  }
}

// The element whose area holds each output element.
Positions nearest_positions(double factor, int64_t in, int64_t out) {
  Positions positions;
  for (int64_t i = 0; i < out; ++i) positions.push_back(std::floor(static_cast<double>(i) / factor));
  return clamped(positions, in);
}

// A region of interest in pixels.
struct Box {
  double top, left, bottom, right;
};

Box box_of(const Call& call, Boxes::Coordinates mode, const float* v) {
  switch (mode) {
    case Boxes::CORNERS_HEIGHT_FIRST:
      return {v[0], v[1], v[2], v[3]};
    case Boxes::CORNERS_WIDTH_FIRST:
      return {v[1], v[0], v[3], v[2]};
    case Boxes::CENTER_SIZE_HEIGHT_FIRST:
      return {v[0] - v[2] / 2.0, v[1] - v[3] / 2.0, v[0] + v[2] / 2.0, v[1] + v[3] / 2.0};
    case Boxes::CENTER_SIZE_WIDTH_FIRST:
      return {v[1] - v[3] / 2.0, v[0] - v[2] / 2.0, v[1] + v[3] / 2.0, v[0] + v[2] / 2.0};
    default:
      call.fail("unknown box coordinates");
  }
}

Box scaled(const Box& box, double vertical, double horizontal) {
  return {box.top * vertical, box.left * horizontal, box.bottom * vertical, box.right * horizontal};
}

}  // namespace

// The size under a fractional factor is open in the format: the product, rounded down.
Tensor evaluate_upsample(const Call& call) {
  const Upsample& params = call.layer.upsample();
  const Planes in = planes_of(call, call.input());
  const int64_t sizes[] = {in.h, in.w};
  Positions positions[2];
  for (const int axis : {0, 1}) {
    const double factor = axis < params.fractionalscalingfactor_size()
                              ? double{params.fractionalscalingfactor(axis)}
                              : static_cast<double>(element_or(params.scalingfactor(), axis, 1));
    const auto out = static_cast<int64_t>(std::floor(static_cast<double>(sizes[axis]) * factor));
    if (out < 1) call.fail("the scaling factor leaves no output");
    positions[axis] = params.mode() == Upsample::NN
                          ? nearest_positions(factor, sizes[axis], out)
                          : clamped(sampling_positions(mode_of(call, params.linearupsamplemode()), 0,
                                                       static_cast<double>(sizes[axis] - 1), out),
                                    sizes[axis]);
  }
  return sample_planes(call, positions[0], positions[1]);
}

Tensor evaluate_resize_bilinear(const Call& call) {
  const auto& params = call.layer.resizebilinear();
  const Planes in = planes_of(call, call.input());
  const auto positions = [&](int64_t size, int axis) {
    return clamped(
        sampling_positions(mode_of(call, params.mode().samplingmethod()), 0, static_cast<double>(size - 1),
                           element_or(params.targetsize(), axis, 1)),
        size);
  };
  return sample_planes(call, positions(in.h, 0), positions(in.w, 1));
}

// [1, B, C, H, W] and boxes [N, 1, 4, 1, 1] make [N, B, C, h, w]; boxes [N, 1, 5, 1, 1] begin with the index
// of the one batch element they cut from and make [N, 1, C, h, w].
Tensor evaluate_crop_resize(const Call& call) {
  const auto& params = call.layer.cropresize();
  const Tensor &input = call.input(0), &boxes = call.input(1);
  const Planes in = planes_of(call, input), list = planes_of(call, boxes);
  if (list.h * list.w != 1 || (list.c != 4 && list.c != 5))
    call.fail("boxes have 4 or 5 values, along axis -3");
  const int64_t height = element_or(params.targetsize(), 0, 1), width = element_or(params.targetsize(), 1, 1);
  const bool indexed = list.c == 5;
  const int64_t batch = indexed ? 1 : in.n, plane = in.h * in.w;
  const double scale = value_or(params.spatialscale(), 1);
  const bool normalized = params.normalizedcoordinates();
  Tensor result = make_tensor({list.n, batch, in.c, height, width});
  for (int64_t n = 0; n < list.n; ++n) {
    const float* values = boxes.data.data() + n * list.c;
    const int64_t first = indexed ? std::llround(values[0]) : 0;
    if (first < 0 || first >= in.n) call.fail(fmt::format("box {} cuts from batch element {}", n, first));
    const Box box = scaled(box_of(call, params.boxindicesmode().boxmode(), values + (indexed ? 1 : 0)),
                           scale * (normalized ? static_cast<double>(in.h - 1) : 1),
                           scale * (normalized ? static_cast<double>(in.w - 1) : 1));
    const SamplingMode mode = mode_of(call, params.mode().samplingmethod());
    const Positions rows = clamped(sampling_positions(mode, box.top, box.bottom, height), in.h);
    const Positions columns = clamped(sampling_positions(mode, box.left, box.right, width), in.w);
    for (int64_t p = 0; p < batch * in.c; ++p) {
      sample_plane(input.data.data() + (first * in.c + p) * plane, in.h, in.w, rows, columns,
                   result.data.data() + (n * batch * in.c + p) * height * width);
    }
  }
  return result;
}

}  // namespace ane::reference
