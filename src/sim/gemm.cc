// The inner loop keeps 6 x 16 sums in vector registers and reads 22 numbers for 96 multiply-accumulates. It
// is written once, with the compiler's vector types, and compiled for plain x86-64 (or any other machine) and
// for AVX2 with FMA; the choice is made once, at run time.
#include "sim/gemm.h"

#include <cstring>

namespace ane::sim {

namespace {

using Vector [[gnu::vector_size(32), gnu::aligned(4), gnu::may_alias]] = float;
constexpr int64_t lanes = 8, vectors = panel_columns / lanes;

[[gnu::always_inline]] inline void multiply(const float* rows, const float* columns, int64_t depth,
                                            float* result) {
  Vector sums[panel_rows][vectors] = {};
  for (int64_t k = 0; k < depth; ++k) {
    Vector right[vectors];
    std::memcpy(&right, columns + k * panel_columns, sizeof(right));
#pragma GCC unroll 6
    for (int64_t row = 0; row < panel_rows; ++row) {
      const float left = rows[k * panel_rows + row];
#pragma GCC unroll 2
      for (int64_t i = 0; i < vectors; ++i) sums[row][i] += right[i] * left;
    }
  }
  std::memcpy(result, &sums, sizeof(sums));
}

void multiply_portable(const float* rows, const float* columns, int64_t depth, float* result) {
  multiply(rows, columns, depth, result);
}

using Kernel = void (*)(const float*, const float*, int64_t, float*);

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] void multiply_avx2(const float* rows, const float* columns, int64_t depth,
                                               float* result) {
  multiply(rows, columns, depth, result);
}

Kernel choose() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? multiply_avx2 : multiply_portable;
}
#else
Kernel choose() {
  return multiply_portable;
}
#endif

}  // namespace

std::vector<float> pack_panels(const float* matrix, int64_t rows, int64_t depth) {
  const int64_t panels = (rows + panel_rows - 1) / panel_rows;
  std::vector<float> packed(static_cast<size_t>(panels * panel_rows * depth));
  for (int64_t row = 0; row < rows; ++row) {
    const float* from = matrix + row * depth;
    float* to = packed.data() + row / panel_rows * panel_rows * depth + row % panel_rows;
    for (int64_t k = 0; k < depth; ++k) to[k * panel_rows] = from[k];
  }
  return packed;
}

void multiply_panels(const float* rows_panel, const float* columns_panel, int64_t depth, float* result) {
  static const Kernel kernel = choose();
  kernel(rows_panel, columns_panel, depth, result);
}

}  // namespace ane::sim
