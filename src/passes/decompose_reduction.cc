// The engine reduces planes (H and W together, or W), and channels; over channels it can neither average nor
// take a minimum. All other reductions are these, with axes exchanged or merged first, which moves no data:
//
//   over H            H and C change places, are reduced as channels, and change back: only strides differ
//   over C and H      merged into channels
//   over C and W, or  planes first, then channels
//   all three
//   mean over C       the sum times 1/C
//   minimum           -max(-x)
//   mean of squares   the squares, rounded, then their mean; only 1/sqrt of it over planes is one pass
//
// With facts.composites the back end knows how to take sums, means and maxima over most of these axes, so
// only minima, squares and activations are taken apart, and what is too large or has C and one more axis.
//
// A sum that a mean passes through may overflow where the mean would not: beyond 65504 / C on average.
// Axes of length 1 are ignored, so {H} of a tensor with one column is a plane.
#include <algorithm>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::Reduction;
using aneir::ReductionType;

struct Axes {
  bool c = false, h = false, w = false;
  bool others = false;
  bool none() const { return !c && !h && !w && !others; }
};

Axes axes_of(const Reduction& reduction, const Shape& shape) {
  Axes axes;
  for (const Axis axis : reduction.axes) {
    if (shape[axis] == 1) continue;
    if (axis == Axis::Channel)
      axes.c = true;
    else if (axis == Axis::Height)
      axes.h = true;
    else if (axis == Axis::Width)
      axes.w = true;
    else
      axes.others = true;
  }
  return axes;
}

// A reduction under way: what is left to multiply by, and to apply, in the end.
struct Remainder {
  float factor = 1;
  std::optional<Neuron> activation;
};

TensorId reduce_planes(TensorId x, ReductionType type, Axes& axes, Replacement& here) {
  const bool one_column = here.shape(x).w == 1;
  if (axes.h && (axes.w || one_column)) {
    axes.h = axes.w = false;
    return here.add("planes", Reduction{type, {Axis::Height, Axis::Width}, {}}, {x});
  }
  if (!axes.w) return x;
  axes.w = false;
  return here.add("rows", Reduction{type, {Axis::Width}, {}}, {x});
}

TensorId reduce_channels(TensorId x, ReductionType type, Remainder& rest, const EngineFacts& facts,
                         Replacement& here) {
  Reduction reduction{type == ReductionType::Max ? type : ReductionType::Sum, {Axis::Channel}, {}};
  if (type == ReductionType::Mean) rest.factor = 1.0f / static_cast<float>(here.shape(x).c);
  const bool fuses = rest.activation && rest.factor == 1 && reduction.type == ReductionType::Sum &&
                     can_be_fused(*rest.activation, facts) && rest.activation->type != NeuronType::ReLU;
  if (fuses) std::swap(reduction.activation, rest.activation);
  return here.add("channels", reduction, {x});
}

TensorId reduce_remaining(TensorId x, ReductionType type, const Axes& axes, Remainder& rest,
                          const EngineFacts& facts, Replacement& here) {
  if (!axes.c && !axes.h) return x;
  if (!axes.h) return reduce_channels(x, type, rest, facts, here);
  if (axes.c) {
    Shape merged = here.shape(x);
    merged.c *= merged.h;
    merged.h = 1;
    return reduce_channels(here.reshape("merged", x, merged), type, rest, facts, here);
  }
  const TensorId turned = here.swap("turned", x, Axis::Height, Axis::Channel);
  const TensorId reduced = reduce_channels(turned, type, rest, facts, here);
  return here.swap("back", reduced, Axis::Height, Axis::Channel);
}

TensorId finish(TensorId x, const Remainder& rest, Replacement& here) {
  if (!rest.activation) return here.scale("factor", x, rest.factor);
  Neuron neuron = *rest.activation;
  neuron.input_scale *= rest.factor;
  return here.add("activation", neuron, {x});
}

// Of an image in L2 whose channels, or rows, have become columns.
int64_t bytes_turned(const Shape& shape, bool channels) {
  const int64_t columns = channels ? shape.c : shape.h;
  return shape.c * shape.h * shape.w / columns * ((columns * 2 + 15) / 16 * 16);
}

// Does the back end reduce over these axes as one unit? Not over C and one more of two that are longer than
// 1; where it turns the image first, it needs room for it.
bool is_whole(const Reduction& reduction, const Shape& shape, const EngineFacts& facts) {
  const Axes axes = axes_of(reduction, shape);
  if (axes.c && axes.h != axes.w && (axes.h ? shape.w : shape.h) > 1) return false;
  const bool turned = (axes.c != axes.h) && !axes.w && shape.w > 1;
  return !turned || bytes_turned(shape, axes.c) <= facts.on_chip_bytes / 2;
}

bool is_engine_form(const Reduction& reduction, const Shape& shape, const EngineFacts& facts) {
  using List = std::vector<Axis>;
  if (is_deviation(reduction)) return true;
  if (reduction.type == ReductionType::Min || reduction.type == ReductionType::MeanSquare) return false;
  if (facts.composites && !reduction.activation && is_whole(reduction, shape, facts)) return true;
  if (reduction.axes == List{Axis::Channel}) {
    if (reduction.type == ReductionType::Mean) return false;
    return !reduction.activation ||
           (reduction.type == ReductionType::Sum && reduction.activation->type != NeuronType::ReLU &&
            can_be_fused(*reduction.activation, facts));
  }
  return !reduction.activation &&
         (reduction.axes == List{Axis::Height, Axis::Width} || reduction.axes == List{Axis::Width});
}

}  // namespace

bool decompose_reduction(Network& network, const EngineFacts& facts) {
  return rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    const auto* reduction = unit.as<Reduction>();
    if (!reduction || is_engine_form(*reduction, here.shape(unit.bottoms[0]), facts)) return no_tensor;
    TensorId x = unit.bottoms[0];
    Axes axes = axes_of(*reduction, here.shape(x));
    if (axes.others || here.shape(x).d != 1) return no_tensor;
    Remainder rest{1, reduction->activation};
    const bool minimum = reduction->type == ReductionType::Min && !axes.none();
    const bool squares = reduction->type == ReductionType::MeanSquare;
    const ReductionType type = minimum ? ReductionType::Max : squares ? ReductionType::Mean : reduction->type;
    if (squares) x = here.add("squares", aneir::ElementWise{aneir::ElementWiseOp::Mult, 1, false}, {x, x});
    if (minimum) {
      x = here.scale("negative", x, -1);
      rest.factor = -1;
    }
    if (facts.composites && is_whole(*reduction, here.shape(x), facts)) {
      x = here.add("whole", Reduction{type, reduction->axes, {}}, {x});
      return finish(x, rest, here);
    }
    x = reduce_planes(x, type, axes, here);
    x = reduce_remaining(x, type, axes, rest, facts, here);
    return finish(x, rest, here);
  });
}

}  // namespace ane::passes
