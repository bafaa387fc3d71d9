// Checks that many layers share. Weight arrays are the main thing: everything behind read_model() trusts
// their sizes.
#include "coreml/layer_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

#include "base/error.h"

namespace ane::coreml {

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t size : shape)
    if (__builtin_mul_overflow(count, size, &count)) return std::numeric_limits<int64_t>::max();
  return count;
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::string describe(const spec::NeuralNetworkLayer& layer) {
  return fmt::format("layer '{}' ({})", layer.name(), layer_type(layer));
}

void LayerCheck::fail(const std::string& why) const {
  throw Error(file_, describe(layer_), why);
}

void LayerCheck::need_inputs(size_t least, size_t most) const {
  if (inputs_.size() >= least && inputs_.size() <= most) return;
  const std::string wanted = least == most ? fmt::format("{}", least)
                             : most == std::numeric_limits<size_t>::max()
                                 ? fmt::format("at least {}", least)
                                 : fmt::format("{} to {}", least, most);
  fail(fmt::format("has {} inputs where {} must be", inputs_.size(), wanted));
}

void LayerCheck::need_rank(size_t least) const {
  need(rank() >= least, "needs an input of rank {} or more, not {}", least, input());
}

void LayerCheck::need_exact_rank(size_t wanted) const {
  need(rank() == wanted, "needs an input of rank {}, not {}", wanted, input());
}

int64_t LayerCheck::amount(uint64_t value, const char* what) const {
  if (value > static_cast<uint64_t>(largest_size))
    fail(fmt::format("{} is {}, outside 0..{}", what, static_cast<int64_t>(value), largest_size));
  return static_cast<int64_t>(value);
}

int64_t LayerCheck::size(uint64_t value, const char* what) const {
  need(value != 0, "{} is 0", what);
  return amount(value, what);
}

size_t LayerCheck::axis(int64_t value, size_t rank) const {
  const int64_t count = static_cast<int64_t>(rank);
  need(value >= -count && value < count, "axis {} is outside a tensor of rank {}", value, rank);
  return static_cast<size_t>(value < 0 ? value + count : value);
}

void LayerCheck::need_quantization(const spec::WeightParams& weights, int64_t channels,
                                   const char* what) const {
  const auto& quantization = weights.quantization();
  const uint64_t bits = quantization.numberofbits();
  need(bits >= 1 && bits <= 8, "{} are quantised to {} bits, not 1 to 8", what, bits);
  need(weights.int8rawvalue().empty() || (bits == 8 && quantization.has_linearquantization()),
       "{} are signed bytes without a linear 8-bit quantisation", what);
  if (quantization.has_lookuptablequantization()) {
    const int entries = quantization.lookuptablequantization().floatvalue_size();
    need(entries == 1 << bits, "{} have a table of {} entries for {} bits", what, entries, bits);
    return;
  }
  need(quantization.has_linearquantization(), "{} are quantised in an unknown way", what);
  const int scales = quantization.linearquantization().scale_size();
  const int biases = quantization.linearquantization().bias_size();
  need(scales == 1 || scales == channels, "{} have {} quantisation scales for {} channels", what, scales,
       channels);
  need(biases == 0 || biases == scales, "{} have {} quantisation biases for {} scales", what, biases, scales);
}

void LayerCheck::need_weights(const spec::WeightParams& weights, const Shape& shape, const char* what,
                              size_t channel_axis) const {
  const int encodings = (weights.floatvalue_size() > 0) + !weights.float16value().empty() +
                        !weights.rawvalue().empty() + !weights.int8rawvalue().empty();
  need(encodings != 0, "{} are missing", what);
  need(encodings == 1, "{} are given in {} encodings at once", what, encodings);

  const int64_t wanted = element_count(shape);
  if (weights.floatvalue_size() > 0) {
    need(weights.floatvalue_size() == wanted, "{} have {} elements, not {}", what, weights.floatvalue_size(),
         shape);
    return;
  }
  // Checked before the multiplications below: no array of a file can have more.
  need(wanted <= std::numeric_limits<int32_t>::max(), "{} must have {} elements", what, shape);
  const bool half = is_float16(weights);
  if (!half) need_quantization(weights, shape.empty() ? 1 : shape.at(channel_axis), what);
  const int64_t bits = half ? 16 : static_cast<int64_t>(weights.quantization().numberofbits());
  const size_t bytes = half                             ? weights.float16value().size()
                       : weights.int8rawvalue().empty() ? weights.rawvalue().size()
                                                        : weights.int8rawvalue().size();
  need(static_cast<int64_t>(bytes) == (wanted * bits + 7) / 8, "{} have {} bytes, not {} elements of {} bits",
       what, bytes, shape, bits);
}

}  // namespace ane::coreml
