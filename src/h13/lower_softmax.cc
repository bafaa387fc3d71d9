// Softmax: maximum, difference, 2^x by table, sum with reciprocal, product, all in L2 (docs/h13-rules.md).
//
// The maximum and the sum over channels are passes of the NE, those over columns planar reductions. The
// difference is scaled by log2(e), so that the table can be that of 2^x. Where the axis is rows, they are
// read as channels.
#include <algorithm>

#include "base/bytes.h"
#include "base/error.h"
#include "h13/geometry.h"
#include "h13/lowering.h"

namespace ane::h13 {

namespace {

constexpr float log2_of_e = 1.44269504f;
// Rows at least this long are reduced in four parts, one below the other, when a pass of the NE has left them
// in L2.
constexpr int64_t long_row = 128;

Bypass exponential() {
  Bypass work;
  work.activation = Activation::Lookup;
  aneir::Neuron neuron;
  neuron.type = aneir::NeuronType::Exp2;
  work.table = table_for(neuron);
  return work;
}

Elementwise difference() {
  Elementwise work;
  work.op = aneir::ElementWiseOp::Sub;
  work.scale = log2_of_e;
  return work;
}

Elementwise product() {
  Elementwise work;
  work.op = aneir::ElementWiseOp::Mult;
  return work;
}

PlaneReduce maximum() {
  PlaneReduce work;
  work.type = aneir::ReductionType::Max;
  return work;
}

PlaneReduce reciprocal_sum() {
  PlaneReduce work;
  work.reciprocal = true;
  return work;
}

ChannelReduce channel_reciprocal_sum() {
  ChannelReduce work;
  aneir::Neuron inverse;
  inverse.type = aneir::NeuronType::Inv;
  work.table = table_for(inverse);
  return work;
}

bool is_runtime_product(const Unit* unit) {
  const auto* product = unit ? unit->as<aneir::MatMul>() : nullptr;
  return product && !product->matrix;
}

}  // namespace

// One value per channel, a granule apart.
View Lowering::statistics(const std::string& name, int64_t channels) {
  return on_chip(name, 1, 1, channels, channels * 16, channels * 2, Buffer::Content::Statistics);
}

void Lowering::lower_params(const Unit& unit, const aneir::Softmax& softmax) {
  ensure(composites_, "lower: a Softmax is left");
  const View from = view_of(unit.bottoms[0]);
  if (softmax.axis == Axis::Channel && from.w == 1 && from.h == 1) {
    softmax_over_pixels(unit);
  } else if (softmax.axis == Axis::Channel) {
    softmax_over_channels(unit, from, destination_of(unit));
  } else if (softmax.axis == Axis::Height) {
    softmax_over_channels(unit, rows_and_channels_exchanged(from),
                          rows_and_channels_exchanged(destination_of(unit)));
  } else if (softmax.axis == Axis::Width &&
             is_runtime_product(producers_[static_cast<size_t>(unit.bottoms[0])]) && from.on_chip) {
    softmax_over_product_rows(unit);
  } else if (softmax.axis == Axis::Width) {
    softmax_over_columns(unit);
  } else {
    throw Error("", unit.layer, "softmax over the batch is not done", "move the axis");
  }
}

// `from` and `to` with the axis as channels.
void Lowering::softmax_over_channels(const Unit& unit, const View& from, const View& to) {
  const Layout natural = resolve(unit.top);
  const int64_t dense = from.w * from.h * from.c * 2, pitch = round_up(from.w * 2, 16),
                depth = from.c * pitch;
  const auto map = [&](const char* name) {
    return on_chip(unit.name + name, from.w, from.h, from.c, planar_row(depth, target_), dense);
  };
  const auto plane = [&](const char* name) {
    return on_chip(unit.name + name, from.w, from.h, 1, planar_row(pitch, target_), from.w * from.h * 2,
                   Buffer::Content::Statistics);
  };
  const View largest = plane("_maximum");
  ChannelReduce most;
  most.maximum = true;
  add_op(unit, most, from, largest);
  View source = from;
  if (!from.on_chip) source = keep_source(unit.name + "_source");
  const View powers = map("_powers");
  add_op(unit, difference(), source, powers, largest);
  add_op(unit, exponential(), powers, powers);
  const View inverse = plane("_inverse");
  add_op(unit, channel_reciprocal_sum(), powers, inverse);
  // The product goes back to the tensor's own orientation.
  const bool exchanged = to.h != natural.view.h || to.stride_h != natural.view.stride_h;
  if (exchanged)
    add_op(unit, product(), rows_and_channels_exchanged(inverse), natural.view,
           rows_and_channels_exchanged(powers));
  else
    add_op(unit, product(), inverse, to, powers);
}

// One pixel a channel: the table works on a row, into which the difference is written.
void Lowering::softmax_over_pixels(const Unit& unit) {
  const View from = view_of(unit.bottoms[0]), to = destination_of(unit);
  const int64_t channels = from.c, dense = channels * 2;
  const View largest = statistics(unit.name + "_maximum", 1);
  ChannelReduce most;
  most.maximum = true;
  add_op(unit, most, from, largest);
  View source = from;
  if (!from.on_chip) source = keep_source(unit.name + "_source");
  const View row = on_chip(unit.name + "_differences", channels, 1, 1, round_up(dense, 16), dense);
  View vector = row;
  vector.w = 1, vector.c = channels, vector.stride_c = 2;
  add_op(unit, difference(), source, vector, largest);
  plan_in_scratch(row);
  const View powers = on_chip(unit.name + "_powers", 1, 1, channels, channels * 16, dense);
  Bypass table = exponential();
  table.transpose = true;
  add_op(unit, table, row, powers);
  last_op().planned_source = planned_.at(row.buffer);
  planned_.erase(row.buffer);
  const View inverse = statistics(unit.name + "_inverse", 1);
  add_op(unit, channel_reciprocal_sum(), powers, inverse);
  add_op(unit, product(), inverse, to, powers);
}

// Behind a product of runtime operands rows are channels already, and everything happens in place. Up to 64
// of them have their statistics side by side. In front of another such product the result leaves as its
// kernel (chain_attn_*).
void Lowering::softmax_over_product_rows(const Unit& unit) {
  const View scores = rows_and_channels_exchanged(view_of(unit.bottoms[0]));
  const int64_t rows = scores.c;
  const auto values = [&](const char* name) {
    if (rows > 64) return statistics(unit.name + name, rows);
    View vector =
        on_chip(unit.name + name, rows, 1, 1, round_up(rows * 2, 16), rows * 2, Buffer::Content::Statistics);
    vector.w = 1, vector.c = rows, vector.stride_c = 2;
    return vector;
  };
  const View largest = values("_maximum");
  add_op(unit, maximum(), scores, largest);
  add_op(unit, difference(), scores, scores, largest);
  add_op(unit, exponential(), scores, scores);
  const View inverse = values("_inverse");
  add_op(unit, reciprocal_sum(), scores, inverse);
  View to;
  if (const int64_t tile = rows_of_kernel(unit.top))
    to = kernels_[unit.top] = kernel_in_scratch(unit, rows, scores.w, tile);
  else
    to = rows_and_channels_exchanged(destination_of(unit));
  add_op(unit, product(), inverse, to, scores);
}

// Reductions see rows as channels (of one channel) or as groups (of several).
void Lowering::softmax_over_columns(const Unit& unit) {
  View source = view_of(unit.bottoms[0]);
  const View to = destination_of(unit);
  const int64_t w = source.w, h = source.h, c = source.c, dense = w * h * c * 2;
  const int64_t pitch = round_up(w * 2, 16), depth = c * pitch;
  const bool in_parts = c == 1 && w >= long_row && w % 32 == 0;  // each part begins at a granule
  // Rows in L2 as a pass of the NE leaves them.
  const auto rows = [&](const char* name, Buffer::Content content) {
    const int64_t row = c > 1 ? planar_row(depth, target_) : pitch;
    View view = on_chip(unit.name + name, w, h, c, row, dense, content);
    if (in_parts) view.image_bytes = h * pitch;
    return view;
  };
  const auto reducible = [&](const View& view, bool parts) {
    View each = view;
    if (c > 1) {
      each.g = h, each.h = 1;
      each.stride_g = view.stride_h, each.stride_h = view.image_bytes;
      return each;
    }
    each = rows_and_channels_exchanged(view);
    if (!parts) return each;
    each.w = w / 4, each.h = 4;
    each.stride_c = view.stride_h, each.stride_h = w / 4 * 2, each.image_bytes = view.image_bytes;
    return each;
  };
  const auto values = [&](const char* name, Buffer::Content content) {
    View view = statistics(unit.name + name, c > 1 ? c * h : h);
    buffer(view.buffer).content = content;
    if (c > 1) {
      view.c = c, view.g = h;
      view.image_bytes = view.stride_g = c * 16;
    }
    return view;
  };
  // Statistics as operands beside the rows.
  const auto beside = [&](View view) {
    if (c == 1) return rows_and_channels_exchanged(view);
    view.g = 1, view.h = h;
    view.stride_h = view.stride_g, view.stride_g = 0;
    return view;
  };

  bool copied = false;
  if (!source.on_chip) {
    const View copy = rows("_copy", Buffer::Content::InputCopy);
    add_op(unit, Bypass{}, source, copy);
    source = copy;
    copied = true;
  }
  const View largest = values("_maximum", copied ? Buffer::Content::Tensor : Buffer::Content::Statistics);
  add_op(unit, maximum(), reducible(source, in_parts && copied), largest);
  View differences = source;
  if (copied) {
    const int64_t row = c > 1 || in_parts ? planar_row(depth, target_) : pitch;
    differences = on_chip(unit.name + "_differences", w, h, c, row, dense);
  }
  add_op(unit, difference(), source, differences, beside(largest));
  const View powers = in_parts ? rows("_powers", Buffer::Content::Tensor) : differences;
  add_op(unit, exponential(), differences, powers);
  const View inverse = values("_inverse", Buffer::Content::Statistics);
  add_op(unit, reciprocal_sum(), reducible(powers, in_parts), inverse);
  add_op(unit, product(), beside(inverse), to, powers);
}

}  // namespace ane::h13
