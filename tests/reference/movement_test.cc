// Layers that move, repeat and interpolate elements. Inputs count 0, 1, 2, ..., so an output value is the
// position that it came from.

#include "run.h"

#include "base/error.h"

namespace ane::reference {
namespace {

Given counted(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return {shape, counting(count)};
}

void set_borders(coreml::spec::BorderAmounts* amounts,
                 const std::vector<std::pair<uint64_t, uint64_t>>& edges) {
  for (const auto& [start, end] : edges) {
    auto* sizes = amounts->add_borderamounts();
    sizes->set_startedgesize(start);
    sizes->set_endedgesize(end);
  }
}

TEST(Crop, ByAmounts) {
  const Tensor y = rank5({counted({1, 3, 4})}, [](Layer& l) {
    set_borders(l.mutable_crop()->mutable_cropamounts(), {{1, 0}, {1, 2}});
  });
  EXPECT_EQ(y.shape, (coreml::Shape{1, 1, 1, 2, 1}));
  EXPECT_EQ(y.data, (Values{5, 9}));
}

TEST(Crop, ToTheSizeOfAnother) {
  const Tensor y = rank5({counted({1, 3, 4}), counted({1, 2, 2})}, [](Layer& layer) {
    layer.mutable_crop()->add_offset(1);
    layer.mutable_crop()->add_offset(2);
  });
  EXPECT_EQ(y.data, (Values{6, 7, 10, 11}));
}

TEST(Padding, Kinds) {
  const Given x = {{1, 1, 3}, {1, 2, 3}};
  const auto pad = [&](const std::function<void(coreml::spec::PaddingLayerParams&)>& kind) {
    return rank5({x},
                 [&](Layer& layer) {
                   kind(*layer.mutable_padding());
                   set_borders(layer.mutable_padding()->mutable_paddingamounts(), {{0, 0}, {2, 1}});
                 })
        .data;
  };
  EXPECT_EQ(pad([](auto& p) { p.mutable_constant()->set_value(9); }), (Values{9, 9, 1, 2, 3, 9}));
  EXPECT_EQ(pad([](auto& p) { p.mutable_constant(); }), (Values{0, 0, 1, 2, 3, 0}));
  EXPECT_EQ(pad([](auto& p) { p.mutable_reflection(); }), (Values{3, 2, 1, 2, 3, 2}));
  EXPECT_EQ(pad([](auto& p) { p.mutable_replication(); }), (Values{1, 1, 1, 2, 3, 3}));
}

TEST(Padding, InBothDirections) {
  const Tensor y = rank5({counted({1, 2, 2})}, [](Layer& layer) {
    layer.mutable_padding()->mutable_replication();
    set_borders(layer.mutable_padding()->mutable_paddingamounts(), {{1, 0}, {0, 1}});
  });
  EXPECT_EQ(y.shape, (coreml::Shape{1, 1, 1, 3, 3}));
  EXPECT_EQ(y.data, (Values{0, 1, 1, 0, 1, 1, 2, 3, 3}));
}

TEST(Padding, ConstantOfAnyRank) {
  const Tensor y = exact({counted({2, 2})}, [](Layer& layer) {
    auto& params = *layer.mutable_constantpad();
    params.set_value(9);
    for (const uint64_t amount : {1, 0, 0, 2}) params.add_padamounts(amount);
  });
  EXPECT_EQ(y.data, (Values{9, 9, 9, 9, 0, 1, 9, 9, 2, 3, 9, 9}));
}

TEST(Reshape, BothOrders) {
  using Reshape = coreml::spec::ReshapeLayerParams;
  const auto reshape = [](const std::vector<int64_t>& shape, Reshape::ReshapeOrder order) {
    return rank5({counted({2, 1, 3})}, [&](Layer& layer) {
      layer.mutable_reshape()->mutable_targetshape()->Add(shape.begin(), shape.end());
      layer.mutable_reshape()->set_mode(order);
    });
  };
  const Tensor plain = reshape({3, 1, -1}, Reshape::CHANNEL_FIRST);
  EXPECT_EQ(plain.shape, (coreml::Shape{1, 1, 3, 1, 2}));
  EXPECT_EQ(plain.data, counting(6));
  // Channel last the input reads 0 3 1 4 2 5; as one row of two pixels with three channels: (0 3 1) (4 2 5).
  EXPECT_EQ(reshape({3, 1, 2}, Reshape::CHANNEL_LAST).data, (Values{0, 4, 3, 2, 1, 5}));
  EXPECT_EQ(reshape({6, 1, 1, 1}, Reshape::CHANNEL_FIRST).shape, (coreml::Shape{6, 1, 1, 1, 1}));
}

TEST(Flatten, BothOrders) {
  using Flatten = coreml::spec::FlattenLayerParams;
  const auto flatten = [](Flatten::FlattenOrder order) {
    return rank5({counted({2, 1, 3})}, [=](Layer& layer) { layer.mutable_flatten()->set_mode(order); });
  };
  EXPECT_EQ(flatten(Flatten::CHANNEL_FIRST).shape, (coreml::Shape{1, 1, 6, 1, 1}));
  EXPECT_EQ(flatten(Flatten::CHANNEL_FIRST).data, counting(6));
  EXPECT_EQ(flatten(Flatten::CHANNEL_LAST).data, (Values{0, 3, 1, 4, 2, 5}));
}

TEST(Permute, OutputAxisTakesInputAxis) {
  // (Seq, C, H, W) = (1, 2, 1, 3) to (W, H, C, Seq)... the first output axis is input axis 3.
  const Tensor y = rank5({counted({2, 1, 3})}, [](Layer& layer) {
    for (const uint64_t axis : {3, 0, 1, 2}) layer.mutable_permute()->add_axis(axis);
  });
  EXPECT_EQ(y.shape, (coreml::Shape{3, 1, 1, 2, 1}));
  EXPECT_EQ(y.data, (Values{0, 3, 1, 4, 2, 5}));
}

TEST(Transpose, OutputAxisTakesInputAxis) {
  const Tensor y = exact({counted({2, 1, 3})}, [](Layer& layer) {
    for (const uint64_t axis : {2, 0, 1}) layer.mutable_transpose()->add_axes(axis);
  });
  EXPECT_EQ(y.shape, (coreml::Shape{3, 2, 1}));
  EXPECT_EQ(y.data, (Values{0, 3, 1, 4, 2, 5}));
}

TEST(Concat, AxesAndInterleaving) {
  const Given a = {{1, 1, 2}, {1, 2}}, b = {{2, 1, 2}, {3, 4, 5, 6}};
  EXPECT_EQ(rank5({a, b}, [](Layer& l) { l.mutable_concat(); }).data, (Values{1, 2, 3, 4, 5, 6}));
  const Tensor sequence = rank5({a, a}, [](Layer& l) { l.mutable_concat()->set_sequenceconcat(true); });
  EXPECT_EQ(sequence.shape, (coreml::Shape{2, 1, 1, 1, 2}));
  const Given c = {{2, 2}, {1, 2, 3, 4}}, d = {{2, 2}, {5, 6, 7, 8}};
  EXPECT_EQ(exact({c, d}, [](Layer& l) { l.mutable_concatnd()->set_axis(-1); }).data,
            (Values{1, 2, 5, 6, 3, 4, 7, 8}));
  const auto interleave = [](Layer& l) {
    l.mutable_concatnd()->set_axis(-1);
    l.mutable_concatnd()->set_interleave(true);
  };
  EXPECT_EQ(exact({c, d}, interleave).data, (Values{1, 5, 2, 6, 3, 7, 4, 8}));
  const Tensor stacked = exact({c, d}, [](Layer& l) { l.mutable_stack()->set_axis(1); });
  EXPECT_EQ(stacked.shape, (coreml::Shape{2, 2, 2}));
  EXPECT_EQ(stacked.data, (Values{1, 2, 5, 6, 3, 4, 7, 8}));
}

TEST(Split, EqualAndGivenParts) {
  const auto parts = run_layer(
      {counted({4, 1, 2})}, [](Layer& l) { l.mutable_split()->set_noutputs(2); }, false, 2);
  EXPECT_EQ(parts[0].data, (Values{0, 1, 2, 3}));
  EXPECT_EQ(parts[1].data, (Values{4, 5, 6, 7}));
  const auto given = [](Layer& layer) {
    layer.mutable_splitnd()->set_axis(1);
    layer.mutable_splitnd()->set_numsplits(2);
    layer.mutable_splitnd()->add_splitsizes(1);
    layer.mutable_splitnd()->add_splitsizes(2);
  };
  const auto uneven = run_layer({counted({2, 3})}, given, true, 2);
  EXPECT_EQ(uneven[0].data, (Values{0, 3}));
  EXPECT_EQ(uneven[1].data, (Values{1, 2, 4, 5}));
}

TEST(Slice, OneAxis) {
  using Slice = coreml::spec::SliceLayerParams;
  const auto slice = [](int64_t start, int64_t end, uint64_t stride, Slice::SliceAxis axis) {
    return rank5({counted({2, 2, 5})},
                 [=](Layer& layer) {
                   layer.mutable_slice()->set_startindex(start);
                   layer.mutable_slice()->set_endindex(end);
                   layer.mutable_slice()->set_stride(stride);
                   layer.mutable_slice()->set_axis(axis);
                 })
        .data;
  };
  EXPECT_EQ(slice(1, 5, 2, Slice::WIDTH_AXIS), (Values{1, 3, 6, 8, 11, 13, 16, 18}));
  EXPECT_EQ(slice(-2, -1, 1, Slice::WIDTH_AXIS), (Values{3, 8, 13, 18}));
  EXPECT_EQ(slice(1, 2, 1, Slice::HEIGHT_AXIS), (Values{5, 6, 7, 8, 9, 15, 16, 17, 18, 19}));
  EXPECT_EQ(slice(0, 1, 1, Slice::CHANNEL_AXIS), counting(10));
}

TEST(Slice, Static) {
  const Tensor y = exact({counted({3, 4})}, [](Layer& layer) {
    auto& params = *layer.mutable_slicestatic();
    // [1, ::-2] with the first axis dropped
    for (const int64_t begin : {1, 0}) params.add_beginids(begin);
    for (const int64_t end : {2, 0}) params.add_endids(end);
    for (const int64_t step : {1, -2}) params.add_strides(step);
    for (const bool open : {false, true}) params.add_beginmasks(open);
    for (const bool open : {false, true}) params.add_endmasks(open);
    for (const bool squeeze : {true, false}) params.add_squeezemasks(squeeze);
  });
  EXPECT_EQ(y.shape, (coreml::Shape{2}));
  EXPECT_EQ(y.data, (Values{7, 5}));
}

TEST(Repetition, SequencesTilesWindowsAndReversal) {
  const Tensor repeated =
      rank5({counted({1, 1, 2})}, [](Layer& l) { l.mutable_sequencerepeat()->set_nrepetitions(3); });
  EXPECT_EQ(repeated.shape, (coreml::Shape{3, 1, 1, 1, 2}));
  EXPECT_EQ(repeated.data, (Values{0, 1, 0, 1, 0, 1}));
  const Tensor tiled = exact({counted({3, 2})}, [](Layer& l) { l.mutable_tile()->add_reps(2); });
  EXPECT_EQ(tiled.data, (Values{0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5}));
  const Tensor windows = exact({counted({5, 1})}, [](Layer& l) {
    l.mutable_slidingwindows()->set_axis(0);
    l.mutable_slidingwindows()->set_windowsize(3);
    l.mutable_slidingwindows()->set_step(2);
  });
  EXPECT_EQ(windows.shape, (coreml::Shape{2, 3, 1}));
  EXPECT_EQ(windows.data, (Values{0, 1, 2, 2, 3, 4}));
  const Tensor reversed = exact({counted({2, 3})}, [](Layer& l) {
    for (const bool reverse : {false, true}) l.mutable_reverse()->add_reversedim(reverse);
  });
  EXPECT_EQ(reversed.data, (Values{2, 1, 0, 5, 4, 3}));
}

TEST(ReorganizeData, ByTheFormulaOfEachMode) {
  using Reorganize = coreml::spec::ReorganizeDataLayerParams;
  const auto reorganize = [](const Given& x, Reorganize::ReorganizationType mode) {
    return rank5({x}, [=](Layer& layer) {
      layer.mutable_reorganizedata()->set_mode(mode);
      layer.mutable_reorganizedata()->set_blocksize(2);
    });
  };
  // C = 8 to 2 of twice the size.
  const Given deep = counted({8, 2, 3});
  const Tensor to_space = reorganize(deep, Reorganize::DEPTH_TO_SPACE),
               shuffled = reorganize(deep, Reorganize::PIXEL_SHUFFLE);
  ASSERT_EQ(to_space.shape, (coreml::Shape{1, 1, 2, 4, 6}));
  for (int64_t c = 0; c < 2; ++c) {
    for (int64_t h = 0; h < 2; ++h) {
      for (int64_t w = 0; w < 3; ++w) {
        for (int64_t i = 0; i < 2; ++i) {
          for (int64_t j = 0; j < 2; ++j) {
            const int64_t at = (c * 4 + h * 2 + i) * 6 + w * 2 + j;
            EXPECT_EQ(to_space.data[at], deep.values[((i * 2 + j) * 2 + c) * 6 + h * 3 + w]);
            EXPECT_EQ(shuffled.data[at], deep.values[(c * 4 + i * 2 + j) * 6 + h * 3 + w]);
          }
        }
      }
    }
  }
  // Space to depth undoes depth to space.
  EXPECT_EQ(reorganize({{2, 4, 6}, to_space.data}, Reorganize::SPACE_TO_DEPTH).data, deep.values);
}

TEST(Gather, AlongAnAxis) {
  const Tensor y =
      exact({counted({2, 3}), {{2, 1}, {2, -3}}}, [](Layer& l) { l.mutable_gather()->set_axis(1); });
  EXPECT_EQ(y.shape, (coreml::Shape{2, 2, 1}));
  EXPECT_EQ(y.data, (Values{2, 0, 5, 3}));
  EXPECT_THROW(exact({counted({2, 3}), {{1}, {3}}}, [](Layer& l) { l.mutable_gather()->set_axis(1); }),
               Error);
}

TEST(Shapes, OfAnyRank) {
  const Given x = counted({1, 2, 3});
  const auto shape_of = [&](const std::function<void(Layer&)>& set) {
    const Tensor y = exact({x}, set);
    EXPECT_EQ(y.data, x.values);
    return y.shape;
  };
  using Shape = coreml::Shape;
  EXPECT_EQ(shape_of([](Layer& l) { l.mutable_copy(); }), (Shape{1, 2, 3}));
  EXPECT_EQ(shape_of([](Layer& l) {
              for (const int64_t size : {3, -1}) l.mutable_reshapestatic()->add_targetshape(size);
            }),
            (Shape{3, 2}));
  EXPECT_EQ(shape_of([](Layer& l) {
              for (const int64_t size : {0, 3, -1}) l.mutable_rankpreservingreshape()->add_targetshape(size);
            }),
            (Shape{1, 3, 2}));
  EXPECT_EQ(shape_of([](Layer& l) { l.mutable_squeeze()->add_axes(-3); }), (Shape{2, 3}));
  EXPECT_EQ(shape_of([](Layer& l) { l.mutable_squeeze()->set_squeezeall(true); }), (Shape{2, 3}));
  EXPECT_EQ(shape_of([](Layer& l) {
              for (const int64_t axis : {0, -1}) l.mutable_expanddims()->add_axes(axis);
            }),
            (Shape{1, 1, 2, 3, 1}));
  EXPECT_EQ(shape_of([](Layer& l) { l.mutable_flattento2d()->set_axis(-1); }), (Shape{2, 3}));
  EXPECT_EQ(shape_of([](Layer& l) { l.mutable_flattento2d()->set_axis(0); }), (Shape{1, 6}));
}

// A model needs an input, the constant does not.
Tensor constant(bool exact_rank, const std::function<void(Layer&)>& set) {
  ModelBuilder model(exact_rank ? 5 : 1);
  if (exact_rank) model.exact_rank();
  model.array_input("x", {1});
  set(*model.layer("y", {}));
  model.array_output("y");
  return run(model, {{"x", {0}}}).at("y");
}

TEST(Constants, AreLoaded) {
  const auto channels_first = [](Layer& layer) {
    for (const uint64_t size : {2, 1, 2}) layer.mutable_loadconstant()->add_shape(size);
    test::set_floats(layer.mutable_loadconstant()->mutable_data(), counting(4));
  };
  const Tensor y = constant(false, channels_first);
  EXPECT_EQ(y.shape, (coreml::Shape{1, 1, 2, 1, 2}));
  EXPECT_EQ(y.data, counting(4));
  const auto any_rank = [](Layer& layer) {
    for (const uint64_t size : {2, 2}) layer.mutable_loadconstantnd()->add_shape(size);
    test::set_halves(layer.mutable_loadconstantnd()->mutable_data(), counting(4));
  };
  EXPECT_EQ(constant(true, any_rank).data, counting(4));
  const auto fill = [](Layer& layer) {
    layer.mutable_fillstatic()->add_targetshape(3);
    layer.mutable_fillstatic()->set_value(2);
  };
  EXPECT_EQ(constant(true, fill).data, (Values{2, 2, 2}));
}

using Upsample = coreml::spec::UpsampleLayerParams;

Values upsample_row(const Values& row, Upsample::InterpolationMode mode, uint64_t factor,
                    Upsample::LinearUpsampleMode linear = Upsample::DEFAULT) {
  return rank5({{{1, 1, static_cast<int64_t>(row.size())}, row}},
               [=](Layer& layer) {
                 layer.mutable_upsample()->add_scalingfactor(1);
                 layer.mutable_upsample()->add_scalingfactor(factor);
                 layer.mutable_upsample()->set_mode(mode);
                 layer.mutable_upsample()->set_linearupsamplemode(linear);
               })
      .data;
}

TEST(Upsample, Modes) {
  EXPECT_EQ(upsample_row({0, 3}, Upsample::NN, 3), (Values{0, 0, 0, 3, 3, 3}));
  // i * (2 - 2/4) / 3 = 0, 0.5, 1, 1.5 clamped to 1.
  expect_near(upsample_row({0, 4}, Upsample::BILINEAR, 2), {0, 2, 4, 4});
  // i / 3
  expect_near(upsample_row({0, 3}, Upsample::BILINEAR, 2, Upsample::ALIGN_CORNERS_TRUE), {0, 1, 2, 3});
  // i / 2 - 1/4 within [0, 1]
  expect_near(upsample_row({0, 4}, Upsample::BILINEAR, 2, Upsample::ALIGN_CORNERS_FALSE), {0, 1, 3, 4});
}

TEST(Upsample, InBothDirections) {
  const Tensor y = rank5({counted({1, 2, 2})}, [](Layer& layer) {
    for (const uint64_t factor : {2, 2}) layer.mutable_upsample()->add_scalingfactor(factor);
  });
  EXPECT_EQ(y.data, (Values{0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3}));
}

TEST(ResizeBilinear, SamplingModes) {
  using Sampling = coreml::spec::SamplingMode;
  const auto resize = [](uint64_t width, Sampling::Method method) {
    return rank5({{{1, 1, 3}, {0, 6, 12}}},
                 [=](Layer& layer) {
                   layer.mutable_resizebilinear()->add_targetsize(1);
                   layer.mutable_resizebilinear()->add_targetsize(width);
                   layer.mutable_resizebilinear()->mutable_mode()->set_samplingmethod(method);
                 })
        .data;
  };
  expect_near(resize(5, Sampling::STRICT_ALIGN_ENDPOINTS_MODE), {0, 3, 6, 9, 12});
  expect_near(resize(1, Sampling::STRICT_ALIGN_ENDPOINTS_MODE), {0});
  expect_near(resize(2, Sampling::ALIGN_ENDPOINTS_MODE), {0, 12});
  expect_near(resize(1, Sampling::ALIGN_ENDPOINTS_MODE), {6});
  // 0 to 3 - 3/6 in six points: 0, 0.5, 1, 1.5, 2, 2.5 clamped to 2.
  expect_near(resize(6, Sampling::UPSAMPLE_MODE), {0, 3, 6, 9, 12, 12});
  // Spacing 2/4 from 1/4 on.
  expect_near(resize(4, Sampling::ROI_ALIGN_MODE), {1.5, 4.5, 7.5, 10.5});
}

TEST(CropResize, BoxesInEveryNotation) {
  using Boxes = coreml::spec::BoxCoordinatesMode;
  // In a plane of 4 rows and 5 columns: rows 1 to 3, columns 0 to 4, at their ends.
  const auto crop = [](const Values& box, Boxes::Coordinates mode, bool normalized) {
    const auto set = [=](Layer& layer) {
      auto& params = *layer.mutable_cropresize();
      for (const uint64_t size : {2, 2}) params.add_targetsize(size);
      params.mutable_boxindicesmode()->set_boxmode(mode);
      params.set_normalizedcoordinates(normalized);
      params.set_spatialscale(1);
    };
    const auto size = static_cast<int64_t>(box.size());
    return exact({counted({1, 1, 1, 4, 5}), {{1, 1, size, 1, 1}, box}}, set);
  };
  const Values expected = {5, 9, 15, 19};
  const Tensor y = crop({1, 0, 3, 4}, Boxes::CORNERS_HEIGHT_FIRST, false);
  EXPECT_EQ(y.shape, (coreml::Shape{1, 1, 1, 2, 2}));
  EXPECT_EQ(y.data, expected);
  EXPECT_EQ(crop({0, 1, 4, 3}, Boxes::CORNERS_WIDTH_FIRST, false).data, expected);
  EXPECT_EQ(crop({2, 2, 2, 4}, Boxes::CENTER_SIZE_HEIGHT_FIRST, false).data, expected);
  EXPECT_EQ(crop({2, 2, 4, 2}, Boxes::CENTER_SIZE_WIDTH_FIRST, false).data, expected);
  expect_near(crop({1.0f / 3, 0, 1, 1}, Boxes::CORNERS_HEIGHT_FIRST, true).data, {5, 9, 15, 19});
  EXPECT_EQ(crop({0, 1, 0, 3, 4}, Boxes::CORNERS_HEIGHT_FIRST, false).data, expected);
}

}  // namespace
}  // namespace ane::reference
