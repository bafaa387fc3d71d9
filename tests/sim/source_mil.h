// The source program of a captured case as a MIL function, for the reference interpreter. Constants of the
// weight file become inputs, so that a test chooses their values.
#pragma once

#include "reference/mil.h"
#include "sim/source_program.h"
#include "support/mil_builder.h"

namespace ane::sim::test {

namespace source_mil_detail {

using ane::test::arg;
using ane::test::MilBuilder;

inline mil::Argument argument_of(const SourceProgram& program, const SourceOperation& op,
                                 const std::string& parameter) {
  static const std::set<std::string> texts{"mode", "pad_type", "dtype"},
      lists{"axes", "perm", "reps", "strides", "pad", "dilations"}, integers{"axis", "groups"},
      truths{"keep_dims", "transpose_x", "transpose_y"};
  if (texts.contains(parameter)) return arg(parameter, ane::test::mil_text(program.text_of(op, parameter)));
  const std::string& text = op.arguments.at(parameter);
  if (program.is_tensor(text)) return arg(parameter, text);
  const std::vector<double> values = program.values_of(op, parameter);
  if (lists.contains(parameter))
    return arg(parameter, ane::test::mil_integers({values.begin(), values.end()}));
  const double value = values.at(0);
  if (integers.contains(parameter))
    return arg(parameter, ane::test::mil_integer(static_cast<int64_t>(value)));
  if (truths.contains(parameter)) return arg(parameter, ane::test::mil_truth(value != 0));
  return arg(parameter, ane::test::mil_number(value));
}

inline std::vector<mil::Argument> arguments_of(const SourceProgram& program, const SourceOperation& op) {
  std::vector<mil::Argument> arguments;
  if (op.type == "concat") {
    const auto& [x, y] = std::pair{op.arguments.at("x"), op.arguments.at("y")};
    arguments.push_back(ane::test::tuple_arg("values", {ane::test::binding(x), ane::test::binding(y)}));
    arguments.push_back(arg("axis", ane::test::mil_integer(1)));
    return arguments;
  }
  for (const auto& [parameter, text] : op.arguments) arguments.push_back(argument_of(program, op, parameter));
  return arguments;
}

}  // namespace source_mil_detail

inline mil::Function mil_function(const SourceProgram& program) {
  using namespace source_mil_detail;
  MilBuilder builder;
  std::map<std::string, size_t> ranks;
  for (const SourceInput& input : program.inputs) {
    builder.input(input.name, input.shape, input.boolean ? mil::DataType::Bool : mil::DataType::Float16);
    ranks[input.name] = input.shape.size();
  }
  for (const auto& [name, shape] : program.weights) {
    builder.input(name, shape, mil::DataType::Float16);
    ranks[name] = shape.size();
  }
  for (const SourceOperation& op : program.operations) {
    // Where the source does not say a shape, the operation keeps its operand's rank.
    const Dimensions shape =
        !op.shape.empty() ? op.shape : Dimensions(ranks.at(op.arguments.at("x")), mil::unknown_dimension);
    builder.op(op.type, arguments_of(program, op), op.name, shape,
               op.boolean ? mil::DataType::Bool : mil::DataType::Float16);
    ranks[op.name] = shape.size();
  }
  builder.output(program.output);
  return builder.function();
}

// The output's values for `tensors`, the inputs and constants by name.
inline std::vector<float> evaluate_source(const SourceProgram& program,
                                          const std::map<std::string, reference::Tensor>& tensors) {
  return reference::evaluate_mil(mil_function(program), tensors).at(program.output).data;
}

}  // namespace ane::sim::test
