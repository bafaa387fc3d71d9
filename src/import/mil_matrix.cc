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

// "ab,bc->ac", and how long the axes are that the letters stand for.
struct Equation {
  std::string left, right, result;
  std::map<char, int64_t> lengths;
};

Equation equation_of(const OperationImport& at) {
  const std::string text = at.text("equation", "");
  std::string packed;
  for (const char c : text)
    if (c != ' ') packed += c;
  const size_t comma = packed.find(','), arrow = packed.find("->");
  at.require(
      at.count("values") == 2 && comma != std::string::npos && arrow != std::string::npos && comma < arrow,
      "equation " + text + " for " + std::to_string(at.count("values")) + " tensors");
  Equation equation{
      packed.substr(0, comma), packed.substr(comma + 1, arrow - comma - 1), packed.substr(arrow + 2), {}};
  const std::string* const sides[] = {&equation.left, &equation.right};
  for (size_t i = 0; i < 2; ++i) {
    const std::vector<int64_t>& shape = at.type("values", i).shape;
    at.require(shape.size() == sides[i]->size(), "equation " + text + " for " + at.type("values", i).text());
    for (size_t j = 0; j < shape.size(); ++j) {
      const char letter = (*sides[i])[j];
      at.require(letter >= 'A' && letter <= 'z' && sides[i]->find(letter) == j, "equation " + text);
      at.require(equation.lengths.emplace(letter, shape[j]).first->second == shape[j],
                 "two lengths for " + std::string(1, letter));
    }
  }
  for (const char letter : equation.result) at.require(equation.lengths.contains(letter), "equation " + text);
  return equation;
}

// Where the letters of `wanted` stand in `letters`.
std::vector<size_t> order_of(const std::string& letters, const std::string& wanted) {
  std::vector<size_t> order;
  for (const char letter : wanted) order.push_back(letters.find(letter));
  return order;
}

// A mask of truths excludes what it does not mark: by so much less that its share is 0 in fp16, if anything
// is marked.
TensorId mask(OperationImport& at) {
  constexpr float excluded = -30000;
  const TensorId given = at.tensor("attn_mask");
  if (at.type("attn_mask").element != mil::DataType::Bool) return given;
  return at.linear(at.add(aneir::Cast{aneir::ElementType::Float16}, {given}), -excluded, excluded);
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

// Two tensors, each letter once in each. Letters of all three are what the product runs over, those of both
// operands are added up, and the others are rows and columns: with the axes in that order, and like ones
// merged, it is one matrix product for each index of the first kind. ("nchw,nwhu->nchu" of the documentation
// is one of these.)
Tops import_einsum(OperationImport& at) {
  const Equation equation = equation_of(at);
  const auto among = [&](const std::string& letters, bool left, bool right, bool result) {
    std::string found;
    for (const char letter : letters)
      if ((equation.left.find(letter) != std::string::npos) == left &&
          (equation.right.find(letter) != std::string::npos) == right &&
          (equation.result.find(letter) != std::string::npos) == result)
        found += letter;
    return found;
  };
  const std::string each = among(equation.left, true, true, true),
                    added = among(equation.left, true, true, false),
                    rows = among(equation.left, true, false, true),
                    columns = among(equation.right, false, true, true);
  at.require(each.size() + added.size() + rows.size() == equation.left.size() &&
                 each.size() + added.size() + columns.size() == equation.right.size() &&
                 each.size() + rows.size() + columns.size() == equation.result.size() && !added.empty(),
             "equation " + at.text("equation", ""));
  const auto count = [&](const std::string& letters) {
    int64_t product = 1;
    for (const char letter : letters)
      product = aneir::saturating_product({product, equation.lengths.at(letter)});
    return product;
  };
  const auto operand = [&](size_t index, const std::string& letters, const std::string& wanted) {
    return transposed(at, at.tensor("values", index), at.type("values", index).shape,
                      order_of(letters, wanted));
  };
  const TensorId x = at.reshaped(operand(0, equation.left, each + rows + added),
                                 {1, 1, count(each), count(rows), count(added)});
  const TensorId y = at.reshaped(operand(1, equation.right, each + added + columns),
                                 {1, 1, count(each), count(added), count(columns)});
  const std::string made = each + rows + columns;
  std::vector<int64_t> shape;
  for (const char letter : made) shape.push_back(equation.lengths.at(letter));
  return {at.reshaped(transposed(at, multiply(at, x, y, false), shape, order_of(made, equation.result)),
                      at.declared_shape())};
}

// softmax(q k^T / sqrt(E) + mask) v, over the last two axes.
Tops import_attention(OperationImport& at) {
  const TensorId query = at.tensor("query"), key = at.tensor("key"), value = at.tensor("value");
  const float scale = 1 / std::sqrt(static_cast<float>(at.shape(query).w));
  TensorId scores = multiply(at, query, key, true, scale);
  if (at.has("attn_mask")) {
    scores = at.binary(aneir::ElementWiseOp::Add, scores, mask(at));
  }
  return {multiply(at, at.add(aneir::Softmax{Axis::Width}, {scores}), value, false)};
}

}  // namespace ane::import
