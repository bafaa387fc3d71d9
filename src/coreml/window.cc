// The padding rules of Core ML. `valid` and `same` reproduce every convolution and pooling size of 17
// compiled real networks; how an uneven crop of a deconvolution is split is not documented and taken to be as
// for `same`.
#include "coreml/window.h"

#include <NeuralNetwork.pb.h>

#include <algorithm>

namespace ane::coreml {

namespace {

using Sizes = google::protobuf::RepeatedField<uint64_t>;

int64_t entry(const Sizes& sizes, int axis, int64_t fallback) {
  return axis < sizes.size() ? static_cast<int64_t>(sizes.Get(axis)) : fallback;
}

int64_t floor_divide(int64_t a, int64_t b) {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

void pad_by_amounts(Window& window, const spec::ValidPadding& padding, int axis) {
  const auto& amounts = padding.paddingamounts().borderamounts();
  if (axis >= amounts.size()) return;
  window.before = static_cast<int64_t>(amounts.Get(axis).startedgesize());
  window.after = static_cast<int64_t>(amounts.Get(axis).endedgesize());
}

// The odd one goes to the end, or to the start where the file says so.
void split(Window& window, int64_t total, const spec::SamePadding& padding) {
  const int64_t lesser = floor_divide(total, 2);
  const bool start_heavy = padding.asymmetrymode() == spec::SamePadding::TOP_LEFT_HEAVY;
  window.before = start_heavy ? total - lesser : lesser;
  window.after = total - window.before;
}

void fit_valid(Window& window) {
  const int64_t reach = (window.kernel - 1) * window.dilation + 1;
  window.output = floor_divide(window.input + window.before + window.after - reach, window.stride) + 1;
}

void fit_same(Window& window, const spec::SamePadding& padding) {
  const int64_t reach = (window.kernel - 1) * window.dilation + 1;
  window.output = (window.input + window.stride - 1) / window.stride;
  split(window, std::max<int64_t>(0, (window.output - 1) * window.stride + reach - window.input), padding);
}

// As many windows as it takes to cover the last pixel, but none that begins in the padding behind it.
void fit_last_pixel(Window& window, int64_t amount, bool padded) {
  window.before = amount;
  window.output =
      floor_divide(window.input + 2 * amount - window.kernel + window.stride - 1, window.stride) + 1;
  if (padded && (window.output - 1) * window.stride >= window.input + amount) --window.output;
  const int64_t covered = (window.output - 1) * window.stride + window.kernel;
  window.after = std::max<int64_t>(0, covered - window.input - window.before);
}

Window convolution_axis(const spec::ConvolutionLayerParams& layer, int64_t input, int axis) {
  Window window{.input = input,
                .kernel = entry(layer.kernelsize(), axis, 3),
                .stride = entry(layer.stride(), axis, 1),
                .dilation = entry(layer.dilationfactor(), axis, 1)};
  if (layer.has_same()) {
    fit_same(window, layer.same());
  } else {
    pad_by_amounts(window, layer.valid(), axis);
    fit_valid(window);
  }
  return window;
}

Window deconvolution_axis(const spec::ConvolutionLayerParams& layer, int64_t input, int axis) {
  Window window{
      .input = input, .kernel = entry(layer.kernelsize(), axis, 3), .stride = entry(layer.stride(), axis, 1)};
  const int64_t full = (input - 1) * window.stride + window.kernel;
  if (layer.outputshape_size() > axis) {
    window.output = entry(layer.outputshape(), axis, 1);
    split(window, full - window.output, layer.same());
  } else if (layer.has_same()) {
    window.output = input * window.stride;
    split(window, full - window.output, layer.same());
  } else {
    pad_by_amounts(window, layer.valid(), axis);
    window.output = full - window.before - window.after;
  }
  return window;
}

Window pooling_axis(const spec::PoolingLayerParams& layer, int64_t input, int axis) {
  if (layer.globalpooling()) return {.input = input, .output = 1, .kernel = input};
  Window window{
      .input = input, .kernel = entry(layer.kernelsize(), axis, 3), .stride = entry(layer.stride(), axis, 1)};
  if (layer.has_same()) {
    fit_same(window, layer.same());
  } else if (layer.has_includelastpixel()) {
    const Sizes& amounts = layer.includelastpixel().paddingamounts();
    const bool padded =
        std::any_of(amounts.begin(), amounts.end(), [](uint64_t amount) { return amount > 0; });
    fit_last_pixel(window, entry(amounts, axis, 0), padded);
  } else {
    pad_by_amounts(window, layer.valid(), axis);
    fit_valid(window);
  }
  return window;
}

}  // namespace

Window2d convolution_window(const spec::ConvolutionLayerParams& layer, const Shape& input) {
  const auto axis = layer.isdeconvolution() ? deconvolution_axis : convolution_axis;
  return {axis(layer, input.at(input.size() - 2), 0), axis(layer, input.at(input.size() - 1), 1)};
}

Window2d pooling_window(const spec::PoolingLayerParams& layer, const Shape& input) {
  return {pooling_axis(layer, input.at(input.size() - 2), 0),
          pooling_axis(layer, input.at(input.size() - 1), 1)};
}

}  // namespace ane::coreml
