// Layers with arrays of constants: convolution, inner product, embedding, batchnorm, scale, bias, constants.
//
// Espresso has no scale and no bias layer that anybody has seen. Both are special cases of batchnorm, whose
// parameters [C][4] = gamma, beta, mean, variance per channel are known from a shipping net, so a per-channel
// scale or bias becomes a batchnorm with mean 0 and variance 1; a scalar one becomes a linear activation, and
// one that varies over height and width a load_constant and an elementwise layer. A batchnorm layer stores no
// epsilon outside of training, so epsilon is added to the variance here.
#include <algorithm>
#include <cmath>
#include <span>

#include "base/half.h"
#include "coreml/window.h"
#include "espresso/translation.h"

namespace ane::espresso {

namespace {

using coreml::spec::BatchnormLayerParams;
using coreml::spec::ConvolutionLayerParams;
using coreml::spec::WeightParams;

int64_t signed_of(uint64_t value) {
  return static_cast<int64_t>(value);
}
int64_t or_one(uint64_t value) {
  return value == 0 ? 1 : signed_of(value);
}

// `count` values, or as many times `fallback` where the array is absent.
std::vector<float> values_or(const WeightParams& weights, int64_t count, float fallback) {
  if (coreml::weight_count(weights) == 0) return std::vector<float>(static_cast<size_t>(count), fallback);
  return coreml::decode_weights(weights, coreml::Shape{count});
}

// ---- Convolution
// -------------------------------------------------------------------------------------------------------

// y = (x - mean) * scale + offset per channel: what a batchnorm with stored statistics does. The root is
// taken in float32, everything behind it in double and rounded once: that gives every weight and every bias
// of 77 folded layers in two pairs of a source and Apple's compiled form to the bit (SSDOcr, FourRecognize;
// other orders and widths miss some).
struct Statistics {
  std::vector<float> mean;
  std::vector<double> scale;
  std::vector<float> offset;
};

Statistics statistics_of(const BatchnormLayerParams& layer) {
  const int64_t channels = signed_of(layer.channels());
  const auto gamma = values_or(layer.gamma(), channels, 1),
             variance = values_or(layer.variance(), channels, 1);
  const float epsilon = or_default(layer.epsilon(), 1e-5f);
  std::vector<double> scale;
  for (size_t c = 0; c < gamma.size(); ++c)
    scale.push_back(gamma[c] / double{std::sqrt(variance[c] + epsilon)});
  return {values_or(layer.mean(), channels, 0), std::move(scale), values_or(layer.beta(), channels, 0)};
}

// [output channels][input channels per group][height][width]; deconvolution has the first two the other way
// round.
coreml::Shape weight_shape(const ConvolutionLayerParams& layer) {
  const auto size = [&](int axis) {
    return axis < layer.kernelsize_size() ? signed_of(layer.kernelsize(axis)) : 3;
  };
  const int64_t out = signed_of(layer.outputchannels()), in = signed_of(layer.kernelchannels());
  if (layer.isdeconvolution()) return {in, out / or_one(layer.ngroups()), size(0), size(1)};
  return {out, in, size(0), size(1)};
}

void scale_channels(std::vector<float>& weights, const std::vector<double>& scale) {
  const size_t per_channel = weights.size() / scale.size();
  for (size_t c = 0; c < scale.size(); ++c)
    for (float& weight : std::span(weights).subspan(c * per_channel, per_channel))
      weight = static_cast<float>(weight * scale[c]);
}

// Halves stay halves, rounded again.
void set_scaled_weights(Translation& to, json& attributes, const ConvolutionLayerParams& layer,
                        const std::vector<double>& scale) {
  std::vector<float> weights = coreml::decode_weights(layer.weights(), weight_shape(layer));
  scale_channels(weights, scale);
  if (!coreml::is_float16(layer.weights())) {
    attributes["blob_weights"] = add_floats(to, std::move(weights));
    return;
  }
  std::vector<Half> halves(weights.size());
  to_half(std::span<const float>(weights), std::span<Half>(halves));
  const ByteSpan bytes(reinterpret_cast<const uint8_t*>(halves.data()), halves.size() * sizeof(Half));
  attributes["blob_weights_f16"] = add_blob(to, Blob::copy_of(bytes));
}

std::vector<float> folded_biases(const ConvolutionLayerParams& layer, const Statistics& batchnorm) {
  std::vector<float> biases(batchnorm.offset.size(), 0.0f);
  if (layer.hasbias())
    biases = coreml::decode_weights(layer.bias(), coreml::Shape{signed_of(layer.outputchannels())});
  for (size_t c = 0; c < biases.size(); ++c)
    biases[c] = static_cast<float>(batchnorm.offset[c] +
                                   (double{biases[c]} - batchnorm.mean[c]) * batchnorm.scale[c]);
  return biases;
}

// The bias comes before the weights in the numbering.
void set_convolution_weights(Translation& to, json& attributes, const ConvolutionLayerParams& layer,
                             const BatchnormLayerParams* batchnorm) {
  attributes["has_biases"] = layer.hasbias() || batchnorm != nullptr ? 1 : 0;
  if (batchnorm == nullptr) {
    if (layer.hasbias())
      attributes["blob_biases"] =
          add_blob(to, float32_blob(to, layer.bias(), {signed_of(layer.outputchannels())}));
    set_weights(to, attributes, layer.weights(), weight_shape(layer), layer.isdeconvolution() ? 1 : 0);
    return;
  }
  const Statistics statistics = statistics_of(*batchnorm);
  attributes["blob_biases"] = add_floats(to, folded_biases(layer, statistics));
  set_scaled_weights(to, attributes, layer, statistics.scale);
}

// `same` with the odd row at the end is pad_mode 1. No code is known for the odd row at the start, nor for a
// deconvolution's output size: then the amounts are written out.
void set_padding(json& attributes, const ConvolutionLayerParams& layer, const coreml::Window2d& window) {
  const bool start_heavy = layer.same().asymmetrymode() == coreml::spec::SamePadding::TOP_LEFT_HEAVY;
  const bool sized = layer.isdeconvolution() && layer.outputshape_size() != 0;
  const bool same = layer.has_same() && !start_heavy && !sized;
  const coreml::Window none;
  const coreml::Window& height = same ? none : window.height;
  const coreml::Window& width = same ? none : window.width;
  if (std::min({height.before, height.after, width.before, width.after}) < 0)
    throw Unsupported{"an output larger than the deconvolution reaches"};
  set_attributes(attributes, {{"pad_mode", same ? 1 : 0},
                              {"pad_t", height.before},
                              {"pad_b", height.after},
                              {"pad_l", width.before},
                              {"pad_r", width.after},
                              {"pad_fill_mode", 0},
                              {"pad_value", 0}});
  if (sized)
    set_attributes(attributes,
                   {{"deconv_out_height", window.height.output}, {"deconv_out_width", window.width.output}});
}

void set_steps(json& attributes, const coreml::Window2d& window) {
  if (window.width.stride != 1) attributes["stride_x"] = window.width.stride;
  if (window.height.stride != 1) attributes["stride_y"] = window.height.stride;
  if (window.width.dilation != 1) attributes["dilation_x"] = window.width.dilation;
  if (window.height.dilation != 1) attributes["dilation_y"] = window.height.dilation;
}

}  // namespace

void translate_convolution(Translation& to, const SourceLayer& source, const Fusion& fusion) {
  const ConvolutionLayerParams& layer = source.convolution();
  if (source.input_size() != 1) throw Unsupported{"weights that are computed by the network"};
  const coreml::Window2d window = coreml::convolution_window(layer, to.model.shapes.at(source.input(0)));
  const int64_t groups = or_one(layer.ngroups()), kernel_channels = signed_of(layer.kernelchannels());
  json attributes;
  set_attributes(attributes, {{"C", layer.outputchannels()},
                              {"K", layer.isdeconvolution() ? kernel_channels : kernel_channels * groups},
                              {"Nx", window.width.kernel},
                              {"Ny", window.height.kernel},
                              {"n_groups", groups},
                              {"n_parallel", 1},
                              {"has_batch_norm", 0},
                              {"fused_relu", fusion.relu ? 1 : 0},
                              {"fused_tanh", 0}});
  set_steps(attributes, window);
  set_padding(attributes, layer, window);
  set_convolution_weights(to, attributes, layer, fusion.batchnorm);
  Layer& added =
      add_layer(to, source, layer.isdeconvolution() ? "deconvolution" : "convolution", std::move(attributes));
  if (!fusion.top.empty()) added.tops = {fusion.top};
}

// ---- Inner product
// -----------------------------------------------------------------------------------------------------

namespace {

// Apple's compiler writes four times the room that the biases need, the rest zero.
int64_t add_padded_biases(Translation& to, const WeightParams& weights, int64_t count) {
  std::vector<float> biases = coreml::decode_weights(weights, coreml::Shape{count});
  biases.resize(static_cast<size_t>(4 * count), 0.0f);
  return add_floats(to, std::move(biases));
}

template <typename Params>
json matrix_product(Translation& to, const Params& layer, uint64_t inputs, uint64_t outputs) {
  const int64_t rows = signed_of(outputs), columns = signed_of(inputs);
  json attributes = {{"nB", columns}, {"nC", rows},    {"has_biases", layer.hasbias() ? 1 : 0},
                     {"has_relu", 0}, {"has_tanh", 0}, {"has_prelu", 0}};
  if (layer.hasbias()) attributes["blob_biases"] = add_padded_biases(to, layer.bias(), rows);
  set_weights(to, attributes, layer.weights(), {rows, columns});
  return attributes;
}

}  // namespace

void translate_inner_product(Translation& to, const SourceLayer& source, const Fusion& fusion) {
  const auto& layer = source.innerproduct();
  json attributes = matrix_product(to, layer, layer.inputchannels(), layer.outputchannels());
  attributes["has_relu"] = fusion.relu ? 1 : 0;
  Layer& added = add_layer(to, source, "inner_product", std::move(attributes));
  if (!fusion.top.empty()) added.tops = {fusion.top};
}

void translate_embedding(Translation& to, const SourceLayer& source) {
  json attributes = source.has_embedding()
                        ? matrix_product(to, source.embedding(), source.embedding().inputdim(),
                                         source.embedding().outputchannels())
                        : matrix_product(to, source.embeddingnd(), source.embeddingnd().vocabsize(),
                                         source.embeddingnd().embeddingsize());
  attributes["is_lookup"] = 1;
  add_layer(to, source, "inner_product", std::move(attributes));
}

// ---- Batchnorm, scale, bias
// --------------------------------------------------------------------------------------------

namespace {

json batchnorm_attributes(Translation& to, const std::vector<float>& gamma, const std::vector<float>& beta,
                          const std::vector<float>& mean, const std::vector<float>& variance) {
  std::vector<float> interleaved;
  for (size_t c = 0; c < gamma.size(); ++c)
    interleaved.insert(interleaved.end(), {gamma[c], beta[c], mean[c], variance[c]});
  return {{"C", gamma.size()},
          {"training", 0},
          {"training_instancenorm", 0},
          {"training_eps", 0},
          {"blob_batchnorm_params", add_floats(to, std::move(interleaved))}};
}

// A factor or an offset with the shape that its layer declares.
struct Operand {
  enum Kind { Scalar, PerChannel, Plane } kind = Scalar;
  std::vector<float> values;
  coreml::Shape shape;
};

template <typename Sizes>
Operand operand(const WeightParams& weights, const Sizes& sizes, int64_t channels) {
  Operand result;
  for (const auto size : sizes) result.shape.push_back(static_cast<int64_t>(size));
  result.values = coreml::decode_weights(weights, result.shape);
  const auto count = static_cast<int64_t>(result.values.size());
  const bool leads = !result.shape.empty() && result.shape[0] == count;
  if (count == 1)
    result.kind = Operand::Scalar;
  else if (leads && count == channels)
    result.kind = Operand::PerChannel;
  else
    result.kind = Operand::Plane;
  return result;
}

std::vector<float> spread(const Operand& from, int64_t channels) {
  return from.kind == Operand::Scalar ? std::vector<float>(static_cast<size_t>(channels), from.values[0])
                                      : from.values;
}

// The layer type and attributes for factor * x + offset, where neither varies over height and width.
std::pair<const char*, json> affine_layer(Translation& to, const Operand& factor, const Operand& offset,
                                          int64_t channels) {
  if (factor.kind == Operand::Scalar && offset.kind == Operand::Scalar)
    return {"activation", linear(finite(factor.values[0]), finite(offset.values[0]))};
  return {"batchnorm", channel_affine(to, spread(factor, channels), spread(offset, channels))};
}

// A constant [C, H, W] with the rank of the blob it will meet.
std::string add_constant(Translation& to, const SourceLayer& source, const char* suffix, Operand value,
                         std::optional<int> rank) {
  Shape shape = shape_from_coreml(value.shape, false);
  shape.rank = rank;
  const json attributes = {{"constant_blob", add_floats(to, std::move(value.values))},
                           {"n", shape.n},
                           {"k", shape.k},
                           {"h", shape.h},
                           {"w", shape.w}};
  return add_step(to, source, suffix, "load_constant", attributes, {}, shape);
}

constexpr int64_t kAdd = 0, kMultiply = 1;

void translate_affine(Translation& to, const SourceLayer& source, const Operand& factor,
                      const Operand& offset) {
  const Shape shape = output_shape(to, source);
  const Operand one{Operand::Scalar, {1}, {1}}, zero{Operand::Scalar, {0}, {1}};
  if (factor.kind != Operand::Plane && offset.kind != Operand::Plane) {
    auto [type, attributes] = affine_layer(to, factor, offset, shape.k);
    add_layer(to, source, type, std::move(attributes));
    return;
  }
  const bool has_offset = offset.kind != Operand::Scalar || offset.values[0] != 0;
  std::string bottom = source.input(0);
  if (factor.kind == Operand::Plane) {
    const std::string constant = add_constant(to, source, "factor", factor, shape.rank);
    if (!has_offset)
      return static_cast<void>(
          add_layer(to, source, "elementwise", elementwise(kMultiply), {bottom, constant}));
    bottom = add_step(to, source, "scaled", "elementwise", elementwise(kMultiply), {bottom, constant}, shape);
  } else if (factor.kind == Operand::PerChannel || factor.values[0] != 1) {
    auto [type, attributes] = affine_layer(to, factor, zero, shape.k);
    bottom = add_step(to, source, "scaled", type, std::move(attributes), {bottom}, shape);
  }
  if (offset.kind == Operand::Plane) {
    const std::string constant = add_constant(to, source, "offset", offset, shape.rank);
    add_layer(to, source, "elementwise", elementwise(kAdd), {bottom, constant});
  } else {
    auto [type, attributes] = affine_layer(to, one, offset, shape.k);
    add_layer(to, source, type, std::move(attributes), {bottom});
  }
}

}  // namespace

json channel_affine(Translation& to, const std::vector<float>& gamma, const std::vector<float>& beta) {
  const std::vector<float> zeros(gamma.size(), 0.0f), ones(gamma.size(), 1.0f);
  return batchnorm_attributes(to, gamma, beta, zeros, ones);
}

void translate_batchnorm(Translation& to, const SourceLayer& source) {
  const BatchnormLayerParams& layer = source.batchnorm();
  const int64_t channels = signed_of(layer.channels());
  const float epsilon = or_default(layer.epsilon(), 1e-5f);
  const auto gamma = values_or(layer.gamma(), channels, 1), beta = values_or(layer.beta(), channels, 0);
  json attributes;
  if (layer.computemeanvar()) {
    attributes = channel_affine(to, gamma, beta);
    attributes.update({{"training", 1},
                       {"training_instancenorm", layer.instancenormalization() ? 1 : 0},
                       {"training_eps", finite(epsilon)}});
  } else {
    auto variance = values_or(layer.variance(), channels, 1);
    for (float& value : variance) value += epsilon;
    attributes = batchnorm_attributes(to, gamma, beta, values_or(layer.mean(), channels, 0), variance);
  }
  add_layer(to, source, "batchnorm", std::move(attributes));
}

void translate_scale(Translation& to, const SourceLayer& source) {
  const auto& layer = source.scale();
  const int64_t channels = output_shape(to, source).k;
  Operand offset{Operand::Scalar, {0}, {1}};
  if (layer.hasbias()) offset = operand(layer.bias(), layer.shapebias(), channels);
  translate_affine(to, source, operand(layer.scale(), layer.shapescale(), channels), offset);
}

void translate_bias(Translation& to, const SourceLayer& source) {
  const auto& layer = source.bias();
  const Operand one{Operand::Scalar, {1}, {1}};
  translate_affine(to, source, one, operand(layer.bias(), layer.shape(), output_shape(to, source).k));
}

// ---- Constants
// -----------------------------------------------------------------------------------------------------------

void translate_load_constant(Translation& to, const SourceLayer& source) {
  const Shape shape = output_shape(to, source);
  if (shape.seq != 1) throw Unsupported{"a constant with a sequence axis"};
  const WeightParams& data =
      source.has_loadconstant() ? source.loadconstant().data() : source.loadconstantnd().data();
  const Blob blob = float32_blob(to, data, to.model.shapes.at(source.output(0)));
  json attributes = {
      {"constant_blob", add_blob(to, blob)}, {"n", shape.n}, {"k", shape.k}, {"h", shape.h}, {"w", shape.w}};
  if (shape.rank) attributes["nd_rank"] = *shape.rank;
  add_layer(to, source, "load_constant", std::move(attributes));
}

}  // namespace ane::espresso
