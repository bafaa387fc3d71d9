// A layer that only adds a border of zeros, followed by a convolution, is a convolution with that much more
// padding: zeros outside of the image are what a convolution's padding means. (Importers write zero padding
// as a depthwise 1x1 convolution of ones with padding, since the ANE network has no unit of its own for it.)
#include <algorithm>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

bool only_pads(const Conv& conv) {
  if (conv.transposed || conv.kernel_width != 1 || conv.kernel_height != 1 || conv.stride_x != 1 ||
      conv.stride_y != 1 || conv.groups != conv.output_channels || conv.bias || conv.activation)
    return false;
  const std::vector<float> weights = conv.weights.floats();
  return std::all_of(weights.begin(), weights.end(), [](float weight) { return weight == 1; });
}

bool absorb(Conv& padding, const Unit& reader) {
  const auto* next = reader.as<Conv>();
  if (!next || next->transposed) return false;
  const int left = padding.pad_left, right = padding.pad_right, top = padding.pad_top,
            bottom = padding.pad_bottom;
  padding = *next;
  padding.pad_left += left, padding.pad_right += right;
  padding.pad_top += top, padding.pad_bottom += bottom;
  return true;
}

}  // namespace

bool merge_padding(Network& network, const EngineFacts&) {
  return absorb_readers(network, [](Unit& producer, const Unit& reader) {
    auto* conv = producer.as<Conv>();
    return conv && only_pads(*conv) && absorb(*conv, reader);
  });
}

}  // namespace ane::passes
