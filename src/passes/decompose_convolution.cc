// Convolutions in steps that the engine does: stride 1 or 2 in both directions alike, no dilation, kernels up
// to the facts' size.
//
// Stride: the largest stride that divides both wanted ones and is native; of its results, rows and columns
// are then picked by a view. A kernel of one tap without padding is strided by a view of its input instead,
// so that nothing is computed in vain.
//
// Dilation: the kernel with zeros between its taps, as Apple's compiler does it. It costs no pass as long as
// the kernel fits.
//
// Size: a kernel of too many rows or columns is cut into runs of taps that fit, each a convolution of its own
// over a part of the image, and the results are added. Along rows such a part is only another base address.
// Along columns it is a slice (two copies), so a kernel that is wide but not high is turned instead: image
// and kernel exchange rows and columns, and the result is turned back. Each addition rounds to binary16. Runs
// hold taps, not zeros: a run ends where the next tap would not fit, so a dilation larger than the engine's
// kernel needs no zeros at all.
//
// Padding beyond the facts' limit is joined to the image as zeros.
//
// Transposed convolutions are left, and refused.
#include <algorithm>
#include <numeric>
#include <utility>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::ElementWise;
using aneir::ElementWiseOp;

// One direction of a convolution over an image of `length`.
struct Direction {
  Axis axis;
  int64_t length;
  int kernel, stride, dilation, pad_low, pad_high;

  int64_t extent() const { return int64_t{kernel - 1} * dilation + 1; }
  int64_t count() const { return (length + pad_low + pad_high - extent()) / stride + 1; }
};

Direction rows_of(const Conv& conv, const Shape& shape) {
  return {Axis::Height,    shape.h,      conv.kernel_height, conv.stride_y,
          conv.dilation_y, conv.pad_top, conv.pad_bottom};
}
Direction columns_of(const Conv& conv, const Shape& shape) {
  return {Axis::Width,     shape.w,       conv.kernel_width, conv.stride_x,
          conv.dilation_x, conv.pad_left, conv.pad_right};
}

// ---- Stride
// --------------------------------------------------------------------------------------------------------

int native_stride(int x, int y, int limit) {
  const int common = std::gcd(x, y);
  int native = std::min(limit, common);
  while (common % native != 0) --native;
  return native;
}

// ---- Runs of taps
// --------------------------------------------------------------------------------------------------

// Taps first .. first + taps of a kernel, and what part of the image they see.
struct Run {
  int first, taps;
  int size;                // of the run's kernel, zeros of dilation included
  int64_t offset, length;  // image rows or columns
  int pad_low, pad_high;
};

// What run `first`, `taps` sees of the image; nothing if that is padding only.
std::optional<Run> run_of(const Direction& direction, int first, int taps) {
  Run run{first,
          taps,
          (taps - 1) * direction.dilation + 1,
          0,
          direction.length,
          direction.pad_low,
          direction.pad_high};
  if (taps == direction.kernel) return run;
  const int64_t begin = int64_t{first} * direction.dilation - direction.pad_low;
  const int64_t end = begin + (direction.count() - 1) * direction.stride + run.size;
  run.offset = std::clamp<int64_t>(begin, 0, direction.length);
  // Up to a stride's rest of elements behind the last window changes nothing, and may spare a slice.
  const int64_t last = std::clamp<int64_t>(end + direction.stride - 1, 0, direction.length);
  run.length = last - run.offset;
  run.pad_low = static_cast<int>(run.offset - begin);
  run.pad_high = static_cast<int>(std::max<int64_t>(0, end - last));
  return run.length > 0 && end > 0 ? std::optional(run) : std::nullopt;
}

std::vector<Run> runs_of(const Direction& direction, int limit) {
  const int largest = (limit - 1) / direction.dilation + 1;
  std::vector<Run> runs;
  // A second run that begins where the padding ends sees the image from its first element and needs no slice.
  const int padded = direction.pad_low / direction.dilation;
  int taps = direction.kernel > largest && padded > 0 && padded < largest ? padded : largest;
  for (int first = 0; first < direction.kernel;) {
    if (const auto run = run_of(direction, first, std::min(taps, direction.kernel - first)))
      runs.push_back(*run);
    first += taps;
    taps = largest;
  }
  return runs;
}

// The weights of one run in each direction, with zeros between the taps.
Constant weights_of(const std::vector<float>& weights, const Conv& conv, const Run& rows,
                    const Run& columns) {
  const int64_t kernel = int64_t{conv.kernel_height} * conv.kernel_width;
  const int64_t size = int64_t{rows.size} * columns.size;
  const int64_t kernels = static_cast<int64_t>(weights.size()) / kernel;
  std::vector<float> result(static_cast<size_t>(kernels * size), 0.0f);
  for (int64_t k = 0; k < kernels; ++k)
    for (int y = 0; y < rows.taps; ++y)
      for (int x = 0; x < columns.taps; ++x) {
        const int64_t from = (rows.first + y) * int64_t{conv.kernel_width} + columns.first + x;
        const int64_t to = int64_t{y} * conv.dilation_y * columns.size + int64_t{x} * conv.dilation_x;
        result[static_cast<size_t>(k * size + to)] = weights[static_cast<size_t>(k * kernel + from)];
      }
  return Constant::of_floats(std::move(result));
}

// ---- Steps
// ---------------------------------------------------------------------------------------------------------

// `conv` with rows and columns exchanged.
Conv turned(const Conv& conv) {
  Conv result = conv;
  std::swap(result.kernel_width, result.kernel_height);
  std::swap(result.stride_x, result.stride_y);
  std::swap(result.dilation_x, result.dilation_y);
  std::swap(result.pad_left, result.pad_top);
  std::swap(result.pad_right, result.pad_bottom);
  const std::vector<float> weights = conv.weights.floats();
  std::vector<float> exchanged(weights.size());
  const size_t height = static_cast<size_t>(conv.kernel_height),
               width = static_cast<size_t>(conv.kernel_width);
  for (size_t i = 0; i < weights.size(); ++i) {
    const size_t kernel = i / (height * width), y = i / width % height, x = i % width;
    exchanged[kernel * height * width + x * height + y] = weights[i];
  }
  result.weights = Constant::of_floats(std::move(exchanged));
  return result;
}

// One convolution for each pair of runs, added up; the first brings the bias, the end the activation.
TensorId sum_of_runs(TensorId x, const Conv& conv, const EngineFacts& facts, Replacement& here) {
  const Direction down = rows_of(conv, here.shape(x)), across = columns_of(conv, here.shape(x));
  const std::vector<Run> rows = runs_of(down, facts.max_kernel_height),
                         columns = runs_of(across, facts.max_kernel_width);
  if (rows.empty() || columns.empty()) return no_tensor;
  const size_t count = rows.size() * columns.size();
  const bool relu = conv.activation && conv.activation->type == NeuronType::ReLU;
  const std::vector<float> weights = conv.weights.floats();
  TensorId sum = no_tensor;
  for (size_t i = 0; i < count; ++i) {
    const Run &row = rows[i / columns.size()], &column = columns[i % columns.size()];
    Conv part = conv;
    part.weights = weights_of(weights, conv, row, column);
    part.kernel_height = row.size, part.kernel_width = column.size;
    part.dilation_x = part.dilation_y = 1;
    part.pad_top = row.pad_low, part.pad_bottom = row.pad_high;
    part.pad_left = column.pad_low, part.pad_right = column.pad_high;
    if (i != 0) part.bias.reset();
    if (count != 1) part.activation.reset();
    TensorId seen = here.view("rows", x, Axis::Height, row.offset, row.length);
    seen = here.view("columns", seen, Axis::Width, column.offset, column.length);
    const TensorId result = here.add("part", part, {seen});
    const ElementWise plus{ElementWiseOp::Add, 1, relu && i + 1 == count};
    sum = i == 0 ? result : here.add("sum", plus, {sum, result});
  }
  return count == 1 || relu || !conv.activation ? sum : here.add("activation", *conv.activation, {sum});
}

// The convolution at a native stride.
TensorId convolve(TensorId x, const Conv& conv, const EngineFacts& facts, Replacement& here) {
  const Shape shape = here.shape(x);
  const bool wide = columns_of(conv, shape).extent() > facts.max_kernel_width;
  const bool turns = wide && rows_of(conv, shape).extent() <= facts.max_kernel_width;
  if (!turns) return sum_of_runs(x, conv, facts, here);
  const TensorId exchanged = here.swap("turned", x, Axis::Height, Axis::Width);
  const TensorId result = sum_of_runs(exchanged, turned(conv), facts, here);
  return result == no_tensor ? no_tensor : here.swap("back", result, Axis::Height, Axis::Width);
}

// Zeros before the image in place of padding beyond the limit.
TensorId join_zeros(TensorId x, Axis axis, int& padding, const EngineFacts& facts, Replacement& here) {
  if (padding <= facts.max_padding) return x;
  Shape shape = here.shape(x);
  shape[axis] = padding - facts.max_padding;
  if (shape.count() > max_invented_constant) return x;
  padding = facts.max_padding;
  const TensorId zeros =
      here.constant("zeros", shape, std::vector<float>(static_cast<size_t>(shape.count()), 0.0f));
  return here.add("padded", aneir::Concat{axis}, {zeros, x});
}

// Every `step`-th element of the input, where a convolution only looks at these; its stride is then done.
TensorId stride_input(TensorId x, const Direction& direction, int& stride, int native, Replacement& here) {
  const bool points = direction.kernel == 1 && direction.pad_low == 0 && direction.pad_high == 0;
  if (!points || stride == native) return x;
  const TensorId result = here.view("strided", x, direction.axis, 0, direction.count(), stride);
  stride = 1;
  return result;
}

bool is_native(const Conv& conv, const EngineFacts& facts) {
  return conv.dilation_x == 1 && conv.dilation_y == 1 && conv.stride_x == conv.stride_y &&
         conv.stride_x <= facts.max_stride && conv.kernel_width <= facts.max_kernel_width &&
         conv.kernel_height <= facts.max_kernel_height && conv.pad_left <= facts.max_padding &&
         conv.pad_top <= facts.max_padding;
}

}  // namespace

bool decompose_convolution(Network& network, const EngineFacts& facts) {
  return rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    const auto* found = unit.as<Conv>();
    if (!found || found->transposed || is_native(*found, facts)) return no_tensor;
    Conv conv = *found;
    const Shape result = here.shape(unit.top);
    int native = native_stride(conv.stride_x, conv.stride_y, facts.max_stride);
    TensorId x = unit.bottoms[0];
    x = stride_input(x, rows_of(conv, here.shape(x)), conv.stride_y, native, here);
    x = stride_input(x, columns_of(conv, here.shape(x)), conv.stride_x, native, here);
    native = native_stride(conv.stride_x, conv.stride_y, facts.max_stride);
    const int step_x = conv.stride_x / native, step_y = conv.stride_y / native;
    conv.stride_x = conv.stride_y = native;
    x = join_zeros(x, Axis::Height, conv.pad_top, facts, here);
    x = join_zeros(x, Axis::Width, conv.pad_left, facts, here);
    x = convolve(x, conv, facts, here);
    if (x == no_tensor) return no_tensor;
    x = here.view("picked_rows", x, Axis::Height, 0, result.h, step_y);
    return here.view("picked_columns", x, Axis::Width, 0, result.w, step_x);
  });
}

}  // namespace ane::passes
