// Windowed pooling without a pooling task.
//
// No captured program shows how this engine pools over windows, so pooling is built from forms that are
// shown:
//
// Global pooling, one window that holds the whole image, is a Reduction over H and W.
//
// Average pooling is a depthwise convolution with constant weights 1/(kw*kh). Its padding is zeros and
// counts, as the definition wants; where it must not count, the result is multiplied by a map of kw*kh /
// (elements inside the image), the same for all channels. The weight is rounded to binary16, which scales all
// results by at most 1 +- 2^-11. Windows larger than a kernel are done in two convolutions, columns and rows,
// which decompose_convolution turns as needed. L2 pooling is the root of such a sum of squares; squares
// overflow beyond |x| = 255.
//
// Maximum pooling is exact: pairwise maxima of shifted images. Along rows a shift, and a stride, is only
// another base and stride of the source. Columns have no such freedom (bases are multiples of 32 columns), so
// the image is turned, columns to channels, done the same way and turned back: two copies. The alternative,
// one-hot convolutions, costs a pass for every tap. Windows of more than three taps grow by doubling: maxima
// over 2, 4, ... taps.
//
// A padded tap must never win. The maximum does not mind repetition, so padding is replaced by image rows
// that every window touching it contains anyhow, and windows have one form everywhere. For padding up to half
// a window these are the first (last) rows of the image as they stand: one copied slice on each side.
#include <algorithm>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::ElementWise;
using aneir::ElementWiseOp;
using aneir::Pooling;
using aneir::PoolingType;
using aneir::Reduction;
using aneir::ReductionType;

// The windows along one axis.
struct Windows {
  int64_t length;  // of the image
  int64_t taps, stride, pad_low, pad_high;
  int64_t count() const { return (length + pad_low + pad_high - taps) / stride + 1; }
  int64_t first(int64_t i) const { return i * stride - pad_low; }  // the image index of window i's first tap
  // Padding behind the image that some window reaches.
  int64_t overhang() const { return std::max<int64_t>(0, first(count() - 1) + taps - length); }
  bool pads() const { return pad_low > 0 || overhang() > 0; }
  bool one_holds_all() const { return count() == 1 && first(0) <= 0 && first(0) + taps >= length; }
  int64_t inside(int64_t i) const {
    return std::min(length, first(i) + taps) - std::max<int64_t>(0, first(i));
  }
};

Windows rows_of(const Pooling& pooling, const Shape& shape) {
  return {shape.h, pooling.kernel_height, pooling.stride_y, pooling.pad_top, pooling.pad_bottom};
}
Windows columns_of(const Pooling& pooling, const Shape& shape) {
  return {shape.w, pooling.kernel_width, pooling.stride_x, pooling.pad_left, pooling.pad_right};
}

// ---- Maximum
// -------------------------------------------------------------------------------------------------------

// Padding is copied from the image in slices; more of them than this is refused.
constexpr int64_t max_slices = 64;

// The slices of rows 0 .. width of the image (moved by `offset`) that fill `padding` rows.
void add_slices(std::vector<TensorId>& parts, TensorId x, Axis axis, int64_t padding, int64_t width,
                int64_t offset, Replacement& here) {
  for (int64_t filled = 0; filled < padding; filled += width)
    parts.push_back(here.view("edge", x, axis, offset, std::min(width, padding - filled)));
}

// How many rows, from the first or last on, all windows that reach over that edge contain.
int64_t shared_low(const Windows& windows) {
  return std::min(windows.length, windows.taps - windows.pad_low);
}
int64_t shared_high(const Windows& windows) {
  return windows.length - std::max<int64_t>(0, windows.first(windows.count() - 1));
}

bool can_fill(const Windows& windows) {
  return windows.pad_low / shared_low(windows) < max_slices &&
         windows.overhang() / shared_high(windows) < max_slices;
}

TensorId fill_padding(TensorId x, Axis axis, const Windows& windows, Replacement& here) {
  if (!windows.pads()) return x;
  std::vector<TensorId> parts;
  add_slices(parts, x, axis, windows.pad_low, shared_low(windows), 0, here);
  parts.push_back(x);
  const int64_t last = shared_high(windows);
  add_slices(parts, x, axis, windows.overhang(), last, windows.length - last, here);
  return here.add("padded", aneir::Concat{axis}, parts);
}

TensorId larger(TensorId a, TensorId b, Replacement& here) {
  return here.add("max", ElementWise{ElementWiseOp::Max, 1, false}, {a, b});
}

// The maximum of each window along one axis; `x` has no padding missing.
TensorId window_maxima(TensorId x, Axis axis, const Windows& windows, Replacement& here) {
  const int64_t count = windows.count(), taps = windows.taps;
  const auto tap = [&](TensorId from, int64_t offset) {
    return here.view("tap", from, axis, offset, count, windows.stride);
  };
  if (taps <= 3) {
    TensorId result = tap(x, 0);
    for (int64_t i = 1; i < taps; ++i) result = larger(result, tap(x, i), here);
    return result;
  }
  int64_t covered = 1;  // element i of x is the maximum of this many taps from i on
  for (; covered * 2 < taps; covered *= 2) {
    const int64_t length = here.shape(x)[axis] - covered;
    x = larger(here.view("low", x, axis, 0, length), here.view("high", x, axis, covered, length), here);
  }
  return larger(tap(x, 0), tap(x, taps - covered), here);
}

TensorId maxima_along(TensorId x, Axis axis, const Windows& windows, Replacement& here) {
  return window_maxima(fill_padding(x, axis, windows, here), axis, windows, here);
}

TensorId maximum(TensorId x, const Windows& rows, const Windows& columns, Replacement& here) {
  const bool global = rows.one_holds_all() && columns.one_holds_all();
  if (global) return here.add("max", Reduction{ReductionType::Max, {Axis::Height, Axis::Width}, {}}, {x});
  x = maxima_along(x, Axis::Height, rows, here);
  if (columns.taps == 1 && columns.stride == 1) return x;
  if (columns.one_holds_all()) return here.add("max", Reduction{ReductionType::Max, {Axis::Width}, {}}, {x});
  const TensorId turned = here.swap("turned", x, Axis::Channel, Axis::Width);
  const TensorId done = maxima_along(turned, Axis::Channel, columns, here);
  return here.swap("back", done, Axis::Channel, Axis::Width);
}

// ---- Sums
// ----------------------------------------------------------------------------------------------------------

bool can_sum(const Shape& shape, const Pooling& pooling) {
  const int64_t larger_kernel = std::max(pooling.kernel_width, pooling.kernel_height);
  return shape.c <= max_invented_constant / larger_kernel;
}

// Each window's elements times `weight`, padding as zeros.
TensorId window_sums(TensorId x, const Pooling& pooling, double row_weight, double column_weight,
                     const EngineFacts& facts, Replacement& here) {
  const int64_t channels = here.shape(x).c;
  const bool one_kernel =
      pooling.kernel_width <= facts.max_kernel_width && pooling.kernel_height <= facts.max_kernel_height;
  Conv down = depthwise(channels, pooling.kernel_height, one_kernel ? pooling.kernel_width : 1,
                        static_cast<float>(one_kernel ? row_weight * column_weight : row_weight));
  Conv across = depthwise(channels, 1, pooling.kernel_width, static_cast<float>(column_weight));
  down.stride_y = pooling.stride_y;
  down.pad_top = pooling.pad_top, down.pad_bottom = pooling.pad_bottom;
  Conv& wide = one_kernel ? down : across;
  wide.stride_x = pooling.stride_x;
  wide.pad_left = pooling.pad_left, wide.pad_right = pooling.pad_right;
  const TensorId sums = here.add("sum", down, {x});
  return one_kernel ? sums : here.add("sum_across", across, {sums});
}

// kw*kh / (elements of the window inside the image), for every window.
TensorId border_map(const Windows& rows, const Windows& columns, Replacement& here) {
  Shape shape;
  shape.h = rows.count();
  shape.w = columns.count();
  std::vector<float> factors;
  for (int64_t y = 0; y < shape.h; ++y)
    for (int64_t x = 0; x < shape.w; ++x)
      factors.push_back(static_cast<float>(rows.taps * columns.taps) /
                        static_cast<float>(rows.inside(y) * columns.inside(x)));
  return here.constant("border", shape, std::move(factors));
}

TensorId average(TensorId x, const Pooling& pooling, const Windows& rows, const Windows& columns,
                 const EngineFacts& facts, Replacement& here) {
  const bool pads = rows.pads() || columns.pads();
  const bool mean_of_all =
      rows.one_holds_all() && columns.one_holds_all() && (!pads || pooling.exclude_padding);
  if (mean_of_all)
    return here.add("mean", Reduction{ReductionType::Mean, {Axis::Height, Axis::Width}, {}}, {x});
  const double row_weight = 1.0 / pooling.kernel_height, column_weight = 1.0 / pooling.kernel_width;
  const TensorId means = window_sums(x, pooling, row_weight, column_weight, facts, here);
  if (!pads || !pooling.exclude_padding) return means;
  return here.add("mean", ElementWise{ElementWiseOp::Mult, 1, false},
                  {means, border_map(rows, columns, here)});
}

TensorId root_of_squares(TensorId x, const Pooling& pooling, const Windows& rows, const Windows& columns,
                         const EngineFacts& facts, Replacement& here) {
  const TensorId squares = here.add("square", ElementWise{ElementWiseOp::Mult, 1, false}, {x, x});
  const bool global = rows.one_holds_all() && columns.one_holds_all();
  const TensorId sums =
      global ? here.add("sum", Reduction{ReductionType::Sum, {Axis::Height, Axis::Width}, {}}, {squares})
             : window_sums(squares, pooling, 1, 1, facts, here);
  return here.add("root", Neuron{NeuronType::Sqrt, 0, 0, 1}, {sums});
}

// What the experimental pooling task is built for: its fields are those of a convolution.
bool is_native(const Pooling& pooling, const Windows& rows, const Windows& columns,
               const EngineFacts& facts) {
  if (!facts.native_pooling || pooling.type == PoolingType::L2) return false;
  if (pooling.exclude_padding && (rows.pads() || columns.pads())) return false;
  const bool global = rows.one_holds_all() && columns.one_holds_all();
  return !global && pooling.kernel_width <= facts.max_kernel_width &&
         pooling.kernel_height <= facts.max_kernel_height &&
         std::max(pooling.stride_x, pooling.stride_y) <= facts.max_stride &&
         std::max(pooling.pad_left, pooling.pad_top) <= facts.max_padding;
}

}  // namespace

bool decompose_pooling(Network& network, const EngineFacts& facts) {
  return rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    const auto* pooling = unit.as<Pooling>();
    if (!pooling) return no_tensor;
    const TensorId x = unit.bottoms[0];
    const Windows rows = rows_of(*pooling, here.shape(x)), columns = columns_of(*pooling, here.shape(x));
    if (is_native(*pooling, rows, columns, facts)) return no_tensor;
    if (pooling->type == PoolingType::Max)
      return can_fill(rows) && can_fill(columns) ? maximum(x, rows, columns, here) : no_tensor;
    const bool possible =
        can_sum(here.shape(x), *pooling) && rows.count() * columns.count() <= max_invented_constant;
    if (!possible) return no_tensor;
    if (pooling->type == PoolingType::L2) return root_of_squares(x, *pooling, rows, columns, facts, here);
    return average(x, *pooling, rows, columns, facts, here);
  });
}

}  // namespace ane::passes
