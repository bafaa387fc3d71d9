#include "mil/program.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/half.h"
#include "base/parallel.h"
#include "mil/element.h"

namespace ane::mil {

namespace {

constexpr int64_t parallel_grain = 1 << 16;

struct ElementFacts {
  const char* name;
  int bits;
  ElementKind kind;
};

// In the order of DataType. Names: coremltools, mil/types (the text of fp8e4m3fn also in what coremlc writes
// for constexpr_blockwise_shift_scale).
constexpr std::array<ElementFacts, 22> elements = {{
    {"bool", 8, ElementKind::Truth},         {"string", 0, ElementKind::Text},
    {"fp16", 16, ElementKind::Floating},     {"fp32", 32, ElementKind::Floating},
    {"fp64", 64, ElementKind::Floating},     {"bf16", 16, ElementKind::Floating},
    {"fp8e4m3fn", 8, ElementKind::Floating}, {"fp8e5m2", 8, ElementKind::Floating},
    {"int4", 4, ElementKind::Signed},        {"int8", 8, ElementKind::Signed},
    {"int16", 16, ElementKind::Signed},      {"int32", 32, ElementKind::Signed},
    {"int64", 64, ElementKind::Signed},      {"uint1", 1, ElementKind::Unsigned},
    {"uint2", 2, ElementKind::Unsigned},     {"uint3", 3, ElementKind::Unsigned},
    {"uint4", 4, ElementKind::Unsigned},     {"uint6", 6, ElementKind::Unsigned},
    {"uint8", 8, ElementKind::Unsigned},     {"uint16", 16, ElementKind::Unsigned},
    {"uint32", 32, ElementKind::Unsigned},   {"uint64", 64, ElementKind::Unsigned},
}};
static_assert(elements.size() == static_cast<size_t>(DataType::UInt64) + 1);

const ElementFacts& facts(DataType type) {
  return elements[static_cast<size_t>(type)];
}

std::string dimension_text(int64_t dimension) {
  return dimension == unknown_dimension ? "?" : std::to_string(dimension);
}

void need_numbers(const Value& value) {
  ensure(value.type.is_tensor() && value.type.element != DataType::String, "a value is no tensor of numbers");
}

template <typename T, typename At>
std::vector<T> decode(const Value& value, At at) {
  std::vector<T> decoded(static_cast<size_t>(value.count()));
  parallel_for(value.count(), parallel_grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) decoded[i] = static_cast<T>(at(value.type.element, value.bytes, i));
  });
  return decoded;
}

std::vector<float> decode_halves(const Value& value) {
  const std::span<const Half> halves(reinterpret_cast<const Half*>(value.bytes.data()),
                                     static_cast<size_t>(value.count()));
  std::vector<float> decoded(halves.size());
  parallel_for(value.count(), parallel_grain, [&](int64_t begin, int64_t end) {
    const auto first = static_cast<size_t>(begin), count = static_cast<size_t>(end - begin);
    to_float(halves.subspan(first, count), std::span(decoded).subspan(first, count));
  });
  return decoded;
}

}  // namespace

const char* name_of(DataType type) {
  return facts(type).name;
}

std::optional<DataType> data_type(std::string_view name) {
  const auto found = std::find_if(elements.begin(), elements.end(),
                                  [&](const ElementFacts& element) { return name == element.name; });
  if (found == elements.end()) return std::nullopt;
  return static_cast<DataType>(found - elements.begin());
}

int bits_of(DataType type) {
  return facts(type).bits;
}

ElementKind kind_of(DataType type) {
  return facts(type).kind;
}

// ---- Types ----

int64_t Type::count() const {
  int64_t count = 1;
  for (const int64_t dimension : shape) {
    if (dimension == unknown_dimension) return -1;
    count *= dimension;
  }
  return count;
}

std::string Type::text() const {
  std::vector<std::string> inner;
  for (const Type& part : parts) inner.push_back(part.text());
  switch (kind) {
    case Kind::Tensor: {
      if (scalar_spelling && shape.empty()) return name_of(element);
      std::vector<std::string> dimensions;
      for (const int64_t dimension : shape) dimensions.push_back(dimension_text(dimension));
      return fmt::format("tensor<{}, [{}]>", name_of(element), fmt::join(dimensions, ", "));
    }
    case Kind::List:
      return fmt::format("list<{}, {}>", inner.at(0), dimension_text(shape.at(0)));
    case Kind::Tuple:
      return fmt::format("tuple<{}>", fmt::join(inner, ", "));
    case Kind::Dict:
      return fmt::format("dict<{}>", fmt::join(inner, ", "));
    case Kind::State:
      return fmt::format("state<{}>", inner.at(0));
  }
  throw InternalError("unknown kind of MIL type");
}

bool operator==(const Type& a, const Type& b) {
  return a.kind == b.kind && (!a.is_tensor() || a.element == b.element) && a.shape == b.shape &&
         a.parts == b.parts;
}

// ---- Values ----

int64_t Value::count() const {
  if (const int64_t count = type.count(); count >= 0) return count;
  if (type.element == DataType::String) return static_cast<int64_t>(strings.size());
  return static_cast<int64_t>(bytes.size()) * 8 / bits_of(type.element);
}

std::vector<float> Value::floats() const {
  need_numbers(*this);
  if (type.element == DataType::Float16) return decode_halves(*this);
  return decode<float>(*this, number_at);
}

std::vector<int64_t> Value::integers() const {
  need_numbers(*this);
  ensure(kind_of(type.element) != ElementKind::Floating, "a value is no tensor of integers");
  return decode<int64_t>(*this, integer_at);
}

float Value::number() const {
  need_numbers(*this);
  ensure(count() == 1, "a value has not one element");
  return static_cast<float>(number_at(type.element, bytes, 0));
}

int64_t Value::integer() const {
  need_numbers(*this);
  ensure(count() == 1 && kind_of(type.element) != ElementKind::Floating, "a value is not one integer");
  return integer_at(type.element, bytes, 0);
}

bool Value::boolean() const {
  ensure(type.is_tensor() && type.element == DataType::Bool && count() == 1, "a value is not one truth");
  return bytes[0] != 0;
}

const std::string& Value::string() const {
  ensure(type.is_tensor() && strings.size() == 1, "a value is not one string");
  return strings[0];
}

// ---- Programs ----

const Argument* Operation::find(const std::string& parameter) const {
  const auto found = std::find_if(inputs.begin(), inputs.end(),
                                  [&](const Argument& argument) { return argument.parameter == parameter; });
  return found == inputs.end() ? nullptr : &*found;
}

const Value* Operation::attribute(const std::string& name) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const Attribute& attribute) { return attribute.name == name; });
  return found == attributes.end() ? nullptr : found->value.get();
}

std::string Operation::label() const {
  if (const Value* name = attribute("name"); name && name->strings.size() == 1) return name->strings[0];
  return outputs.empty() ? type : outputs[0].name;
}

const Function* Program::find(const std::string& function) const {
  const auto found = std::find_if(functions.begin(), functions.end(),
                                  [&](const Function& candidate) { return candidate.name == function; });
  return found == functions.end() ? nullptr : &*found;
}

}  // namespace ane::mil
