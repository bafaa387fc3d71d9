// Pipelines: which network is compiled, and what is said of the rest.
#include <nlohmann/json.hpp>

#include "driver/shell.h"
#include "support/evidence.h"
#include "support/model_builder.h"

namespace ane::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// y = x + `offset`
spec::Model network(float offset) {
  ModelBuilder model;
  model.array_input("x", {4, 3, 5});
  model.layer("y", {"x"})->mutable_add()->set_alpha(offset);
  model.array_output("y");
  return model.proto();
}

class Pipelines : public testing::Test {
 protected:
  Pipelines() { model_.set_specificationversion(3); }

  spec::Model* add(const std::string& name) {
    spec::Pipeline* pipeline = model_.mutable_pipeline();
    pipeline->add_names(name);
    return pipeline->add_models();
  }
  fs::path at(const std::string& name) const { return folder_.path() / name; }
  fs::path saved() const {
    folder_.put("p.mlmodel", model_.SerializeAsString());
    return at("p.mlmodel");
  }
  Ran compile(const fs::path& model, const std::string& options = "") const {
    return run("coreml2hwx --json --verify " + quoted(model) + " -o " + quoted(at("out")) + " " + options);
  }
  std::string program_of(const spec::Model& model) const {
    folder_.put("single.mlmodel", model.SerializeAsString());
    EXPECT_EQ(compile(at("single.mlmodel")).status, 0);
    return contents(at("out/model.hwx"));
  }
  void expect_refusal(const Ran& ran, const std::string& words) const {
    EXPECT_EQ(ran.status, 1);
    EXPECT_NE(ran.err.find(words), std::string::npos) << ran.err;
  }

  spec::Model model_;
  TemporaryFolder folder_;
};

TEST_F(Pipelines, TheOnlyNetworkIsCompiledAndTheRestNamed) {
  add("scale")->mutable_scaler();
  *add("net") = network(0.5f);
  add("boxes")->mutable_nonmaximumsuppression();
  const std::string single = program_of(network(0.5f));
  const Ran ran = compile(saved());
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(contents(at("out/model.hwx")), single);
  EXPECT_NE(
      ran.err.find("left out: scale (scaler), which runs before it, boxes (nonMaximumSuppression), which "
                   "runs behind it"),
      std::string::npos)
      << ran.err;
  const json expected = json::parse(R"({"name": "net", "type": "neuralNetwork", "left_out": [
      {"name": "scale", "type": "scaler", "runs": "before"},
      {"name": "boxes", "type": "nonMaximumSuppression", "runs": "behind"}]})");
  const json result = json::parse(ran.out);
  EXPECT_EQ(result.at("pipeline"), expected);
  EXPECT_EQ(json::parse(contents(at("out/model.json"))).at("pipeline"), expected);
  EXPECT_GE(result.at("verify").at("outputs").at(0).at("snr_db").get<double>(), 60);
}

TEST_F(Pipelines, OneOfSeveralIsChosenByNameOrNumber) {
  *add("first") = network(0.5f);
  *add("") = network(2);
  spec::Model* inner = add("inner");
  *inner->mutable_pipeline()->add_models() = network(3);
  expect_refusal(
      compile(saved()),
      "choose one with --model: 0 first (neuralNetwork), 1 model1 (neuralNetwork), 2 inner/model0");
  const std::pair<const char*, float> choices[] = {{"first", 0.5f}, {"0", 0.5f},         {"model1", 2},
                                                   {"1", 2},        {"inner/model0", 3}, {"2", 3}};
  for (const auto& [choice, offset] : choices) {
    const std::string single = program_of(network(offset));
    ASSERT_EQ(compile(saved(), std::string("--model ") + choice).status, 0) << choice;
    EXPECT_EQ(contents(at("out/model.hwx")), single) << choice;
  }
}

TEST_F(Pipelines, DebugOutputIsThatOfTheNetwork) {
  *add("net") = network(0.5f);
  add("trees")->mutable_treeensembleclassifier();
  ASSERT_EQ(run("coreml2hwx -q " + quoted(saved()) + " debug -o " + quoted(at("out"))).status, 0);
  for (const char* name : {"model.hwx", "layers.txt", "net.00_import.dot", "p.mlmodelc/model.espresso.net"})
    EXPECT_TRUE(fs::exists(at("out") / name)) << name;
}

TEST_F(Pipelines, BadChoicesAreRefused) {
  *add("net") = network(0.5f);
  add("trees")->mutable_treeensembleclassifier();
  expect_refusal(compile(saved(), "--model other"), "no part other; choose from: 0 net (neuralNetwork)");
  expect_refusal(compile(saved(), "--model 2"), "no part 2");
  expect_refusal(compile(saved(), "--model trees"), "trees is a treeEnsembleClassifier");
  folder_.put("single.mlmodel", network(1).SerializeAsString());
  expect_refusal(compile(at("single.mlmodel"), "--model 0"), "only pipelines hold several models");
}

TEST_F(Pipelines, BadOnesWithoutANetworkAreNamed) {
  add("a")->mutable_featurevectorizer();
  add("b")->mutable_glmregressor();
  expect_refusal(compile(saved()),
                 "is a pipeline without a neural network: 0 a (featureVectorizer), 1 b (glmRegressor)");
}

// What such a network reads can hardly be made elsewhere; who wants it all the same can have it.
TEST_F(Pipelines, NetworkBehindAModelOfTheSystemMustBeChosen) {
  add("print")->mutable_visionfeatureprint();
  *add("head") = network(0.5f);
  expect_refusal(compile(saved()), "runs behind a visionFeaturePrint");
  EXPECT_EQ(compile(saved(), "--model head").status, 0);
}

TEST_F(Pipelines, CompiledOnesLikewise) {
  folder_.put("single.mlmodel", network(0.5f).SerializeAsString());
  ASSERT_EQ(
      run("coreml2hwx -q " + quoted(at("single.mlmodel")) + " --emit hwx,mlmodelc -o " + quoted(at("single")))
          .status,
      0);
  for (const char* part : {"model0", "model1"}) fs::create_directories(at("p.mlmodelc") / part);
  fs::copy(at("single/single.mlmodelc"), at("p.mlmodelc/model0"), fs::copy_options::recursive);
  folder_.put("p.mlmodelc/model0/coremldata.bin", std::string("\xf4\x01\0\0", 4));  // 500 neuralNetwork
  folder_.put("p.mlmodelc/model1/coremldata.bin",
              std::string("\x62\x02\0\0", 4));  // 610 nonMaximumSuppression
  const Ran ran = compile(at("p.mlmodelc"));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(contents(at("out/model.hwx")), contents(at("single/model.hwx")));
  EXPECT_EQ(json::parse(ran.out).at("pipeline").at("left_out").at(0).at("name"), "model1");
  folder_.put("p.mlmodelc/model1/coremldata.bin", "\xf4");
  expect_refusal(compile(at("p.mlmodelc")), "the file ends inside type of model");
}

TEST(RealPipelines, YoloWithNonMaximumSuppression) {
  ANE_NEED_EVIDENCE("models/mlprogram/yolov8-nms-palettized-pipeline");
  const TemporaryFolder folder;
  const Ran ran = run("coreml2hwx -q --json " + quoted(evidence_folder / "best_v12.mlpackage") + " -o " +
                      quoted(folder.path() / "out"));
  ASSERT_EQ(ran.status, 0) << ran.err;
  const json pipeline = json::parse(ran.out).at("pipeline");
  EXPECT_EQ(pipeline.at("type"), "mlProgram");
  EXPECT_EQ(pipeline.at("left_out").at(0).at("type"), "nonMaximumSuppression");
}

}  // namespace
}  // namespace ane::test
