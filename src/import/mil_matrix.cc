// Matrix products, and what is made of them. Axes align to the right, so rows and columns of a MIL value are
// Height and Width, and what lies before is what the product runs over.
#include <cmath>

#include "import/mil_operation.h"

namespace ane::import {
namespace {

using aneir::Axis;
using aneir::MatMul;
using aneir::Shape;
using aneir::TensorId;

// A known right operand of one matrix is part of the unit, in the orientation it has.
bool is_one_matrix(const OperationImport& at, const char* parameter) {
  const std::vector<int64_t>& shape = at.type(parameter).shape;
  return at.constant(parameter) && shape.size() >= 2 &&
         at.constant(parameter)->count() == shape[shape.size() - 2] * shape.back();
}

void set_matrix(const OperationImport& at, MatMul& product, const char* parameter) {
  const std::vector<int64_t>& shape = at.type(parameter).shape;
  product.matrix = at.numbers(parameter, at.constant(parameter)->count());
  product.matrix_rows = shape[shape.size() - 2];
  product.matrix_columns = shape.back();
}

TensorId multiply(OperationImport& at, TensorId x, TensorId y, bool transpose_y, float scale = 1) {
  MatMul product;
  product.transpose_second = transpose_y;
  const TensorId result = at.add(product, {x, y});
  return scale == 1 ? result : at.linear(result, scale, 0);
}

// Batch, Height and Channel from Batch, Channel and Height.
TensorId heights_as_channels(OperationImport& at, TensorId x) {
  return at.add(aneir::Transpose{{Axis::Batch, Axis::Depth, Axis::Height, Axis::Channel, Axis::Width}}, {x});
}

}  // namespace

// A vector on the right is a column, of which the result has no axis; read as a row of width K it is that
// column transposed. A vector on the left is a row, of which the result has no axis either.
Tops import_matmul(OperationImport& at) {
  MatMul product;
  product.transpose_first = at.flag("transpose_x", false);
  product.transpose_second = at.flag("transpose_y", false);
  at.require(at.rank("x") >= 1 && at.rank("y") >= 1, "multiplies a number");
  at.require(at.rank("x") > 1 || !product.transpose_first, "transposes a vector");
  const bool vector = at.rank("y") == 1;
  at.require(!vector || !product.transpose_second, "transposes a vector");
  if (vector) product.transpose_second = true;
  std::vector<TensorId> bottoms = {at.tensor("x")};
  if (is_one_matrix(at, "y"))
    set_matrix(at, product, "y");
  else
    bottoms.push_back(at.tensor("y"));
  const TensorId result = at.add(product, bottoms);
  return {at.rank("x") == 1 || vector ? at.reshaped(result, at.declared_shape()) : result};
}

// x W^T + b
Tops import_linear(OperationImport& at) {
  at.require(at.rank("weight") == 2, "a weight of rank " + std::to_string(at.rank("weight")));
  MatMul product;
  product.transpose_second = true;
  const TensorId x = at.tensor("x");
  if (!is_one_matrix(at, "weight")) {
    const TensorId result = at.add(product, {x, at.tensor("weight")});
    return {at.has("bias") ? at.binary(aneir::ElementWiseOp::Add, result, at.tensor("bias")) : result};
  }
  set_matrix(at, product, "weight");
  if (at.has("bias")) product.bias = at.numbers("bias", product.matrix_rows);
  return {at.add(product, {x})};
}

// Two equations are allowed: "nchw,nwhu->nchu", and the same without n. Both multiply matrices over c and w,
// for each n and h; with h and c exchanged they are products as the engine has them.
Tops import_einsum(OperationImport& at) {
  const std::string equation = at.text("equation", "");
  at.require(at.count("values") == 2, "reads " + std::to_string(at.count("values")) + " tensors");
  const size_t rank = at.rank("values");
  at.require(rank == at.type("values", 1).shape.size() && (rank == 3 || rank == 4),
             "equation " + equation + " for a tensor of rank " + std::to_string(rank));
  // Letters may be any: compared are the positions of their first appearances.
  std::string pattern;
  std::map<char, char> names;
  for (const char letter : equation) {
    if (letter == ' ') continue;
    const bool is_letter = letter != ',' && letter != '-' && letter != '>';
    pattern +=
        is_letter ? names.emplace(letter, static_cast<char>('a' + names.size())).first->second : letter;
  }
  at.require(pattern == (rank == 4 ? "abcd,adce->abce" : "abc,cbd->abd"), "equation " + equation);
  const TensorId x = heights_as_channels(at, at.tensor("values", 0));
  const TensorId y = heights_as_channels(at, at.tensor("values", 1));
  return {heights_as_channels(at, multiply(at, x, y, false))};
}

// softmax(q k^T / sqrt(E) + mask) v, over the last two axes.
Tops import_attention(OperationImport& at) {
  const TensorId query = at.tensor("query"), key = at.tensor("key"), value = at.tensor("value");
  const float scale = 1 / std::sqrt(static_cast<float>(at.shape(query).w));
  TensorId scores = multiply(at, query, key, true, scale);
  if (at.has("attn_mask")) {
    at.require(at.type("attn_mask").element != mil::DataType::Bool, "a mask of truths");
    scores = at.binary(aneir::ElementWiseOp::Add, scores, at.tensor("attn_mask"));
  }
  return {multiply(at, at.add(aneir::Softmax{Axis::Width}, {scores}), value, false)};
}

}  // namespace ane::import
