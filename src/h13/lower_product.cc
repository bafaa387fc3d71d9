// Matrix products of any size, through DRAM.
//
// The forms of lower_matmul.cc are those of captured programs: one pair of matrices at a time, small enough
// to lie in L2, with sizes that the engines share evenly. Everything else is done with the same steps, each
// of which is in captured programs, but one after the other through scratch, where no size matters: columns
// become channels by a transposing pass, the product is a 1x1 convolution over rows as pixels, and a second
// transposing pass brings rows back. Matrices of several channels are rows of one image: one pass each moves
// all of them.
//
// The kernel of two runtime operands is made in blocks of 128, 64, 32 or 16 rows. A rest of fewer than 16
// rows is multiplied again together with rows before it; a matrix of fewer than 16 rows has one engine a row.
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/error.h"
#include "h13/lowering.h"
#include "h13/pack.h"

namespace ane::h13 {

namespace {

constexpr int64_t largest_block = 128;

// Matrix `index` of an image whose rows are matrices; a single one serves all.
View matrix(const View& image, int64_t index) {
  View one = image;
  if (image.h > 1) one.offset += index * image.stride_h;
  one.h = 1;
  return one;
}

View rows_of(const View& matrix, int64_t first, int64_t count) {
  View rows = matrix;
  rows.c = count;
  rows.offset += first / matrix.interleave * matrix.stride_c;
  return rows;
}

}  // namespace

// Rows of the kernel that one task multiplies with: equal blocks, or 0 when there are none.
int64_t Lowering::kernel_block_rows(int64_t rows, int64_t inner) const {
  const int64_t block = std::min(rows, largest_block);
  if (block < target_.engines || (block & (block - 1)) != 0 || rows % block != 0) return 0;
  return block / target_.engines * inner * 2 <= target_.kernel_bytes_per_engine ? block : 0;
}

// How many columns of the result one engine takes in one task, its kernel memory being full.
int64_t Lowering::lanes_of_a_part(const aneir::MatMul& product, int64_t inner) const {
  const bool table = product.activation && product.activation->type != aneir::NeuronType::ReLU;
  const int64_t room = target_.kernel_bytes_per_engine - (table ? static_cast<int64_t>(sizeof(Table)) : 0);
  const int64_t lanes = room / (2 * (inner + (product.bias ? 1 : 0)));
  if (lanes >= target_.max_lanes) return lanes / target_.max_lanes * target_.max_lanes;
  return lanes > 1 ? lanes / 2 * 2 : lanes;
}

// Has a captured program this form, and is there room for it?
bool Lowering::has_captured_form(const Unit& unit) const {
  const auto& product = *unit.as<aneir::MatMul>();
  const Shape &left = network_.tensor(unit.bottoms[0]).shape, &result = network_.tensor(unit.top).shape;
  if (result.n != 1 || result.c != 1 || left.n != 1 || left.c != 1 || in_dram_.contains(unit.top))
    return false;
  const int64_t inner = product.transpose_first ? left.h : left.w, engines = target_.engines;
  const auto fits = [&](int64_t channels, int64_t columns) {
    return channels * round_up(columns * 2 + 16, 16) <= target_.l2_bytes / 4 * 3;
  };
  if (product.matrix) {
    if (result.w > engines && result.w % engines != 0) return false;
    if (!product.transpose_first && !fits(inner, result.h)) return false;
    // Parts of a row that goes to DRAM begin at multiples of the DMA's alignment.
    const int64_t lanes = result.w / engines, part = lanes_of_a_part(product, inner);
    const bool in_parts = result.h > largest_block && lanes > part;
    return !in_parts || (lanes % 2 == 0 && part > 1);
  }
  const Shape& right = network_.tensor(unit.bottoms[1]).shape;
  if (right.n != 1 || right.c != 1) return false;
  const int64_t block = kernel_block_rows(result.h, inner);
  const bool aligned = block / engines * inner * 2 % target_.dma_alignment == 0;
  const bool resident = product.transpose_second || result.h > block;
  return block > 0 && aligned && (!resident || fits(inner, result.w));
}

View Lowering::scratch_image(const std::string& name, int64_t c, int64_t h, int64_t w) {
  Shape shape;
  shape.c = c, shape.h = h, shape.w = w;
  return compact(add_buffer(BufferKind::Scratch, name, bytes_of(shape)), shape).view;
}

// Channels and columns exchanged, through DRAM.
View Lowering::transposed_in_scratch(const Unit& unit, const char* name, const View& from) {
  const View to = scratch_image(unit.name + name, from.w, from.h, from.c);
  Bypass work;
  work.transpose = true;
  add_op(unit, work, from, to);
  return to;
}

// The right operand's columns as channels, eight of them side by side where they can
// (env_mm_r2rr_m128_k2048_n2048_tx1_ty1).
View Lowering::right_in_scratch(const Unit& unit, const View& from) {
  constexpr int side_by_side = 8;
  if (from.h > 1 || from.w % side_by_side != 0) return transposed_in_scratch(unit, "_right", from);
  View to = scratch_image(unit.name + "_right", from.w / side_by_side, 1, from.c * side_by_side);
  to.c = from.w, to.w = from.c;
  to.interleave = side_by_side;
  Bypass work;
  work.transpose = true;
  add_op(unit, work, from, to);
  return to;
}

void Lowering::lower_any_product(const Unit& unit, const aneir::MatMul& product) {
  const Layout left = layout(unit.bottoms[0]), to = resolve(unit.top);
  for (int64_t n = 0; n < to.n; ++n) {
    const View rows = rows_and_channels_exchanged(image(left, left.n > 1 ? n : 0));
    const View result = rows_and_channels_exchanged(image(to, n));
    if (product.matrix) {
      multiply_by_constant(unit, product, rows, result);
      continue;
    }
    const Layout second = layout(unit.bottoms[1]);
    const View right = rows_and_channels_exchanged(image(second, second.n > 1 ? n : 0));
    // The pass that transposes a single matrix writes the kernel at once, if blocks are equal.
    const bool one_matrix = result.h == 1 && left.n == 1;
    const int64_t block = product.transpose_first && one_matrix ? kernel_block_rows(result.c, rows.c) : 0;
    const View left_rows = !product.transpose_first  ? rows
                           : block > target_.engines ? kernel_operand(unit, unit.bottoms[0], true, block)
                                                     : transposed_in_scratch(unit, "_left", rows);
    const View right_columns = product.transpose_second ? right_in_scratch(unit, right) : right;
    for (int64_t i = 0; i < result.h; ++i)
      multiply_matrices(unit, product, matrix(left_rows, i), matrix(right_columns, i), matrix(result, i));
  }
}

// `rows` and `to` with the rows of the matrices as channels.
void Lowering::multiply_by_constant(const Unit& unit, const aneir::MatMul& product, const View& rows,
                                    const View& to) {
  View columns = rows;
  if (!product.transpose_first) {
    const auto known = columns_in_scratch_.find({rows.buffer, rows.offset});
    columns =
        known != columns_in_scratch_.end() ? known->second : transposed_in_scratch(unit, "_columns", rows);
    columns_in_scratch_[{rows.buffer, rows.offset}] = columns;
  }
  const View result = scratch_image(unit.name + "_product", to.w, columns.h, columns.w);
  add_op(unit, product_work(unit, product), columns, result);
  Bypass back;
  back.transpose = true;
  add_op(unit, back, result, to);
}

// `left`: rows as channels; `right`: its rows, along which it is multiplied, as channels.
void Lowering::multiply_matrices(const Unit& unit, const aneir::MatMul& product, const View& left,
                                 const View& right, const View& to) {
  int64_t largest = left.interleave > 1 ? left.interleave * target_.engines : largest_block;
  while (largest > target_.engines &&
         largest / target_.engines * left.w * 2 > target_.kernel_bytes_per_engine)
    largest /= 2;
  if (left.w * 2 > target_.kernel_bytes_per_engine)
    throw Error("", unit.layer.empty() ? unit.name : unit.layer,
                fmt::format("a row of {} elements does not fit an engine's kernel memory", left.w),
                "split the product");
  Convolution work;
  work.scale = product.scale;
  for (int64_t first = 0; first < left.c;) {
    int64_t count = largest;
    while (count > target_.engines && count > left.c - first) count /= 2;
    const int64_t begin = std::max<int64_t>(0, std::min(first, left.c - count));
    count = std::min(count, left.c);
    work.kernel = rows_as_kernel(unit, rows_of(left, begin, count));
    add_op(unit, work, right, rows_of(to, begin, count));
    first = begin + count;
  }
}

View Lowering::rows_as_kernel(const Unit& unit, const View& rows) {
  if (rows.interleave > 1) return rows;
  if (rows.c <= target_.engines && !rows.on_chip) {
    // One row an engine: the operand itself has the form.
    View kernel = rows;
    kernel.image_bytes = rows.c * rows.stride_c;
    return kernel;
  }
  const View kernel = kernel_in_scratch(unit, rows.c, rows.w, std::max<int64_t>(rows.c, target_.engines));
  add_op(unit, Scalar{}, rows, kernel);
  return kernel;
}

}  // namespace ane::h13
