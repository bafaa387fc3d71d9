// Every window of a convolution must see at least one pixel of the image: no captured program has a window
// that lies in the padding alone, and what the engine does there is not known. Padding as wide as the kernel,
// or wider, breaks that. The kernel then grows by zeros until its windows reach the image again; where it
// would outgrow the engine's limits, zeros are joined to the image instead.
#include <algorithm>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

// One axis of a convolution's kernel.
struct Side {
  Axis axis = Axis::Width;
  int kernel = 1, dilation = 1, pad_before = 0, pad_after = 0;
  int zeros_before = 0, zeros_after = 0;  // taps to add

  int extent() const { return (kernel - 1) * dilation + 1; }
  bool stays_inside() const { return pad_before < extent() && pad_after < extent(); }
};

// Zeros in front let the last windows reach back to the image, zeros behind let the first ones reach forward.
bool grow(Side& side, int max_kernel, int max_padding) {
  const int front = std::max(0, side.pad_after - side.extent() + 1),
            back = std::max(0, side.pad_before - side.extent() + 1);
  if (side.dilation != 1 || side.kernel + front + back > max_kernel || side.pad_before + front > max_padding)
    return false;
  side.zeros_before = front, side.zeros_after = back;
  side.kernel += front + back;
  side.pad_before += front, side.pad_after += back;
  return true;
}

// Zeros at both ends of the image in place of the padding that reaches too far.
TensorId join_zeros(TensorId x, Side& side, Replacement& here) {
  std::vector<TensorId> parts;
  const auto zeros = [&](int& padding) {
    const int count = std::max(0, padding - side.extent() + 1);
    Shape shape = here.shape(x);
    shape[side.axis] = count;
    if (count == 0 || shape.count() > max_invented_constant) return;
    padding -= count;
    parts.push_back(
        here.constant("zeros", shape, std::vector<float>(static_cast<size_t>(shape.count()), 0.0f)));
  };
  zeros(side.pad_before);
  parts.push_back(x);
  zeros(side.pad_after);
  return parts.size() == 1 ? x : here.add("padded", aneir::Concat{side.axis}, parts);
}

Constant grown_weights(const Conv& conv, const Side& rows, const Side& columns) {
  const std::vector<float> from = conv.weights.floats();
  const int64_t kernels = static_cast<int64_t>(from.size()) / (conv.kernel_height * conv.kernel_width);
  std::vector<float> to(static_cast<size_t>(kernels * rows.kernel * columns.kernel), 0.0f);
  for (int64_t k = 0; k < kernels; ++k)
    for (int y = 0; y < conv.kernel_height; ++y)
      for (int x = 0; x < conv.kernel_width; ++x)
        to[static_cast<size_t>((k * rows.kernel + y + rows.zeros_before) * columns.kernel + x +
                               columns.zeros_before)] =
            from[static_cast<size_t>((k * conv.kernel_height + y) * conv.kernel_width + x)];
  return Constant::of_floats(std::move(to));
}

}  // namespace

bool keep_windows_inside(Network& network, const EngineFacts& facts) {
  return rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    const auto* found = unit.as<Conv>();
    if (!found || found->transposed) return no_tensor;
    Side rows{Axis::Height, found->kernel_height, found->dilation_y, found->pad_top, found->pad_bottom};
    Side columns{Axis::Width, found->kernel_width, found->dilation_x, found->pad_left, found->pad_right};
    if (rows.stays_inside() && columns.stays_inside()) return no_tensor;
    Conv conv = *found;
    TensorId x = unit.bottoms[0];
    if (!rows.stays_inside() && !grow(rows, facts.max_kernel_height, facts.max_padding))
      x = join_zeros(x, rows, here);
    if (!columns.stays_inside() && !grow(columns, facts.max_kernel_width, facts.max_padding))
      x = join_zeros(x, columns, here);
    conv.weights = grown_weights(conv, rows, columns);
    conv.kernel_height = rows.kernel, conv.kernel_width = columns.kernel;
    conv.pad_top = rows.pad_before, conv.pad_bottom = rows.pad_after;
    conv.pad_left = columns.pad_before, conv.pad_right = columns.pad_after;
    return here.add("inside", conv, {x});
  });
}

}  // namespace ane::passes
