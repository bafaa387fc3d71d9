// Shapes of results whose types leave lengths open ("?"), from the operands' shapes, which are known: a model
// of flexible shapes is imported for one shape of each input. Here are the operations whose import needs to
// know what they give; for the others it follows from the units (Importer::complete).
#include <algorithm>

#include "import/mil_operation.h"

namespace ane::import {
namespace {

using Lengths = std::vector<int64_t>;
using Rule = std::vector<Lengths> (*)(const OperationImport&);

int64_t product(const Lengths& shape, size_t begin, size_t end) {
  int64_t count = 1;
  for (size_t i = begin; i < end; ++i) count = aneir::saturating_product({count, shape[i]});
  return count;
}

std::vector<Lengths> broadcast(const OperationImport& at, std::initializer_list<const char*> parameters) {
  size_t rank = 0;
  for (const char* parameter : parameters) rank = std::max(rank, at.rank(parameter));
  Lengths shape(rank, 1);
  for (const char* parameter : parameters) {
    const Lengths& from = at.type(parameter).shape;
    for (size_t i = 0; i < from.size(); ++i) {
      int64_t& length = shape[rank - from.size() + i];
      at.require(length == 1 || from[i] == 1 || from[i] == length, "joins tensors of unequal shapes");
      length = std::max(length, from[i]);
    }
  }
  return {shape};
}

std::vector<Lengths> of_two(const OperationImport& at) {
  return broadcast(at, {"x", "y"});
}
std::vector<Lengths> of_select(const OperationImport& at) {
  return broadcast(at, {"cond", "a", "b"});
}

// 0 copies a length of x, -1 is what the elements leave.
std::vector<Lengths> of_reshape(const OperationImport& at) {
  const Lengths& from = at.type("x").shape;
  Lengths shape = at.integers("shape");
  std::optional<size_t> open;
  int64_t known = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && i < from.size() && shape.size() == from.size()) shape[i] = from[i];
    if (shape[i] == -1 && !open) {
      open = i;
      continue;
    }
    at.require(shape[i] >= 1, "a shape with the entry " + std::to_string(shape[i]));
    known = aneir::saturating_product({known, shape[i]});
  }
  const int64_t count = product(from, 0, from.size());
  at.require(open ? count % known == 0 : count == known, "a shape of another number of elements");
  if (open) shape[*open] = count / known;
  return {shape};
}

std::vector<Lengths> of_expand_dims(const OperationImport& at) {
  const Lengths& from = at.type("x").shape;
  const Lengths axes = at.integers("axes");
  Lengths shape(from.size() + axes.size(), 0);
  for (const int64_t axis : axes) shape[at.axis_index(axis, shape.size())] = 1;
  at.require(std::count(shape.begin(), shape.end(), 1) == static_cast<int64_t>(axes.size()),
             "names an axis twice");
  auto next = from.begin();
  for (int64_t& length : shape)
    if (length == 0) length = *next++;
  return {shape};
}

// Axes that a parameter lists, all where it is absent.
std::vector<bool> marked(const OperationImport& at, const char* parameter, size_t rank) {
  if (!at.has(parameter)) return std::vector<bool>(rank, true);
  std::vector<bool> marks(rank, false);
  for (const int64_t axis : at.integers(parameter)) marks[at.axis_index(axis, rank)] = true;
  return marks;
}

std::vector<Lengths> of_squeeze(const OperationImport& at) {
  const Lengths& from = at.type("x").shape;
  const std::vector<bool> axes = marked(at, "axes", from.size());
  Lengths shape;
  for (size_t i = 0; i < from.size(); ++i)
    if (!axes[i] || from[i] != 1) shape.push_back(from[i]);
  return {shape};
}

Lengths reduced(const OperationImport& at, const std::vector<bool>& axes) {
  const Lengths& from = at.type("x").shape;
  const bool keep = at.flag("keep_dims", false);
  Lengths shape;
  for (size_t i = 0; i < from.size(); ++i)
    if (!axes[i] || keep) shape.push_back(axes[i] ? 1 : from[i]);
  return shape;
}

std::vector<Lengths> of_reduction(const OperationImport& at) {
  return {reduced(at, marked(at, "axes", at.rank("x")))};
}
std::vector<Lengths> of_argument(const OperationImport& at) {
  std::vector<bool> axes(at.rank("x"), false);
  axes[at.axis_index(at.integer("axis", -1), axes.size())] = true;
  return {reduced(at, axes)};
}

std::vector<Lengths> of_slice(const OperationImport& at) {
  const std::vector<Range> ranges = slice_ranges(at);
  const Lengths squeezed = at.integers("squeeze_mask", ranges.size(), 0);
  Lengths shape;
  for (size_t i = 0; i < ranges.size(); ++i)
    if (squeezed[i] == 0) shape.push_back(ranges[i].count);
  return {shape};
}

std::vector<Lengths> of_gather(const OperationImport& at) {
  const Lengths &from = at.type("x").shape, &indices = at.type("indices").shape;
  const size_t axis = at.axis_index(at.integer("axis", 0), from.size());
  Lengths shape(from.begin(), from.begin() + static_cast<ptrdiff_t>(axis));
  shape.insert(shape.end(), indices.begin(), indices.end());
  shape.insert(shape.end(), from.begin() + static_cast<ptrdiff_t>(axis) + 1, from.end());
  return {shape};
}

std::vector<Lengths> of_stack(const OperationImport& at) {
  Lengths shape = at.type("values").shape;
  const size_t axis = at.axis_index(at.integer("axis"), shape.size() + 1);
  shape.insert(shape.begin() + static_cast<ptrdiff_t>(axis), static_cast<int64_t>(at.count("values")));
  return {shape};
}

std::vector<Lengths> of_split(const OperationImport& at) {
  const Lengths& from = at.type("x").shape;
  const size_t axis = at.axis_index(at.integer("axis"), from.size());
  const size_t pieces = at.operation.outputs.size();
  const Lengths sizes = at.integers("split_sizes", pieces, from[axis] / static_cast<int64_t>(pieces));
  std::vector<Lengths> shapes(pieces, from);
  for (size_t i = 0; i < pieces; ++i) shapes[i][axis] = sizes[i];
  return shapes;
}

std::vector<Lengths> of_transpose(const OperationImport& at) {
  const Lengths& from = at.type("x").shape;
  Lengths shape;
  for (const int64_t axis : at.integers("perm", from.size(), 0))
    shape.push_back(from[at.axis_index(axis, from.size())]);
  return {shape};
}

std::vector<Lengths> of_flatten2d(const OperationImport& at) {
  const Lengths& from = at.type("x").shape;
  const auto rank = static_cast<int64_t>(from.size());
  const int64_t axis = at.integer("axis", 1);
  at.require(axis >= -rank && axis <= rank, "axis " + std::to_string(axis));
  const auto split = static_cast<size_t>(axis < 0 ? axis + rank : axis);
  return {{product(from, 0, split), product(from, split, from.size())}};
}

const std::map<std::string, Rule> rules = {
    {"add", of_two},
    {"equal", of_two},
    {"expand_dims", of_expand_dims},
    {"flatten2d", of_flatten2d},
    {"floor_div", of_two},
    {"gather", of_gather},
    {"greater", of_two},
    {"greater_equal", of_two},
    {"less", of_two},
    {"less_equal", of_two},
    {"logical_and", of_two},
    {"logical_or", of_two},
    {"logical_xor", of_two},
    {"maximum", of_two},
    {"minimum", of_two},
    {"mod", of_two},
    {"mul", of_two},
    {"not_equal", of_two},
    {"pow", of_two},
    {"real_div", of_two},
    {"reduce_argmax", of_argument},
    {"reduce_argmin", of_argument},
    {"reduce_l1_norm", of_reduction},
    {"reduce_l2_norm", of_reduction},
    {"reduce_log_sum", of_reduction},
    {"reduce_log_sum_exp", of_reduction},
    {"reduce_max", of_reduction},
    {"reduce_mean", of_reduction},
    {"reduce_min", of_reduction},
    {"reduce_prod", of_reduction},
    {"reduce_sum", of_reduction},
    {"reduce_sum_square", of_reduction},
    {"reshape", of_reshape},
    {"select", of_select},
    {"slice_by_index", of_slice},
    {"split", of_split},
    {"squeeze", of_squeeze},
    {"stack", of_stack},
    {"sub", of_two},
    {"transpose", of_transpose},
};

}  // namespace

std::vector<std::vector<int64_t>> known_shapes(const OperationImport& at) {
  const auto rule = rules.find(at.operation.type);
  return rule == rules.end() ? std::vector<Lengths>{} : rule->second(at);
}

}  // namespace ane::import
