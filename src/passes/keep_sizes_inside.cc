// Tensors of more rows, or of a longer row, than a task can count. Long lists of boxes are such (25200 rows
// of 85 numbers), and flat images before an inner product (512 x 7 x 7 in one row). How rows are grouped to
// channels is only a way to read the same bytes, so a unit that works on each row by itself does so on
// shorter channels, more of them; and a row on its own, where it is only moved or every element is treated
// alike, is channels of one shorter row each:
//
//   tall   [C, H, W] -> [C*k, H/k, W]
//   long   [1, 1, W] -> [W/k, 1, k]
//
// A long row times a constant matrix is a 1x1 convolution of as many channels. Reshapes to and from such
// tensors stay: they move nothing, or decompose_reshape takes them in pieces.
#include <algorithm>
#include <numeric>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::Concat;
using aneir::InputView;
using aneir::MatMul;

bool is_long(const Shape& shape, const EngineFacts& facts) {
  return shape.w > facts.max_width;
}
bool is_tall(const Shape& shape, const EngineFacts& facts) {
  return shape.h > facts.max_height && !is_long(shape, facts);
}
bool is_row(const Shape& shape) {
  return shape.count() == shape.w;
}

Shape image(int64_t c, int64_t h, int64_t w) {
  Shape shape;
  shape.c = c, shape.h = h, shape.w = w;
  return shape;
}

// The largest divisor of `length` that is at most `limit`, if no more than `most_parts` of them are needed;
// else 0.
int64_t largest_share(int64_t length, int64_t limit, int64_t most_parts) {
  for (int64_t parts = std::max<int64_t>(1, (length + limit - 1) / limit); parts <= most_parts; ++parts)
    if (length % parts == 0) return length / parts;
  return 0;
}

// `shape`, which is tall or long, within the engine's reach; itself where no grouping is.
Shape regrouped(const Shape& shape, const EngineFacts& facts) {
  if (shape.n != 1) return shape;
  if (is_long(shape, facts)) {
    const int64_t row = is_row(shape) ? largest_share(shape.w, facts.max_width, facts.max_channels) : 0;
    return row == 0 ? shape : image(shape.w / row, 1, row);
  }
  const int64_t rows = largest_share(shape.h, facts.max_height, facts.max_channels / shape.c);
  return rows == 0 ? shape : image(shape.c * (shape.h / rows), rows, shape.w);
}

bool is_alone(const std::vector<Axis>& axes, Axis axis) {
  return axes.size() == 1 && axes[0] == axis;
}

bool treats_elements_alike(const Unit& unit) {
  if (const auto* goc = unit.as<aneir::Goc>()) return !goc->channel_scale && !goc->channel_offset;
  return unit.as<Neuron>() || unit.as<aneir::ElementWise>();
}

bool works_on_each_row(const Unit& unit) {
  if (const auto* softmax = unit.as<aneir::Softmax>()) return softmax->axis == Axis::Width;
  if (const auto* reduction = unit.as<aneir::Reduction>()) return is_alone(reduction->axes, Axis::Width);
  if (const auto* normalize = unit.as<aneir::Normalize>()) return is_alone(normalize->axes, Axis::Width);
  if (const auto* product = unit.as<MatMul>()) return product->matrix && !product->transpose_first;
  if (const auto* view = unit.as<InputView>()) return view->axis == Axis::Width;
  if (const auto* concat = unit.as<Concat>()) return concat->axis == Axis::Width;
  return treats_elements_alike(unit);
}

// How an operand is read when `large` is read as `inside`; null when it does not go with it.
std::optional<Shape> alongside(const Shape& operand, const Shape& large, const Shape& inside) {
  if (operand == large) return inside;
  if (operand.count() == 1) return operand;
  if (large.w != inside.w) return std::nullopt;  // a long row
  if (is_row(operand)) return operand;
  if (operand.n == large.n && operand.c == large.c && operand.h == large.h)
    return image(inside.c, inside.h, operand.w);
  return std::nullopt;
}

// `id` as a tensor of `shape`: constants at once, and what a Reshape made from before it.
TensorId read_as(TensorId id, const Shape& shape, Replacement& here) {
  for (const Unit* producer = here.producer(id); producer && producer->as<aneir::Reshape>();
       producer = here.producer(id))
    id = producer->bottoms[0];
  const auto* constants = constants_of(here.producer(id));
  if (!constants || here.shape(id) == shape) return here.reshape("regrouped", id, shape);
  return here.add("constants", aneir::ConstantTensor{shape, constants->values}, {});
}

// The unit with its rows grouped otherwise.
TensorId in_other_groups(const Unit& unit, const Shape& large, const EngineFacts& facts, Replacement& here) {
  const Shape inside = regrouped(large, facts);
  const bool possible = is_long(large, facts) ? treats_elements_alike(unit) : works_on_each_row(unit);
  const std::optional<Shape> result = alongside(here.shape(unit.top), large, inside);
  if (!possible || inside == large || !result || *result == here.shape(unit.top)) return no_tensor;
  std::vector<TensorId> bottoms;
  for (const TensorId bottom : unit.bottoms) {
    const std::optional<Shape> shape = alongside(here.shape(bottom), large, inside);
    if (!shape) return no_tensor;
    bottoms.push_back(read_as(bottom, *shape, here));
  }
  return here.reshape("result", here.add("inside", unit.params, std::move(bottoms)), here.shape(unit.top));
}

// One axis of a lone row, or of rows in one channel, as channels of `share` elements or rows each.
Shape in_shares(const Shape& shape, Axis axis, int64_t share) {
  return axis == Axis::Width ? image(shape.w / share, 1, share) : image(shape.h / share, share, shape.w);
}

// Joins and slices along the axis that is too long: along channels, which are a common divisor of all
// lengths.
TensorId along_channels(const Unit& unit, const Shape& large, const EngineFacts& facts, Replacement& here) {
  const auto* concat = unit.as<Concat>();
  const auto* view = unit.as<InputView>();
  if (!concat && !view) return no_tensor;
  const Axis axis = concat ? concat->axis : view->axis;
  const bool lone =
      axis == Axis::Width ? is_row(large) : axis == Axis::Height && large.n == 1 && large.c == 1;
  if (!lone || (view && view->step != 1) || (concat && concat->interleave)) return no_tensor;
  int64_t common = view ? std::gcd(view->offset, view->size) : 0;
  for (const TensorId bottom : unit.bottoms) common = std::gcd(common, here.shape(bottom)[axis]);
  const int64_t limit = axis == Axis::Width ? facts.max_width : facts.max_height;
  const int64_t share = largest_share(common, limit, facts.max_channels);
  if (share == 0 || large[axis] / share > facts.max_channels) return no_tensor;
  std::vector<TensorId> bottoms;
  for (const TensorId bottom : unit.bottoms)
    bottoms.push_back(read_as(bottom, in_shares(here.shape(bottom), axis, share), here));
  const TensorId result =
      concat ? here.add("joined", Concat{Axis::Channel}, std::move(bottoms))
             : here.view("taken", bottoms[0], Axis::Channel, view->offset / share, view->size / share);
  return here.reshape("result", result, here.shape(unit.top));
}

// x W^T + b of one long row.
TensorId as_convolution(const Unit& unit, const Shape& row, const EngineFacts& facts, Replacement& here) {
  const auto* product = unit.as<MatMul>();
  if (!product || !product->matrix || product->transpose_first || !product->transpose_second ||
      product->scale != 1 || !is_row(row) || row.w > facts.max_channels)
    return no_tensor;
  Conv conv;
  conv.output_channels = product->matrix_rows;
  conv.weights = *product->matrix;
  conv.bias = product->bias;
  conv.activation = product->activation;
  const TensorId channels = read_as(unit.bottoms[0], image(row.w, 1, 1), here);
  return here.reshape("result", here.add("product", std::move(conv), {channels}), here.shape(unit.top));
}

// A transposition that leaves the longer axes in order only names them otherwise.
TensorId as_reshape(const Unit& unit, const Shape&, const EngineFacts&, Replacement& here) {
  const auto* transpose = unit.as<aneir::Transpose>();
  if (!transpose) return no_tensor;
  const Shape from = here.shape(unit.bottoms[0]);
  size_t last = 0;
  for (const Axis axis : transpose->source) {
    if (from[axis] == 1) continue;
    if (static_cast<size_t>(axis) < last) return no_tensor;
    last = static_cast<size_t>(axis);
  }
  return here.reshape("named", unit.bottoms[0], here.shape(unit.top));
}

}  // namespace

bool keep_sizes_inside(Network& network, const EngineFacts& facts) {
  const bool changed = rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    if (unit.as<aneir::Reshape>() || unit.bottoms.empty()) return no_tensor;
    std::vector<TensorId> tensors = unit.bottoms;
    tensors.push_back(unit.top);
    const auto large = std::find_if(tensors.rbegin(), tensors.rend(), [&](TensorId id) {
      return is_long(here.shape(id), facts) || is_tall(here.shape(id), facts);
    });
    if (large == tensors.rend()) return no_tensor;
    const Shape shape = here.shape(*large);
    for (const auto& way : {in_other_groups, along_channels, as_convolution, as_reshape})
      if (const TensorId result = way(unit, shape, facts, here); result != no_tensor) return result;
    return no_tensor;
  });
  return remove_dead_units(network) || changed;
}

}  // namespace ane::passes
