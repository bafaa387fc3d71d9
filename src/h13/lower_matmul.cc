// Matrix products on the convolution engine.
//
// A matrix of M rows and K columns is one channel of M x K pixels in DRAM. The engine multiplies along
// channels, so the matrix is read again with its columns as channels and its rows as pixels: a pass without
// weights that transposes (the copy). Then the product with a constant matrix is a 1x1 convolution whose
// result is transposed back; a product behind a product needs no copy in between. With two runtime operands
// the rows of the left one become the kernel: a pass writes them to scratch in the blocks in which engines
// read coefficients.
//
// All forms, and the conditions between them, are those of captured programs (docs/h13-rules.md); other sizes
// go through DRAM (lower_product.cc).
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/error.h"
#include "h13/geometry.h"
#include "h13/lowering.h"
#include "h13/pack.h"

namespace ane::h13 {

namespace {

// Rows that one engine pass takes as pixels of one patch; longer images are split by kernel memory.
constexpr int64_t patch_pixels = 128;

// The distance of rows that become channels: off the banks' period once they are wider than a granule.
int64_t odd_pitch(int64_t columns) {
  const int64_t pitch = round_up(columns * 2, 16);
  return pitch > 16 && pitch / 16 % 2 == 0 ? pitch + 16 : pitch;
}

// M rows of one channel as 8 channels of M / 8 rows: row m is channel m mod 8, row m / 8.
View in_eights(const View& rows) {
  View view = rows;
  view.c = 8, view.h = rows.h / 8;
  view.stride_c = rows.stride_h, view.stride_h = 8 * rows.stride_h;
  return view;
}

aneir::Constant transposed(const aneir::Constant& matrix, int64_t rows, int64_t columns) {
  const int64_t size = aneir::size_of(matrix.type);
  auto bytes = std::make_shared<Bytes>(matrix.bytes.size());
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      std::copy_n(matrix.bytes.data() + (r * columns + c) * size, size,
                  bytes->data() + (c * rows + r) * size);
  aneir::Constant result;
  result.type = matrix.type;
  result.bytes = *bytes;
  result.owner = std::move(bytes);
  return result;
}

}  // namespace

void Lowering::lower_params(const Unit& unit, const aneir::MatMul& product) {
  if (!has_captured_form(unit))
    lower_any_product(unit, product);
  else if (product.matrix)
    lower_constant_product(unit, product);
  else
    lower_runtime_product(unit, product);
}

// A product with a constant matrix in a captured form, the tensor being the left operand.
bool Lowering::is_constant_product(const Unit* unit, TensorId left) const {
  const auto* product = unit->as<aneir::MatMul>();
  return product && product->matrix && !product->transpose_first && unit->bottoms[0] == left &&
         has_captured_form(*unit);
}

// Captured: 64 rows when the product is at least four times as wide as the operand, 16 rows when the kernel
// does not fit the kernel memory. Otherwise rows lie side by side in one line.
bool Lowering::two_dimensional(const Unit& unit, const aneir::MatMul& product, int64_t rows) const {
  const Shape& x = network_.tensor(unit.bottoms[0]).shape;
  const int64_t columns = network_.tensor(unit.top).shape.w, inner = product.transpose_first ? x.h : x.w;
  if (product.transpose_first) return false;
  if (rows == 64) return columns >= 4 * inner;
  return rows == 16 && columns / target_.engines * inner * 2 > target_.kernel_bytes_per_engine;
}

// The copy: a matrix in L2 with columns as channels. Units that multiply the same matrix share it.
View Lowering::columns_as_channels(const Unit& unit, TensorId id, bool two_dim, bool padded) {
  if (const auto known = channel_major_.find(id); known != channel_major_.end()) return known->second;
  const View rows = copied_for_others(unit, id, two_dim);
  const View from = two_dim ? in_eights(rows) : rows_and_channels_exchanged(rows);
  const int64_t pitch = two_dim || !padded ? round_up(from.c * 2, 16) : odd_pitch(from.c);
  // Eight rows of eight pixels are one patch, whose rows must fall into different banks.
  const int64_t skew = from.h == 8 ? 0x30 : 0;
  View to =
      on_chip(unit.name + "_columns", from.c, from.h, from.w, from.w * pitch + skew, rows.w * rows.h * 2);
  to.stride_c = pitch, to.image_bytes = from.w * pitch;
  Bypass work;
  work.transpose = true;
  add_op(unit, work, from, to);
  if (padded && is_planned(id)) plan_in_scratch(to);
  return channel_major_[id] = to;
}

// An input that an elementwise unit reads too is first copied into L2, for both (chain_pair_mm_add,
// chain_resffn).
View Lowering::copied_for_others(const Unit& unit, TensorId id, bool two_dim) {
  const View rows = view_of(id);
  bool others = false;
  for (const Unit* reader : readers(id)) others |= reader->as<aneir::ElementWise>() != nullptr;
  if (rows.on_chip || !others || !composites_) return rows;
  const int64_t pitch = round_up(rows.w * 2, 16), dense = rows.w * rows.h * 2;
  View copy = on_chip(unit.name + "_copy", rows.w, rows.h, 1, two_dim ? pitch : planar_row(pitch, target_),
                      dense, Buffer::Content::InputCopy);
  if (two_dim) copy.stride_c = copy.image_bytes = rows.h * pitch;
  add_op(unit, Bypass{}, rows, copy);
  Layout place;
  place.view = copy;
  layouts_[static_cast<size_t>(id)] = place;
  return copy;
}

// A scale before a product is applied behind the copy, in place (chain_pair_mul_mm). False when the unit is
// none.
bool Lowering::scales_columns(const Unit& unit, const aneir::Goc& goc) {
  if (!composites_ || goc.offset != 0 || is_output(unit.top)) return false;
  const std::vector<const Unit*> all = readers(unit.top);
  const auto& place = layouts_[static_cast<size_t>(unit.bottoms[0])];
  if (all.size() != 1 || !is_constant_product(all[0], unit.top) || !place || place->view.on_chip)
    return false;
  const Shape& shape = network_.tensor(unit.top).shape;
  if (two_dimensional(*all[0], *all[0]->as<aneir::MatMul>(), shape.h)) return false;
  const View columns = columns_as_channels(unit, unit.bottoms[0], false, false);
  Scalar work;
  work.scale = goc.scale;
  add_op(unit, work, columns, columns);
  channel_major_.erase(unit.bottoms[0]);
  channel_major_[unit.top] = columns;
  return true;
}

// Apple's compiler plans the copy in scratch when only products read the matrix and no earlier product, and
// no planar unit of the same view, has made it.
bool Lowering::is_planned(TensorId id) const {
  for (const Unit* reader : readers(id))
    if (!reader->as<aneir::MatMul>()) return false;
  const Unit* producer = producers_[static_cast<size_t>(id)];
  return !producer || !(producer->as<aneir::MatMul>() || producer->as<aneir::Normalize>());
}

// Marks the operation just added as the writer of a plan in scratch; the next reader of `view` takes it up.
void Lowering::plan_in_scratch(const View& view) {
  View plan = view;
  plan.on_chip = false;
  plan.offset = 0;
  plan.stride_h = row_bytes(view.w);
  plan.stride_c = plan.stride_h * view.h;
  plan.image_bytes = plan.stride_c * view.c;
  plan.buffer = add_buffer(BufferKind::Scratch, "planned", plan.image_bytes);
  last_op().planned_destination = plan;
  planned_[view.buffer] = plan;
}

Convolution Lowering::product_work(const Unit& unit, const aneir::MatMul& product) const {
  Convolution work;
  work.weights = product.transpose_second
                     ? *product.matrix
                     : transposed(*product.matrix, product.matrix_rows, product.matrix_columns);
  work.bias = product.bias;
  work.scale = product.scale;
  if (product.activation) {
    aneir::Neuron neuron = *product.activation;
    if (neuron.type == aneir::NeuronType::Exp || neuron.input_scale != 1)
      throw Error("", unit.layer, "this function cannot follow a matrix product in the same pass");
    const Bypass as_bypass = bypass(unit, neuron);
    work.activation = as_bypass.activation;
    work.table = as_bypass.table;
  }
  return work;
}

// One convolution, or several by kernel memory: results with channels as they are take the last channels
// first, transposed ones go through the columns in order.
void Lowering::multiply(const Unit& unit, const Convolution& work, const View& from, const View& to,
                        int64_t columns) {
  const auto add = [&](int64_t first, int64_t count) {
    Convolution part = work;
    part.first_channel = first;
    View destination = to;
    if (work.transpose)
      destination.w = count, destination.offset += 2 * first;
    else
      destination.c = count, destination.offset += first * to.stride_c;
    add_op(unit, part, from, destination);
    if (const auto plan = planned_.find(from.buffer); from.on_chip && plan != planned_.end()) {
      last_op().planned_source = plan->second;
      planned_.erase(plan);
    }
  };
  const int64_t lanes = columns / target_.engines;
  const int64_t fit = lanes_of_a_part(*unit.as<aneir::MatMul>(), from.c);
  if (from.w * from.h <= patch_pixels || fit >= lanes || columns % target_.engines != 0) {
    add(0, columns);
    return;
  }
  if (fit == 0)
    throw Error("", unit.layer,
                fmt::format("a column of {} weights does not fit an engine's kernel memory", from.c),
                "split the product");
  const int64_t whole = (lanes + fit - 1) / fit - 1, odd = lanes - whole * fit;
  for (int64_t i = 0, at = 0; i <= whole; ++i) {
    const int64_t count = i == 0 ? odd : fit;
    const int64_t first = work.transpose ? at : lanes - at - count;
    add(first * target_.engines, count * target_.engines);
    at += count;
  }
}

void Lowering::lower_constant_product(const Unit& unit, const aneir::MatMul& product) {
  const Shape& result = network_.tensor(unit.top).shape;
  const bool two_dim = two_dimensional(unit, product, result.h);
  const View from = product.transpose_first ? rows_and_channels_exchanged(view_of(unit.bottoms[0]))
                                            : columns_as_channels(unit, unit.bottoms[0], two_dim, true);
  Convolution work = product_work(unit, product);
  const std::vector<const Unit*> all = readers(unit.top);
  const bool feeds_products =
      !is_output(unit.top) && !all.empty() && std::all_of(all.begin(), all.end(), [&](const Unit* reader) {
        return is_constant_product(reader, unit.top);
      });
  if (feeds_products) {
    // Stays with columns as channels.
    const int64_t pitch = round_up(from.w * 2, 16), depth = result.w * pitch;
    View to = on_chip(unit.name, from.w, from.h, result.w, depth + (from.h == 8 ? 0x30 : 0),
                      result.w * result.h * 2);
    to.image_bytes = depth;
    multiply(unit, work, from, to, result.w);
    channel_major_[unit.top] = to;
    return;
  }
  work.transpose = true;
  if (from.h > 1) {
    lower_two_dimensional(unit, work, from);
    return;
  }
  if (!stays_on_chip(unit.top)) {
    multiply(unit, work, from, rows_and_channels_exchanged(destination_of(unit)), result.w);
    return;
  }
  // Rows in L2. A planar unit that reads them as channels takes them as they are; for the others they are
  // spread.
  const bool as_channels = std::any_of(all.begin(), all.end(), [](const Unit* reader) {
    return reader->as<aneir::Softmax>() || reader->as<aneir::Normalize>();
  });
  const int64_t pitch = as_channels ? round_up(result.w * 2, 16) : odd_pitch(result.w);
  View rows = on_chip(unit.name, result.w, 1, result.h, result.h * pitch, result.w * result.h * 2);
  rows.stride_c = pitch, rows.image_bytes = rows.stride_h;
  multiply(unit, work, from, rows, result.w);
  Layout place;
  place.view = rows_and_channels_exchanged(rows);
  layouts_[static_cast<size_t>(unit.top)] = place;
}

// The transposed result of an image of eights is rows again, in L2; a copy brings them to DRAM.
void Lowering::lower_two_dimensional(const Unit& unit, const Convolution& work, const View& from) {
  const Shape& result = network_.tensor(unit.top).shape;
  const int64_t pitch = round_up(result.w * 2, 16), total = result.h * pitch;
  View eights = on_chip(unit.name, result.w, from.h, from.w, total / from.h, result.w * result.h * 2);
  eights.stride_c = pitch, eights.stride_h = from.w * pitch, eights.image_bytes = total;
  multiply(unit, work, from, eights, result.w);
  View rows = eights;
  rows.c = 1, rows.h = result.h;
  rows.stride_h = pitch, rows.stride_c = total;
  if (stays_on_chip(unit.top)) {
    Layout place;
    place.view = rows;
    layouts_[static_cast<size_t>(unit.top)] = place;
    return;
  }
  add_op(unit, Bypass{}, rows_and_channels_exchanged(rows),
         rows_and_channels_exchanged(destination_of(unit)));
}

// ---- Two runtime operands ----

View Lowering::kernel_in_scratch(const Unit& unit, int64_t rows, int64_t inner, int64_t tile) {
  View kernel;
  kernel.w = inner, kernel.c = rows;
  kernel.interleave = static_cast<int>(tile / target_.engines);
  kernel.stride_c = kernel.stride_h = round_up(kernel.interleave * inner * 2, target_.dma_alignment);
  kernel.image_bytes = (rows + kernel.interleave - 1) / kernel.interleave * kernel.stride_c;
  kernel.buffer = add_buffer(BufferKind::Scratch, unit.name + "_kernel", kernel.image_bytes);
  return kernel;
}

// The tensor is the left operand of one product of runtime operands and nothing else: whoever makes it may
// write the kernel at once. Then the rows that one task multiplies with, else 0.
int64_t Lowering::rows_of_kernel(TensorId id) const {
  const std::vector<const Unit*> all = readers(id);
  if (!composites_ || is_output(id) || all.size() != 1) return 0;
  const auto* product = all[0]->as<aneir::MatMul>();
  if (!product || product->matrix || product->transpose_first || all[0]->bottoms[0] != id ||
      all[0]->bottoms[1] == id)
    return 0;
  if (!has_captured_form(*all[0])) return 0;
  const Shape& shape = network_.tensor(id).shape;
  const int64_t tile = kernel_block_rows(shape.h, shape.w);
  return tile > target_.engines ? tile : 0;
}

// The left operand's rows as coefficients: blocks of `interleave` rows, one block an engine.
View Lowering::kernel_operand(const Unit& unit, TensorId id, bool is_transposed, int64_t tile) {
  if (const auto made = kernels_.find(id); made != kernels_.end()) return made->second;
  const View stored = view_of(id);
  View from = rows_and_channels_exchanged(stored);
  const int64_t rows = is_transposed ? stored.w : stored.h, inner = is_transposed ? stored.h : stored.w;
  View kernel;
  kernel.w = inner, kernel.c = rows;
  kernel.interleave = static_cast<int>(tile / target_.engines);
  if (kernel.interleave == 1 && !is_transposed && !stored.on_chip) {
    // One row an engine: the operand itself has the form.
    kernel.buffer = stored.buffer, kernel.offset = stored.offset;
    kernel.stride_c = stored.stride_h;
    return kernel;
  }
  kernel = kernel_in_scratch(unit, rows, inner, tile);
  Bypass copy;
  copy.transpose = is_transposed;
  if (is_transposed || rows > patch_pixels)
    add_op(unit, copy, from, kernel);
  else
    add_op(unit, Scalar{}, from, kernel);
  return kernel;
}

void Lowering::lower_runtime_product(const Unit& unit, const aneir::MatMul& product) {
  const Shape& result = network_.tensor(unit.top).shape;
  const int64_t tile =
      kernel_block_rows(result.h, product.transpose_first ? network_.tensor(unit.bottoms[0]).shape.h
                                                          : network_.tensor(unit.bottoms[0]).shape.w);
  const TensorId right = unit.bottoms[1];
  Convolution work;
  work.scale = product.scale;
  if (product.activation || product.bias)
    throw Error("", unit.layer, "a function cannot follow a product of runtime operands in the same pass");
  const View kernel = kernel_operand(unit, unit.bottoms[0], product.transpose_first, tile);
  const bool from_surface = kernel.interleave == 1;
  View from;
  if (product.transpose_second) {
    from = columns_as_channels(unit, right, false, true);
    if (!from_surface) forget_plan(from);
  } else {
    from = rows_and_channels_exchanged(view_of(right));
  }
  View to;
  if (stays_on_chip(unit.top)) {
    // Rows of the result are channels as they come.
    const int64_t pitch = round_up(result.w * 2, 16);
    to = on_chip(unit.name, result.w, 1, result.h, result.h * pitch, result.w * result.h * 2);
    Layout place;
    place.view = rows_and_channels_exchanged(to);
    layouts_[static_cast<size_t>(unit.top)] = place;
  } else {
    to = rows_and_channels_exchanged(destination_of(unit));
  }
  int kept = -1;
  for (int64_t first = result.h - tile; first >= 0; first -= tile) {
    Convolution part = work;
    View block = kernel, rows = to;
    block.offset += first / kernel.interleave * kernel.stride_c;
    block.c = tile;
    rows.c = tile, rows.offset += first * to.stride_c;
    part.kernel = block;
    add_op(unit, part, from, rows);
    if (const auto plan = planned_.find(from.buffer); from.on_chip && plan != planned_.end()) {
      last_op().planned_source = plan->second;
      planned_.erase(plan);
    }
    if (!from.on_chip && first > 0 && kept < 0) {
      const int64_t pitch = round_up(from.w * 2, 16);
      const View whole =
          on_chip(unit.name + "_right", from.w, 1, from.c, from.c * pitch, from.c * from.w * 2);
      last_op().kept = kept = whole.buffer;
      from = whole;
    }
  }
}

// With a kernel in scratch the other operand's copy is not planned there too.
void Lowering::forget_plan(const View& view) {
  const auto plan = planned_.find(view.buffer);
  if (plan == planned_.end()) return;
  for (EngineOp& op : result_.program.ops)
    if (op.planned_destination && op.planned_destination->buffer == plan->second.buffer)
      op.planned_destination.reset();
  planned_.erase(plan);
}

}  // namespace ane::h13
