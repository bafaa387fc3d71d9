// MIL's codes and what they stand for. Where a test says "documentation", its numbers are the example of the
// operator's own documentation in coremltools.

#include "mil_run.h"

namespace ane::reference {
namespace {

mil::Value bytes(const std::vector<double>& values) {
  return mil_numbers({static_cast<int64_t>(values.size())}, values, DataType::UInt8);
}

TEST(MilQuantize, RoundsScalesAndLimits) {
  const Fed x{{6}, {0.5f, 1.5f, -2.6f, 100, -100, 1000}};
  // Halves go to the even number.
  EXPECT_EQ(result("quantize", {{"input", x}, {"scale", mil_number(1)}, {"output_dtype", mil_text("int8")}},
                   {6}, DataType::Int8),
            (Values{0, 2, -3, 100, -100, 127}));
  EXPECT_EQ(result("quantize",
                   {{"input", x},
                    {"scale", mil_number(0.5)},
                    {"zero_point", mil_number(128, DataType::UInt8)},
                    {"output_dtype", mil_text("uint8")}},
                   {6}, DataType::UInt8),
            (Values{129, 131, 123, 255, 0, 255}));
}

TEST(MilQuantize, ScalesAlongAnAxis) {
  const Fed x{{2, 2}, {4, 8, 4, 8}};
  const std::vector<Bound> parameters = {{"scale", mil_numbers({2}, {1, 4})},
                                         {"zero_point", mil_numbers({2}, {0, 10}, DataType::Int8)}};
  const auto quantized = [&](int64_t axis) {
    std::vector<Bound> operands = parameters;
    operands.insert(operands.end(),
                    {{"input", x}, {"axis", mil_integer(axis)}, {"output_dtype", mil_text("int8")}});
    return result("quantize", operands, {2, 2}, DataType::Int8);
  };
  EXPECT_EQ(quantized(0), (Values{4, 8, 11, 12}));
  EXPECT_EQ(quantized(-1), (Values{4, 12, 4, 12}));
}

TEST(MilDequantize, UndoesIt) {
  const Fed codes{{2, 2}, {4, 8, 11, 12}, DataType::Int8};
  EXPECT_EQ(result("dequantize",
                   {{"input", codes},
                    {"scale", mil_numbers({2}, {1, 4})},
                    {"zero_point", mil_numbers({2}, {0, 10}, DataType::Int8)},
                    {"axis", mil_integer(0)}},
                   {2, 2}),
            (Values{4, 8, 4, 8}));
  EXPECT_EQ(result("dequantize", {{"input", codes}, {"scale", mil_number(0.5)}}, {2, 2}),
            (Values{2, 4, 5.5f, 6}));
}

// Up to iOS17 the operands of constexpr operations are attributes.
Values from_attributes(const std::string& type,
                       const std::vector<std::pair<std::string, mil::Value>>& operands, const Shape& shape,
                       const std::string& opset = "ios16") {
  test::MilBuilder mil(opset);
  mil::Operation& operation = mil.op(type, {}, "w", shape);
  operation.attributes.push_back({"name", std::make_shared<const mil::Value>(mil_text("w"))});
  for (const auto& [name, value] : operands)
    operation.attributes.push_back({name, std::make_shared<const mil::Value>(value)});
  mil.output("w");
  return evaluate_mil(mil.function(), {}).at("w").data;
}

TEST(MilConstexpr, AffineCodes) {
  EXPECT_EQ(from_attributes("constexpr_affine_dequantize",
                            {{"quantized_data", mil_numbers({2, 2}, {10, 20, 30, 40}, DataType::UInt8)},
                             {"zero_point", mil_number(10, DataType::UInt8)},
                             {"scale", mil_numbers({2}, {0.5, 2})},
                             {"axis", mil_integer(1)}},
                            {2, 2}),
            (Values{0, 20, 10, 60}));
}

TEST(MilConstexpr, Cast) {
  EXPECT_EQ(from_attributes("constexpr_cast",
                            {{"source_val", mil_numbers({2}, {0.5, -2}, DataType::Float16)},
                             {"output_dtype", mil_text("fp32")}},
                            {2}),
            (Values{0.5f, -2}));
}

// Documentation: two-bit indices 0, 3, 2, 1 in 01 10 11 00, and 3 in the lowest bits of the next byte.
TEST(MilConstexpr, TablesWithPackedIndices) {
  const std::vector<std::pair<std::string, mil::Value>> operands = {
      {"indices", bytes({0b01101100, 0b00000011})},
      {"lut", mil_numbers({4}, {-1, 10, 20, 30})},
      {"shape", mil_numbers({1}, {5}, DataType::UInt32)}};
  EXPECT_EQ(from_attributes("constexpr_lut_to_dense", operands, {5}), (Values{-1, 30, 20, 10, 30}));
  EXPECT_EQ(from_attributes("constexpr_lut_to_dense", operands, {5}, "ios17"), (Values{-1, 30, 20, 10, 30}));
}

// Six-bit indices cross bytes: 1, 2, 4, 8 are 000001, 000010, 000100, 001000, from the lowest bit on.
TEST(MilConstexpr, TablesWithIndicesAcrossBytes) {
  std::vector<double> table;
  for (int i = 0; i < 64; ++i) table.push_back(100 + i);
  EXPECT_EQ(from_attributes("constexpr_lut_to_dense",
                            {{"indices", bytes({0b10000001, 0b01000000, 0b00100000})},
                             {"lut", mil_numbers({64}, table)},
                             {"shape", mil_numbers({2}, {2, 2}, DataType::UInt32)}},
                            {2, 2}),
            (Values{101, 102, 104, 108}));
}

TEST(MilConstexpr, SparseWithAPackedMask) {
  // Documentation: elements 2 and 3 of five are set.
  EXPECT_EQ(from_attributes("constexpr_sparse_to_dense",
                            {{"nonzero_data", mil_numbers({2}, {7, 8})},
                             {"mask", bytes({0b00001100})},
                             {"shape", mil_numbers({1}, {5}, DataType::UInt32)}},
                            {5}),
            (Values{0, 0, 7, 8, 0}));
}

TEST(MilConstexpr, BlocksOfScales) {
  // [2, 4] in blocks of 2 x 2: the left one (x - 1) * 10, the right one (x - 2) * 100; codes of four bits.
  EXPECT_EQ(result("constexpr_blockwise_shift_scale",
                   {{"data", mil_numbers({2, 4}, {1, 2, 3, 4, -8, 7, 0, -1}, DataType::Int4)},
                    {"scale", mil_numbers({1, 2}, {10, 100})},
                    {"offset", mil_numbers({1, 2}, {1, 2}, DataType::Int4)}},
                   {2, 4}),
            (Values{0, 10, 100, 200, -90, 60, -200, -300}));
  EXPECT_EQ(result("constexpr_blockwise_shift_scale",
                   {{"data", mil_numbers({3}, {1, 15, 8}, DataType::UInt4)},
                    {"scale", mil_numbers({3}, {1, 2, 0.5})}},
                   {3}),
            (Values{1, 30, 4}));
}

// Documentation, case 1: two tables, each for three rows.
TEST(MilConstexpr, TablesForGroups) {
  EXPECT_EQ(result("constexpr_lut_to_dense",
                   {{"indices", mil_numbers({6, 2}, {2, 3, 3, 0, 1, 0, 3, 0, 2, 1, 0, 3}, DataType::UInt2)},
                    {"lut", mil_numbers({2, 1, 4, 1}, {1, 5, 9, 13, 2, 10, 18, 26})}},
                   {6, 2}),
            (Values{9, 13, 13, 1, 5, 1, 26, 2, 18, 10, 2, 26}));
}

// Documentation, case 2, with a0 a1 a2 as 1 2 3 and b0 b1 b2 as 4 5 6.
TEST(MilConstexpr, TablesOfVectors) {
  const std::vector<Bound> operands = {
      {"indices", mil_numbers({2, 2, 2}, {0, 0, 1, 0, 1, 1, 0, 0}, DataType::UInt1)},
      {"lut", mil_numbers({1, 1, 1, 2, 3}, {1, 2, 3, 4, 5, 6})}};
  const auto along = [&](int64_t axis, const Shape& shape) {
    std::vector<Bound> all = operands;
    all.push_back({"vector_axis", mil_integer(axis)});
    return result("constexpr_lut_to_dense", all, shape);
  };
  EXPECT_EQ(along(1, {2, 6, 2}),
            (Values{1, 1, 2, 2, 3, 3, 4, 1, 5, 2, 6, 3, 4, 4, 5, 5, 6, 6, 1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(along(-1, {2, 2, 6}),
            (Values{1, 2, 3, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 4, 5, 6, 1, 2, 3, 1, 2, 3}));
}

TEST(MilConstexpr, Sparse) {
  EXPECT_EQ(result("constexpr_sparse_to_dense",
                   {{"nonzero_data", mil_numbers({3}, {-1, 2, -3}, DataType::Int4)},
                    {"mask", mil_numbers({2, 3}, {0, 1, 0, 1, 0, 1}, DataType::UInt1)}},
                   {2, 3}, DataType::Int4),
            (Values{0, -1, 0, 2, 0, -3}));
}

// Documentation of constexpr_lut_to_sparse: the table 2, 3 and, for vectors, 2 2 and 3 3.
TEST(MilConstexpr, TablesToSparse) {
  const std::vector<double> mask = {1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0};
  std::vector<Bound> operands = {
      {"indices_mask", mil_numbers({4, 6}, mask, DataType::UInt1)},
      {"indices_nonzero_data", mil_numbers({9}, {0, 1, 1, 0, 1, 1, 0, 0, 1}, DataType::UInt1)},
      {"lut", mil_numbers({1, 1, 2, 1}, {2, 3})}};
  const auto single = results("constexpr_lut_to_sparse", operands, {{{4, 6}, DataType::UInt1}, {{9}}});
  EXPECT_EQ(single[0].data, Values(mask.begin(), mask.end()));
  EXPECT_EQ(single[1].data, (Values{2, 3, 3, 2, 3, 3, 2, 2, 3}));
  operands[2] = {"lut", mil_numbers({1, 1, 2, 2}, {2, 2, 3, 3})};
  operands.push_back({"vector_axis", mil_integer(0)});
  const auto pairs = results("constexpr_lut_to_sparse", operands, {{{8, 6}, DataType::UInt1}, {{18}}});
  Values doubled;
  for (size_t row = 0; row < 8; ++row)
    doubled.insert(doubled.end(), mask.begin() + row / 2 * 6, mask.begin() + row / 2 * 6 + 6);
  EXPECT_EQ(pairs[0].data, doubled);
  // Every row of numbers twice: 2 3, then 3 2 3, then 3 2 2, then 3.
  EXPECT_EQ(pairs[1].data, (Values{2, 3, 2, 3, 3, 2, 3, 3, 2, 3, 3, 2, 2, 3, 2, 2, 3, 3}));
}

// Documentation of constexpr_sparse_blockwise_shift_scale: each column has its scale and offset.
TEST(MilConstexpr, ScalesToSparse) {
  const std::vector<double> mask = {1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 0};
  const auto scaled =
      results("constexpr_sparse_blockwise_shift_scale",
              {{"data_mask", mil_numbers({4, 4}, mask, DataType::UInt1)},
               {"nonzero_data", mil_numbers({9}, {10, 11, 3, 4, 5, 6, 7, 8, 9}, DataType::Int8)},
               {"scale", mil_numbers({1, 4}, {0.1, 0.2, 0.3, 0.4})},
               {"offset", mil_numbers({1, 4}, {1, 2, 3, 4}, DataType::Int8)}},
              {{{4, 4}, DataType::UInt1}, {{9}}});
  EXPECT_EQ(scaled[0].data, Values(mask.begin(), mask.end()));
  expect_near(scaled[1].data, {0.9, 1.8, 0.2, 0.4, 0.6, 0.9, 1.2, 0.7, 1.4});
}

TEST(BadMilConstexpr, Quantization) {
  const Fed x{{2}, {1, 2}};
  const auto refuse = [&](const char* part, std::vector<Bound> more) {
    more.push_back({"input", x});
    expect_refusal(part, "quantize", more, {2}, DataType::Int8);
  };
  const Bound int8{"output_dtype", mil_text("int8")};
  refuse("output_dtype int4", {{"scale", mil_number(1)}, {"output_dtype", mil_text("int4")}});
  refuse("a scale is 0", {{"scale", mil_number(0)}, int8});
  refuse("axis is not given", {{"scale", mil_numbers({2}, {1, 1})}, int8});
  refuse("scale has the shape [3] along an axis of 2",
         {{"scale", mil_numbers({3}, {1, 1, 1})}, {"axis", mil_integer(0)}, int8});
}

TEST(BadMilConstexpr, TablesAndMasks) {
  const mil::Value codes = mil_numbers({4}, {0, 1, 2, 3}, DataType::UInt2);
  const auto lut = [&](const char* part, mil::Value table, std::vector<Bound> more = {}) {
    more.push_back({"indices", codes});
    more.push_back({"lut", std::move(table)});
    expect_refusal(part, "constexpr_lut_to_dense", more, {4});
  };
  lut("not for indices", mil_numbers({4}, {1, 2, 3, 4}));
  lut("index 2 is outside of a table of 2", mil_numbers({1, 2, 1}, {1, 2}));
  lut("do not divide", mil_numbers({3, 1, 1}, {1, 2, 3}));
  lut("vector_axis is not given", mil_numbers({1, 4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
  lut("axis 1", mil_numbers({1, 4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), {{"vector_axis", mil_integer(1)}});

  const auto packed = [](const char* part, mil::Value indices, mil::Value table) {
    expect_refusal(part, "constexpr_lut_to_dense",
                   {{"indices", std::move(indices)},
                    {"lut", std::move(table)},
                    {"shape", mil_numbers({1}, {5}, DataType::UInt32)}},
                   {5}, DataType::Float32, "ios16");
  };
  packed("2 are needed", bytes({1}), mil_numbers({4}, {1, 2, 3, 4}));
  packed("not for indices of 1 to 8 bits", bytes({1, 2}), mil_numbers({3}, {1, 2, 3}));
  packed("which is no byte", mil_numbers({2}, {-1, 300}), mil_numbers({4}, {1, 2, 3, 4}));

  expect_refusal(
      "for the 2 elements of a mask", "constexpr_sparse_to_dense",
      {{"nonzero_data", mil_numbers({3}, {1, 2, 3})}, {"mask", mil_numbers({3}, {1, 0, 1}, DataType::UInt1)}},
      {3});
  const auto blocks = [](const char* part, mil::Value scale, mil::Value offset) {
    expect_refusal(part, "constexpr_blockwise_shift_scale",
                   {{"data", mil_numbers({4}, {1, 2, 3, 4}, DataType::Int8)},
                    {"scale", std::move(scale)},
                    {"offset", std::move(offset)}},
                   {4});
  };
  blocks("scale has 2 axes", mil_numbers({1, 1}, {1}), mil_numbers({1, 1}, {1}));
  blocks("do not divide", mil_numbers({3}, {1, 2, 3}), mil_numbers({3}, {1, 2, 3}));
  blocks("offset has the shape [1], scale [2]", mil_numbers({2}, {1, 2}), mil_numbers({1}, {1}));
}

}  // namespace
}  // namespace ane::reference
