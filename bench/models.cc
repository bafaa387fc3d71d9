// The public models that the measurements were first taken on are not ours to hand out, so a network of the
// same kind stands in for them: MobileNet (depthwise and pointwise convolutions with batch normalisation and
// ReLU), its weights random and stored in turn as float32, as float16, in 8 bits with a scale for each
// channel and in 8 bits with a look-up table.
#include "models.h"

#include <array>
#include <cmath>
#include <random>

#include "base/file.h"
#include "support/evidence.h"
#include "support/model_builder.h"

namespace ane::bench {

namespace {

namespace spec = CoreML::Specification;

class MobileNet {
 public:
  Bytes bytes() {
    model_.array_input("image", {3, 224, 224});
    model_.array_output("scores");
    layer(32, 3, 3, 2, 1);
    // Channels and stride of the thirteen pairs of a depthwise and a pointwise convolution.
    constexpr std::array<std::pair<int64_t, int64_t>, 13> pairs{{{64, 1},
                                                                 {128, 2},
                                                                 {128, 1},
                                                                 {256, 2},
                                                                 {256, 1},
                                                                 {512, 2},
                                                                 {512, 1},
                                                                 {512, 1},
                                                                 {512, 1},
                                                                 {512, 1},
                                                                 {512, 1},
                                                                 {1024, 2},
                                                                 {1024, 1}}};
    int64_t channels = 32;
    for (const auto& [out, stride] : pairs) {
      layer(channels, channels, 3, stride, channels);
      layer(out, channels, 1, 1, 1);
      channels = out;
    }
    model_.pooling("pool", last_, {.type = spec::PoolingLayerParams::AVERAGE, .global = true});
    model_.inner_product("classes", "pool", channels, 1000, random(1000 * channels, 0.05f));
    model_.softmax("scores", "classes");
    return model_.bytes();
  }

 private:
  std::vector<float> random(int64_t count, float spread) {
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> values;
    for (int64_t i = 0; i < count; ++i) values.push_back(normal(engine_));
    return values;
  }

  // Codes whose numbers spread as far as those of the other encodings do.
  void set_codes(spec::WeightParams* weights, int64_t count, int64_t channels, float spread, bool table) {
    weights->Clear();
    std::uniform_int_distribution<int> code(0, 255);
    for (int64_t i = 0; i < count; ++i)
      weights->mutable_rawvalue()->push_back(static_cast<char>(code(engine_)));
    auto* quantization = weights->mutable_quantization();
    quantization->set_numberofbits(8);
    if (table) {
      for (int i = 0; i < 256; ++i)
        quantization->mutable_lookuptablequantization()->add_floatvalue(
            spread * (static_cast<float>(i) - 127.5f) / 64);
      return;
    }
    for (int64_t channel = 0; channel < channels; ++channel) {
      quantization->mutable_linearquantization()->add_scale(spread / 64);
      quantization->mutable_linearquantization()->add_bias(-2 * spread);
    }
  }

  void layer(int64_t out, int64_t in, int64_t kernel, int64_t stride, int64_t groups) {
    const std::string number = std::to_string(layers_);
    const int64_t inputs = in / groups * kernel * kernel, count = out * inputs;
    const float spread = std::sqrt(2.0f / static_cast<float>(inputs));
    auto* weights = model_
                        .convolution("conv" + number, last_,
                                     {.out = out,
                                      .in = in,
                                      .kernel_h = kernel,
                                      .kernel_w = kernel,
                                      .stride_h = stride,
                                      .stride_w = stride,
                                      .groups = groups,
                                      .same = true,
                                      .half_weights = layers_ % 4 == 1,
                                      .weights = random(count, spread)})
                        ->mutable_weights();
    if (layers_ % 4 >= 2) set_codes(weights, count, out, spread, layers_ % 4 == 2);
    const auto channels = static_cast<size_t>(out);
    model_.batchnorm("norm" + number, "conv" + number, std::vector<float>(channels, 1.0f), random(out, 0.1f));
    last_ = "relu" + number;
    model_.relu(last_, "norm" + number);
    ++layers_;
  }

  test::ModelBuilder model_;
  std::mt19937 engine_{1};
  std::string last_ = "image";
  int layers_ = 0;
};

}  // namespace

void write_model(const std::filesystem::path& folder) {
  write_file(folder / "mobilenet.mlmodel", ByteSpan(MobileNet().bytes()));
}

std::vector<Model> models(const std::filesystem::path& folder) {
  std::vector<Model> found{{"mobilenet", folder / "mobilenet.mlmodel"}};
  for (const char* name : {"deeplabv3-int8lut", "pose-cpm-mobilenetv2", "fruit-squeezenet-customvision"}) {
    const std::filesystem::path of_others = test::evidence() / "models/neuralnetwork" / name;
    if (!std::filesystem::exists(of_others)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(of_others))
      if (entry.path().extension() == ".mlmodel") found.push_back({name, entry.path()});
  }
  return found;
}

}  // namespace ane::bench
