// Access to the operation at hand. A reader has checked that names exist and that values have their elements;
// that an operand is of the right kind is checked here, and whatever is not refuses this one operation.
#include "import/mil_operation.h"

#include <algorithm>

#include "base/error.h"
#include "mil/element.h"

namespace ane::import {

namespace {

using aneir::Axis;
using aneir::ElementType;
using aneir::Shape;
using aneir::TensorId;

bool is_numeric(const mil::Type& type) {
  return type.is_tensor() && type.element != mil::DataType::String;
}

bool is_comparison(const aneir::ElementWise& elementwise) {
  using Op = aneir::ElementWiseOp;
  switch (elementwise.op) {
    case Op::Equal:
    case Op::NotEqual:
    case Op::LessThan:
    case Op::GreaterThan:
    case Op::LessEqual:
    case Op::GreaterEqual:
      return true;
    default:
      return false;
  }
}

// The element type of a unit's result. What only moves elements keeps theirs.
ElementType result_type(const aneir::Network& network, const aneir::Params& params,
                        const std::vector<TensorId>& bottoms) {
  if (const auto* cast = std::get_if<aneir::Cast>(&params)) return cast->type;
  if (const auto* constant = std::get_if<aneir::ConstantTensor>(&params))
    return constant->values.type == ElementType::UInt8 ? ElementType::UInt8 : ElementType::Float16;
  if (const auto* elementwise = std::get_if<aneir::ElementWise>(&params))
    return is_comparison(*elementwise) ? ElementType::UInt8 : ElementType::Float16;
  if (const auto* neuron = std::get_if<aneir::Neuron>(&params))
    return neuron->type == aneir::NeuronType::LogicalNot ? ElementType::UInt8 : ElementType::Float16;
  if (std::holds_alternative<aneir::Select>(params)) return network.tensor(bottoms[1]).type;
  const bool moves =
      std::holds_alternative<aneir::Reshape>(params) || std::holds_alternative<aneir::Transpose>(params) ||
      std::holds_alternative<aneir::InputView>(params) || std::holds_alternative<aneir::Concat>(params) ||
      std::holds_alternative<aneir::Broadcast>(params);
  return moves ? network.tensor(bottoms[0]).type : ElementType::Float16;
}

}  // namespace

namespace {

// Whether axes before Height are longer than the engine's Channel alone can be.
bool is_merged(const std::vector<int64_t>& shape) {
  if (shape.size() <= 4) return false;
  return std::any_of(shape.begin(), shape.end() - 3, [](int64_t length) { return length != 1; });
}

int64_t product(const std::vector<int64_t>& shape, size_t begin, size_t end) {
  int64_t count = 1;
  for (size_t i = begin; i < end; ++i) count = aneir::saturating_product({count, shape[i]});
  return count;
}

}  // namespace

std::optional<Axis> engine_axis(const std::vector<int64_t>& shape, size_t index) {
  constexpr Axis from_end[] = {Axis::Width, Axis::Height, Axis::Channel, Axis::Batch};
  const size_t distance = shape.size() - 1 - index;
  const size_t there = is_merged(shape) ? 2 : std::size(from_end);
  return distance < there ? std::optional(from_end[distance]) : std::nullopt;
}

aneir::Shape engine_shape(const mil::Type& type) {
  aneir::Shape shape;
  const std::vector<int64_t>& lengths = type.shape;
  for (size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] == mil::unknown_dimension) throw Refusal{type.text() + " has an axis of unknown length"};
    if (const std::optional<Axis> axis = engine_axis(lengths, i)) shape[*axis] = lengths[i];
  }
  if (is_merged(lengths)) shape.c = product(lengths, 0, lengths.size() - 2);
  const std::string trouble = aneir::trouble_of(shape);
  if (!trouble.empty()) throw Refusal{trouble};
  return shape;
}

// Merged channels are cut where the axes before are 1; else rows of whole columns are.
Cut cut_along(const std::vector<int64_t>& shape, size_t index) {
  mil::Type type;
  type.shape = shape;
  const aneir::Shape whole = engine_shape(type);
  if (const std::optional<Axis> axis = engine_axis(shape, index)) return {whole, *axis, 1};
  const int64_t outer = product(shape, 0, index);
  if (!is_merged(shape)) return {whole, Axis::Batch, 1};  // of length 1, before the batch
  if (outer == 1) return {whole, Axis::Channel, product(shape, index + 1, shape.size() - 2)};
  const int64_t unit = product(shape, index + 1, shape.size() - 1);
  return {{1, 1, outer, aneir::saturating_product({shape[index], unit}), shape.back()}, Axis::Height, unit};
}

// Channels where nothing lies before, for their elements lie together. Else rows, as long as what lies behind
// them fits one.
LoneAxis alone_along(const std::vector<int64_t>& shape, size_t first, size_t end) {
  constexpr int64_t longest_row = 16384;
  const size_t rank = shape.size(), last = std::max(end, rank - 1);
  const int64_t before = product(shape, 0, first), length = product(shape, first, end),
                behind = product(shape, end, rank);
  const int64_t row = product(shape, last, rank);
  if (before == 1) return {{1, 1, length, behind / row, row}, Axis::Channel};
  if (behind <= longest_row) return {{1, 1, before, length, behind}, Axis::Height};
  return {{before, 1, length, behind / row, row}, Axis::Channel};
}

ElementType engine_type(const mil::Type& type) {
  if (type.is_tensor()) {
    if (type.element == mil::DataType::Float16 || type.element == mil::DataType::Float32)
      return ElementType::Float16;
    if (type.element == mil::DataType::Bool) return ElementType::UInt8;
    if (is_integer(type)) return ElementType::Float16;
  }
  throw Refusal{type.text() + " is no type of the engine, which computes fp16 and bool"};
}

aneir::Constant constant_of(const mil::Value& value) {
  switch (value.type.element) {
    case mil::DataType::Float16:
      return {ElementType::Float16, value.owner, value.bytes};
    case mil::DataType::Float32:
      return {ElementType::Float32, value.owner, value.bytes};
    case mil::DataType::Bool:
      return {ElementType::UInt8, value.owner, value.bytes};
    default:
      return aneir::Constant::of_floats(value.floats());
  }
}

OperationImport::OperationImport(const mil::Operation& from, MilValues& values, aneir::Network& to)
    : operation(from), network(to), values_(values), label_(from.label()), first_unit_(to.units.size()) {}

// ---- Operands

// Some operations of older versions have their parameters as attributes.
std::optional<OperationImport::Operand> OperationImport::find(const std::string& parameter,
                                                              size_t index) const {
  const mil::Argument* argument = operation.find(parameter);
  if (!argument) {
    for (const mil::Attribute& attribute : operation.attributes)
      if (attribute.name == parameter && index == 0)
        return Operand{&attribute.value->type, attribute.value, nullptr};
    return std::nullopt;
  }
  if (index >= argument->bindings.size()) return std::nullopt;
  const mil::Binding& binding = argument->bindings[index];
  if (binding.name.empty()) return Operand{&binding.value->type, binding.value, nullptr};
  const auto found = values_.find(binding.name);
  require(found != values_.end(), "reads " + binding.name + ", which has no form here");
  return Operand{&found->second.type, found->second.constant, &found->second};
}

OperationImport::Operand OperationImport::operand(const std::string& parameter, size_t index) const {
  const std::optional<Operand> found = find(parameter, index);
  if (!found) refuse("lacks its parameter " + parameter);
  return *found;
}

bool OperationImport::has(const std::string& parameter) const {
  return find(parameter, 0).has_value();
}

size_t OperationImport::count(const std::string& parameter) const {
  const mil::Argument* argument = operation.find(parameter);
  return argument ? argument->bindings.size() : has(parameter) ? 1 : 0;
}

const mil::Type& OperationImport::type(const std::string& parameter, size_t index) const {
  return *operand(parameter, index).type;
}

aneir::Shape OperationImport::shape(const std::string& parameter, size_t index) const {
  return engine_shape(type(parameter, index));
}

int64_t OperationImport::bound(const std::string& parameter, size_t index) const {
  const Operand found = operand(parameter, index);
  if (found.type->is_tensor() && found.type->element == mil::DataType::Bool) return 1;
  require(is_integer(*found.type), parameter + " holds no integers");
  return found.constant ? bound_of(*found.constant) : found.named->bound;
}

TensorId OperationImport::tensor(const std::string& parameter, size_t index) {
  const Operand found = operand(parameter, index);
  if (found.named && found.named->tensor != aneir::no_tensor) return found.named->tensor;
  require(found.constant != nullptr, "reads " + parameter + ", which is no tensor");
  engine_type(*found.type);
  require(!is_integer(*found.type) || bound_of(*found.constant) <= most_exact_integer,
          parameter + " holds integers beyond 2048, which fp16 does not hold exactly");
  const TensorId tensor = constant_tensor(engine_shape(*found.type), constant_of(*found.constant));
  if (!found.named) return tensor;
  const mil::Binding& binding = operation.find(parameter)->bindings[index];
  network.units.back().name = network.tensor(tensor).name = binding.name;
  return found.named->tensor = tensor;
}

TensorId OperationImport::aligned(const std::string& parameter, const mil::Type& result) {
  const std::vector<int64_t>& own = type(parameter).shape;
  TensorId x = tensor(parameter);
  if (!is_merged(result.shape) || own.size() > result.shape.size()) return x;
  std::vector<int64_t> lengths(result.shape.size() - own.size(), 1);
  lengths.insert(lengths.end(), own.begin(), own.end());
  const size_t merged = lengths.size() - 2;
  if (product(lengths, 0, merged) > 1) x = repeated(x, lengths, result.shape, merged);
  return reshaped(x, {1, 1, product(lengths, 0, merged), lengths[merged], lengths[merged + 1]});
}

// Runs of axes of length 1 among the first `merged`, of `lengths`, are repeated to the lengths of `wanted`.
TensorId OperationImport::repeated(TensorId x, std::vector<int64_t>& lengths,
                                   const std::vector<int64_t>& wanted, size_t merged) {
  for (size_t first = 0; first < merged; ++first) {
    if (lengths[first] != 1 || wanted[first] == 1) continue;
    size_t end = first;
    for (; end < merged && lengths[end] == 1; ++end) lengths[end] = wanted[end];
    const LoneAxis run = alone_along(lengths, first, end);
    Shape once = run.shape;
    once[run.axis] = 1;
    x = broadcast(reshaped(x, once), run.shape);
  }
  return x;
}

mil::ValuePointer OperationImport::constant(const std::string& parameter, size_t index) const {
  const std::optional<Operand> found = find(parameter, index);
  return found ? found->constant : nullptr;
}

mil::ValuePointer OperationImport::known(const std::string& parameter, size_t index) const {
  const Operand found = operand(parameter, index);
  if (found.named && found.named->stands_in) throw Consequence{};
  require(found.constant != nullptr, parameter + " is computed at run time");
  return found.constant;
}

aneir::Constant OperationImport::numbers(const std::string& parameter, int64_t elements) const {
  const mil::ValuePointer value = known(parameter);
  require(is_numeric(value->type), parameter + " is no tensor of numbers");
  require(value->count() == elements, parameter + " holds " + std::to_string(value->count()) +
                                          " values where " + std::to_string(elements) + " are needed");
  return constant_of(*value);
}

const mil::Value& OperationImport::one_value(const std::string& parameter) const {
  const mil::ValuePointer value = known(parameter);
  require(is_numeric(value->type) && value->count() == 1, parameter + " is not one number");
  return *value;
}

std::optional<float> OperationImport::scalar(const std::string& parameter) const {
  const mil::ValuePointer value = constant(parameter);
  if (!value || !is_numeric(value->type) || value->count() != 1) return std::nullopt;
  return value->number();
}

float OperationImport::number(const std::string& parameter) const {
  return one_value(parameter).number();
}

float OperationImport::number(const std::string& parameter, float fallback) const {
  return has(parameter) ? number(parameter) : fallback;
}

int64_t OperationImport::integer(const std::string& parameter) const {
  const mil::Value& value = one_value(parameter);
  require(mil::kind_of(value.type.element) != mil::ElementKind::Floating, parameter + " is no integer");
  return value.integer();
}

int64_t OperationImport::integer(const std::string& parameter, int64_t fallback) const {
  return has(parameter) ? integer(parameter) : fallback;
}

bool OperationImport::flag(const std::string& parameter, bool fallback) const {
  return has(parameter) ? integer(parameter) != 0 : fallback;
}

std::string OperationImport::text(const std::string& parameter, const std::string& fallback) const {
  if (!has(parameter)) return fallback;
  const mil::ValuePointer value = known(parameter);
  require(value->strings.size() == 1, parameter + " is not one string");
  return value->strings[0];
}

std::vector<int64_t> OperationImport::integers(const std::string& parameter) const {
  const mil::ValuePointer value = known(parameter);
  const bool fits =
      is_numeric(value->type) && mil::kind_of(value->type.element) != mil::ElementKind::Floating;
  require(fits, parameter + " holds no integers");
  return value->integers();
}

std::vector<int64_t> OperationImport::integers(const std::string& parameter, size_t length,
                                               int64_t fallback) const {
  if (!has(parameter)) return std::vector<int64_t>(length, fallback);
  std::vector<int64_t> values = integers(parameter);
  require(values.size() == length, parameter + " holds " + std::to_string(values.size()) + " values where " +
                                       std::to_string(length) + " are needed");
  return values;
}

// ---- Axes

size_t OperationImport::axis_index(int64_t axis, size_t rank) const {
  const auto length = static_cast<int64_t>(rank);
  require(axis >= -length && axis < length,
          "axis " + std::to_string(axis) + " of a tensor of rank " + std::to_string(rank));
  return static_cast<size_t>(axis < 0 ? axis + length : axis);
}

Axis OperationImport::axis(int64_t axis, const std::vector<int64_t>& shape) const {
  const std::optional<Axis> found = engine_axis(shape, axis_index(axis, shape.size()));
  if (!found) refuse("works along axis " + std::to_string(axis) + " of " + std::to_string(shape.size()));
  return *found;
}

// ---- Results

const mil::Type& OperationImport::declared(size_t index) const {
  require(index < operation.outputs.size(), "has too few outputs");
  return operation.outputs[index].type;
}

TensorId OperationImport::add(aneir::Params params, std::vector<TensorId> bottoms) {
  // Units are named by name_results, once it is known which of them is the last.
  const std::string number = std::to_string(network.units.size() - first_unit_);
  const ElementType type = result_type(network, params, bottoms);
  const TensorId top = network.add_unit("", std::move(params), std::move(bottoms), label_,
                                        operation.outputs.at(0).name + "." + number);
  network.tensor(top).type = type;
  return top;
}

TensorId OperationImport::reshaped(TensorId tensor, const aneir::Shape& wanted) {
  return shape(tensor) == wanted ? tensor : add(aneir::Reshape{wanted}, {tensor});
}

TensorId OperationImport::broadcast(TensorId tensor, const aneir::Shape& wanted) {
  return shape(tensor) == wanted ? tensor : add(aneir::Broadcast{wanted, false}, {tensor});
}

TensorId OperationImport::constant_tensor(const aneir::Shape& shape, aneir::Constant values) {
  return add(aneir::ConstantTensor{shape, std::move(values)}, {});
}

TensorId OperationImport::neuron(TensorId x, aneir::NeuronType type, float alpha, float beta,
                                 float input_scale) {
  return add(aneir::Neuron{type, alpha, beta, input_scale}, {x});
}

TensorId OperationImport::linear(TensorId x, float scale, float offset) {
  return add(aneir::Goc{scale, offset, {}, {}}, {x});
}

TensorId OperationImport::binary(aneir::ElementWiseOp op, TensorId a, TensorId b) {
  return add(aneir::ElementWise{op, 1, false}, {a, b});
}

void OperationImport::name_results(const Tops& tops) {
  for (size_t i = first_unit_; i < network.units.size(); ++i) {
    aneir::Unit& unit = network.units[i];
    if (!unit.name.empty()) continue;  // a constant, which has its own
    unit.name = network.tensor(unit.top).name;
    const auto top = std::find(tops.begin(), tops.end(), unit.top);
    if (top == tops.end()) continue;
    const auto output = static_cast<size_t>(top - tops.begin());
    unit.name = tops.size() == 1 ? label_ : operation.outputs[output].name;
    network.tensor(unit.top).name = operation.outputs[output].name;
    network.tensor(unit.top).type = engine_type(declared(output));
  }
}

}  // namespace ane::import
