#include "oracle/source_mil.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <stdexcept>

#include "base/error.h"
#include "mil/text.h"
#include "reference/mil.h"

namespace ane::oracle {

namespace {

std::string tensor_type(const Dimensions& shape, bool boolean) {
  std::vector<std::string> extents;
  for (const int64_t extent : shape)
    extents.push_back(extent == mil::unknown_dimension ? "?" : std::to_string(extent));
  return fmt::format("tensor<{}, [{}]>", boolean ? "bool" : "fp16", fmt::join(extents, ", "));
}

// An argument in place has the type that its parameter takes.
std::string argument(const SourceProgram& program, const SourceOperation& op, const std::string& parameter) {
  static const std::set<std::string> texts{"mode", "pad_type", "dtype"},
      lists{"axes", "perm", "reps", "strides", "pad", "dilations"}, integers{"axis", "groups"},
      truths{"keep_dims", "transpose_x", "transpose_y"};
  if (texts.contains(parameter)) return fmt::format("string(\"{}\")", program.text_of(op, parameter));
  const std::string& text = op.arguments.at(parameter);
  if (program.is_tensor(text)) return text;
  const std::vector<double> values = program.values_of(op, parameter);
  if (lists.contains(parameter)) {
    std::vector<std::string> numbers;
    for (const double value : values) numbers.push_back(fmt::format("{:.0f}", value));
    return fmt::format("tensor<int32, [{}]>([{}])", numbers.size(), fmt::join(numbers, ", "));
  }
  const double value = values.at(0);
  if (integers.contains(parameter)) return fmt::format("int32({:.0f})", value);
  if (truths.contains(parameter)) return value != 0 ? "bool(true)" : "bool(false)";
  return fmt::format("fp32({:a})", static_cast<float>(value));
}

std::string arguments(const SourceProgram& program, const SourceOperation& op) {
  if (op.type == "concat")
    return fmt::format("values = ({}, {}), axis = int32(1), interleave = bool(false)", op.arguments.at("x"),
                       op.arguments.at("y"));
  std::vector<std::string> all;
  for (const auto& [parameter, text] : op.arguments)
    all.push_back(fmt::format("{} = {}", parameter, argument(program, op, parameter)));
  return fmt::format("{}", fmt::join(all, ", "));
}

}  // namespace

std::string mil_text(const SourceProgram& program) {
  std::map<std::string, size_t> ranks;
  std::vector<std::string> inputs;
  const auto add_input = [&](const std::string& name, const Dimensions& shape, bool boolean) {
    inputs.push_back(tensor_type(shape, boolean) + " " + name);
    ranks[name] = shape.size();
  };
  for (const SourceInput& input : program.inputs) add_input(input.name, input.shape, input.boolean);
  for (const auto& [name, shape] : program.weights) add_input(name, shape, false);
  std::string body;
  for (const SourceOperation& op : program.operations) {
    // Where the source does not say a shape, the operation keeps its operand's rank.
    const Dimensions shape =
        !op.shape.empty() ? op.shape : Dimensions(ranks.at(op.arguments.at("x")), mil::unknown_dimension);
    body += fmt::format("        {} {} = {}({})[name = string(\"{}\")];\n", tensor_type(shape, op.boolean),
                        op.name, op.type, arguments(program, op), op.name);
    ranks[op.name] = shape.size();
  }
  return fmt::format("program(1.3)\n{{\n    func main<ios18>({}) {{\n{}    }} -> ({});\n}}\n",
                     fmt::join(inputs, ", "), body, program.output);
}

std::vector<float> evaluate_source(const SourceProgram& program,
                                   const std::map<std::string, reference::Tensor>& tensors,
                                   const std::string& file) {
  std::string text;
  try {
    text = mil_text(program);
  } catch (const std::out_of_range&) {
    throw Error(file, "mil", "an operation of the source program lacks an operand");
  }
  const mil::Program parsed = mil::read_text(text, file, {});
  return reference::evaluate_mil(parsed.functions.at(0), tensors, {file, nullptr}).at(program.output).data;
}

}  // namespace ane::oracle
