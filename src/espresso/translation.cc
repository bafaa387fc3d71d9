// Building blocks of the translation from Core ML: layers with unique names, shapes, and weights without
// copies.
#include "espresso/translation.h"

#include <algorithm>
#include <cmath>

namespace ane::espresso {

namespace {

void need_plain_name(const std::string& name) {
  if (name.empty()) throw Unsupported{"a blob without a name"};
  if (name.find(',') != std::string::npos) throw Unsupported{"the comma in the blob name " + name};
}

Layer& append(Translation& to, const SourceLayer& source, std::string name, const char* type, json attributes,
              std::vector<std::string> bottoms, std::vector<std::string> tops) {
  for (const std::string& bottom : bottoms) need_plain_name(bottom);
  for (const std::string& top : tops) need_plain_name(top);
  if (!attributes.contains("weights")) attributes["weights"] = json::object();
  attributes["debug_info"] = source.name();
  to.net.layers.push_back(
      {std::move(name), type, std::move(bottoms), std::move(tops), std::move(attributes)});
  return to.net.layers.back();
}

}  // namespace

Layer& add_layer(Translation& to, const SourceLayer& source, const char* type, json attributes) {
  return add_layer(to, source, type, std::move(attributes), {source.input().begin(), source.input().end()});
}

Layer& add_layer(Translation& to, const SourceLayer& source, const char* type, json attributes,
                 std::vector<std::string> bottoms) {
  return append(to, source, source.name(), type, std::move(attributes), std::move(bottoms),
                {source.output().begin(), source.output().end()});
}

std::string add_step(Translation& to, const SourceLayer& source, const std::string& suffix, const char* type,
                     json attributes, std::vector<std::string> bottoms, const Shape& shape) {
  std::string name = source.output(0) + "_" + suffix;
  while (to.model.shapes.contains(name) || to.net.shapes.contains(name)) name += "_";
  to.net.shapes[name] = shape;
  append(to, source, name, type, std::move(attributes), std::move(bottoms), {name});
  return name;
}

void set_attributes(json& attributes, std::initializer_list<std::pair<const char*, json>> values) {
  for (const auto& [key, value] : values) attributes[key] = value;
}

json elementwise(int64_t operation, double alpha, double beta) {
  json attributes;
  set_attributes(attributes, {{"operation", operation}, {"alpha", alpha}, {"beta", beta}, {"fused_relu", 0}});
  return attributes;
}

json linear(double alpha, double beta) {
  json attributes = {{"mode", 6}, {"beta", beta}};
  if (alpha != 1) attributes["alpha"] = alpha;
  return attributes;
}

Shape shape_from_coreml(const coreml::Shape& shape, bool exact_rank) {
  if (shape.size() > 5) throw Unsupported{"a tensor of rank " + std::to_string(shape.size())};
  Shape result;
  for (size_t axis = 0; axis < shape.size(); ++axis)
    dimension(result, axis_code(static_cast<int64_t>(axis), shape.size())) = shape[axis];
  if (exact_rank) result.rank = static_cast<int>(shape.size());
  return result;
}

Shape input_shape(const Translation& to, const SourceLayer& source, int index) {
  return shape_from_coreml(to.model.shapes.at(source.input(index)), to.model.exact_rank);
}

Shape output_shape(const Translation& to, const SourceLayer& source, int index) {
  return shape_from_coreml(to.model.shapes.at(source.output(index)), to.model.exact_rank);
}

int64_t axis_code(int64_t axis, size_t rank) {
  return axis < 0 ? -1 - axis : static_cast<int64_t>(rank) - 1 - axis;
}

int64_t& dimension(Shape& shape, int64_t code) {
  int64_t* const axes[] = {&shape.w, &shape.h, &shape.k, &shape.n, &shape.seq};
  return *axes[code];
}

json exchange_with_channels(int64_t code) {
  int64_t from[] = {kAxisW, kAxisH, kAxisK, kAxisN, kAxisSeq};
  std::swap(from[code], from[kAxisK]);
  return {{"axis_w", from[kAxisW]},
          {"axis_h", from[kAxisH]},
          {"axis_k", from[kAxisK]},
          {"axis_n", from[kAxisN]},
          {"axis_seq", from[kAxisSeq]}};
}

double finite(float value) {
  if (!std::isfinite(value)) throw Unsupported{"a parameter that is not a finite number"};
  return value;
}

float or_default(float value, float fallback) {
  return value == 0 ? fallback : value;
}

int64_t add_blob(Translation& to, Blob blob) {
  const int64_t id = to.next_blob;
  to.next_blob += 2;
  to.net.blobs[id] = std::move(blob);
  return id;
}

int64_t add_floats(Translation& to, std::vector<float> values) {
  return add_blob(to, Blob::of_floats(std::move(values)));
}

Blob float32_blob(const Translation& to, const coreml::spec::WeightParams& weights,
                  const coreml::Shape& shape) {
  const std::span<const float> floats = coreml::float32_weights(weights);
  if (floats.empty()) return Blob::of_floats(coreml::decode_weights(weights, shape));
  return {to.model.proto, {reinterpret_cast<const uint8_t*>(floats.data()), floats.size_bytes()}};
}

void set_weights(Translation& to, json& attributes, const coreml::spec::WeightParams& weights,
                 const coreml::Shape& shape, size_t channel_axis) {
  const ByteSpan halves = coreml::float16_weights(weights);
  if (!halves.empty()) {
    attributes["blob_weights_f16"] = add_blob(to, {to.model.proto, halves});
  } else if (!coreml::float32_weights(weights).empty()) {
    attributes["blob_weights"] = add_blob(to, float32_blob(to, weights, shape));
  } else {
    attributes["blob_weights"] = add_floats(to, coreml::decode_weights(weights, shape, channel_axis));
  }
}

std::string multiply_axis(Translation& to, const SourceLayer& source, const std::string& suffix,
                          std::string bottom, Shape& shape, int64_t code, std::vector<float> matrix) {
  const auto turn = [&](const char* name) {
    std::swap(dimension(shape, code), shape.k);
    bottom = add_step(to, source, suffix + name, "transpose", exchange_with_channels(code), {bottom}, shape);
  };
  turn("_turned");
  const int64_t in = shape.k;
  shape.k = static_cast<int64_t>(matrix.size()) / in;
  const json attributes = {{"C", shape.k},
                           {"K", in},
                           {"Nx", 1},
                           {"Ny", 1},
                           {"n_groups", 1},
                           {"n_parallel", 1},
                           {"has_biases", 0},
                           {"has_batch_norm", 0},
                           {"fused_relu", 0},
                           {"fused_tanh", 0},
                           {"pad_mode", 2},
                           {"pad_fill_mode", 0},
                           {"blob_weights", add_floats(to, std::move(matrix))}};
  bottom = add_step(to, source, suffix, "convolution", attributes, {bottom}, shape);
  turn("_back");
  return bottom;
}

}  // namespace ane::espresso
