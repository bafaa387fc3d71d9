// The loop over the layers: transform the inputs, look every layer up in the table, keep every blob.
#include "reference/espresso.h"

#include <fmt/format.h>

#include <cstring>

#include "base/error.h"
#include "base/half.h"
#include "espresso/quantized.h"
#include "reference/espresso_layers.h"

namespace ane::reference {
namespace {

constexpr int64_t most_elements = int64_t{1} << 28;  // as for ML Programs

using Evaluator = std::vector<Tensor> (*)(const EspressoCall&);

template <Tensor (*function)(const EspressoCall&)>
std::vector<Tensor> one(const EspressoCall& call) {
  std::vector<Tensor> outputs;
  outputs.push_back(function(call));
  return outputs;
}

const std::map<std::string, Evaluator>& evaluators() {
  static const std::map<std::string, Evaluator> table = {
      {"activation", one<espresso_activation>},
      {"batch_matmul", one<espresso_batch_matmul>},
      {"batchnorm", one<espresso_batchnorm>},
      {"concat", one<espresso_concat>},
      {"convolution", one<espresso_convolution>},
      {"copy", one<espresso_copy>},
      {"crop", one<espresso_crop>},
      {"deconvolution", one<espresso_deconvolution>},
      {"elementwise", one<espresso_elementwise>},
      {"expand_dims", one<espresso_change_of_rank>},
      {"flatten", one<espresso_flatten>},
      {"general_padding", one<espresso_padding>},
      {"inner_product", one<espresso_inner_product>},
      {"load_constant", one<espresso_constant>},
      {"pool", one<espresso_pool>},
      {"reduce", one<espresso_reduce>},
      {"reshape", one<espresso_reshape>},
      {"sequence_concat", one<espresso_sequence_concat>},
      {"slice", one<espresso_slice>},
      {"softmax", one<espresso_softmax>},
      {"softmax_nd", one<espresso_softmax_nd>},
      {"split", espresso_split},
      {"split_nd", espresso_split},
      {"squeeze", one<espresso_change_of_rank>},
      {"transpose", one<espresso_transpose>},
      {"upsample", one<espresso_upsample>},
  };
  return table;
}

// y_c = scale * x_c + bias_c. The channels of a network that takes BGR are in that order.
void transform_planes(const espresso::ImageTransform& by, const Shape& shape, std::vector<float>& values) {
  const double first = by.network_is_bgr ? by.bias_b : by.bias_r,
               last = by.network_is_bgr ? by.bias_r : by.bias_b;
  const double biases[] = {first, by.bias_g, last, by.bias_a};
  const int64_t channels = shape[axis_k], plane = shape[axis_h] * shape[axis_w];
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t channel = static_cast<int64_t>(i) / plane % channels;
    values[i] = static_cast<float>(by.scale * double{values[i]} + biases[std::min<int64_t>(channel, 3)]);
  }
}

Tensor input_tensor(const espresso::Net& net, const std::string& name,
                    const std::map<std::string, std::vector<float>>& inputs) {
  const auto given = inputs.find(name);
  if (given == inputs.end()) throw Error(net.file, "input " + name, "no values are given for it");
  Tensor tensor{axes_of(net.shape(name)), given->second};
  const int64_t count = element_count(tensor.shape);
  if (static_cast<int64_t>(tensor.data.size()) != count)
    throw Error(net.file, "input " + name,
                fmt::format("{} values are given where {} are needed", tensor.data.size(), count));
  const auto transform = net.transforms.find(name);
  if (transform == net.transforms.end()) return tensor;
  if (transform->second.center_mean)
    throw Error(net.file, "input " + name, "what center_mean does is not known");
  transform_planes(transform->second, tensor.shape, tensor.data);
  return tensor;
}

std::vector<Tensor> evaluate_layer(const EspressoCall& call) {
  const auto evaluator = evaluators().find(call.layer.type);
  if (evaluator == evaluators().end()) call.fail("the reference has no definition of this layer");
  std::vector<Tensor> outputs = evaluator->second(call);
  if (outputs.size() != call.layer.tops.size())
    call.fail(fmt::format("makes {} blobs but names {}", outputs.size(), call.layer.tops.size()));
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].shape != call.declared(i))
      call.fail(fmt::format("gives {} where the shape file declares {} for {}", to_string(outputs[i].shape),
                            to_string(call.declared(i)), call.layer.tops[i]));
  return outputs;
}

std::vector<float> floats_of(ByteSpan bytes, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

std::vector<float> floats_of_halves(ByteSpan bytes, int64_t count) {
  std::vector<Half> halves(static_cast<size_t>(count));
  std::memcpy(halves.data(), bytes.data(), halves.size() * sizeof(Half));
  std::vector<float> values(halves.size());
  to_float(std::span<const Half>(halves), std::span<float>(values));
  return values;
}

}  // namespace

void EspressoCall::fail(const std::string& why) const {
  throw Error(net.file, fmt::format("layer {} ({})", layer.name, layer.type), why);
}

const Tensor& EspressoCall::input(size_t index) const {
  if (index >= inputs.size()) fail(fmt::format("the layer needs {} inputs", index + 1));
  return *inputs[index];
}

int64_t EspressoCall::extent(const std::string& key, int64_t fallback) const {
  const int64_t value = integer(key, fallback);
  require(value >= 0 && value <= int64_t{1} << 20, fmt::format("{} is {}", key, value));
  return value;
}

size_t EspressoCall::axis_of_code(int64_t code) const {
  require(code >= 0 && code <= 4, fmt::format("{} is no code of an axis", code));
  return static_cast<size_t>(4 - code);
}

size_t EspressoCall::axis_of_index(int64_t index) const {
  require(!layer.bottoms.empty(), "an axis without an input");
  const int64_t rank = net.shape(layer.bottoms[0]).rank.value_or(5);
  const int64_t from_start = index < 0 ? index + rank : index;
  require(from_start >= 0 && from_start < rank, fmt::format("axis {} is outside of rank {}", index, rank));
  return static_cast<size_t>(5 - rank + from_start);
}

Shape EspressoCall::declared(size_t output) const {
  require(output < layer.tops.size(), "an output without a name");
  return axes_of(net.shape(layer.tops[output]));
}

std::vector<float> EspressoCall::floats(int64_t id, int64_t count) const {
  const espresso::Blob& blob = net.blob(id, layer.name);
  const auto there = static_cast<int64_t>(blob.bytes.size() / sizeof(float));
  require(count >= 0 && count <= there,
          fmt::format("blob {} holds {} numbers where {} are needed", id, there, count));
  return floats_of(blob.bytes, count);
}

std::vector<float> EspressoCall::floats(const std::string& key, int64_t count) const {
  return floats(integer(key), count);
}

std::vector<float> EspressoCall::weights(int64_t count, int64_t per_channel) const {
  require(count > 0 && per_channel > 0 && count % per_channel == 0, "the sizes leave no weights");
  if (espresso::has_quantized_weights(layer, net.file)) {
    require(layer.type != "deconvolution", "quantized weights of a deconvolution");
    std::vector<float> values = espresso::dequantized_weights(net, layer, count / per_channel);
    require(static_cast<int64_t>(values.size()) == count, "another number of weights than is needed");
    return values;
  }
  if (has("blob_weights")) return floats("blob_weights", count);
  require(has("blob_weights_f16"), "weights of an unknown form");
  const espresso::Blob& blob = net.blob(integer("blob_weights_f16"), layer.name);
  require(count <= static_cast<int64_t>(blob.bytes.size() / sizeof(Half)), "fewer weights than are needed");
  return floats_of_halves(blob.bytes, count);
}

Shape axes_of(const espresso::Shape& shape) {
  return {shape.seq, shape.n, shape.k, shape.h, shape.w};
}

Tensor make_result(const EspressoCall& call, const Shape& shape) {
  int64_t count = 1;
  for (const int64_t length : shape) {
    call.require(length >= 1 && length <= most_elements / count,
                 "gives an empty tensor, or one of more than 2^28 elements");
    count *= length;
  }
  return make_tensor(shape);
}

std::map<std::string, Tensor> evaluate_espresso(const espresso::Net& net,
                                                const std::map<std::string, std::vector<float>>& inputs,
                                                const Wanted& wanted) {
  Blobs blobs(wanted);
  for (const espresso::Layer& layer : net.layers)
    for (const std::string& name : layer.bottoms) blobs.expect_reader(name);
  for (const std::string& name : net.inputs()) blobs.put(name, input_tensor(net, name, inputs));
  for (const espresso::Layer& layer : net.layers) {
    std::vector<Tensor> outputs = evaluate_layer({net, layer, blobs.read(layer.bottoms)});
    blobs.done_reading(layer.bottoms);
    for (size_t i = 0; i < outputs.size(); ++i) blobs.put(layer.tops[i], std::move(outputs[i]));
  }
  return blobs.take();
}

}  // namespace ane::reference
