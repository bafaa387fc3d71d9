#include "espresso/quantized.h"

#include <fmt/format.h>

#include <cstring>

#include "base/error.h"

namespace ane::espresso {

namespace {

constexpr const char* indices_key = "quantization_lut_weights_blob";

// The id of a role in `weights`; nothing when there is none.
std::optional<int64_t> role(const Layer& layer, const std::string& name, const std::string& file) {
  const auto roles = layer.attributes.find("weights");
  if (roles == layer.attributes.end() || !roles->is_object() || !roles->contains(name)) return std::nullopt;
  const nlohmann::json& id = (*roles)[name];
  if (!id.is_number_integer()) throw Error(file, "layer " + layer.name, "weights." + name + " is not a blob");
  return id.get<int64_t>();
}

std::vector<float> floats_of(const Net& net, const Layer& layer, int64_t id, int64_t count) {
  const Blob& blob = net.blob(id, layer.name);
  if (static_cast<int64_t>(blob.bytes.size() / sizeof(float)) < count)
    throw Error(
        net.file, "layer " + layer.name,
        fmt::format("blob {} holds {} bytes where {} numbers are needed", id, blob.bytes.size(), count));
  std::vector<float> values(static_cast<size_t>(count));
  std::memcpy(values.data(), blob.bytes.data(), values.size() * sizeof(float));
  return values;
}

ByteSpan bytes_of(const Net& net, const Layer& layer, int64_t id, int64_t channels) {
  const ByteSpan bytes = net.blob(id, layer.name).bytes;
  if (channels < 1 || bytes.empty() || bytes.size() % static_cast<size_t>(channels) != 0)
    throw Error(net.file, "layer " + layer.name,
                fmt::format("blob {} of {} bytes does not hold the weights of {} channels", id, bytes.size(),
                            channels));
  return bytes;
}

}  // namespace

bool has_quantized_weights(const Layer& layer, const std::string& file) {
  return layer.attributes.contains(indices_key) || role(layer, "W_U8", file) ||
         layer.integer_or("quantization_mode", 0, file) != 0;
}

std::vector<float> dequantized_weights(const Net& net, const Layer& layer, int64_t channels) {
  const int64_t mode = layer.integer_or("quantization_mode", 0, net.file);
  const bool ranges = layer.attributes.contains(indices_key);
  const auto scaled = role(layer, "W_U8", net.file);
  const auto scale_id = role(layer, "per_ch_qscale", net.file),
             bias_id = role(layer, "per_ch_qbias", net.file);
  if (mode < 0 || mode > 1 || (!ranges && !(scaled && scale_id && bias_id)))
    throw Error(net.file, "layer " + layer.name,
                fmt::format("quantized weights of an unknown form (quantization_mode {})", mode));
  const ByteSpan bytes =
      bytes_of(net, layer, ranges ? layer.integer(indices_key, net.file) : *scaled, channels);
  const auto count = static_cast<size_t>(channels), per_channel = bytes.size() / count;
  std::vector<float> steps, lowest;
  if (ranges) {
    lowest = floats_of(net, layer, layer.integer("quantization_ranges_blob", net.file), 2 * channels);
    for (size_t c = 0; c < count; ++c) steps.push_back((lowest[count + c] - lowest[c]) / 255);
  } else {
    steps = floats_of(net, layer, *scale_id, channels);
    lowest = floats_of(net, layer, *bias_id, channels);
  }
  std::vector<float> weights(bytes.size());
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] = static_cast<float>(bytes[i]) * steps[i / per_channel] + lowest[i / per_channel];
  return weights;
}

}  // namespace ane::espresso
