// Sums of products in Einstein's notation, for two operands.
//
// Every label is of one of four kinds: in both operands and the result (batch), in both operands only
// (summed), in one operand and the result (rows of the first, columns of the second), or in one operand only,
// which is summed up before anything else. With the labels in the order of their kinds it is a batched
// product of matrices.

#include <fmt/format.h>

#include <string>

#include "reference/matrix_product.h"
#include "reference/mil_operations.h"
#include "reference/reduction_kernel.h"

namespace ane::reference::ops {
namespace {

struct Labelled {
  std::string labels;  // one letter to an axis
  Tensor tensor;

  bool has(char label) const { return labels.find(label) != std::string::npos; }
  int64_t size(char label) const { return tensor.shape[labels.find(label)]; }
};

struct Equation {
  std::string first, second, result;
};

Equation parse(const MilCall& call) {
  std::string text = call.text("equation");
  std::erase(text, ' ');
  const size_t comma = text.find(','), arrow = text.find("->");
  if (comma == text.npos || arrow == text.npos || comma > arrow || text.find(',', comma + 1) != text.npos)
    call.fail(fmt::format("the equation {} is not of the form ab,bc->ac", text));
  const Equation equation{text.substr(0, comma), text.substr(comma + 1, arrow - comma - 1),
                          text.substr(arrow + 2)};
  for (const std::string* part : {&equation.first, &equation.second, &equation.result}) {
    for (const char label : *part) {
      if (!std::isalpha(static_cast<unsigned char>(label)))
        call.fail(fmt::format("the equation {} has a label that is no letter", text));
      if (part->find(label) != part->rfind(label))
        call.fail(fmt::format("the equation {} repeats the label {} in one part", text, label));
    }
  }
  for (const char label : equation.result)
    if (equation.first.find(label) == text.npos && equation.second.find(label) == text.npos)
      call.fail(fmt::format("the label {} of the result is in no operand", label));
  return equation;
}

// Sums up the labels that stand nowhere else.
Labelled without_lonely(Labelled operand, const std::string& others) {
  std::vector<bool> lonely;
  std::string kept;
  for (const char label : operand.labels) {
    lonely.push_back(others.find(label) == std::string::npos);
    if (!lonely.back()) kept.push_back(label);
  }
  Tensor sums = reduce(operand.tensor, lonely, sum_of);
  sums.shape = without_axes(sums.shape, lonely);
  return {kept, std::move(sums)};
}

// The axes in the order of `labels`, all of which the operand has.
Tensor in_order(const Labelled& operand, const std::string& labels) {
  std::vector<int64_t> permutation;
  for (const char label : labels) permutation.push_back(static_cast<int64_t>(operand.labels.find(label)));
  return transposed(operand.tensor, permutation);
}

int64_t product_of(const Labelled& operand, const std::string& labels) {
  int64_t product = 1;
  for (const char label : labels) product *= operand.size(label);
  return product;
}

// The labels by kind, each kind in the order of the first operand that has it.
struct Kinds {
  std::string batch, summed, rows, columns;
};

Kinds kinds_of(const Labelled& a, const Labelled& b, const std::string& result) {
  Kinds kinds;
  for (const char label : a.labels) {
    const bool kept = result.find(label) != std::string::npos;
    (!b.has(label) ? kinds.rows : kept ? kinds.batch : kinds.summed).push_back(label);
  }
  for (const char label : b.labels)
    if (!a.has(label)) kinds.columns.push_back(label);
  return kinds;
}

// Batch axes may be 1 in one of the operands; those that are summed agree.
Shape batch_shape(const MilCall& call, const Labelled& a, const Labelled& b, const Kinds& kinds) {
  Shape shape;
  for (const char label : kinds.batch) {
    if (a.size(label) != b.size(label) && a.size(label) != 1 && b.size(label) != 1)
      call.fail(fmt::format("the label {} stands for {} and {}", label, a.size(label), b.size(label)));
    shape.push_back(std::max(a.size(label), b.size(label)));
  }
  for (const char label : kinds.summed)
    if (a.size(label) != b.size(label))
      call.fail(fmt::format("the label {} stands for {} and {}", label, a.size(label), b.size(label)));
  return shape;
}

// [batch..., outer, inner]
Tensor as_matrices(const Labelled& operand, const std::string& batch, const std::string& outer,
                   const std::string& inner) {
  Shape shape;
  for (const char label : batch) shape.push_back(operand.size(label));
  shape.insert(shape.end(), {product_of(operand, outer), product_of(operand, inner)});
  return reshaped(in_order(operand, batch + outer + inner), shape);
}

}  // namespace

Tensor einsum(const MilCall& call) {
  const std::vector<const Tensor*> values = call.tensors("values");
  if (values.size() != 2) call.fail(fmt::format("{} values are given, not two", values.size()));
  const Equation equation = parse(call);
  if (equation.first.size() != values[0]->shape.size() || equation.second.size() != values[1]->shape.size())
    call.fail(fmt::format("the equation {} does not suit {} and {}", call.text("equation"),
                          to_string(values[0]->shape), to_string(values[1]->shape)));
  const Labelled a = without_lonely({equation.first, *values[0]}, equation.second + equation.result);
  const Labelled b = without_lonely({equation.second, *values[1]}, equation.first + equation.result);
  const Kinds kinds = kinds_of(a, b, equation.result);
  Shape shape = batch_shape(call, a, b, kinds);
  for (const char label : kinds.rows) shape.push_back(a.size(label));
  for (const char label : kinds.columns) shape.push_back(b.size(label));
  call.checked(shape);
  const Tensor product = batched_product(as_matrices(a, kinds.batch, kinds.rows, kinds.summed), false,
                                         as_matrices(b, kinds.batch, kinds.summed, kinds.columns), false);
  return in_order({kinds.batch + kinds.rows + kinds.columns, reshaped(product, shape)}, equation.result);
}

}  // namespace ane::reference::ops
