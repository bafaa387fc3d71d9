// What the fuzzers of both forms of ML Programs do with what was read: look at every value.
#pragma once

#include <cstdlib>

#include "mil/program.h"

namespace ane::fuzz {

inline void decode(const mil::Value& value) {
  for (const mil::Value& part : value.parts) decode(part);
  if (!value.type.is_tensor() || value.type.element == mil::DataType::String) return;
  if (value.floats().size() != static_cast<size_t>(value.count())) abort();
}

inline void decode(const mil::Block& block) {
  for (const mil::Operation& operation : block.operations) {
    for (const mil::Attribute& attribute : operation.attributes) decode(*attribute.value);
    for (const mil::Argument& argument : operation.inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (binding.value) decode(*binding.value);
    for (const mil::Block& inner : operation.blocks) decode(inner);
  }
}

inline void decode(const mil::Program& program) {
  for (const mil::Function& function : program.functions) decode(function.block);
}

}  // namespace ane::fuzz
