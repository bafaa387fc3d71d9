// Weight arrays in all encodings of the format, and their decoding to float32.
//
// Codes of a quantised array form one bit stream without alignment between elements: the first code starts at
// the most significant bit of the first byte, each code most significant bit first. (Weight files of ML
// Programs pack from the least significant bit instead.)
#include <NeuralNetwork.pb.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/error.h"
#include "base/half.h"
#include "base/parallel.h"
#include "coreml/model.h"

namespace ane::coreml {

namespace {

constexpr int64_t parallel_grain = 1 << 16;

ByteSpan bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

int64_t elements_of(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

uint32_t code_at(ByteSpan stream, int64_t index, int bits) {
  const uint64_t position = static_cast<uint64_t>(index) * static_cast<uint64_t>(bits);
  const uint64_t byte = position / 8;
  const uint32_t next = byte + 1 < stream.size() ? stream[byte + 1] : 0u;
  const uint32_t pair = static_cast<uint32_t>(stream[byte]) << 8 | next;
  return pair >> (16 - static_cast<int>(position % 8) - bits) & ((1u << bits) - 1u);
}

// Calls line(begin, end, channel) for pieces of [0, count) that lie in one channel each.
void for_each_channel(const Shape& shape, size_t axis,
                      const std::function<void(int64_t, int64_t, int64_t)>& line) {
  const int64_t count = elements_of(shape);
  const int64_t channels = shape.at(axis);
  const int64_t inner =
      elements_of(Shape(shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, shape.end()));
  parallel_for(count, parallel_grain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t stop = std::min(end, (begin / inner + 1) * inner);
      line(begin, stop, begin / inner % channels);
      begin = stop;
    }
  });
}

struct Affine {
  float scale, bias;
};

Affine affine_of(const spec::LinearQuantizationParams& params, int64_t channel) {
  const auto pick = [&](const google::protobuf::RepeatedField<float>& values, float fallback) {
    if (values.empty()) return fallback;
    return values.Get(values.size() == 1 ? 0 : static_cast<int>(channel));
  };
  return {pick(params.scale(), 1.0f), pick(params.bias(), 0.0f)};
}

void decode_table(const spec::WeightParams& weights, std::vector<float>& values) {
  const ByteSpan stream = bytes_of(weights.rawvalue());
  const int bits = static_cast<int>(weights.quantization().numberofbits());
  const auto& table = weights.quantization().lookuptablequantization().floatvalue();
  parallel_for(static_cast<int64_t>(values.size()), parallel_grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) values[i] = table.Get(static_cast<int>(code_at(stream, i, bits)));
  });
}

void decode_linear(const spec::WeightParams& weights, const Shape& shape, size_t axis,
                   std::vector<float>& values) {
  const ByteSpan stream = bytes_of(weights.rawvalue());
  const int bits = static_cast<int>(weights.quantization().numberofbits());
  for_each_channel(shape, axis, [&](int64_t begin, int64_t end, int64_t channel) {
    const auto [scale, bias] = affine_of(weights.quantization().linearquantization(), channel);
    for (int64_t i = begin; i < end; ++i)
      values[i] = static_cast<float>(code_at(stream, i, bits)) * scale + bias;
  });
}

void decode_int8(const spec::WeightParams& weights, const Shape& shape, size_t axis,
                 std::vector<float>& values) {
  const ByteSpan codes = bytes_of(weights.int8rawvalue());
  for_each_channel(shape, axis, [&](int64_t begin, int64_t end, int64_t channel) {
    const auto [scale, bias] = affine_of(weights.quantization().linearquantization(), channel);
    for (int64_t i = begin; i < end; ++i)
      values[i] = static_cast<float>(static_cast<int8_t>(codes[i])) * scale + bias;
  });
}

void decode_half(const spec::WeightParams& weights, std::vector<float>& values) {
  const ByteSpan bytes = float16_weights(weights);
  parallel_for(static_cast<int64_t>(values.size()), parallel_grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      values[i] = to_float(Half{static_cast<uint16_t>(bytes[2 * i] | bytes[2 * i + 1] << 8)});
  });
}

}  // namespace

int64_t weight_count(const spec::WeightParams& weights) {
  if (weights.floatvalue_size() > 0) return weights.floatvalue_size();
  if (!weights.float16value().empty()) return static_cast<int64_t>(weights.float16value().size() / 2);
  if (!weights.int8rawvalue().empty()) return static_cast<int64_t>(weights.int8rawvalue().size());
  const uint64_t bits = weights.quantization().numberofbits();
  return bits == 0 ? 0 : static_cast<int64_t>(weights.rawvalue().size() * 8 / bits);
}

bool is_float16(const spec::WeightParams& weights) {
  return !weights.float16value().empty();
}

std::span<const float> float32_weights(const spec::WeightParams& weights) {
  return {weights.floatvalue().data(), static_cast<size_t>(weights.floatvalue_size())};
}

ByteSpan float16_weights(const spec::WeightParams& weights) {
  return bytes_of(weights.float16value());
}

std::vector<float> decode_weights(const spec::WeightParams& weights, const Shape& shape,
                                  size_t channel_axis) {
  const int64_t count = elements_of(shape);
  ensure(count >= 0 && count <= weight_count(weights),
         "a weight array is shorter than the shape it is decoded with");
  if (weights.floatvalue_size() > 0)
    return {weights.floatvalue().begin(), weights.floatvalue().begin() + count};
  std::vector<float> values(static_cast<size_t>(count));
  if (count == 0) return values;
  if (is_float16(weights)) {
    decode_half(weights, values);
  } else if (!weights.int8rawvalue().empty()) {
    decode_int8(weights, shape, channel_axis, values);
  } else if (weights.quantization().has_lookuptablequantization()) {
    decode_table(weights, values);
  } else {
    decode_linear(weights, shape, channel_axis, values);
  }
  return values;
}

std::vector<float> decode_weights(const spec::WeightParams& weights, int64_t channels) {
  ensure(channels > 0, "a weight array needs at least one channel");
  const int64_t count = weight_count(weights);
  const bool count_is_exact = weights.rawvalue().empty() || weights.quantization().numberofbits() == 8;
  if (count_is_exact && count % channels != 0) return decode_weights(weights, Shape{count});
  return decode_weights(weights, Shape{channels, count / channels});
}

}  // namespace ane::coreml
