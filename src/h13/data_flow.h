// Whose results each operation is meant to read: what the placement of buffers in DRAM and L2 must preserve.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <vector>

#include "h13/engine_op.h"

namespace ane::h13 {

// By operand: source 1, source 2, coefficients.
using Origins = std::array<std::set<int64_t>, 3>;

// For each operation those that wrote what it reads last. Every buffer counts as a memory of its own, so no
// address matters: a program in which buffers share memory is right if its words say the same
// (sim::Simulator::check). Copies that stay on chip, `kept`, are nobody's result.
std::vector<Origins> data_flow(const EngineProgram& program);

}  // namespace ane::h13
