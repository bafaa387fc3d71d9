// The graph itself: shapes as numbers, constants as decoded arrays, and growing a network unit by unit.
#include "aneir/network.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "base/error.h"

namespace ane::aneir {
namespace {

template <typename T>
void widen(const uint8_t* bytes, std::span<float> values) {
  if constexpr (std::is_same_v<T, float>) {
    if (!values.empty()) std::memcpy(values.data(), bytes, values.size_bytes());
    return;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
    values[i] = static_cast<float>(value);
  }
}

void widen_halves(const uint8_t* bytes, std::span<float> values) {
  std::vector<Half> halves(values.size());
  if (!halves.empty()) std::memcpy(halves.data(), bytes, halves.size() * sizeof(Half));
  to_float(std::span<const Half>(halves), values);
}

}  // namespace

int64_t& Shape::operator[](Axis axis) {
  switch (axis) {
    case Axis::Batch:
      return n;
    case Axis::Depth:
      return d;
    case Axis::Channel:
      return c;
    case Axis::Height:
      return h;
    case Axis::Width:
      return w;
  }
  throw InternalError("no such axis");
}

int64_t Shape::operator[](Axis axis) const {
  return const_cast<Shape&>(*this)[axis];
}

std::string Shape::text() const {
  const std::string depth = d == 1 ? "" : std::to_string(d) + "x";
  return std::to_string(n) + "x" + depth + std::to_string(c) + "x" + std::to_string(h) + "x" +
         std::to_string(w);
}

int64_t size_of(ElementType type) {
  switch (type) {
    case ElementType::Float16:
      return 2;
    case ElementType::Float32:
      return 4;
    case ElementType::UInt8:
    case ElementType::Int8:
      return 1;
  }
  throw InternalError("element type without a size");
}

void Constant::read(int64_t first, std::span<float> values) const {
  ensure(first >= 0 && first + static_cast<int64_t>(values.size()) <= count(), "a constant ends early");
  const uint8_t* from = bytes.data() + first * size_of(type);
  switch (type) {
    case ElementType::Float16:
      return widen_halves(from, values);
    case ElementType::Float32:
      return widen<float>(from, values);
    case ElementType::UInt8:
      return widen<uint8_t>(from, values);
    case ElementType::Int8:
      return widen<int8_t>(from, values);
  }
  throw InternalError("element type without a decoder");
}

std::vector<float> Constant::floats() const {
  std::vector<float> values(static_cast<size_t>(count()));
  read(0, values);
  return values;
}

Constant Constant::of_floats(std::vector<float> values) {
  auto owner = std::make_shared<const std::vector<float>>(std::move(values));
  const ByteSpan bytes(reinterpret_cast<const uint8_t*>(owner->data()), owner->size() * sizeof(float));
  return {ElementType::Float32, owner, bytes};
}

Constant Constant::of_halves(std::vector<Half> values) {
  auto owner = std::make_shared<const std::vector<Half>>(std::move(values));
  const ByteSpan bytes(reinterpret_cast<const uint8_t*>(owner->data()), owner->size() * sizeof(Half));
  return {ElementType::Float16, owner, bytes};
}

TensorId Network::add_tensor(std::string tensor_name, Shape shape, ElementType type) {
  tensors.push_back({std::move(tensor_name), shape, type});
  return static_cast<TensorId>(tensors.size() - 1);
}

TensorId Network::add_unit(std::string unit_name, Params params, std::vector<TensorId> bottoms,
                           std::string layer, std::string tensor_name) {
  std::vector<Shape> shapes;
  for (TensorId bottom : bottoms) {
    ensure(bottom >= 0 && bottom < static_cast<TensorId>(tensors.size()),
           "a unit reads a tensor that does not exist");
    shapes.push_back(tensor(bottom).shape);
  }
  const Shape shape = result_shape(params, shapes, unit_name);
  if (tensor_name.empty()) tensor_name = unused_tensor_name(unit_name);
  const TensorId top = add_tensor(std::move(tensor_name), shape);
  units.push_back({std::move(unit_name), std::move(bottoms), top, std::move(params), std::move(layer)});
  return top;
}

std::string Network::unused_tensor_name(const std::string& wanted) const {
  std::string unused = wanted;
  const auto is_taken = [&] {
    return std::any_of(tensors.begin(), tensors.end(),
                       [&](const Tensor& each) { return each.name == unused; });
  };
  for (int suffix = 1; is_taken(); ++suffix) unused = wanted + "_" + std::to_string(suffix);
  return unused;
}

}  // namespace ane::aneir
