// Real pictures through the simulated programs of real networks, against a float64 evaluation of the same
// networks (layer by layer, independent of any compiler), and against what the pictures show.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "driver/road.h"
#include "driver/shell.h"
#include "media/array.h"
#include "media/image.h"
#include "reference/interpreter.h"
#include "support/evidence.h"

namespace ane::test {
namespace {

namespace fs = std::filesystem;
using Values = std::vector<float>;

fs::path model_in(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".mlmodel" || entry.path().extension() == ".mlmodelc")
      return entry.path();
  return folder;
}

driver::Compiled compiled(const fs::path& folder) {
  driver::CompileOptions options;
  options.model = model_in(folder);
  return driver::compile_model(options);
}

// The outputs by name, for a network of one input.
std::map<std::string, Values> simulated(const driver::Compiled& program, const Values& input) {
  sim::Simulator simulator(hwx::read(hwx::write(program.program.file), "model.hwx"));
  const driver::SidecarFeature& feature = program.sidecar.inputs.at(0);
  simulator.set_input(feature.binding, driver::to_surface(feature, input));
  simulator.run();
  std::map<std::string, Values> outputs;
  for (const driver::SidecarFeature& output : program.sidecar.outputs)
    outputs[output.name] = simulator.output(output.binding).data;
  return outputs;
}

// Red, green and blue planes, times `factor`.
Values planes(const fs::path& picture, float factor = 1) {
  const media::Image image = media::read_image(picture);
  Values values;
  for (int channel = 0; channel < image.channels; ++channel)
    for (size_t i = static_cast<size_t>(channel); i < image.pixels.size();
         i += static_cast<size_t>(image.channels))
      values.push_back(factor * static_cast<float>(image.pixels[i]));
  return values;
}

double largest_difference(const Values& a, const Values& b) {
  double largest = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return largest;
}

// Both forms are the same program; that of the .mlmodel is set against float64.
TEST(RealInputs, Waifu2xDenoisesAPicture) {
  ANE_NEED_EVIDENCE("models");
  const fs::path inputs = evidence_folder / "inputs/waifu2x";
  const driver::Compiled source = compiled(evidence_folder / "neuralnetwork/waifu2x-anime-noise0"),
                         twin = compiled(evidence_folder / "espresso/waifu2x-anime-noise0");
  EXPECT_TRUE(hwx::write(source.program.file) == hwx::write(twin.program.file));
  const Values input = planes(inputs / "input_142x142.ppm", 1.0f / 255),
               expected = media::read_raw(inputs / "expected_3x128x128_f32le.bin", media::RawType::Float32);
  for (const driver::Compiled* program : {&source, &twin}) {
    const Values got = simulated(*program, input).at("conv7");
    EXPECT_GE(snr_db(expected, got), 60);
    EXPECT_LE(largest_difference(expected, got), 0.005);
  }
}

// Row-major index of the largest element of each channel of the heatmap.
std::vector<int64_t> peaks(const Values& heatmap, int64_t channels) {
  const auto plane = static_cast<std::ptrdiff_t>(heatmap.size()) / channels;
  std::vector<int64_t> result;
  for (auto begin = heatmap.begin(); begin != heatmap.end(); begin += plane)
    result.push_back(std::max_element(begin, begin + plane) - begin);
  return result;
}

TEST(RealInputs, PoseOfARigidObject) {
  ANE_NEED_EVIDENCE("models");
  const fs::path inputs = evidence_folder / "inputs/rigid-pose";
  const auto expected = nlohmann::json::parse(contents(inputs / "expected.json"));
  const auto got = simulated(compiled(evidence_folder / "neuralnetwork/pose-rigid-mobilenet035"),
                             planes(inputs / "dentastix_224x224.ppm"));
  const auto heatmap = expected.at("heatmap").get<Values>();
  EXPECT_EQ(peaks(got.at("heatmap"), 5), peaks(heatmap, 5));
  EXPECT_GE(snr_db(heatmap, got.at("heatmap")), 40);
  EXPECT_GE(snr_db(expected.at("offsets").get<Values>(), got.at("offsets")), 40);
}

// The digit that each place of a card shows, where the network is sure of one (else -1).
std::vector<int> digits(const Values& scores, float least) {
  constexpr std::ptrdiff_t classes = 10;
  std::vector<int> result;
  for (auto begin = scores.begin(); begin != scores.end(); begin += classes) {
    const auto best = std::max_element(begin, begin + classes);
    result.push_back(*best >= least ? static_cast<int>(best - begin) : -1);
  }
  return result;
}

// No answer is published for this card. The float32 reference reads it, and the program must read the same.
TEST(RealInputs, DigitsOfACard) {
  ANE_NEED_EVIDENCE("models");
  const driver::Compiled program = compiled(evidence_folder / "neuralnetwork/cardscan-ssd-ocr-f16");
  const Values picture = driver::read_input(program.sidecar.inputs.at(0),
                                            evidence_folder / "inputs/card-ocr/synthetic_card_visa.jpeg");
  const Values got = simulated(program, picture).at("scores");
  const Values expected =
      reference::evaluate(*program.source.coreml, {{program.sidecar.inputs[0].name, picture}})
          .at("scores")
          .data;
  EXPECT_GE(snr_db(expected, got), 40);
  const std::vector<int> sure = digits(expected, 0.6f), read = digits(got, 0.5f);
  EXPECT_GE(sure.size() - static_cast<size_t>(std::count(sure.begin(), sure.end(), -1)), 16u);
  for (size_t i = 0; i < sure.size(); ++i)
    if (sure[i] >= 0) {
      EXPECT_EQ(read[i], sure[i]) << "place " << i;
    }
}

}  // namespace
}  // namespace ane::test
