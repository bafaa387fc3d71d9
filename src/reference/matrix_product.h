// The heavy sums, done by Eigen.
#pragma once

#include <cstdint>

namespace ane::reference {

// A row-major matrix in somebody's memory; row i begins at data + i * stride.
struct Matrix {
  const float* data;
  int64_t rows, columns, stride;
  bool transpose = false;  // stands for its transpose; rows and columns are those of the memory
};

// out (row-major, rows out_stride apart) = a * b. Runs on the calling thread: callers split the work.
void multiply_into(float* out, int64_t out_stride, const Matrix& a, const Matrix& b);

// The same, split over all cores by columns of b or rows of a, whichever are more.
void multiply_in_parallel(float* out, int64_t out_stride, const Matrix& a, const Matrix& b);

}  // namespace ane::reference
