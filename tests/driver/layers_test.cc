// Layers that become several units, one kind at a time through the whole compiler, against the reference
// interpreter, which evaluates them from their definition.
#include <fmt/format.h>

#include <functional>

#include "base/error.h"
#include "base/half.h"
#include "driver/one_layer.h"
#include "driver/road.h"

namespace ane::test {
namespace {

using Upsample = spec::UpsampleLayerParams;
using Sampling = spec::SamplingMode;

void expect_correct(const ModelBuilder& model, const std::string& context, double least_db = 55) {
  for (const RoadOutput& output : run_road(model)) expect_agreement(output, context, least_db);
}

// ---- Sizes ----

TEST(Layers, BilinearUpsamplingOnEveryGrid) {
  for (const auto grid : {Upsample::DEFAULT, Upsample::ALIGN_CORNERS_TRUE, Upsample::ALIGN_CORNERS_FALSE})
    for (const auto& [height, width] : {std::pair{2, 2}, {3, 1}, {1, 4}, {8, 5}}) {
      const auto model = one_layer(false, {{5, 7, 6}}, [&](spec::NeuralNetworkLayer& layer) {
        auto& params = *layer.mutable_upsample();
        params.set_mode(Upsample::BILINEAR);
        params.set_linearupsamplemode(grid);
        params.add_scalingfactor(static_cast<uint64_t>(height));
        params.add_scalingfactor(static_cast<uint64_t>(width));
      });
      expect_correct(model, fmt::format("grid {}, {} x {}", static_cast<int>(grid), height, width));
    }
}

TEST(Layers, FractionalUpsampling) {
  for (const auto mode : {Upsample::NN, Upsample::BILINEAR}) {
    const auto model = one_layer(false, {{3, 10, 4}}, [&](spec::NeuralNetworkLayer& layer) {
      auto& params = *layer.mutable_upsample();
      params.set_mode(mode);
      params.set_linearupsamplemode(Upsample::ALIGN_CORNERS_FALSE);
      params.add_fractionalscalingfactor(1.65f);
      params.add_fractionalscalingfactor(2.5f);
    });
    expect_correct(model, fmt::format("mode {}", static_cast<int>(mode)));
  }
}

TEST(Layers, ResizeBilinearToAnySize) {
  for (const auto method : {Sampling::STRICT_ALIGN_ENDPOINTS_MODE, Sampling::ALIGN_ENDPOINTS_MODE,
                            Sampling::UPSAMPLE_MODE, Sampling::ROI_ALIGN_MODE})
    for (const auto& [height, width] : {std::pair{13, 9}, {4, 3}, {1, 1}, {7, 20}, {1, 6}}) {
      const auto model = one_layer(false, {{2, 7, 6}}, [&](spec::NeuralNetworkLayer& layer) {
        auto& params = *layer.mutable_resizebilinear();
        params.mutable_mode()->set_samplingmethod(method);
        params.add_targetsize(static_cast<uint64_t>(height));
        params.add_targetsize(static_cast<uint64_t>(width));
      });
      expect_correct(model, fmt::format("method {}, {} x {}", static_cast<int>(method), height, width));
    }
}

TEST(Layers, ResizeBilinearOfOnePixel) {
  const auto model = one_layer(false, {{19, 1, 1}}, [](spec::NeuralNetworkLayer& layer) {
    layer.mutable_resizebilinear()->add_targetsize(33);
    layer.mutable_resizebilinear()->add_targetsize(17);
  });
  const auto outputs = run_road(model);
  ASSERT_EQ(outputs.size(), 1u);
  for (size_t i = 0; i < outputs[0].got.size(); ++i)
    ASSERT_EQ(outputs[0].got[i], round_to_half(outputs[0].expected[i])) << i;  // nothing is computed
}

// Weights that sum up to 1 exactly leave a flat image as it is.
TEST(Layers, ResizingKeepsAFlatImage) {
  ModelBuilder model;
  model.array_input("x", {4, 5, 5});
  model.layer("flat", {"x"})->mutable_unary()->set_type(spec::UnaryFunctionLayerParams::THRESHOLD);
  model.network().mutable_layers(0)->mutable_unary()->set_alpha(3.0f);  // above every input
  auto* params = model.layer("y", {"flat"})->mutable_resizebilinear();
  params->add_targetsize(37);
  params->add_targetsize(23);
  model.array_output("y");
  const RoadOutput output = run_road(model).at(0);
  for (const float value : output.got) ASSERT_EQ(value, 3);
}

// ---- Indices ----

// Pictures are whole numbers, which binary16 tells apart, and many are equal: the first counts.
TEST(Layers, IndexOfTheLargest) {
  using Reduce = spec::ReduceLayerParams;
  for (const auto axis : {Reduce::C, Reduce::H, Reduce::W}) {
    ModelBuilder model;
    model.image_input("picture", 33, 70);
    model.reshape("x", "picture", {42, 5, 33});
    auto* params = model.layer("y", {"x"})->mutable_reduce();
    params->set_mode(Reduce::ARGMAX);
    params->set_axis(axis);
    model.array_output("y");
    const RoadOutput output = run_road(model).at(0);
    EXPECT_EQ(output.got, output.expected) << "axis " << static_cast<int>(axis);
  }
}

TEST(Layers, EmbeddingLooksUpColumns) {
  for (const bool bias : {false, true}) {
    const auto model = one_layer(false, {{1}}, [&](spec::NeuralNetworkLayer& layer) {
      auto& params = *layer.mutable_embedding();
      params.set_inputdim(300);
      params.set_outputchannels(7);
      set_floats(params.mutable_weights(), ramp(7 * 300));
      params.set_hasbias(bias);
      if (bias) set_floats(params.mutable_bias(), ramp(7, 0.5f));
    });
    for (uint64_t seed = 1; seed < 6; ++seed) {
      RoadOptions options;
      options.seed = seed;
      const RoadOutput output = run_road(model, options).at(0);
      EXPECT_EQ(output.got, output.expected) << "seed " << seed;  // single products of binary16 numbers
    }
  }
}

TEST(Layers, BadEmbeddingWithMoreIndicesThanHalvesIsRefused) {
  const auto model = one_layer(false, {{1}}, [&](spec::NeuralNetworkLayer& layer) {
    auto& params = *layer.mutable_embedding();
    params.set_inputdim(5000);
    params.set_outputchannels(2);
    set_floats(params.mutable_weights(), ramp(2 * 5000));
  });
  try {
    run_road(model);
    FAIL() << "is accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("5000 indices"), std::string::npos) << error.what();
  }
}

// ---- Borders, blocks, copies ----

template <typename Layer>
void set_borders(Layer& layer, int64_t top, int64_t bottom, int64_t left, int64_t right) {
  for (const auto& [start, end] : {std::pair{top, bottom}, {left, right}}) {
    auto* amounts = layer.mutable_paddingamounts()->add_borderamounts();
    amounts->set_startedgesize(static_cast<uint64_t>(start));
    amounts->set_endedgesize(static_cast<uint64_t>(end));
  }
}

TEST(Layers, PaddingOfEveryKind) {
  using Fill = std::function<void(spec::PaddingLayerParams&)>;
  const std::vector<std::pair<std::string, Fill>> kinds = {
      {"zeros", [](auto& params) { params.mutable_constant(); }},
      {"a number", [](auto& params) { params.mutable_constant()->set_value(-2.5f); }},
      {"mirrored", [](auto& params) { params.mutable_reflection(); }},
      {"repeated", [](auto& params) { params.mutable_replication(); }}};
  for (const auto& [name, fill] : kinds) {
    const auto model = one_layer(false, {{6, 9, 10}}, [&](spec::NeuralNetworkLayer& layer) {
      fill(*layer.mutable_padding());
      set_borders(*layer.mutable_padding(), 1, 2, 8, 4);
    });
    expect_correct(model, name, 70);
  }
}

TEST(Layers, BlocksBecomeChannelsAndBack) {
  using Reorganize = spec::ReorganizeDataLayerParams;
  for (const auto mode : {Reorganize::SPACE_TO_DEPTH, Reorganize::DEPTH_TO_SPACE, Reorganize::PIXEL_SHUFFLE})
    for (const uint64_t block : {2u, 3u}) {
      const auto model = one_layer(false, {{18 * 4, 6, 12}}, [&](spec::NeuralNetworkLayer& layer) {
        layer.mutable_reorganizedata()->set_mode(mode);
        layer.mutable_reorganizedata()->set_blocksize(block);
      });
      expect_correct(model, fmt::format("mode {}, blocks of {}", static_cast<int>(mode), block), 70);
    }
}

TEST(Layers, SlicesWithSteps) {
  using Slice = spec::SliceLayerParams;
  for (const auto axis : {Slice::CHANNEL_AXIS, Slice::HEIGHT_AXIS, Slice::WIDTH_AXIS}) {
    const auto model = one_layer(false, {{16, 9, 21}}, [&](spec::NeuralNetworkLayer& layer) {
      auto& params = *layer.mutable_slice();
      params.set_axis(axis);
      params.set_startindex(1);
      params.set_endindex(-1);
      params.set_stride(3);
    });
    expect_correct(model, fmt::format("axis {}", static_cast<int>(axis)), 70);
  }
}

TEST(Layers, RepeatedSequences) {
  const auto model = one_layer(false, {{6, 9, 10}}, [](spec::NeuralNetworkLayer& layer) {
    layer.mutable_sequencerepeat()->set_nrepetitions(3);
  });
  expect_correct(model, "three times", 70);
}

// ---- Normalisation, sums ----

TEST(Layers, LocalResponseNormalisation) {
  for (const uint64_t size : {3u, 4u, 5u})
    for (const float k : {1.0f, 2.0f}) {
      const auto model = one_layer(false, {{40, 5, 6}}, [&](spec::NeuralNetworkLayer& layer) {
        auto& params = *layer.mutable_lrn();
        params.set_alpha(0.5f);
        params.set_beta(0.75f);
        params.set_localsize(size);
        params.set_k(k);
      });
      expect_correct(model, fmt::format("size {}, k {}", size, k));
    }
}

// Squares of the values are beyond binary16.
TEST(Layers, LocalResponseNormalisationOfLargeValues) {
  ModelBuilder model;
  model.array_input("x", {8, 4, 4});
  model.layer("large", {"x"})->mutable_multiply()->set_alpha(2000);
  auto* params = model.layer("y", {"large"})->mutable_lrn();
  params->set_alpha(1e-4f);
  params->set_beta(0.75f);
  params->set_localsize(5);
  params->set_k(1);
  model.array_output("y");
  expect_correct(model, "values up to 2000");
}

TEST(Layers, CosineOfTwoVectors) {
  ModelBuilder model;
  model.array_input("a", {20, 3, 5});
  model.array_input("b", {20, 3, 5});
  model.layer("y", {"a", "b"})->mutable_dot()->set_cosinesimilarity(true);
  model.array_output("y");
  expect_correct(model, "cosine", 50);
}

TEST(Layers, ProductsAlongEveryAxis) {
  using Reduce = spec::ReduceLayerParams;
  for (const auto axis : {Reduce::C, Reduce::H, Reduce::W, Reduce::HW, Reduce::CHW}) {
    const auto model = one_layer(false, {{3, 2, 5}}, [&](spec::NeuralNetworkLayer& layer) {
      layer.mutable_reduce()->set_mode(Reduce::PROD);
      layer.mutable_reduce()->set_axis(axis);
    });
    expect_correct(model, fmt::format("axis {}", static_cast<int>(axis)), 45);
  }
}

// ---- Batches ----

// A head over vectors that lie along the sequence: without a batch on the engine that is a few tasks, and not
// one for each vector.
TEST(Layers, SequencesOfVectorsAreRows) {
  ModelBuilder model;
  model.array_input("x", {12, 19, 33});
  model.reshape("vectors", "x", {684, 11, 1, 1});
  model.inner_product("inner", "vectors", 11, 24);
  model.relu("active", "inner");
  model.softmax("scores", "active");
  model.reshape("y", "scores", {1, 1, 684, 24});
  model.array_output("y");
  expect_correct(model, "head");
  const TemporaryFolder folder;
  EXPECT_LT(compile(folder, model).program.tasks.size(), 20u);
}

TEST(Layers, PermutationsMoveTheSequence) {
  for (const auto& axes : {std::vector<int64_t>{1, 0, 2, 3}, {2, 1, 0, 3}, {3, 2, 1, 0}, {1, 2, 3, 0}}) {
    ModelBuilder model;
    model.array_input("x", {30, 4, 7});
    model.reshape("sequence", "x", {5, 6, 4, 7});
    model.permute("y", "sequence", axes);
    model.array_output("y");
    expect_correct(model, fmt::format("{}", fmt::join(axes, " ")), 70);
  }
}

}  // namespace
}  // namespace ane::test
