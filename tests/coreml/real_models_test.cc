// Models made by other people: those that can be read have blobs of the sizes that their files declare; the
// others are refused for the right reason.
#include <NeuralNetwork.pb.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "coreml/model.h"
#include "support/evidence.h"

namespace ane::coreml {
namespace {

std::vector<std::filesystem::path> models_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".mlmodel") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

Shape last_three(const Shape& shape) {
  return Shape(shape.end() - 3, shape.end());
}

std::string refusal_of(const std::filesystem::path& path) {
  try {
    read_model(MappedFile(path));
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(RealModels, AllAreReadOrRefusedForTheirLayers) {
  ANE_NEED_EVIDENCE("models/neuralnetwork");
  const std::map<std::string, std::string> refused = {
      {"custom-layer-swish", "class 'Swish'"},
      {"tf2-lstm-control-flow", "control flow"},
  };
  for (const auto& path : models_in(evidence_folder)) {
    const std::string text = refusal_of(path);
    const auto expected = refused.find(path.parent_path().filename().string());
    if (expected == refused.end())
      EXPECT_EQ(text, "");
    else
      EXPECT_NE(text.find(expected->second), std::string::npos) << path << ": " << text;
  }
}

// An output whose declared shape had another number of elements would have lost it.
TEST(RealModels, OutputsHaveTheDeclaredSizes) {
  ANE_NEED_EVIDENCE("models/neuralnetwork");
  const std::map<std::string, std::map<std::string, Shape>> declared = {
      {"deeplabv3-int8lut", {{"semanticPredictions", {1, 513, 513}}}},
      {"pose-cpm-mobilenetv2", {{"Convolutional_Pose_Machine__stage_5_out__0", {14, 96, 96}}}},
      {"pose-rigid-mobilenet035", {{"heatmap", {5, 14, 14}}, {"offsets", {10, 14, 14}}}},
      {"posenet-mobilenet-q8lin",
       {{"heatmap", {17, 45, 33}}, {"offsets", {34, 45, 33}}, {"displacements_fwd", {32, 45, 33}}}},
      {"hair-segmentation-q8lin", {{"output", {2, 256, 256}}}},
      {"style-transfer-flexible", {{"stylizedImage", {3, 1280, 720}}}},
      {"style-transfer-tiny-q8", {{"stylizedImage", {3, 640, 480}}}},
      {"waifu2x-anime-noise0", {{"conv7", {3, 128, 128}}}},
      {"waifu2x-up-photo-scale2x-deconv", {{"conv7", {3, 284, 284}}}},
      {"cardscan-four-recognize-f16", {{"output1", {11, 1, 17}}}},
      {"small-unet-segmentation", {{"output", {1, 448, 448}}}},
      {"tiny-drawing-embedding-apple", {{"embedding", {128, 1, 1}}}},
      {"mnist-gan-generator", {{"output1", {1, 28, 28}}}},
      {"image-to-image-scale", {{"generatedImage", {3, 256, 256}}}},
  };
  for (const auto& [folder, outputs] : declared)
    for (const auto& path : models_in(evidence_folder / folder)) {
      const Model model = read_model(MappedFile(path));
      for (const auto& [name, shape] : outputs)
        EXPECT_EQ(last_three(model.shapes.at(name)), shape) << path << name;
    }
}

TEST(RealModels, ClassifiersHaveTheirLabels) {
  ANE_NEED_EVIDENCE("models/neuralnetwork");
  const auto digits = [&](const char* path) {
    return read_model(MappedFile(evidence_folder / path)).class_labels;
  };
  const std::vector<std::string> ten = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  EXPECT_EQ(digits("mnist-cnn-image-classifier/mnistCNN.mlmodel"), ten);
  EXPECT_EQ(digits("mnist-keras-pooled-head/MNISTClassifier.mlmodel"), ten);
  EXPECT_EQ(digits("mnist-apple-classifier/MNISTClassifier.mlmodel"), ten);
}

// Its last convolution has 1600 channels, its output is declared with 800.
TEST(RealModels, DeclaredShapeThatIsWrongIsDropped) {
  ANE_NEED_EVIDENCE("models/neuralnetwork");
  const Model model = read_model(MappedFile(evidence_folder / "conv-block-bug-reproducer/Block.mlmodel"));
  ASSERT_EQ(model.outputs.size(), 1u);
  EXPECT_EQ(model.outputs[0].tensor, (Shape{1, 1600, 39, 1}));
  EXPECT_TRUE(std::get<ArrayFeature>(model.outputs[0].type).shape.empty());
}

// Codes, tables and halves of real converters give weights of a trained network's size, and not all the same.
TEST(RealModels, ConvolutionWeightsDecode) {
  ANE_NEED_EVIDENCE("models/neuralnetwork");
  for (const char* folder : {"deeplabv3-int8lut", "posenet-mobilenet-q8lin", "cardscan-ssd-ocr-f16"})
    for (const auto& path : models_in(evidence_folder / folder)) {
      const Model model = read_model(MappedFile(path));
      for (const auto* layer : model.layers) {
        if (!layer->has_convolution()) continue;
        const auto& params = layer->convolution();
        const Shape shape{
            static_cast<int64_t>(params.outputchannels()), static_cast<int64_t>(params.kernelchannels()),
            static_cast<int64_t>(params.kernelsize(0)), static_cast<int64_t>(params.kernelsize(1))};
        const std::vector<float> values = decode_weights(params.weights(), shape);
        const auto [least, most] = std::minmax_element(values.begin(), values.end());
        EXPECT_GT(*least, -1000.0f) << layer->name();
        EXPECT_LT(*least, 0.0f) << layer->name();
        EXPECT_GT(*most, 0.0f) << layer->name();
        EXPECT_LT(*most, 1000.0f) << layer->name();
      }
    }
}

TEST(BadRealModels, UnsupportedOnesAreNamed) {
  ANE_NEED_EVIDENCE("models/unsupported");
  const std::map<std::string, std::string> reasons = {
      {"pipeline-visionfeatureprint-glm", "pipelineClassifier (visionFeaturePrint, glmClassifier)"},
      {"pipeline-visionfeatureprint-nn", "pipelineClassifier (visionFeaturePrint, neuralNetworkClassifier)"},
      {"pipeline-glm-regressor", "pipelineRegressor (featureVectorizer, glmRegressor)"},
      {"pipeline-random-forest", "pipelineClassifier (featureVectorizer, treeEnsembleClassifier)"},
      {"tree-ensemble-regressor", "treeEnsembleRegressor"},
      {"text-classifier", "textClassifier"},
      {"pipeline-dictvectorizer-glm", "(pipeline (dictVectorizer, featureVectorizer), glmClassifier)"},
      {"custom-layer-only-lstsq", "(custom): custom code of class 'dneprDroid_lstsq'"},
      {"git-lfs-pointer", "Git LFS pointer"},
  };
  const auto paths = models_in(evidence_folder);
  EXPECT_EQ(paths.size(), reasons.size());
  for (const auto& path : paths) {
    const std::string text = refusal_of(path);
    EXPECT_NE(text.find(reasons.at(path.parent_path().filename().string())), std::string::npos)
        << path << ": " << text;
    EXPECT_EQ(text.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace ane::coreml
