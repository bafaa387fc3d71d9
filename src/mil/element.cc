#include "mil/element.h"

#include <cmath>

#include "base/error.h"

namespace ane::mil {

namespace {

struct FloatingFormat {
  int mantissa, bias;
  bool infinities;
};

// Float8 formats as in "FP8 Formats for Deep Learning" (Micikevicius et al., 2022), the others by IEEE 754.
FloatingFormat format_of(DataType type) {
  switch (type) {
    case DataType::Float16:
      return {10, 15, true};
    case DataType::Float32:
      return {23, 127, true};
    case DataType::BFloat16:
      return {7, 127, true};
    case DataType::Float8E5M2:
      return {2, 15, true};
    case DataType::Float8E4M3FN:
      return {3, 7, false};
    default:
      throw InternalError("not a floating element type of MIL");
  }
}

// The code of infinity, or the one above the largest number where there is none: NaN. The codes of finite
// magnitudes are all those below, in the order of the numbers.
uint64_t first_not_finite(int width, const FloatingFormat& format) {
  const uint64_t sign = uint64_t{1} << (width - 1);
  return format.infinities ? sign - (uint64_t{1} << format.mantissa) : sign - 1;
}

int64_t sign_extended(uint64_t bits, int width) {
  const int shift = 64 - width;
  return static_cast<int64_t>(bits << shift) >> shift;
}

}  // namespace

uint64_t byte_count(DataType type, int64_t count) {
  return (static_cast<uint64_t>(count) * static_cast<uint64_t>(bits_of(type)) + 7) / 8;
}

uint64_t encode_floating(DataType type, double value) {
  if (type == DataType::Float64) return std::bit_cast<uint64_t>(value);
  const FloatingFormat format = format_of(type);
  const int width = bits_of(type);
  const uint64_t sign = std::signbit(value) ? uint64_t{1} << (width - 1) : 0;
  const uint64_t limit = first_not_finite(width, format);
  if (std::isnan(value)) return sign | limit | (format.infinities ? uint64_t{1} << (format.mantissa - 1) : 0);
  if (std::isinf(value)) return sign | limit;
  if (value == 0) return sign;

  int exponent = 0;
  const double magnitude = std::fabs(value);
  std::frexp(magnitude, &exponent);  // magnitude lies in [2^(exponent - 1), 2^exponent)
  const int scale = std::max(exponent - 1, 1 - format.bias);
  const double units = std::nearbyint(std::ldexp(magnitude, format.mantissa - scale));
  // The leading bit of a normal number adds one to the exponent field, as does a mantissa rounded up to the
  // next power of two.
  const auto field = static_cast<uint64_t>(scale + format.bias - 1) << format.mantissa;
  return sign | std::min(field + static_cast<uint64_t>(units), limit);
}

double decode_floating(DataType type, uint64_t bits) {
  if (type == DataType::Float64) return std::bit_cast<double>(bits);
  if (type == DataType::Float32) return std::bit_cast<float>(static_cast<uint32_t>(bits));
  const FloatingFormat format = format_of(type);
  const int width = bits_of(type);
  const double sign = bits >> (width - 1) & 1 ? -1.0 : 1.0;
  const uint64_t code = bits & ((uint64_t{1} << (width - 1)) - 1);
  if (code >= first_not_finite(width, format)) {
    const bool infinite = format.infinities && code == first_not_finite(width, format);
    return std::copysign(infinite ? INFINITY : NAN, sign);
  }
  const uint64_t leading = uint64_t{1} << format.mantissa;
  const auto field = static_cast<int>(code >> format.mantissa);
  const uint64_t units = (code & (leading - 1)) | (field > 0 ? leading : 0);
  return sign * std::ldexp(static_cast<double>(units), std::max(field, 1) - format.bias - format.mantissa);
}

uint64_t element_bits(ByteSpan bytes, int width, int64_t index) {
  const uint64_t position = static_cast<uint64_t>(index) * static_cast<uint64_t>(width);
  const uint64_t byte = position / 8;
  uint64_t bits = 0;
  if (width >= 8) {
    std::memcpy(&bits, bytes.data() + byte, static_cast<size_t>(width) / 8);
    return bits;
  }
  bits = bytes[byte];
  if (byte + 1 < bytes.size()) bits |= static_cast<uint64_t>(bytes[byte + 1]) << 8;
  return bits >> (position % 8) & ((1u << width) - 1u);
}

int64_t integer_at(DataType type, ByteSpan bytes, int64_t index) {
  const int width = bits_of(type);
  const uint64_t bits = element_bits(bytes, width, index);
  return kind_of(type) == ElementKind::Signed ? sign_extended(bits, width) : static_cast<int64_t>(bits);
}

double number_at(DataType type, ByteSpan bytes, int64_t index) {
  if (kind_of(type) == ElementKind::Floating)
    return decode_floating(type, element_bits(bytes, bits_of(type), index));
  if (type == DataType::UInt64) return static_cast<double>(element_bits(bytes, 64, index));
  return static_cast<double>(integer_at(type, bytes, index));
}

void own_bytes(Value& value, Bytes bytes) {
  auto owned = std::make_shared<const Bytes>(std::move(bytes));
  value.bytes = *owned;
  value.owner = std::move(owned);
}

void ElementWriter::put(uint64_t bits) {
  ++count_;
  if (width_ >= 8) {
    const auto* begin = reinterpret_cast<const uint8_t*>(&bits);
    bytes_.insert(bytes_.end(), begin, begin + width_ / 8);
    return;
  }
  pending_ |= static_cast<uint32_t>(bits & ((1u << width_) - 1u)) << pending_bits_;
  pending_bits_ += width_;
  if (pending_bits_ < 8) return;
  bytes_.push_back(static_cast<uint8_t>(pending_));
  pending_ >>= 8;
  pending_bits_ -= 8;
}

Bytes ElementWriter::take() {
  if (pending_bits_ > 0) bytes_.push_back(static_cast<uint8_t>(pending_));
  pending_bits_ = 0;
  return std::move(bytes_);
}

}  // namespace ane::mil
