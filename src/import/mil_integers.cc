// Integers that a program computes. The engine has none: they are fp16 numbers, which are exact up to 2048,
// so a bound of their magnitude is carried along, and operations that could go beyond it are refused. Inputs
// are taken to lie within it; larger ones would be rounded.
#include <algorithm>

#include "import/mil_operation.h"
#include "mil/element.h"

namespace ane::import {
namespace {

using Rule = int64_t (*)(const OperationImport&);

int64_t added(const OperationImport& at) {
  return at.bound("x") + at.bound("y");
}
int64_t multiplied(const OperationImport& at) {
  return aneir::saturating_product({at.bound("x"), at.bound("y")});
}
// Products of the divisor on the way may go beyond the dividend by half a divisor.
int64_t divided(const OperationImport& at) {
  return at.bound("x") + at.bound("y") / 2;
}
int64_t larger(const OperationImport& at) {
  return std::max(at.bound("x"), at.bound("y"));
}
int64_t selected(const OperationImport& at) {
  return std::max(at.bound("a"), at.bound("b"));
}
int64_t kept(const OperationImport& at) {
  return at.bound("x");
}
int64_t joined(const OperationImport& at) {
  int64_t bound = 0;
  for (size_t i = 0; i < at.count("values"); ++i) bound = std::max(bound, at.bound("values", i));
  return bound;
}
int64_t one(const OperationImport&) {
  return 1;
}
int64_t position(const OperationImport& at) {
  return at.type("x").shape[at.axis_index(at.integer("axis", -1), at.rank("x"))] - 1;
}
int64_t cast(const OperationImport& at) {
  at.require(mil::kind_of(at.type("x").element) != mil::ElementKind::Floating,
             "makes integers of numbers, for which the engine has no form");
  return at.bound("x");
}

int64_t byte(const OperationImport&) {
  return 255;
}
int64_t on_or_off(const OperationImport& at) {
  return std::max(std::abs(at.integer("on_value", 1)), std::abs(at.integer("off_value", 0)));
}

const std::map<std::string, Rule> rules = {
    {"abs", kept},
    {"add", added},
    {"band_part", kept},
    {"cast", cast},
    {"concat", joined},
    {"expand_dims", kept},
    {"flatten2d", kept},
    {"floor_div", divided},
    {"gather", kept},
    {"gather_along_axis", kept},
    {"gather_nd", kept},
    {"identity", kept},
    {"maximum", larger},
    {"minimum", larger},
    {"mod", divided},
    {"mul", multiplied},
    {"one_hot", on_or_off},
    {"quantize", byte},
    {"reduce_argmax", position},
    {"reduce_argmin", position},
    {"reduce_max", kept},
    {"reduce_min", kept},
    {"reshape", kept},
    {"reshape_like", kept},
    {"reverse", kept},
    {"reverse_sequence", kept},
    {"select", selected},
    {"sign", one},
    {"slice_by_index", kept},
    {"slice_by_size", kept},
    {"split", kept},
    {"squeeze", kept},
    {"stack", joined},
    {"sub", added},
    {"tile", kept},
    {"topk", position},
    {"transpose", kept},
};

}  // namespace

bool is_integer(const mil::Type& type) {
  const mil::ElementKind kind = mil::kind_of(type.element);
  return type.is_tensor() && (kind == mil::ElementKind::Signed || kind == mil::ElementKind::Unsigned);
}

int64_t bound_of(const mil::Value& value) {
  int64_t bound = 0;
  for (const int64_t number : value.integers())
    bound = std::max({bound, number, number == INT64_MIN ? INT64_MAX : -number});
  return bound;
}

int64_t integer_bound(const OperationImport& at) {
  const auto rule = rules.find(at.operation.type);
  at.require(rule != rules.end(), "computes integers, which the engine does not have");
  const int64_t bound = rule->second(at);
  at.require(bound <= most_exact_integer, "computes integers beyond 2048, which fp16 does not hold exactly");
  return bound;
}

}  // namespace ane::import
