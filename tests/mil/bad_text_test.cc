// Text that is damaged, hostile or not MIL at all: one Error each, which names the place and what is wrong.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "espresso/temporary_folder.h"
#include "mil/samples.h"
#include "mil/text.h"
#include "support/blob_builder.h"

namespace ane::mil {
namespace {

using test::program_of;
using test::program_with;
using test::TemporaryFolder;

// The error's text; empty when the program is read.
std::string error_of(const std::string& text, const std::filesystem::path& folder = "/nowhere") {
  try {
    read_text(text, "bad.mil", folder);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

void expect_error(const std::string& text, const std::string& part) {
  const std::string error = error_of(text);
  EXPECT_NE(error.find(part), std::string::npos) << text << "\n-> " << error;
  EXPECT_EQ(error.rfind("bad.mil: ", 0), 0u) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
}

// Statements of a function of two inputs, fp16 x and v, that gives y.
void expect_bad_statements(const std::string& statements, const std::string& part) {
  expect_error(program_of(statements, "tensor<fp16, [1, 4]> x, tensor<fp16, [1, 4]> v"), part);
}

void expect_bad_value(const std::string& type, const std::string& literal, const std::string& part) {
  expect_error(program_with(type, literal), part);
}

const char* const good = "tensor<fp16, [1, 4]> y = relu(x = x);";

TEST(BadText, PlaceFoundAndExpected) {
  expect_error("program(1.3)\n{\n  func main<ios17>(fp16 x) {\n    fp16 y = relu(x = x]; } -> (y); }",
               "line 4, column 24: expected ')', found ']'");
  expect_error("program(1.3) {", "line 1, column 15: expected 'func', found the end of the file");
  expect_error("", "line 1, column 1: expected 'program', found the end of the file");
}

TEST(BadText, EveryTruncation) {
  const std::string text = program_with("tensor<fp16, [1, 2]>", "[[0x1p+0, -0.5]]");
  ASSERT_EQ(error_of(text), "");
  for (size_t size = 0; size < text.size(); ++size) EXPECT_NE(error_of(text.substr(0, size)), "") << size;
}

// Any byte replaced: read or refused, nothing else.
TEST(BadText, EveryByteReplaced) {
  const std::string text = program_with("dict<string, list<int8, ?>>", R"({{"a\"b", [1, -2]}, {"", []}})");
  ASSERT_EQ(error_of(text), "");
  for (size_t i = 0; i < text.size(); ++i)
    for (const char c : {'\0', '"', '\\', '[', '}', '9', '-', '>', '\xff', ' '}) {
      std::string changed = text;
      changed[i] = c;
      error_of(changed);
    }
}

TEST(BadText, OtherFiles) {
  expect_error("{\"layers\": []}", "expected 'program', found '{'");
  expect_error("version https://git-lfs.github.com/spec/v1\n", "expected 'program', found 'version'");
  expect_error(std::string("\x08\x07\x12\x00", 4), "'\\x08' has no place");
  expect_error("program(1.1) {}", "is MIL text of version 1.1; known are 1.0 and 1.3");
  expect_error("program(one) {}", "expected a version");
  expect_error("program(1.3) {}", "has no functions");
  expect_error(program_of(good) + "}", "expected the end of the file, found '}'");
}

TEST(BadText, Comments) {
  for (const char* comment : {"// no", "/* no */", "# no"})
    expect_bad_statements(std::string(comment) + "\n" + good, "comments are not part of MIL text");
}

TEST(BadText, Names) {
  expect_bad_statements("tensor<fp16, [1, 4]> y = relu(x = w);",
                        "line 4, operation 'y' (relu): uses 'w', which nothing before it defines");
  expect_bad_statements("tensor<fp16, [1, 4]> y = relu(x = z);\ntensor<fp16, [1, 4]> z = relu(x = x);",
                        "uses 'z'");
  expect_bad_statements("tensor<fp16, [1, 4]> y = relu(x = y);", "uses 'y'");
  expect_bad_statements("tensor<fp16, [1, 4]> y = concat(values = (x, w));", "uses 'w'");
  expect_bad_statements("tensor<fp16, [1, 4]> x = relu(x = x);", "defines 'x', which is there already");
  expect_bad_statements("fp16 y, fp16 y = split(x = x);", "defines 'y', which is there already");
  expect_bad_statements("", "function main: gives 'y', which nothing defines");
  expect_error(program_of(good, "fp16 x, fp16 x"), "defines 'x', which is there already");
  expect_bad_statements("tensor<fp16, [1, 4]> 2y = relu(x = x);", "expected a name, found '2y'");
  const std::string twice = "func f<ios17>(fp16 x) { } -> (x); ";
  expect_error("program(1.3) {" + twice + twice + "}", "function f is there twice");
  // Other functions' names are not seen.
  expect_error("program(1.3) {" + twice + "func g<ios17>(fp16 z) { } -> (x); }", "gives 'x'");
}

TEST(BadText, Operations) {
  expect_bad_statements("tensor<fp16, [1, 4]> y = add(x = x, x = v);", "gives x twice");
  expect_bad_statements("tensor<fp16, [1, 4]> y = relu(x = x)[a = fp16(1), a = fp16(1)];",
                        "gives attribute a twice");
  expect_bad_statements("tensor<fp16, [1, 4]> y = relu(x = ());", "expected a name or a typed value");
  expect_bad_statements("tensor<fp16, [1, 4]> y = relu(x = ((x)));", "expected a name or a typed value");
  expect_bad_statements("tensor<fp16, [1, 4]> y = relu(x = 1.0);", "expected a name or a typed value");
  expect_bad_statements("tensor<fp16, [1, 4]> y = relu(x = x)", "expected ';'");
  expect_bad_statements("fp16 y = const()[val = fp32(1)];", "has a value of type fp32 where fp16 must be");
  expect_bad_statements("fp16 y = const();", "must have a value, val, and one output");
  expect_bad_statements("tensor<fp16, [1, 4]> y = cond(pred = x) { };", "how blocks inside operations look");
  expect_bad_statements("tensor<fp16, [1, 4]> y = while_loop(x = x);", "how blocks inside operations look");
}

TEST(BadText, Types) {
  expect_bad_value("fp17", "1", "expected a type, found 'fp17'");
  expect_bad_value("tensor<fp16>", "1", "expected ','");
  expect_bad_value("tensor<tensor<fp16, []>, []>", "1", "expected an element type, found 'tensor'");
  expect_bad_value("tensor<fp16, [-1]>", "1", "expected a dimension, found '-1'");
  expect_bad_value("tensor<fp16, [1.5]>", "1", "expected a dimension, found '1.5'");
  expect_bad_value("tensor<fp16, [99999999999999999999]>", "1", "expected a dimension");
  expect_bad_value("tensor<fp16, [1099511627776, 2]>", "1", "has too many elements");
  expect_bad_value("tensor<fp16, [0, 4294967296, 4294967296]>", "1", "has too many elements");
  expect_bad_value("state<fp16>", "1", "a state has no value");
  std::string deep, ranks = "1";
  for (int i = 0; i < 100000; ++i) deep += "list<";
  expect_bad_value(deep, "[]", "types are nested too deep");
  for (int i = 0; i < 20; ++i) ranks += ", 1";
  expect_bad_value("tensor<fp16, [" + ranks + "]>", "1", "dimensions; more than 16 are not supported");
}

TEST(BadText, Counts) {
  expect_bad_value("tensor<int32, [2]>", "[1]", "expected 2 elements, found 1");
  expect_bad_value("tensor<int32, [2]>", "[1, 2, 3]", "expected 2 elements, found more");
  expect_bad_value("tensor<int32, [2, 2]>", "[[1, 2], [3]]", "expected 2 elements, found 1");
  expect_bad_value("tensor<int32, [2, 2]>", "[1, 2, 3, 4]", "expected '[', found '1'");
  expect_bad_value("tensor<int32, [2]>", "[[1], [2]]", "expected an integer, found '['");
  expect_bad_value("tensor<int32, [2, ?]>", "[[1, 2], [3]]", "expected 2 elements, found 1");
  expect_bad_value("tensor<int32, [2, ?]>", "[[1], [2, 3]]", "expected 1 elements, found more");
  expect_bad_value("tensor<int32, [?, ?]>", "[[1]]", "leaves more open than the value can tell");
  expect_bad_value("tensor<int32, [?, 0]>", "[[]]", "leaves more open than the value can tell");
  expect_bad_value("tensor<uint4, [?]>", "[1]", "leaves more open than the value can tell");
  expect_bad_value("tensor<int32, [1099511627776, 0]>", "[[]]", "too large dimensions for no elements");
  expect_bad_value("int32", "[1]", "expected an integer");
  expect_bad_value("list<int32, 2>", "[1]", "expected 2 elements, found 1");
  expect_bad_value("tuple<int32, bool>", "(1)", "expected ','");
  expect_bad_value("tuple<int32>", "(1, 2)", "expected ')'");
  expect_bad_value("dict<int32, bool>", "{1, true}", "expected '{'");
  expect_bad_value("tensor<string, [2]>", "[\"a\"]", "expected 2 elements, found 1");
}

TEST(BadText, Numbers) {
  for (const char* text :
       {"0x", "--1", "1.2.3", "1e", "0x1p", "-", "abc", "true", "\"1\"", "-nano", "0x-1p+0", "1_000"})
    expect_bad_value("fp16", text, "line 4, column");
  expect_bad_value("fp64", "1e999", "beyond the range of fp64");
  expect_bad_value("fp16", "1e-999", "beyond the range of fp64");
  for (const char* text : {"1.0", "0x10", "-", "inf", "1e3", "true"})
    expect_bad_value("int32", text, "expected an integer");
  expect_bad_value("bool", "1", "expected true or false");
  for (const auto& [type, text] :
       std::vector<std::pair<const char*, const char*>>{{"int8", "128"},
                                                        {"int8", "-129"},
                                                        {"uint8", "256"},
                                                        {"uint8", "-1"},
                                                        {"uint1", "2"},
                                                        {"uint3", "8"},
                                                        {"int4", "8"},
                                                        {"int64", "9223372036854775808"},
                                                        {"uint64", "18446744073709551616"}})
    expect_bad_value(type, text, fmt::format("a number is beyond the range of {}", type));
}

TEST(BadText, Strings) {
  expect_bad_value("string", "\"open", "a string begins here that does not end");
  expect_bad_value("string", "\"open\\", "a string begins here that does not end");
  expect_bad_value("string", R"("\n")", "the unknown escape '\\n'");
  expect_bad_value("string", "name", "expected a string, found 'name'");
  // Not UTF-8: a lone continuation, a cut character, overlong forms, a surrogate, beyond U+10FFFF.
  for (const char* text :
       {"\x80", "\xe2\x82", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"})
    expect_bad_value("string", fmt::format("\"{}\"", text), "a string is not UTF-8");
}

// Each part of the list would hold a copy of a large type.
TEST(BadText, ManyPartsOfLargeTypes) {
  std::string parts = "fp16", empties = "[]";
  for (int i = 0; i < 2000; ++i) parts += ", fp16";
  for (int i = 0; i < 2000; ++i) empties += ", []";
  expect_bad_value("list<list<tuple<" + parts + ">, ?>, ?>", "[" + empties + "]",
                   "lists and dictionaries are too long");
}

// ---- Weight files ----

std::string blob(const std::string& path, const std::string& offset = "64") {
  return fmt::format("BLOBFILE(path = string(\"{}\"), offset = uint64({}))", path, offset);
}

TEST(BadText, PathsThatLeaveTheFolder) {
  for (const char* path : {"@model_path/../w.bin", "@model_path/weights/../../w.bin", "@model_path/.."})
    expect_bad_value("tensor<fp16, [1]>", blob(path), "leads out of the model's folder");
  for (const char* path : {"/etc/passwd", "weights/w.bin", "@model_path", "", "@model_pathology/w.bin"})
    expect_bad_value("tensor<fp16, [1]>", blob(path), "does not begin with @model_path/");
  for (const char* path :
       {"@model_path/", "@model_path//etc/passwd", "@model_path/./w.bin", "@model_path/weights/"})
    expect_bad_value("tensor<fp16, [1]>", blob(path), "has an empty name in it");
}

TEST(BadText, BlobReferences) {
  const std::string path = "@model_path/w.bin";
  expect_bad_value("tensor<bool, [1]>", blob(path), "cannot lie in a weight file");
  expect_bad_value("tensor<string, [1]>", blob(path), "cannot lie in a weight file");
  expect_bad_value("tensor<fp16, [?]>", blob(path), "cannot lie in a weight file");
  expect_bad_value("list<fp16, 1>", blob(path), "cannot lie in a weight file");
  expect_bad_value("fp16", "BLOBFILE(offset = uint64(64))", "expected 'path'");
  expect_bad_value("fp16", "BLOBFILE(path = uint64(64), offset = uint64(64))", "a path is a string");
  expect_bad_value("fp16", "BLOBFILE(path = string(\"@model_path/w\"), offset = fp16(64))",
                   "an offset is a uint64");
  expect_bad_value("fp16", "BLOBFILE(path = string(" + blob(path) + "), offset = uint64(64))",
                   "expected a string");
}

TEST(BadText, WeightsThatAreNotThere) {
  const TemporaryFolder folder;
  const std::string text = program_with("tensor<fp16, [2, 2]>", blob("@model_path/weights/weight.bin"));
  EXPECT_NE(error_of(text, folder.path()).find("weight.bin: cannot open"), std::string::npos);
  std::filesystem::create_directory(folder.path() / "weights");
  test::BlobBuilder blobs;
  blobs.add(1, Bytes(6));
  write_file(folder.path() / "weights/weight.bin", blobs.bytes());
  const std::string error = error_of(text, folder.path());
  EXPECT_NE(error.find("holds 6 bytes of fp16 where tensor<fp16, [2, 2]> must be"), std::string::npos)
      << error;
}

TEST(BadText, PrinterRefusesWhatTextCannotHold) {
  Program program = read_text(program_of(good), "bad.mil", "/nowhere");
  program.functions[0].block.operations[0].blocks.emplace_back();
  EXPECT_THROW(print_text(program), Error);
  program = read_text(program_of(good), "bad.mil", "/nowhere");
  program.functions[0].block.operations[0].outputs[0].name = "past.key";
  EXPECT_THROW(print_text(program), Error);
}

}  // namespace
}  // namespace ane::mil
