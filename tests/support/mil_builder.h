// Builds small MIL programs in memory, for tests: values, arguments and operations by short names.
//
//   MilBuilder mil;
//   mil.input("x", {1, 3, 8, 8});
//   mil.constant("w", mil_numbers({4, 3, 1, 1}, weights));
//   mil.op("conv", {arg("x", "x"), arg("weight", "w"), arg("pad_type", mil_text("same"))}, "y", {1, 4, 8,
//   8}); mil.output("y"); evaluate_mil(mil.function(), ...);
//
// Everything stays open to damage: function() is the function itself. Link ane_mil.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mil/element.h"
#include "mil/program.h"

namespace ane::test {

// A tensor of any type of numbers, rounded to it.
inline mil::Value mil_numbers(std::vector<int64_t> shape, const std::vector<double>& numbers,
                              mil::DataType type = mil::DataType::Float32) {
  mil::ElementWriter writer(mil::bits_of(type));
  const bool floating = mil::kind_of(type) == mil::ElementKind::Floating;
  for (const double number : numbers) {
    writer.put(floating ? mil::encode_floating(type, number)
                        : static_cast<uint64_t>(static_cast<int64_t>(number)));
  }
  const auto bytes = std::make_shared<const Bytes>(writer.take());
  mil::Value value;
  value.type.element = type;
  value.type.shape = std::move(shape);
  value.bytes = *bytes;
  value.owner = bytes;
  return value;
}

inline mil::Value mil_number(double number, mil::DataType type = mil::DataType::Float32) {
  return mil_numbers({}, {number}, type);
}

inline mil::Value mil_integer(int64_t integer) {
  return mil_number(static_cast<double>(integer), mil::DataType::Int32);
}

inline mil::Value mil_integers(const std::vector<int64_t>& integers) {
  return mil_numbers({static_cast<int64_t>(integers.size())}, {integers.begin(), integers.end()},
                     mil::DataType::Int32);
}

inline mil::Value mil_truth(bool truth) {
  return mil_number(truth ? 1 : 0, mil::DataType::Bool);
}

inline mil::Value mil_truths(const std::vector<double>& truths) {
  return mil_numbers({static_cast<int64_t>(truths.size())}, truths, mil::DataType::Bool);
}

inline mil::Value mil_text(const std::string& text) {
  mil::Value value;
  value.type.element = mil::DataType::String;
  value.strings = {text};
  return value;
}

inline mil::Binding binding(const std::string& name) {
  return {name, nullptr};
}
inline mil::Binding binding(mil::Value value) {
  return {"", std::make_shared<const mil::Value>(std::move(value))};
}

// What is bound to a parameter: the name of a value, or a value in place.
inline mil::Argument arg(const std::string& parameter, const std::string& name) {
  return {parameter, {binding(name)}, false};
}
inline mil::Argument arg(const std::string& parameter, mil::Value value) {
  return {parameter, {binding(std::move(value))}, false};
}
inline mil::Argument tuple_arg(const std::string& parameter, std::vector<mil::Binding> bindings) {
  return {parameter, std::move(bindings), true};
}

class MilBuilder {
 public:
  explicit MilBuilder(const std::string& opset = "ios18") {
    function_.name = "main";
    function_.opset = opset;
  }

  mil::Function& function() { return function_; }

  void input(const std::string& name, const std::vector<int64_t>& shape,
             mil::DataType type = mil::DataType::Float32) {
    function_.inputs.push_back({name, tensor_type(shape, type)});
  }

  void constant(const std::string& name, mil::Value value) {
    mil::Operation operation;
    operation.type = "const";
    operation.outputs = {{name, value.type}};
    operation.attributes = {{"val", std::make_shared<const mil::Value>(std::move(value))}};
    function_.block.operations.push_back(std::move(operation));
  }

  mil::Operation& op(const std::string& type, std::vector<mil::Argument> inputs,
                     std::vector<mil::NamedType> outputs) {
    mil::Operation operation;
    operation.type = type;
    operation.inputs = std::move(inputs);
    operation.outputs = std::move(outputs);
    operation.line = static_cast<int>(function_.block.operations.size()) + 1;
    function_.block.operations.push_back(std::move(operation));
    return function_.block.operations.back();
  }
  mil::Operation& op(const std::string& type, std::vector<mil::Argument> inputs, const std::string& output,
                     const std::vector<int64_t>& shape, mil::DataType element = mil::DataType::Float32) {
    return op(type, std::move(inputs), {{output, tensor_type(shape, element)}});
  }

  void output(const std::string& name) { function_.block.outputs.push_back(name); }

  static mil::Type tensor_type(const std::vector<int64_t>& shape,
                               mil::DataType element = mil::DataType::Float32) {
    mil::Type type;
    type.element = element;
    type.shape = shape;
    return type;
  }

 private:
  mil::Function function_;
};

}  // namespace ane::test
