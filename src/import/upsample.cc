// Layers that enlarge images: nearest neighbours by whole factors are blocks that a deconvolution paints,
// everything else is interpolation (resample.h).
#include "import/layer.h"
#include "import/resample.h"
#include "import/window.h"

namespace ane::import {
namespace {

using aneir::Conv;
using aneir::TensorId;

// A deconvolution that paints each element over factor x factor pixels.
TensorId paint_blocks(LayerImport& at) {
  const int width = at.window("scaling_factor_x", 1), height = at.window("scaling_factor_y", 1);
  at.require(width >= 1 && height >= 1, "a scaling factor of 0");
  Conv conv = depthwise_ones(at.shape(at.input()).c, width, height);
  conv.transposed = true;
  conv.stride_x = width;
  conv.stride_y = height;
  return at.add(std::move(conv), {at.input()});
}

// Networks older than the choice of a grid have the only one that there was.
Grid grid_of(const LayerImport& at) {
  if (at.flag("align_corners")) return Grid::EndPoints;
  const bool may_choose = at.has("align_corners") || at.has("is_legacy_mode");
  return !may_choose || at.flag("is_legacy_mode") ? Grid::FromFirst : Grid::PixelCentres;
}

}  // namespace

Tops import_upsample(LayerImport& at) {
  const int64_t mode = at.integer("mode", 0);
  at.require(mode == 0 || mode == 1, "mode " + std::to_string(mode));
  const bool fractional = at.flag("use_fractional_scale_factors");
  if (mode == 0 && !fractional) return {paint_blocks(at)};
  const aneir::Shape from = at.shape(at.input()), to = engine_shape(at.declared_top());
  const auto positions = [&](int64_t in, int64_t out, const char* factor) {
    return mode == 1 ? positions_on(grid_of(at), in, out) : nearest_positions(at.number(factor, 1), in, out);
  };
  return {resample(at.network, at.adder(), at.input(), positions(from.h, to.h, "fractional_scaling_factor_y"),
                   positions(from.w, to.w, "fractional_scaling_factor_x"))};
}

}  // namespace ane::import
