// ML Programs as protobuf: messages built here, damage of each kind, and packages with their compiled twins.
#include "mil/protobuf.h"

#include <Model.pb.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "base/error.h"
#include "base/file.h"
#include "espresso/temporary_folder.h"
#include "mil/equality.h"
#include "mil/text.h"
#include "support/blob_builder.h"
#include "support/evidence.h"

namespace ane::mil {
namespace {

namespace fs = std::filesystem;
namespace spec = CoreML::Specification::MILSpec;
using test::TemporaryFolder;

// ---- Building messages ----

void set_tensor(spec::ValueType* type, spec::DataType element, const std::vector<int64_t>& shape) {
  spec::TensorType* tensor = type->mutable_tensortype();
  tensor->Clear();
  tensor->set_datatype(element);
  tensor->set_rank(static_cast<int64_t>(shape.size()));
  for (const int64_t size : shape) {
    spec::Dimension* dimension = tensor->add_dimensions();
    if (size == unknown_dimension)
      dimension->mutable_unknown();
    else
      dimension->mutable_constant()->set_size(static_cast<uint64_t>(size));
  }
}

void set_string(spec::Value* value, const std::string& text) {
  set_tensor(value->mutable_type(), spec::STRING, {});
  value->mutable_immediatevalue()->mutable_tensor()->mutable_strings()->add_values(text);
}

// What every operation of coremltools has.
spec::Operation* add_operation(spec::Block* block, const std::string& type, const std::string& output) {
  spec::Operation* operation = block->add_operations();
  operation->set_type(type);
  set_string(&(*operation->mutable_attributes())["name"], output);
  spec::NamedValueType* named = operation->add_outputs();
  named->set_name(output);
  set_tensor(named->mutable_type(), spec::FLOAT16, {1, 2});
  return operation;
}

void bind(spec::Operation* operation, const std::string& parameter, const std::vector<std::string>& names) {
  spec::Argument& argument = (*operation->mutable_inputs())[parameter];
  for (const std::string& name : names) argument.add_arguments()->set_name(name);
}

// A constant `name`; its value is for the caller to set.
spec::Value* add_constant(spec::Block* block, const std::string& name, spec::DataType element,
                          const std::vector<int64_t>& shape) {
  spec::Operation* operation = add_operation(block, "const", name);
  set_tensor(operation->mutable_outputs(0)->mutable_type(), element, shape);
  spec::Value& value = (*operation->mutable_attributes())["val"];
  set_tensor(value.mutable_type(), element, shape);
  return &value;
}

spec::TensorValue* immediate(spec::Value* value) {
  return value->mutable_immediatevalue()->mutable_tensor();
}

// main(fp16 [1, 2] x) with an empty body.
struct Message {
  Message() {
    program.set_version(1);
    spec::Function& main = (*program.mutable_functions())["main"];
    main.set_opset("CoreML7");
    spec::NamedValueType* input = main.add_inputs();
    input->set_name("x");
    set_tensor(input->mutable_type(), spec::FLOAT16, {1, 2});
    function = &main;
    block = &(*main.mutable_block_specializations())["CoreML7"];
  }
  // Ends the body with y = relu(x).
  void finish() {
    bind(add_operation(block, "relu", "y"), "x", {"x"});
    block->add_outputs("y");
  }

  spec::Program program;
  spec::Function* function;
  spec::Block* block;
};

Program read(const Message& message, const fs::path& folder = "/nowhere") {
  return from_proto(message.program, "test.mlmodel", folder);
}

// ---- What is read ----

TEST(Protobuf, SaysWhatTextSays) {
  Message message;
  message.block->add_outputs("y");
  immediate(add_constant(message.block, "st", spec::INT32, {2}))->mutable_ints()->add_values(2);
  immediate(&message.block->mutable_operations(0)->mutable_attributes()->at("val"))
      ->mutable_ints()
      ->add_values(-1);
  immediate(add_constant(message.block, "k", spec::FLOAT16, {1, 2}))
      ->mutable_bytes()
      ->set_values(std::string("\x00\x3c\x00\xc0", 4));
  immediate(add_constant(message.block, "e", spec::FLOAT32, {}))->mutable_floats()->add_values(0.1f);
  immediate(add_constant(message.block, "f", spec::BOOL, {}))->mutable_bools()->add_values(true);
  spec::Operation* concat = add_operation(message.block, "concat", "c");
  bind(concat, "values", {"x", "k"});
  spec::Value* axis = (*concat->mutable_inputs())["axis"].add_arguments()->mutable_value();
  set_tensor(axis->mutable_type(), spec::INT8, {});
  immediate(axis)->mutable_bytes()->set_values("\xff");
  bind(add_operation(message.block, "mul", "y"), "y", {"c"});
  bind(message.block->mutable_operations(5), "x", {"x"});
  spec::Value& info = (*message.program.mutable_attributes())["buildInfo"];
  set_tensor(info.mutable_type()->mutable_dictionarytype()->mutable_keytype(), spec::STRING, {});
  set_tensor(info.mutable_type()->mutable_dictionarytype()->mutable_valuetype(), spec::STRING, {});
  auto* pair = info.mutable_immediatevalue()->mutable_dictionary()->add_values();
  set_string(pair->mutable_key(), "coremltools-version");
  set_string(pair->mutable_value(), "8.1");

  const Program expected = read_text(R"mil(program(1.3)
[buildInfo = dict<string, string>({{"coremltools-version", "8.1"}})]
{
    func main<ios17>(tensor<fp16, [1, 2]> x) {
            tensor<int32, [2]> st = const()[name = string("st"), val = tensor<int32, [2]>([2, -1])];
            tensor<fp16, [1, 2]> k = const()[name = string("k"), val = tensor<fp16, [1, 2]>([[1, -2]])];
            fp32 e = const()[name = string("e"), val = fp32(0.1)];
            bool f = const()[name = string("f"), val = bool(true)];
            tensor<fp16, [1, 2]> c = concat(axis = int8(-1), values = (x, k))[name = string("c")];
            tensor<fp16, [1, 2]> y = mul(x = x, y = c)[name = string("y")];
        } -> (y);
})mil",
                                     "expected.mil", "/nowhere");
  const Program actual = read(message);
  EXPECT_TRUE(test::equal(actual, expected)) << print_text(actual);
  EXPECT_EQ(print_text(actual), print_text(expected));
}

TEST(Protobuf, EveryOpset) {
  const std::pair<const char*, const char*> opsets[] = {
      {"CoreML5", "ios15"}, {"CoreML6", "ios16"}, {"CoreML7", "ios17"}, {"CoreML8", "ios18"}};
  for (const auto& [name, tag] : opsets) {
    Message message;
    message.finish();
    message.function->set_opset(name);
    // The body of another opset is not taken.
    (*message.function->mutable_block_specializations())["CoreML4"].add_outputs("nothing");
    auto& bodies = *message.function->mutable_block_specializations();
    if (name != std::string("CoreML7")) bodies[name] = bodies["CoreML7"];
    EXPECT_EQ(read(message).functions[0].opset, tag);
  }
}

// Which field holds which type: coremltools, backend/mil/helper.py.
TEST(Protobuf, ValuesOfEveryField) {
  struct Case {
    spec::DataType type;
    std::function<void(spec::TensorValue*)> set;
    std::vector<float> expected;
  };
  const Case cases[] = {
      {spec::FLOAT64, [](auto* value) { value->mutable_doubles()->add_values(-0.5); }, {-0.5f}},
      {spec::INT16, [](auto* value) { value->mutable_ints()->add_values(-32768); }, {-32768}},
      {spec::UINT16, [](auto* value) { value->mutable_ints()->add_values(65535); }, {65535}},
      {spec::INT64, [](auto* value) { value->mutable_longints()->add_values(-5000000000); }, {-5e9f}},
      {spec::UINT64, [](auto* value) { value->mutable_longints()->add_values(-1); }, {0x1p64f}},
      {spec::UINT32,
       [](auto* value) { value->mutable_bytes()->set_values("\xff\xff\xff\xff"); },
       {4294967295.0f}},
      {spec::INT8, [](auto* value) { value->mutable_bytes()->set_values("\x80"); }, {-128}},
      {spec::BFLOAT16, [](auto* value) { value->mutable_bytes()->set_values("\x80\xbf"); }, {-1}},
      {spec::FLOAT8E4M3FN, [](auto* value) { value->mutable_bytes()->set_values("\x7e"); }, {448}},
      {spec::UINT4, [](auto* value) { value->mutable_bytes()->set_values("\x0d"); }, {13}},
      {spec::INT4, [](auto* value) { value->mutable_bytes()->set_values("\x0d"); }, {-3}}};
  for (const Case& each : cases) {
    Message message;
    each.set(immediate(add_constant(message.block, "c", each.type, {1})));
    message.finish();
    const Program program = read(message);
    EXPECT_EQ(program.functions[0].block.operations[0].attribute("val")->floats(), each.expected)
        << spec::DataType_Name(each.type);
  }
}

TEST(Protobuf, WeightFiles) {
  const TemporaryFolder folder;
  fs::create_directory(folder.path() / "weights");
  test::BlobBuilder blobs;
  blobs.add(3, Bytes{1});
  const uint64_t offset = blobs.add(1, Bytes{0x00, 0x3c, 0x00, 0xc0});
  write_file(folder.path() / "weights/weight.bin", blobs.bytes());
  Message message;
  auto* blob = add_constant(message.block, "w", spec::FLOAT16, {2})->mutable_blobfilevalue();
  blob->set_filename("@model_path/weights/weight.bin");
  blob->set_offset(offset);
  message.finish();
  const Program program = read(message, folder.path());
  EXPECT_EQ(program.functions[0].block.operations[0].attribute("val")->floats(), (std::vector<float>{1, -2}));
  EXPECT_NE(print_text(program).find(
                "(BLOBFILE(path = string(\"@model_path/weights/weight.bin\"), offset = uint64(192)))"),
            std::string::npos);
}

// A loop whose blocks see the names around them and have their own, which end with them.
void add_loop(Message& message) {
  spec::Operation* loop = add_operation(message.block, "while_loop", "y");
  bind(loop, "loop_vars", {"x"});
  for (const char* type : {"greater", "sub"}) {
    spec::Block* block = loop->add_blocks();
    spec::NamedValueType* input = block->add_inputs();
    input->set_name("v");
    set_tensor(input->mutable_type(), spec::FLOAT16, {1, 2});
    spec::Operation* operation = add_operation(block, type, "inner");
    bind(operation, "x", {"v"});
    bind(operation, "y", {"x"});
    block->add_outputs("inner");
  }
  message.block->add_outputs("y");
}

TEST(Protobuf, BlocksInsideOperations) {
  Message message;
  add_loop(message);
  const Program program = read(message);
  const Operation& loop = program.functions[0].block.operations[0];
  ASSERT_EQ(loop.blocks.size(), 2u);
  EXPECT_EQ(loop.blocks[1].inputs[0].name, "v");
  EXPECT_EQ(loop.blocks[1].operations[0].type, "sub");
  EXPECT_EQ(loop.blocks[1].outputs[0], "inner");
  EXPECT_THROW(print_text(program), Error);
}

TEST(Protobuf, ListsTuplesAndStates) {
  Message message;
  spec::NamedValueType* state = message.function->add_inputs();
  state->set_name("kept");
  set_tensor(state->mutable_type()->mutable_statetype()->mutable_wrappedtype(), spec::FLOAT16, {4});
  spec::Value& value = (*message.function->mutable_attributes())["info"];
  auto* tuple = value.mutable_type()->mutable_tupletype();
  set_tensor(tuple->add_types(), spec::STRING, {});
  auto* list = tuple->add_types()->mutable_listtype();
  set_tensor(list->mutable_type(), spec::INT32, {unknown_dimension});
  list->mutable_length()->mutable_unknown();
  auto* values = value.mutable_immediatevalue()->mutable_tuple();
  set_string(values->add_values(), "sizes");
  spec::Value* sizes = values->add_values();
  *sizes->mutable_type()->mutable_listtype() = *list;
  spec::Value* size = sizes->mutable_immediatevalue()->mutable_list()->add_values();
  set_tensor(size->mutable_type(), spec::INT32, {2});
  immediate(size)->mutable_ints()->add_values(3);
  immediate(size)->mutable_ints()->add_values(4);
  message.finish();
  const std::string text = print_text(read(message));
  EXPECT_NE(text.find("state<tensor<fp16, [4]>> kept"), std::string::npos) << text;
  EXPECT_NE(text.find("[info = tuple<string, list<tensor<int32, [?]>, ?>>((\"sizes\", [[3, 4]]))]"),
            std::string::npos)
      << text;
}

// ---- Damage ----

// `damage` breaks a sound message; the error must have `part` in it.
void expect_refused(const std::function<void(Message&)>& damage, const std::string& part) {
  Message message;
  damage(message);
  message.finish();
  try {
    read(message);
    ADD_FAILURE() << part << ": was read";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_EQ(text.rfind("test.mlmodel: ", 0), 0u) << text;
  }
}

void expect_refused_constant(spec::DataType type, const std::vector<int64_t>& shape,
                             const std::function<void(spec::Value*)>& set, const std::string& part) {
  expect_refused([&](Message& message) { set(add_constant(message.block, "c", type, shape)); }, part);
}

TEST(BadProtobuf, Programs) {
  EXPECT_THROW(from_proto({}, "test.mlmodel", "/nowhere"), Error);
  expect_refused([](auto& m) { m.program.set_version(2); }, "is an ML program of version 2");
  expect_refused([](auto& m) { m.function->set_opset("CoreML4"); },
                 "function main: has the unknown opset 'CoreML4'");
  expect_refused([](auto& m) { m.function->set_opset("CoreML8"); }, "has no body for its opset CoreML8");
  expect_refused([](auto& m) { *m.block->add_inputs() = m.function->inputs(0); },
                 "has a body with inputs of its own");
  expect_refused([](auto& m) { m.block->add_outputs("z"); }, "gives 'z', which nothing defines");
}

TEST(BadProtobuf, Operations) {
  const auto with = [](const std::function<void(spec::Operation*)>& change) {
    return [change](Message& message) { change(add_operation(message.block, "add", "s")); };
  };
  expect_refused(with([](auto* s) { bind(s, "x", {"w"}); }),
                 "function main, operation 's' (add): uses 'w', which nothing before it defines");
  expect_refused(with([](auto* s) { bind(s, "x", {}); }), "gives x no value");
  expect_refused(with([](auto* s) { (*s->mutable_inputs())["x"].add_arguments(); }), "gives x no value");
  expect_refused(with([](auto* s) { s->mutable_outputs(0)->clear_name(); }),
                 "defines a value without a name");
  expect_refused(with([](auto* s) { s->mutable_outputs(0)->set_name("x"); }),
                 "defines 'x', which is there already");
  expect_refused(with([](auto* s) { s->mutable_outputs(0)->clear_type(); }), "without a type that is known");
  expect_refused(with([](auto* s) { s->set_type("const"); }), "must have a value, val, and one output");
  expect_refused(with([](auto* s) { (*s->mutable_attributes())["a"]; }), "without a type that is known");
}

TEST(BadProtobuf, Blocks) {
  // What a block defines is not seen outside it.
  Message message;
  add_loop(message);
  message.block->set_outputs(0, "inner");
  EXPECT_THROW(read(message), Error);
  // Too deep.
  Message deep;
  spec::Block* block = deep.block;
  for (int i = 0; i < 100; ++i) block = add_operation(block, "cond", fmt::format("y{}", i))->add_blocks();
  deep.finish();
  EXPECT_THROW(read(deep), Error);
}

TEST(BadProtobuf, Types) {
  const auto with = [](const std::function<void(spec::ValueType*)>& change) {
    return [change](Message& message) { change(message.function->mutable_inputs(0)->mutable_type()); };
  };
  const auto tensor = [&](const std::function<void(spec::TensorType*)>& change) {
    return with([change](auto* type) { change(type->mutable_tensortype()); });
  };
  expect_refused(tensor([](auto* t) { t->set_datatype(spec::UNUSED_TYPE); }), "the unknown element type 0");
  expect_refused(tensor([](auto* t) { t->set_datatype(static_cast<spec::DataType>(99)); }),
                 "unknown element type 99");
  expect_refused(tensor([](auto* t) { t->set_rank(-1); }), "rank -1 with 2 dimensions");
  expect_refused(tensor([](auto* t) { t->set_rank(3); }), "rank 3 with 2 dimensions");
  expect_refused(tensor([](auto* t) { t->mutable_dimensions(0)->Clear(); }), "a dimension without a size");
  expect_refused(tensor([](auto* t) { t->mutable_dimensions(0)->mutable_unknown()->set_variadic(true); }),
                 "variadic");
  for (const uint64_t size : {uint64_t{1} << 40, ~uint64_t{0}})
    expect_refused(tensor([&](auto* t) { t->mutable_dimensions(0)->mutable_constant()->set_size(size); }),
                   "too");
  expect_refused(tensor([](auto* t) { (*t->mutable_attributes())["layout"]; }),
                 "tensor type with attributes");
  expect_refused(with([](auto* type) { type->mutable_tupletype(); }), "a tuple of nothing");
  expect_refused(with([](auto* type) { type->mutable_listtype(); }), "without a type that is known");
  expect_refused(with([](auto* type) {
                   for (int i = 0; i < 1000; ++i) type = type->mutable_statetype()->mutable_wrappedtype();
                   set_tensor(type, spec::FLOAT16, {});
                 }),
                 "types that are nested too deep");
}

TEST(BadProtobuf, Values) {
  const auto ints = [](std::vector<int32_t> values) {
    return [values](spec::Value* value) {
      for (const int32_t number : values) immediate(value)->mutable_ints()->add_values(number);
    };
  };
  const auto bytes = [](const std::string& text) {
    return [text](spec::Value* value) { immediate(value)->mutable_bytes()->set_values(text); };
  };
  const auto none = [](spec::Value*) {};
  expect_refused_constant(spec::INT32, {2}, none, "has a constant without a value");
  expect_refused_constant(
      spec::INT32, {2}, [](auto* v) { immediate(v); }, "0 elements where tensor<int32, [2]>");
  expect_refused_constant(spec::INT32, {2}, ints({1}), "1 elements where tensor<int32, [2]> must be");
  expect_refused_constant(spec::INT32, {2}, ints({1, 2, 3}), "3 elements where");
  expect_refused_constant(spec::INT32, {2, unknown_dimension}, ints({1, 2, 3}), "3 elements where");
  expect_refused_constant(spec::UINT16, {1}, ints({65536}), "has 65536 in a tensor<uint16, [1]>");
  expect_refused_constant(spec::UINT8, {1}, ints({-1}), "has -1 in a tensor<uint8, [1]>");
  expect_refused_constant(spec::INT8, {1}, ints({-129}), "has -129 in");
  expect_refused_constant(spec::FLOAT16, {1}, ints({1}), "has no bytes for a tensor<fp16, [1]>");
  expect_refused_constant(spec::FLOAT32, {1}, ints({1}), "0 elements where");
  expect_refused_constant(spec::STRING, {1}, ints({1}), "0 elements where");
  expect_refused_constant(spec::FLOAT16, {2}, bytes("abc"), "has 3 bytes where");
  expect_refused_constant(spec::FLOAT16, {unknown_dimension}, bytes("abc"), "has 3 bytes where");
  expect_refused_constant(spec::UINT3, {3}, bytes("abc"), "has 3 bytes where");
  expect_refused_constant(spec::BOOL, {1}, bytes("a"), "has truth values as bytes");
  expect_refused_constant(spec::INT32, {int64_t{1} << 39, 0}, none, "has a constant without a value");
  expect_refused_constant(
      spec::INT32, {int64_t{1} << 39, 0}, [](auto* v) { immediate(v); },
      "too large dimensions for no elements");
  expect_refused_constant(
      spec::INT32, {1}, [](auto* v) { v->mutable_immediatevalue()->mutable_list(); },
      "of another kind than its type");
  // The value's type is not that of the constant.
  expect_refused_constant(
      spec::INT32, {1}, [](auto* v) { set_string(v, "1"); },
      "has a value of type string where tensor<int32, [1]> must be");
}

TEST(BadProtobuf, PartsOfValues) {
  const auto list = [](int64_t length, const std::function<void(spec::ListValue*)>& fill) {
    return [length, fill](Message& message) {
      spec::Value& value = (*message.function->mutable_attributes())["a"];
      auto* type = value.mutable_type()->mutable_listtype();
      set_tensor(type->mutable_type(), spec::STRING, {});
      type->mutable_length()->mutable_constant()->set_size(static_cast<uint64_t>(length));
      fill(value.mutable_immediatevalue()->mutable_list());
    };
  };
  expect_refused(list(2, [](auto* l) { set_string(l->add_values(), "a"); }),
                 "has a list of 1 in a list<string, 2>");
  expect_refused(list(1,
                      [](auto* l) {
                        spec::Value* part = l->add_values();
                        set_tensor(part->mutable_type(), spec::INT8, {});
                        immediate(part)->mutable_ints()->add_values(1);
                      }),
                 "has a int8 in a list<string, 1>");
  expect_refused(list(1,
                      [](auto* l) {
                        spec::Value* part = l->add_values();
                        set_string(part, "a");
                        part->mutable_blobfilevalue();
                      }),
                 "with parts in a weight file");
  expect_refused(
      [](auto& message) {
        spec::Value& value = (*message.function->mutable_attributes())["a"];
        set_tensor(value.mutable_type()->mutable_tupletype()->add_types(), spec::STRING, {});
        value.mutable_immediatevalue()->mutable_tuple();
      },
      "has 0 values in a tuple<string>");
}

TEST(BadProtobuf, Blobs) {
  const auto blob = [](const std::string& path) {
    return [path](spec::Value* value) { value->mutable_blobfilevalue()->set_filename(path); };
  };
  expect_refused_constant(spec::FLOAT16, {1}, blob("@model_path/../w.bin"),
                          "leads out of the model's folder");
  expect_refused_constant(spec::FLOAT16, {1}, blob("/etc/passwd"), "does not begin with @model_path/");
  expect_refused_constant(spec::INT64, {1}, blob("@model_path/w.bin"),
                          "has a tensor<int64, [1]> in a weight file");
  expect_refused_constant(spec::FLOAT16, {unknown_dimension}, blob("@model_path/w.bin"), "in a weight file");
  Message message;
  blob("@model_path/w.bin")(add_constant(message.block, "c", spec::FLOAT16, {1}));
  message.finish();
  EXPECT_THROW(read(message), Error);
}

// ---- Other people's packages ----

// The ML Program in a .mlmodel; of a pipeline the first model's.
spec::Program program_in(const fs::path& file) {
  CoreML::Specification::Model model;
  std::ifstream stream(file, std::ios::binary);
  EXPECT_TRUE(model.ParseFromIstream(&stream)) << file;
  if (model.has_pipeline()) return model.pipeline().models(0).mlprogram();
  return model.mlprogram();
}

bool has_blocks(const Program& program) {
  const auto& operations = program.functions[0].block.operations;
  return std::any_of(operations.begin(), operations.end(),
                     [](const Operation& operation) { return !operation.blocks.empty(); });
}

TEST(RealPackages, AreReadAndPrinted) {
  ANE_NEED_EVIDENCE("models/mlprogram");
  int packages = 0;
  for (const auto& entry : fs::recursive_directory_iterator(evidence_folder)) {
    const fs::path& file = entry.path();
    if (file.filename() != "model.mlmodel") continue;
    ++packages;
    const spec::Program proto = program_in(file);
    const fs::path folder = file.parent_path();
    if (!fs::exists(folder / "weights")) {
      EXPECT_THROW(from_proto(proto, file.string(), folder), Error) << file;
      continue;
    }
    const Program program = from_proto(proto, file.string(), folder);
    if (has_blocks(program)) {
      EXPECT_THROW(print_text(program), Error) << file;
      continue;
    }
    const std::string text = print_text(program);
    EXPECT_TRUE(test::equal(read_text(text, "printed.mil", folder), program)) << file;
  }
  EXPECT_GE(packages, 14);
}

// What Apple's compiler made of a package says the same, to the bytes of every weight. It differs in what the
// compiler adds (buildInfo, and the version of the text) and in the order of the inputs, which it sorts.
void expect_twins(const fs::path& package, const fs::path& compiled) {
  const fs::path model = package / "Data/com.apple.CoreML/model.mlmodel";
  Program from_package = from_proto(program_in(model), model.string(), model.parent_path());
  Program from_text = read_text(compiled / "model.mil");
  for (Function& function : from_package.functions)
    std::sort(function.inputs.begin(), function.inputs.end(),
              [](const NamedType& a, const NamedType& b) { return a.name < b.name; });
  from_package.version = from_text.version;
  from_package.attributes.clear();
  from_text.attributes.clear();
  EXPECT_GT(from_text.functions.at(0).block.operations.size(), 100u);
  EXPECT_TRUE(test::equal(from_package, from_text)) << package;
}

TEST(RealPackages, EqualTheirCompiledTwins) {
  ANE_NEED_EVIDENCE("models/mlprogram/silero-vad-unified");
  const fs::path models = evidence_folder.parent_path();
  expect_twins(models / "silero-vad-unified/silero-vad-unified-v6.0.0.mlpackage",
               models / "silero-vad-compiled/silero_vad.mlmodelc");
  expect_twins(models / "silero-vad-palette-2bit/unified_palette_2bit.mlpackage",
               models / "silero-vad-palette-2bit-compiled/unified_palette_2bit.mlmodelc");
  expect_twins(models / "silero-vad-pruned-int8-sparse/unified_pruned_int8.mlpackage",
               models / "silero-vad-pruned-int8-compiled/unified_pruned_int8.mlmodelc");
}

}  // namespace
}  // namespace ane::mil
