// Layers that multiply by a matrix: inner product, embedding (a product with a one-hot vector) and batched
// products.

#include <fmt/format.h>

#include "reference/layers.h"
#include "reference/matrix_product.h"

namespace ane::reference {
namespace {

void add_rows(std::vector<float>& rows, const std::vector<float>& bias) {
  for (size_t i = 0; i < rows.size(); ++i) rows[i] += bias[i % bias.size()];
}

// Ranks 1 to 3 keep their leading axes; from rank 4 on, C, H and W are one vector and come back as [Cout, 1,
// 1].
Shape inner_product_shape(const Shape& in, int64_t out_channels) {
  if (in.size() >= 4) return with_planes(in, out_channels, 1, 1);
  Shape shape = in;
  shape.back() = out_channels;
  return shape;
}

// [..., C, H, W] of indices, one to a batch element.
Shape embedding_shape(const Call& call, int64_t size) {
  const Planes in = planes_of(call, call.input());
  if (in.c * in.h * in.w != 1) call.fail("an embedding takes one index to a batch element");
  return with_planes(call.input().shape, size, 1, 1);
}

// Column `index` of the matrix [size, vocabulary] for every index of the input.
template <typename Params>
Tensor look_up(const Call& call, const Params& params, const Shape& shape, int64_t size, int64_t vocabulary) {
  const std::vector<float> table = call.weights(params.weights(), {size, vocabulary});
  std::vector<float> bias(static_cast<size_t>(size), 0.0f);
  if (params.hasbias()) bias = call.weights(params.bias(), {size});
  Tensor result{shape, {}};
  result.data.reserve(static_cast<size_t>(element_count(shape)));
  for (const float index : call.input().data) {
    if (!(index >= 0 && index < static_cast<float>(vocabulary))) {
      call.fail(fmt::format("the index {} is outside of the vocabulary of {}", index, vocabulary));
    }
    for (int64_t i = 0; i < size; ++i)
      result.data.push_back(table[i * vocabulary + static_cast<int64_t>(index)] + bias[i]);
  }
  return result;
}

// A one-dimensional operand is a row on the left and a column on the right; its axis of size 1 is dropped
// again.
struct Operand {
  Tensor tensor;
  bool vector = false;
};

Operand as_matrix(const Tensor& tensor, bool left) {
  if (tensor.shape.size() != 1) return {tensor, false};
  const int64_t size = tensor.shape[0];
  return {reshaped(tensor, left ? Shape{1, size} : Shape{size, 1}), true};
}

Shape batch_of(const Tensor& tensor) {
  return {tensor.shape.begin(), tensor.shape.end() - 2};
}

Matrix matrix_at(const Tensor& tensor, int64_t index, bool transpose) {
  const int64_t rows = tensor.shape[tensor.shape.size() - 2], columns = tensor.shape.back();
  return {tensor.data.data() + index * rows * columns, rows, columns, columns, transpose};
}

Shape broadcast_batch(const Call& call, const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (size_t i = 1; i <= result.size(); ++i) {
    const int64_t x = i <= a.size() ? a[a.size() - i] : 1, y = i <= b.size() ? b[b.size() - i] : 1;
    if (x != y && x != 1 && y != 1) call.fail("the batch axes of the two inputs do not match");
    result[result.size() - i] = x == 1 ? y : x;
  }
  return result;
}

// The index of the matrix of `batch` that position `position` of the broadcast batch axes `to` reads.
int64_t matrix_index(const Shape& batch, Shape to, int64_t position) {
  Strides strides = broadcast_strides(batch, to);
  to.push_back(1);
  strides.push_back(1);
  return row_offset(to, strides, position);
}

Tensor multiply_inputs(const Call& call, const coreml::spec::BatchedMatMulLayerParams& params) {
  if (call.input(0).shape.empty() || call.input(1).shape.empty()) call.fail("a scalar is no matrix");
  const Operand left = as_matrix(call.input(0), true), right = as_matrix(call.input(1), false);
  const bool transpose_a = params.transposea() && !left.vector,
             transpose_b = params.transposeb() && !right.vector;
  const Shape batch = broadcast_batch(call, batch_of(left.tensor), batch_of(right.tensor));
  const Matrix first_a = matrix_at(left.tensor, 0, transpose_a),
               first_b = matrix_at(right.tensor, 0, transpose_b);
  const int64_t rows = transpose_a ? first_a.columns : first_a.rows,
                columns = transpose_b ? first_b.rows : first_b.columns;
  if ((transpose_a ? first_a.rows : first_a.columns) != (transpose_b ? first_b.columns : first_b.rows)) {
    call.fail(fmt::format("the shapes {} and {} cannot be multiplied", to_string(call.input(0).shape),
                          to_string(call.input(1).shape)));
  }
  Shape shape = batch;
  shape.insert(shape.end(), {rows, columns});
  Tensor result = make_tensor(shape);
  for (int64_t i = 0; i < element_count(batch); ++i) {
    multiply_in_parallel(
        result.data.data() + i * rows * columns, columns,
        matrix_at(left.tensor, matrix_index(batch_of(left.tensor), batch, i), transpose_a),
        matrix_at(right.tensor, matrix_index(batch_of(right.tensor), batch, i), transpose_b));
  }
  if (right.vector) result.shape.pop_back();
  if (left.vector) result.shape.erase(result.shape.end() - (right.vector ? 1 : 2));
  return result;
}

// The weights are stored column by column: W[X1, X2] lies in memory as [X2][X1].
Tensor multiply_by_weights(const Call& call, const coreml::spec::BatchedMatMulLayerParams& params) {
  const auto in_size = static_cast<int64_t>(params.weightmatrixfirstdimension());
  const auto out_size = static_cast<int64_t>(params.weightmatrixseconddimension());
  const Tensor& input = call.input();
  if (input.shape.empty() || input.shape.back() != in_size)
    call.fail("the last axis of the input is not that of the weights");
  const std::vector<float> weights = call.weights(params.weights(), {out_size, in_size});
  Shape shape = input.shape;
  shape.back() = out_size;
  Tensor result = make_tensor(shape);
  const int64_t rows = static_cast<int64_t>(input.data.size()) / in_size;
  multiply_in_parallel(result.data.data(), out_size, {input.data.data(), rows, in_size, in_size},
                       {weights.data(), out_size, in_size, in_size, true});
  if (params.hasbias()) add_rows(result.data, call.weights(params.bias(), {out_size}));
  return result;
}

}  // namespace

// With int8DynamicQuantize the input would be rounded to 8 bits at run time by a rule that is not public; the
// product is computed without that rounding.
Tensor evaluate_inner_product(const Call& call) {
  const auto& params = call.layer.innerproduct();
  const auto in_channels = static_cast<int64_t>(params.inputchannels());
  const auto out_channels = static_cast<int64_t>(params.outputchannels());
  const Tensor& input = call.input();
  const std::vector<float> weights = call.weights(params.weights(), {out_channels, in_channels});
  if (input.shape.empty() || in_channels == 0 || input.data.size() % in_channels != 0) {
    call.fail(fmt::format("the input {} does not hold vectors of {}", to_string(input.shape), in_channels));
  }
  Tensor result = make_tensor(inner_product_shape(input.shape, out_channels));
  const int64_t rows = static_cast<int64_t>(input.data.size()) / in_channels;
  if (rows * out_channels != static_cast<int64_t>(result.data.size())) {
    call.fail(fmt::format("the input {} is not one vector of {} to a batch element", to_string(input.shape),
                          in_channels));
  }
  multiply_in_parallel(result.data.data(), out_channels, {input.data.data(), rows, in_channels, in_channels},
                       {weights.data(), out_channels, in_channels, in_channels, true});
  if (params.hasbias()) add_rows(result.data, call.weights(params.bias(), {out_channels}));
  return result;
}

Tensor evaluate_embedding(const Call& call) {
  const auto& params = call.layer.embedding();
  const auto size = static_cast<int64_t>(params.outputchannels());
  return look_up(call, params, embedding_shape(call, size), size, static_cast<int64_t>(params.inputdim()));
}

Tensor evaluate_embedding_nd(const Call& call) {
  const auto& params = call.layer.embeddingnd();
  const auto size = static_cast<int64_t>(params.embeddingsize());
  Shape shape = call.input().shape;
  if (shape.empty() || shape.back() != 1) call.fail("the last axis of the input is not 1");
  shape.back() = size;
  return look_up(call, params, shape, size, static_cast<int64_t>(params.vocabsize()));
}

Tensor evaluate_batched_matmul(const Call& call) {
  const auto& params = call.layer.batchedmatmul();
  return call.inputs.size() >= 2 ? multiply_inputs(call, params) : multiply_by_weights(call, params);
}

}  // namespace ane::reference
