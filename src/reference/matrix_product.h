// The heavy sums, done by Eigen.
#pragma once

#include <optional>

#include "reference/tensor.h"

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

// Matrices in the last two axes, broadcast along all others, as NumPy's matmul: a one-dimensional operand is
// a row on the left and a column on the right (transposing has no effect on it), and its axis of size 1 is
// dropped again. Nothing where the shapes do not match.
std::optional<Shape> product_shape(const Shape& a, bool transpose_a, const Shape& b, bool transpose_b);

// Precondition: product_shape gives a shape.
Tensor batched_product(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b);

}  // namespace ane::reference
