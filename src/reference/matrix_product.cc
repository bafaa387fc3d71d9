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

// How a product reads an operand of some shape: a batch of matrices of one form (without data).
struct Operand {
  Shape batch;
  Matrix form;
  bool vector;  // had one axis only

  Matrix at(const Tensor& tensor, int64_t index) const {
    Matrix matrix = form;
    matrix.data = tensor.data.data() + index * form.rows * form.columns;
    return matrix;
  }
};

Operand operand_of(const Shape& shape, bool transpose, bool left) {
  if (shape.size() == 1) {
    const int64_t rows = left ? 1 : shape[0], columns = left ? shape[0] : 1;
    return {{}, {nullptr, rows, columns, columns}, true};
  }
  const int64_t rows = shape[shape.size() - 2], columns = shape.back();
  return {{shape.begin(), shape.end() - 2}, {nullptr, rows, columns, columns, transpose}, false};
}

// The index of the matrix of `batch` that position `position` of the broadcast batch axes `to` reads.
int64_t matrix_index(const Shape& batch, Shape to, int64_t position) {
  Strides strides = broadcast_strides(batch, to);
  to.push_back(1);
  strides.push_back(1);
  return row_offset(to, strides, position);
}

}  // namespace

std::optional<Shape> product_shape(const Shape& a, bool transpose_a, const Shape& b, bool transpose_b) {
  if (a.empty() || b.empty()) return std::nullopt;
  const Operand left = operand_of(a, transpose_a, true), right = operand_of(b, transpose_b, false);
  std::optional<Shape> shape = broadcast_shape(left.batch, right.batch);
  if (!shape || columns_of(left.form) != rows_of(right.form)) return std::nullopt;
  if (!left.vector) shape->push_back(rows_of(left.form));
  if (!right.vector) shape->push_back(columns_of(right.form));
  return shape;
}

Tensor batched_product(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b) {
  const std::optional<Shape> shape = product_shape(a.shape, transpose_a, b.shape, transpose_b);
  ensure(shape.has_value(), "factors of a product match");
  const Operand left = operand_of(a.shape, transpose_a, true),
                right = operand_of(b.shape, transpose_b, false);
  const Shape batch = *broadcast_shape(left.batch, right.batch);
  const int64_t rows = rows_of(left.form), columns = columns_of(right.form);
  Tensor result = make_tensor(*shape);
  for (int64_t i = 0; i < element_count(batch); ++i) {
    multiply_in_parallel(result.data.data() + i * rows * columns, columns,
                         left.at(a, matrix_index(left.batch, batch, i)),
                         right.at(b, matrix_index(right.batch, batch, i)));
  }
  return result;
}

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
