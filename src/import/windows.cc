// Layers that slide a window: convolutions, pooling, and what is a convolution in disguise (inner product).
//
// Espresso leaves padding to rules: pad_mode 0 gives it, mode 1 ("same") and 2 ("valid") say how to compute
// it, and pooling may round its output size up. Here every window gets its four explicit amounts; the rules
// were checked on every convolution and pool of 17 compiled networks (docs/espresso.md).
#include "import/layer.h"
#include "import/selection.h"
#include "import/window.h"

namespace ane::import {
namespace {

using aneir::Axis;
using aneir::Conv;
using aneir::Neuron;
using aneir::NeuronType;
using aneir::TensorId;

Side side_of(const LayerImport& at, bool is_x, const char* kernel_prefix) {
  const std::string suffix = is_x ? "x" : "y";
  Side side;
  side.kernel = at.window(kernel_prefix + suffix, 1);
  side.stride = at.window("stride_" + suffix, 1);
  side.dilation = at.window("dilation_" + suffix, 1);
  side.low = at.window(is_x ? "pad_l" : "pad_t", 0);
  side.high = at.window(is_x ? "pad_r" : "pad_b", 0);
  at.require(side.kernel >= 1 && side.stride >= 1 && side.dilation >= 1, "a window of size or stride 0");
  return side;
}

enum PadMode { pad_explicit = 0, pad_same = 1, pad_valid = 2 };

// Replaces the layer's amounts by those that its pad_mode means for an input of `length`.
void resolve_padding(const LayerImport& at, Side& side, int64_t length) {
  const int64_t mode = at.integer("pad_mode", pad_explicit);
  at.require(mode >= pad_explicit && mode <= pad_valid, "pad_mode " + std::to_string(mode));
  if (mode == pad_valid) side.low = side.high = 0;
  if (mode == pad_same) split_padding(side, same_padding(side, length));
  const bool padded = side.low > 0 || side.high > 0;
  at.require(!padded || at.integer("pad_fill_mode", 0) == 0,
             "pad_fill_mode " + std::to_string(at.integer("pad_fill_mode", 0)));
}

// A deconvolution's amounts cut its full result, of (length - 1) * stride + kernel, on both sides.
void resolve_cropping(const LayerImport& at, Side& side, int64_t length, const char* output_size_key) {
  const int64_t full = (length - 1) * side.stride + side.extent();
  const int64_t mode = at.integer("pad_mode", pad_explicit);
  at.require(mode >= pad_explicit && mode <= pad_valid, "pad_mode " + std::to_string(mode));
  const int64_t wanted = at.integer(output_size_key, 0);
  if (wanted > 0) {
    split_padding(side, full - wanted);
  } else if (mode == pad_same) {
    split_padding(side, full - length * side.stride);
  } else if (mode == pad_valid) {
    side.low = side.high = 0;
  }
}

// Weights, bias and fused activation, which convolutions and inner products share.
void set_values(const LayerImport& at, Conv& conv, const char* relu_key, const char* tanh_key) {
  conv.weights = at.weights(conv.output_channels);
  if (at.flag("has_biases")) conv.bias = at.floats("blob_biases", conv.output_channels);
  if (at.flag(relu_key)) conv.activation = Neuron{NeuronType::ReLU};
  if (at.flag(tanh_key)) {
    at.require(!conv.activation, "both ReLU and tanh fused");
    conv.activation = Neuron{NeuronType::Tanh};
  }
}

Conv convolution_of(const LayerImport& at, const Side& x, const Side& y) {
  at.require(at.integer("n_parallel", 1) == 1, "n_parallel other than 1");
  at.require(!at.flag("has_batch_norm"), "has_batch_norm");
  Conv conv;
  conv.output_channels = at.layer.integer("C", at.net.file);
  conv.groups = at.integer("n_groups", 1);
  const int64_t channels = at.shape(at.input()).c;
  at.require(at.integer("K", channels) == channels, "K is " + std::to_string(at.integer("K", channels)) +
                                                        " but the input has " + std::to_string(channels) +
                                                        " channels");
  set_window(conv, x, y);
  set_values(at, conv, "fused_relu", "fused_tanh");
  return conv;
}

TensorId global_pool(LayerImport& at, int64_t kind) {
  const auto over_image = [](aneir::ReductionType type) {
    return aneir::Reduction{type, {Axis::Height, Axis::Width}, {}};
  };
  if (kind == 0) return at.add(over_image(aneir::ReductionType::Mean), {at.input()});
  if (kind == 1) return at.add(over_image(aneir::ReductionType::Max), {at.input()});
  const TensorId squares = at.add(Neuron{NeuronType::Square}, {at.input()});
  const TensorId sums = at.add(over_image(aneir::ReductionType::Sum), {squares});
  return at.add(Neuron{NeuronType::Sqrt}, {sums});
}

// Each number of the input names a column of the weights, which comes to stand where the number was.
TensorId import_lookup(LayerImport& at) {
  const int64_t count = at.layer.integer("nB", at.net.file), size = at.layer.integer("nC", at.net.file);
  at.require(count >= 1 && size >= 1, "nB is " + std::to_string(count));
  const aneir::Shape input = at.shape(at.input());
  const TensorId numbers = at.reshaped(at.input(), {input.count(), 1, 1, 1, 1});
  std::optional<aneir::Constant> bias;
  if (at.flag("has_biases")) bias = at.floats("blob_biases", size);
  const TensorId columns =
      column_of_matrix(at.network, at.adder(), numbers, count, size, at.weights(size), std::move(bias));
  return at.reshaped(columns, engine_shape(at.declared_top()));
}

}  // namespace

Tops import_convolution(LayerImport& at) {
  const aneir::Shape input = at.shape(at.input());
  Side x = side_of(at, true, "N"), y = side_of(at, false, "N");
  resolve_padding(at, x, input.w);
  resolve_padding(at, y, input.h);
  const bool padded = x.low + x.high + y.low + y.high > 0;
  at.require(!padded || at.number("pad_value", 0) == 0, "padding with a value other than 0");
  return {at.add(convolution_of(at, x, y), {at.input()})};
}

Tops import_deconvolution(LayerImport& at) {
  const aneir::Shape input = at.shape(at.input());
  Side x = side_of(at, true, "N"), y = side_of(at, false, "N");
  x.dilation = y.dilation = 1;  // Core ML ignores the dilation of a deconvolution
  resolve_cropping(at, x, input.w, "deconv_out_width");
  resolve_cropping(at, y, input.h, "deconv_out_height");
  Conv conv = convolution_of(at, x, y);
  conv.transposed = true;
  return {at.add(std::move(conv), {at.input()})};
}

// y = W x + b as a 1x1 convolution. The inputs are either all of a batch entry (in C, H, W order) or, for
// exact-rank tensors, the last axis; both become the channels of a tensor with one pixel.
Tops import_inner_product(LayerImport& at) {
  if (at.flag("is_lookup")) return {import_lookup(at)};
  at.require(!at.flag("has_prelu"), "a fused PReLU");
  const aneir::Shape input = at.shape(at.input());
  const int64_t inputs = at.layer.integer("nB", at.net.file);
  at.require(inputs >= 1 && (input.c * input.h * input.w == inputs || input.w == inputs),
             "nB is " + std::to_string(inputs) + " but the input is " + input.text());
  Conv conv;
  conv.output_channels = at.layer.integer("nC", at.net.file);
  set_values(at, conv, "has_relu", "has_tanh");
  const TensorId pixels = at.reshaped(at.input(), {input.count() / inputs, 1, inputs, 1, 1});
  const TensorId product = at.add(std::move(conv), {pixels});
  const aneir::Shape declared = engine_shape(at.declared_top());
  const bool only_rearranged = declared.count() == at.shape(product).count();
  return {only_rearranged ? at.reshaped(product, declared) : product};
}

Tops import_batch_matmul(LayerImport& at) {
  at.require(at.inputs.size() == 2, "reads " + std::to_string(at.inputs.size()) + " tensors");
  return {at.add(aneir::MatMul{}, at.inputs)};
}

Tops import_pool(LayerImport& at) {
  const int64_t kind = at.layer.integer("avg_or_max", at.net.file);
  at.require(kind >= 0 && kind <= 2, "avg_or_max " + std::to_string(kind));
  if (at.flag("is_global")) return {global_pool(at, kind)};
  const aneir::Shape input = at.shape(at.input());
  const aneir::Shape declared = engine_shape(at.declared_top());
  Side x = side_of(at, true, "size_"), y = side_of(at, false, "size_");
  resolve_padding(at, x, input.w);
  resolve_padding(at, y, input.h);
  reach(x, input.w, declared.w);  // whether a last window may overhang shows only in the declared size
  reach(y, input.h, declared.h);
  constexpr aneir::PoolingType types[] = {aneir::PoolingType::Average, aneir::PoolingType::Max,
                                          aneir::PoolingType::L2};
  return {at.add(aneir::Pooling{types[kind], x.kernel, y.kernel, x.stride, y.stride, x.low, x.high, y.low,
                                y.high, kind == 0 && at.flag("average_count_exclude_padding")},
                 {at.input()})};
}

}  // namespace ane::import
