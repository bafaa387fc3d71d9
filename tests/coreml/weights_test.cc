// Weight decoding against values worked out by hand from the packing rule: codes form one bit stream, the
// first code at the most significant bit of the first byte.
#include <NeuralNetwork.pb.h>
#include <gtest/gtest.h>

#include "coreml/model.h"
#include "support/model_builder.h"

namespace ane::coreml {
namespace {

std::string text_of(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) text.push_back(static_cast<char>(byte));
  return text;
}

spec::WeightParams linear(uint64_t bits, std::initializer_list<int> bytes, std::vector<float> scale,
                          std::vector<float> bias = {}) {
  spec::WeightParams weights;
  weights.set_rawvalue(text_of(bytes));
  weights.mutable_quantization()->set_numberofbits(bits);
  auto* params = weights.mutable_quantization()->mutable_linearquantization();
  params->mutable_scale()->Add(scale.begin(), scale.end());
  params->mutable_bias()->Add(bias.begin(), bias.end());
  return weights;
}

using Values = std::vector<float>;

// Every width: the codes written in binary in the comment, left to right as they stand in the bytes.
TEST(Weights, LinearCodesOfEveryWidth) {
  // 1 0 1 1 0 0 0 1 | 1
  EXPECT_EQ(decode_weights(linear(1, {0b10110001, 0b10000000}, {1}), Shape{9}),
            (Values{1, 0, 1, 1, 0, 0, 0, 1, 1}));
  // 10 11 00 01 | 11
  EXPECT_EQ(decode_weights(linear(2, {0b10110001, 0b11000000}, {1}), Shape{5}), (Values{2, 3, 0, 1, 3}));
  // 101 100 01|1 110
  EXPECT_EQ(decode_weights(linear(3, {0b10110001, 0b11100000}, {1}), Shape{4}), (Values{5, 4, 3, 6}));
  // 1011 0001 | 1110
  EXPECT_EQ(decode_weights(linear(4, {0b10110001, 0b11100000}, {1}), Shape{3}), (Values{11, 1, 14}));
  // 10110 001|11 10000 0|1101
  EXPECT_EQ(decode_weights(linear(5, {0b10110001, 0b11100000, 0b11010000}, {1}), Shape{4}),
            (Values{22, 7, 16, 13}));
  // 101100 01|1110 0000|11 010000
  EXPECT_EQ(decode_weights(linear(6, {0b10110001, 0b11100000, 0b11010000}, {1}), Shape{4}),
            (Values{44, 30, 3, 16}));
  // 1011000 1|111000 00|11010
  EXPECT_EQ(decode_weights(linear(7, {0b10110001, 0b11100000, 0b11010000}, {1}), Shape{3}),
            (Values{88, 120, 26}));
  EXPECT_EQ(decode_weights(linear(8, {0, 1, 128, 255}, {1}), Shape{4}), (Values{0, 1, 128, 255}));
}

TEST(Weights, LinearScaleAndBiasOfTheWholeTensor) {
  EXPECT_EQ(decode_weights(linear(8, {0, 2, 255}, {0.5f}, {-1.0f}), Shape{3}), (Values{-1, 0, 126.5f}));
}

TEST(Weights, LinearScalePerOutputChannel) {
  // [2, 3]: the first three codes are channel 0
  EXPECT_EQ(decode_weights(linear(8, {1, 2, 3, 4, 5, 6}, {1, 10}, {0, 0.5f}), Shape{2, 3}),
            (Values{1, 2, 3, 40.5f, 50.5f, 60.5f}));
}

// Deconvolution arrays are [in, out, ...]: the channel is axis 1 and comes round again for every input
// channel.
TEST(Weights, LinearScaleAlongAxis1) {
  EXPECT_EQ(decode_weights(linear(8, {1, 2, 3, 4, 5, 6, 7, 8}, {1, 10}), Shape{2, 2, 2}, 1),
            (Values{1, 2, 30, 40, 5, 6, 70, 80}));
}

TEST(Weights, LookUpTables) {
  spec::WeightParams weights;
  weights.set_rawvalue(text_of({0b11100100}));  // 3 2 1 0
  weights.mutable_quantization()->set_numberofbits(2);
  for (const float entry : {-1.5f, 0.25f, 7.0f, 100.0f})
    weights.mutable_quantization()->mutable_lookuptablequantization()->add_floatvalue(entry);
  EXPECT_EQ(decode_weights(weights, Shape{4}), (Values{100, 7, 0.25f, -1.5f}));
}

TEST(Weights, SignedBytes) {
  spec::WeightParams weights;
  weights.set_int8rawvalue(text_of({0x80, 0xff, 0x00, 0x7f}));
  weights.mutable_quantization()->set_numberofbits(8);
  weights.mutable_quantization()->mutable_linearquantization()->add_scale(0.5f);
  EXPECT_EQ(decode_weights(weights, Shape{4}), (Values{-64, -0.5f, 0, 63.5f}));
}

TEST(Weights, Halves) {
  spec::WeightParams weights;
  weights.set_float16value(text_of({0x00, 0x3c, 0x00, 0xc0, 0xff, 0x7b, 0x01, 0x00}));  // 1, -2, 65504, 2^-24
  EXPECT_TRUE(is_float16(weights));
  EXPECT_EQ(weight_count(weights), 4);
  EXPECT_EQ(decode_weights(weights, Shape{4}), (Values{1, -2, 65504, 0x1p-24f}));
  EXPECT_EQ(float16_weights(weights).size(), 8u);
  EXPECT_TRUE(float32_weights(weights).empty());
}

TEST(Weights, FloatsAreViewedInPlace) {
  spec::WeightParams weights;
  test::set_floats(&weights, {1.5f, -2.5f, 3.0f});
  EXPECT_EQ(float32_weights(weights).data(), weights.floatvalue().data());
  EXPECT_EQ(decode_weights(weights, Shape{3}), (Values{1.5f, -2.5f, 3.0f}));
  EXPECT_TRUE(float16_weights(weights).empty());
}

TEST(Weights, CountAloneIsEnoughForWholeBytes) {
  EXPECT_EQ(decode_weights(linear(8, {1, 2, 3, 4}, {1, 10}), 2), (Values{1, 2, 30, 40}));
  // One value for any number of channels.
  spec::WeightParams one;
  test::set_floats(&one, {0.25f});
  EXPECT_EQ(decode_weights(one, 8), Values{0.25f});
  // 3 codes of 3 bits: the two padded bytes would hold five.
  EXPECT_EQ(decode_weights(linear(3, {0b00101001, 0b10000000}, {1}), 3), (Values{1, 2, 3}));
}

// Larger than the grain of the parallel loop, so that pieces begin inside a channel.
TEST(Weights, LongArraysDecodeAsShortOnesDo) {
  const int64_t channels = 7, inner = 40001;
  spec::WeightParams weights = linear(8, {}, {1, 2, 3, 4, 5, 6, 7});
  for (int64_t i = 0; i < channels * inner; ++i)
    weights.mutable_rawvalue()->push_back(static_cast<char>(i % 251));
  const Values values = decode_weights(weights, Shape{channels, inner});
  ASSERT_EQ(values.size(), static_cast<size_t>(channels * inner));
  for (int64_t i = 0; i < channels * inner; ++i)
    ASSERT_EQ(values[static_cast<size_t>(i)], static_cast<float>(i % 251 * (i / inner + 1))) << i;
}

}  // namespace
}  // namespace ane::coreml
