// Products of matrices. Of two that the network computes the type's name, batch_matmul, is known (described),
// but no attribute that says which of them is transposed: so they are transposed before.
#include <algorithm>

#include "espresso/steps.h"

namespace ane::espresso {

namespace {

// The last axis times constants, which lie as an inner product's do.
void translate_product_with_constants(Translation& to, const SourceLayer& source) {
  const auto& layer = source.batchedmatmul();
  const auto rows = static_cast<int64_t>(layer.weightmatrixseconddimension()),
             columns = static_cast<int64_t>(layer.weightmatrixfirstdimension());
  json attributes = {{"nB", columns},  {"nC", rows},    {"has_biases", layer.hasbias() ? 1 : 0},
                     {"has_relu", 0},  {"has_tanh", 0}, {"has_prelu", 0},
                     {"nd_mode", true}};
  if (layer.hasbias()) {
    std::vector<float> biases = coreml::decode_weights(layer.bias(), coreml::Shape{rows});
    biases.resize(static_cast<size_t>(4 * rows), 0.0f);
    attributes["blob_biases"] = add_floats(to, std::move(biases));
  }
  set_weights(to, attributes, layer.weights(), {rows, columns});
  add_layer(to, source, "inner_product", std::move(attributes));
}

// As matrices in the last two axes: a single axis is a row of the first operand, a column of the second.
Blob5 as_matrix(Translation& to, const SourceLayer& source, int operand, bool transposed) {
  Blob5 blob = input_blob(to, source, operand);
  const std::string suffix = operand == 0 ? "first" : "second";
  if (rank_of(to, source, operand) == 1) {
    Shape shape = blob.shape;
    if (operand == 1) std::swap(shape.h, shape.w);
    shape.rank = 2;
    return reshaped(to, source, suffix, blob, shape);
  }
  if (!transposed) return blob;
  Shape shape = blob.shape;
  std::swap(shape.h, shape.w);
  const json attributes = {
      {"axis_w", kAxisH}, {"axis_h", kAxisW}, {"axis_k", kAxisK}, {"axis_n", kAxisN}, {"axis_seq", kAxisSeq}};
  return step(to, source, suffix, "transpose", attributes, {blob}, shape);
}

void translate_product(Translation& to, const SourceLayer& source) {
  const auto& layer = source.batchedmatmul();
  const Blob5 a = as_matrix(to, source, 0, layer.transposea()),
              b = as_matrix(to, source, 1, layer.transposeb());
  Shape shape;
  shape.seq = std::max(a.shape.seq, b.shape.seq);
  shape.n = std::max(a.shape.n, b.shape.n);
  shape.k = std::max(a.shape.k, b.shape.k);
  shape.h = a.shape.h;
  shape.w = b.shape.w;
  shape.rank = std::max(a.shape.rank, b.shape.rank);
  finish(to, source, step(to, source, "product", "batch_matmul", json::object(), {a, b}, shape));
}

}  // namespace

bool translate_matrix(Translation& to, const SourceLayer& source) {
  if (!source.has_batchedmatmul()) return false;
  source.input_size() == 1 ? translate_product_with_constants(to, source) : translate_product(to, source);
  return true;
}

}  // namespace ane::espresso
