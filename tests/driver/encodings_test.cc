// One network in six encodings of its weights, as its makers published it: fp16, bytes, palettes of 64, 16
// and 4 values, and bytes of which one tensor is pruned. Two programs may differ as far as their weights do:
//
//   - With the decoded weights of one encoding put into the fp16 model, the reference gives the very results
//     of that encoding. So nothing but weights tells the models apart.
//   - How much results move with weights is measured on the fp16 model alone: its weights are moved by noise
//     as strong as the other encoding's difference, tensor by tensor. The results of the encoding are as far
//     away, within a factor.
//   - The programs, simulated, differ from each other as the reference says, up to binary16.
#include <algorithm>
#include <cmath>
#include <random>

#include "driver/ml_programs.h"
#include "driver/source.h"
#include "media/array.h"
#include "mil/element.h"
#include "reference/mil.h"
#include "support/evidence.h"

namespace ane::test {
namespace {

using reference::Tensor;
using Tensors = std::map<std::string, Tensor>;

const std::pair<const char*, const char*> encodings[] = {
    {"fp16", "silero-vad-unified/silero-vad-unified-v6.0.0.mlpackage"},
    {"int8", "silero-vad-int8-affine/unified_int8.mlpackage"},
    {"6 bit", "silero-vad-palette-6bit/unified_palette_6bit.mlpackage"},
    {"4 bit", "silero-vad-palette-4bit/unified_palette_4bit.mlpackage"},
    {"2 bit", "silero-vad-palette-2bit/unified_palette_2bit.mlpackage"},
    {"pruned", "silero-vad-pruned-int8-sparse/unified_pruned_int8.mlpackage"}};

Tensor noise_of(std::vector<int64_t> shape, double bound, std::mt19937_64& engine) {
  Tensor tensor = reference::make_tensor(std::move(shape));
  for (float& value : tensor.data)
    value = round_to_half(static_cast<float>(bound * (static_cast<double>(engine() % 2001) / 1000 - 1)));
  return tensor;
}

Tensors inputs() {
  std::mt19937_64 engine(3);
  return {{"audio_input", noise_of({1, 576}, 0.3, engine)},
          {"hidden_state", noise_of({1, 128}, 0.5, engine)},
          {"cell_state", noise_of({1, 128}, 0.5, engine)}};
}

// The weights as they are computed with, by the name that they have in the fp16 model.
Tensors weights_of(const driver::Source& source) {
  constexpr size_t smallest = 1000;  // of what the makers compressed
  Tensors weights;
  reference::MilOptions options;
  options.observe = [&](const mil::Operation& operation, size_t index, const Tensor& value) {
    if (operation.type != "const" && !operation.type.starts_with("constexpr_")) return;
    if (value.data.size() < smallest || operation.outputs[index].type.element == mil::DataType::UInt8 ||
        operation.outputs[index].type.element == mil::DataType::Int8)
      return;
    std::string name = operation.outputs[index].name;
    for (const char* ending : {"_palettized", "_quantized", "_sparsified"})
      if (name.ends_with(ending)) name.erase(name.rfind(ending));
    weights[name] = value;
  };
  reference::evaluate_mil(source.function(), inputs(), options);
  return weights;
}

// A function with other numbers in its constants.
mil::Function with_weights(mil::Function function, const Tensors& weights) {
  for (mil::Operation& operation : function.block.operations) {
    if (operation.type != "const") continue;
    const auto found = weights.find(operation.outputs[0].name);
    if (found == weights.end()) continue;
    mil::Value value;
    value.type = operation.outputs[0].type;
    value.type.element = mil::DataType::Float32;
    operation.outputs[0].type.element = mil::DataType::Float32;
    mil::ElementWriter writer(32);
    for (const float number : found->second.data)
      writer.put(mil::encode_floating(mil::DataType::Float32, static_cast<double>(number)));
    const auto bytes = std::make_shared<const Bytes>(writer.take());
    value.bytes = *bytes;
    value.owner = bytes;
    for (mil::Attribute& attribute : operation.attributes)
      if (attribute.name == "val") attribute.value = std::make_shared<const mil::Value>(value);
  }
  return function;
}

double square_sum(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum;
}

std::vector<float> difference(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> result(a.size());
  for (size_t i = 0; i < a.size(); ++i) result[i] = a[i] - b.at(i);
  return result;
}

double ratio_db(const std::vector<float>& signal, const std::vector<float>& other) {
  const double noise = square_sum(difference(signal, other));
  return noise == 0 ? 999 : 10 * std::log10(square_sum(signal) / noise);
}

// All results, one after the other.
std::vector<float> joined(const Tensors& results) {
  std::vector<float> all;
  for (const auto& [name, tensor] : results) all.insert(all.end(), tensor.data.begin(), tensor.data.end());
  return all;
}

class Encodings : public MlPrograms {
 protected:
  // The results of the program that is made.
  std::vector<float> simulated(const fs::path& model) {
    const Ran ran = run("coreml2hwx -q " + quoted(model) + " -o " + quoted(at("out")));
    EXPECT_EQ(ran.status, 0) << ran.err;
    std::string options;
    for (const auto& [name, tensor] : inputs()) {
      media::write_npy(at(name + ".npy"), {{tensor.shape}, tensor.data});
      options += " --input " + name + "=" + quoted(at(name + ".npy"));
    }
    const Ran result = run("hwxrun --json " + quoted(at("out/model.hwx")) + options);
    EXPECT_EQ(result.status, 0) << result.err;
    std::map<std::string, std::vector<float>> by_name;
    const json parsed = json::parse(result.out);
    for (const json& output : parsed.at("outputs"))
      by_name[output.at("name").get<std::string>()] = output.at("data").get<std::vector<float>>();
    std::vector<float> all;
    for (const auto& [name, data] : by_name) all.insert(all.end(), data.begin(), data.end());
    return all;
  }
};

// The fp16 model's results with noise on each tensor, as strong as its difference in another encoding: the
// worst ratio of a few.
double ratio_with_noise(const mil::Function& exact, const Tensors& weights, const Tensors& others) {
  const std::vector<float> expected = joined(reference::evaluate_mil(exact, inputs()));
  std::mt19937_64 engine(9);
  double worst = 999;
  for (int round = 0; round < 4; ++round) {
    Tensors moved = weights;
    for (auto& [name, tensor] : moved) {
      const double mean =
          square_sum(difference(tensor.data, others.at(name).data)) / static_cast<double>(tensor.data.size());
      std::uniform_real_distribution<double> noise(-std::sqrt(3 * mean), std::sqrt(3 * mean));
      for (float& value : tensor.data) value += static_cast<float>(noise(engine));
    }
    const auto results = joined(reference::evaluate_mil(with_weights(exact, moved), inputs()));
    worst = std::min(worst, ratio_db(expected, results));
  }
  return worst;
}

struct Encoding {
  Tensors weights;
  std::vector<float> expected, got;
};

TEST_F(Encodings, DifferAsTheirWeightsDo) {
  ANE_NEED_EVIDENCE("models/mlprogram/silero-vad-unified");
  constexpr double margin_db = 3;  // noise of the same strength in other directions
  std::vector<Encoding> all;
  mil::Function exact;
  for (const auto& [name, path] : encodings) {
    SCOPED_TRACE(name);
    const fs::path model = evidence_folder.parent_path() / path;
    const driver::Source source = driver::read_source(model);
    if (all.empty()) exact = source.function();
    all.push_back(
        {weights_of(source), joined(reference::evaluate_mil(source.function(), inputs())), simulated(model)});
    const Encoding &first = all[0], &last = all.back();
    ASSERT_EQ(last.weights.size(), 7u);
    ASSERT_EQ(last.got.size(), last.expected.size());
    EXPECT_EQ(joined(reference::evaluate_mil(with_weights(exact, last.weights), inputs())), last.expected);
    EXPECT_GE(ratio_db(last.expected, last.got), 58);
    if (all.size() > 1) {
      EXPECT_GE(ratio_db(first.expected, last.expected),
                ratio_with_noise(exact, first.weights, last.weights) - margin_db);
    }
    // Errors of 58 dB change a difference of 35 dB by less than 1 dB.
    for (const Encoding& other : all)
      if (&other != &last) {
        EXPECT_NEAR(ratio_db(other.got, last.got), ratio_db(other.expected, last.expected), 1);
      }
  }
}

}  // namespace
}  // namespace ane::test
