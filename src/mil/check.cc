#include "mil/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/error.h"

namespace ane::mil {

namespace {

// A value without elements may have dimensions besides the zero, and a printer writes brackets for each.
constexpr int64_t largest_empty = 1 << 16;

// The product of all dimensions but unknown ones and zeros; largest_tensor + 1 when it is above
// largest_tensor.
int64_t bounded_product(const std::vector<int64_t>& shape) {
  int64_t product = 1;
  for (const int64_t dimension : shape) {
    if (dimension == unknown_dimension || dimension == 0) continue;
    if (dimension > largest_tensor / product) return largest_tensor + 1;
    product *= dimension;
  }
  return product;
}

class FunctionCheck {
 public:
  FunctionCheck(const Program& program, const Function& function)
      : file_(program.file), function_(function.name) {}

  void check(const Function& function) {
    where_ = fmt::format("function {}", function_);
    check_attributes(function.attributes);
    define(function.inputs);
    require(!function.block.outputs.empty(), "has no outputs");
    check_block(function.block, 0);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { throw Error(file_, where_, why); }
  void require(bool condition, const std::string& why) const {
    if (!condition) fail(why);
  }

  void define(const std::vector<NamedType>& values) {
    for (const NamedType& value : values) {
      require(!value.name.empty(), "defines a value without a name");
      require(names_.insert(value.name).second,
              fmt::format("defines '{}', which is there already", value.name));
      defined_.push_back(value.name);
    }
  }

  void need(const std::string& name) const {
    require(names_.contains(name), fmt::format("uses '{}', which nothing before it defines", name));
  }

  void check_attributes(const std::vector<Attribute>& attributes) const {
    std::unordered_set<std::string_view> seen;
    for (const Attribute& attribute : attributes)
      require(seen.insert(attribute.name).second, fmt::format("gives attribute {} twice", attribute.name));
  }

  // A block's own names end with it.
  void check_block(const Block& block, int depth) {
    require(depth <= deepest_blocks, "nests blocks too deep");
    const size_t outside = defined_.size();
    define(block.inputs);
    check_attributes(block.attributes);
    const std::string block_place = where_;
    for (const Operation& operation : block.operations) check_operation(operation, depth);
    where_ = block_place;
    for (const std::string& output : block.outputs)
      require(names_.contains(output), fmt::format("gives '{}', which nothing defines", output));
    for (size_t i = outside; i < defined_.size(); ++i) names_.erase(defined_[i]);
    defined_.resize(outside);
  }

  void check_operation(const Operation& operation, int depth) {
    where_ =
        operation.line > 0 ? fmt::format("line {}", operation.line) : fmt::format("function {}", function_);
    where_ += fmt::format(", operation '{}' ({})", operation.label(), operation.type);
    std::unordered_set<std::string_view> seen;
    for (const Argument& argument : operation.inputs) {
      require(seen.insert(argument.parameter).second, fmt::format("gives {} twice", argument.parameter));
      require(argument.tuple || argument.bindings.size() == 1,
              fmt::format("gives {} no value", argument.parameter));
      for (const Binding& binding : argument.bindings)
        if (!binding.value) need(binding.name);
    }
    check_attributes(operation.attributes);
    if (operation.type == "const") check_constant(operation);
    for (const Block& block : operation.blocks) check_block(block, depth + 1);
    define(operation.outputs);
  }

  void check_constant(const Operation& operation) const {
    const Value* value = operation.attribute("val");
    require(value && operation.outputs.size() == 1, "must have a value, val, and one output");
    require(value->type == operation.outputs[0].type,
            fmt::format("has a value of type {} where {} must be", value->type.text(),
                        operation.outputs[0].type.text()));
  }

  const std::string& file_;
  const std::string& function_;
  std::string where_;
  std::unordered_set<std::string_view> names_;
  std::vector<std::string_view> defined_;  // the visible names, in the order of their definition
};

}  // namespace

std::string type_fault(const Type& type) {
  if (!type.is_tensor()) return "";
  if (type.shape.size() > largest_rank)
    return fmt::format("has {} dimensions; more than {} are not supported", type.shape.size(), largest_rank);
  if (bounded_product(type.shape) > largest_tensor) return "has too many elements";
  return "";
}

std::string value_type_fault(const Type& type) {
  if (!type.is_tensor()) return "";
  const auto open = std::count(type.shape.begin(), type.shape.end(), unknown_dimension);
  // With one dimension open, the number of bytes tells its size; not so between zeros, or below 8 bits.
  const bool empty = std::find(type.shape.begin(), type.shape.end(), 0) != type.shape.end();
  const int bits = bits_of(type.element);
  if (open > 1 || (open == 1 && (empty || (bits > 0 && bits < 8))))
    return "leaves more open than the value can tell";
  if (empty && bounded_product(type.shape) > largest_empty) return "has too large dimensions for no elements";
  return "";
}

void check_program(const Program& program) {
  if (program.functions.empty()) throw Error(program.file, "", "the program has no functions");
  std::unordered_set<std::string_view> names;
  for (const Function& function : program.functions) {
    if (!names.insert(function.name).second)
      throw Error(program.file, "", fmt::format("function {} is there twice", function.name));
    FunctionCheck(program, function).check(function);
  }
}

}  // namespace ane::mil
