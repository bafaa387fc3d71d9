// The loop over a MIL program: constants, names, observation, refusals.

#include "reference/mil.h"

#include "mil_run.h"

namespace ane::reference {
namespace {

using test::arg;
using test::MilBuilder;

std::string message_of(const mil::Function& function, const std::map<std::string, Tensor>& inputs,
                       const MilOptions& options = {}) {
  try {
    evaluate_mil(function, inputs, options);
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "evaluated";
  return "";
}

// y = relu(x * w + x), with w a constant in fp16.
MilBuilder chain() {
  MilBuilder mil;
  mil.input("x", {2});
  mil.constant("w", mil_numbers({2}, {2, -3}, DataType::Float16));
  mil.op("mul", {arg("x", "x"), arg("y", "w")}, "product", {2});
  mil.op("add", {arg("x", "product"), arg("y", "x")}, "sum", {2});
  mil.op("relu", {arg("x", "sum")}, "y", {2});
  mil.output("y");
  return mil;
}

TEST(Mil, EvaluatesInOrder) {
  const auto outputs = evaluate_mil(chain().function(), {{"x", {{2}, {1, 2}}}});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs.at("y").data, (Values{3, 0}));
}

TEST(Mil, ShowsEveryResultToTheObserver) {
  std::vector<std::string> seen;
  std::map<std::string, Values> values;
  MilOptions options;
  options.observe = [&](const mil::Operation& operation, size_t index, const Tensor& value) {
    seen.push_back(operation.type);
    values[operation.outputs[index].name] = value.data;
  };
  evaluate_mil(chain().function(), {{"x", {{2}, {1, 2}}}}, options);
  EXPECT_EQ(seen, (std::vector<std::string>{"const", "mul", "add", "relu"}));
  EXPECT_EQ(values.at("w"), (Values{2, -3}));
  EXPECT_EQ(values.at("product"), (Values{2, -6}));
  EXPECT_EQ(values.at("sum"), (Values{3, -4}));
}

TEST(Mil, AValueMayBeUsedTwiceAndBeAnOutputToo) {
  MilBuilder mil;
  mil.input("x", {1});
  mil.op("mul", {arg("x", "x"), arg("y", "x")}, "square", {1});
  mil.op("add", {arg("x", "square"), arg("y", "x")}, "sum", {1});
  mil.output("square");
  mil.output("sum");
  mil.output("x");
  const auto outputs = evaluate_mil(mil.function(), {{"x", {{1}, {3}}}});
  EXPECT_EQ(outputs.at("square").data, (Values{9}));
  EXPECT_EQ(outputs.at("sum").data, (Values{12}));
  EXPECT_EQ(outputs.at("x").data, (Values{3}));
}

TEST(Mil, OpenDimensionsTakeWhatComes) {
  MilBuilder mil;
  mil.input("x", {1, mil::unknown_dimension});
  mil.op("relu", {arg("x", "x")}, "y", {1, mil::unknown_dimension});
  mil.output("y");
  EXPECT_EQ(evaluate_mil(mil.function(), {{"x", {{1, 3}, {-1, 2, 3}}}}).at("y").data, (Values{0, 2, 3}));
}

TEST(BadMil, AllUnsupportedOperationsAreNamedAtOnceAndFirst) {
  MilBuilder mil;
  mil.input("x", {2});
  bool evaluated = false;
  MilOptions options;
  options.file = "model.mil";
  options.observe = [&](const mil::Operation&, size_t, const Tensor&) { evaluated = true; };
  mil.op("relu", {arg("x", "x")}, "r", {2});
  mil.op("frobnicate", {arg("x", "r")}, "f", {2});
  mil.op("lstm", {arg("x", "f")}, "l", {2});
  mil.op("relu", {arg("x", "l"), arg("slope", mil_number(1))}, "s", {2});
  mil.op("softmax", {arg("axis", mil_integer(0))}, "y", {2});
  mil.output("y");
  const std::string message = message_of(mil.function(), {{"x", {{2}, {1, 2}}}}, options);
  EXPECT_FALSE(evaluated);
  for (const char* part :
       {"model.mil: 4 unsupported operations", "line 2, f (frobnicate)",
        "line 3, l (lstm): lacks its parameter initial_h", "line 4, s (relu): has no parameter slope",
        "line 5, y (softmax): lacks its parameter x"})
    EXPECT_NE(message.find(part), std::string::npos) << part << " is not in " << message;
}

// iOS26 has the operations of iOS18.
TEST(Mil, Opsets) {
  for (const char* opset : {"ios15", "ios16", "ios17", "ios18", "ios26"}) {
    MilBuilder mil(opset);
    mil.input("x", {2});
    mil.op("relu", {arg("x", "x")}, "y", {2});
    mil.output("y");
    EXPECT_EQ(evaluate_mil(mil.function(), {{"x", {{2}, {-1, 3}}}}).at("y").data, (Values{0, 3}));
  }
}

TEST(BadMil, OpsetsThatAreNotKnown) {
  for (const char* opset : {"ios14", "ios19", "ios25", "ios27", "ios", "ios16x", "CoreML6", ""}) {
    MilBuilder mil(opset);
    mil.input("x", {1});
    mil.op("relu", {arg("x", "x")}, "y", {1});
    mil.output("y");
    const std::string message = message_of(mil.function(), {{"x", {{1}, {1}}}});
    EXPECT_NE(message.find("opset"), std::string::npos) << message;
  }
}

TEST(BadMil, InputsThatAreMissingOrDoNotFit) {
  MilBuilder mil;
  mil.input("x", {2}, DataType::Int8);
  mil.op("abs", {arg("x", "x")}, "y", {2}, DataType::Int8);
  mil.output("y");
  EXPECT_NE(message_of(mil.function(), {}).find("input x: no values"), std::string::npos);
  for (const Tensor& wrong : {Tensor{{3}, {1, 2, 3}}, Tensor{{2}, {1}}, Tensor{{1, 2}, {1, 2}},
                              Tensor{{2}, {1, 1.5f}}, Tensor{{2}, {1, 128}}, Tensor{{2}, {-129, 1}}})
    EXPECT_NE(message_of(mil.function(), {{"x", wrong}}).find("input x"), std::string::npos);
  EXPECT_EQ(evaluate_mil(mil.function(), {{"x", {{2}, {-127, 127}}}}).at("y").data, (Values{127, 127}));
  // |-128| is no int8.
  EXPECT_NE(message_of(mil.function(), {{"x", {{2}, {-128, 1}}}}).find("y holds 128"), std::string::npos);
}

TEST(BadMil, AnotherShapeThanDeclared) {
  expect_refusal("declared tensor<fp32, [3]>", "relu", {{"x", Fed{{2}, {1, 2}}}}, {3});
  expect_refusal("declared tensor<fp32, [2, 1]>", "relu", {{"x", Fed{{2}, {1, 2}}}}, {2, 1});
}

TEST(BadMil, AnotherNumberOfResultsThanDeclared) {
  EXPECT_THROW(results("relu", {{"x", Fed{{1}, {1}}}}, {{{1}}, {{1}}}), Error);
}

TEST(BadMil, FractionsInIntegers) {
  const Fed x{{1}, {3}, DataType::Int32}, two{{1}, {2}, DataType::Int32}, three{{1}, {3}, DataType::Int32};
  EXPECT_EQ(result("real_div", {{"x", x}, {"y", three}}, {1}, DataType::Int32), (Values{1}));
  expect_refusal("how that becomes int32 is not known", "real_div", {{"x", x}, {"y", two}}, {1},
                 DataType::Int32);
}

TEST(BadMil, TensorsWithoutElements) {
  expect_refusal("without elements", "relu", {{"x", Fed{{0, 2}, {}}}}, {0, 2});
  expect_refusal("without elements", "softmax", {{"x", Fed{{2, 0}, {}}}}, {2, 0});
}

TEST(BadMil, OperandsOfTheWrongKind) {
  const Fed x{{2}, {1, 2}};
  expect_refusal("x is a string", "relu", {{"x", mil_text("one")}}, {2});
  expect_refusal("alpha has 2 elements, not one", "leaky_relu",
                 {{"x", x}, {"alpha", mil_numbers({2}, {1, 2})}}, {2});
  expect_refusal("alpha is a string", "leaky_relu", {{"x", x}, {"alpha", mil_text("small")}}, {2});
  expect_refusal("mode is not one string", "gelu", {{"x", x}, {"mode", mil_number(1)}}, {2});
  expect_refusal("axis is 0.5", "softmax", {{"x", x}, {"axis", mil_number(0.5)}}, {2});
  mil::Value list;
  list.type.kind = mil::Type::Kind::List;
  list.type.shape = {0};
  list.type.parts = {MilBuilder::tensor_type({})};
  expect_refusal("is no tensor", "relu", {{"x", list}}, {2});
}

TEST(BadMil, ResultsThatAreTooLarge) {
  MilBuilder mil;
  mil.input("x", {1000, 1});
  mil.input("y", {1000});
  mil.op("add", {arg("x", "x"), arg("y", "y")}, "z", {1000, 1000});
  mil.output("z");
  const Tensor column = make_tensor({1000, 1}), row = make_tensor({1000});
  MilOptions options;
  options.most_elements = 1000 * 1000;
  EXPECT_EQ(evaluate_mil(mil.function(), {{"x", column}, {"y", row}}, options).at("z").data.size(), 1000000u);
  options.most_elements -= 1;
  EXPECT_NE(message_of(mil.function(), {{"x", column}, {"y", row}}, options).find("more than 999999"),
            std::string::npos);
}

}  // namespace
}  // namespace ane::reference
