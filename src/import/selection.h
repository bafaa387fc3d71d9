// Indices as numbers: where the largest element of an axis is, and the column of a matrix that a number
// names.
//
// The engine has no unit that gives or takes an index, but tables that tell zero from everything else. A
// tensor that is 0 at the place and nowhere else becomes, by that table, one that is 1 there and 0 elsewhere;
// from there on both are arithmetic. Indices are binary16 numbers on the engine, so whole numbers up to 2048.
// Shared by the importers.
#pragma once

#include "import/composition.h"

namespace ane::import {

inline constexpr int64_t most_indices = 2049;  // 0 .. 2048

// The index of the largest (smallest) element along `axis`, which becomes 1; the first of equal ones. Exact
// on the numbers that are there: elements that differ in float32 and not in binary16 are equal here. Throws
// Refusal where there are more elements than indices.
aneir::TensorId index_of_largest(const aneir::Network& network, const AddUnit& add, aneir::TensorId x,
                                 aneir::Axis axis);
aneir::TensorId index_of_smallest(const aneir::Network& network, const AddUnit& add, aneir::TensorId x,
                                  aneir::Axis axis);

// `weights` [size][count] and `bias` [size]: for each element of x, which has one channel, the column that it
// names, as channels. An element that is no index gives the bias alone. Throws Refusal where there are more
// columns than indices.
aneir::TensorId column_of_matrix(const aneir::Network& network, const AddUnit& add, aneir::TensorId x,
                                 int64_t count, int64_t size, aneir::Constant weights,
                                 std::optional<aneir::Constant> bias);

}  // namespace ane::import
