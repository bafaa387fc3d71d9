// Networks that Apple compiled against the models that they were compiled from, each by its own interpreter:
// the layers of one are Core ML's, of the other Espresso's. And every public model that our translation takes
// to Espresso, before and after.
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>

#include "espresso/files.h"
#include "espresso/from_coreml.h"
#include "reference/espresso.h"
#include "reference/interpreter.h"
#include "reference/run.h"
#include "support/evidence.h"

namespace ane::reference {
namespace {

namespace fs = std::filesystem;

fs::path only_model_in(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".mlmodel" || entry.path().extension() == ".mlmodelc")
      return entry.path();
  return {};
}

// Whole numbers 0 to 255 for pictures, else between -1 and 1.
std::map<std::string, std::vector<float>> inputs_of(const coreml::Model& model) {
  std::map<std::string, std::vector<float>> inputs;
  for (const coreml::Feature& feature : model.inputs) {
    std::vector<float> values = pattern(element_count(feature.tensor), static_cast<int64_t>(inputs.size()));
    for (float& value : values) value = feature.image() ? std::floor((value + 2) * 60) : value / 2;
    inputs[feature.name] = std::move(values);
  }
  return inputs;
}

// 20 log10 of the root mean square of one over that of the difference; 999 when there is none.
double snr_db(const std::vector<float>& expected, const std::vector<float>& got) {
  if (expected.size() != got.size()) return -999;
  double signal = 0, noise = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double difference = double{expected[i]} - double{got[i]};
    signal += double{expected[i]} * double{expected[i]};
    noise += difference * difference;
  }
  return noise == 0 ? 999 : 10 * std::log10(signal / noise);
}

double worst_of(const coreml::Model& model, const espresso::Net& net) {
  const auto inputs = inputs_of(model);
  const std::map<std::string, Tensor> expected = evaluate(model, inputs),
                                      got = evaluate_espresso(net, inputs);
  double worst = 999;
  for (const coreml::Feature& output : model.outputs)
    worst = std::min(worst, snr_db(expected.at(output.name).data, got.at(output.name).data));
  return worst;
}

// Folding a batchnorm into f16 weights rounds them once more, a little loss in every layer: 79 dB are left
// behind the 17 layers of FourRecognize, 35 behind the 60 of SSDOcr.
TEST(EspressoRealModels, CompiledByAppleGivesWhatItsSourceGives) {
  ANE_NEED_EVIDENCE("models/espresso");
  const std::tuple<const char*, const char*, double> pairs[] = {
      {"waifu2x-up-photo-scale2x-deconv", "waifu2x-up-photo-scale2x", 120},
      {"cardscan-four-recognize-f16", "cardscan-four-recognize-f16", 70},
      {"cardscan-ssd-ocr-f16", "cardscan-ssd-ocr-f16", 25}};
  for (const auto& [source, compiled, least] : pairs) {
    const fs::path models = test::evidence() / "models";
    const coreml::Model model =
        coreml::read_model(MappedFile(only_model_in(models / "neuralnetwork" / source)));
    const espresso::Net net = espresso::read_folder(only_model_in(models / "espresso" / compiled));
    const double worst = worst_of(model, net);
    std::cout << source << ": " << worst << " dB\n";
    EXPECT_GE(worst, least) << source;
  }
}

// The smaller ones of the public models; larger ones were compared once and agree as well (docs/evidence.md).
TEST(EspressoRealModels, TranslationKeepsTheValues) {
  ANE_NEED_EVIDENCE("models/neuralnetwork");
  for (const char* name : {"add-one-layer", "conv-block-bug-reproducer", "digits-array-input",
                           "mlp-three-dense", "mnist-apple-classifier", "mnist-cnn-image-classifier",
                           "mnist-gan-generator", "mnist-keras-pooled-head", "mnist-torch-array-input",
                           "pose-rigid-mobilenet035", "tiny-drawing-embedding-apple"}) {
    const coreml::Model model = coreml::read_model(MappedFile(only_model_in(evidence_folder / name)));
    EXPECT_GE(worst_of(model, espresso::from_coreml(model)), 90) << name;
  }
}

}  // namespace
}  // namespace ane::reference
