// Types, values and elements of programs, against numbers written down by hand or from the formats' own
// documents.
#include "mil/program.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/half.h"
#include "mil/element.h"

namespace ane::mil {
namespace {

Type tensor(DataType element, std::vector<int64_t> shape) {
  return {.element = element, .shape = std::move(shape)};
}

Value value_of(const Type& type, const Bytes& bytes) {
  Value value;
  value.type = type;
  value.bytes = bytes;
  return value;
}

// ---- Elements ----

TEST(Elements, EveryHalfIsTheHalfOfBase) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float expected = to_float(Half{static_cast<uint16_t>(bits)});
    const double decoded = decode_floating(DataType::Float16, bits);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(decoded)) << bits;
    } else {
      EXPECT_EQ(decoded, expected) << bits;
      EXPECT_EQ(encode_floating(DataType::Float16, expected), bits);
    }
  }
}

TEST(Elements, EveryCodeSurvivesTheWayThroughDouble) {
  for (const DataType type : {DataType::BFloat16, DataType::Float8E4M3FN, DataType::Float8E5M2})
    for (uint64_t bits = 0; bits < uint64_t{1} << bits_of(type); ++bits) {
      const double value = decode_floating(type, bits);
      if (std::isnan(value))
        EXPECT_TRUE(std::isnan(decode_floating(type, encode_floating(type, value)))) << bits;
      else
        EXPECT_EQ(encode_floating(type, value), bits) << name_of(type);
    }
}

TEST(Elements, FloatIsWhatTheCompilerMakes) {
  for (const double value : {0.0, -0.0, 1.0, 0.1, -3.4e38, 1e39, 1e-45, 0x1.fffffefp-127, 0x1p-150})
    EXPECT_EQ(encode_floating(DataType::Float32, value), std::bit_cast<uint32_t>(static_cast<float>(value)))
        << value;
}

// Between 1 and the next half lies 1 + 2^-11. By way of float, a little more than that becomes exactly that,
// and then 1.
TEST(Elements, RoundedOnce) {
  const double above_the_middle = 1 + 0x1p-11 + 0x1p-40;
  EXPECT_EQ(to_half(static_cast<float>(above_the_middle)).bits, 0x3c00);
  EXPECT_EQ(encode_floating(DataType::Float16, above_the_middle), 0x3c01u);
  EXPECT_EQ(encode_floating(DataType::Float16, 1 + 0x1p-11), 0x3c00u);
  EXPECT_EQ(encode_floating(DataType::Float16, 65519.999), 0x7bffu);
  EXPECT_EQ(encode_floating(DataType::Float16, 65520), 0x7c00u);
  EXPECT_EQ(encode_floating(DataType::Float16, -0x1p-25), 0x8000u);
  EXPECT_EQ(encode_floating(DataType::Float16, 0x1.00001p-25), 1u);
}

// "FP8 Formats for Deep Learning", table 1.
TEST(Elements, ExtremesOfTheEightBitFormats) {
  EXPECT_EQ(decode_floating(DataType::Float8E4M3FN, 0x7e), 448);
  EXPECT_EQ(decode_floating(DataType::Float8E4M3FN, 0x08), 0x1p-6);
  EXPECT_EQ(decode_floating(DataType::Float8E4M3FN, 0x01), 0x1p-9);
  EXPECT_TRUE(std::isnan(decode_floating(DataType::Float8E4M3FN, 0x7f)));
  EXPECT_EQ(encode_floating(DataType::Float8E4M3FN, -1000), 0xffu);
  EXPECT_EQ(decode_floating(DataType::Float8E5M2, 0x7b), 57344);
  EXPECT_EQ(decode_floating(DataType::Float8E5M2, 0x01), 0x1p-16);
  EXPECT_EQ(decode_floating(DataType::Float8E5M2, 0xfc), -std::numeric_limits<double>::infinity());
}

// Element i lies at bits [i * N, (i + 1) * N) of the stream, bit 0 being the lowest of byte 0.
TEST(Elements, SmallOnesArePackedFromTheLowestBit) {
  ElementWriter three(3);
  for (const uint64_t bits : {1, 2, 3, 4, 5}) three.put(bits);
  EXPECT_EQ(three.take(), (Bytes{0b11010001, 0b01011000}));
  ElementWriter six(6);
  for (const uint64_t bits : {0x3f, 0x00, 0x21}) six.put(bits);
  EXPECT_EQ(six.take(), (Bytes{0x3f, 0x10, 0x02}));
  EXPECT_EQ(byte_count(DataType::UInt3, 5), 2u);
  EXPECT_EQ(byte_count(DataType::UInt6, 3), 3u);
  EXPECT_EQ(byte_count(DataType::Float64, 3), 24u);
}

// ---- Values ----

TEST(Values, Decode) {
  const Bytes four{0x8f, 0x07};
  EXPECT_EQ(value_of(tensor(DataType::Int4, {3}), four).integers(), (std::vector<int64_t>{-1, -8, 7}));
  EXPECT_EQ(value_of(tensor(DataType::UInt4, {3}), four).floats(), (std::vector<float>{15, 8, 7}));
  EXPECT_EQ(value_of(tensor(DataType::Int8, {2}), four).integers(), (std::vector<int64_t>{-113, 7}));
  EXPECT_EQ(value_of(tensor(DataType::UInt16, {}), four).integer(), 0x078f);
  const Bytes three{0b11010001, 0b01011000};
  EXPECT_EQ(value_of(tensor(DataType::UInt3, {5}), three).integers(), (std::vector<int64_t>{1, 2, 3, 4, 5}));
  const Bytes halves{0x00, 0x3c, 0x00, 0xc0};
  EXPECT_EQ(value_of(tensor(DataType::Float16, {2, 1}), halves).floats(), (std::vector<float>{1, -2}));
  const Bytes brain{0x80, 0x3f};
  EXPECT_EQ(value_of(tensor(DataType::BFloat16, {1}), brain).number(), 1.0f);
  const Bytes truth{1};
  EXPECT_TRUE(value_of(tensor(DataType::Bool, {}), truth).boolean());
  EXPECT_EQ(value_of(tensor(DataType::Bool, {}), truth).integer(), 1);
  const Bytes big(8, 0xff);
  EXPECT_EQ(value_of(tensor(DataType::UInt64, {}), big).number(), 0x1p64f);
  EXPECT_EQ(value_of(tensor(DataType::Int64, {}), big).number(), -1.0f);
}

TEST(Values, OpenDimensionsCountWhatIsThere) {
  const Bytes bytes(12);
  EXPECT_EQ(value_of(tensor(DataType::Int32, {unknown_dimension}), bytes).count(), 3);
  EXPECT_EQ(value_of(tensor(DataType::Int32, {unknown_dimension}), bytes).type.count(), -1);
}

TEST(Values, WrongUseIsOurOwnBug) {
  const Bytes bytes(8);
  EXPECT_THROW(value_of(tensor(DataType::Float32, {2}), bytes).number(), InternalError);
  EXPECT_THROW(value_of(tensor(DataType::Float32, {2}), bytes).integers(), InternalError);
  EXPECT_THROW(value_of(tensor(DataType::Float32, {}), bytes).integer(), InternalError);
  EXPECT_THROW(value_of(tensor(DataType::Int8, {}), bytes).boolean(), InternalError);
  EXPECT_THROW(value_of(tensor(DataType::String, {}), {}).string(), InternalError);
  EXPECT_THROW(value_of(tensor(DataType::String, {}), {}).floats(), InternalError);
}

// ---- Types and programs ----

TEST(Types, Text) {
  Type scalar = tensor(DataType::Float16, {});
  EXPECT_EQ(scalar.text(), "tensor<fp16, []>");
  scalar.scalar_spelling = true;
  EXPECT_EQ(scalar.text(), "fp16");
  EXPECT_EQ(tensor(DataType::UInt3, {1, unknown_dimension}).text(), "tensor<uint3, [1, ?]>");
  Type list{.kind = Type::Kind::List, .shape = {unknown_dimension}, .parts = {tensor(DataType::Int32, {2})}};
  EXPECT_EQ(list.text(), "list<tensor<int32, [2]>, ?>");
  const Type dict{.kind = Type::Kind::Dict, .parts = {scalar, list}};
  EXPECT_EQ(dict.text(), "dict<fp16, list<tensor<int32, [2]>, ?>>");
  EXPECT_EQ((Type{.kind = Type::Kind::Tuple, .parts = {scalar, scalar, scalar}}).text(),
            "tuple<fp16, fp16, fp16>");
  EXPECT_EQ((Type{.kind = Type::Kind::State, .parts = {tensor(DataType::Float16, {4})}}).text(),
            "state<tensor<fp16, [4]>>");
}

TEST(Types, EqualWhicheverWayScalarsAreSpelled) {
  Type scalar = tensor(DataType::Float16, {});
  Type other = scalar;
  other.scalar_spelling = true;
  EXPECT_EQ(scalar, other);
  EXPECT_NE(scalar, tensor(DataType::Float16, {1}));
  EXPECT_NE(scalar, tensor(DataType::Float32, {}));
  EXPECT_NE(scalar, (Type{.kind = Type::Kind::State, .parts = {scalar}}));
}

TEST(Types, NamesAreUnique) {
  for (int i = 0; i <= static_cast<int>(DataType::UInt64); ++i) {
    const auto type = static_cast<DataType>(i);
    EXPECT_EQ(data_type(name_of(type)), type);
  }
  EXPECT_EQ(data_type("fp17"), std::nullopt);
}

TEST(Programs, Lookup) {
  Operation operation{.type = "conv", .inputs = {{.parameter = "x"}}, .outputs = {{.name = "y"}}};
  EXPECT_EQ(operation.find("x"), &operation.inputs[0]);
  EXPECT_EQ(operation.find("weight"), nullptr);
  EXPECT_EQ(operation.label(), "y");
  Value name;
  name.type = tensor(DataType::String, {});
  name.strings = {"layer 1"};
  operation.attributes.push_back({"name", std::make_shared<Value>(name)});
  EXPECT_EQ(operation.label(), "layer 1");
  EXPECT_EQ(operation.attribute("name")->string(), "layer 1");
  EXPECT_EQ(operation.attribute("val"), nullptr);
  const Program program{.functions = {{.name = "main"}, {.name = "other"}}};
  EXPECT_EQ(program.find("other"), &program.functions[1]);
  EXPECT_EQ(program.find("third"), nullptr);
}

}  // namespace
}  // namespace ane::mil
