// Operations on constants. A program computes shapes and indices in integers, which the engine does not have,
// so these must be known before it runs. Compilers of MIL do most of that themselves; what they leave is
// small. Operations on constants without a rule here become units, and run on the engine.
#include <algorithm>
#include <cmath>

#include "base/parallel.h"
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
    {"pow", [](double a, double b) { return std::pow(a, b); }},
    {"equal", std::equal_to<double>()},
    {"not_equal", std::not_equal_to<double>()},
    {"less", std::less<double>()},
    {"less_equal", std::less_equal<double>()},
    {"greater", std::greater<double>()},
    {"greater_equal", std::greater_equal<double>()},
    {"logical_and", std::logical_and<double>()},
    {"logical_or", std::logical_or<double>()},
    {"logical_xor", [](double a, double b) { return (a != 0) != (b != 0); }},
};

// Where the elements of an operand that is broadcast to `shape` lie; by position in the result.
std::function<int64_t(int64_t)> broadcast_from(const std::vector<int64_t>& from,
                                               const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 0);
  int64_t stride = 1;
  for (size_t i = from.size(); i-- > 0;) {
    if (from[i] != 1) strides[shape.size() - from.size() + i] = stride;
    stride *= from[i];
  }
  return [=](int64_t position) {
    int64_t at = 0;
    for (size_t axis = shape.size(); axis-- > 0;) {
      at += position % shape[axis] * strides[axis];
      position /= shape[axis];
    }
    return at;
  };
}

std::optional<std::vector<int64_t>> common_shape(const std::vector<int64_t>& a,
                                                 const std::vector<int64_t>& b) {
  std::vector<int64_t> shape = a.size() > b.size() ? a : b;
  const std::vector<int64_t>& other = a.size() > b.size() ? b : a;
  for (size_t i = 0; i < other.size(); ++i) {
    int64_t& length = shape[shape.size() - other.size() + i];
    if (length != other[i] && length != 1 && other[i] != 1) return std::nullopt;
    length = length == 1 ? other[i] : length;
  }
  return shape;
}

int64_t count_of(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t length : shape) count *= length;
  return count;
}

Values one(ValuePointer value) {
  return value ? Values{std::move(value)} : Values{};
}

Values arithmetic(const OperationImport& at, const Operator& apply) {
  const auto x = array_of(at.constant("x")), y = array_of(at.constant("y"));
  if (!x || !y || x->numbers.empty() || y->numbers.empty()) return {};
  const auto shape = common_shape(x->shape, y->shape);
  if (!shape || count_of(*shape) > most_elements) return {};
  const auto from_x = broadcast_from(x->shape, *shape), from_y = broadcast_from(y->shape, *shape);
  std::vector<double> result(static_cast<size_t>(count_of(*shape)));
  for (size_t i = 0; i < result.size(); ++i) {
    const auto position = static_cast<int64_t>(i);
    result[i] = apply(x->numbers[static_cast<size_t>(from_x(position))],
                      y->numbers[static_cast<size_t>(from_y(position))]);
    if (std::isnan(result[i])) return {};
  }
  return one(value_of(at, result));
}

using Function = double (*)(double);

const std::map<std::string, Function> functions = {
    {"abs", [](double x) { return std::abs(x); }},
    {"ceil", [](double x) { return std::ceil(x); }},
    {"cos", [](double x) { return std::cos(x); }},
    {"erf", [](double x) { return std::erf(x); }},
    {"exp", [](double x) { return std::exp(x); }},
    {"exp2", [](double x) { return std::exp2(x); }},
    {"floor", [](double x) { return std::floor(x); }},
    {"logical_not", [](double x) { return x == 0 ? 1.0 : 0.0; }},
    {"relu", [](double x) { return std::max(x, 0.0); }},
    {"round", [](double x) { return std::nearbyint(x); }},
    {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
    {"sign", [](double x) { return x > 0   ? 1.0
                                   : x < 0 ? -1.0
                                           : 0.0; }},
    {"sin", [](double x) { return std::sin(x); }},
    {"sqrt", [](double x) { return std::sqrt(x); }},
    {"square", [](double x) { return x * x; }},
    {"tanh", [](double x) { return std::tanh(x); }},
};

Values applied(const OperationImport& at, Function apply) {
  auto x = array_of(at.constant("x"));
  if (!x) return {};
  for (double& number : x->numbers) {
    number = apply(number);
    if (std::isnan(number)) return {};
  }
  return one(value_of(at, x->numbers));
}

// The same bytes in the declared shape.
Values view(const OperationImport& at) {
  const ValuePointer x = at.constant("x");
  if (!x || x->type.element != at.declared().element || x->count() != at.declared().count()) return {};
  auto value = std::make_shared<mil::Value>(*x);
  value->type = at.declared();
  return one(value);
}

Values cast(const OperationImport& at) {
  auto x = array_of(at.constant(at.has("source_val") ? "source_val" : "x"));
  if (!x) return {};
  if (mil::kind_of(at.declared().element) != ElementKind::Floating &&
      mil::kind_of(at.declared().element) != ElementKind::Truth)
    for (double& number : x->numbers) number = std::trunc(number);
  return one(value_of(at, x->numbers));
}

Values select(const OperationImport& at) {
  const auto condition = array_of(at.constant("cond")), a = array_of(at.constant("a")),
             b = array_of(at.constant("b"));
  if (!condition || !a || !b || at.declared().count() < 0 || at.declared().count() > most_elements) return {};
  const std::vector<int64_t>& shape = at.declared().shape;
  for (const Array* operand : {&*condition, &*a, &*b})
    if (operand->numbers.empty() || common_shape(operand->shape, shape) != shape) return {};
  const auto from_condition = broadcast_from(condition->shape, shape),
             from_a = broadcast_from(a->shape, shape), from_b = broadcast_from(b->shape, shape);
  std::vector<double> result(static_cast<size_t>(at.declared().count()));
  for (size_t i = 0; i < result.size(); ++i) {
    const auto at_i = static_cast<int64_t>(i);
    result[i] = condition->numbers[static_cast<size_t>(from_condition(at_i))] != 0
                    ? a->numbers[static_cast<size_t>(from_a(at_i))]
                    : b->numbers[static_cast<size_t>(from_b(at_i))];
  }
  return one(value_of(at, result));
}

Values shape(const OperationImport& at) {
  std::vector<double> lengths;
  for (const int64_t length : at.type("x").shape) {
    at.require(length != mil::unknown_dimension, "asks for an unknown length");
    lengths.push_back(static_cast<double>(length));
  }
  return one(value_of(at, lengths));
}

Values filled(const OperationImport& at, const std::vector<int64_t>& shape) {
  for (const int64_t length : shape) at.require(length >= 0, "fills a negative length");
  int64_t count = 1;
  for (const int64_t length : shape) count = aneir::saturating_product({count, length});
  at.require(count <= most_elements, "fills " + std::to_string(count) + " elements");
  const double value = at.has("value") ? static_cast<double>(at.number("value")) : 0;
  return one(made_value(at, count, [=](int64_t) { return value; }));
}
Values fill(const OperationImport& at) {
  return filled(at, at.integers("shape"));
}
Values fill_like(const OperationImport& at) {
  return filled(at, at.type("ref_tensor").shape);
}

// start, start + step, ... before end
Values range(const OperationImport& at) {
  const auto number = [&](const char* parameter) { return static_cast<double>(at.number(parameter)); };
  const double start = number("start"), end = number("end"), step = number("step");
  const double count = std::ceil((end - start) / step);
  at.require(count >= 0 && count <= static_cast<double>(most_elements), "is no range");
  return one(made_value(at, static_cast<int64_t>(count),
                        [=](int64_t i) { return start + static_cast<double>(i) * step; }));
}

// The result whose elements along each axis are those of x at the positions listed, axes in the order `perm`.
Values picked(const OperationImport& at, const Array& x, const std::vector<std::vector<int64_t>>& positions,
              const std::vector<size_t>& perm, size_t output = 0) {
  const size_t rank = x.shape.size();
  std::vector<int64_t> strides(rank, 1);
  for (size_t i = rank; i-- > 1;) strides[i - 1] = strides[i] * x.shape[i];
  int64_t count = 1;
  for (const auto& list : positions)
    count = aneir::saturating_product({count, static_cast<int64_t>(list.size())});
  at.require(count <= most_elements, "makes too many elements");
  const ValuePointer value = made_value(
      at, count,
      [&](int64_t i) {
        int64_t from = 0;
        for (size_t axis = rank; axis-- > 0;) {
          const std::vector<int64_t>& list = positions[perm[axis]];
          const auto length = static_cast<int64_t>(list.size());
          from += list[static_cast<size_t>(i % length)] * strides[perm[axis]];
          i /= length;
        }
        return x.numbers[static_cast<size_t>(from)];
      },
      output);
  return one(value);
}

std::vector<size_t> in_order(size_t rank) {
  std::vector<size_t> perm(rank);
  for (size_t i = 0; i < rank; ++i) perm[i] = i;
  return perm;
}

std::vector<int64_t> positions_of(const Range& range) {
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < range.count; ++i) positions.push_back(range.begin + i * range.step);
  return positions;
}

std::vector<std::vector<int64_t>> all_positions(const std::vector<int64_t>& shape) {
  std::vector<std::vector<int64_t>> positions;
  for (const int64_t length : shape) positions.push_back(positions_of({0, length, 1}));
  return positions;
}

Values transpose(const OperationImport& at) {
  const auto x = array_of(at.constant("x"));
  if (!x) return {};
  std::vector<size_t> perm;
  for (const int64_t axis : at.integers("perm", x->shape.size(), 0)) {
    perm.push_back(at.axis_index(axis, x->shape.size()));
    at.require(std::count(perm.begin(), perm.end(), perm.back()) == 1, "perm names an axis twice");
  }
  return picked(at, *x, all_positions(x->shape), perm);
}

Values gather(const OperationImport& at) {
  const auto x = array_of(at.constant("x"));
  if (!x || x->shape.empty() || !at.constant("indices") || at.integer("batch_dims", 0) != 0) return {};
  const size_t axis = at.axis_index(at.integer("axis", 0), x->shape.size());
  auto positions = all_positions(x->shape);
  positions[axis] = at.integers("indices");
  for (int64_t& index : positions[axis]) {
    if (index < 0) index += x->shape[axis];
    at.require(index >= 0 && index < x->shape[axis], "takes an element that is not there");
  }
  return picked(at, *x, positions, in_order(x->shape.size()));
}

Values slice(const OperationImport& at) {
  const auto x = array_of(at.constant("x"));
  if (!x) return {};
  const std::vector<Range> ranges = slice_ranges(at);
  std::vector<std::vector<int64_t>> positions;
  for (size_t i = 0; i < ranges.size(); ++i) {
    const Range& range = ranges[i];
    at.require(range.begin >= 0 && range.count >= 1 && range.begin < x->shape[i] &&
                   range.count - 1 <= (x->shape[i] - 1 - range.begin) / range.step,
               "takes elements that are not there");
    positions.push_back(positions_of(range));
  }
  return picked(at, *x, positions, in_order(x->shape.size()));
}

Values tile(const OperationImport& at) {
  const auto x = array_of(at.constant("x"));
  if (!x) return {};
  const std::vector<int64_t> repetitions = at.integers("reps", x->shape.size(), 1);
  std::vector<std::vector<int64_t>> positions;
  for (size_t i = 0; i < repetitions.size(); ++i) {
    const int64_t length = aneir::saturating_product({x->shape[i], std::max<int64_t>(repetitions[i], 1)});
    at.require(repetitions[i] >= 1 && length <= most_elements, "repeats too often");
    positions.emplace_back();
    for (int64_t j = 0; j < length; ++j) positions.back().push_back(j % x->shape[i]);
  }
  return picked(at, *x, positions, in_order(x->shape.size()));
}

// Lists, as shapes are: along their only axis.
Values concat(const OperationImport& at) {
  std::vector<double> result;
  for (size_t i = 0; i < at.count("values"); ++i) {
    const auto part = array_of(at.constant("values", i));
    if (!part || part->shape.size() != 1) return {};
    result.insert(result.end(), part->numbers.begin(), part->numbers.end());
    if (result.size() > longest_list) return {};
  }
  if (at.flag("interleave", false)) return {};
  return one(value_of(at, result));
}

// Numbers become a list.
Values stack(const OperationImport& at) {
  std::vector<double> result;
  for (size_t i = 0; i < at.count("values"); ++i) {
    const auto part = array_of(at.constant("values", i));
    if (!part || !part->shape.empty() || result.size() >= longest_list) return {};
    result.push_back(part->numbers[0]);
  }
  return result.empty() ? Values{} : one(value_of(at, result));
}

Values split(const OperationImport& at) {
  const auto x = array_of(at.constant("x"));
  if (!x || x->shape.empty()) return {};
  const size_t axis = at.axis_index(at.integer("axis"), x->shape.size());
  Values results;
  int64_t offset = 0;
  for (size_t i = 0; i < at.operation.outputs.size(); ++i) {
    const std::vector<int64_t>& declared = at.declared(i).shape;
    at.require(declared.size() == x->shape.size() && declared[axis] <= x->shape[axis] - offset,
               "the pieces do not add up to the input");
    auto positions = all_positions(x->shape);
    positions[axis] = positions_of({offset, declared[axis], 1});
    results.push_back(picked(at, *x, positions, in_order(x->shape.size()), i)[0]);
    offset += declared[axis];
  }
  return results;
}

using Rule = Values (*)(const OperationImport&);

const std::map<std::string, Rule> rules = {
    {"cast", cast},
    {"concat", concat},
    {"constexpr_affine_dequantize", expand_affine},
    {"constexpr_blockwise_shift_scale", expand_blockwise},
    {"constexpr_cast", cast},
    {"constexpr_lut_to_dense", expand_palette},
    {"constexpr_lut_to_sparse", expand_sparse_palette},
    {"constexpr_sparse_blockwise_shift_scale", expand_sparse_blockwise},
    {"constexpr_sparse_to_dense", expand_sparse},
    {"expand_dims", view},
    {"fill", fill},
    {"fill_like", fill_like},
    {"flatten2d", view},
    {"gather", gather},
    {"identity", view},
    {"range_1d", range},
    {"reshape", view},
    {"select", select},
    {"shape", shape},
    {"slice_by_index", slice},
    {"split", split},
    {"squeeze", view},
    {"stack", stack},
    {"tile", tile},
    {"transpose", transpose},
};

}  // namespace

ValuePointer made_value(const OperationImport& at, int64_t elements,
                        const std::function<double(int64_t)>& number, size_t index) {
  constexpr int64_t grain = 1 << 16;
  mil::Type type = at.declared(index);
  at.require(type.is_tensor() && type.element != DataType::String, "gives no numbers");
  if (type.shape.size() == 1 && type.count() < 0) type.shape[0] = elements;
  at.require(type.count() == elements,
             "gives " + std::to_string(elements) + " values where " + type.text() + " is declared");
  const int width = mil::bits_of(type.element);
  auto value = std::make_shared<mil::Value>();
  value->type = type;
  if (width < 8) {
    mil::ElementWriter writer(width);
    for (int64_t i = 0; i < elements; ++i) writer.put(encode(type.element, number(i)));
    mil::own_bytes(*value, writer.take());
    return value;
  }
  const auto size = static_cast<size_t>(width / 8);
  Bytes bytes(static_cast<size_t>(elements) * size);
  parallel_for(elements, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      uint64_t bits = encode(type.element, number(i));
      for (size_t byte = 0; byte < size; ++byte, bits >>= 8)
        bytes[static_cast<size_t>(i) * size + byte] = static_cast<uint8_t>(bits);
    }
  });
  mil::own_bytes(*value, std::move(bytes));
  return value;
}

std::optional<Values> fold(const OperationImport& at) {
  Values results;
  if (const auto found = operators.find(at.operation.type); found != operators.end())
    results = arithmetic(at, found->second);
  else if (const auto function = functions.find(at.operation.type); function != functions.end())
    results = applied(at, function->second);
  else if (const auto rule = rules.find(at.operation.type); rule != rules.end())
    results = rule->second(at);
  if (results.empty()) return std::nullopt;
  return results;
}

}  // namespace ane::import
