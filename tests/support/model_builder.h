// Builds small Core ML models for tests: one function per kind of layer, each of which appends a layer that
// reads named blobs and writes the blob it is named after.
//
//   ModelBuilder model;
//   model.array_input("x", {3, 8, 8});
//   model.convolution("conv", "x", {.out = 4, .in = 3, .weights = floats});
//   model.relu("y", "conv");
//   model.array_output("y");
//   const auto read = coreml::read_model(model.bytes(), "test.mlmodel");
//
// Every function returns the message it made, so that a test can add or damage fields. Link ane_coreml (or
// ane_proto).
#pragma once

#include <Model.pb.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/half.h"

namespace ane::test {

namespace spec = CoreML::Specification;

inline void set_floats(spec::WeightParams* weights, const std::vector<float>& values) {
  weights->Clear();
  weights->mutable_floatvalue()->Add(values.begin(), values.end());
}

inline void set_halves(spec::WeightParams* weights, const std::vector<float>& values) {
  weights->Clear();
  std::string* bytes = weights->mutable_float16value();
  for (const float value : values) {
    const uint16_t bits = to_half(value).bits;
    bytes->push_back(static_cast<char>(bits & 0xff));
    bytes->push_back(static_cast<char>(bits >> 8));
  }
}

// 0, 1, -1, 2, -2, ... times `step`: small numbers that binary16 holds exactly.
inline std::vector<float> ramp(int64_t count, float step = 0.125f) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(step * static_cast<float>(i % 2 ? (i % 32 + 1) / 2 : -(i % 32) / 2));
  return values;
}

// Empty weights and bias: ramp() weights, no bias.
struct ConvolutionOptions {
  int64_t out = 1, in = 1;  // channels of output and input
  int64_t kernel_h = 3, kernel_w = 3;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t groups = 1;
  bool same = false;  // else valid with these amounts:
  int64_t top = 0, bottom = 0, left = 0, right = 0;
  bool deconvolution = false;
  bool half_weights = false;
  std::vector<float> weights = {}, bias = {};
};

struct PoolingOptions {
  spec::PoolingLayerParams::PoolingType type = spec::PoolingLayerParams::MAX;
  int64_t kernel_h = 2, kernel_w = 2;
  int64_t stride_h = 2, stride_w = 2;
  enum { Valid, Same, IncludeLastPixel } padding = Valid;
  int64_t top = 0, bottom = 0, left = 0, right = 0;  // IncludeLastPixel takes top and left
  bool exclude_padding = false;
  bool global = false;
};

class ModelBuilder {
 public:
  explicit ModelBuilder(int specification_version = 1) {
    proto_.set_specificationversion(specification_version);
    proto_.mutable_neuralnetwork();
  }

  spec::Model& proto() { return proto_; }
  spec::NeuralNetwork& network() { return *proto_.mutable_neuralnetwork(); }

  Bytes bytes() const {
    const std::string text = proto_.SerializeAsString();
    return Bytes(text.begin(), text.end());
  }

  // ---- Features ----

  spec::FeatureDescription* array_input(const std::string& name, const std::vector<int64_t>& shape) {
    return array(proto_.mutable_description()->add_input(), name, shape);
  }
  spec::FeatureDescription* array_output(const std::string& name, const std::vector<int64_t>& shape = {}) {
    return array(proto_.mutable_description()->add_output(), name, shape);
  }
  spec::FeatureDescription* image_input(
      const std::string& name, int64_t width, int64_t height,
      spec::ImageFeatureType::ColorSpace color = spec::ImageFeatureType::RGB) {
    return image(proto_.mutable_description()->add_input(), name, width, height, color);
  }
  spec::FeatureDescription* image_output(
      const std::string& name, int64_t width, int64_t height,
      spec::ImageFeatureType::ColorSpace color = spec::ImageFeatureType::RGB) {
    return image(proto_.mutable_description()->add_output(), name, width, height, color);
  }
  spec::NeuralNetworkImageScaler* scaler(const std::string& feature, float scale) {
    auto* preprocessing = network().add_preprocessing();
    preprocessing->set_featurename(feature);
    preprocessing->mutable_scaler()->set_channelscale(scale);
    return preprocessing->mutable_scaler();
  }
  // Shapes and ranks as declared (specification 4 and later) instead of [Seq, Batch, C, H, W].
  void exact_rank() {
    network().set_arrayinputshapemapping(spec::EXACT_ARRAY_MAPPING);
    network().set_imageinputshapemapping(spec::RANK4_IMAGE_MAPPING);
  }

  // ---- Layers ----

  // A layer without parameters yet: the caller picks one, e.g. layer("s", {"x"})->mutable_softmax().
  spec::NeuralNetworkLayer* layer(const std::string& name, const std::vector<std::string>& inputs) {
    return layer(name, inputs, {name});
  }
  spec::NeuralNetworkLayer* layer(const std::string& name, const std::vector<std::string>& inputs,
                                  const std::vector<std::string>& outputs) {
    spec::NeuralNetworkLayer* made = network().add_layers();
    made->set_name(name);
    for (const std::string& input : inputs) made->add_input(input);
    for (const std::string& output : outputs) made->add_output(output);
    return made;
  }

  spec::ConvolutionLayerParams* convolution(const std::string& name, const std::string& input,
                                            const ConvolutionOptions& options) {
    auto* params = layer(name, {input})->mutable_convolution();
    params->set_outputchannels(unsigned_of(options.out));
    params->set_kernelchannels(unsigned_of(options.deconvolution ? options.in : options.in / options.groups));
    params->set_ngroups(unsigned_of(options.groups));
    for (const int64_t size : {options.kernel_h, options.kernel_w}) params->add_kernelsize(unsigned_of(size));
    for (const int64_t size : {options.stride_h, options.stride_w}) params->add_stride(unsigned_of(size));
    for (const int64_t size : {options.dilation_h, options.dilation_w})
      params->add_dilationfactor(unsigned_of(size));
    if (options.same)
      params->mutable_same();
    else
      add_borders(params->mutable_valid()->mutable_paddingamounts(), options);
    params->set_isdeconvolution(options.deconvolution);
    const int64_t count = options.out * options.in / options.groups * options.kernel_h * options.kernel_w;
    const auto values = options.weights.empty() ? ramp(count) : options.weights;
    if (options.half_weights)
      set_halves(params->mutable_weights(), values);
    else
      set_floats(params->mutable_weights(), values);
    if (!options.bias.empty()) {
      params->set_hasbias(true);
      set_floats(params->mutable_bias(), options.bias);
    }
    return params;
  }

  spec::PoolingLayerParams* pooling(const std::string& name, const std::string& input,
                                    const PoolingOptions& options) {
    auto* params = layer(name, {input})->mutable_pooling();
    params->set_type(options.type);
    params->set_globalpooling(options.global);
    params->set_avgpoolexcludepadding(options.exclude_padding);
    for (const int64_t size : {options.kernel_h, options.kernel_w}) params->add_kernelsize(unsigned_of(size));
    for (const int64_t size : {options.stride_h, options.stride_w}) params->add_stride(unsigned_of(size));
    if (options.padding == PoolingOptions::Same) {
      params->mutable_same();
    } else if (options.padding == PoolingOptions::IncludeLastPixel) {
      for (const int64_t amount : {options.top, options.left})
        params->mutable_includelastpixel()->add_paddingamounts(unsigned_of(amount));
    } else {
      add_borders(params->mutable_valid()->mutable_paddingamounts(), options);
    }
    return params;
  }

  spec::InnerProductLayerParams* inner_product(const std::string& name, const std::string& input, int64_t in,
                                               int64_t out, const std::vector<float>& weights = {},
                                               const std::vector<float>& bias = {}) {
    auto* params = layer(name, {input})->mutable_innerproduct();
    params->set_inputchannels(unsigned_of(in));
    params->set_outputchannels(unsigned_of(out));
    set_floats(params->mutable_weights(), weights.empty() ? ramp(in * out) : weights);
    if (!bias.empty()) {
      params->set_hasbias(true);
      set_floats(params->mutable_bias(), bias);
    }
    return params;
  }

  // One value per channel; empty mean and variance: 0 and 1.
  spec::BatchnormLayerParams* batchnorm(const std::string& name, const std::string& input,
                                        const std::vector<float>& gamma, const std::vector<float>& beta,
                                        const std::vector<float>& mean = {},
                                        const std::vector<float>& variance = {}) {
    auto* params = layer(name, {input})->mutable_batchnorm();
    params->set_channels(gamma.size());
    set_floats(params->mutable_gamma(), gamma);
    set_floats(params->mutable_beta(), beta);
    set_floats(params->mutable_mean(), mean.empty() ? std::vector<float>(gamma.size(), 0.0f) : mean);
    set_floats(params->mutable_variance(),
               variance.empty() ? std::vector<float>(gamma.size(), 1.0f) : variance);
    return params;
  }

  // The caller picks the function: activation("y", "x")->mutable_sigmoid().
  spec::ActivationParams* activation(const std::string& name, const std::string& input) {
    return layer(name, {input})->mutable_activation();
  }
  void relu(const std::string& name, const std::string& input) { activation(name, input)->mutable_relu(); }

  spec::ScaleLayerParams* scale(const std::string& name, const std::string& input,
                                const std::vector<int64_t>& shape, const std::vector<float>& values) {
    auto* params = layer(name, {input})->mutable_scale();
    for (const int64_t size : shape) params->add_shapescale(unsigned_of(size));
    set_floats(params->mutable_scale(), values);
    return params;
  }

  spec::UnaryFunctionLayerParams* unary(const std::string& name, const std::string& input,
                                        spec::UnaryFunctionLayerParams::Operation operation) {
    auto* params = layer(name, {input})->mutable_unary();
    params->set_type(operation);
    params->set_scale(1.0f);
    return params;
  }

  void add(const std::string& name, const std::vector<std::string>& inputs) {
    layer(name, inputs)->mutable_add();
  }
  void multiply(const std::string& name, const std::vector<std::string>& inputs) {
    layer(name, inputs)->mutable_multiply();
  }
  void concat(const std::string& name, const std::vector<std::string>& inputs) {
    layer(name, inputs)->mutable_concat();
  }
  void softmax(const std::string& name, const std::string& input) { layer(name, {input})->mutable_softmax(); }
  spec::FlattenLayerParams* flatten(const std::string& name, const std::string& input) {
    return layer(name, {input})->mutable_flatten();
  }
  spec::ReshapeLayerParams* reshape(const std::string& name, const std::string& input,
                                    const std::vector<int64_t>& shape) {
    auto* params = layer(name, {input})->mutable_reshape();
    for (const int64_t size : shape) params->add_targetshape(size);
    return params;
  }
  spec::PermuteLayerParams* permute(const std::string& name, const std::string& input,
                                    const std::vector<int64_t>& axes) {
    auto* params = layer(name, {input})->mutable_permute();
    for (const int64_t axis : axes) params->add_axis(unsigned_of(axis));
    return params;
  }

 private:
  static uint64_t unsigned_of(int64_t value) { return static_cast<uint64_t>(value); }

  // height {top, bottom}, then width {left, right}
  template <typename Options>
  static void add_borders(spec::BorderAmounts* amounts, const Options& options) {
    auto* height = amounts->add_borderamounts();
    height->set_startedgesize(unsigned_of(options.top));
    height->set_endedgesize(unsigned_of(options.bottom));
    auto* width = amounts->add_borderamounts();
    width->set_startedgesize(unsigned_of(options.left));
    width->set_endedgesize(unsigned_of(options.right));
  }

  static spec::FeatureDescription* array(spec::FeatureDescription* feature, const std::string& name,
                                         const std::vector<int64_t>& shape) {
    feature->set_name(name);
    auto* type = feature->mutable_type()->mutable_multiarraytype();
    type->set_datatype(spec::ArrayFeatureType::FLOAT32);
    for (const int64_t size : shape) type->add_shape(size);
    return feature;
  }

  static spec::FeatureDescription* image(spec::FeatureDescription* feature, const std::string& name,
                                         int64_t width, int64_t height,
                                         spec::ImageFeatureType::ColorSpace color) {
    feature->set_name(name);
    auto* type = feature->mutable_type()->mutable_imagetype();
    type->set_width(width);
    type->set_height(height);
    type->set_colorspace(color);
    return feature;
  }

  spec::Model proto_;
};

}  // namespace ane::test
