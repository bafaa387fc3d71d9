// Damaged, hostile and unsupported files: each ends in one Error with one line, never in a crash or in huge
// memory.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "base/error.h"
#include "coreml/model.h"
#include "support/model_builder.h"

namespace ane::coreml {
namespace {

using test::ModelBuilder;

// The error's text; empty when the model is read.
std::string error_of(const Bytes& bytes) {
  try {
    read_model(bytes, "bad.mlmodel");
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

std::string error_of(const ModelBuilder& model) {
  return error_of(model.bytes());
}
std::string error_of(const std::string& text) {
  return error_of(Bytes(text.begin(), text.end()));
}

void expect_error(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
  EXPECT_EQ(text.rfind("bad.mlmodel: ", 0), 0u) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

// A network with most kinds of parameters. `change` damages it.
ModelBuilder sound_model() {
  ModelBuilder model;
  model.image_input("image", 16, 16);
  model.scaler("image", 0.5f);
  model.convolution("conv", "image", {.out = 4, .in = 3, .half_weights = true, .bias = {1, 2, 3, 4}});
  model.batchnorm("norm", "conv", {1, 1, 1, 1}, {0, 0, 0, 0});
  model.pooling("pool", "norm", {});
  model.inner_product("dense", "pool", 4 * 7 * 7, 6);
  model.softmax("y", "dense");
  model.array_output("y");
  return model;
}

void expect_bad(const std::function<void(spec::NeuralNetwork&)>& change, const std::string& part) {
  ModelBuilder model = sound_model();
  ASSERT_EQ(error_of(model), "");
  change(model.network());
  expect_error(error_of(model), part);
}

TEST(BadModel, Empty) {
  expect_error(error_of(Bytes{}), "empty");
}

TEST(BadModel, OtherFormats) {
  expect_error(error_of("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"), "Git LFS");
  expect_error(error_of("PK\x03\x04zip"), "zip");
  expect_error(error_of("{\"layers\": []}"), "JSON");
  expect_error(error_of("<html>"), "web page");
}

TEST(BadModel, TruncatedAnywhere) {
  const Bytes whole = sound_model().bytes();
  for (size_t size = 0; size < whole.size(); size += 1 + size / 97) {
    const std::string text =
        error_of(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_FALSE(text.empty()) << size;
  }
}

TEST(BadModel, RandomBytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    Bytes bytes(static_cast<size_t>(1 + round % 300));
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    EXPECT_FALSE(error_of(bytes).empty());
  }
}

// Any answer will do, as long as it is an answer.
TEST(BadModel, FlippedBytes) {
  const Bytes whole = sound_model().bytes();
  std::mt19937 random(2);
  for (int round = 0; round < 3000; ++round) {
    Bytes bytes = whole;
    for (int flips = 0; flips <= round % 3; ++flips)
      bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
    EXPECT_NO_FATAL_FAILURE(error_of(bytes));
  }
}

TEST(BadWeights, TooManyAndTooFew) {
  const auto dense = [](spec::NeuralNetwork& n) { return n.mutable_layers(3)->mutable_innerproduct(); };
  expect_bad([&](auto& n) { dense(n)->mutable_weights()->add_floatvalue(0); }, "weights have 1177 elements");
  expect_bad([&](auto& n) { dense(n)->mutable_weights()->mutable_floatvalue()->RemoveLast(); },
             "weights have 1175");
  expect_bad([&](auto& n) { dense(n)->clear_weights(); }, "weights are missing");
  expect_bad([&](auto& n) { dense(n)->set_hasbias(true); }, "bias are missing");
  expect_bad([&](auto& n) { dense(n)->mutable_weights()->set_float16value("ab"); }, "2 encodings");
}

TEST(BadWeights, HalvesCutShort) {
  expect_bad(
      [](auto& n) {
        n.mutable_layers(0)->mutable_convolution()->mutable_weights()->mutable_float16value()->pop_back();
      },
      "215 bytes");
}

TEST(BadWeights, Quantisation) {
  const auto quantise = [](spec::NeuralNetwork& n, uint64_t bits, size_t bytes) {
    auto* weights = n.mutable_layers(0)->mutable_convolution()->mutable_weights();
    weights->Clear();
    weights->set_rawvalue(std::string(bytes, '\0'));
    weights->mutable_quantization()->set_numberofbits(bits);
    return weights->mutable_quantization();
  };
  expect_bad([&](auto& n) { quantise(n, 0, 108); }, "0 bits");
  expect_bad([&](auto& n) { quantise(n, 9, 108); }, "9 bits");
  expect_bad([&](auto& n) { quantise(n, 8, 108); }, "unknown way");
  expect_bad([&](auto& n) { quantise(n, 8, 107)->mutable_linearquantization()->add_scale(1); }, "107 bytes");
  expect_bad([&](auto& n) { quantise(n, 3, 40)->mutable_linearquantization()->add_scale(1); }, "40 bytes");
  expect_bad([&](auto& n) { quantise(n, 8, 108)->mutable_linearquantization(); }, "0 quantisation scales");
  expect_bad([&](auto& n) { quantise(n, 2, 27)->mutable_lookuptablequantization()->add_floatvalue(1); },
             "1 entries");
}

TEST(BadModel, MissingInput) {
  expect_bad([](auto& n) { n.mutable_layers(1)->set_input(0, "nowhere"); }, "reads 'nowhere'");
  expect_bad([](auto& n) { n.mutable_layers(1)->clear_input(); }, "0 inputs");
  expect_bad([](auto& n) { n.mutable_layers(0)->add_output("more"); }, "2 outputs");
}

TEST(BadModel, BlobWrittenTwice) {
  expect_bad([](auto& n) { n.mutable_layers(1)->set_output(0, "conv"); }, "writes 'conv'");
}

TEST(BadModel, OutputThatNobodyWrites) {
  ModelBuilder model = sound_model();
  model.array_output("nowhere");
  expect_error(error_of(model), "output 'nowhere'");
}

TEST(BadModel, HugeNumbers) {
  const auto conv = [](spec::NeuralNetwork& n) { return n.mutable_layers(0)->mutable_convolution(); };
  for (const uint64_t huge : {uint64_t{1} << 25, uint64_t{1} << 40, uint64_t{1} << 63, ~uint64_t{0}}) {
    expect_bad([&](auto& n) { conv(n)->set_kernelsize(0, huge); }, "kernelSize");
    expect_bad([&](auto& n) { conv(n)->set_stride(1, huge); }, "stride");
    expect_bad([&](auto& n) { conv(n)->set_dilationfactor(1, huge); }, "dilationFactor");
    expect_bad([&](auto& n) { conv(n)->set_outputchannels(huge); }, "outputChannels");
    expect_bad([&](auto& n) { conv(n)->set_ngroups(huge); }, "nGroups");
    expect_bad(
        [&](auto& n) {
          conv(n)->mutable_valid()->mutable_paddingamounts()->mutable_borderamounts(0)->set_startedgesize(
              huge);
        },
        "paddingAmounts");
    expect_bad([&](auto& n) { n.mutable_layers(2)->mutable_pooling()->set_kernelsize(0, huge); },
               "kernelSize");
  }
}

TEST(BadModel, ZeroAndNegativeNumbers) {
  const auto conv = [](spec::NeuralNetwork& n) { return n.mutable_layers(0)->mutable_convolution(); };
  expect_bad([&](auto& n) { conv(n)->set_kernelsize(0, 0); }, "kernelSize is 0");
  expect_bad([&](auto& n) { conv(n)->set_stride(0, 0); }, "stride is 0");
  expect_bad([&](auto& n) { conv(n)->set_kernelsize(0, 17); }, "does not fit");
  expect_bad([&](auto& n) { conv(n)->add_stride(1); }, "3 entries");
  for (const int64_t size : {int64_t{-1}, int64_t{0}, int64_t{1} << 40}) {
    ModelBuilder model = sound_model();
    model.proto().mutable_description()->mutable_input(0)->mutable_type()->mutable_imagetype()->set_width(
        size);
    expect_error(error_of(model), "input 'image'");
  }
}

TEST(BadModel, BlobTooLargeForAnybody) {
  ModelBuilder model;
  model.array_input("x", {1 << 10, 1 << 10, 1 << 10});
  auto* upsample = model.layer("y", {"x"})->mutable_upsample();
  for (int i = 0; i < 2; ++i) upsample->add_scalingfactor(1 << 10);
  model.array_output("y");
  expect_error(error_of(model), "gives a blob of shape");
}

TEST(BadModel, UnknownEnumValue) {
  expect_bad(
      [](auto& n) {
        n.mutable_layers(2)->mutable_pooling()->set_type(
            static_cast<spec::PoolingLayerParams::PoolingType>(9));
      },
      "type has the unknown value 9");
}

TEST(BadModel, DeconvolutionSmallerThanAskedFor) {
  ModelBuilder model;
  model.array_input("x", {1, 4, 4});
  model.convolution(
      "y", "x",
      {.kernel_h = 1, .kernel_w = 1, .stride_h = 2, .stride_w = 2, .same = true, .deconvolution = true});
  model.array_output("y");
  expect_error(error_of(model), "less than the 8 asked for");
}

TEST(BadModel, EveryRefusedLayerIsNamed) {
  ModelBuilder model;
  model.array_input("x", {4});
  model.layer("a", {"x"})->mutable_custom()->set_classname("Swish");
  model.layer("b", {"a"})->mutable_loopbreak();
  model.layer("c", {"b"});
  model.layer("d", {"c"})->mutable_activation();
  model.array_output("d");
  const std::string text = error_of(model);
  expect_error(text, "4 layers are not supported");
  expect_error(text, "a (custom): custom code of class 'Swish'");
  expect_error(text, "b (loopBreak): control flow");
  expect_error(text, "c (unknown): names no layer type");
  expect_error(text, "d (activation.unknown)");
}

TEST(BadModel, ManyRefusedLayersAreCounted) {
  ModelBuilder model;
  model.array_input("x", {4});
  for (int i = 0; i < 20; ++i) {
    auto* layer = model.layer(fmt::format("l{}", i), {"x"});
    if (i % 2)
      layer->mutable_loopbreak();
    else
      layer->mutable_custom();
  }
  model.array_output("l0");
  const std::string text = error_of(model);
  expect_error(text, "20 layers are not supported");
  expect_error(text, "l11 (loopBreak)");
  EXPECT_EQ(text.find("l12"), std::string::npos) << text;
  expect_error(text, "and 8 more: 4 custom 4 loopBreak");
}

TEST(BadModel, LayersOfTheFuture) {
  ModelBuilder model = sound_model();
  auto* layer = model.layer("new", {"y"});
  layer->GetReflection()->MutableUnknownFields(layer)->AddLengthDelimited(9999)->assign("");
  expect_error(error_of(model), "field 9999");
}

TEST(BadModel, ModelsWithoutANetwork) {
  const auto refused = [](const std::function<void(spec::Model&)>& fill) {
    spec::Model model;
    model.set_specificationversion(1);
    fill(model);
    return error_of(model.SerializeAsString());
  };
  expect_error(refused([](auto& m) { m.mutable_treeensembleregressor(); }), "treeEnsembleRegressor");
  expect_error(refused([](auto& m) { m.mutable_textclassifier(); }), "Apple's systems");
  expect_error(refused([](auto& m) { m.mutable_mlprogram(); }), "mlProgram");
  expect_error(refused([](auto&) {}), "does not know");
  expect_error(refused([](auto& m) {
                 auto* pipeline = m.mutable_pipelineclassifier()->mutable_pipeline();
                 pipeline->add_models()->mutable_pipeline()->add_models()->mutable_scaler();
                 pipeline->add_models()->mutable_glmclassifier();
               }),
               "pipelineClassifier (pipeline (scaler), glmClassifier)");
}

TEST(BadModel, NestedTooDeeply) {
  spec::Model model;
  model.set_specificationversion(1);
  spec::Model* inner = &model;
  for (int i = 0; i < 1000; ++i) inner = inner->mutable_pipeline()->add_models();
  expect_error(error_of(model.SerializeAsString()), "damaged");
}

TEST(BadModel, NameThatBreaksTheLine) {
  ModelBuilder model = sound_model();
  model.layer("two\nlines", {"y"})->mutable_custom();
  expect_error(error_of(model), "two?lines");
}

}  // namespace
}  // namespace ane::coreml
