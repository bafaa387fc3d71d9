// The arithmetic of window.h. Lengths are somebody else's numbers, so every amount is checked before it is
// narrowed.
#include "import/window.h"

#include <algorithm>

namespace ane::import {

void split_padding(Side& side, int64_t total, bool smaller_first) {
  if (total < 0 || total > aneir::max_window) throw Refusal{"needs padding of " + std::to_string(total)};
  const auto smaller = static_cast<int>(total / 2), larger = static_cast<int>(total - total / 2);
  side.low = smaller_first ? smaller : larger;
  side.high = smaller_first ? larger : smaller;
}

int64_t same_padding(const Side& side, int64_t length) {
  const int64_t outputs = (length - 1) / side.stride + 1;
  return std::max<int64_t>(0, (outputs - 1) * side.stride + side.extent() - length);
}

void reach(Side& side, int64_t length, int64_t outputs) {
  if (outputs < 1 || outputs > length + aneir::max_window)
    throw Refusal{"declares " + std::to_string(outputs) + " windows over " + std::to_string(length) +
                  " elements"};
  const int64_t needed = (outputs - 1) * side.stride + side.kernel - length - side.low;
  if (needed > aneir::max_window) throw Refusal{"needs padding of " + std::to_string(needed)};
  side.high = std::max(side.high, static_cast<int>(std::max<int64_t>(needed, 0)));
}

void set_window(aneir::Conv& conv, const Side& x, const Side& y) {
  conv.kernel_width = x.kernel;
  conv.kernel_height = y.kernel;
  conv.stride_x = x.stride;
  conv.stride_y = y.stride;
  conv.dilation_x = x.dilation;
  conv.dilation_y = y.dilation;
  conv.pad_left = x.low;
  conv.pad_right = x.high;
  conv.pad_top = y.low;
  conv.pad_bottom = y.high;
}

aneir::Conv depthwise_ones(int64_t channels, int kernel_width, int kernel_height) {
  constexpr int64_t most = int64_t{1} << 26;  // a shape alone stands for these, no data
  if (channels > most / (int64_t{kernel_width} * kernel_height)) throw Refusal{"too many channels"};
  aneir::Conv conv;
  conv.output_channels = conv.groups = channels;
  conv.kernel_width = kernel_width;
  conv.kernel_height = kernel_height;
  conv.weights = aneir::Constant::of_floats(std::vector<float>(
      static_cast<size_t>(channels) * static_cast<size_t>(kernel_width) * static_cast<size_t>(kernel_height),
      1.0f));
  return conv;
}

}  // namespace ane::import
