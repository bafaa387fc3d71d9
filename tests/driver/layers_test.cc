// Layers that become several units, one kind at a time through the whole compiler, against the reference
// interpreter, which evaluates them from their definition.
#include <fmt/format.h>

#include <functional>

#include "base/error.h"
#include "base/half.h"
#include "driver/road.h"

namespace ane::test {
namespace {

using Upsample = spec::UpsampleLayerParams;
using Sampling = spec::SamplingMode;

// A network of one layer `y` that reads the array `x`.
ModelBuilder one_layer(const std::vector<int64_t>& shape,
                       const std::function<void(spec::NeuralNetworkLayer&)>& fill) {
  ModelBuilder model;
  model.array_input("x", shape);
  fill(*model.layer("y", {"x"}));
  model.array_output("y");
  return model;
}

void expect_correct(const ModelBuilder& model, const std::string& context, double least_db = 55) {
  for (const RoadOutput& output : run_road(model)) expect_agreement(output, context, least_db);
}

// ---- Sizes ----

TEST(Layers, BilinearUpsamplingOnEveryGrid) {
  for (const auto grid : {Upsample::DEFAULT, Upsample::ALIGN_CORNERS_TRUE, Upsample::ALIGN_CORNERS_FALSE})
    for (const auto& [height, width] : {std::pair{2, 2}, {3, 1}, {1, 4}, {8, 5}}) {
      const auto model = one_layer({5, 7, 6}, [&](spec::NeuralNetworkLayer& layer) {
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
    const auto model = one_layer({3, 10, 4}, [&](spec::NeuralNetworkLayer& layer) {
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
      const auto model = one_layer({2, 7, 6}, [&](spec::NeuralNetworkLayer& layer) {
        auto& params = *layer.mutable_resizebilinear();
        params.mutable_mode()->set_samplingmethod(method);
        params.add_targetsize(static_cast<uint64_t>(height));
        params.add_targetsize(static_cast<uint64_t>(width));
      });
      expect_correct(model, fmt::format("method {}, {} x {}", static_cast<int>(method), height, width));
    }
}

TEST(Layers, ResizeBilinearOfOnePixel) {
  const auto model = one_layer({19, 1, 1}, [](spec::NeuralNetworkLayer& layer) {
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
    const auto model = one_layer({1}, [&](spec::NeuralNetworkLayer& layer) {
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
  const auto model = one_layer({1}, [&](spec::NeuralNetworkLayer& layer) {
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

}  // namespace
}  // namespace ane::test
