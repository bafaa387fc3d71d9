// Parts of networks, by --from and --to. What a part is to become is said by a model that holds only that
// part: both must give the same program. What a refusal proposes is done.
#include <fmt/format.h>

#include "driver/ml_programs.h"
#include "support/evidence.h"
#include "support/model_builder.h"

namespace ane::test {
namespace {

class Cuts : public MlPrograms {
 protected:
  void save(const std::string& name, const ModelBuilder& model) {
    const Bytes bytes = model.bytes();
    put(name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  // Compiled, verified, and what is in the program.
  std::string program(const std::string& name, const std::string& options = "") {
    const json result = compiled(name, "--verify " + options);
    if (result.is_null()) return "";
    for (const json& output : result.at("verify").at("outputs"))
      EXPECT_GE(output.at("snr_db").get<double>(), 40) << output;
    return contents(at("out/model.hwx"));
  }
  void expect_same(const std::string& whole, const std::string& options, const std::string& part) {
    SCOPED_TRACE(options);
    const std::string wanted = program(part), got = program(whole, options);
    EXPECT_FALSE(wanted.empty());
    EXPECT_TRUE(wanted == got);
  }
  void expect_refusal(const std::string& name, const std::string& options, const std::string& words) {
    const Ran ran = compile(name, options);
    expect_refused(ran, options);
    EXPECT_NE(ran.err.find(words), std::string::npos) << options << "\n" << ran.err;
  }
  // What a model is refused with proposes these options, and they compile.
  void expect_proposal(const std::string& name, const std::string& words, const std::string& options) {
    expect_refusal(name, "", words + ": " + options + "\n");
    program(name, options);
  }
  std::vector<std::string> names(const char* field) const {
    std::vector<std::string> found;
    const json side = sidecar();
    for (const json& entry : side.at(field)) found.push_back(entry.at("name"));
    return found;
  }
};

using Names = std::vector<std::string>;

// ---- Neural networks

void add_first(ModelBuilder& model, const std::string& input) {
  model.convolution("c1", input, {.out = 4, .in = 2, .bias = {1, 2, 3, 4}});
  model.relu("r1", "c1");
}
void add_second(ModelBuilder& model) {
  model.convolution("c2", "r1", {.out = 3, .in = 4});
  model.relu("r2", "c2");
}
void add_third(ModelBuilder& model) {
  model.convolution("c3", "r2", {.out = 5, .in = 3, .kernel_h = 1, .kernel_w = 1});
}

// x, c1, r1, c2, r2, c3
ModelBuilder chain() {
  ModelBuilder model;
  model.array_input("x", {2, 10, 9});
  add_first(model, "x");
  add_second(model);
  add_third(model);
  model.array_output("c3");
  return model;
}

TEST_F(Cuts, PartsAreModelsOfTheirOwn) {
  save("whole.mlmodel", chain());
  ModelBuilder head;
  head.array_input("x", {2, 10, 9});
  add_first(head, "x");
  head.array_output("r1");
  save("head.mlmodel", head);
  expect_same("whole.mlmodel", "--to r1", "head.mlmodel");
  EXPECT_EQ(names("layers"), (Names{"c1"}));

  ModelBuilder tail;
  tail.array_input("r1", {4, 8, 7});
  add_second(tail);
  add_third(tail);
  tail.array_output("c3");
  save("tail.mlmodel", tail);
  expect_same("whole.mlmodel", "--from r1", "tail.mlmodel");
  EXPECT_EQ(sidecar().at("inputs").at(0).at("shape"), json({4, 8, 7}));

  ModelBuilder middle;
  middle.array_input("r1", {4, 8, 7});
  add_second(middle);
  middle.array_output("c2");
  middle.array_output("r2");
  save("middle.mlmodel", middle);
  expect_same("whole.mlmodel", "--from r1 --to c2,r2", "middle.mlmodel");
  EXPECT_EQ(names("inputs"), (Names{"r1"}));
}

TEST_F(Cuts, EveryStageSeesThePartAlone) {
  save("whole.mlmodel", chain());
  ASSERT_EQ(run("coreml2hwx -q " + quoted(at("whole.mlmodel")) +
                " debug --verify-layers --from r1 --to r2 -o " + quoted(at("out")))
                .status,
            0);
  EXPECT_EQ(names("layers"), (Names{"c2"}));
  for (const char* file :
       {"whole.mlmodelc/model.espresso.net", "whole.mlmodelc/model.espresso.shape", "net.00_import.dot"}) {
    const std::string text = contents(at("out") / file);
    EXPECT_NE(text.find("r2"), std::string::npos) << file;
    for (const char* other : {"c1", "c3"}) EXPECT_EQ(text.find(other), std::string::npos) << file;
  }
}

// Custom code before and behind: neither is in the way, and the shape of what the first gives is the user's
// to say.
TEST_F(Cuts, UnsupportedLayersOutsideDoNoHarm) {
  ModelBuilder whole;
  whole.array_input("x", {2, 10, 9});
  whole.layer("odd", {"x"})->mutable_custom()->set_classname("Odd");
  add_first(whole, "odd");
  add_second(whole);
  whole.layer("even", {"r2"})->mutable_custom()->set_classname("Even");
  whole.array_output("even");
  save("whole.mlmodel", whole);
  ModelBuilder part;
  part.array_input("odd", {2, 7, 8});
  add_first(part, "odd");
  add_second(part);
  part.array_output("r2");
  save("part.mlmodel", part);
  const std::string wanted = program("part.mlmodel");
  EXPECT_TRUE(wanted == program("whole.mlmodel", "--from odd --to r2 --shape odd=2,7,8"));
  expect_refusal("whole.mlmodel", "--from odd --to r2",
                 "--from odd: its shape does not follow from the layers before it; say it: --shape odd=");
  expect_refusal("whole.mlmodel", "--to r2", "1 layer is not supported: odd (custom)");
}

// Behind both there is a layer whose shape is known again.
TEST_F(Cuts, ProposalsAreTheLargestPart) {
  const auto with_custom = [](ModelBuilder& model, const std::string& name, const std::string& input) {
    model.layer(name, {input})->mutable_custom()->set_classname("Odd");
  };
  ModelBuilder behind;
  behind.array_input("x", {2, 10, 9});
  behind.convolution("c0", "x", {.out = 2, .in = 2});
  with_custom(behind, "odd", "c0");
  behind.layer("same", {"odd"})->mutable_add()->set_alpha(1);
  behind.array_output("same");
  save("before.mlmodel", behind);
  expect_proposal("before.mlmodel", "compile the part before", "--to c0");

  ModelBuilder sorts(5);
  sorts.exact_rank();
  sorts.array_input("x", {1, 2, 10, 9});
  add_first(sorts, "x");
  sorts.layer("order", {"r1"})->mutable_argsort()->set_axis(1);
  sorts.convolution("c2", "order", {.out = 3, .in = 4});
  sorts.convolution("c3", "c2", {.out = 3, .in = 3});
  sorts.array_output("c3");
  save("behind.mlmodel", sorts);
  expect_proposal("behind.mlmodel", "compile the part behind", "--from order");

  sorts.layer("order2", {"c3"})->mutable_argsort()->set_axis(1);
  sorts.proto().mutable_description()->mutable_output(0)->set_name("order2");
  save("between.mlmodel", sorts);
  expect_proposal("between.mlmodel", "compile the part between", "--from order --to c3");
}

// A part that needed what comes of its own results could not run in one go.
TEST_F(Cuts, ProposalsCanRunInOneGo) {
  ModelBuilder model(5);
  model.exact_rank();
  model.array_input("x", {1, 4, 6, 6});
  model.convolution("a", "x", {.out = 4, .in = 4, .same = true});
  model.convolution("b", "a", {.out = 4, .in = 4, .same = true});
  model.layer("order", {"b"})->mutable_argsort()->set_axis(1);
  model.convolution("c", "order", {.out = 4, .in = 4, .same = true});
  model.add("y", {"c", "a"});
  model.array_output("y");
  save("skip.mlmodel", model);
  expect_proposal("skip.mlmodel", "compile the part before", "--to a,b");
}

TEST_F(Cuts, LayersThatNobodyNeedsCanBeLeftOut) {
  ModelBuilder model = chain();
  model.layer("odd", {"r1"})->mutable_custom()->set_classname("Odd");
  save("dead.mlmodel", model);
  save("whole.mlmodel", chain());
  expect_proposal("dead.mlmodel", "compile the part before", "--to c3");
  EXPECT_TRUE(program("dead.mlmodel", "--to c3") == program("whole.mlmodel"));
}

TEST_F(Cuts, NothingIsProposedWhereNoWorkIsLeft) {
  ModelBuilder model;
  model.array_input("x", {2, 10, 9});
  model.relu("r", "x");
  model.layer("odd", {"r"})->mutable_custom()->set_classname("Odd");
  model.array_output("odd");
  save("small.mlmodel", model);
  const Ran ran = compile("small.mlmodel");
  expect_refused(ran, "small");
  EXPECT_EQ(ran.err.find("--to"), std::string::npos) << ran.err;
}

TEST_F(Cuts, ClassesStayWithTheirScores) {
  ModelBuilder model = chain();
  model.flatten("flat", "c3");
  model.softmax("scores", "flat");
  spec::Model proto = model.proto();
  const spec::NeuralNetwork network = proto.neuralnetwork();
  auto* classifier = proto.mutable_neuralnetworkclassifier();
  *classifier->mutable_layers() = network.layers();
  for (int i = 0; i < 5 * 6 * 5; ++i)
    classifier->mutable_stringclasslabels()->add_vector(fmt::format("label{}", i));
  auto* description = proto.mutable_description();
  description->clear_output();
  description->add_output()->set_name("label");
  description->mutable_output(0)->mutable_type()->mutable_stringtype();
  description->set_predictedfeaturename("label");
  put("classes.mlmodel", proto.SerializeAsString());
  program("classes.mlmodel", "--from r1");
  EXPECT_EQ(sidecar().at("classifier").at("scores"), "scores");
  program("classes.mlmodel", "--to c2,scores");
  EXPECT_EQ(sidecar().at("classifier").at("labels").size(), 150u);
  EXPECT_EQ(names("outputs").size(), 2u);
  program("classes.mlmodel", "--to c3");
  EXPECT_FALSE(sidecar().contains("classifier"));
}

// One image and one array are added; what is asked for decides which of them are left.
TEST_F(Cuts, InputsStayAsTheyAreWhileTheyAreNeeded) {
  ModelBuilder model;
  model.image_input("picture", 8, 6);
  model.array_input("more", {3, 6, 8});
  model.scaler("picture", 0.5f);
  model.convolution("p", "picture", {.out = 3, .in = 3, .same = true});
  model.convolution("m", "more", {.out = 3, .in = 3, .same = true});
  model.add("y", {"p", "m"});
  model.array_output("y");
  save("two.mlmodel", model);
  program("two.mlmodel", "--to p");
  EXPECT_EQ(names("inputs"), (Names{"picture"}));
  EXPECT_EQ(sidecar().at("inputs").at(0).at("image").at("scale"), 0.5);
  program("two.mlmodel", "--to m");
  EXPECT_EQ(names("inputs"), (Names{"more"}));
  program("two.mlmodel", "--from p");
  EXPECT_EQ(names("inputs").size(), 2u);
  const json side = sidecar();
  for (const json& input : side.at("inputs")) EXPECT_FALSE(input.contains("image"));
}

// Of a split into two one half is given; the other is still computed.
TEST_F(Cuts, OneOfTwoResultsIsGiven) {
  const auto halves = [](const std::string& second) {
    ModelBuilder model;
    model.array_input("x", {4, 6, 6});
    model.layer("split", {"x"}, {"a", second})->mutable_split()->set_noutputs(2);
    if (second != "b") model.array_input("b", {2, 6, 6});
    model.add("y", {"a", "b"});
    model.array_output("y");
    return model;
  };
  save("whole.mlmodel", halves("b"));
  save("part.mlmodel", halves("nobody"));
  expect_same("whole.mlmodel", "--from b", "part.mlmodel");
  EXPECT_EQ(names("inputs").size(), 2u);
}

// A name that is written twice is its last value; a part with both is refused as the whole is.
TEST_F(Cuts, NamesWrittenTwiceAreTheLastValue) {
  ModelBuilder model;
  model.array_input("x", {2, 10, 9});
  add_first(model, "x");
  model.layer("again", {"r1"}, {"r1"})->mutable_add()->set_alpha(1);
  add_second(model);
  model.array_output("r2");
  save("twice.mlmodel", model);
  ModelBuilder tail;
  tail.array_input("r1", {4, 8, 7});
  add_second(tail);
  tail.array_output("r2");
  save("tail.mlmodel", tail);
  expect_same("twice.mlmodel", "--from r1", "tail.mlmodel");
  for (const char* options : {"", "--to r2", "--to r1"})
    expect_refusal("twice.mlmodel", options, "layer 'again' (add): writes 'r1', which is there already");
}

// Older networks take channels, height and width. Tensors of other axes can be given all the same: here a
// sequence, and pictures of four axes; the array beside them means what it meant.
TEST_F(Cuts, TensorsOfAllAxesCanBeGiven) {
  ModelBuilder model;
  model.array_input("x", {6, 4, 5});
  model.array_input("z", {6});
  model.permute("turned", "x", {1, 0, 2, 3});
  model.relu("r", "turned");
  model.permute("back", "r", {1, 0, 2, 3});
  model.add("y", {"back", "z"});
  model.array_output("y");
  save("sequence.mlmodel", model);
  program("sequence.mlmodel", "--from turned");
  const json side = sidecar();
  ASSERT_EQ(side.at("inputs").size(), 2u);
  for (const json& input : side.at("inputs"))
    EXPECT_EQ(input.at("shape"),
              input.at("name") == "turned" ? json({6, 1, 1, 4, 5}) : json({1, 1, 6, 1, 1}));

  ModelBuilder pictures(4);
  pictures.network().set_imageinputshapemapping(spec::RANK4_IMAGE_MAPPING);
  pictures.image_input("picture", 8, 6);
  pictures.convolution("a", "picture", {.out = 4, .in = 3, .same = true});
  pictures.layer("odd", {"a"})->mutable_custom()->set_classname("Odd");
  pictures.convolution("b", "odd", {.out = 2, .in = 4, .same = true});
  pictures.array_output("b");
  save("pictures.mlmodel", pictures);
  ModelBuilder part(4);
  part.exact_rank();
  part.array_input("odd", {1, 4, 6, 8});
  part.convolution("b", "odd", {.out = 2, .in = 4, .same = true});
  part.array_output("b");
  save("part.mlmodel", part);
  const std::string wanted = program("part.mlmodel");
  EXPECT_TRUE(wanted == program("pictures.mlmodel", "--from odd --shape odd=1,4,6,8"));
}

// Of a flexible input the user can choose a shape; what is given instead follows from it.
TEST_F(Cuts, ShapesFollowFromChosenOnes) {
  ModelBuilder model = chain();
  auto* input = model.proto().mutable_description()->mutable_input(0)->mutable_type();
  for (const int64_t most : {2, 100, 100}) {
    auto* range = input->mutable_multiarraytype()->mutable_shaperange()->add_sizeranges();
    range->set_lowerbound(most == 2 ? 2 : 5);
    range->set_upperbound(most);
  }
  save("flexible.mlmodel", model);
  program("flexible.mlmodel", "--from r1 --shape x=2,12,20");
  EXPECT_EQ(sidecar().at("inputs").at(0).at("shape"), json({4, 10, 18}));
  expect_refusal("flexible.mlmodel", "--from r1 --shape z=2,12,20", "there is no input of this name");
}

TEST_F(Cuts, PartsOfPipelinesAreCut) {
  spec::Model pipeline;
  pipeline.set_specificationversion(3);
  *pipeline.mutable_pipeline()->add_models() = chain().proto();
  pipeline.mutable_pipeline()->add_models()->mutable_nonmaximumsuppression();
  put("pipeline.mlmodel", pipeline.SerializeAsString());
  save("whole.mlmodel", chain());
  EXPECT_TRUE(program("whole.mlmodel", "--to c2") == program("pipeline.mlmodel", "--to c2"));
}

TEST_F(Cuts, BadNames) {
  save("whole.mlmodel", chain());
  const std::pair<const char*, const char*> cases[] = {
      {"--to c4", "--to c4: there is no tensor of this name; like it are: c1, c2, c3"},
      {"--from nonsense", "--from nonsense: there is no tensor of this name; the last ones are: c2, r2, c3"},
      {"--to ''", "there is no tensor of this name"},
      {"--to x", "--to x: is an input of the model and not computed; leave it out"},
      {"--from x", "--from x: is an input of the model and not computed; leave it out"},
      {"--to c2,c2", "--to c2: is there twice"},
      {"--from c2,c2", "--from c2: is there twice"},
      {"--from c2 --to c2", "--to c2: is given by --from and not computed"},
      {"--from c3", "--from c3: is an output of the model, and would not be computed"},
      {"--from r2 --to r1", "--from r2: is needed by no output; leave it out, or choose outputs with --to"},
      {"--from r1,c1", "--from c1: is needed by no output"},
      {"--from r1 --shape r1=3,8,8", "has 4 kernel channels where an input of [1, 1, 3, 8, 8] needs 3"},
  };
  for (const auto& [options, words] : cases) expect_refusal("whole.mlmodel", options, words);
}

// ---- Compiled networks

TEST_F(Cuts, CompiledNetworksLikewise) {
  save("whole.mlmodel", chain());
  ASSERT_EQ(compile("whole.mlmodel", "--emit hwx,mlmodelc").status, 0);
  fs::rename(at("out/whole.mlmodelc"), at("whole.mlmodelc"));
  for (const char* options : {"--to r1", "--from r1", "--from r1 --to r2", "--to r1,r2"}) {
    SCOPED_TRACE(options);
    EXPECT_TRUE(program("whole.mlmodel", options) == program("whole.mlmodelc", options));
  }
  expect_refusal("whole.mlmodelc", "--to r4", "like it are: r1, r2");
  expect_refusal("whole.mlmodelc", "--from c1", "there is no tensor of this name");  // folded into r1
  const fs::path weights = at("out/whole.mlmodelc/model.espresso.weights");
  ASSERT_EQ(compile("whole.mlmodelc", "--to r1 --emit mlmodelc").status, 0);
  EXPECT_LT(fs::file_size(weights), fs::file_size(at("whole.mlmodelc/model.espresso.weights")));
}

// A part gives one of two tops, which the mark of a whole layer cannot say.
TEST_F(Cuts, OneTopOfACompiledLayer) {
  ModelBuilder model;
  model.array_input("x", {4, 6, 6});
  model.layer("split", {"x"}, {"a", "b"})->mutable_split()->set_noutputs(2);
  model.convolution("y", "a", {.out = 3, .in = 2});
  model.add("z", {"a", "b"});
  for (const char* output : {"y", "z"}) model.array_output(output);
  save("split.mlmodel", model);
  ASSERT_EQ(compile("split.mlmodel", "--emit mlmodelc").status, 0);
  fs::rename(at("out/split.mlmodelc"), at("split.mlmodelc"));
  program("split.mlmodelc", "--to y,b");
  EXPECT_EQ(names("outputs"), (Names{"b", "y"}));
  program("split.mlmodelc", "--from a --to z");
  EXPECT_EQ(names("inputs").size(), 2u);
}

TEST_F(Cuts, UnsupportedLayersOfCompiledNetworks) {
  save("whole.mlmodel", chain());
  ASSERT_EQ(compile("whole.mlmodel", "--emit mlmodelc").status, 0);
  json net = json::parse(contents(at("out/whole.mlmodelc/model.espresso.net")));
  const json odd = {{"name", "odd"}, {"type", "odd"}, {"bottom", "c3"}, {"top", "end"}};
  net["layers"].push_back(odd);
  net["layers"][2].erase("attributes");  // its mark
  fs::rename(at("out/whole.mlmodelc"), at("odd.mlmodelc"));
  put("odd.mlmodelc/model.espresso.net", net.dump());
  expect_proposal("odd.mlmodelc", "compile the part before", "--to c3");
  expect_refusal("odd.mlmodelc", "--from c3", "not supported: layer 'odd' (odd)");
}

TEST_F(Cuts, BadForAPlist) {
  save("whole.mlmodel", chain());
  ASSERT_EQ(compile("whole.mlmodel", "--emit plist").status, 0);
  expect_refusal("out/espresso_ir_dump/net.plist", "--to r1", "--to: a net.plist is compiled as a whole");
}

// ---- ML Programs

std::string conv(const std::string& result, const std::string& input, int out, int in) {
  std::string weights;
  for (int i = 0; i < out; ++i) {
    weights += i ? ", [" : "[";
    for (int j = 0; j < in; ++j) weights += fmt::format("{}[[0x1p-{}]]", j ? ", " : "", (i + j) % 5);
    weights += "]";
  }
  const std::string type = fmt::format("tensor<fp16, [{}, {}, 1, 1]>", out, in);
  return fmt::format("    {0} {1}_w = const()[name = string(\"{1}_w\"), val = {0}([{2}])];\n", type, result,
                     weights) +
         fmt::format("    string {0}_pt = const()[name = string(\"{0}_pt\"), val = string(\"valid\")];\n",
                     result) +
         fmt::format(
             "    tensor<fp16, [1, {2}, 6, 5]> {0} = conv(pad_type = {0}_pt, weight = {0}_w, x = "
             "{1})[name = string(\"{0}\")];\n",
             result, input, out);
}

std::string sort(const std::string& result, const std::string& input) {
  return fmt::format(
      "    int32 {0}_ax = const()[name = string(\"{0}_ax\"), val = int32(1)];\n"
      "    tensor<int32, [1, 4, 6, 5]> {0}_i = argsort(axis = {0}_ax, x = {1})[name = string(\"{0}_i\")];\n"
      "    string {0}_t = const()[name = string(\"{0}_t\"), val = string(\"fp16\")];\n"
      "    tensor<fp16, [1, 4, 6, 5]> {0} = cast(dtype = {0}_t, x = {0}_i)[name = string(\"{0}\")];\n",
      result, input);
}

TEST_F(Cuts, PartsOfPrograms) {
  const std::string four = "tensor<fp16, [1, 4, 6, 5]> ";
  put("whole/a.mil", program_text("tensor<fp16, [1, 2, 6, 5]> x",
                                  conv("a", "x", 4, 2) + sort("odd", "a") + conv("b", "odd", 4, 4) +
                                      conv("c", "b", 4, 4) + sort("even", "c"),
                                  "even"));
  put("head/a.mil", program_text("tensor<fp16, [1, 2, 6, 5]> x", conv("a", "x", 4, 2), "a"));
  put("tail/a.mil", program_text(four + "odd", conv("b", "odd", 4, 4) + conv("c", "b", 4, 4), "b, c"));
  expect_same("whole/a.mil", "--to a", "head/a.mil");
  EXPECT_EQ(names("inputs"), (Names{"x"}));
  expect_same("whole/a.mil", "--from odd --to b,c", "tail/a.mil");
  EXPECT_EQ(names("layers"), (Names{"b", "c"}));
  expect_proposal("whole/a.mil", "compile the part between", "--from odd_i --to c");
  const json input = sidecar().at("inputs").at(0);
  EXPECT_EQ(input.at("type"), "int32");
  expect_refusal("whole/a.mil", "--to b_v", "--to b_v: there is no tensor of this name; like it are: ");
  expect_refusal("whole/a.mil", "--to x", "is an input of the model");
  expect_refusal("whole/a.mil", "--to b_w --from odd", "--from odd: is needed by no output");
  expect_refusal("whole/a.mil", "--to b_w", "output 'b_w': is known before the program runs");
  expect_refusal("whole/a.mil", "--from b_pt,odd --to c", "input 'b_pt'");
}

// More rows than fp16 can number: whoever runs the program looks them up.
TEST_F(Cuts, LargeVocabularies) {
  std::string table;
  for (int i = 0; i < 3000; ++i) table += fmt::format("{}[0x1p-1, 0x1p-{}]", i ? ", " : "", i % 8);
  const std::string look_up = fmt::format(
      "    tensor<fp16, [3000, 2]> table = const()[name = string(\"table\"), val = tensor<fp16, [3000, "
      "2]>([{}])];\n"
      "    int32 axis = const()[name = string(\"axis\"), val = int32(0)];\n"
      "    int32 batch = const()[name = string(\"batch\"), val = int32(0)];\n"
      "    bool check = const()[name = string(\"check\"), val = bool(false)];\n"
      "    tensor<fp16, [4, 2]> words = gather(axis = axis, batch_dims = batch, indices = ids, "
      "validate_indices = check, x = table)[name = string(\"words\")];\n",
      table);
  const std::string layer =
      "    tensor<fp16, [3, 2]> w = const()[name = string(\"w\"), val = tensor<fp16, [3, 2]>([[0x1p+0, "
      "0x1p+1], "
      "[0x1p-1, 0x1p+0], [0x1p+0, 0x1p+0]])];\n"
      "    tensor<fp16, [4, 3]> y = linear(weight = w, x = words)[name = string(\"y\")];\n";
  put("whole/a.mil", program_text("tensor<int32, [4]> ids", look_up + layer, "y"));
  put("part/a.mil", program_text("tensor<fp16, [4, 2]> words", layer, "y"));
  expect_proposal("whole/a.mil", "compile the part behind", "--from words");
  EXPECT_TRUE(program("whole/a.mil", "--from words") == program("part/a.mil"));
}

// A length that nothing says is the user's to say.
TEST_F(Cuts, OpenLengthsOfPrograms) {
  const std::string body =
      "    tensor<fp16, [?, 4, 6, 5]> a = relu(x = x)[name = string(\"a\")];\n" + conv("b", "a", 4, 4);
  put("open/a.mil", program_text("tensor<fp16, [?, 4, 6, 5]> x", body, "b"));
  expect_refusal(
      "open/a.mil", "--from a",
      "input 'a': is a tensor<fp16, [?, 4, 6, 5]>, and no default shape is given; choose one: --shape a=");
  program("open/a.mil", "--from a --shape a=1,4,6,5");
  EXPECT_EQ(names("inputs"), (Names{"a"}));
}

// ---- Models of other people

struct RealCut {
  const char *folder, *file, *words, *options;
};

TEST_F(Cuts, RealModelsCompileAsTheirRefusalProposes) {
  ANE_NEED_EVIDENCE("models");
  const RealCut cuts[] = {
      {"neuralnetwork/char-bigru-encoder-f16", "Es2EnBidirGruCharEncoder16Bit.mlmodel", "before",
       "--to fwd_enc_gru_output,fwd_enc_gru_h_out"},
      {"neuralnetwork/custom-layer-swish", "NeuralMcNeuralNet.mlmodel", "before", "--to conv2d_1_output"},
      {"neuralnetwork/tf2-lstm-control-flow", "model.mlmodel", "behind",
       "--from sequential_9/lstm_9/PartitionedCall/while_1"},
  };
  for (const RealCut& cut : cuts) {
    const fs::path model = evidence_folder / cut.folder / cut.file;
    if (!fs::exists(model)) continue;
    fs::copy_file(model, at(cut.file));
    expect_proposal(cut.file, fmt::format("compile the part {}", cut.words), cut.options);
  }
}

}  // namespace
}  // namespace ane::test
