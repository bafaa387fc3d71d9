// Convolutions whose images do not lie in L2 whole, and columns of pixels, which are convolved as rows: forms
// that random layers are too small for. Compiled, run on the simulator and compared with the reference; the
// simulator reports a tile that reads rows it does not keep.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "driver/road.h"

namespace ane::test {
namespace {

struct Layer {
  const char* name;
  int64_t in, out, height, width, kernel_h, kernel_w, stride, groups;
  bool same, bias;
};

void PrintTo(const Layer& layer, std::ostream* out) {
  *out << layer.name;
}

class TiledConvolutions : public testing::TestWithParam<Layer> {};

TEST_P(TiledConvolutions, AgreeWithTheReference) {
  const Layer& layer = GetParam();
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal;
  ConvolutionOptions options;
  options.in = layer.in, options.out = layer.out, options.groups = layer.groups;
  options.kernel_h = layer.kernel_h, options.kernel_w = layer.kernel_w;
  options.stride_h = options.stride_w = layer.stride;
  options.same = layer.same;
  const int64_t terms = layer.in / layer.groups * layer.kernel_h * layer.kernel_w;
  const float scale = 1 / std::sqrt(static_cast<float>(terms));
  for (int64_t i = 0; i < layer.out * terms; ++i) options.weights.push_back(scale * normal(random));
  if (layer.bias)
    for (int64_t i = 0; i < layer.out; ++i) options.bias.push_back(normal(random));
  ModelBuilder model;
  model.array_input("x", {layer.in, layer.height, layer.width});
  model.convolution("y", "x", options);
  model.array_output("y");
  for (const char* compat : {"5.4.1", "9.509"}) {
    RoadOptions road;
    road.compat = compat;
    for (const RoadOutput& output : run_road(model, road)) expect_agreement(output, compat, 60);
  }
}

INSTANTIATE_TEST_SUITE_P(
    , TiledConvolutions,
    testing::Values(Layer{"largest_tile", 256, 32, 64, 64, 3, 3, 1, 1, true, false},
                    Layer{"even_tiles", 128, 128, 90, 96, 3, 3, 1, 1, true, false},
                    Layer{"tiles_of_stride_2", 256, 64, 64, 64, 3, 3, 2, 1, true, true},
                    Layer{"many_seams", 1024, 1024, 375, 1, 9, 1, 1, 1024, true, true},
                    Layer{"tall_kernel_without_padding", 64, 16, 300, 64, 7, 3, 1, 1, false, true},
                    Layer{"even_kernel", 64, 32, 500, 33, 4, 4, 1, 1, true, false},
                    Layer{"column", 100, 48, 20, 1, 1, 1, 1, 1, false, false},
                    Layer{"column_in_parts", 1024, 528, 100, 1, 1, 1, 1, 1, false, true},
                    Layer{"column_too_large_for_L2", 3000, 32, 170, 1, 1, 1, 1, 1, false, false},
                    Layer{"rows_too_large_for_L2", 64, 3, 20, 2000, 3, 3, 1, 1, true, true}),
    [](const testing::TestParamInfo<Layer>& layer) { return layer.param.name; });

}  // namespace
}  // namespace ane::test
