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

Tensor multiply_inputs(const Call& call, const coreml::spec::BatchedMatMulLayerParams& params) {
  const Tensor &a = call.input(0), &b = call.input(1);
  const bool transpose_a = params.transposea(), transpose_b = params.transposeb();
  if (!product_shape(a.shape, transpose_a, b.shape, transpose_b)) {
    call.fail(
        fmt::format("the shapes {} and {} cannot be multiplied", to_string(a.shape), to_string(b.shape)));
  }
  return batched_product(a, transpose_a, b, transpose_b);
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
