// Public Apple-compiled programs give what their source networks mean. Expected values come from the
// networks' definitions, in double.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/file.h"
#include "sim/simulator.h"
#include "sim/task_builder.h"
#include "support/golden.h"

namespace ane::sim {
namespace {

using test::expect_close;
using test::random_values;

class Golden {
 public:
  explicit Golden(const std::filesystem::path& folder)
      : folder_(folder),
        file_(hwx::read(ane::test::read_bytes(folder / "model.hwx"), folder.filename().string())),
        simulator_(file_) {}

  void input(const std::string& name, const std::vector<float>& values) {
    simulator_.set_input(name, values);
  }
  std::vector<float> run(const std::string& output) {
    statistics = simulator_.run();
    return simulator_.output(output).data;
  }
  // Number i of an array in a weight file, from its byte `offset` on.
  template <typename T>
  T weight(size_t i, size_t offset = 0, const char* file = "net.weights") const {
    const Bytes bytes = ane::test::read_bytes(folder_ / file);
    T value;
    std::memcpy(&value, bytes.data() + offset + i * sizeof(T), sizeof(T));
    return value;
  }
  double half_weight(size_t i, size_t offset = 0, const char* file = "net.weights") const {
    return to_float(Half{weight<uint16_t>(i, offset, file)});
  }

  Statistics statistics;

 private:
  std::filesystem::path folder_;
  hwx::File file_;
  Simulator simulator_;
};

TEST(Golden, Relu) {
  ANE_NEED_EVIDENCE("golden");
  for (const auto& [name, width] : {std::pair{"relu-w77", 77}, std::pair{"relu-w16", 16}}) {
    Golden golden(evidence_folder / name);
    std::vector<float> x = random_values(width, 1, 100);
    x[0] = INFINITY, x[1] = -INFINITY, x[2] = NAN, x[3] = 65504;
    golden.input("image", x);
    const std::vector<float> y = golden.run("probs@output");
    x[2] = INFINITY;  // the engine takes NaN for infinity
    for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(y[i], std::max(x[i], 0.0f)) << name << " " << i;
  }
}

TEST(Golden, Sigmoid) {
  ANE_NEED_EVIDENCE("golden");
  Golden golden(evidence_folder / "sigmoid-w77");
  std::vector<float> x = random_values(77, 2, 12);
  for (size_t i = 0; i <= 32; ++i) x[i] = -8 + 0.5f * static_cast<float>(i);
  x[33] = INFINITY, x[34] = -INFINITY;
  golden.input("image", x);
  const std::vector<float> y = golden.run("probs@output");
  EXPECT_EQ(to_half(y[22]).bits, 0x3b9f);  // sigmoid(3), as a real M1 gave it
  EXPECT_EQ(y[16], 0.5f);
  EXPECT_EQ(y[33], 1);
  EXPECT_EQ(y[34], 0);
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = 1 / (1 + std::exp(-static_cast<double>(x[i])));
    EXPECT_NEAR(y[i], exact, i <= 32 ? 0.00025 : 0.0035) << x[i];
  }
}

TEST(Golden, ConvolutionsKeepTheOrderOfTheirWeights) {
  ANE_NEED_EVIDENCE("golden");
  const std::vector<float> x = {8192, 16384, -4096};
  {
    Golden golden(evidence_folder / "conv-3x3-seq");  // weights are the fp16 numbers with bits 0, 1, 2, ... 8
    golden.input("image", x);
    std::vector<double> want(3);
    for (size_t o = 0; o < 3; ++o)
      for (size_t i = 0; i < 3; ++i) want[o] += golden.half_weight(o * 3 + i) * x[i];
    expect_close(golden.run("probs@output"), want, 0.5);
    EXPECT_EQ(golden.statistics.multiply_accumulates, 9u);
    EXPECT_EQ(golden.statistics.coefficient_bytes, 3u * 64);
  }
  {
    Golden golden(evidence_folder / "conv-3x3-twos");
    golden.input("image", {1, 2, 3});
    EXPECT_EQ(golden.run("probs@output"), (std::vector<float>{12, 12, 12}));  // as a real M1 gave it
  }
  for (const char* name : {"conv-3x3-threes", "conv-3x3-threes-min"}) {
    Golden golden(evidence_folder / name);
    golden.input("image", {1, 2, 3.5});
    const float three = golden.weight<float>(0);
    EXPECT_EQ(golden.run("probs@output"), std::vector<float>(3, 6.5f * three)) << name;
  }
}

TEST(Golden, ConvolutionsWithFewerOutputsAndBias) {
  ANE_NEED_EVIDENCE("golden");
  const std::vector<float> x = {0.25, -2, 5};
  Golden plain(evidence_folder / "conv-3x2-threes");
  plain.input("image", x);
  EXPECT_EQ(plain.run("probs@output"), std::vector<float>(2, 3.25f * plain.weight<float>(0, 192)));
  Golden biased(evidence_folder / "conv-goc-3x2");
  biased.input("image", x);
  const double bias = biased.half_weight(0, 0, "net.additional.weights");
  EXPECT_EQ(bias, 1);
  EXPECT_EQ(biased.run("probs@output"),
            std::vector<float>(2, static_cast<float>(3.25 * biased.weight<float>(0, 192) + bias)));
}

TEST(Golden, InnerProductsWithZeroWeights) {
  ANE_NEED_EVIDENCE("golden");
  for (const auto& [name, channels] : {std::pair{"gemm-512", 512}, std::pair{"gemm-64", 64}}) {
    Golden golden(evidence_folder / name);
    golden.input("image", random_values(channels, 3, 10));
    EXPECT_EQ(golden.run("probs@output"), std::vector<float>(static_cast<size_t>(channels), 0.0f)) << name;
    EXPECT_EQ(golden.statistics.multiply_accumulates,
              static_cast<uint64_t>(channels) * static_cast<uint64_t>(channels));
  }
}

TEST(Golden, Concat) {
  ANE_NEED_EVIDENCE("golden");
  for (const auto& [name, channels] : {std::pair{"concat-16384-16", 16384}, std::pair{"concat-16-16", 16}}) {
    Golden golden(evidence_folder / name);
    std::vector<float> first = random_values(channels, 4), second = random_values(16, 5);
    golden.input("input_0", first);
    golden.input("input_1", second);
    const std::vector<float> y = golden.run("output@output");
    first.insert(first.end(), second.begin(), second.end());
    EXPECT_EQ(y, first) << name;
  }
}

TEST(Golden, ReshapeThatMovesNothing) {
  ANE_NEED_EVIDENCE("golden");
  Golden golden(evidence_folder / "reshape-noop-3");
  const std::vector<float> x = {1.5, -65504, 0x1p-24f};
  golden.input("image", x);
  EXPECT_EQ(golden.run("probs@output"), x);
}

TEST(Golden, SumAndProductOfTwoInputs) {
  ANE_NEED_EVIDENCE("golden");
  std::vector<float> a = random_values(64, 6, 300), b = random_values(64, 7, 300);
  a[0] = 65504, b[0] = 65504;  // overflows to infinity only beyond the range of fp16
  a[1] = 40000, b[1] = 1;      // which the PE uses whole
  a[2] = INFINITY, b[2] = -INFINITY;
  a[3] = 0, b[3] = INFINITY;
  Golden sum(evidence_folder / "sum-64");
  sum.input("image", a);
  sum.input("image2", b);
  const std::vector<float> added = sum.run("probs@output");
  EXPECT_EQ(added[0], INFINITY);
  EXPECT_EQ(added[1], 40000);
  EXPECT_EQ(added[2], 0);  // no NaN leaves the engine
  for (size_t i = 4; i < 64; ++i) EXPECT_EQ(added[i], round_to_half(a[i] + b[i]));
  for (const char* name : {"mul-64-macos12", "mul-64-macos14", "mul-64-macos26", "mul-64-macos26-g"}) {
    Golden product(evidence_folder / name);
    product.input("image", a);
    product.input("image2", b);
    const std::vector<float> multiplied = product.run("probs");
    EXPECT_EQ(multiplied[0], INFINITY) << name;
    EXPECT_EQ(multiplied[3], 0) << name;
    for (size_t i = 4; i < 64; ++i) EXPECT_EQ(multiplied[i], round_to_half(a[i] * b[i])) << name;
  }
}

// Eight tasks through scratch: three copies that concatenate, a 1x1 convolution of the three channels with
// weights 1, 1, -1, and four elementwise steps. Every step rounds to fp16.
TEST(Golden, PartOfAtan2) {
  ANE_NEED_EVIDENCE("golden");
  Golden golden(evidence_folder / "atan2-part-macos14");
  std::map<std::string, std::vector<float>> in;
  uint32_t seed = 10;
  for (const char* name :
       {"atan_0_ctx_tx_default__1", "mul_0", "mul_1", "mul_2", "mul_3", "sub_0", "sub_1"}) {
    in[name] = random_values(1024 * 2048, seed++, 4);
    golden.input(name, in[name]);
  }
  const std::vector<float> y = golden.run("var_3");
  for (size_t i = 0; i < y.size(); i += 7) {
    const float sum = round_to_half(in["atan_0_ctx_tx_default__1"][i] + in["mul_0"][i] - in["mul_1"][i]);
    const float inner = round_to_half(round_to_half(sum * in["sub_0"][i]) + in["mul_2"][i]);
    const float want = round_to_half(round_to_half(inner * in["sub_1"][i]) + in["mul_3"][i]);
    ASSERT_EQ(y[i], want) << i;
  }
  EXPECT_EQ(golden.statistics.multiply_accumulates, 3u * 1024 * 2048);
}

}  // namespace
}  // namespace ane::sim
