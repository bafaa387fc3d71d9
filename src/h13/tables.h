// Lookup tables of the NE: functions of one variable as 33 knots, two outer lines and an argument reduction.
//
// A table is 64 halfwords at the start of a task's coefficient block. Layout (docs/h13-rules.md): 0, 1 input
// limits; 2, 3 results at or beyond them; 4..36 knots; 37, 38 slope and intercept left of the first knot; 39,
// 40 right of the last; 41 s: knots lie 2^-s apart; 42 how the argument is reduced before, and the result
// rebuilt after.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "aneir/network.h"

namespace ane::h13 {

using Table = std::array<uint16_t, 64>;

// The table of a function, if one pass computes it. Neuron::input_scale and the epsilon of Rsqrt are not part
// of the table: the task multiplies by the one and adds the other before it looks up.
std::optional<Table> table_for(const aneir::Neuron& neuron);

// 0 for 0, else 1: the truth of a byte (select_rrb_1x64x1x1, whose section hash it has).
Table is_not_zero_table();

// Square root, its inverse, and reciprocal.
bool is_root_table(const Table& table);

}  // namespace ane::h13
