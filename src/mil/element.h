// Tensor elements as bits.
//
// MIL has six floating formats and integers of 1 to 64 bits, those below 8 packed without gaps. Text gives an
// element as a number and weight files as bits, so both directions are needed, for every type. One rule each
// does it: floating formats differ in the width of the mantissa, the exponent's bias and whether there are
// infinities; integers in width and sign.
#pragma once

#include <bit>
#include <cstdint>

#include "base/bytes.h"
#include "mil/program.h"

namespace ane::mil {

enum class ElementKind : uint8_t { Truth, Text, Floating, Signed, Unsigned };
ElementKind kind_of(DataType type);

// Bytes of `count` elements; the last one is filled up with zero bits.
uint64_t byte_count(DataType type, int64_t count);

// The number's bits in a floating format, rounded to nearest, ties to even: once, so that a decimal number
// never goes through a second, narrower format. Beyond the largest number lies infinity, or NaN in
// Float8E4M3FN, which has no infinities.
uint64_t encode_floating(DataType type, double value);
double decode_floating(DataType type, uint64_t bits);

// The bits of one element, not sign-extended. `width` is 1, 2, 3, 4, 6 or a multiple of 8 up to 64.
uint64_t element_bits(ByteSpan bytes, int width, int64_t index);
// Its value, of integers and Bool. UInt64 above 2^63 - 1 wraps.
int64_t integer_at(DataType type, ByteSpan bytes, int64_t index);
// Its value, of any tensor of numbers.
double number_at(DataType type, ByteSpan bytes, int64_t index);

// Gives `value` bytes of its own.
void own_bytes(Value& value, Bytes bytes);

// Puts elements of one width one behind the other, the first in the lowest bits.
class ElementWriter {
 public:
  explicit ElementWriter(int width) : width_(width) {}

  void put(uint64_t bits);
  int64_t count() const { return count_; }
  Bytes take();

 private:
  int width_;
  int64_t count_ = 0;
  uint32_t pending_ = 0;  // bits not yet written, fewer than 8
  int pending_bits_ = 0;
  Bytes bytes_;
};

}  // namespace ane::mil
