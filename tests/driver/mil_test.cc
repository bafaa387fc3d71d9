// ML Programs as text through the programs: compiled, verified, run, drawn, and refused.
#include <fmt/format.h>

#include "base/file.h"
#include "base/half.h"
#include "driver/ml_programs.h"
#include "hwx/file.h"
#include "media/array.h"

namespace ane::test {
namespace {

TEST_F(MlPrograms, CompileVerifyRun) {
  put_block("block/block.mil");
  const json result = compiled("block/block.mil", "--verify");
  EXPECT_GE(result.at("verify").at("outputs").at(0).at("snr_db").get<double>(), 60);

  const MappedFile file(at("out/model.hwx"));
  const hwx::File program = hwx::read(file.bytes(), file.name());
  EXPECT_EQ(program.network, "main");
  EXPECT_EQ(program.dialect, hwx::Dialect::D);

  const json side = sidecar();
  EXPECT_EQ(side.at("compat"), "9.509");
  EXPECT_EQ(side.at("inputs").at(0).at("name"), "x");
  EXPECT_EQ(side.at("inputs").at(0).at("shape"), json({1, 2, 4, 4}));
  EXPECT_EQ(side.at("inputs").at(0).at("type"), "float16");
  EXPECT_EQ(side.at("outputs").at(0).at("name"), "y");
  std::vector<std::string> layers;
  for (const json& layer : side.at("layers")) layers.push_back(layer.at("name"));
  EXPECT_EQ(layers, (std::vector<std::string>{"mix", "sum", "positive"}));

  std::vector<float> x;
  for (int i = 0; i < 32; ++i) x.push_back(static_cast<float>(i - 16));
  media::write_npy(at("x.npy"), {{1, 2, 4, 4}, x});
  const Ran ran = run("hwxrun --json " + quoted(at("out/model.hwx")) + " --input " + quoted(at("x.npy")));
  ASSERT_EQ(ran.status, 0) << ran.err;
  const json output = json::parse(ran.out).at("outputs").at(0);
  EXPECT_EQ(output.at("shape"), json({1, 2, 4, 4}));
  for (size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(output.at("data").at(i).get<float>(), std::max(x[i] + x[i + 16], 0.0f));
    EXPECT_EQ(output.at("data").at(i + 16).get<float>(), std::max(x[i + 16] + 2 * x[i], 0.0f));
  }
}

TEST_F(MlPrograms, RecognisedByContent) {
  put_block("odd/program.txt");
  compiled("odd/program.txt");
  put_block("block.mlmodelc/model.mil");
  compiled("block.mlmodelc");
}

// Without the wish to agree with a compiler the numbers are good to fp16; Apple's tables, which the option
// and --compat ask for, are one task each, and off by more.
TEST_F(MlPrograms, CoarseTablesOnlyOnRequest) {
  const std::vector<std::pair<std::string, double>> functions = {
      {"sigmoid", 64}, {"tanh", 60}, {"silu", 64}, {"gelu", 64}};
  const std::string type = "tensor<fp16, [1, 16, 16, 16]>";
  for (const auto& [function, least_db] : functions) {
    SCOPED_TRACE(function);
    put("f/f.mil",
        program_text(type + " x", "    " + type + " y = " + function + "(x = x)[name = string(\"y\")];\n",
                     "y"));
    const auto ratio = [](const json& result) {
      return result.at("verify").at("outputs").at(0).at("snr_db").get<double>();
    };
    EXPECT_GE(ratio(compiled("f/f.mil", "--verify")), least_db);
    for (const char* options : {"--functions table", "--compat 9.509"}) {
      const json result = compiled("f/f.mil", std::string("--verify ") + options);
      EXPECT_EQ(result.at("tasks"), 1);
      EXPECT_LT(ratio(result), least_db - 4);
    }
    EXPECT_GE(ratio(compiled("f/f.mil", "--verify --functions precise --compat 9.509")), least_db);
  }
}

TEST_F(MlPrograms, EveryCompilerVersion) {
  put_block("block/block.mil");
  for (const std::string version : {"4.2.1", "5.4.1", "7.6.4", "9.509"}) {
    const json result = compiled("block/block.mil", "--verify --compat " + version);
    EXPECT_GE(result.at("verify").at("outputs").at(0).at("snr_db").get<double>(), 60) << version;
    EXPECT_EQ(sidecar().at("compat"), version);
  }
}

TEST_F(MlPrograms, RanksAndOrderOfSurfaces) {
  expect_verified(program_text("tensor<fp16, [6]> b, tensor<fp16, [3, 1]> a",
                               "    tensor<fp16, [3, 6]> y = mul(x = a, y = b)[name = string(\"y\")];\n",
                               "y"));
  const json side = sidecar();
  ASSERT_EQ(side.at("inputs").size(), 2u);
  for (const json& input : side.at("inputs"))
    EXPECT_EQ(input.at("shape"), input.at("name") == "a" ? json({3, 1}) : json({6}));
  EXPECT_EQ(side.at("outputs").at(0).at("shape"), json({3, 6}));
}

TEST_F(MlPrograms, MatrixProductsNormalisationAndSoftmax) {
  expect_verified(
      program_text(
          "tensor<fp16, [1, 64, 64]> x",
          "    tensor<int32, [1]> a = const()[name = string(\"a\"), val = tensor<int32, [1]>([-1])];\n"
          "    tensor<fp16, [1, 64, 64]> n = layer_norm(axes = a, x = x)[name = string(\"n\")];\n"
          "    bool t = const()[name = string(\"t\"), val = bool(true)];\n"
          "    tensor<fp16, [1, 64, 64]> m = matmul(transpose_y = t, x = n, y = n)[name = string(\"m\")];\n"
          "    fp16 k = const()[name = string(\"k\"), val = fp16(0x1p-4)];\n"
          "    tensor<fp16, [1, 64, 64]> s = mul(x = m, y = k)[name = string(\"s\")];\n"
          "    tensor<fp16, [1, 64, 64]> y = softmax(x = s)[name = string(\"y\")];\n",
          "y"),
      50);
}

std::string layer_norm(const std::string& type, const std::string& axis) {
  return program_text(type + " x",
                      "    tensor<int32, [1]> a = const()[name = string(\"a\"), val = tensor<int32, [1]>([" +
                          axis + "])];\n    " + type +
                          " y = layer_norm(axes = a, x = x)[name = string(\"y\")];\n",
                      "y");
}

TEST_F(MlPrograms, OneRowIsNormalised) {
  expect_verified(layer_norm("tensor<fp16, [7]>", "0"));
}

// Rows of a wider image have no captured form; they are normalised in steps.
TEST_F(MlPrograms, NormalisationOverRows) {
  expect_verified(layer_norm("tensor<fp16, [8, 4, 5]>", "1"), 50);
  expect_verified(layer_norm("tensor<fp16, [4, 7]>", "0"), 50);
}

// In one pass (16 channels, two tensors alike) and by difference and table, as truths and as a condition.
TEST_F(MlPrograms, ComparisonsAndSelections) {
  for (const std::string shape : {"1, 32, 1, 1", "1, 16, 5, 9", "1, 5, 3, 4"})
    for (const std::string comparison :
         {"less", "greater", "less_equal", "greater_equal", "equal", "not_equal"}) {
      SCOPED_TRACE(comparison + " " + shape);
      const std::string type = "tensor<fp16, [" + shape + "]>", truth = "tensor<bool, [" + shape + "]>";
      const std::string inputs = type + " x, " + type + " z",
                        line =
                            "    " + truth + " c = " + comparison + "(x = x, y = z)[name = string(\"c\")];\n";
      expect_verified(program_text(inputs, line, "c"), 999);
      expect_verified(program_text(
          inputs, line + "    " + type + " y = select(a = x, b = z, cond = c)[name = string(\"y\")];\n",
          "y"));
    }
}

// Constants that are repeated lie in blocks of eight channels where they can.
TEST_F(MlPrograms, SumsWithRepeatedConstants) {
  for (const auto& [channels, rows] : {std::pair{8, 1}, {16, 1}, {24, 3}, {6, 1}, {6, 3}}) {
    const std::string shape = fmt::format("1, {}, {}, 5", channels, rows);
    std::string values;
    for (int c = 0; c < channels; ++c) {
      values += c ? "], [" : "[[";
      for (int y = 0; y < rows; ++y)
        values += fmt::format("{}[{}, {}, {}, {}, {}]", y ? ", " : "", c, y, c + y, c - y, c * y);
    }
    values += "]]";
    const std::string repeated =
        rows == 1 ? fmt::format("1, {}, 7, 5", channels) : fmt::format("2, {}, {}, 5", channels, rows);
    expect_verified(program_text("tensor<fp16, [" + repeated + "]> x",
                                 "    tensor<fp16, [" + shape +
                                     "]> k = const()[name = string(\"k\"), val = tensor<fp16, [" + shape +
                                     "]>([" + values + "])];\n    tensor<fp16, [" + repeated +
                                     "]> y = add(x = x, y = k)[name = string(\"y\")];\n",
                                 "y"));
  }
}

// x + silu(x) keeps x in L2 with the row stride that the copying task gives it, which from 16 rows on is
// another than a planar task's.
TEST_F(MlPrograms, SumsWithAFunctionOfTheSameTensor) {
  for (const std::string rows : {"1", "5", "32"}) {
    const std::string type = "tensor<fp16, [1, 24, " + rows + ", 9]>";
    expect_verified(program_text(type + " x",
                                 "    " + type + " s = silu(x = x)[name = string(\"s\")];\n    " + type +
                                     " y = add(x = x, y = s)[name = string(\"y\")];\n",
                                 "y"),
                    40);
  }
}

TEST_F(MlPrograms, EqualNumbersAreEqual) {
  expect_verified(
      program_text("tensor<fp16, [1, 16, 2, 2]> x",
                   "    tensor<fp16, [1, 16, 2, 2]> r = relu(x = x)[name = string(\"r\")];\n"
                   "    tensor<bool, [1, 16, 2, 2]> y = equal(x = r, y = x)[name = string(\"y\")];\n",
                   "y"),
      999);
}

// No captured program has a single pair of gain and offset; they are two scalars.
TEST_F(MlPrograms, GainAndOffsetOfOneChannel) {
  for (const std::string shape : {"[1, 1, 4, 4]", "[8]"}) {
    const std::string type = "tensor<fp16, " + shape + ">";
    expect_verified(program_text(type + " x",
                                 "    " + type +
                                     " y = linear_activation(alpha = fp16(-2), beta = fp16(3), x = x)[name = "
                                     "string(\"y\")];\n",
                                 "y"));
  }
}

TEST_F(MlPrograms, TruthsAreBytes) {
  expect_verified(
      program_text("tensor<bool, [1, 1, 64, 64]> x",
                   "    tensor<bool, [1, 1, 64, 64]> y = logical_not(x = x)[name = string(\"y\")];\n", "y"),
      999);
  EXPECT_EQ(sidecar().at("inputs").at(0).at("type"), "uint8");
  EXPECT_EQ(sidecar().at("outputs").at(0).at("type"), "uint8");
}

TEST_F(MlPrograms, UnusedInputsHaveNoSurface) {
  expect_verified(program_text("tensor<fp16, [1, 8]> unused, tensor<fp16, [1, 8]> x",
                               "    tensor<fp16, [1, 8]> y = relu(x = x)[name = string(\"y\")];\n", "y"));
}

TEST_F(MlPrograms, FloatsOfFp32ProgramsAreHalves) {
  expect_verified(program_text("tensor<fp32, [1, 8]> x",
                               "    fp32 k = const()[name = string(\"k\"), val = fp32(0.3)];\n"
                               "    tensor<fp32, [1, 8]> y = mul(x = x, y = k)[name = string(\"y\")];\n",
                               "y"),
                  50);
  EXPECT_EQ(sidecar().at("inputs").at(0).at("type"), "float32");
}

const std::string with_product =
    program_text("tensor<fp16, [1, 64, 64]> x",
                 "    tensor<fp16, [1, 64, 64]> y = matmul(x = x, y = x)[name = string(\"y\")];\n", "y");

TEST_F(MlPrograms, StagesAsFiles) {
  put_block("block/block.mil");
  Ran ran = run("coreml2hwx " + quoted(at("block/block.mil")) + " debug -o " + quoted(at("out")));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(fs::exists(at("out/espresso_ir_dump/net.plist")));
  EXPECT_TRUE(fs::exists(at("out/net.00_import.dot")));
  fs::remove_all(at("out"));
  // What a net.plist cannot say is left out, with a word of it.
  put("product/product.mil", with_product);
  ran = run("coreml2hwx " + quoted(at("product/product.mil")) + " debug -o " + quoted(at("out")));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_FALSE(fs::exists(at("out/espresso_ir_dump")));
  EXPECT_NE(ran.err.find("net.plist is left out"), std::string::npos) << ran.err;
  EXPECT_TRUE(fs::exists(at("out/tasks.dot")));
}

TEST_F(MlPrograms, BadPlistAskedForByName) {
  put("product/product.mil", with_product);
  const Ran ran =
      run("coreml2hwx -q " + quoted(at("product/product.mil")) + " --emit hwx,plist -o " + quoted(at("out")));
  expect_refused(ran, "plist");
  EXPECT_NE(ran.err.find("MatrixMultiplication"), std::string::npos) << ran.err;
  EXPECT_EQ(files_below(at("out")), std::vector<std::string>{});
}

TEST_F(MlPrograms, BadForOlderCompilers) {
  put("product/product.mil", with_product);
  const Ran ran = compile("product/product.mil", "--compat 5.4.1");
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.err.find("y (MatrixMultiplication)"), std::string::npos) << ran.err;
}

TEST_F(MlPrograms, BadText) {
  put_block("block/block.mil");
  const std::string good = contents(at("block/block.mil"));
  for (const size_t length : {size_t{8}, size_t{9}, good.size() / 3, good.size() / 2, good.size() - 3}) {
    put("block/short.mil", good.substr(0, length));
    expect_no_program("block/short.mil", "short.mil");
  }
  std::string noise = good;
  for (size_t i = 100; i < noise.size(); i += 7) noise[i] = static_cast<char>(0x80 + i % 100);
  put("block/noise.mil", noise);
  expect_no_program("block/noise.mil", "noise.mil");
}

TEST_F(MlPrograms, BadWeights) {
  put_block("block/block.mil");
  const std::string good = contents(at("block/weights/weight.bin"));
  for (const std::string& weights :
       {std::string(), good.substr(0, 64), good.substr(0, 130), std::string(200, '\xff')}) {
    put("block/weights/weight.bin", weights);
    expect_no_program("block/block.mil", "weight.bin");
  }
  fs::remove(at("block/weights/weight.bin"));
  expect_no_program("block/block.mil", "weight.bin");
}

TEST_F(MlPrograms, BadFunctions) {
  const std::string body = "    tensor<fp16, [1, 8]> y = relu(x = x)[name = string(\"y\")];\n";
  std::string other = program_text("tensor<fp16, [1, 8]> x", body, "y");
  other.replace(other.find("main"), 4, "else");
  put("other/other.mil", other);
  compiled("other/other.mil");  // the only one
  fs::remove_all(at("out"));
  std::string two = other;
  const size_t begin = two.find("  func"), end = two.rfind('}');
  std::string again = two.substr(begin, end - begin);
  again.replace(again.find("else"), 4, "more");
  expect_text_refused(two.insert(end, again), "none of which is called main");
}

TEST_F(MlPrograms, BadOperationsAreListed) {
  const std::string text =
      program_text("state<tensor<fp16, [1, 8]>> ids, tensor<fp16, [1, 8]> x",
                   "    tensor<fp16, [1, 8]> a = argsort(x = x)[name = string(\"running\")];\n"
                   "    tensor<fp16, [1, 8]> y = random_normal(x = a, y = x)[name = string(\"rest\")];\n",
                   "y");
  expect_text_refused(text, "input 'ids'");
  expect_text_refused(text, "operation 'running' (argsort, line 5)");
  expect_text_refused(text, "operation 'rest' (random_normal, line 6)");
}

// Shapes that ask for more than the engine, or the machine, has.
TEST_F(MlPrograms, BadSizes) {
  const std::string relu = "    tensor<fp16, [N]> y = relu(x = x)[name = string(\"y\")];\n";
  for (const std::string length : {"0", "20000", "4611686018427387904"}) {
    std::string text = program_text("tensor<fp16, [N]> x", relu, "y");
    for (size_t place = text.find("[N]"); place != std::string::npos; place = text.find("[N]"))
      text.replace(place + 1, 1, length);
    put("bad/bad.mil", text);
    expect_no_program("bad/bad.mil", "bad.mil");
  }
  expect_text_refused(
      program_text(
          "tensor<fp16, [1, 1, 1, 1]> x",
          "    tensor<int32, [4]> r = const()[name = string(\"r\"), val = tensor<int32, [4]>([1, 60000, "
          "16000, 16000])];\n"
          "    tensor<fp16, [1, 60000, 16000, 16000]> y = tile(reps = r, x = x)[name = string(\"y\")];\n",
          "y"),
      "bad.mil");
}

}  // namespace
}  // namespace ane::test
