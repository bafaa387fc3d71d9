// Every compressed form of weights in a weight file: the program must be, to the byte, the one of the same
// weights written out. They are worked out here from the definitions of the operations; all of them are
// binary16 numbers.
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "driver/ml_programs.h"
#include "import/mil_text.h"

namespace ane::test {
namespace {

using import::constant;
using import::fp16;
using import::line;

using Integers = std::vector<int64_t>;
using Shape = std::vector<int64_t>;

const Shape shape = {8, 4, 1, 2};
constexpr size_t count = 64;

// Codes of the weight file (docs/mil.md) and how wide the elements are.
struct Element {
  const char* name;
  uint32_t code;
  int bits;
};
constexpr Element int4 = {"int4", 8, 4}, int8 = {"int8", 4, 8}, uint1 = {"uint1", 9, 1},
                  uint2 = {"uint2", 10, 2}, uint3 = {"uint3", 12, 3}, uint4 = {"uint4", 11, 4},
                  uint6 = {"uint6", 13, 6};

class CompressedWeights : public MlPrograms {
 protected:
  // A constant `name` in the weight file: element i in bits [i * N, (i + 1) * N).
  std::string in_file(const std::string& name, const Element& element, const Shape& of,
                      const Integers& values) {
    Bytes bytes((values.size() * static_cast<size_t>(element.bits) + 7) / 8, 0);
    for (size_t i = 0; i < values.size(); ++i)
      for (int bit = 0; bit < element.bits; ++bit) {
        const size_t at = i * static_cast<size_t>(element.bits) + static_cast<size_t>(bit);
        if ((values[i] >> bit & 1) != 0) bytes[at / 8] = static_cast<uint8_t>(bytes[at / 8] | 1u << at % 8);
      }
    const uint64_t unused = bytes.size() * 8 - values.size() * static_cast<size_t>(element.bits);
    return reference(name, element.name, of, blob_.add(element.code, bytes, element.bits < 8 ? unused : 0));
  }
  std::string in_file(const std::string& name, const Shape& of, const std::vector<float>& values) {
    Bytes bytes;
    for (const float value : values) {
      const uint16_t bits = to_half(value).bits;
      EXPECT_EQ(round_to_half(value), value);
      bytes.push_back(static_cast<uint8_t>(bits));
      bytes.push_back(static_cast<uint8_t>(bits >> 8));
    }
    return reference(name, "fp16", of, blob_.add(1, bytes));
  }

  // The program of a convolution with weights w.
  std::string program_of(const std::string& weights) {
    std::string text =
        program_text(fp16({1, 4, 3, 9}) + " x",
                     weights + constant("string", "pt", "\"valid\"") +
                         line(fp16({1, 8, 3, 8}), "y", "conv(pad_type = pt, weight = w, x = x)"),
                     "y");
    text.replace(text.find("ios18"), 5, opset_);
    put("one/one.mil", text);
    put("one/weights/weight.bin",
        {reinterpret_cast<const char*>(blob_.bytes().data()), blob_.bytes().size()});
    const json result = compiled("one/one.mil", "--verify");
    if (result.is_object()) {
      EXPECT_GE(result.at("verify").at("outputs").at(0).at("snr_db").get<double>(), 60);
    }
    return contents(at("out/model.hwx"));
  }

  void expect_same(const std::string& compressed, const std::vector<float>& dense) {
    const std::string one = program_of(compressed), other = program_of(in_file("w", shape, dense));
    EXPECT_FALSE(one.empty());
    EXPECT_TRUE(one == other) << compressed;
  }

  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  Integers integers(size_t how_many, int64_t low, int64_t high) {
    Integers values(how_many);
    for (int64_t& value : values) value = between(low, high);
    return values;
  }
  // Multiples of 1/8, not 0.
  std::vector<float> numbers(size_t how_many) {
    std::vector<float> values(how_many);
    for (float& value : values)
      value = static_cast<float>(between(1, 40)) / 8 * (between(0, 1) ? 1.0f : -1.0f);
    return values;
  }
  static std::string whole(const std::string& operation) { return line(fp16(shape), "w", operation); }

  std::string opset_ = "ios18";
  BlobBuilder blob_;
  std::mt19937_64 engine_{5};

 private:
  static std::string reference(const std::string& name, const std::string& element, const Shape& of,
                               uint64_t offset) {
    return constant(
        fmt::format("tensor<{}, [{}]>", element, fmt::join(of, ", ")), name,
        fmt::format("BLOBFILE(path = string(\"@model_path/weights/weight.bin\"), offset = uint64({}))",
                    offset));
  }
};

// A scale and an offset for two channels by two columns.
TEST_F(CompressedWeights, BlocksOfFourBits) {
  for (const bool with_offset : {false, true}) {
    const Integers data = integers(count, -8, 7), offset = integers(16, -8, 7);
    const std::vector<float> scale = numbers(16);
    std::vector<float> dense;
    for (size_t i = 0; i < count; ++i) {
      const size_t block = i / 4;
      dense.push_back(scale[block] * static_cast<float>(data[i] - (with_offset ? offset[block] : 0)));
    }
    expect_same(in_file("q", int4, shape, data) + in_file("s", {8, 2, 1, 1}, scale) +
                    in_file("o", int4, {8, 2, 1, 1}, offset) +
                    whole(std::string("constexpr_blockwise_shift_scale(data = q, ") +
                          (with_offset ? "offset = o, " : "") + "scale = s)"),
                dense);
  }
}

TEST_F(CompressedWeights, BytesByChannel) {
  const Integers data = integers(count, -128, 127);
  const std::vector<float> scale = {0.5f, 1, 2, 0.25f, -1, -0.5f, 4, 0.125f};
  std::vector<float> dense;
  for (size_t i = 0; i < count; ++i) dense.push_back(scale[i / 8] * static_cast<float>(data[i]));
  expect_same(in_file("q", int8, shape, data) + in_file("s", {8, 1, 1, 1}, scale) +
                  whole("constexpr_blockwise_shift_scale(data = q, scale = s)"),
              dense);
}

// One table for each half of the output channels.
TEST_F(CompressedWeights, PalettesOfEveryWidth) {
  for (const Element& element : {uint1, uint2, uint3, uint4, uint6}) {
    SCOPED_TRACE(element.name);
    const size_t entries = size_t{1} << element.bits;
    const Integers indices = integers(count, 0, static_cast<int64_t>(entries) - 1);
    const std::vector<float> table = numbers(2 * entries);
    std::vector<float> dense;
    for (size_t i = 0; i < count; ++i)
      dense.push_back(table[i / (count / 2) * entries + static_cast<size_t>(indices[i])]);
    expect_same(in_file("q", element, shape, indices) +
                    in_file("l", {2, 1, 1, 1, static_cast<int64_t>(entries), 1}, table) +
                    whole("constexpr_lut_to_dense(indices = q, lut = l)"),
                dense);
  }
}

// As iOS16 writes them: attributes, and indices of N bits packed in bytes.
TEST_F(CompressedWeights, PackedPalettesOfOlderVersions) {
  opset_ = "ios16";
  for (const int bits : {1, 3}) {
    const size_t entries = size_t{1} << bits;
    const Integers indices = integers(count, 0, static_cast<int64_t>(entries) - 1);
    const std::vector<float> table = numbers(entries);
    std::vector<float> dense;
    for (const int64_t index : indices) dense.push_back(table[static_cast<size_t>(index)]);
    Integers packed(count * static_cast<size_t>(bits) / 8, 0);
    for (size_t i = 0; i < count * static_cast<size_t>(bits); ++i)
      packed[i / 8] |= (indices[i / static_cast<size_t>(bits)] >> i % static_cast<size_t>(bits) & 1) << i % 8;
    const auto list = [](const char* element, const auto& values) {
      return fmt::format("tensor<{}, [{}]>([{}])", element, values.size(), fmt::join(values, ", "));
    };
    const std::string text = fmt::format(
        "    {} w = constexpr_lut_to_dense()[indices = {}, lut = {}, name = string(\"w\"), shape = {}];\n",
        fp16(shape), list("uint8", packed), list("fp16", table), list("uint32", shape));
    expect_same(text, dense);
  }
}

std::vector<float> spread(const Integers& mask, const std::vector<float>& kept) {
  std::vector<float> dense;
  size_t next = 0;
  for (const int64_t bit : mask) dense.push_back(bit ? kept.at(next++) : 0.0f);
  return dense;
}

TEST_F(CompressedWeights, Sparse) {
  const Integers mask = integers(count, 0, 1);
  const auto ones = static_cast<size_t>(std::count(mask.begin(), mask.end(), 1));
  const std::vector<float> kept = numbers(ones);
  expect_same(in_file("m", uint1, shape, mask) + in_file("k", {static_cast<int64_t>(ones)}, kept) +
                  whole("constexpr_sparse_to_dense(mask = m, nonzero_data = k)"),
              spread(mask, kept));
}

// What is kept is itself compressed.
TEST_F(CompressedWeights, JointForms) {
  const Integers mask = integers(count, 0, 1);
  const auto ones = static_cast<size_t>(std::count(mask.begin(), mask.end(), 1));
  const auto length = static_cast<int64_t>(ones);
  const auto joint = [&](const std::string& call) {
    return fmt::format("    tensor<uint1, [8, 4, 1, 2]> n, {} z = {}[name = string(\"z\")];\n",
                       fp16({length}), call) +
           whole("constexpr_sparse_to_dense(mask = n, nonzero_data = z)");
  };
  const Integers indices = integers(ones, 0, 3);
  const std::vector<float> table = numbers(4);
  std::vector<float> kept;
  for (const int64_t index : indices) kept.push_back(table[static_cast<size_t>(index)]);
  expect_same(in_file("m", uint1, shape, mask) + in_file("q", uint2, {length}, indices) +
                  in_file("l", {1, 1, 1, 1, 4, 1}, table) +
                  joint("constexpr_lut_to_sparse(indices_mask = m, indices_nonzero_data = q, lut = l)"),
              spread(mask, kept));

  const Integers data = integers(ones, -8, 7);
  const std::vector<float> scale = numbers(8);
  std::vector<float> values;
  size_t next = 0;
  for (size_t i = 0; i < count; ++i)
    if (mask[i]) values.push_back(scale[i / 8] * static_cast<float>(data[next++]));
  expect_same(in_file("m", uint1, shape, mask) + in_file("q", int4, {length}, data) +
                  in_file("s", {8, 1, 1, 1}, scale) +
                  joint("constexpr_sparse_blockwise_shift_scale(data_mask = m, nonzero_data = q, scale = s)"),
              spread(mask, values));
}

}  // namespace
}  // namespace ane::test
