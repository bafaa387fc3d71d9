// ML Programs as protobuf through the program: packages, several functions, flexible shapes, states,
// classifiers. The models are made here, message by message.
#include <Model.pb.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "driver/shell.h"
#include "support/evidence.h"

namespace ane::test {
namespace {

namespace fs = std::filesystem;
namespace spec = CoreML::Specification;
using nlohmann::json;
using Lengths = std::vector<int64_t>;

constexpr int64_t open = -1;

void set_tensor(spec::MILSpec::ValueType* type, spec::MILSpec::DataType element, const Lengths& shape) {
  spec::MILSpec::TensorType* tensor = type->mutable_tensortype();
  tensor->set_datatype(element);
  tensor->set_rank(static_cast<int64_t>(shape.size()));
  for (const int64_t length : shape) {
    if (length == open)
      tensor->add_dimensions()->mutable_unknown();
    else
      tensor->add_dimensions()->mutable_constant()->set_size(static_cast<uint64_t>(length));
  }
}

// A function y = TYPE(x), opset CoreML8.
spec::MILSpec::Block* add_function(spec::Model& model, const std::string& name, const std::string& type,
                                   const Lengths& shape) {
  spec::MILSpec::Program* program = model.mutable_mlprogram();
  program->set_version(1);
  spec::MILSpec::Function& function = (*program->mutable_functions())[name];
  function.set_opset("CoreML8");
  spec::MILSpec::NamedValueType* x = function.add_inputs();
  x->set_name("x");
  set_tensor(x->mutable_type(), spec::MILSpec::FLOAT32, shape);
  spec::MILSpec::Block& block = (*function.mutable_block_specializations())["CoreML8"];
  spec::MILSpec::Operation* operation = block.add_operations();
  operation->set_type(type);
  (*operation->mutable_inputs())["x"].add_arguments()->set_name("x");
  spec::MILSpec::NamedValueType* y = operation->add_outputs();
  y->set_name("y");
  set_tensor(y->mutable_type(), spec::MILSpec::FLOAT32, shape);
  block.add_outputs("y");
  return &block;
}

spec::Model program_model(const std::string& type, const Lengths& shape) {
  spec::Model model;
  model.set_specificationversion(9);
  add_function(model, "main", type, shape);
  return model;
}

spec::ArrayFeatureType* describe_array(spec::Model& model, const Lengths& shape) {
  spec::FeatureDescription* input = model.mutable_description()->add_input();
  input->set_name("x");
  spec::ArrayFeatureType* array = input->mutable_type()->mutable_multiarraytype();
  array->set_datatype(spec::ArrayFeatureType::FLOAT32);
  for (const int64_t length : shape) array->add_shape(length);
  return array;
}

class Packages : public testing::Test {
 protected:
  fs::path at(const std::string& name) const { return folder_.path() / name; }
  void put(const std::string& name, const std::string& text) {
    fs::create_directories(at(name).parent_path());
    folder_.put(name, text);
  }
  void put_package(const spec::Model& model, const std::string& manifest = good_manifest) {
    put("one.mlpackage/Data/com.apple.CoreML/model.mlmodel", model.SerializeAsString());
    put("one.mlpackage/Manifest.json", manifest);
  }

  Ran compile(const std::string& options = "") {
    return run("coreml2hwx -q --json --verify " + quoted(at("one.mlpackage")) + " -o " + quoted(at("out")) +
               " " + options);
  }
  void expect_verified(const std::string& options = "") {
    const Ran ran = compile(options);
    ASSERT_EQ(ran.status, 0) << ran.err;
    for (const json& output : json::parse(ran.out).at("verify").at("outputs"))
      EXPECT_GE(output.at("snr_db").get<double>(), 60);
  }
  void expect_no_program(const std::string& words, const std::string& options = "") {
    const Ran ran = compile(options);
    expect_refused(ran, words);
    EXPECT_NE(ran.err.find(words), std::string::npos) << ran.err;
  }
  json sidecar() const { return json::parse(contents(at("out/model.json"))); }

  static constexpr const char* good_manifest =
      R"({"fileFormatVersion": "1.0.0", "rootModelIdentifier": "A",
          "itemInfoEntries": {"A": {"path": "com.apple.CoreML/model.mlmodel"},
                              "B": {"path": "com.apple.CoreML/weights"}}})";
  TemporaryFolder folder_;
};

TEST_F(Packages, PackageFileAndFolderAreOneModel) {
  put_package(program_model("relu", {1, 8}));
  expect_verified();
  const std::string program = contents(at("out/model.hwx"));
  const Ran ran = run("coreml2hwx -q " + quoted(at("one.mlpackage/Data/com.apple.CoreML/model.mlmodel")) +
                      " -o " + quoted(at("out")));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(contents(at("out/model.hwx")), program);
}

TEST_F(Packages, WithoutARootTheOnlyModelCounts) {
  put_package(program_model("relu", {1, 8}),
              R"({"itemInfoEntries": {"A": {"path": "com.apple.CoreML/model.mlmodel"}}})");
  expect_verified();
}

TEST_F(Packages, OneOfSeveralFunctions) {
  spec::Model model = program_model("relu", {1, 8});
  add_function(model, "wide", "relu", {1, 16});
  put_package(model);
  expect_verified();
  EXPECT_EQ(sidecar().at("inputs").at(0).at("shape"), json({1, 8}));
  expect_verified("--function wide");
  EXPECT_EQ(sidecar().at("inputs").at(0).at("shape"), json({1, 16}));
  expect_no_program("there is no function other; choose from: main, wide", "--function other");
}

TEST_F(Packages, FlexibleShapesHaveADefault) {
  spec::Model model = program_model("relu", {1, open, 4});
  put_package(model);
  expect_no_program("no default shape is given");
  expect_verified("--shape x=1x3x4");
  EXPECT_EQ(sidecar().at("inputs").at(0).at("shape"), json({1, 3, 4}));
  // Enumerated: the first, where none is the default.
  spec::ArrayFeatureType* array = describe_array(model, {});
  for (const int64_t length : {5, 7}) {
    spec::ArrayFeatureType::Shape* shape = array->mutable_enumeratedshapes()->add_shapes();
    for (const int64_t each : {int64_t{1}, length, int64_t{4}}) shape->add_shape(each);
  }
  put_package(model);
  expect_verified();
  EXPECT_EQ(sidecar().at("inputs").at(0).at("shape"), json({1, 5, 4}));
  EXPECT_EQ(sidecar().at("outputs").at(0).at("shape"), json({1, 5, 4}));
  expect_verified("--shape x=1x7x4");
  EXPECT_EQ(sidecar().at("inputs").at(0).at("shape"), json({1, 7, 4}));
}

// Every version that holds ML Programs, up to the opset of iOS26.
TEST_F(Packages, EverySpecificationVersion) {
  for (const int version : {6, 7, 8, 9, 10}) {
    SCOPED_TRACE(version);
    spec::Model model = program_model("relu", {1, 8});
    model.set_specificationversion(version);
    spec::MILSpec::Function& function = (*model.mutable_mlprogram()->mutable_functions())["main"];
    const std::string opset = fmt::format("CoreML{}", version - 1);
    const spec::MILSpec::Block block = function.block_specializations().at("CoreML8");
    function.set_opset(opset);
    (*function.mutable_block_specializations())[opset] = block;
    put_package(model);
    expect_verified();
  }
}

TEST_F(Packages, ImagesComeAsPixels) {
  spec::Model model = program_model("relu", {1, 3, 8, 16});
  spec::FeatureDescription* input = model.mutable_description()->add_input();
  input->set_name("x");
  spec::ImageFeatureType* image = input->mutable_type()->mutable_imagetype();
  image->set_width(16);
  image->set_height(8);
  image->set_colorspace(spec::ImageFeatureType::BGR);
  put_package(model);
  expect_verified();
  EXPECT_EQ(sidecar().at("inputs").at(0).at("image").at("color_space"), "bgr");
}

TEST_F(Packages, ClassifiersGiveTheirScores) {
  spec::Model model = program_model("softmax", {1, 3});
  spec::MILSpec::Block& block =
      (*(*model.mutable_mlprogram()->mutable_functions())["main"].mutable_block_specializations())["CoreML8"];
  spec::MILSpec::Operation* classify = block.add_operations();
  classify->set_type("classify");
  (*classify->mutable_inputs())["probabilities"].add_arguments()->set_name("y");
  spec::MILSpec::Value* classes = (*classify->mutable_inputs())["classes"].add_arguments()->mutable_value();
  spec::MILSpec::ListType* list = classes->mutable_type()->mutable_listtype();
  set_tensor(list->mutable_type(), spec::MILSpec::STRING, {});
  list->mutable_length()->mutable_constant()->set_size(3);
  for (const char* label : {"cat", "dog", "eel"}) {
    spec::MILSpec::Value* value = classes->mutable_immediatevalue()->mutable_list()->add_values();
    set_tensor(value->mutable_type(), spec::MILSpec::STRING, {});
    value->mutable_immediatevalue()->mutable_tensor()->mutable_strings()->add_values(label);
  }
  spec::MILSpec::NamedValueType* label = classify->add_outputs();
  label->set_name("label");
  set_tensor(label->mutable_type(), spec::MILSpec::STRING, {});
  spec::MILSpec::NamedValueType* scores = classify->add_outputs();
  scores->set_name("scores");
  spec::MILSpec::DictionaryType* dictionary = scores->mutable_type()->mutable_dictionarytype();
  set_tensor(dictionary->mutable_keytype(), spec::MILSpec::STRING, {});
  set_tensor(dictionary->mutable_valuetype(), spec::MILSpec::FLOAT32, {});
  block.clear_outputs();
  block.add_outputs("label");
  block.add_outputs("scores");
  put_package(model);
  expect_verified();
  EXPECT_EQ(sidecar().at("classifier").at("labels"), json({"cat", "dog", "eel"}));
  EXPECT_EQ(sidecar().at("classifier").at("scores"), "scores");
  EXPECT_EQ(sidecar().at("outputs").size(), 1u);
  // The classes go with the scores.
  expect_verified("--to scores");
  EXPECT_EQ(sidecar().at("classifier").at("scores"), "scores");
  expect_verified("--to y");
  EXPECT_FALSE(sidecar().contains("classifier"));
  expect_no_program("gives a class label alone", "--to label");
}

// Of one of several functions, with a state, a sorting and classes in the parts that are left out.
TEST_F(Packages, PartsAreCompiled) {
  spec::Model model = program_model("relu", {1, 8});
  spec::MILSpec::Block& block = *add_function(model, "other", "relu", {1, 8});
  spec::MILSpec::Function& function = (*model.mutable_mlprogram()->mutable_functions())["other"];
  spec::MILSpec::NamedValueType* kept = function.add_inputs();
  kept->set_name("kept");
  set_tensor(kept->mutable_type()->mutable_statetype()->mutable_wrappedtype(), spec::MILSpec::FLOAT32,
             {1, 8});
  const auto add = [&](const std::string& type, const std::string& parameter, const std::string& input,
                       const std::string& output) {
    spec::MILSpec::Operation* operation = block.add_operations();
    operation->set_type(type);
    (*operation->mutable_inputs())[parameter].add_arguments()->set_name(input);
    operation->add_outputs()->set_name(output);
    set_tensor(operation->mutable_outputs(0)->mutable_type(), spec::MILSpec::FLOAT32, {1, 8});
  };
  add("read_state", "input", "kept", "state");
  add("square", "x", "state", "squared");
  add("tanh", "x", "squared", "z");
  block.add_outputs("z");
  put_package(model);
  expect_no_program("input 'kept'", "--function other");
  expect_verified("--function other --to y");
  EXPECT_EQ(sidecar().at("inputs").size(), 1u);
  EXPECT_EQ(sidecar().at("outputs").at(0).at("name"), "y");
  expect_verified("--function other --from state --to z");
  EXPECT_EQ(sidecar().at("inputs").at(0).at("name"), "state");
  EXPECT_EQ(sidecar().at("layers").size(), 2u);
  expect_no_program("--to squared: there is no tensor of this name", "--to squared");
  expect_no_program("input 'kept'", "--function other --to squared");
}

TEST_F(Packages, BadStatesAreNamed) {
  spec::Model model = program_model("relu", {1, 8});
  spec::MILSpec::Function& function = (*model.mutable_mlprogram()->mutable_functions())["main"];
  spec::MILSpec::NamedValueType* kept = function.add_inputs();
  kept->set_name("kept");
  set_tensor(kept->mutable_type()->mutable_statetype()->mutable_wrappedtype(), spec::MILSpec::FLOAT16, {4});
  spec::MILSpec::Block& block = (*function.mutable_block_specializations())["CoreML8"];
  spec::MILSpec::Operation* read = block.add_operations();
  read->set_type("read_state");
  (*read->mutable_inputs())["input"].add_arguments()->set_name("kept");
  spec::MILSpec::NamedValueType* value = read->add_outputs();
  value->set_name("value");
  set_tensor(value->mutable_type(), spec::MILSpec::FLOAT16, {4});
  put_package(model);
  expect_no_program("input 'kept'");
  expect_no_program("keeps no state between runs");
}

// A state, what reads and writes it, a loop, a branch on a computed condition, and a sorting: one message has
// all of them.
TEST_F(Packages, BadThingsAreNamedTogether) {
  spec::Model model = program_model("relu", {1, 8});
  spec::MILSpec::Function& function = (*model.mutable_mlprogram()->mutable_functions())["main"];
  spec::MILSpec::NamedValueType* kept = function.add_inputs();
  kept->set_name("kept");
  set_tensor(kept->mutable_type()->mutable_statetype()->mutable_wrappedtype(), spec::MILSpec::FLOAT16,
             {1, 8});
  spec::MILSpec::NamedValueType* condition = function.add_inputs();
  condition->set_name("condition");
  set_tensor(condition->mutable_type(), spec::MILSpec::BOOL, {});
  spec::MILSpec::Block& block = (*function.mutable_block_specializations())["CoreML8"];
  const auto add = [&](const std::string& type, const std::map<std::string, std::string>& inputs,
                       const std::string& output) {
    spec::MILSpec::Operation* operation = block.add_operations();
    operation->set_type(type);
    for (const auto& [parameter, name] : inputs)
      (*operation->mutable_inputs())[parameter].add_arguments()->set_name(name);
    if (output.empty()) return operation;
    spec::MILSpec::NamedValueType* value = operation->add_outputs();
    value->set_name(output);
    set_tensor(value->mutable_type(), spec::MILSpec::FLOAT16, {1, 8});
    return operation;
  };
  const auto add_block = [](spec::MILSpec::Operation* operation, const std::string& name,
                            const std::string& of) {
    spec::MILSpec::Block* inner = operation->add_blocks();
    spec::MILSpec::Operation* step = inner->add_operations();
    step->set_type("relu");
    (*step->mutable_inputs())["x"].add_arguments()->set_name(of);
    spec::MILSpec::NamedValueType* value = step->add_outputs();
    value->set_name(name);
    set_tensor(value->mutable_type(), spec::MILSpec::FLOAT16, {1, 8});
    inner->add_outputs(name);
    return inner;
  };
  add("read_state", {{"input", "kept"}}, "value");
  add("write_state", {{"input", "kept"}, {"data", "value"}}, "");
  spec::MILSpec::Operation* branch = add("cond", {{"pred", "condition"}}, "chosen");
  add_block(branch, "yes", "value");
  add_block(branch, "no", "x");
  spec::MILSpec::Operation* loop = add("while_loop", {{"loop_vars", "chosen"}}, "looped");
  for (const char* name : {"again", "body"}) {
    spec::MILSpec::NamedValueType* variable = add_block(loop, name, std::string("of_") + name)->add_inputs();
    variable->set_name(std::string("of_") + name);
    set_tensor(variable->mutable_type(), spec::MILSpec::FLOAT16, {1, 8});
  }
  add("argsort", {{"x", "looped"}}, "order");
  put_package(model);
  for (const char* words :
       {"6 things are not supported", "input 'kept': state<", "(read_state): the engine keeps no state",
        "(write_state): the engine keeps no state", "(cond): the engine has no branches",
        "(while_loop): the engine has no loops", "(argsort): the engine does not sort"})
    expect_no_program(words);
}

TEST_F(Packages, BadManifests) {
  const spec::Model model = program_model("relu", {1, 8});
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "no JSON object"},
      {"[1]", "no JSON object"},
      {"{}", "names no model"},
      {R"({"rootModelIdentifier": 7})", "names no model"},
      {R"({"rootModelIdentifier": 7, "itemInfoEntries": {}})", "is damaged"},
      {R"({"rootModelIdentifier": "A", "itemInfoEntries": {"B": {"path": "a.mlmodel"}}})", "names no model"},
      {R"({"rootModelIdentifier": "A", "itemInfoEntries": {"A": {"path": "../../a.mlmodel"}}})", "leads out"},
      {R"({"rootModelIdentifier": "A", "itemInfoEntries": {"A": {"path": "/etc/passwd"}}})", "leads out"},
      {R"({"rootModelIdentifier": "A", "itemInfoEntries": {"A": {"path": "none.mlmodel"}}})", "none.mlmodel"},
  };
  for (const auto& [manifest, words] : cases) {
    SCOPED_TRACE(manifest);
    put_package(model, manifest);
    expect_no_program(words);
  }
}

TEST_F(Packages, BadChoices) {
  put_package(program_model("relu", {1, open}));
  for (const std::string shape : {"x", "x=", "x=1xx2", "x=0x4", "x=1x-4", "=1x2"})
    expect_no_program("is no shape of an input", "--shape " + shape);
  expect_no_program("there is no input z", "--shape z=1x2");
  expect_no_program("cannot have the shape 2x4", "--shape x=2x4");
  expect_no_program("cannot have the shape 1x4x4", "--shape x=1x4x4");
}

// The published pairs of one network: package and compiled folder hold the same weights, to the byte.
TEST(RealPackages, AndTheirCompiledTwinsGiveOneProgram) {
  ANE_NEED_EVIDENCE("models/mlprogram/silero-vad-unified");
  const fs::path models = evidence_folder.parent_path();
  const std::pair<const char*, const char*> pairs[] = {
      {"silero-vad-unified/silero-vad-unified-v6.0.0.mlpackage", "silero-vad-compiled/silero_vad.mlmodelc"},
      {"silero-vad-palette-2bit/unified_palette_2bit.mlpackage",
       "silero-vad-palette-2bit-compiled/unified_palette_2bit.mlmodelc"},
      {"silero-vad-pruned-int8-sparse/unified_pruned_int8.mlpackage",
       "silero-vad-pruned-int8-compiled/unified_pruned_int8.mlmodelc"}};
  for (const auto& [package, folder] : pairs) {
    const TemporaryFolder out;
    std::vector<std::string> programs;
    for (const char* model : {package, folder}) {
      const Ran ran =
          run("coreml2hwx -q " + quoted(models / model) + " --emit hwx,text -o " + quoted(out.path()));
      ASSERT_EQ(ran.status, 0) << ran.err;
      // Surfaces stand in the order of the inputs, which coremlc sorts; the tasks are the same.
      programs.push_back(contents(out.path() / "registers.txt"));
    }
    EXPECT_EQ(programs[0], programs[1]) << package;
  }
}

}  // namespace
}  // namespace ane::test
