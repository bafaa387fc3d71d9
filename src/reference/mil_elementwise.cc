// Operations of one element, or of the elements at one place of several operands, that need more than a
// formula of their operands: the others stand in the table.

#include <fmt/format.h>

#include <cmath>

#include "base/half.h"
#include "mil/element.h"
#include "reference/mil_operations.h"

namespace ane::reference::ops {
namespace {

// What is added to x for safety. Where it is not given it has the type of x: in fp16, 1e-12 is 0.
double safety(const MilCall& call) {
  const double epsilon = call.number("epsilon");
  if (call.bound("epsilon")) return epsilon;
  const auto rounded = static_cast<float>(epsilon);
  return call.type("x") == mil::DataType::Float16 ? round_to_half(rounded) : rounded;
}

}  // namespace

Tensor inverse(const MilCall& call) {
  const double epsilon = safety(call);
  return map_elements(call.tensor("x"), [=](double x) { return 1 / (x + epsilon); });
}

Tensor log(const MilCall& call) {
  const double epsilon = safety(call);
  return map_elements(call.tensor("x"), [=](double x) { return std::log(x + epsilon); });
}

Tensor rsqrt(const MilCall& call) {
  const double epsilon = safety(call);
  return map_elements(call.tensor("x"), [=](double x) { return 1 / std::sqrt(x + epsilon); });
}

Tensor threshold(const MilCall& call) {
  const double alpha = call.number("alpha");
  return map_elements(call.tensor("x"), [=](double x) { return std::max(x, alpha); });
}

Tensor clip(const MilCall& call) {
  const double low = call.number("alpha"), high = call.number("beta");
  return map_elements(call.tensor("x"), [=](double x) { return std::min(std::max(x, low), high); });
}

// Floats become integers as in NumPy: what is behind the point is cut off.
Tensor cast(const MilCall& call) {
  const std::optional<mil::DataType> to = mil::data_type(call.text("dtype"));
  if (!to || *to == mil::DataType::String)
    call.fail(fmt::format("dtype {} is not known", call.text("dtype")));
  const Tensor& x = call.tensor("x");
  switch (mil::kind_of(*to)) {
    case mil::ElementKind::Truth:
      return map_elements(x, [](float each) { return each != 0 ? 1.0f : 0.0f; });
    case mil::ElementKind::Signed:
    case mil::ElementKind::Unsigned:
      return map_elements(x, [](float each) { return std::trunc(each); });
    default:
      return x;
  }
}

Tensor select(const MilCall& call) {
  const Tensor &condition = call.tensor("cond"), &a = call.tensor("a"), &b = call.tensor("b");
  const Shape shape = call.common_shape(call.common_shape(condition.shape, a.shape), b.shape);
  Tensor result = broadcast_to(a, shape);
  const Tensor mask = broadcast_to(condition, shape), other = broadcast_to(b, shape);
  for (size_t i = 0; i < result.data.size(); ++i) {
    if (mask.data[i] == 0) result.data[i] = other.data[i];
  }
  return result;
}

Tensor identity(const MilCall& call) {
  return call.tensor("x");
}

}  // namespace ane::reference::ops
