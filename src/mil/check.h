// What both readers of programs, that of text and that of protobuf, check: the promises of program.h.
//
// The limits are ours, far above what real programs need and low enough that no small file can ask for much
// time, memory or stack.
#pragma once

#include <cstdint>
#include <string>

#include "mil/program.h"

namespace ane::mil {

inline constexpr int deepest_type = 16;    // types inside types
inline constexpr int deepest_blocks = 32;  // blocks inside operations
inline constexpr size_t largest_rank = 16;
inline constexpr int64_t largest_tensor = int64_t{1}
                                          << 40;  // elements; the engine's address space is smaller

// What is wrong with a type's dimensions, or with those of a value's type; empty: nothing.
std::string type_fault(const Type& type);
std::string value_type_fault(const Type& type);

// Throws Error unless, in every function, names are defined once and before use, parameters and attributes
// are given once, constants are of their operation's type, and outputs exist.
void check_program(const Program& program);

}  // namespace ane::mil
