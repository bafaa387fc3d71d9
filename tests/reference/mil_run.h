// Runs one MIL operation and gives its results.
#pragma once

#include <gtest/gtest.h>

#include <variant>

#include "base/error.h"
#include "reference/mil.h"
#include "run.h"
#include "support/mil_builder.h"

namespace ane::reference {

using mil::DataType;
using test::mil_integer;
using test::mil_integers;
using test::mil_number;
using test::mil_numbers;
using test::mil_text;
using test::mil_truth;
using test::mil_truths;

// An operand that comes from outside.
struct Fed {
  Shape shape;
  Values values;
  DataType type = DataType::Float32;
};

// What a parameter is bound to: a tensor from outside, several of them, or a value in place.
struct Bound {
  std::string parameter;
  std::variant<Fed, std::vector<Fed>, mil::Value> to;
};

// What an output is declared as. The interpreter itself checks the shape.
struct Result {
  Shape shape;
  DataType type = DataType::Float32;
};

inline std::vector<Tensor> results(const std::string& type, const std::vector<Bound>& operands,
                                   const std::vector<Result>& declared, const std::string& opset = "ios18") {
  test::MilBuilder builder(opset);
  std::map<std::string, Tensor> inputs;
  const auto feed = [&](const Fed& fed) {
    const std::string name = fmt::format("in{}", inputs.size());
    builder.input(name, fed.shape, fed.type);
    inputs[name] = {fed.shape, fed.values};
    return test::binding(name);
  };
  std::vector<mil::Argument> arguments;
  for (const Bound& operand : operands) {
    mil::Argument argument{operand.parameter, {}, false};
    if (const Fed* fed = std::get_if<Fed>(&operand.to)) argument.bindings.push_back(feed(*fed));
    if (const auto* all = std::get_if<std::vector<Fed>>(&operand.to)) {
      argument.tuple = true;
      for (const Fed& fed : *all) argument.bindings.push_back(feed(fed));
    }
    if (const auto* value = std::get_if<mil::Value>(&operand.to))
      argument.bindings.push_back(test::binding(*value));
    arguments.push_back(argument);
  }
  std::vector<mil::NamedType> outputs;
  for (const Result& result : declared) {
    outputs.push_back(
        {fmt::format("out{}", outputs.size()), test::MilBuilder::tensor_type(result.shape, result.type)});
    builder.output(outputs.back().name);
  }
  builder.op(type, arguments, outputs);
  auto values = evaluate_mil(builder.function(), inputs, {.file = "test.mil"});
  std::vector<Tensor> in_order;
  for (const mil::NamedType& output : outputs) in_order.push_back(values.at(output.name));
  return in_order;
}

// The elements of the only output.
inline Values result(const std::string& type, const std::vector<Bound>& operands, const Shape& shape,
                     DataType element = DataType::Float32, const std::string& opset = "ios18") {
  const Tensor tensor = results(type, operands, {{shape, element}}, opset)[0];
  EXPECT_EQ(tensor.shape, shape);
  return tensor.data;
}

// The message with which the operation is refused.
inline std::string refusal(const std::string& type, const std::vector<Bound>& operands, const Shape& shape,
                           DataType element = DataType::Float32, const std::string& opset = "ios18") {
  try {
    results(type, operands, {{shape, element}}, opset);
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << type << " was evaluated";
  return "";
}

inline void expect_refusal(const std::string& part, const std::string& type,
                           const std::vector<Bound>& operands, const Shape& shape,
                           DataType element = DataType::Float32, const std::string& opset = "ios18") {
  const std::string message = refusal(type, operands, shape, element, opset);
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

}  // namespace ane::reference
