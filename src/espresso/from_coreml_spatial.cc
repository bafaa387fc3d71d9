// Layers over height and width: pooling, padding, cropping, normalisation, reduction.
//
// Where Espresso's own code for something is not known (reduction over axes other than the channel,
// statistics over the whole blob), the layer is put together from known ones, exactly: a reduction over
// height or width is a pooling window of that size, one over everything a flatten and a reduction over
// channels.
#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "coreml/window.h"
#include "espresso/codes.h"
#include "espresso/translation.h"

namespace ane::espresso {

namespace {

using coreml::spec::PoolingLayerParams;
using coreml::spec::ReduceLayerParams;

enum PoolKind : int64_t { kAveragePool = 0, kMaxPool = 1, kL2Pool = 2 };

// ---- Pooling
// ---------------------------------------------------------------------------------------------------------------

json pool(PoolKind kind, const coreml::Window2d& window, bool is_global) {
  json attributes = {{"avg_or_max", kind},
                     {"size_x", window.width.kernel},
                     {"size_y", window.height.kernel},
                     {"stride_x", window.width.stride},
                     {"stride_y", window.height.stride},
                     {"pad_l", window.width.before},
                     {"pad_r", window.width.after},
                     {"pad_t", window.height.before},
                     {"pad_b", window.height.after},
                     {"pad_mode", 0},
                     {"pad_fill_mode", 0},
                     {"pad_value", 0},
                     {"average_count_exclude_padding", 1},
                     {"top_shape_style", 0}};
  if (is_global) attributes["is_global"] = 1;
  return attributes;
}

PoolKind pool_kind(PoolingLayerParams::PoolingType type) {
  switch (type) {
    case PoolingLayerParams::MAX:
      return kMaxPool;
    case PoolingLayerParams::AVERAGE:
      return kAveragePool;
    case PoolingLayerParams::L2:
      return kL2Pool;
    default:
      throw Unsupported{"an unknown kind of pooling"};
  }
}

// Does an average divide by the real pixels alone? Windows that overhang by the rule of the last pixel count
// no element behind the image and its padding (the rule's origin, Caffe, cuts them there), which without
// padding is the same. With padding, neither divisor that Espresso knows is right.
bool counts_real_pixels(const PoolingLayerParams& layer, const coreml::Window2d& window) {
  if (layer.avgpoolexcludepadding()) return true;
  if (layer.type() != PoolingLayerParams::AVERAGE || !layer.has_includelastpixel() || layer.globalpooling())
    return false;
  const auto overhangs = [](const coreml::Window& side) { return side.after > side.before; };
  if (!overhangs(window.height) && !overhangs(window.width)) return false;
  if (window.height.before != 0 || window.width.before != 0)
    throw Unsupported{"averages over windows that overhang a padded image, counting the padding"};
  return true;
}

// `same` with the odd row at the end is pad_mode 1, no padding at all 2; the other rules (the odd row at the
// start, windows up to the last pixel) have no certain code and are written as the amounts they come to.
void translate_pooling(Translation& to, const SourceLayer& source) {
  const PoolingLayerParams& layer = source.pooling();
  const coreml::Window2d window = coreml::pooling_window(layer, to.model.shapes.at(source.input(0)));
  json attributes = pool(pool_kind(layer.type()), window, layer.globalpooling());
  attributes["average_count_exclude_padding"] = counts_real_pixels(layer, window) ? 1 : 0;
  const bool start_heavy = layer.same().asymmetrymode() == coreml::spec::SamePadding::TOP_LEFT_HEAVY;
  const bool padded = window.height.before != 0 || window.height.after != 0 || window.width.before != 0 ||
                      window.width.after != 0;
  if (layer.globalpooling()) {
    // Stride and padding of the file mean nothing.
  } else if (layer.has_same() && !start_heavy) {
    attributes.update({{"pad_mode", 1}, {"pad_l", 0}, {"pad_r", 0}, {"pad_t", 0}, {"pad_b", 0}});
  } else if (!layer.has_same() && !layer.has_includelastpixel() && !padded) {
    attributes["pad_mode"] = 2;
  }
  add_layer(to, source, "pool", std::move(attributes));
}

// ---- Padding, cropping
// -------------------------------------------------------------------------------------------------------

struct Borders {
  int64_t top = 0, bottom = 0, left = 0, right = 0;
};

Borders borders_of(const coreml::spec::BorderAmounts& amounts) {
  Borders borders;
  if (amounts.borderamounts_size() > 0) {
    borders.top = static_cast<int64_t>(amounts.borderamounts(0).startedgesize());
    borders.bottom = static_cast<int64_t>(amounts.borderamounts(0).endedgesize());
  }
  if (amounts.borderamounts_size() > 1) {
    borders.left = static_cast<int64_t>(amounts.borderamounts(1).startedgesize());
    borders.right = static_cast<int64_t>(amounts.borderamounts(1).endedgesize());
  }
  return borders;
}

void translate_padding(Translation& to, const SourceLayer& source) {
  const auto& layer = source.padding();
  const Borders borders = borders_of(layer.paddingamounts());
  const int mode = layer.has_reflection() ? 1 : layer.has_replication() ? 2 : 0;
  add_layer(to, source, "general_padding",
            {{"pad_pad_mode", mode},
             {"pad_value", finite(layer.constant().value())},
             {"pad_fill_mode", 0},
             {"pad_t", borders.top},
             {"pad_b", borders.bottom},
             {"pad_l", borders.left},
             {"pad_r", borders.right}});
}

// A second input only gives the size; the result starts at `offset`.
void translate_crop(Translation& to, const SourceLayer& source) {
  const auto& layer = source.crop();
  Borders borders = borders_of(layer.cropamounts());
  if (source.input_size() == 2) {
    const Shape from = input_shape(to, source), result = output_shape(to, source);
    const auto offset = [&](int axis) {
      return axis < layer.offset_size() ? static_cast<int64_t>(layer.offset(axis)) : 0;
    };
    borders = {offset(0), from.h - result.h - offset(0), offset(1), from.w - result.w - offset(1)};
  }
  add_layer(to, source, "crop",
            {{"t", borders.top}, {"b", borders.bottom}, {"l", borders.left}, {"r", borders.right}},
            {source.input(0)});
}

// ---- Reduction
// ---------------------------------------------------------------------------------------------------------------

Shape flat(const Shape& shape) {
  Shape result = shape;
  result.k = shape.k * shape.h * shape.w;
  result.h = result.w = 1;
  return result;
}

std::string add_flatten(Translation& to, const SourceLayer& source, const std::string& bottom,
                        const Shape& shape) {
  return add_step(to, source, "flat", "flatten", {{"mode", 0}, {"nd_axis", 0}}, {bottom}, flat(shape));
}

json channel_reduction(ReduceMode mode) {
  return {{"mode", mode}, {"axis_mode", 4}, {"use_version", 1}};
}

ReduceMode reduce_mode(ReduceLayerParams::ReduceOperation operation) {
  switch (operation) {
    case ReduceLayerParams::SUM:
      return kReduceSum;
    case ReduceLayerParams::AVG:
      return kReduceMean;
    case ReduceLayerParams::PROD:
      return kReduceProduct;
    case ReduceLayerParams::SUMSQUARE:
      return kReduceSumOfSquares;
    case ReduceLayerParams::L1:
      return kReduceL1;
    case ReduceLayerParams::L2:
      return kReduceL2;
    case ReduceLayerParams::MAX:
      return kReduceMaximum;
    case ReduceLayerParams::MIN:
      return kReduceMinimum;
    case ReduceLayerParams::ARGMAX:
      return kReduceArgmax;
    // The logarithm is taken before: see translate_reduce.
    case ReduceLayerParams::LOGSUM:
      return kReduceSum;
    default:
      throw Unsupported{"an unknown reduction"};
  }
}

// A window as large as the axes that are reduced.
coreml::Window2d reduction_window(const Shape& shape, ReduceLayerParams::ReduceAxis axis) {
  coreml::Window2d window;
  if (axis != ReduceLayerParams::W) window.height = {.input = shape.h, .kernel = shape.h};
  if (axis != ReduceLayerParams::H) window.width = {.input = shape.w, .kernel = shape.w};
  return window;
}

// Over height, width or both: averages, maxima and norms are poolings, sums are averages times the number of
// elements, minima are maxima of the negative.
void reduce_by_pooling(Translation& to, const SourceLayer& source, std::string bottom, ReduceMode mode) {
  const Shape shape = input_shape(to, source), result = output_shape(to, source);
  const auto axis = source.reduce().axis();
  const coreml::Window2d window = reduction_window(shape, axis);
  const bool is_global = axis == ReduceLayerParams::HW;
  const auto step = [&](const char* suffix, int64_t operation, double alpha) {
    bottom = add_step(to, source, suffix, "elementwise", elementwise(operation, alpha), {bottom}, shape);
  };
  if (mode == kReduceMinimum) step("negative", kMultiplyAlpha, -1);
  if (mode == kReduceL1) step("absolute", kAbsolute, 1);
  if (mode == kReduceSumOfSquares) step("square", kSquare, 1);
  const PoolKind kind = mode == kReduceL2                                  ? kL2Pool
                        : mode == kReduceMaximum || mode == kReduceMinimum ? kMaxPool
                                                                           : kAveragePool;
  const bool sums = mode == kReduceSum || mode == kReduceL1 || mode == kReduceSumOfSquares;
  if (!sums && mode != kReduceMinimum)
    return static_cast<void>(add_layer(to, source, "pool", pool(kind, window, is_global), {bottom}));
  bottom = add_step(to, source, "pooled", "pool", pool(kind, window, is_global), {bottom}, result);
  const double factor = sums ? static_cast<double>(window.height.kernel * window.width.kernel) : -1;
  add_layer(to, source, "elementwise", elementwise(kMultiplyAlpha, factor), {bottom});
}

// Reductions that no pooling does: height or width are laid along the channels for them.
void reduce_turned(Translation& to, const SourceLayer& source, ReduceMode mode) {
  const auto axis = source.reduce().axis();
  const std::vector<int64_t> codes = axis == ReduceLayerParams::HW  ? std::vector<int64_t>{kAxisH, kAxisW}
                                     : axis == ReduceLayerParams::H ? std::vector<int64_t>{kAxisH}
                                                                    : std::vector<int64_t>{kAxisW};
  Shape shape = input_shape(to, source);
  std::string bottom = source.input(0);
  for (const int64_t code : codes) {
    const json turn = exchange_with_channels(code);
    const std::string suffix = code == kAxisH ? "rows" : "columns";
    std::swap(dimension(shape, code), shape.k);
    bottom = add_step(to, source, suffix + "_turned", "transpose", turn, {bottom}, shape);
    shape.k = 1;
    bottom = add_step(to, source, suffix, "reduce", channel_reduction(mode), {bottom}, shape);
    std::swap(dimension(shape, code), shape.k);
    if (code == codes.back())
      add_layer(to, source, "transpose", turn, {bottom});
    else
      bottom = add_step(to, source, suffix + "_back", "transpose", turn, {bottom}, shape);
  }
}

void translate_reduce(Translation& to, const SourceLayer& source) {
  const ReduceLayerParams& layer = source.reduce();
  const Shape shape = input_shape(to, source);
  const ReduceMode mode = reduce_mode(layer.mode());
  std::string bottom = source.input(0);
  if (layer.mode() == ReduceLayerParams::LOGSUM) {
    const double epsilon = finite(or_default(layer.epsilon(), 1e-6f));
    bottom = add_step(to, source, "shifted", "elementwise", elementwise(kAddAlpha, epsilon), {bottom}, shape);
    bottom = add_step(to, source, "logarithm", "elementwise", elementwise(kLogarithm), {bottom}, shape);
  }
  const bool over_channels = layer.axis() == ReduceLayerParams::C || layer.axis() == ReduceLayerParams::CHW;
  if ((mode == kReduceArgmax || mode == kReduceProduct) && !over_channels)
    return reduce_turned(to, source, mode);
  if (layer.axis() != ReduceLayerParams::C && layer.axis() != ReduceLayerParams::CHW)
    return reduce_by_pooling(to, source, bottom, mode);
  if (layer.axis() == ReduceLayerParams::CHW && shape.h * shape.w != 1)
    bottom = add_flatten(to, source, bottom, shape);
  add_layer(to, source, "reduce", channel_reduction(mode), {bottom});
}

// ---- Normalisation
// -----------------------------------------------------------------------------------------------------------

// x / (k + alpha/n S)^b = k^-b x / (1 + (alpha/k)/n S)^b; the layer itself has k = 1.
void translate_lrn(Translation& to, const SourceLayer& source) {
  const auto& layer = source.lrn();
  const double k = finite(or_default(layer.k(), 1));
  if (k <= 0) throw Unsupported{"k is not positive"};
  const double beta = finite(layer.beta());
  const json attributes = {
      {"alpha", finite(layer.alpha()) / k}, {"beta", beta}, {"local_size", layer.localsize()}};
  if (k == 1) return static_cast<void>(add_layer(to, source, "lrn", attributes));
  const auto normalised =
      add_step(to, source, "k1", "lrn", attributes, {source.input(0)}, output_shape(to, source));
  add_layer(to, source, "elementwise", elementwise(kMultiplyAlpha, std::pow(k, -beta)), {normalised});
}

// x * (sum of x^2 over C, H, W + epsilon)^-1/2. Of many elements the sum leaves binary16, unless all are
// scaled before.
void translate_l2_normalize(Translation& to, const SourceLayer& source) {
  Shape shape = flat(input_shape(to, source));
  const auto scale = static_cast<double>(scale_for_squares(shape.k));
  std::string x = source.input(0);
  if (scale != 1)
    x = add_step(to, source, "scaled", "elementwise", elementwise(kMultiplyAlpha, scale), {x},
                 input_shape(to, source));
  const std::string flattened = add_flatten(to, source, x, input_shape(to, source));
  shape.k = 1;
  auto norm =
      add_step(to, source, "sum", "reduce", channel_reduction(kReduceSumOfSquares), {flattened}, shape);
  const double epsilon = finite(or_default(source.l2normalize().epsilon(), 1e-6f)) * scale * scale;
  norm = add_step(to, source, "shifted", "elementwise", elementwise(kAddAlpha, epsilon), {norm}, shape);
  norm = add_step(to, source, "factor", "elementwise", elementwise(kPower, -0.5), {norm}, shape);
  add_layer(to, source, "elementwise", elementwise(kMultiply), {x, norm});
}

json reshape_to(const Shape& shape) {
  json attributes = {{"dst_w", shape.w},     {"dst_h", shape.h}, {"dst_k", shape.k}, {"dst_n", shape.n},
                     {"dst_seq", shape.seq}, {"mode", 0},        {"version", 1}};
  if (shape.rank) attributes.update({{"dst_nd_rank", *shape.rank}, {"dynamic_shape", false}});
  return attributes;
}

// (x - mean) per channel, or over all channels.
void subtract_mean(Translation& to, const SourceLayer& source, bool across_channels) {
  const Shape shape = input_shape(to, source);
  Shape mean_shape = shape;
  mean_shape.h = mean_shape.w = 1;
  std::string mean;
  if (across_channels) {
    const std::string flattened = add_flatten(to, source, source.input(0), shape);
    mean_shape.k = 1;
    mean = add_step(to, source, "mean", "reduce", channel_reduction(kReduceMean), {flattened}, mean_shape);
  } else {
    const auto window = reduction_window(shape, ReduceLayerParams::HW);
    mean =
        add_step(to, source, "mean", "pool", pool(kAveragePool, window, true), {source.input(0)}, mean_shape);
  }
  mean = add_step(to, source, "negative", "elementwise", elementwise(kMultiplyAlpha, -1), {mean}, mean_shape);
  add_layer(to, source, "elementwise", elementwise(kAdd), {source.input(0), mean});
}

// With variance it is an instance normalisation; over all channels, one of the blob laid out as a single
// channel. Epsilon is taken to be under the root, as there.
void translate_mvn(Translation& to, const SourceLayer& source) {
  const auto& layer = source.mvn();
  if (!layer.normalizevariance()) return subtract_mean(to, source, layer.acrosschannels());
  const Shape shape = input_shape(to, source);
  Shape one = shape;
  one.k = 1;
  one.h = shape.k * shape.h;
  const bool across = layer.acrosschannels() && shape.k != 1;
  const auto channels = static_cast<size_t>(across ? 1 : shape.k);
  json attributes =
      channel_affine(to, std::vector<float>(channels, 1.0f), std::vector<float>(channels, 0.0f));
  attributes.update({{"training", 1},
                     {"training_instancenorm", 1},
                     {"training_eps", finite(or_default(layer.epsilon(), 1e-6f))}});
  if (!across) return static_cast<void>(add_layer(to, source, "batchnorm", std::move(attributes)));
  auto bottom = add_step(to, source, "one", "reshape", reshape_to(one), {source.input(0)}, one);
  bottom = add_step(to, source, "normalised", "batchnorm", std::move(attributes), {bottom}, one);
  add_layer(to, source, "reshape", reshape_to(shape), {bottom});
}

// The sum over channels of a product; of cosines times 1 / |x| for either x.
void translate_dot(Translation& to, const SourceLayer& source) {
  const auto product = add_step(to, source, "product", "elementwise", elementwise(kMultiply),
                                {source.input(0), source.input(1)}, input_shape(to, source));
  if (!source.dot().cosinesimilarity())
    return static_cast<void>(add_layer(to, source, "reduce", channel_reduction(kReduceSum), {product}));
  const Shape sums = output_shape(to, source);
  std::string cosine = add_step(to, source, "sum", "reduce", channel_reduction(kReduceSum), {product}, sums);
  for (const int operand : {0, 1}) {
    const std::string name = std::to_string(operand);
    auto norm = add_step(to, source, "squares" + name, "reduce", channel_reduction(kReduceSumOfSquares),
                         {source.input(operand)}, sums);
    norm = add_step(to, source, "norm" + name, "elementwise", elementwise(kPower, -0.5), {norm}, sums);
    if (operand == 1)
      return static_cast<void>(add_layer(to, source, "elementwise", elementwise(kMultiply), {cosine, norm}));
    cosine = add_step(to, source, "first", "elementwise", elementwise(kMultiply), {cosine, norm}, sums);
  }
}

}  // namespace

bool translate_spatial(Translation& to, const SourceLayer& source) {
  switch (source.layer_case()) {
    case SourceLayer::kPooling:
      return translate_pooling(to, source), true;
    case SourceLayer::kPadding:
      return translate_padding(to, source), true;
    case SourceLayer::kCrop:
      return translate_crop(to, source), true;
    case SourceLayer::kReduce:
      return translate_reduce(to, source), true;
    case SourceLayer::kLrn:
      return translate_lrn(to, source), true;
    case SourceLayer::kL2Normalize:
      return translate_l2_normalize(to, source), true;
    case SourceLayer::kMvn:
      return translate_mvn(to, source), true;
    case SourceLayer::kDot:
      return translate_dot(to, source), true;
    default:
      return false;
  }
}

}  // namespace ane::espresso
