// Units that the back end does whole (facts.composites) work on one image and hold all of it on chip, several
// times over. Here they become as many as have room: one for each image of a batch, then parts along an axis
// that they do not look along. What cannot be cut so is taken apart into reductions and elementwise units,
// which need no more than a few rows at a time:
//
//   softmax      e^(x - max x) / sum of the same, as in decompose_softmax.cc, along its own axis
//   normalise    d = x - mean x, then d / sqrt(mean of d^2 + epsilon); the squares are rounded to binary16,
//                which overflow where |d| exceeds 255. The same for axes that no captured program takes
//                together.
#include <algorithm>
#include <numbers>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::ElementWise;
using aneir::ElementWiseOp;
using aneir::Normalize;
using aneir::Reduction;
using aneir::ReductionType;
using aneir::Softmax;

// Source, an intermediate tensor in two orientations, and room for what streams through.
constexpr int64_t copies = 4;

bool contains(const std::vector<Axis>& axes, Axis axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

int64_t bytes_on_chip(const Shape& shape) {
  return shape.n * shape.d * shape.c * shape.h * ((shape.w * 2 + 15) / 16 * 16);
}

std::vector<Axis> axes_of(const Unit& unit) {
  if (const auto* softmax = unit.as<Softmax>()) return {softmax->axis};
  if (const auto* normalize = unit.as<Normalize>()) return normalize->axes;
  return {};
}

// The unit for `part` elements of the axis at a time, joined again.
TensorId in_parts(const Unit& unit, Axis axis, int64_t part, Replacement& here) {
  const int64_t length = here.shape(unit.top)[axis];
  std::vector<TensorId> parts;
  for (int64_t first = 0; first < length; first += part) {
    const int64_t count = std::min(part, length - first);
    std::vector<TensorId> bottoms;
    for (const TensorId bottom : unit.bottoms)
      bottoms.push_back(here.shape(bottom)[axis] == 1 ? bottom
                                                      : here.view("part", bottom, axis, first, count));
    Params params = unit.params;
    if (auto* broadcast = std::get_if<aneir::Broadcast>(&params)) broadcast->shape[axis] = count;
    parts.push_back(here.add("of_part", std::move(params), std::move(bottoms)));
  }
  return here.add("joined", aneir::Concat{axis, false}, std::move(parts));
}

bool works_on_one_image(const Unit& unit) {
  const auto* elementwise = unit.as<ElementWise>();
  if (const auto* goc = unit.as<aneir::Goc>()) return goc->channel_scale || goc->channel_offset;
  return unit.as<Softmax>() || unit.as<Normalize>() || unit.as<Reduction>() || unit.as<aneir::Broadcast>() ||
         (elementwise && elementwise->op == ElementWiseOp::Div);
}

TensorId softmax_in_steps(const Softmax& softmax, TensorId x, Replacement& here) {
  const auto reduce = [&](const char* suffix, ReductionType type, TensorId of) {
    return here.add(suffix, Reduction{type, {softmax.axis}, {}}, {of});
  };
  const TensorId largest = reduce("max", ReductionType::Max, x);
  const TensorId exponent = here.add(
      "exponent", ElementWise{ElementWiseOp::Sub, std::numbers::log2e_v<float>, false}, {x, largest});
  const TensorId power = here.add("power", Neuron{NeuronType::Exp2, 0, 0, 1}, {exponent});
  const TensorId sum = reduce("sum", ReductionType::Sum, power);
  const TensorId inverse = here.add("inverse", Neuron{NeuronType::Inv, 0, 0, 1}, {sum});
  return here.add("quotient", ElementWise{ElementWiseOp::Mult, 1, false}, {power, inverse});
}

TensorId normalize_in_steps(const Normalize& normalize, TensorId x, Replacement& here) {
  const auto combine = [&](const char* suffix, ElementWiseOp op, TensorId a, TensorId b) {
    return here.add(suffix, ElementWise{op, 1, false}, {a, b});
  };
  const auto mean = [&](const char* suffix, TensorId of) {
    return here.add(suffix, Reduction{ReductionType::Mean, normalize.axes, {}}, {of});
  };
  const bool one_element = std::all_of(normalize.axes.begin(), normalize.axes.end(),
                                       [&](Axis axis) { return here.shape(x)[axis] == 1; });
  if (one_element) return combine("zero", ElementWiseOp::Sub, x, x);
  const TensorId centred = combine("centred", ElementWiseOp::Sub, x, mean("mean", x));
  const TensorId squares = combine("squares", ElementWiseOp::Mult, centred, centred);
  const TensorId deviation =
      here.add("deviation", Neuron{NeuronType::Rsqrt, normalize.epsilon, 0, 1}, {mean("variance", squares)});
  return combine("normalised", ElementWiseOp::Mult, centred, deviation);
}

// Axes that the back end normalises over together: one of C and W, planes, or everything.
bool has_sequence(const Normalize& normalize, const Shape& shape) {
  const auto over = [&](Axis axis) { return contains(normalize.axes, axis) && shape[axis] > 1; };
  const bool c = over(Axis::Channel), h = over(Axis::Height), w = over(Axis::Width);
  if (!c && !h && !w) return false;
  return h ? w || shape.w == 1 : !(c && w) || shape.h == 1;
}

TensorId in_steps(const Unit& unit, Replacement& here) {
  if (const auto* softmax = unit.as<Softmax>()) return softmax_in_steps(*softmax, unit.bottoms[0], here);
  return normalize_in_steps(*unit.as<Normalize>(), unit.bottoms[0], here);
}

}  // namespace

bool divide_batches(Network& network, const EngineFacts& facts) {
  if (!facts.composites) return false;
  return rewrite_units(network, [](Unit& unit, Replacement& here) -> TensorId {
    if (!works_on_one_image(unit) || here.shape(unit.top).n == 1 || contains(axes_of(unit), Axis::Batch))
      return no_tensor;
    return in_parts(unit, Axis::Batch, 1, here);
  });
}

bool divide_large_units(Network& network, const EngineFacts& facts) {
  if (!facts.composites) return false;
  return rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    if (!unit.as<Softmax>() && !unit.as<Normalize>()) return no_tensor;
    const Shape shape = here.shape(unit.top);
    if (shape.n != 1) return no_tensor;
    const auto* normalize = unit.as<Normalize>();
    if (normalize && !has_sequence(*normalize, shape)) return in_steps(unit, here);
    const int64_t room = facts.on_chip_bytes / copies, parts = (bytes_on_chip(shape) + room - 1) / room;
    if (parts <= 1) return no_tensor;
    const std::vector<Axis> axes = axes_of(unit);
    for (const Axis axis : {Axis::Height, Axis::Channel}) {
      if (contains(axes, axis) || shape[axis] < parts) continue;
      return in_parts(unit, axis, (shape[axis] + parts - 1) / parts, here);
    }
    return in_steps(unit, here);
  });
}

}  // namespace ane::passes
