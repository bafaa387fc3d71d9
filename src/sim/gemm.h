// Matrix products for convolutions, in float32.
//
// Every product of two fp16 numbers is exact in float32 and each sum runs over the reduction in order, so the
// result does not depend on the instruction set chosen at run time.
#pragma once

#include <cstdint>
#include <vector>

namespace ane::sim {

// One step computes panel_rows x panel_columns results.
inline constexpr int64_t panel_rows = 6, panel_columns = 16;

// `rows` x `depth`, row by row, as panels of [depth][panel_rows]; missing rows are 0.
std::vector<float> pack_panels(const float* matrix, int64_t rows, int64_t depth);

// result[panel_rows][panel_columns] = rows_panel [depth][panel_rows] transposed * columns_panel
// [depth][panel_columns].
void multiply_panels(const float* rows_panel, const float* columns_panel, int64_t depth, float* result);

}  // namespace ane::sim
