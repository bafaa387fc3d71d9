// Where tensors live, and what engine operation each unit is.
//
// A tensor has a Layout: a buffer, an offset and strides. Most units compute into a fresh layout. Some move
// nothing: a slice along batch, channels or rows, a transposition that leaves rows alone, a reshape that only
// regroups rows. Their result is the same bytes under other strides, which every source DMA can express, so
// they cost no task. A concatenation costs none either for operands that an operation of their own produces:
// they are given a home inside the result and written there directly; other operands (network inputs, views,
// operands used twice) are copied.
//
// Homes must be known before the producers are lowered, so they are found first, from the last unit to the
// first.
#include "h13/lowering.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/half.h"
#include "h13/geometry.h"
#include "h13/pack.h"

namespace ane::h13 {

int64_t stride_of(const Layout& layout, Axis axis) {
  switch (axis) {
    case Axis::Batch:
      return layout.stride_n;
    case Axis::Channel:
      return layout.view.stride_c;
    case Axis::Height:
      return layout.view.stride_h;
    default:
      return 2;
  }
}

void set_stride(Layout& layout, Axis axis, int64_t length, int64_t stride) {
  switch (axis) {
    case Axis::Batch:
      layout.n = length, layout.stride_n = stride;
      break;
    case Axis::Channel:
      layout.view.c = length, layout.view.stride_c = stride;
      break;
    case Axis::Height:
      layout.view.h = length, layout.view.stride_h = stride;
      break;
    default:
      layout.view.w = length;
  }
}

// Surface layout: rows padded to 64 bytes, everything else dense.
Layout compact(int buffer, const Shape& shape, bool bytes) {
  Layout layout;
  const int64_t row = row_bytes(shape.w, bytes ? 1 : 2);
  layout.view = {buffer, 0, shape.c, shape.h, shape.w, row * shape.h, row, row * shape.h * shape.c};
  layout.view.bytes = bytes;
  layout.n = shape.n;
  layout.stride_n = layout.view.image_bytes;
  return layout;
}

int64_t bytes_of(const Shape& shape, bool bytes) {
  return row_bytes(shape.w, bytes ? 1 : 2) * shape.h * shape.c * shape.n;
}

// The same rows with all of C and H as channels, if they lie evenly spaced.
std::optional<View> rows_as_channels(const View& view) {
  View rows = view;
  rows.c = view.c * view.h;
  rows.h = 1;
  if (view.h == 1)
    rows.stride_h = view.stride_c;
  else if (view.c == 1 || view.stride_c == view.h * view.stride_h)
    rows.stride_c = view.stride_h;
  else
    return std::nullopt;
  if (view.h != 1) rows.stride_h = rows.stride_c;
  return rows;
}

// The rows of all images likewise.
std::optional<View> all_rows_as_channels(const Layout& layout) {
  std::optional<View> rows = rows_as_channels(layout.view);
  if (!rows || layout.n == 1) return rows;
  if (rows->c == 1) rows->stride_c = layout.stride_n;
  if (layout.stride_n != rows->c * rows->stride_c) return std::nullopt;
  rows->c *= layout.n;
  return rows;
}

std::optional<View> images_as_channels(const Layout& layout) {
  View whole = layout.view;
  if (layout.n == 1) return whole;
  if (whole.c == 1) whole.stride_c = layout.stride_n;
  if (layout.stride_n != whole.c * whole.stride_c) return std::nullopt;
  whole.c *= layout.n;
  return whole;
}

View rows_and_channels_exchanged(const View& view) {
  View other = view;
  std::swap(other.c, other.h);
  std::swap(other.stride_c, other.stride_h);
  return other;
}

namespace {

// Units that only the sequences for whole units can do: then tensors stay on chip whatever the compiler
// version.
bool has_composites(const aneir::Network& network) {
  return std::any_of(network.units.begin(), network.units.end(), [](const Unit& unit) {
    const auto* elementwise = unit.as<aneir::ElementWise>();
    const auto* goc = unit.as<aneir::Goc>();
    return unit.as<aneir::MatMul>() || unit.as<aneir::Normalize>() || unit.as<aneir::Softmax>() ||
           unit.as<aneir::Select>() || unit.as<aneir::Cast>() || unit.as<aneir::Broadcast>() ||
           (elementwise && elementwise->op == aneir::ElementWiseOp::Div) ||
           (goc && (goc->channel_scale || goc->channel_offset));
  });
}

}  // namespace

Lowering::Lowering(const aneir::Network& network, const Compat& compat, const Target& target,
                   const std::set<TensorId>& in_dram)
    : network_(network),
      composites_(compat.composites || has_composites(network)),
      target_(target),
      in_dram_(in_dram) {
  layouts_.resize(network.tensors.size());
  homes_.resize(network.tensors.size());
  producers_.assign(network.tensors.size(), nullptr);
  readers_.resize(network.tensors.size());
  for (const Unit& unit : network.units) {
    producers_[static_cast<size_t>(unit.top)] = &unit;
    for (const TensorId bottom : unit.bottoms) readers_[static_cast<size_t>(bottom)].push_back(&unit);
  }
}

Lowered Lowering::run() {
  place_surfaces();
  find_homes();
  for (const Unit* unit : execution_order()) lower_unit(*unit);
  for (size_t i = 0; i < network_.outputs.size(); ++i) copy_to_surface(i);
  return std::move(result_);
}

// Apple's compiler does the work of the last operand first (chain_branch_d256_s64): depth first from the
// outputs. Where tensors do not stay on chip the network's own order serves as well.
std::vector<const Unit*> Lowering::execution_order() const {
  std::vector<const Unit*> order;
  if (!composites_) {
    for (const Unit& unit : network_.units) order.push_back(&unit);
    return order;
  }
  std::set<const Unit*> seen;
  std::vector<std::pair<const Unit*, size_t>> stack;  // a unit and how many of its operands were visited
  const auto visit = [&](TensorId id) {
    const Unit* unit = producers_[static_cast<size_t>(id)];
    if (unit && seen.insert(unit).second) stack.emplace_back(unit, 0);
  };
  for (const aneir::Output& output : network_.outputs) {
    visit(output.tensor);
    while (!stack.empty()) {
      auto& [unit, visited] = stack.back();
      const size_t operands = unit->bottoms.size();
      if (visited < operands) {
        const TensorId next = unit->bottoms[operands - 1 - visited++];
        visit(next);
      } else {
        order.push_back(unit);
        stack.pop_back();
      }
    }
  }
  return order;
}

Layout& Lowering::layout(TensorId id) {
  auto& place = layouts_[static_cast<size_t>(id)];
  ensure(place.has_value(), "lower: a tensor is read before it has a place");
  return *place;
}

int Lowering::add_buffer(BufferKind kind, std::string name, int64_t bytes, int surface) {
  Buffer buffer;
  buffer.kind = kind;
  buffer.name = std::move(name);
  buffer.bytes = bytes;
  buffer.surface = surface;
  result_.program.buffers.push_back(std::move(buffer));
  return static_cast<int>(result_.program.buffers.size()) - 1;
}

int Lowering::add_surface(bool output, const std::string& name, TensorId id) {
  const Shape& shape = network_.tensor(id).shape;
  result_.surfaces.push_back({output, name, shape, is_bytes(id)});
  return add_buffer(BufferKind::Surface, name, bytes_of(shape, is_bytes(id)),
                    static_cast<int>(result_.surfaces.size()) - 1);
}

bool Lowering::is_bytes(TensorId id) const {
  return network_.tensor(id).type == aneir::ElementType::UInt8;
}

void Lowering::place_surfaces() {
  for (const TensorId id : network_.inputs) {
    const aneir::Tensor& tensor = network_.tensor(id);
    layouts_[static_cast<size_t>(id)] =
        compact(add_surface(false, tensor.name, id), tensor.shape, is_bytes(id));
  }
  for (const aneir::Output& output : network_.outputs)
    output_buffers_.push_back(add_surface(true, output.name, output.tensor));
}

bool Lowering::computes(const Unit& unit) {
  if (unit.as<aneir::Reshape>() || unit.as<aneir::InputView>() || unit.as<aneir::ConstantTensor>())
    return false;
  if (const auto* transpose = unit.as<aneir::Transpose>())
    return transpose->source[static_cast<size_t>(Axis::Width)] != Axis::Width;
  return true;
}

bool Lowering::can_have_home(TensorId id) const {
  const Unit* producer = producers_[static_cast<size_t>(id)];
  return producer && computes(*producer) && homes_[static_cast<size_t>(id)].kind == Home::Kind::None;
}

void Lowering::find_homes() {
  for (size_t i = 0; i < network_.outputs.size(); ++i) {
    const TensorId id = network_.outputs[i].tensor;
    if (!can_have_home(id)) continue;
    homes_[static_cast<size_t>(id)].kind = Home::Kind::Surface;
    homes_[static_cast<size_t>(id)].surface = static_cast<int>(i);
  }
  for (auto unit = network_.units.rbegin(); unit != network_.units.rend(); ++unit) {
    const auto* concat = unit->as<aneir::Concat>();
    if (!concat) continue;
    const std::vector<Home> parts = parts_of(*unit, *concat);
    for (size_t i = 0; i < parts.size(); ++i)
      if (can_have_home(unit->bottoms[i])) homes_[static_cast<size_t>(unit->bottoms[i])] = parts[i];
  }
}

std::vector<Home> Lowering::parts_of(const Unit& unit, const aneir::Concat& concat) const {
  std::vector<Home> parts;
  const int64_t count = static_cast<int64_t>(unit.bottoms.size());
  int64_t offset = 0;
  for (const TensorId id : unit.bottoms) {
    parts.push_back({Home::Kind::Slice, -1, unit.top, concat.axis, offset, concat.interleave ? count : 1});
    offset += concat.interleave ? 1 : network_.tensor(id).shape[concat.axis];
  }
  return parts;
}

const Layout& Lowering::resolve(TensorId id) {
  auto& place = layouts_[static_cast<size_t>(id)];
  if (place) return *place;
  const Home& home = homes_[static_cast<size_t>(id)];
  const aneir::Tensor& tensor = network_.tensor(id);
  if (home.kind == Home::Kind::Surface) {
    place = compact(output_buffers_[static_cast<size_t>(home.surface)], tensor.shape, is_bytes(id));
  } else if (home.kind == Home::Kind::Slice) {
    place = slice(resolve(home.whole), home.axis, home.offset, tensor.shape[home.axis], home.step);
  } else if (stays_on_chip(id)) {
    place = on_chip_layout(id);
  } else {
    place = compact(add_buffer(BufferKind::Scratch, tensor.name, bytes_of(tensor.shape, is_bytes(id))),
                    tensor.shape, is_bytes(id));
  }
  return *place;
}

Layout Lowering::slice(const Layout& whole, Axis axis, int64_t offset, int64_t size, int64_t step) {
  Layout part = whole;
  const int64_t stride = stride_of(whole, axis);
  part.view.offset += offset * stride;
  set_stride(part, axis, size, stride * step);
  return part;
}

View Lowering::image(const Layout& layout, int64_t n) {
  View view = layout.view;
  view.offset += (layout.n == 1 ? 0 : n) * layout.stride_n;
  return view;
}

void Lowering::add_op(const Unit& unit, Work work, const View& source, const View& destination,
                      std::optional<View> source2) {
  EngineOp op;
  op.unit = unit.name;
  op.layer = unit.layer;
  op.work = std::move(work);
  op.source = source;
  op.destination = destination;
  op.source2 = source2;
  result_.program.ops.push_back(std::move(op));
}

void Lowering::add_per_image(const Unit& unit, const Work& work) {
  const Layout to = resolve(unit.top), from = layout(unit.bottoms[0]);
  for (int64_t n = 0; n < to.n; ++n) add_op(unit, work, image(from, n), image(to, n));
}

// All images at once where they follow each other like channels on both sides.
void Lowering::copy(const Unit& unit, const Layout& from, const Layout& to) {
  const auto whole_from = images_as_channels(from), whole_to = images_as_channels(to);
  if (whole_from && whole_to && whole_to->c <= target_.max_channels)
    return add_op(unit, Bypass{}, *whole_from, *whole_to);
  for (int64_t n = 0; n < to.n; ++n) add_op(unit, Bypass{}, image(from, n), image(to, n));
}

Layout Lowering::compacted(const Unit& unit, const Layout& from, const Shape& shape) {
  const Layout to = compact(add_buffer(BufferKind::Scratch, unit.name + "_compact", bytes_of(shape)), shape);
  copy(unit, from, to);
  return to;
}

void Lowering::copy_to_surface(size_t index) {
  const aneir::Output& output = network_.outputs[index];
  const Home& home = homes_[static_cast<size_t>(output.tensor)];
  if (home.kind == Home::Kind::Surface && home.surface == static_cast<int>(index)) return;
  Unit unit;
  unit.name = output.name + "_copy";
  if (const Unit* producer = producers_[static_cast<size_t>(output.tensor)]) unit.layer = producer->layer;
  copy(unit, layout(output.tensor),
       compact(output_buffers_[index], network_.tensor(output.tensor).shape, is_bytes(output.tensor)));
}

void Lowering::lower_unit(const Unit& unit) {
  if (done_.contains(&unit)) return;
  result_in_hand_ = unit.top;
  std::visit([&](const auto& params) { lower_params(unit, params); }, unit.params);
}

void Lowering::lower_params(const Unit& unit, const aneir::InputView& view) {
  layouts_[static_cast<size_t>(unit.top)] =
      slice(layout(unit.bottoms[0]), view.axis, view.offset, view.size, view.step);
}

void Lowering::lower_params(const Unit& unit, const aneir::Reshape& reshape) {
  const Shape &from = network_.tensor(unit.bottoms[0]).shape, &to = reshape.shape;
  Layout source = layout(unit.bottoms[0]);
  ensure(from.w == to.w, "lower: a reshape that moves data");
  const bool same_images = from.n == to.n && from.c == to.c && from.h == to.h;
  const auto rows_of = [&](const Layout& of) {
    return from.n == to.n ? rows_as_channels(of.view) : all_rows_as_channels(of);
  };
  std::optional<View> rows = rows_of(source);
  if (!rows && !same_images) {
    source = compacted(unit, source, from);
    rows = rows_of(source);
  }
  Layout result = source;
  if (!same_images) {
    result.view = *rows;
    result.view.c = to.c;
    result.view.h = to.h;
    result.view.stride_h = rows->stride_c;
    result.view.stride_c = rows->stride_c * to.h;
    result.n = to.n;
    if (from.n != to.n) result.stride_n = result.view.stride_c * to.c;
    result.view.image_bytes = from.n != to.n ? result.stride_n : result.view.image_bytes;
  }
  layouts_[static_cast<size_t>(unit.top)] = result;
}

void Lowering::lower_params(const Unit& unit, const aneir::ConstantTensor& constant) {
  const Shape& shape = constant.shape;
  const int interleave = is_repeated_block(unit) ? repeated_block_channels : 1;
  Layout place = compact(-1, shape);
  View& view = place.view;
  if (interleave > 1) {
    view.interleave = interleave;
    view.stride_h = row_bytes(shape.w * interleave);
    view.stride_c = view.stride_h * shape.h;
    view.image_bytes = place.stride_n = view.stride_c * (shape.c / interleave);
  }
  view.buffer = add_buffer(BufferKind::Constant, unit.name, shape.n * view.image_bytes);
  result_.program.buffers.back().constant = in_surface_layout(constant.values, shape, interleave);
  layouts_[static_cast<size_t>(unit.top)] = place;
}

// Constants that all their readers repeat to a larger image lie with eight channels side by side
// (env_bcast_add_1x8x375x128_blob_1x8x1x128). No captured program shows channel counts that are no multiple
// of eight; these lie plainly.
bool Lowering::is_repeated_block(const Unit& unit) const {
  const Shape& shape = network_.tensor(unit.top).shape;
  const std::vector<const Unit*> all = readers(unit.top);
  return composites_ && shape.n == 1 && shape.w > 1 && shape.c % repeated_block_channels == 0 &&
         std::all_of(all.begin(), all.end(), [&](const Unit* reader) {
           const Shape& whole = network_.tensor(reader->top).shape;
           return reader->as<aneir::ElementWise>() &&
                  (whole.c != shape.c || whole.h != shape.h || whole.w != shape.w);
         });
}

// Rows of `interleave` channels side by side.
aneir::Constant Lowering::in_surface_layout(const aneir::Constant& values, const Shape& shape,
                                            int64_t interleave) {
  const std::vector<float> floats = values.floats();
  const int64_t blocks = shape.n * shape.c / interleave, pitch = row_bytes(shape.w * interleave);
  auto bytes = std::make_shared<Bytes>(static_cast<size_t>(blocks * shape.h * pitch));
  size_t from = 0;
  for (int64_t channel = 0; channel < shape.n * shape.c; ++channel)
    for (int64_t y = 0; y < shape.h; ++y) {
      uint8_t* row = bytes->data() + (channel / interleave * shape.h + y) * pitch;
      if (interleave == 1) {
        const auto width = static_cast<size_t>(shape.w);
        to_half(std::span(floats).subspan(from, width), std::span(reinterpret_cast<Half*>(row), width));
        from += width;
        continue;
      }
      for (int64_t x = 0; x < shape.w; ++x) {
        const Half half = to_half(floats[from++]);
        std::memcpy(row + (x * interleave + channel % interleave) * 2, &half.bits, 2);
      }
    }
  aneir::Constant constant;
  constant.type = aneir::ElementType::Float16;
  constant.bytes = *bytes;
  constant.owner = std::move(bytes);
  return constant;
}

void Lowering::lower_params(const Unit& unit, const aneir::Concat& concat) {
  const Layout whole = resolve(unit.top);
  const std::vector<Home> parts = parts_of(unit, concat);
  for (size_t i = 0; i < parts.size(); ++i) {
    const TensorId id = unit.bottoms[i];
    const Home& home = homes_[static_cast<size_t>(id)];
    const Home& part = parts[i];
    const bool there = home.kind == Home::Kind::Slice && home.whole == unit.top && home.offset == part.offset;
    if (!there)
      copy(unit, layout(id),
           slice(whole, part.axis, part.offset, network_.tensor(id).shape[part.axis], part.step));
  }
}

void Lowering::lower_params(const Unit& unit, const aneir::Transpose& transpose) {
  const Layout from = layout(unit.bottoms[0]);
  const Shape& shape = network_.tensor(unit.top).shape;
  const Axis columns = transpose.source[static_cast<size_t>(Axis::Width)];
  if (columns == Axis::Width) {
    Layout result = from;
    for (const Axis axis : {Axis::Batch, Axis::Channel, Axis::Height})
      set_stride(result, axis, shape[axis], stride_of(from, transpose.source[static_cast<size_t>(axis)]));
    layouts_[static_cast<size_t>(unit.top)] = result;
    return;
  }
  // The engine exchanges channels and columns. What becomes columns is read as its channels, the third axis
  // as rows.
  const Layout to = resolve(unit.top);
  const Axis rows = columns == Axis::Channel ? Axis::Height : Axis::Channel;
  const Shape& from_shape = network_.tensor(unit.bottoms[0]).shape;
  Layout source = from, destination = to;
  set_stride(source, Axis::Channel, from_shape[columns], stride_of(from, columns));
  set_stride(source, Axis::Height, from_shape[rows], stride_of(from, rows));
  for (const Axis axis : {Axis::Channel, Axis::Height}) {
    const Axis content = transpose.source[static_cast<size_t>(axis)];
    set_stride(destination, content == Axis::Width ? Axis::Channel : Axis::Height, shape[axis],
               stride_of(to, axis));
  }
  Bypass work;
  work.transpose = true;
  for (int64_t n = 0; n < to.n; ++n) add_op(unit, work, image(source, n), image(destination, n));
}

void Lowering::lower_params(const Unit& unit, const aneir::Pooling& pooling) {
  WindowPool work;
  work.maximum = pooling.type == aneir::PoolingType::Max;
  work.kernel_width = pooling.kernel_width, work.kernel_height = pooling.kernel_height;
  work.stride_x = pooling.stride_x, work.stride_y = pooling.stride_y;
  work.pad_left = pooling.pad_left, work.pad_top = pooling.pad_top;
  add_per_image(unit, work);
}

void Lowering::lower_params(const Unit& unit, const aneir::Conv& conv) {
  Convolution work;
  work.kernel_width = conv.kernel_width, work.kernel_height = conv.kernel_height;
  work.stride = conv.stride_x;
  work.pad_left = conv.pad_left, work.pad_top = conv.pad_top;
  work.weights = conv.weights;
  work.bias = conv.bias;
  work.groups = conv.groups;
  if (conv.activation) set_activation(unit, *conv.activation, conv.output_channels, work);
  const Layout from = layout(unit.bottoms[0]), to = resolve(unit.top);
  for (int64_t n = 0; n < to.n; ++n) {
    if (works_on_column(unit, work, image(from, n), image(to, n)))
      convolve_column(unit, work, image(from, n), image(to, n));
    else
      add_convolution(unit, work, image(from, n), image(to, n));
  }
}

// A column of more pixels than one patch has rows, whose channels are all multiplied with each other: as a
// row it fills the patches, and lies in L2 without a granule for each pixel
// (encoder_conv_c1024_n2048_k1x1_s1_g1_bias0_valid).
bool Lowering::works_on_column(const Unit& unit, const Convolution& work, const View& from,
                               const View& to) const {
  constexpr int64_t patch_rows = 16;
  return composites_ && !in_dram_.contains(unit.top) && work.groups == 1 && work.kernel_width == 1 &&
         work.kernel_height == 1 && work.stride == 1 && from.w == 1 && from.h > patch_rows &&
         to.h == from.h && !from.on_chip && !to.on_chip &&
         from.c * round_up(from.h * 2, 16) <= target_.l2_bytes / 2;
}

void Lowering::convolve_column(const Unit& unit, const Convolution& work, const View& from, const View& to) {
  const int64_t pitch = round_up(from.h * 2, 16);
  Bypass exchange;
  exchange.transpose = true;
  View rows = on_chip(unit.name + "_row", from.h, from.c, 1, pitch, from.h * from.c * 2);
  add_op(unit, exchange, rows_and_channels_exchanged(from), rows);
  View row = rows_and_channels_exchanged(rows);
  row.stride_h = row.image_bytes = pitch;
  const View result = scratch_image(unit.name + "_product", to.c, 1, to.h);
  add_convolution(unit, work, row, result);
  add_op(unit, exchange, rows_and_channels_exchanged(result), rows_and_channels_exchanged(to));
}

void Lowering::set_activation(const Unit& unit, const aneir::Neuron& neuron, int64_t channels,
                              Convolution& work) {
  const Bypass as_bypass = bypass(unit, neuron);
  work.activation = as_bypass.activation;
  work.table = as_bypass.table;
  if (as_bypass.scale == 1 && as_bypass.bias == 0) return;
  std::vector<float> weights = work.weights.floats();
  for (float& weight : weights) weight *= as_bypass.scale;
  work.weights = aneir::Constant::of_floats(std::move(weights));
  std::vector<float> bias =
      work.bias ? work.bias->floats() : std::vector<float>(static_cast<size_t>(channels));
  for (float& value : bias) value = value * as_bypass.scale + as_bypass.bias;
  work.bias = aneir::Constant::of_floats(std::move(bias));
}

void Lowering::add_convolution(const Unit& unit, Convolution work, const View& from, const View& to) {
  const int64_t groups = work.groups, per_group_in = from.c / groups, per_group_out = to.c / groups;
  if (groups == 1) {
    work.form = Convolution::Form::Dense;
    add_op(unit, work, from, to);
  } else if (per_group_in == 1 && per_group_out == 1) {
    work.form = Convolution::Form::Depthwise;
    add_op(unit, work, from, to);
  } else if (per_group_out % target_.engines == 0 && per_group_out <= target_.engines * target_.max_lanes &&
             per_group_out / target_.engines * lane_bytes(work, per_group_in) <=
                 target_.kernel_bytes_per_engine - static_cast<int64_t>(sizeof(Table))) {
    work.form = Convolution::Form::Grouped;
    add_op(unit, work, from, to);
  } else if (per_group_in == 1 && per_group_out < groups) {
    for (int64_t j = 0; j < per_group_out; ++j) add_every(unit, work, from, to, per_group_out, j);
  } else {
    work.form = Convolution::Form::Dense;
    work.groups = 1;
    for (int64_t group = 0; group < groups; ++group) {
      View source = from, destination = to;
      source.c = per_group_in, source.offset += group * per_group_in * from.stride_c;
      destination.c = per_group_out, destination.offset += group * per_group_out * to.stride_c;
      work.first_channel = group * per_group_out;
      add_op(unit, work, source, destination);
    }
  }
}

void Lowering::add_every(const Unit& unit, Convolution work, const View& from, const View& to,
                         int64_t multiplier, int64_t j) {
  const int64_t taps = static_cast<int64_t>(work.kernel_height) * work.kernel_width;
  work.weights = every(work.weights, taps, work.groups, multiplier, j);
  if (work.bias) work.bias = every(*work.bias, 1, work.groups, multiplier, j);
  work.form = Convolution::Form::Depthwise;
  View destination = to;
  destination.c = work.groups;
  destination.offset += j * to.stride_c;
  destination.stride_c = multiplier * to.stride_c;
  add_op(unit, work, from, destination);
}

aneir::Constant Lowering::every(const aneir::Constant& constant, int64_t length, int64_t count, int64_t step,
                                int64_t j) {
  const int64_t row = length * aneir::size_of(constant.type);
  auto bytes = std::make_shared<Bytes>(static_cast<size_t>(count * row));
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(bytes->data() + i * row, constant.bytes.data() + (i * step + j) * row,
                static_cast<size_t>(row));
  aneir::Constant result;
  result.type = constant.type;
  result.bytes = *bytes;
  result.owner = std::move(bytes);
  return result;
}

Lowered lower(const aneir::Network& network, const Compat& compat, const Target& target,
              const std::set<aneir::TensorId>& in_dram) {
  return Lowering(network, compat, target, in_dram).run();
}

}  // namespace ane::h13
