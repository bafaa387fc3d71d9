// Operations on constants. A program computes shapes and indices in integers, which the engine does not have,
// so these must be known before it runs. Compilers of MIL do most of that themselves; what they leave is
// small. Operations on constants without a rule here become units, and run on the engine.
#include <algorithm>
#include <cmath>

#include "import/mil_fold.h"
#include "mil/element.h"

namespace ane::import {

namespace {

using mil::DataType;
using mil::ElementKind;
using mil::ValuePointer;

constexpr int64_t most_elements = int64_t{1} << 26;  // that anything but a view is made of
constexpr size_t longest_list = size_t{1} << 16;  // that is joined here, so that lists cannot grow and grow

// An array of numbers. Integers beyond 2^53 do not occur in shapes.
struct Array {
  std::vector<int64_t> shape;
  std::vector<double> numbers;
};

std::optional<Array> array_of(const ValuePointer& value) {
  const bool numeric = value && value->type.is_tensor() && value->type.element != DataType::String;
  if (!numeric || value->count() > most_elements) return std::nullopt;
  Array array{value->type.shape, std::vector<double>(static_cast<size_t>(value->count()))};
  for (int64_t i = 0; i < value->count(); ++i)
    array.numbers[static_cast<size_t>(i)] = mil::number_at(value->type.element, value->bytes, i);
  return array;
}

uint64_t encode(DataType type, double number) {
  switch (mil::kind_of(type)) {
    case ElementKind::Floating:
      return mil::encode_floating(type, number);
    case ElementKind::Truth:
      return number != 0;
    default:
      if (std::isnan(number)) throw Refusal{"makes an integer of what is no number"};
      return static_cast<uint64_t>(static_cast<int64_t>(std::clamp(number, -0x1p62, 0x1p62)));
  }
}

ValuePointer value_of(const OperationImport& at, const std::vector<double>& numbers) {
  return made_value(at, static_cast<int64_t>(numbers.size()),
                    [&](int64_t i) { return numbers[static_cast<size_t>(i)]; });
}

using Operator = std::function<double(double, double)>;

const std::map<std::string, Operator> operators = {
    {"add", std::plus<double>()},
    {"sub", std::minus<double>()},
    {"mul", std::multiplies<double>()},
    {"real_div", std::divides<double>()},
    {"floor_div", [](double a, double b) { return std::floor(a / b); }},
    {"mod", [](double a, double b) { return a - b * std::floor(a / b); }},
    {"maximum", [](double a, double b) { return std::max(a, b); }},
    {"minimum", [](double a, double b) { return std::min(a, b); }},
};

// Of equal shapes, or with one number.
ValuePointer arithmetic(const OperationImport& at, const Operator& apply) {
  const auto x = array_of(at.constant("x")), y = array_of(at.constant("y"));
  if (!x || !y) return nullptr;
  const size_t count = std::max(x->numbers.size(), y->numbers.size());
  const bool fits = x->shape == y->shape || x->numbers.size() == 1 || y->numbers.size() == 1;
  if (!fits || x->numbers.empty() || y->numbers.empty()) return nullptr;
  std::vector<double> result(count);
  for (size_t i = 0; i < count; ++i) {
    result[i] = apply(x->numbers[i % x->numbers.size()], y->numbers[i % y->numbers.size()]);
    if (std::isnan(result[i])) return nullptr;
  }
  return value_of(at, result);
}

// The same bytes in the declared shape.
ValuePointer view(const OperationImport& at) {
  const ValuePointer x = at.constant("x");
  if (!x || x->type.element != at.declared().element || x->count() != at.declared().count()) return nullptr;
  auto value = std::make_shared<mil::Value>(*x);
  value->type = at.declared();
  return value;
}

ValuePointer cast(const OperationImport& at) {
  auto x = array_of(at.constant(at.has("source_val") ? "source_val" : "x"));
  if (!x) return nullptr;
  if (mil::kind_of(at.declared().element) != ElementKind::Floating &&
      mil::kind_of(at.declared().element) != ElementKind::Truth)
    for (double& number : x->numbers) number = std::trunc(number);
  return value_of(at, x->numbers);
}

ValuePointer shape(const OperationImport& at) {
  std::vector<double> lengths;
  for (const int64_t length : at.type("x").shape) {
    at.require(length != mil::unknown_dimension, "asks for an unknown length");
    lengths.push_back(static_cast<double>(length));
  }
  return value_of(at, lengths);
}

ValuePointer transpose(const OperationImport& at) {
  const auto x = array_of(at.constant("x"));
  if (!x) return nullptr;
  const size_t rank = x->shape.size();
  const std::vector<int64_t> perm = at.integers("perm", rank, 0);
  // What one step along each axis of the result is in the elements of x.
  std::vector<int64_t> strides(rank, 1), steps(rank), shape(rank);
  for (size_t i = rank; i-- > 1;) strides[i - 1] = strides[i] * x->shape[i];
  for (size_t i = 0; i < rank; ++i) {
    const size_t from = at.axis_index(perm[i], rank);
    steps[i] = strides[from];
    shape[i] = x->shape[from];
  }
  std::vector<double> result(x->numbers.size());
  for (size_t i = 0; i < result.size(); ++i) {
    int64_t rest = static_cast<int64_t>(i), from = 0;
    for (size_t axis = rank; axis-- > 0;) {
      from += rest % shape[axis] * steps[axis];
      rest /= shape[axis];
    }
    at.require(from < static_cast<int64_t>(result.size()), "perm names an axis twice");
    result[i] = x->numbers[static_cast<size_t>(from)];
  }
  return value_of(at, result);
}

// Lists, as shapes are: along their only axis.

ValuePointer gather(const OperationImport& at) {
  const auto x = array_of(at.constant("x"));
  if (!x || x->shape.size() != 1) return nullptr;
  std::vector<double> result;
  for (int64_t index : at.integers("indices")) {
    const auto length = static_cast<int64_t>(x->numbers.size());
    if (index < 0) index += length;
    at.require(index >= 0 && index < length, "takes an element that is not there");
    result.push_back(x->numbers[static_cast<size_t>(index)]);
  }
  return value_of(at, result);
}

ValuePointer concat(const OperationImport& at) {
  std::vector<double> result;
  for (size_t i = 0; i < at.count("values"); ++i) {
    const auto part = array_of(at.constant("values", i));
    if (!part || part->shape.size() != 1) return nullptr;
    result.insert(result.end(), part->numbers.begin(), part->numbers.end());
    if (result.size() > longest_list) return nullptr;
  }
  if (at.flag("interleave", false)) return nullptr;
  return value_of(at, result);
}

ValuePointer slice(const OperationImport& at) {
  const auto x = array_of(at.constant("x"));
  if (!x || x->shape.size() != 1 || at.integers("stride", 1, 1)[0] != 1) return nullptr;
  const auto length = static_cast<int64_t>(x->numbers.size());
  int64_t begin = at.integers("begin", 1, 0)[0], end = at.integers("end", 1, 0)[0];
  begin = at.integers("begin_mask", 1, 0)[0] != 0 ? 0 : begin < 0 ? begin + length : begin;
  end = at.integers("end_mask", 1, 0)[0] != 0 ? length : end < 0 ? end + length : end;
  if (at.integers("squeeze_mask", 1, 0)[0] != 0) end = begin + 1;
  at.require(begin >= 0 && begin < end && end <= length, "takes elements that are not there");
  return value_of(at, {x->numbers.begin() + begin, x->numbers.begin() + end});
}

using Rule = ValuePointer (*)(const OperationImport&);

const std::map<std::string, Rule> rules = {
    {"cast", cast},
    {"concat", concat},
    {"constexpr_affine_dequantize", expand_affine},
    {"constexpr_blockwise_shift_scale", expand_blockwise},
    {"constexpr_cast", cast},
    {"constexpr_lut_to_dense", expand_palette},
    {"constexpr_sparse_to_dense", expand_sparse},
    {"expand_dims", view},
    {"gather", gather},
    {"identity", view},
    {"reshape", view},
    {"shape", shape},
    {"slice_by_index", slice},
    {"squeeze", view},
    {"transpose", transpose},
};

}  // namespace

ValuePointer made_value(const OperationImport& at, int64_t elements,
                        const std::function<double(int64_t)>& number) {
  const mil::Type& type = at.declared();
  at.require(type.is_tensor() && type.element != DataType::String, "gives no numbers");
  at.require(type.count() == elements,
             "gives " + std::to_string(elements) + " values where " + type.text() + " is declared");
  mil::ElementWriter writer(mil::bits_of(type.element));
  for (int64_t i = 0; i < elements; ++i) writer.put(encode(type.element, number(i)));
  auto bytes = std::make_shared<const Bytes>(writer.take());
  auto value = std::make_shared<mil::Value>();
  value->type = type;
  value->bytes = *bytes;
  value->owner = bytes;
  return value;
}

std::optional<std::vector<ValuePointer>> fold(const OperationImport& at) {
  ValuePointer result;
  if (const auto found = operators.find(at.operation.type); found != operators.end())
    result = arithmetic(at, found->second);
  else if (const auto rule = rules.find(at.operation.type); rule != rules.end())
    result = rule->second(at);
  if (!result) return std::nullopt;
  return std::vector{result};
}

}  // namespace ane::import
