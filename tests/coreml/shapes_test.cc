// Shape rules against sizes worked out by hand from the definition of each layer.
#include <gtest/gtest.h>

#include "base/error.h"
#include "coreml/model.h"
#include "coreml/window.h"
#include "support/model_builder.h"

namespace ane::coreml {
namespace {

using test::ConvolutionOptions;
using test::ModelBuilder;
using test::PoolingOptions;

// A model with the input "x" of `shape` and one layer "y"; `append` makes the layer.
template <typename Append>
Shape shape_after(const Shape& shape, Append append) {
  ModelBuilder model;
  model.array_input("x", shape);
  append(model);
  model.array_output("y");
  return read_model(model.bytes(), "test").shapes.at("y");
}

// The same with exact ranks.
template <typename Append>
Shape exact_shape_after(const Shape& shape, Append append) {
  ModelBuilder model(4);
  model.exact_rank();
  model.array_input("x", shape);
  append(*model.layer("y", {"x"}));
  model.array_output("y");
  return read_model(model.bytes(), "test").shapes.at("y");
}

Shape convolved(const Shape& input, const ConvolutionOptions& options) {
  return shape_after(input, [&](ModelBuilder& model) { model.convolution("y", "x", options); });
}

Shape pooled(const Shape& input, const PoolingOptions& options) {
  return shape_after(input, [&](ModelBuilder& model) { model.pooling("y", "x", options); });
}

TEST(Shapes, InputsBecomeRank5) {
  ModelBuilder model;
  model.array_input("vector", {7});
  model.array_input("planes", {2, 3, 4});
  model.image_input("gray", 28, 20, spec::ImageFeatureType::GRAYSCALE);
  model.image_input("color", 28, 20);
  model.relu("y", "vector");
  model.array_output("y");
  const Model read = read_model(model.bytes(), "test");
  EXPECT_EQ(read.shapes.at("vector"), (Shape{1, 1, 7, 1, 1}));
  EXPECT_EQ(read.shapes.at("planes"), (Shape{1, 1, 2, 3, 4}));
  EXPECT_EQ(read.shapes.at("gray"), (Shape{1, 1, 1, 20, 28}));
  EXPECT_EQ(read.shapes.at("color"), (Shape{1, 1, 3, 20, 28}));
}

TEST(Shapes, ExactRankKeepsShapes) {
  ModelBuilder model(4);
  model.exact_rank();
  model.array_input("x", {5, 6});
  model.image_input("color", 28, 20);
  model.relu("y", "x");
  model.array_output("y");
  const Model read = read_model(model.bytes(), "test");
  EXPECT_TRUE(read.exact_rank);
  EXPECT_EQ(read.shapes.at("x"), (Shape{5, 6}));
  EXPECT_EQ(read.shapes.at("color"), (Shape{1, 3, 20, 28}));
}

TEST(Shapes, ValidConvolution) {
  // 224 + 1 + 1 - 3 = 223, / 2 = 111, + 1 = 112; width 100 - 5 = 95, / 3 = 31, + 1 = 32
  EXPECT_EQ(convolved({3, 224, 100}, {.out = 8,
                                      .in = 3,
                                      .kernel_h = 3,
                                      .kernel_w = 5,
                                      .stride_h = 2,
                                      .stride_w = 3,
                                      .top = 1,
                                      .bottom = 1}),
            (Shape{1, 1, 8, 112, 32}));
  // A dilation of 2 makes 3 reach over 5: 10 - 5 + 1 = 6
  EXPECT_EQ(convolved({1, 10, 10}, {.dilation_h = 2, .dilation_w = 2}), (Shape{1, 1, 1, 6, 6}));
  // Depthwise
  EXPECT_EQ(convolved({6, 8, 8}, {.out = 6, .in = 6, .groups = 6}), (Shape{1, 1, 6, 6, 6}));
}

TEST(Shapes, SameConvolution) {
  // ceil(15 / 2) = 8: total = 7 * 2 + 3 - 15 = 2, one on either side. Width 16: total = 7 * 2 + 3 - 16 = 1,
  // at the end.
  ModelBuilder model;
  model.array_input("x", {1, 15, 16});
  auto* params = model.convolution("y", "x", {.stride_h = 2, .stride_w = 2, .same = true});
  const Shape input{1, 1, 1, 15, 16};
  Window2d window = convolution_window(*params, input);
  EXPECT_EQ(window.height.output, 8);
  EXPECT_EQ(window.height.before, 1);
  EXPECT_EQ(window.height.after, 1);
  EXPECT_EQ(window.width.output, 8);
  EXPECT_EQ(window.width.before, 0);
  EXPECT_EQ(window.width.after, 1);
  params->mutable_same()->set_asymmetrymode(spec::SamePadding::TOP_LEFT_HEAVY);
  window = convolution_window(*params, input);
  EXPECT_EQ(window.width.before, 1);
  EXPECT_EQ(window.width.after, 0);
}

TEST(Shapes, DefaultsOfAbsentLists) {
  ModelBuilder model;
  model.array_input("x", {1, 9, 9});
  auto* params = model.convolution("y", "x", {});
  params->clear_kernelsize();
  params->clear_stride();
  params->clear_dilationfactor();
  params->clear_ngroups();
  params->clear_valid();
  model.array_output("y");
  EXPECT_EQ(read_model(model.bytes(), "test").shapes.at("y"), (Shape{1, 1, 1, 7, 7}));
}

TEST(Shapes, Deconvolution) {
  const ConvolutionOptions options{.out = 2,
                                   .in = 4,
                                   .kernel_h = 4,
                                   .kernel_w = 4,
                                   .stride_h = 2,
                                   .stride_w = 2,
                                   .top = 3,
                                   .bottom = 3,
                                   .left = 3,
                                   .right = 3,
                                   .deconvolution = true};
  // (145 - 1) * 2 + 4 - 6 = 286
  EXPECT_EQ(convolved({4, 145, 145}, options), (Shape{1, 1, 2, 286, 286}));
  // same: in * s
  ConvolutionOptions same = options;
  same.same = true;
  EXPECT_EQ(convolved({4, 7, 9}, same), (Shape{1, 1, 2, 14, 18}));
  // outputShape wins: the full height is (7 - 1) * 2 + 4 = 16, of which 13 stay: 1 and 2 are cut off
  ModelBuilder model;
  model.array_input("x", {4, 7, 7});
  auto* params = model.convolution("y", "x", options);
  params->add_outputshape(13);
  params->add_outputshape(16);
  model.array_output("y");
  EXPECT_EQ(read_model(model.bytes(), "test").shapes.at("y"), (Shape{1, 1, 2, 13, 16}));
  const Window2d window = convolution_window(*params, {1, 1, 4, 7, 7});
  EXPECT_EQ(window.height.before, 1);
  EXPECT_EQ(window.height.after, 2);
  EXPECT_EQ(window.width.before, 0);
}

TEST(Shapes, Pooling) {
  EXPECT_EQ(pooled({2, 7, 8}, {}), (Shape{1, 1, 2, 3, 4}));
  EXPECT_EQ(pooled({2, 7, 8}, {.kernel_h = 3, .kernel_w = 3, .padding = PoolingOptions::Same}),
            (Shape{1, 1, 2, 4, 4}));
  // Real files hold zeros in what global pooling ignores.
  EXPECT_EQ(pooled({2, 7, 9}, {.kernel_h = 0, .stride_w = 0, .global = true}), (Shape{1, 1, 2, 1, 1}));
}

TEST(Shapes, PoolingThatIncludesTheLastPixel) {
  PoolingOptions options{.kernel_h = 3, .kernel_w = 3, .padding = PoolingOptions::IncludeLastPixel};
  // ceil((112 - 3) / 2) + 1 = 56, where valid gives 55
  EXPECT_EQ(pooled({1, 112, 113}, options), (Shape{1, 1, 1, 56, 56}));
  // ceil((4 + 2 - 2) / 3) + 1 = 3, but the third window would begin at 6 >= 4 + 1: in the padding
  options = {.kernel_h = 2,
             .kernel_w = 2,
             .stride_h = 3,
             .stride_w = 3,
             .padding = PoolingOptions::IncludeLastPixel,
             .top = 1,
             .left = 1};
  EXPECT_EQ(pooled({1, 4, 4}, options), (Shape{1, 1, 1, 2, 2}));
  // The window over the last pixel hangs over: 7 rows, windows at 0, 2, 4, 6 of 2.
  spec::PoolingLayerParams params;
  params.mutable_includelastpixel();
  for (int i = 0; i < 2; ++i) {
    params.add_kernelsize(2);
    params.add_stride(2);
  }
  const Window2d window = pooling_window(params, {1, 7, 8});
  EXPECT_EQ(window.height.output, 4);
  EXPECT_EQ(window.height.after, 1);
  EXPECT_EQ(window.width.output, 4);
  EXPECT_EQ(window.width.after, 0);
}

TEST(Shapes, InnerProduct) {
  const auto dense = [](ModelBuilder& model) { model.inner_product("y", "x", 24, 5); };
  EXPECT_EQ(shape_after({2, 3, 4}, dense), (Shape{1, 1, 5, 1, 1}));
  EXPECT_EQ(shape_after({24}, dense), (Shape{1, 1, 5, 1, 1}));
}

TEST(Shapes, Reshape) {
  const auto reshape = [](Shape target) {
    return [target](ModelBuilder& model) { model.reshape("y", "x", target); };
  };
  EXPECT_EQ(shape_after({2, 3, 4}, reshape({4, 6, 1})), (Shape{1, 1, 4, 6, 1}));
  EXPECT_EQ(shape_after({2, 3, 4}, reshape({8, -1, 1})), (Shape{1, 1, 8, 3, 1}));
  EXPECT_EQ(shape_after({2, 3, 4}, reshape({2, 3, 2, 2})), (Shape{2, 1, 3, 2, 2}));
  EXPECT_THROW(shape_after({2, 3, 4}, reshape({5, -1, 1})), Error);
  EXPECT_THROW(shape_after({2, 3, 4}, reshape({-1, -1, 24})), Error);
}

TEST(Shapes, Permute) {
  // W, C, H of [C, H, W] = [2, 3, 4]: out axis i takes input axis p[i] of (Seq, C, H, W)
  EXPECT_EQ(shape_after({2, 3, 4},
                        [](ModelBuilder& model) {
                          model.permute("y", "x", {0, 3, 1, 2});
                        }),
            (Shape{1, 1, 4, 2, 3}));
  EXPECT_EQ(shape_after({2, 3, 4},
                        [](ModelBuilder& model) {
                          model.permute("y", "x", {1, 0, 2, 3});
                        }),
            (Shape{2, 1, 1, 3, 4}));
}

TEST(Shapes, Concatenation) {
  ModelBuilder model;
  model.array_input("a", {2, 3, 4});
  model.array_input("b", {5, 3, 4});
  model.concat("y", {"a", "b"});
  model.layer("s", {"y"}, {"s1", "s2"})->mutable_slice()->set_endindex(1);
  model.array_output("y");
  EXPECT_THROW(read_model(model.bytes(), "test"), Error);  // slice gives one output
  model.network().mutable_layers()->RemoveLast();
  EXPECT_EQ(read_model(model.bytes(), "test").shapes.at("y"), (Shape{1, 1, 7, 3, 4}));
}

TEST(Shapes, Broadcasting) {
  ModelBuilder model;
  model.array_input("full", {2, 3, 4});
  model.array_input("channel", {2});
  model.array_input("plane", {1, 3, 4});
  model.add("y", {"channel", "full"});
  model.multiply("z", {"channel", "plane"});
  model.array_output("y");
  const Model read = read_model(model.bytes(), "test");
  EXPECT_EQ(read.shapes.at("y"), (Shape{1, 1, 2, 3, 4}));
  EXPECT_EQ(read.shapes.at("z"), (Shape{1, 1, 2, 3, 4}));
}

TEST(Shapes, OtherClassicLayers) {
  const auto layer = [](auto fill) {
    return [fill](ModelBuilder& model) { fill(*model.layer("y", {"x"})); };
  };
  using Layer = spec::NeuralNetworkLayer;
  EXPECT_EQ(shape_after({2, 3, 4}, layer([](Layer& y) { y.mutable_flatten(); })), (Shape{1, 1, 24, 1, 1}));
  EXPECT_EQ(shape_after({2, 3, 4}, layer([](Layer& y) {
                          y.mutable_upsample()->add_scalingfactor(2);
                          y.mutable_upsample()->add_scalingfactor(3);
                        })),
            (Shape{1, 1, 2, 6, 12}));
  EXPECT_EQ(shape_after({2, 3, 4},
                        layer([](Layer& y) { y.mutable_reduce()->set_axis(spec::ReduceLayerParams::HW); })),
            (Shape{1, 1, 2, 1, 1}));
  EXPECT_EQ(shape_after({2, 4, 6}, layer([](Layer& y) { y.mutable_reorganizedata()->set_blocksize(2); })),
            (Shape{1, 1, 8, 2, 3}));
  EXPECT_EQ(
      shape_after({8, 2, 3}, layer([](Layer& y) {
                    y.mutable_reorganizedata()->set_blocksize(2);
                    y.mutable_reorganizedata()->set_mode(spec::ReorganizeDataLayerParams::DEPTH_TO_SPACE);
                  })),
      (Shape{1, 1, 2, 4, 6}));
  // 1..-1 of 6 by steps of 2: places 1, 3
  EXPECT_EQ(shape_after({2, 6, 4}, layer([](Layer& y) {
                          auto* slice = y.mutable_slice();
                          slice->set_axis(spec::SliceLayerParams::HEIGHT_AXIS);
                          slice->set_startindex(1);
                          slice->set_endindex(-1);
                          slice->set_stride(2);
                        })),
            (Shape{1, 1, 2, 2, 4}));
  EXPECT_EQ(shape_after({2, 6, 4}, layer([](Layer& y) {
                          auto* amounts = y.mutable_padding()->mutable_paddingamounts();
                          y.mutable_padding()->mutable_reflection();
                          amounts->add_borderamounts()->set_startedgesize(1);
                          amounts->add_borderamounts()->set_endedgesize(3);
                        })),
            (Shape{1, 1, 2, 7, 7}));
}

TEST(Shapes, ExactRankLayers) {
  using Layer = spec::NeuralNetworkLayer;
  EXPECT_EQ(exact_shape_after({2, 3, 4},
                              [](Layer& y) {
                                for (const uint64_t axis : {2, 0, 1}) y.mutable_transpose()->add_axes(axis);
                              }),
            (Shape{4, 2, 3}));
  EXPECT_EQ(exact_shape_after({2, 3, 4},
                              [](Layer& y) {
                                for (const int64_t size : {6, -1})
                                  y.mutable_reshapestatic()->add_targetshape(size);
                              }),
            (Shape{6, 4}));
  EXPECT_EQ(exact_shape_after({2, 3, 4, 5}, [](Layer& y) { y.mutable_flattento2d()->set_axis(-2); }),
            (Shape{6, 20}));
  EXPECT_EQ(exact_shape_after({1, 3, 1}, [](Layer& y) { y.mutable_squeeze()->add_axes(-1); }), (Shape{1, 3}));
  EXPECT_EQ(exact_shape_after({3, 4},
                              [](Layer& y) {
                                y.mutable_expanddims()->add_axes(0);
                                y.mutable_expanddims()->add_axes(-1);
                              }),
            (Shape{1, 3, 4, 1}));
  EXPECT_EQ(exact_shape_after({2, 3, 4}, [](Layer& y) { y.mutable_reducemean()->add_axes(1); }),
            (Shape{2, 4}));
  EXPECT_EQ(exact_shape_after({2, 3, 4}, [](Layer& y) { y.mutable_reducemax()->set_reduceall(true); }),
            (Shape{1}));
  EXPECT_EQ(exact_shape_after({3, 4, 8},
                              [](Layer& y) {
                                auto* matmul = y.mutable_batchedmatmul();
                                matmul->set_weightmatrixfirstdimension(8);
                                matmul->set_weightmatrixseconddimension(5);
                                test::set_floats(matmul->mutable_weights(), test::ramp(40));
                              }),
            (Shape{3, 4, 5}));
  // [::-1] of 5, [1:4:2] of 6, and one element of 7, whose axis goes
  EXPECT_EQ(exact_shape_after({5, 6, 7},
                              [](Layer& y) {
                                auto* slice = y.mutable_slicestatic();
                                for (const int64_t begin : {0, 1, 3}) slice->add_beginids(begin);
                                for (const int64_t end : {0, 4, 4}) slice->add_endids(end);
                                for (const int64_t stride : {-1, 2, 1}) slice->add_strides(stride);
                                for (const bool open : {true, false, false}) slice->add_beginmasks(open);
                                for (const bool open : {true, false, false}) slice->add_endmasks(open);
                                for (const bool squeeze : {false, false, true})
                                  slice->add_squeezemasks(squeeze);
                              }),
            (Shape{5, 2}));
}

}  // namespace
}  // namespace ane::coreml
