// The loop over the operations: what has no definition is refused first, then every operation is looked up in
// the table and its results are checked against the types that the program declares.
//
// Values live from their definition to their last use, so that a program's weights are never all in memory as
// floats.

#include "reference/mil.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "mil/element.h"
#include "reference/mil_operations.h"

namespace ane::reference {
namespace {

// In coremltools no operation changes with iOS26: those of iOS18 are in force.
constexpr int opsets[] = {15, 16, 17, 18, 26};

int opset_of(const mil::Function& function, const std::string& file) {
  const std::string& name = function.opset;
  int opset = 0;
  const char* const end = name.data() + name.size();
  const bool known = name.starts_with("ios") && std::from_chars(name.data() + 3, end, opset).ptr == end &&
                     std::find(std::begin(opsets), std::end(opsets), opset) != std::end(opsets);
  if (!known)
    throw Error(file, "function " + function.name, fmt::format("the opset {} is not known", name),
                "the reference has ios15 to ios18, and ios26");
  return opset;
}

// ---- What cannot be evaluated ----

bool is_given(const mil::Operation& operation, const std::string& parameter) {
  return operation.find(parameter) || operation.attribute(parameter);
}

std::string trouble_with_arguments(const mil::Operation& operation, const MilDefinition& definition) {
  using Presence = MilParameter::Presence;
  for (const mil::Argument& argument : operation.inputs) {
    const auto parameter =
        std::find_if(definition.parameters.begin(), definition.parameters.end(),
                     [&](const MilParameter& each) { return each.name == argument.parameter; });
    if (parameter == definition.parameters.end())
      return fmt::format("has no parameter {} in this version", argument.parameter);
    if (parameter->presence != Presence::Many && argument.bindings.size() != 1)
      return fmt::format("{} takes one value, not {}", argument.parameter, argument.bindings.size());
  }
  for (const MilParameter& parameter : definition.parameters) {
    const bool needed = parameter.presence == Presence::Required || parameter.presence == Presence::Many;
    if (needed && !is_given(operation, parameter.name))
      return fmt::format("lacks its parameter {}", parameter.name);
  }
  return "";
}

std::string trouble_with(const mil::Operation& operation, int opset) {
  if (operation.type == "const") return operation.attribute("val") ? "" : "has no value";
  const std::string_view reason = reason_of_absence(operation.type);
  if (!reason.empty()) return fmt::format("{} cannot be evaluated here", reason);
  const MilDefinition* definition = find_definition(operation.type, opset);
  if (!definition) return fmt::format("is no operation of ios{} that the reference knows", opset);
  return trouble_with_arguments(operation, *definition);
}

void refuse_unknown(const mil::Function& function, int opset, const std::string& file) {
  std::vector<std::string> complaints;
  for (const mil::Operation& operation : function.block.operations) {
    const std::string trouble = trouble_with(operation, opset);
    if (!trouble.empty()) complaints.push_back(fmt::format("{}: {}", place_of(operation), trouble));
  }
  if (complaints.empty()) return;
  throw Error(file,
              complaints.size() == 1 ? "unsupported operation"
                                     : fmt::format("{} unsupported operations", complaints.size()),
              fmt::format("{}", fmt::join(complaints, "; ")));
}

// ---- Declared types ----

bool has_shape(const Tensor& tensor, const mil::Type& type) {
  if (tensor.shape.size() != type.shape.size()) return false;
  for (size_t axis = 0; axis < type.shape.size(); ++axis)
    if (type.shape[axis] != mil::unknown_dimension && type.shape[axis] != tensor.shape[axis]) return false;
  return true;
}

// The first value that a tensor of `type` cannot hold; null where it can hold all. Bounds are compared as
// floats, so those of wide integers are rounded.
const float* misfit(const Tensor& tensor, mil::DataType type) {
  const mil::ElementKind kind = mil::kind_of(type);
  if (kind == mil::ElementKind::Floating || kind == mil::ElementKind::Text) return nullptr;
  const int bits = kind == mil::ElementKind::Truth ? 1 : mil::bits_of(type);
  const bool is_signed = kind == mil::ElementKind::Signed;
  const auto low = static_cast<float>(is_signed ? -std::ldexp(1.0, bits - 1) : 0.0);
  const auto high = static_cast<float>(std::ldexp(1.0, is_signed ? bits - 1 : bits) - 1);
  for (const float& value : tensor.data)
    if (!(value >= low && value <= high) || value != std::floor(value)) return &value;
  return nullptr;
}

// ---- Evaluation ----

class Evaluation {
 public:
  Evaluation(const mil::Function& function, const MilOptions& options)
      : function_(function), options_(options), opset_(opset_of(function, options.file)) {
    refuse_unknown(function, opset_, options.file);
    for (const mil::Operation& operation : function.block.operations)
      for (const mil::Argument& argument : operation.inputs)
        for (const mil::Binding& binding : argument.bindings)
          if (!binding.name.empty()) ++uses_[binding.name];
    for (const std::string& name : function.block.outputs) ++uses_[name];
  }

  std::map<std::string, Tensor> run(const std::map<std::string, Tensor>& inputs) {
    for (const mil::NamedType& input : function_.inputs) take_input(input, inputs);
    for (const mil::Operation& operation : function_.block.operations) evaluate(operation);
    std::map<std::string, Tensor> results;
    for (const std::string& name : function_.block.outputs) results[name] = value(name)->tensor;
    return results;
  }

 private:
  void take_input(const mil::NamedType& input, const std::map<std::string, Tensor>& inputs) {
    const std::string where = "input " + input.name;
    const auto given = inputs.find(input.name);
    if (!input.type.is_tensor())
      throw Error(options_.file, where, fmt::format("a {} cannot be evaluated here", input.type.text()));
    if (given == inputs.end()) throw Error(options_.file, where, "no values are given for it");
    const Tensor& tensor = given->second;
    if (!has_shape(tensor, input.type) ||
        element_count(tensor.shape) != static_cast<int64_t>(tensor.data.size()))
      throw Error(options_.file, where,
                  fmt::format("{} values of the shape {} are given for a {}", tensor.data.size(),
                              to_string(tensor.shape), input.type.text()));
    if (const float* wrong = misfit(tensor, input.type.element))
      throw Error(options_.file, where, fmt::format("{} is no {}", *wrong, input.type.text()));
    keep(input.name, {input.type.element, tensor, {}});
  }

  const MilValuePointer& value(const std::string& name) const {
    const auto found = values_.find(name);
    ensure(found != values_.end(), "readers see to it that MIL names are defined before their use");
    return found->second;
  }

  void keep(const std::string& name, MilValue value) {
    if (uses_[name] > 0) values_[name] = std::make_shared<const MilValue>(std::move(value));
  }

  // An operand, which is not needed by name once more.
  MilValuePointer take(const mil::Binding& binding, const std::string& where) {
    if (binding.name.empty())
      return std::make_shared<const MilValue>(decode_constant(*binding.value, options_.file, where));
    MilValuePointer result = value(binding.name);
    if (--uses_[binding.name] == 0) values_.erase(binding.name);
    return result;
  }

  // Up to iOS17, operands of constexpr operations are attributes.
  MilCall::Operand operand(const mil::Operation& operation, const MilParameter& parameter) {
    MilCall::Operand result{&parameter, {}};
    const std::string where = place_of(operation);
    if (const mil::Argument* argument = operation.find(parameter.name)) {
      for (const mil::Binding& binding : argument->bindings) result.values.push_back(take(binding, where));
    } else if (const mil::Value* attribute = operation.attribute(parameter.name)) {
      result.values.push_back(
          std::make_shared<const MilValue>(decode_constant(*attribute, options_.file, where)));
    }
    return result;
  }

  void evaluate(const mil::Operation& operation) {
    if (operation.type == "const") return evaluate_constant(operation);
    const MilDefinition* definition = find_definition(operation.type, opset_);
    std::vector<MilCall::Operand> operands;
    for (const MilParameter& parameter : definition->parameters)
      operands.push_back(operand(operation, parameter));
    const MilCall call(operation, std::move(operands), options_.file, options_.most_elements);
    std::vector<Tensor> results = definition->evaluate(call);
    if (results.size() != operation.outputs.size())
      call.fail(fmt::format("makes {} values where the program names {}", results.size(),
                            operation.outputs.size()));
    for (size_t i = 0; i < results.size(); ++i) {
      const mil::NamedType& output = operation.outputs[i];
      const bool dictionary = output.type.kind == mil::Type::Kind::Dict;
      if (dictionary ? results[i].data.empty()
                     : !output.type.is_tensor() || !has_shape(results[i], output.type))
        call.fail(fmt::format("{} has the shape {}, which is not the declared {}", output.name,
                              to_string(results[i].shape), output.type.text()));
      if (const float* wrong = misfit(results[i], output.type.element))
        call.fail(fmt::format("{} holds {}, and how that becomes {} is not known", output.name, *wrong,
                              mil::name_of(output.type.element)));
      finish(operation, i, {output.type.element, std::move(results[i]), {}});
    }
  }

  void evaluate_constant(const mil::Operation& operation) {
    MilValue constant = decode_constant(*operation.attribute("val"), options_.file, place_of(operation));
    if (operation.outputs.size() != 1)
      throw Error(options_.file, place_of(operation), "a constant has one output");
    finish(operation, 0, std::move(constant));
  }

  void finish(const mil::Operation& operation, size_t index, MilValue value) {
    if (options_.observe && value.type != mil::DataType::String)
      options_.observe(operation, index, value.tensor);
    keep(operation.outputs[index].name, std::move(value));
  }

  const mil::Function& function_;
  const MilOptions& options_;
  const int opset_;
  std::map<std::string, int64_t> uses_;  // still to come
  std::map<std::string, MilValuePointer> values_;
};

}  // namespace

std::map<std::string, Tensor> evaluate_mil(const mil::Function& function,
                                           const std::map<std::string, Tensor>& inputs,
                                           const MilOptions& options) {
  return Evaluation(function, options).run(inputs);
}

}  // namespace ane::reference
