// Whole networks of other people against float64 evaluations of the same files, made by other hands than
// ours.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "media/array.h"
#include "media/image.h"
#include "reference/interpreter.h"
#include "support/evidence.h"

namespace ane::reference {
namespace {

coreml::Model read(const std::filesystem::path& path) {
  return coreml::read_model(MappedFile(path));
}

nlohmann::json read_json(const std::filesystem::path& path) {
  return nlohmann::json::parse(std::ifstream(path));
}

std::filesystem::path only_model_in(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".mlmodel") return entry.path();
  }
  return {};
}

std::vector<float> planes(const std::filesystem::path& picture, double factor = 1) {
  std::vector<float> values = media::to_planes(media::read_image(picture));
  for (float& value : values) value = static_cast<float>(value * factor);
  return values;
}

double worst_difference(const std::vector<float>& got, const std::vector<float>& expected) {
  if (got.size() != expected.size()) return INFINITY;
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double difference = std::abs(double{got[i]} - double{expected[i]});
    worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
  }
  return worst;
}

// Logits are larger than probabilities; float32 resolves them relative to their size.
double tolerance(const std::vector<float>& expected) {
  float largest = 1;
  for (const float value : expected) largest = std::max(largest, std::abs(value));
  return 1e-4 * largest;
}

TEST(RealModels, TenDigitsThroughFiveNetworks) {
  ANE_NEED_EVIDENCE("models");
  const auto digits = evidence_folder / "inputs" / "mnist-digits";
  const nlohmann::json expected = read_json(digits / "expected.json").at("models");
  EXPECT_EQ(expected.size(), 5u);
  for (const auto& [name, want] : expected.items()) {
    const coreml::Model model = read(only_model_in(evidence_folder / name));
    const double factor =
        want.at("array_input_scale").is_null() ? 1 : want.at("array_input_scale").get<double>();
    for (int digit = 0; digit < 10; ++digit) {
      const auto picture = digits / ("digit_" + std::to_string(digit) + "_28x28.pgm");
      const auto blobs = evaluate(model, {{want.at("input"), planes(picture, factor)}});
      const auto values = want.at("outputs").at(digit).get<std::vector<float>>();
      const auto& got = blobs.at(want.at("output_blob")).data;
      EXPECT_LE(worst_difference(got, values), tolerance(values)) << name << ", digit " << digit;
      EXPECT_EQ(std::max_element(got.begin(), got.end()) - got.begin(), want.at("top1").at(digit).get<int>());
    }
  }
}

TEST(RealModels, Waifu2x) {
  ANE_NEED_EVIDENCE("models");
  const auto inputs = evidence_folder / "inputs" / "waifu2x";
  const coreml::Model model = read(only_model_in(evidence_folder / "neuralnetwork" / "waifu2x-anime-noise0"));
  const auto blobs = evaluate(model, {{"input", planes(inputs / "input_142x142.ppm", 1.0 / 255)}});
  const auto expected = media::read_raw(inputs / "expected_3x128x128_f32le.bin", media::RawType::Float32);
  EXPECT_EQ(blobs.at("conv7").shape, (coreml::Shape{1, 1, 3, 128, 128}));
  EXPECT_LE(worst_difference(blobs.at("conv7").data, expected), 1e-4);
}

TEST(RealModels, PoseOfARigidObject) {
  ANE_NEED_EVIDENCE("models");
  const auto inputs = evidence_folder / "inputs" / "rigid-pose";
  const nlohmann::json expected = read_json(inputs / "expected.json");
  const coreml::Model model =
      read(only_model_in(evidence_folder / "neuralnetwork" / "pose-rigid-mobilenet035"));
  const auto blobs = evaluate(model, {{"image", planes(inputs / "dentastix_224x224.ppm")}});
  // The heatmap is printed with six decimals, the offsets with five.
  EXPECT_LE(worst_difference(blobs.at("heatmap").data, expected.at("heatmap").get<std::vector<float>>()),
            1e-4);
  EXPECT_LE(worst_difference(blobs.at("offsets").data, expected.at("offsets").get<std::vector<float>>()),
            1e-4);
}

}  // namespace
}  // namespace ane::reference
