// Shape rules of layers that work over height and width: the last two axes, channels before them, batch
// before that.
#include <fmt/format.h>

#include <cmath>

#include "coreml/shape_rules.h"
#include "coreml/window.h"

namespace ane::coreml {

namespace {

using Sizes = google::protobuf::RepeatedField<uint64_t>;

int64_t from_end(const Shape& shape, size_t place) {
  return shape[shape.size() - place];
}
int64_t channels(const Shape& shape) {
  return from_end(shape, 3);
}

Shape with_channels_and_size(const Shape& input, int64_t channels, int64_t height, int64_t width) {
  Shape shape(input.begin(), input.end() - 3);
  shape.insert(shape.end(), {channels, height, width});
  return shape;
}

// Empty (defaults hold) or [height, width], each of a sane size.
void need_pair(const LayerCheck& check, const Sizes& sizes, const char* what) {
  check.need(sizes.empty() || sizes.size() == 2, "{} has {} entries, not 2", what, sizes.size());
  for (const uint64_t size : sizes) check.size(size, what);
}

void need_borders(const LayerCheck& check, const spec::BorderAmounts& amounts, const char* what) {
  const int entries = amounts.borderamounts_size();
  check.need(entries == 0 || entries == 2, "{} has {} entries, not 2", what, entries);
  for (const auto& edges : amounts.borderamounts()) {
    check.amount(edges.startedgesize(), what);
    check.amount(edges.endedgesize(), what);
  }
}

void need_output(const LayerCheck& check, const Window2d& window) {
  for (const Window& axis : {window.height, window.width})
    check.need(axis.output >= 1,
               "a kernel of {} with stride {} and dilation {} does not fit an input of {} "
               "padded by {} and {}",
               axis.kernel, axis.stride, axis.dilation, axis.input, axis.before, axis.after);
}

// Where the full deconvolution is smaller than the output asked for, no source says where the zeros go.
void need_crop(const LayerCheck& check, const Window2d& window) {
  for (const Window& axis : {window.height, window.width})
    check.need(axis.before >= 0 && axis.after >= 0,
               "a deconvolution of {} with kernel {} and stride {} gives less than the {} asked for",
               axis.input, axis.kernel, axis.stride, axis.output);
}

// Start and end of one axis of cropAmounts or paddingAmounts.
struct Edges {
  int64_t start = 0, end = 0;
};

Edges edges_of(const spec::BorderAmounts& amounts, int axis) {
  if (axis >= amounts.borderamounts_size()) return {};
  const auto& edges = amounts.borderamounts(axis);
  return {static_cast<int64_t>(edges.startedgesize()), static_cast<int64_t>(edges.endedgesize())};
}

int64_t scaled(const LayerCheck& check, int64_t size, double factor) {
  const double result = std::floor(static_cast<double>(size) * factor);
  check.need(result >= 1 && result <= static_cast<double>(largest_size),
             "fractionalScalingFactor is out of range");
  return static_cast<int64_t>(result);
}

void need_pooling_window(const LayerCheck& check, const spec::PoolingLayerParams& params) {
  need_pair(check, params.kernelsize(), "kernelSize");
  need_pair(check, params.stride(), "stride");
  need_borders(check, params.valid().paddingamounts(), "paddingAmounts");
  const Sizes& amounts = params.includelastpixel().paddingamounts();
  check.need(amounts.empty() || amounts.size() == 2, "includeLastPixel needs 2 paddingAmounts");
  for (const uint64_t amount : amounts) check.amount(amount, "paddingAmounts");
}

}  // namespace

Shape convolution_shape(const LayerCheck& check) {
  const auto& params = check.layer().convolution();
  check.need_inputs(1, 1);
  check.need_rank(4);
  need_pair(check, params.kernelsize(), "kernelSize");
  need_pair(check, params.stride(), "stride");
  need_pair(check, params.dilationfactor(), "dilationFactor");
  need_pair(check, params.outputshape(), "outputShape");
  need_borders(check, params.valid().paddingamounts(), "paddingAmounts");

  const int64_t in = channels(check.input());
  const int64_t out = check.size(params.outputchannels(), "outputChannels");
  const int64_t groups = params.ngroups() == 0 ? 1 : check.size(params.ngroups(), "nGroups");
  check.need(in % groups == 0 && out % groups == 0, "{} groups do not divide {} input and {} output channels",
             groups, in, out);
  const bool transposed = params.isdeconvolution();
  const int64_t kernel_channels = transposed ? in : in / groups;
  check.need(params.kernelchannels() == static_cast<uint64_t>(kernel_channels),
             "has {} kernel channels where an input of {} needs {}", params.kernelchannels(), check.input(),
             kernel_channels);

  const Window2d window = convolution_window(params, check.input());
  need_output(check, window);
  if (transposed) need_crop(check, window);
  const int64_t height = window.height.kernel, width = window.width.kernel;
  check.need_weights(
      params.weights(),
      transposed ? Shape{in, out / groups, height, width} : Shape{out, in / groups, height, width}, "weights",
      transposed ? 1 : 0);
  if (params.hasbias()) check.need_weights(params.bias(), {out}, "bias");
  return with_channels_and_size(check.input(), out, window.height.output, window.width.output);
}

Shape pooling_shape(const LayerCheck& check) {
  const auto& params = check.layer().pooling();
  check.need_inputs(1, 1);
  check.need_rank(3);
  // Global pooling ignores them, and real files then hold zeros.
  if (!params.globalpooling()) need_pooling_window(check, params);
  const Window2d window = pooling_window(params, check.input());
  need_output(check, window);
  return with_channels_and_size(check.input(), channels(check.input()), window.height.output,
                                window.width.output);
}

Shape crop_shape(const LayerCheck& check) {
  const auto& params = check.layer().crop();
  check.need_inputs(1, 2);
  check.need_rank(3);
  const Shape& input = check.input();
  if (check.inputs().size() == 1) {
    need_borders(check, params.cropamounts(), "cropAmounts");
    const Edges height = edges_of(params.cropamounts(), 0), width = edges_of(params.cropamounts(), 1);
    return with_channels_and_size(input, channels(input), from_end(input, 2) - height.start - height.end,
                                  from_end(input, 1) - width.start - width.end);
  }
  const Shape& like = check.input(1);
  check.need(like.size() >= 2, "takes its size from an input without height and width");
  check.need(params.offset_size() == 0 || params.offset_size() == 2, "offset needs 2 entries");
  for (int axis = 0; axis < 2; ++axis) {
    const int64_t offset = params.offset_size() ? check.amount(params.offset(axis), "offset") : 0;
    const size_t place = axis == 0 ? 2 : 1;
    check.need(offset + from_end(like, place) <= from_end(input, place),
               "cannot cut {} at offset {} out of {}", like, offset, input);
  }
  return with_channels_and_size(input, channels(input), from_end(like, 2), from_end(like, 1));
}

Shape padding_shape(const LayerCheck& check) {
  const auto& params = check.layer().padding();
  check.need_inputs(1, 1);
  check.need_rank(3);
  check.need(params.PaddingType_case() != spec::PaddingLayerParams::PADDINGTYPE_NOT_SET,
             "names no kind of padding");
  need_borders(check, params.paddingamounts(), "paddingAmounts");
  const Shape& input = check.input();
  Shape shape = input;
  for (int axis = 0; axis < 2; ++axis) {
    const size_t place = input.size() - 2 + static_cast<size_t>(axis);
    const Edges edges = edges_of(params.paddingamounts(), axis);
    check.need(!params.has_reflection() || (edges.start < input[place] && edges.end < input[place]),
               "cannot reflect {} and {} of a size of {}", edges.start, edges.end, input[place]);
    shape[place] += edges.start + edges.end;
  }
  return shape;
}

Shape upsample_shape(const LayerCheck& check) {
  const auto& params = check.layer().upsample();
  check.need_inputs(1, 1);
  check.need_rank(3);
  need_pair(check, params.scalingfactor(), "scalingFactor");
  const int fractions = params.fractionalscalingfactor_size();
  check.need(fractions == 0 || fractions == 2, "fractionalScalingFactor needs 2 entries");
  check.need(fractions == 0 || params.scalingfactor_size() == 0, "is scaled by two kinds of factors at once");
  Shape shape = check.input();
  for (int axis = 0; axis < 2; ++axis) {
    int64_t& size = shape[shape.size() - 2 + static_cast<size_t>(axis)];
    if (fractions > 0)
      size = scaled(check, size, params.fractionalscalingfactor(axis));
    else if (params.scalingfactor_size() > 0)
      size *= static_cast<int64_t>(params.scalingfactor(axis));
  }
  return shape;
}

Shape resize_bilinear_shape(const LayerCheck& check) {
  const auto& params = check.layer().resizebilinear();
  check.need_inputs(1, 1);
  check.need_rank(3);
  need_pair(check, params.targetsize(), "targetSize");
  const Shape size = params.targetsize_size() ? check.shape(params.targetsize(), "targetSize") : Shape{1, 1};
  return with_channels_and_size(check.input(), channels(check.input()), size[0], size[1]);
}

// [1, B, C, H, W] and N boxes -> [N, B, C, h, w]; boxes that name their image -> [N, 1, C, h, w].
Shape crop_resize_shape(const LayerCheck& check) {
  const auto& params = check.layer().cropresize();
  check.need_inputs(2, 2);
  check.need_exact_rank(5);
  need_pair(check, params.targetsize(), "targetSize");
  const Shape size = params.targetsize_size() ? check.shape(params.targetsize(), "targetSize") : Shape{1, 1};
  const Shape &image = check.input(0), &boxes = check.input(1);
  check.need(image[0] == 1, "needs one image sequence, not {}", image);
  check.need(boxes.size() == 5 && boxes[1] == 1 && (boxes[2] == 4 || boxes[2] == 5) && boxes[3] == 1 &&
                 boxes[4] == 1,
             "needs boxes of [N, 1, 4 or 5, 1, 1], not {}", boxes);
  return {boxes[0], boxes[2] == 4 ? image[1] : 1, image[2], size[0], size[1]};
}

Shape reorganize_shape(const LayerCheck& check) {
  const auto& params = check.layer().reorganizedata();
  check.need_inputs(1, 1);
  check.need_rank(3);
  const int64_t block = check.size(params.blocksize(), "blockSize");
  const Shape& input = check.input();
  const int64_t depth = channels(input), height = from_end(input, 2), width = from_end(input, 1);
  if (params.mode() == spec::ReorganizeDataLayerParams::SPACE_TO_DEPTH) {
    check.need(height % block == 0 && width % block == 0, "blocks of {} do not divide {}", block, input);
    return with_channels_and_size(input, element_count({depth, block, block}), height / block, width / block);
  }
  check.need(depth % element_count({block, block}) == 0, "blocks of {} do not divide the channels of {}",
             block, input);
  return with_channels_and_size(input, depth / (block * block), height * block, width * block);
}

}  // namespace ane::coreml
