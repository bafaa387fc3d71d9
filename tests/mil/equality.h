// Programs compared member by member. What only the spelling of a text says (scalar_spelling, lines, the
// file's name) does not count.
#pragma once

#include <algorithm>

#include "mil/program.h"

namespace ane::test {

template <typename Items, typename Equal>
bool all_equal(const Items& a, const Items& b, Equal equal) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), equal);
}

inline bool equal(const mil::Value& a, const mil::Value& b) {
  const bool same_place = a.blob.has_value() == b.blob.has_value() &&
                          (!a.blob || (a.blob->path == b.blob->path && a.blob->offset == b.blob->offset));
  return a.type == b.type && std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end()) &&
         a.strings == b.strings && same_place &&
         all_equal(a.parts, b.parts, [](const auto& x, const auto& y) { return equal(x, y); });
}

inline bool equal(const mil::NamedType& a, const mil::NamedType& b) {
  return a.name == b.name && a.type == b.type;
}
inline bool equal(const std::vector<mil::NamedType>& a, const std::vector<mil::NamedType>& b) {
  return all_equal(a, b, [](const auto& x, const auto& y) { return equal(x, y); });
}

inline bool equal(const std::vector<mil::Attribute>& a, const std::vector<mil::Attribute>& b) {
  return all_equal(
      a, b, [](const auto& x, const auto& y) { return x.name == y.name && equal(*x.value, *y.value); });
}

inline bool equal(const mil::Argument& a, const mil::Argument& b) {
  return a.parameter == b.parameter && a.tuple == b.tuple &&
         all_equal(a.bindings, b.bindings, [](const auto& x, const auto& y) {
           return x.name == y.name && !x.value == !y.value && (!x.value || equal(*x.value, *y.value));
         });
}

inline bool equal(const mil::Block& a, const mil::Block& b);

inline bool equal(const mil::Operation& a, const mil::Operation& b) {
  return a.type == b.type &&
         all_equal(a.inputs, b.inputs, [](const auto& x, const auto& y) { return equal(x, y); }) &&
         equal(a.outputs, b.outputs) && equal(a.attributes, b.attributes) &&
         all_equal(a.blocks, b.blocks, [](const auto& x, const auto& y) { return equal(x, y); });
}

inline bool equal(const mil::Block& a, const mil::Block& b) {
  return equal(a.inputs, b.inputs) && a.outputs == b.outputs && equal(a.attributes, b.attributes) &&
         all_equal(a.operations, b.operations, [](const auto& x, const auto& y) { return equal(x, y); });
}

inline bool equal(const mil::Function& a, const mil::Function& b) {
  return a.name == b.name && a.opset == b.opset && equal(a.inputs, b.inputs) && equal(a.block, b.block) &&
         equal(a.attributes, b.attributes);
}

inline bool equal(const mil::Program& a, const mil::Program& b) {
  return a.version == b.version && equal(a.attributes, b.attributes) &&
         all_equal(a.functions, b.functions, [](const auto& x, const auto& y) { return equal(x, y); });
}

}  // namespace ane::test
