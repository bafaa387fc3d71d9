// The arithmetic of selection.h.
//
// Index of the largest element: x minus the maximum is 0 there and negative elsewhere. The marks are
// multiplied by count, count - 1, ..., 1, so that the maximum of the products belongs to the first mark, and
// taking it from `count` leaves the index.
//
// Column of a matrix: the index minus 0, 1, 2, ... as channels, whose marks a 1x1 convolution sums up.
#include "import/selection.h"

#include <string>

#include "import/refusal.h"

namespace ane::import {
namespace {

using aneir::Axis;
using aneir::Constant;
using aneir::ElementWise;
using aneir::ElementWiseOp;
using aneir::Goc;
using aneir::Neuron;
using aneir::NeuronType;
using aneir::Reduction;
using aneir::ReductionType;
using aneir::TensorId;

void check_count(int64_t count) {
  if (count <= most_indices) return;
  throw Refusal{std::to_string(count) + " indices: the engine counts in binary16, which is exact up to 2048"};
}

// 1 where x is 0.
TensorId marks_of_zero(const AddUnit& add, TensorId x) {
  return add(Neuron{NeuronType::LogicalNot, 0, 0, 1}, {x});
}

std::vector<float> count_down(int64_t count) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(count - i));
  return values;
}

}  // namespace

TensorId index_of_largest(const aneir::Network& network, const AddUnit& add, TensorId x, Axis axis) {
  const int64_t count = network.tensor(x).shape[axis];
  check_count(count);
  const Reduction maximum{ReductionType::Max, {axis}, {}};
  const TensorId below = add(ElementWise{ElementWiseOp::Sub, 1, false}, {x, add(maximum, {x})});
  aneir::Shape shape;
  shape[axis] = count;
  const TensorId places = add(aneir::ConstantTensor{shape, Constant::of_floats(count_down(count))}, {});
  const TensorId marked =
      add(ElementWise{ElementWiseOp::Mult, 1, false}, {marks_of_zero(add, below), places});
  return add(Goc{-1, static_cast<float>(count), {}, {}}, {add(maximum, {marked})});
}

TensorId index_of_smallest(const aneir::Network& network, const AddUnit& add, TensorId x, Axis axis) {
  return index_of_largest(network, add, add(Goc{-1, 0, {}, {}}, {x}), axis);
}

TensorId column_of_matrix(const aneir::Network& network, const AddUnit& add, TensorId x, int64_t count,
                          int64_t size, Constant weights, std::optional<Constant> bias) {
  check_count(count);
  if (network.tensor(x).shape.c != 1) throw Refusal{"indices with several channels"};
  std::vector<float> negatives;
  for (int64_t i = 0; i < count; ++i) negatives.push_back(-static_cast<float>(i));
  aneir::Conv distances;
  distances.output_channels = count;
  distances.weights = Constant::of_floats(std::vector<float>(static_cast<size_t>(count), 1.0f));
  distances.bias = Constant::of_floats(std::move(negatives));
  aneir::Conv columns;
  columns.output_channels = size;
  columns.weights = std::move(weights);
  columns.bias = std::move(bias);
  return add(std::move(columns), {marks_of_zero(add, add(std::move(distances), {x}))});
}

}  // namespace ane::import
