// The grammar of textual MIL: each form that is known, and that it comes out of the printer as it went in.
#include "mil/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/file.h"
#include "espresso/temporary_folder.h"
#include "mil/equality.h"
#include "mil/samples.h"
#include "support/blob_builder.h"

namespace ane::mil {
namespace {

using test::program_of;
using test::program_with;
using test::TemporaryFolder;

Program read(const std::string& text) {
  return read_text(text, "test.mil", "/nowhere");
}

// The value of constant c.
Value constant(const std::string& type, const std::string& literal) {
  return *read(program_with(type, literal)).functions[0].block.operations[0].attribute("val");
}

void expect_round_trip(const std::string& text, const std::filesystem::path& folder = "/nowhere") {
  const Program first = read_text(text, "first.mil", folder);
  const std::string printed = print_text(first);
  const Program second = read_text(printed, "second.mil", folder);
  EXPECT_TRUE(test::equal(first, second)) << printed;
  EXPECT_EQ(print_text(second), printed);
}

// ---- Programs as coremlc writes them: printed back to the letter ----

TEST(Text, Version13) {
  const std::string text = R"mil(program(1.3)
[buildInfo = dict<string, string>({{"coremlc-version", "3520.5.1"}, {"empty", ""}})]
{
    func main<ios17>(tensor<fp16, [1, 3, 8, 8]> img) {
            string pt = const()[name = string("pt"), val = string("custom")];
            tensor<int32, [2]> st = const()[name = string("st"), val = tensor<int32, [2]>([2, 2])];
            tensor<fp16, [1, 1, 2, 2]> k = const()[name = string("k"), val = tensor<fp16, [1, 1, 2, 2]>([[[[0x1p+0, -0x1.8p-3], [0x0p+0, 0x1p-24]]]])];
            bool flag = const()[name = string("flag"), val = bool(true)];
            tensor<fp16, [1, 4, 4, 4]> c = conv(pad_type = pt, strides = st, weight = k, x = img)[name = string("c")];
            tensor<fp16, [1, 4, 4, 4]> y = relu(x = c);
        } -> (y);
})mil";
  const Program program = read(text);
  EXPECT_EQ(print_text(program), text);

  EXPECT_EQ(program.version, "1.3");
  ASSERT_EQ(program.attributes.size(), 1u);
  EXPECT_EQ(program.attributes[0].value->parts[1].string(), "3520.5.1");
  const Function& main = *program.find("main");
  EXPECT_EQ(main.opset, "ios17");
  ASSERT_EQ(main.inputs.size(), 1u);
  EXPECT_EQ(main.inputs[0].name, "img");
  EXPECT_EQ(main.inputs[0].type.shape, (std::vector<int64_t>{1, 3, 8, 8}));
  EXPECT_EQ(main.block.outputs, (std::vector<std::string>{"y"}));
  ASSERT_EQ(main.block.operations.size(), 6u);

  const Operation& k = main.block.operations[2];
  EXPECT_EQ(k.type, "const");
  EXPECT_EQ(k.line, 7);
  EXPECT_EQ(k.attribute("val")->floats(), (std::vector<float>{1, -0.1875, 0, 0x1p-24f}));
  const Operation& conv = main.block.operations[4];
  EXPECT_EQ(conv.label(), "c");
  ASSERT_EQ(conv.inputs.size(), 4u);
  EXPECT_EQ(conv.inputs[0].parameter, "pad_type");
  EXPECT_EQ(conv.find("x")->bindings[0].name, "img");
  EXPECT_FALSE(conv.find("x")->tuple);
  EXPECT_TRUE(main.block.operations[5].attributes.empty());
}

TEST(Text, Version10) {
  const std::string text = R"mil(program(1.0)
[buildInfo = dict<tensor<string, []>, tensor<string, []>>({{"coremlc-version", "3402.4.1"}})]
{
    func main<ios16>(tensor<fp16, [1, 10]> x, tensor<fp16, [1, 10]> y) {
            tensor<string, []> t = const()[name = tensor<string, []>("t"), val = tensor<string, []>("fp16")];
            tensor<fp16, []> e = const()[name = tensor<string, []>("e"), val = tensor<fp16, []>(0x1.5p-17)];
            tensor<fp16, [1, 10]> var_3 = mul(x = x, y = y)[name = tensor<string, []>("op_3_cast_fp16")];
        } -> (var_3);
})mil";
  const Program program = read(text);
  EXPECT_EQ(print_text(program), text);
  EXPECT_EQ(program.version, "1.0");
  EXPECT_EQ(program.functions[0].block.operations[0].attribute("val")->string(), "fp16");
  EXPECT_EQ(program.functions[0].block.operations[2].label(), "op_3_cast_fp16");
}

// Files written by other tools mix the two spellings of scalars; they mean the same.
TEST(Text, BothSpellingsOfScalarsInOneFile) {
  const std::string text = program_of(R"mil(
    string a = const()[name = tensor<string, []>("a"), val = tensor<string, []>("valid")];
    tensor<fp16, []> b = const()[name = string("b"), val = fp16(0.5)];
    tensor<fp16, [1, 4]> y = mul(x = x, y = b)[name = string("y")];)mil");
  const Program program = read(text);
  const auto& operations = program.functions[0].block.operations;
  EXPECT_EQ(operations[0].outputs[0].type, operations[0].attribute("val")->type);
  EXPECT_TRUE(operations[0].outputs[0].type.scalar_spelling);
  EXPECT_FALSE(operations[1].outputs[0].type.scalar_spelling);
  EXPECT_EQ(operations[1].attribute("val")->number(), 0.5f);
  expect_round_trip(text);
}

// As coremlc prints them for ranges and for enumerations of shapes.
TEST(Text, FlexibleShapes) {
  const std::string text = R"mil(program(1.3)
[buildInfo = dict<string, string>({})]
{
    func first<ios18>(tensor<fp32, [?, 4]> input) [FlexibleShapeInformation = tuple<tuple<string, dict<string, tensor<int32, [?]>>>, tuple<string, dict<string, list<tensor<int32, [2]>, ?>>>>((("DefaultShapes", {{"input", [1, 4]}}), ("RangeDims", {{"input", [[1, 4], [4, 4]]}})))] {
            tensor<fp32, [?, 4]> output = relu(x = input);
        } -> (output);
    func second<ios18>(tensor<fp32, [?]> input) [FlexibleShapeInformation = tuple<tuple<string, dict<string, tensor<int32, [?]>>>, tuple<string, dict<string, dict<string, tensor<int32, [?]>>>>>((("DefaultShapes", {{"input", [4]}}), ("EnumeratedShapes", {{"543d0f94", {{"input", [1]}}}, {"9e38c1a4", {{"input", [4]}}}})))] {
            tensor<fp32, [?]> output = relu(x = input);
        } -> (output);
})mil";
  const Program program = read(text);
  EXPECT_EQ(print_text(program), text);
  ASSERT_EQ(program.functions.size(), 2u);
  EXPECT_EQ(program.functions[0].inputs[0].type.shape, (std::vector<int64_t>{unknown_dimension, 4}));
  const Value& info = *program.functions[0].attributes[0].value;
  ASSERT_EQ(info.parts.size(), 2u);
  const Value& ranges = info.parts[1].parts[1];
  EXPECT_EQ(ranges.parts[0].string(), "input");
  EXPECT_EQ(ranges.parts[1].parts[1].integers(), (std::vector<int64_t>{4, 4}));
  EXPECT_EQ(info.parts[0].parts[1].parts[1].integers(), (std::vector<int64_t>{1, 4}));
}

TEST(Text, TuplesSeveralOutputsAndStates) {
  const std::string text = program_of(
      R"mil(            tensor<fp16, [1, 2]> a, tensor<fp16, [1, 2]> b = split(axis = int32(-1), num_splits = int32(2), x = x);
            tensor<fp16, [1, 4]> s = read_state(input = kept);
            tensor<fp16, [1, 4]> c = concat(axis = int32(-1), interleave = bool(false), values = (a, b));
            write_state(data = c, input = kept);
            tensor<fp16, [1, 4]> y = add(x = c, y = tensor<fp16, [1, 4]>([[0x1p+0, 0x1p+1, 0x0p+0, -0x0p+0]]));)mil",
      "tensor<fp16, [1, 4]> x, state<tensor<fp16, [1, 4]>> kept");
  const Program program = read(text);
  EXPECT_EQ(print_text(program), text);
  const auto& operations = program.functions[0].block.operations;
  ASSERT_EQ(operations[0].outputs.size(), 2u);
  EXPECT_EQ(operations[0].outputs[1].name, "b");
  EXPECT_EQ(operations[0].find("axis")->bindings[0].value->integer(), -1);
  const Argument& values = *operations[2].find("values");
  EXPECT_TRUE(values.tuple);
  ASSERT_EQ(values.bindings.size(), 2u);
  EXPECT_EQ(values.bindings[1].name, "b");
  EXPECT_TRUE(operations[3].outputs.empty());
  EXPECT_EQ(operations[3].label(), "write_state");
  EXPECT_EQ(operations[4].find("y")->bindings[0].value->floats(), (std::vector<float>{1, 2, 0, 0}));
  EXPECT_EQ(program.functions[0].inputs[1].type.kind, Type::Kind::State);
}

// Up to ios17 constexpr operations carry their operands as attributes.
TEST(Text, ConstexprAttributes) {
  const std::string text = program_of(
      R"mil(            tensor<fp32, [4]> w = constexpr_affine_dequantize()[axis = int32(0), quantized_data = tensor<int8, [4]>([-128, 127, 0, 1]), scale = fp32(0x1p-1), zero_point = int8(-1)];
            tensor<fp32, [4]> y = add(x = x, y = w);)mil",
      "tensor<fp32, [4]> x");
  const Program program = read(text);
  EXPECT_EQ(print_text(program), text);
  EXPECT_EQ(program.functions[0].block.operations[0].attribute("quantized_data")->integers(),
            (std::vector<int64_t>{-128, 127, 0, 1}));
}

// ---- Layout is free ----

TEST(Text, WhiteSpaceDoesNotMatter) {
  const Program wide = read(
      "program ( 1.3 )\n{ func main < ios18 > (\n\ttensor < fp16 , [ 1,4 ] > x\r\n) {\n"
      "tensor<fp16,[1,4]> y=add(x=x,\n y=x)[name=string(\"y\")] ; } -> ( y ) ; }\n\n");
  const Program narrow = read(
      "program(1.3){func main<ios18>(tensor<fp16,[1,4]>x){tensor<fp16,[1,4]>y=add(x=x,"
      "y=x)[name=string(\"y\")];}->(y);}");
  EXPECT_TRUE(test::equal(wide, narrow));
  EXPECT_EQ(wide.functions[0].block.operations[0].line, 5);
}

// A value may be called like a type: what follows tells them apart.
TEST(Text, NamesLikeTypes) {
  const std::string text = program_of(
      "tensor<fp16, [1, 4]> fp16 = relu(x = tensor);\n"
      "tensor<fp16, [1, 4]> y = add(x = fp16, y = fp16(1));",
      "tensor<fp16, [1, 4]> tensor");
  const Program program = read(text);
  const auto& operations = program.functions[0].block.operations;
  EXPECT_EQ(operations[0].find("x")->bindings[0].name, "tensor");
  EXPECT_EQ(operations[1].find("x")->bindings[0].name, "fp16");
  EXPECT_EQ(operations[1].find("y")->bindings[0].value->number(), 1.0f);
}

// ---- Numbers ----

TEST(Text, Floats) {
  const auto half = [](const std::string& literal) { return constant("fp16", literal).number(); };
  EXPECT_EQ(half("0x1.8p-3"), 0.1875f);
  EXPECT_EQ(half("-0X1P+4"), -16.0f);
  EXPECT_EQ(half("1"), 1.0f);
  EXPECT_EQ(half("0.125"), 0.125f);
  EXPECT_EQ(half("-1.5e2"), -150.0f);
  EXPECT_EQ(half("5.9604644775390625e-08"), 0x1p-24f);
  EXPECT_EQ(half("inf"), std::numeric_limits<float>::infinity());
  EXPECT_EQ(half("-inf"), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(half("65520"), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(half("nan")));
  EXPECT_EQ(constant("fp32", "0.1").number(), 0.1f);
  EXPECT_EQ(constant("fp32", "0x1.99999ap-4").number(), 0.1f);
  EXPECT_EQ(constant("bf16", "3.140625").number(), 3.140625f);
  EXPECT_EQ(constant("fp64", "0x1.fffffffffffffp+1023").bytes[7], 0x7f);
}

// 1.00048828125 is halfway between two halfs; a little above it must round up, though not by way of float.
TEST(Text, HalvesAreRoundedOnce) {
  EXPECT_EQ(constant("fp16", "1.00048828125").number(), 1.0f);
  EXPECT_EQ(constant("fp16", "1.000488281251").number(), 1.0009765625f);
  EXPECT_EQ(constant("fp16", "0x1.002000001p+0").number(), 1.0009765625f);
}

TEST(Text, Integers) {
  EXPECT_EQ(constant("int8", "-128").integer(), -128);
  EXPECT_EQ(constant("int64", "-9223372036854775808").integer(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(constant("uint64", "18446744073709551615").bytes[7], 0xff);
  EXPECT_EQ(constant("tensor<uint3, [5]>", "[1, 2, 3, 4, 5]").integers(),
            (std::vector<int64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(constant("tensor<int4, [2]>", "[-8, 7]").bytes[0], 0x78);
  EXPECT_EQ(constant("tensor<bool, [3]>", "[true, false, true]").integers(), (std::vector<int64_t>{1, 0, 1}));
}

TEST(Text, RowMajor) {
  const Value value = constant("tensor<int32, [2, 3]>", "[[1, 2, 3], [4, 5, 6]]");
  EXPECT_EQ(value.integers(), (std::vector<int64_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(value.bytes.size(), 24u);
  EXPECT_EQ(constant("tensor<int32, [0]>", "[]").count(), 0);
  EXPECT_EQ(constant("tensor<int32, [2, 0]>", "[[], []]").count(), 0);
  EXPECT_EQ(constant("tensor<int32, [2, ?]>", "[[1], [2]]").count(), 2);
}

TEST(Text, Strings) {
  EXPECT_EQ(constant("string", R"("a \"b\" \\ c")").string(), "a \"b\" \\ c");
  EXPECT_EQ(constant("tensor<string, [2]>", R"(["", "ü, €, 😀"])").strings[1], "ü, €, 😀");
  EXPECT_EQ(constant("string", "\"two\nlines\"").string(), "two\nlines");
}

TEST(Text, EveryValueComesBack) {
  for (const auto& [type, literal] : std::vector<std::pair<std::string, std::string>>{
           {"fp16", "0x1.ffcp+15"},
           {"tensor<fp16, [4]>", "[-0, inf, -inf, 0x1p-24]"},
           {"fp32", "1e-45"},
           {"fp64", "5e-324"},
           {"tensor<fp8e4m3fn, [3]>", "[448, 0.001953125, -1.125]"},
           {"fp8e5m2", "57344"},
           {"bf16", "0x1.02p-126"},
           {"tensor<uint6, [3]>", "[63, 0, 33]"},
           {"tensor<uint1, [9]>", "[1, 0, 1, 1, 0, 0, 0, 1, 1]"},
           {"tensor<uint16, [1, 2, 1]>", "[[[65535], [0]]]"},
           {"tensor<int16, [?]>", "[-32768, 32767]"},
           {"list<string, 2>", R"(["a", "\\\""])"},
           {"list<tensor<int32, [2]>, ?>", "[]"},
           {"tuple<string, list<list<bool, ?>, ?>>", R"(("x", [[true], [], [false, true]]))"},
           {"dict<string, dict<int32, fp16>>", R"({{"a", {{1, 0.5}, {2, -1}}}, {"b", {}}})"}})
    expect_round_trip(program_with(type, literal));
}

// ---- Weight files ----

TEST(Text, WeightFiles) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "weights");
  test::BlobBuilder blobs;
  const Bytes halves{0x00, 0x3c, 0x00, 0xc0};
  const uint64_t offset = blobs.add(1, halves);
  write_file(folder.path() / "weights" / "w.bin", blobs.bytes());

  for (
      const char* text :
      {R"mil(            tensor<fp16, [2, 1]> w = const()[val = tensor<fp16, [2, 1]>(BLOBFILE(path = string("@model_path/weights/w.bin"), offset = uint64(64)))];
            tensor<fp16, [1, 4]> y = relu(x = x);)mil",
       R"mil(            tensor<fp16, [2, 1]> w = const()[val = tensor<fp16, [2, 1]>(BLOBFILE(path = tensor<string, []>("@model_path/weights/w.bin"), offset = tensor<uint64, []>(64)))];
            tensor<fp16, [1, 4]> y = relu(x = x);)mil"}) {
    const std::string version =
        std::string_view(text).find("= string") == std::string_view::npos ? "1.0" : "1.3";
    const std::string program = program_of(text, "tensor<fp16, [1, 4]> x", version);
    write_file(folder.path() / "model.mil", program);
    const Program read = read_text(folder.path() / "model.mil");
    EXPECT_EQ(print_text(read), program);
    const Value& value = *read.functions[0].block.operations[0].attribute("val");
    EXPECT_EQ(value.floats(), (std::vector<float>{1, -2}));
    ASSERT_TRUE(value.blob);
    EXPECT_EQ(value.blob->path, "@model_path/weights/w.bin");
    EXPECT_EQ(value.blob->offset, offset);
  }
}

// Values are views of the mapped file: they outlive the program and the file's name.
TEST(Text, WeightsStayMapped) {
  const TemporaryFolder folder;
  test::BlobBuilder blobs;
  blobs.add(3, Bytes{7, 8});
  write_file(folder.path() / "w.bin", blobs.bytes());
  ValuePointer kept;
  {
    const Program program =
        read_text(program_with("tensor<uint8, [2]>",
                               "BLOBFILE(path = string(\"@model_path/w.bin\"), offset = uint64(64))"),
                  "test.mil", folder.path());
    kept = program.functions[0].block.operations[0].attributes[0].value;
  }
  std::filesystem::remove(folder.path() / "w.bin");
  EXPECT_EQ(kept->integers(), (std::vector<int64_t>{7, 8}));
}

}  // namespace
}  // namespace ane::mil
