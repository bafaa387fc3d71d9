#include "reference/mil_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/error.h"

namespace ane::reference {
namespace {

// Integers are read within 32 bits, so that products of two never overflow.
constexpr double integer_limit = 0x1p31;

MilParameter parse_parameter(std::string_view word) {
  using Presence = MilParameter::Presence;
  if (const size_t equals = word.find('='); equals != word.npos)
    return {std::string(word.substr(0, equals)), Presence::Default, std::string(word.substr(equals + 1))};
  if (word.ends_with('?')) return {std::string(word.substr(0, word.size() - 1)), Presence::Optional, ""};
  if (word.ends_with('*')) return {std::string(word.substr(0, word.size() - 1)), Presence::Many, ""};
  return {std::string(word), Presence::Required, ""};
}

// The declared shape; one open dimension is what the elements leave for it.
Shape constant_shape(const mil::Value& value) {
  Shape shape = value.type.shape;
  int64_t known = 1;
  for (const int64_t size : shape)
    if (size != mil::unknown_dimension) known *= size;
  for (int64_t& size : shape)
    if (size == mil::unknown_dimension) size = known == 0 ? 0 : value.count() / known;
  return shape;
}

}  // namespace

std::vector<MilParameter> parse_parameters(std::string_view line) {
  std::vector<MilParameter> parameters;
  while (!line.empty()) {
    const size_t end = std::min(line.find(' '), line.size());
    parameters.push_back(parse_parameter(line.substr(0, end)));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return parameters;
}

MilValue decode_constant(const mil::Value& value, const std::string& file, const std::string& where) {
  MilValue result;
  // Lists of labels, which no number depends on.
  if (value.type.kind == mil::Type::Kind::List && value.type.parts.size() == 1 &&
      value.type.parts[0].element == mil::DataType::String) {
    result.type = mil::DataType::String;
    return result;
  }
  if (!value.type.is_tensor()) throw Error(file, where, fmt::format("a {} is no tensor", value.type.text()));
  result.type = value.type.element;
  if (result.type == mil::DataType::String) {
    result.strings = value.strings;
  } else {
    result.tensor = {constant_shape(value), value.floats()};
  }
  return result;
}

std::string place_of(const mil::Operation& operation) {
  const std::string name = fmt::format("{} ({})", operation.label(), operation.type);
  return operation.line > 0 ? fmt::format("line {}, {}", operation.line, name) : name;
}

void MilCall::fail(const std::string& why) const {
  throw Error(file_, place_of(operation_), why);
}

const MilCall::Operand& MilCall::operand(const char* name) const {
  const auto found = std::find_if(operands_.begin(), operands_.end(),
                                  [&](const Operand& each) { return each.parameter->name == name; });
  ensure(found != operands_.end(), "a definition asks for a parameter that the table does not declare");
  return *found;
}

const MilValue* MilCall::value(const char* name) const {
  const Operand& from = operand(name);
  return from.values.empty() ? nullptr : from.values[0].get();
}

bool MilCall::bound(const char* name) const {
  return value(name) != nullptr;
}

mil::DataType MilCall::type(const char* name) const {
  const MilValue* given = value(name);
  ensure(given, "the type of an absent operand is asked for");
  return given->type;
}

const Tensor* MilCall::optional(const char* name) const {
  const MilValue* given = value(name);
  if (!given) return nullptr;
  if (given->type == mil::DataType::String) fail(fmt::format("{} is a string, not numbers", name));
  if (given->tensor.data.empty()) fail(fmt::format("{} is a tensor without elements", name));
  return &given->tensor;
}

const Tensor& MilCall::tensor(const char* name) const {
  const Tensor* given = optional(name);
  ensure(given, "an optional operand is taken as a required one");
  return *given;
}

std::vector<const Tensor*> MilCall::tensors(const char* name) const {
  std::vector<const Tensor*> result;
  for (const MilValuePointer& each : operand(name).values) {
    if (each->type == mil::DataType::String) fail(fmt::format("{} holds a string", name));
    if (each->tensor.data.empty()) fail(fmt::format("{} holds a tensor without elements", name));
    result.push_back(&each->tensor);
  }
  if (result.empty()) fail(fmt::format("{} is an empty tuple", name));
  return result;
}

std::vector<double> MilCall::numbers(const char* name) const {
  const Operand& from = operand(name);
  if (from.values.empty()) {
    if (from.parameter->presence != MilParameter::Presence::Default) return {};
    const std::string& text = from.parameter->default_text;
    return {text == "true" ? 1.0 : text == "false" ? 0.0 : std::strtod(text.c_str(), nullptr)};
  }
  std::vector<double> result;
  // A tuple of scalars reads as one list.
  for (const MilValuePointer& each : from.values) {
    if (each->type == mil::DataType::String) fail(fmt::format("{} is a string, not numbers", name));
    result.insert(result.end(), each->tensor.data.begin(), each->tensor.data.end());
  }
  return result;
}

int64_t MilCall::to_integer(const char* name, double number) const {
  if (!(std::abs(number) <= integer_limit) || number != std::floor(number))
    fail(fmt::format("{} is {}, not an integer of 32 bits", name, number));
  return static_cast<int64_t>(number);
}

double MilCall::number(const char* name) const {
  const std::vector<double> all = numbers(name);
  if (all.size() != 1) fail(fmt::format("{} has {} elements, not one", name, all.size()));
  return all[0];
}

int64_t MilCall::integer(const char* name) const {
  return to_integer(name, number(name));
}

int64_t MilCall::positive(const char* name) const {
  const int64_t result = integer(name);
  if (result < 1) fail(fmt::format("{} is {}, not positive", name, result));
  return result;
}

bool MilCall::flag(const char* name) const {
  return number(name) != 0;
}

const std::string& MilCall::text(const char* name) const {
  const MilValue* given = value(name);
  if (!given) return operand(name).parameter->default_text;
  if (given->type != mil::DataType::String || given->strings.size() != 1)
    fail(fmt::format("{} is not one string", name));
  return given->strings[0];
}

std::vector<int64_t> MilCall::integers(const char* name) const {
  std::vector<int64_t> result;
  for (const double each : numbers(name)) result.push_back(to_integer(name, each));
  return result;
}

std::vector<int64_t> MilCall::integers(const char* name, size_t count) const {
  std::vector<int64_t> result = integers(name);
  if (!bound(name)) return std::vector<int64_t>(count, result.at(0));
  if (result.size() != count)
    fail(fmt::format("{} has {} elements where {} are needed", name, result.size(), count));
  return result;
}

std::vector<int64_t> MilCall::positives(const char* name, size_t count) const {
  std::vector<int64_t> result = integers(name, count);
  for (const int64_t each : result)
    if (each < 1) fail(fmt::format("{} holds {}, which is not positive", name, each));
  return result;
}

std::vector<bool> MilCall::flags(const char* name, size_t count) const {
  const std::vector<int64_t> all = integers(name, count);
  std::vector<bool> result;
  for (const int64_t each : all) result.push_back(each != 0);
  return result;
}

size_t MilCall::axis_index(int64_t axis, size_t rank) const {
  const auto signed_rank = static_cast<int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank)
    fail(fmt::format("axis {} is outside of rank {}", axis, rank));
  return static_cast<size_t>(axis < 0 ? axis + signed_rank : axis);
}

size_t MilCall::axis(const char* name, size_t rank) const {
  return axis_index(integer(name), rank);
}

std::vector<bool> MilCall::axis_set(const char* name, size_t rank) const {
  std::vector<bool> set(rank, !bound(name));
  if (bound(name))
    for (const int64_t each : integers(name)) set[axis_index(each, rank)] = true;
  return set;
}

Tensor MilCall::by_channel(const char* name, float absent) const {
  const Shape& x = tensor("x").shape;
  if (x.size() < 3) fail(fmt::format("x has the shape {}, of less than three axes", to_string(x)));
  Shape shape(x.size(), 1);
  shape[1] = x[1];
  const Tensor* values = optional(name);
  if (!values) return make_tensor(shape, absent);
  if (values->shape != Shape{x[1]})
    fail(fmt::format("{} has the shape {} where x has {} channels", name, to_string(values->shape), x[1]));
  return reshaped(*values, shape);
}

const Shape& MilCall::checked(const Shape& shape) const {
  int64_t room = most_elements_;
  bool empty = false;
  for (const int64_t size : shape) {
    if (size < 0) fail(fmt::format("the result would have the shape {}", to_string(shape)));
    empty = empty || size == 0;
    room /= std::max<int64_t>(size, 1);
  }
  if (room == 0 && !empty)
    fail(fmt::format("the result would have the shape {}, which is more than {} elements", to_string(shape),
                     most_elements_));
  return shape;
}

Shape MilCall::common_shape(const Shape& a, const Shape& b) const {
  const std::optional<Shape> shape = broadcast_shape(a, b);
  if (!shape) fail(fmt::format("the shapes {} and {} do not match", to_string(a), to_string(b)));
  return checked(*shape);
}

}  // namespace ane::reference
