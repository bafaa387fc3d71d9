// ML Programs as text through the programs: what their tests share.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/half.h"
#include "driver/shell.h"
#include "support/blob_builder.h"

namespace ane::test {

namespace fs = std::filesystem;
using nlohmann::json;

inline std::string program_text(const std::string& inputs, const std::string& body,
                                const std::string& outputs) {
  return "program(1.3)\n[buildInfo = dict<string, string>({})]\n{\n  func main<ios18>(" + inputs + ") {\n" +
         body + "  } -> (" + outputs + ");\n}\n";
}

// y = relu(conv(x) + x), with weights in a file beside: 1 from each channel to the next, 2 in front.
inline std::string block_text(uint64_t weight) {
  return program_text("tensor<fp16, [1, 2, 4, 4]> x",
                      "    tensor<fp16, [2, 2, 1, 1]> w = const()[name = string(\"w\"), val = tensor<fp16, "
                      "[2, 2, 1, 1]>(BLOBFILE("
                      "path = string(\"@model_path/weights/weight.bin\"), offset = uint64(" +
                          std::to_string(weight) +
                          ")))];\n"
                          "    string pt = const()[name = string(\"pt\"), val = string(\"valid\")];\n"
                          "    tensor<fp16, [1, 2, 4, 4]> c = conv(pad_type = pt, weight = w, x = x)[name = "
                          "string(\"mix\")];\n"
                          "    tensor<fp16, [1, 2, 4, 4]> s = add(x = c, y = x)[name = string(\"sum\")];\n"
                          "    tensor<fp16, [1, 2, 4, 4]> y = relu(x = s)[name = string(\"positive\")];\n",
                      "y");
}

class MlPrograms : public testing::Test {
 protected:
  fs::path at(const std::string& name) const { return folder_.path() / name; }
  void put(const std::string& name, const std::string& text) {
    fs::create_directories(at(name).parent_path());
    folder_.put(name, text);
  }

  // The block above as `name` with its weights.
  void put_block(const std::string& name) {
    BlobBuilder blob;
    std::vector<Half> weights;
    for (const float value : {0.0f, 1.0f, 2.0f, 0.0f}) weights.push_back(to_half(value));
    const auto* bytes = reinterpret_cast<const uint8_t*>(weights.data());
    const uint64_t weight = blob.add(1, ByteSpan(bytes, weights.size() * 2));
    put(name, block_text(weight));
    const fs::path beside = fs::path(name).parent_path() / "weights/weight.bin";
    put(beside.string(), {reinterpret_cast<const char*>(blob.bytes().data()), blob.bytes().size()});
  }

  Ran compile(const std::string& name, const std::string& options = "") {
    return run("coreml2hwx -q --json " + quoted(at(name)) + " -o " + quoted(at("out")) + " " + options);
  }
  json compiled(const std::string& name, const std::string& options = "") {
    const Ran ran = compile(name, options);
    EXPECT_EQ(ran.status, 0) << ran.err;
    return ran.status == 0 ? json::parse(ran.out) : json();
  }
  json sidecar() const { return json::parse(contents(at("out/model.json"))); }

  // Compiled and verified; every output agrees.
  void expect_verified(const std::string& text, double least_db = 60, const std::string& options = "") {
    put("one/one.mil", text);
    const json result = compiled("one/one.mil", "--verify " + options);
    for (const json& output : result.at("verify").at("outputs"))
      EXPECT_GE(output.at("snr_db").get<double>(), least_db) << text;
  }

  void expect_no_program(const std::string& name, const std::string& words) {
    const Ran ran = run("coreml2hwx -q " + quoted(at(name)) + " -o " + quoted(at("out")));
    expect_refused(ran, words);
    EXPECT_NE(ran.err.find(words), std::string::npos) << ran.err;
    EXPECT_EQ(files_below(at("out")), std::vector<std::string>{});
  }
  void expect_text_refused(const std::string& text, const std::string& words) {
    put("bad/bad.mil", text);
    expect_no_program("bad/bad.mil", words);
  }

  TemporaryFolder folder_;
};

}  // namespace ane::test
