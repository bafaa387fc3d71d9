// Functions of one variable, gain and offset, operations of two tensors, repetition and casts.
//
// A planar task takes its second operand as a stream only when it has the first one's shape; a smaller one is
// first copied into L2, where the task repeats it. Forms of whole units (compat.composites): one value per
// channel as gain and offset, a quotient as a product with a reciprocal, a sum of a tensor and a function of
// it.
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/error.h"
#include "h13/geometry.h"
#include "h13/lowering.h"

namespace ane::h13 {

namespace {

bool is_pixel(const View& view) {
  return view.w == 1 && view.h == 1;
}

// All images of a batch as groups of one task.
View batched(const Layout& layout) {
  View view = layout.view;
  view.g = layout.n;
  view.stride_g = layout.stride_n;
  return view;
}

// Row of one value per channel, channels side by side.
View as_vector(const View& row, int64_t channels) {
  View vector = row;
  vector.c = channels, vector.w = vector.h = 1;
  vector.stride_c = 2;
  return vector;
}

}  // namespace

void Lowering::lower_params(const Unit& unit, const aneir::Neuron& neuron) {
  if (neuron.type == aneir::NeuronType::Abs) {
    Scalar work;
    work.absolute = true;
    add_per_image(unit, work);
    return;
  }
  const aneir::TensorId source = unit.bottoms[0];
  if (adds_to_its_argument(unit)) {
    // Left to the sum (lower_self_sum): max(x, 0) is an operand's form, a table keeps its argument on chip.
    if (neuron.type == aneir::NeuronType::ReLU) return;
    const View from = view_of(source);
    Layout place;
    place.view = applied_on_chip(unit, unit.name, bypass(unit, neuron), from);
    kept_arguments_[source] = keep_source(unit.name + "_argument");
    layouts_[static_cast<size_t>(unit.top)] = place;
    return;
  }
  add_per_image(unit, bypass(unit, neuron));
}

View Lowering::like_on_chip(const std::string& name, const View& view) {
  const int64_t depth = view.c * round_up(view.w * 2, 16);
  if (is_pixel(view) && view.c > 1)
    return as_vector(on_chip(name, view.c, 1, 1, round_up(view.c * 2, 16), view.c * 2), view.c);
  return on_chip(name, view.w, view.h, view.c, view.h > 1 ? planar_row(depth, target_) : depth,
                 view.w * view.h * view.c * 2);
}

View Lowering::applied_on_chip(const Unit& unit, const std::string& name, Bypass work, const View& from) {
  const View to = like_on_chip(name, from);
  work.transpose = is_vector(to);
  add_op(unit, work, from, to);
  return to;
}

bool Lowering::adds_to_its_argument(const Unit& unit) const {
  if (!composites_ || is_output(unit.top) || in_dram_.contains(unit.top)) return false;
  const std::vector<const Unit*> all = readers(unit.top);
  if (all.size() != 1) return false;
  const auto* sum = all[0]->as<aneir::ElementWise>();
  const TensorId x = unit.bottoms[0];
  const auto& place = layouts_[static_cast<size_t>(x)];
  return sum && sum->op == aneir::ElementWiseOp::Add && sum->scale == 1 &&
         all[0]->bottoms[0] != all[0]->bottoms[1] && (all[0]->bottoms[0] == x || all[0]->bottoms[1] == x) &&
         readers(x).size() == 2 && place && place->n == 1 && !place->view.on_chip;
}

// x + f(x). False when the unit is none.
bool Lowering::lower_self_sum(const Unit& unit, const aneir::ElementWise& elementwise) {
  for (size_t i = 0; i < 2; ++i) {
    const Unit* function = producers_[static_cast<size_t>(unit.bottoms[i])];
    const TensorId x = unit.bottoms[1 - i];
    const auto* neuron = function ? function->as<aneir::Neuron>() : nullptr;
    if (!neuron || neuron->type == aneir::NeuronType::Abs || function->bottoms[0] != x ||
        !adds_to_its_argument(*function))
      continue;
    Elementwise work{elementwise.op, 1, elementwise.relu};
    if (neuron->type == aneir::NeuronType::ReLU) {
      work.second_relu = true;
      add_op(unit, work, view_of(x), destination_of(unit), view_of(x));
    } else {
      add_op(unit, work, kept_arguments_.at(x), destination_of(unit), view_of(unit.bottoms[i]));
    }
    return true;
  }
  return false;
}

Bypass Lowering::bypass(const Unit& unit, const aneir::Neuron& neuron) {
  Bypass work;
  work.scale = neuron.input_scale;
  if (neuron.type == aneir::NeuronType::ReLU) {
    work.activation = Activation::Relu;
    return work;
  }
  work.activation = Activation::Lookup;
  work.table = table_for(neuron);
  if (!work.table) throw InternalError(fmt::format("lower: {} has no table", unit.name));
  if (neuron.type == aneir::NeuronType::Exp) work.scale *= 1.44269504f;
  if (neuron.type == aneir::NeuronType::Rsqrt) work.bias = neuron.alpha;
  return work;
}

void Lowering::lower_params(const Unit& unit, const aneir::Goc& goc) {
  if (goc.channel_scale || goc.channel_offset) {
    lower_gain_offset(unit, goc, view_of(unit.bottoms[0]), destination_of(unit));
    return;
  }
  if (scales_columns(unit, goc)) return;
  ensure(goc.scale == 1 || goc.offset == 0, "lower: a GOC that is not in engine form");
  Scalar work;
  work.scale = goc.scale;
  work.offset = goc.offset;
  add_per_image(unit, work);
}

// (x + offset / scale) * scale, one pair per channel of `from`.
void Lowering::lower_gain_offset(const Unit& unit, const aneir::Goc& goc, const View& from, const View& to) {
  ensure(composites_, "lower: gain and offset per channel");
  const auto channels = static_cast<size_t>(from.c);
  std::vector<float> scale =
      goc.channel_scale ? goc.channel_scale->floats() : std::vector<float>(channels, goc.scale);
  std::vector<float> offset =
      goc.channel_offset ? goc.channel_offset->floats() : std::vector<float>(channels, goc.offset);
  for (size_t i = 0; i < channels; ++i) {
    if (offset[i] == 0) continue;
    offset[i] /= scale[i];
  }
  const View rows = bring(unit, constant_rows(unit, {offset, scale}));
  add_op(unit, GainOffset{}, from, to, as_vector(rows, from.c));
}

void Lowering::lower_params(const Unit& unit, const aneir::ElementWise& elementwise) {
  if (elementwise.op == aneir::ElementWiseOp::Div) {
    lower_division(unit);
    return;
  }
  if (elementwise.op == aneir::ElementWiseOp::LessThan) {
    lower_comparison(unit, unit.bottoms[0], unit.bottoms[1]);
    return;
  }
  if (elementwise.op == aneir::ElementWiseOp::GreaterThan) {
    lower_comparison(unit, unit.bottoms[1], unit.bottoms[0]);
    return;
  }
  if (composites_ && elementwise.op == aneir::ElementWiseOp::Add && lower_self_sum(unit, elementwise)) return;
  if (composites_ && lower_row_constant(unit, elementwise)) return;
  const Shape& shape = network_.tensor(unit.top).shape;
  Elementwise work{elementwise.op, elementwise.scale, elementwise.relu};
  TensorId whole = unit.bottoms[0], other = unit.bottoms[1];
  const auto whole_image = [&](TensorId id) {
    const Shape& s = network_.tensor(id).shape;
    return s.c == shape.c && s.h == shape.h && s.w == shape.w;
  };
  if (!whole_image(whole) && whole_image(other)) {
    std::swap(whole, other);
    if (work.op == aneir::ElementWiseOp::Sub) work.scale = -work.scale;
  }
  if (const auto place = place_of_operand(unit)) layouts_[static_cast<size_t>(unit.top)] = *place;
  const Layout to = resolve(unit.top);
  const Layout first = whole_image(whole) ? layout(whole) : spread(unit, whole, shape);
  const Layout second = layout(other);
  const bool alike = whole_image(other);
  if (composites_ && to.n > 1 && first.n == to.n && (alike ? second.n == to.n : second.n == 1)) {
    const View operand = alike ? batched(second) : bring(unit, second.view);
    add_op(unit, work, batched(first), batched(to), operand);
    return;
  }
  std::optional<View> shared;
  for (int64_t n = 0; n < to.n; ++n) {
    View operand = image(second, n);
    if (!alike && !operand.on_chip) {
      if (second.n == 1 && shared)
        operand = *shared;
      else
        shared = operand = bring(unit, operand);
    }
    add_op(unit, work, image(first, n), image(to, n), operand);
  }
}

// A result that stays in L2 takes the place of an operand there that earlier tasks have made for this unit
// alone, the last one first (chain_block_d256_s64_proj0, task 12).
std::optional<Layout> Lowering::place_of_operand(const Unit& unit) const {
  if (!stays_on_chip(unit.top)) return std::nullopt;
  for (size_t i = unit.bottoms.size(); i-- > 0;) {
    const TensorId id = unit.bottoms[i];
    const auto& place = layouts_[static_cast<size_t>(id)];
    if (!place || !place->view.on_chip || readers(id).size() != 1 || is_output(id) ||
        !(network_.tensor(id).shape == network_.tensor(unit.top).shape))
      continue;
    const Buffer& buffer = result_.program.buffers[static_cast<size_t>(place->view.buffer)];
    if (buffer.tensor == id && buffer.content == Buffer::Content::Tensor) return place;
  }
  return std::nullopt;
}

// x + c or x * c with one constant per row of a single channel: rows are read as channels, then it is gain
// and offset (env_bcast_add_1x1024x375_blob_1x1024x1).
bool Lowering::lower_row_constant(const Unit& unit, const aneir::ElementWise& elementwise) {
  const bool add = elementwise.op == aneir::ElementWiseOp::Add,
             mult = elementwise.op == aneir::ElementWiseOp::Mult;
  if ((!add && !mult) || elementwise.scale != 1 || elementwise.relu) return false;
  for (size_t i = 0; i < 2; ++i) {
    const Unit* producer = producers_[static_cast<size_t>(unit.bottoms[i])];
    const auto* constant = producer ? producer->as<aneir::ConstantTensor>() : nullptr;
    const Shape& x = network_.tensor(unit.bottoms[1 - i]).shape;
    if (!constant || x.n != 1 || x.c != 1 || x.h == 1 || x.w == 1) continue;
    const Shape& s = constant->shape;
    if (s.n != 1 || s.c != 1 || s.w != 1 || s.h != x.h) continue;
    aneir::Goc goc;
    (add ? goc.channel_offset : goc.channel_scale) = constant->values;
    lower_gain_offset(unit, goc, rows_and_channels_exchanged(view_of(unit.bottoms[1 - i])),
                      rows_and_channels_exchanged(destination_of(unit)));
    return true;
  }
  return false;
}

// a * (1 / b): the reciprocal by table, left in L2; of single pixels as a row.
void Lowering::lower_division(const Unit& unit) {
  ensure(composites_, "lower: a division");
  aneir::Neuron inverse;
  inverse.type = aneir::NeuronType::Inv;
  const View dividend = view_of(unit.bottoms[0]), divisor = view_of(unit.bottoms[1]);
  const View reciprocal = applied_on_chip(unit, unit.name + "_reciprocal", bypass(unit, inverse), divisor);
  Elementwise product;
  product.op = aneir::ElementWiseOp::Mult;
  add_op(unit, product, dividend, destination_of(unit), reciprocal);
}

// smaller < larger: both copied into L2, channels in turn, then one pass. The larger comes first
// (less_bool_rr_1x64x1x1).
void Lowering::lower_comparison(const Unit& unit, TensorId smaller, TensorId larger) {
  const View first = view_of(smaller), second = view_of(larger);
  const int64_t pitch = round_up(first.w * 2, 16);
  const View both = on_chip(unit.name + "_operands", first.w, first.h, 2 * first.c, 2 * first.c * pitch,
                            2 * first.w * first.h * first.c * 2);
  View place = both;
  place.c = first.c;
  place.stride_c = 2 * pitch;
  place.offset = pitch;
  add_op(unit, Bypass{}, second, place);
  place.offset = 0;
  add_op(unit, Bypass{}, first, place);
  Comparison work;
  work.table = *table_for(aneir::Neuron{aneir::NeuronType::IsNegative});
  add_op(unit, work, both, destination_of(unit));
}

Layout Lowering::spread(const Unit& unit, TensorId id, const Shape& shape) {
  Shape whole = shape;
  whole.n = 1;
  const int zeros = add_buffer(BufferKind::Constant, unit.name + "_zeros", bytes_of(whole));
  result_.program.buffers.back().constant = in_surface_layout(
      aneir::Constant::of_floats(std::vector<float>(static_cast<size_t>(whole.count()))), whole);
  const Layout from = layout(id);
  whole.n = from.n;
  const Layout to = compact(add_buffer(BufferKind::Scratch, unit.name + "_spread", bytes_of(whole)), whole);
  whole.n = 1;
  for (int64_t n = 0; n < to.n; ++n)
    add_op(unit, Elementwise{}, compact(zeros, whole).view, image(to, n), bring(unit, image(from, n)));
  return to;
}

// A planar pass that repeats its source along rows; along other axes it adds the operand to zeros.
void Lowering::lower_params(const Unit& unit, const aneir::Broadcast& broadcast) {
  ensure(composites_, "lower: a Broadcast is left");
  const View from = view_of(unit.bottoms[0]), to = destination_of(unit);
  if (from.w == to.w && from.c == to.c && !from.on_chip) {
    Scalar work;
    work.relu = broadcast.relu;
    add_op(unit, work, from, to);
    return;
  }
  Shape whole = broadcast.shape;
  const int zeros = add_buffer(BufferKind::Constant, unit.name + "_zeros", bytes_of(whole));
  result_.program.buffers.back().constant = in_surface_layout(
      aneir::Constant::of_floats(std::vector<float>(static_cast<size_t>(whole.count()))), whole);
  Elementwise sum;
  sum.relu = broadcast.relu;
  add_op(unit, sum, compact(zeros, whole).view, to, from.on_chip ? from : bring(unit, from));
}

void Lowering::lower_params(const Unit& unit, const aneir::Cast& cast) {
  if (!is_bytes(unit.bottoms[0]) || cast.type != aneir::ElementType::Float16)
    throw Error("", unit.layer.empty() ? unit.name : unit.layer,
                fmt::format("no public program shows a cast to {} on this engine", aneir::name_of(cast.type)),
                "keep the tensor in float16");
  add_per_image(unit, Scalar{});
}

// mask * a + (1 - mask) * b. The mask is 0 or 1 whatever the byte; a is bottom 1, b bottom 2
// (select_rrb_1x64x1x1).
void Lowering::lower_params(const Unit& unit, const aneir::Select&) {
  const View condition = view_of(unit.bottoms[0]);
  ensure(condition.bytes, "lower: the condition of a Select is not made of bytes");
  Bypass truth;
  truth.activation = Activation::Lookup;
  truth.table = is_not_zero_table();
  aneir::Neuron inversion;
  inversion.type = aneir::NeuronType::LogicalNot;
  const View mask = applied_on_chip(unit, unit.name + "_mask", truth, condition);
  buffer(mask.buffer).content = Buffer::Content::InputCopy;
  const View kept = keep_source(unit.name + "_condition");
  Elementwise product;
  product.op = aneir::ElementWiseOp::Mult;
  const View first = like_on_chip(unit.name + "_first", condition);
  add_op(unit, product, mask, first, view_of(unit.bottoms[1]));
  const View inverse = applied_on_chip(unit, unit.name + "_inverse_mask", bypass(unit, inversion), kept);
  buffer(inverse.buffer).content = Buffer::Content::InputCopy;
  const View second = like_on_chip(unit.name + "_second", condition);
  add_op(unit, product, inverse, second, view_of(unit.bottoms[2]));
  add_op(unit, Elementwise{}, first, destination_of(unit), second);
}

}  // namespace ane::h13
