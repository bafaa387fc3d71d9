// Eigen's headers are heavy to compile and full of templates, so one file includes them.

#include "reference/matrix_product.h"

#include <Eigen/Core>

#include "base/error.h"
#include "base/parallel.h"

namespace ane::reference {
namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using View = Eigen::Map<const RowMajor, 0, Eigen::OuterStride<>>;
using MutableView = Eigen::Map<RowMajor, 0, Eigen::OuterStride<>>;

View view(const Matrix& matrix) {
  return {matrix.data, matrix.rows, matrix.columns, Eigen::OuterStride<>(matrix.stride)};
}

int64_t rows_of(const Matrix& matrix) {
  return matrix.transpose ? matrix.columns : matrix.rows;
}
int64_t columns_of(const Matrix& matrix) {
  return matrix.transpose ? matrix.rows : matrix.columns;
}

Matrix row_range(Matrix matrix, int64_t begin, int64_t end) {
  matrix.data += begin * (matrix.transpose ? 1 : matrix.stride);
  (matrix.transpose ? matrix.columns : matrix.rows) = end - begin;
  return matrix;
}

Matrix column_range(Matrix matrix, int64_t begin, int64_t end) {
  matrix.transpose = !matrix.transpose;
  matrix = row_range(matrix, begin, end);
  matrix.transpose = !matrix.transpose;
  return matrix;
}

}  // namespace

void multiply_into(float* out, int64_t out_stride, const Matrix& a, const Matrix& b) {
  ensure(columns_of(a) == rows_of(b), "inner dimensions of a matrix product agree");
  MutableView result(out, rows_of(a), columns_of(b), Eigen::OuterStride<>(out_stride));
  if (a.transpose && b.transpose) {
    result.noalias() = view(a).transpose() * view(b).transpose();
  } else if (a.transpose) {
    result.noalias() = view(a).transpose() * view(b);
  } else if (b.transpose) {
    result.noalias() = view(a) * view(b).transpose();
  } else {
    result.noalias() = view(a) * view(b);
  }
}

void multiply_in_parallel(float* out, int64_t out_stride, const Matrix& a, const Matrix& b) {
  const int64_t rows = rows_of(a), columns = columns_of(b);
  const bool by_rows = rows > columns;
  // A piece of 2^18 multiply-accumulates outweighs the start of a thread.
  const int64_t work_per_line = std::max<int64_t>(1, columns_of(a) * (by_rows ? columns : rows));
  const int64_t grain = std::max<int64_t>(8, (int64_t{1} << 18) / work_per_line);
  parallel_for(by_rows ? rows : columns, grain, [&](int64_t begin, int64_t end) {
    if (by_rows) {
      multiply_into(out + begin * out_stride, out_stride, row_range(a, begin, end), b);
    } else {
      multiply_into(out + begin, out_stride, a, column_range(b, begin, end));
    }
  });
}

}  // namespace ane::reference
