// Parts of real ML Programs, whose results are known from what the parts are for: a windowed Fourier
// transform; one network's weights in three encodings.

#include <numbers>
#include <set>

#include "mil/text.h"
#include "mil_run.h"
#include "support/evidence.h"

namespace ane::reference {
namespace {

// The operations that `outputs` need, as a function of its own.
mil::Function part_of(const mil::Function& function, const std::vector<std::string>& outputs) {
  std::set<std::string> needed(outputs.begin(), outputs.end());
  std::vector<mil::Operation> operations;
  for (auto at = function.block.operations.rbegin(); at != function.block.operations.rend(); ++at) {
    const bool used = std::any_of(at->outputs.begin(), at->outputs.end(),
                                  [&](const mil::NamedType& output) { return needed.contains(output.name); });
    if (!used) continue;
    for (const mil::Argument& argument : at->inputs)
      for (const mil::Binding& binding : argument.bindings) needed.insert(binding.name);
    operations.insert(operations.begin(), *at);
  }
  mil::Function part = function;
  std::erase_if(part.inputs, [&](const mil::NamedType& input) { return !needed.contains(input.name); });
  part.block.operations = std::move(operations);
  part.block.outputs = outputs;
  return part;
}

std::map<std::string, Tensor> decoded(const mil::Program& program, const std::vector<std::string>& names) {
  return evaluate_mil(part_of(*program.find("main"), names), {}, {.file = program.file});
}

// Frames of 256 samples, 128 apart, under a Hann window; the signal goes on for 64 samples as its mirror
// image.
TEST(MilRealModels, ASpectrogramIsAFourierTransform) {
  ANE_NEED_EVIDENCE("models/mlprogram/silero-vad-compiled/silero_vad.mlmodelc/model.mil");
  const mil::Program program = mil::read_text(evidence_folder);
  Values signal;
  for (int t = 0; t < 576; ++t)
    signal.push_back(static_cast<float>(std::sin(0.31 * t) + 0.5 * std::cos(1.7 * t) + 0.001 * t));
  const Tensor spectrogram = evaluate_mil(part_of(*program.find("main"), {"input_1_cast_fp16"}),
                                          {{"audio_input", {{1, 576}, signal}}})
                                 .at("input_1_cast_fp16");
  ASSERT_EQ(spectrogram.shape, (Shape{1, 129, 4}));
  const auto sample = [&](int t) { return double{signal[static_cast<size_t>(t < 576 ? t : 2 * 575 - t)]}; };
  for (int k = 0; k <= 128; ++k) {
    for (int frame = 0; frame < 4; ++frame) {
      double real = 0, imaginary = 0;
      for (int t = 0; t < 256; ++t) {
        const double angle = 2 * std::numbers::pi * t / 256;
        const double value = sample(128 * frame + t) * 0.5 * (1 - std::cos(angle));
        real += value * std::cos(k * angle);
        imaginary += value * std::sin(k * angle);
      }
      // The model holds its waves in fp16.
      EXPECT_NEAR(spectrogram.data[static_cast<size_t>(k * 4 + frame)], std::hypot(real, imaginary), 0.02)
          << k << ", " << frame;
    }
  }
}

TEST(MilRealModels, APaletteHasTheNearestOfItsValues) {
  ANE_NEED_EVIDENCE("models/mlprogram/silero-vad-palette-2bit-compiled");
  const mil::Program exact =
      mil::read_text(test::evidence() / "models/mlprogram/silero-vad-compiled/silero_vad.mlmodelc/model.mil");
  const mil::Program coded = mil::read_text(evidence_folder / "unified_palette_2bit.mlmodelc/model.mil");
  for (const std::string name : {"stft_forward_basis_to_fp16", "encoder_layers_0_weight_to_fp16",
                                 "encoder_layers_2_weight_to_fp16", "encoder_layers_6_weight_to_fp16"}) {
    const Tensor original = decoded(exact, {name}).at(name);
    const Tensor palettized = decoded(coded, {name + "_palettized"}).at(name + "_palettized");
    ASSERT_EQ(palettized.shape, original.shape);
    const std::set<float> palette(palettized.data.begin(), palettized.data.end());
    EXPECT_EQ(palette.size(), 4u);
    for (size_t i = 0; i < original.data.size(); ++i) {
      float nearest = HUGE_VALF;
      for (const float value : palette) nearest = std::min(nearest, std::abs(value - original.data[i]));
      // Up to the rounding of the palette, which was chosen before it was rounded to fp16.
      ASSERT_LE(std::abs(palettized.data[i] - original.data[i]),
                nearest + 2e-3f * std::abs(palettized.data[i]))
          << name << " " << i;
    }
  }
}

// Eight bits hold a row to half of a 127th of its largest value, and a sparse tensor the very values or
// zeros.
TEST(MilRealModels, EightBitsAndMasksKeepTheWeights) {
  ANE_NEED_EVIDENCE("models/mlprogram/silero-vad-pruned-int8-compiled");
  const mil::Program exact =
      mil::read_text(test::evidence() / "models/mlprogram/silero-vad-compiled/silero_vad.mlmodelc/model.mil");
  const mil::Program coded = mil::read_text(evidence_folder / "unified_pruned_int8.mlmodelc/model.mil");
  for (const std::string name : {"stft_forward_basis_to_fp16", "encoder_layers_2_weight_to_fp16"}) {
    const Tensor original = decoded(exact, {name}).at(name);
    const Tensor quantized = decoded(coded, {name + "_quantized"}).at(name + "_quantized");
    ASSERT_EQ(quantized.shape, original.shape);
    const size_t row = original.data.size() / static_cast<size_t>(original.shape[0]);
    for (size_t i = 0; i < original.data.size(); ++i) {
      float largest = 0;
      for (size_t k = i / row * row; k < (i / row + 1) * row; ++k)
        largest = std::max(largest, std::abs(original.data[k]));
      ASSERT_NEAR(quantized.data[i], original.data[i], largest / 254 + largest * 0x1p-11f)
          << name << " " << i;
    }
  }
  const std::string name = "encoder_layers_6_weight_to_fp16";
  const Tensor original = decoded(exact, {name}).at(name);
  const Tensor sparse = decoded(coded, {name + "_sparsified"}).at(name + "_sparsified");
  ASSERT_EQ(sparse.shape, original.shape);
  size_t kept = 0;
  for (size_t i = 0; i < original.data.size(); ++i) {
    if (sparse.data[i] == 0) continue;
    ++kept;
    ASSERT_EQ(sparse.data[i], original.data[i]) << i;
  }
  EXPECT_EQ(kept, 10246u);  // the length of its data
}

}  // namespace
}  // namespace ane::reference
