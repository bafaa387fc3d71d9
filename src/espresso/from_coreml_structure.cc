// Layers that only move elements: reshape, flatten, permute, concat, split, slice, softmax along an axis, ...
#include <fmt/format.h>

#include "espresso/translation.h"

namespace ane::espresso {

namespace {

using coreml::spec::ReorganizeDataLayerParams;

// ---- Reshape
// -------------------------------------------------------------------------------------------------------------

// [C, H, W], which keeps the sequence, or [Seq, C, H, W]; one entry may be -1.
void translate_reshape(Translation& to, const SourceLayer& source) {
  const auto& target = source.reshape().targetshape();
  if (target.size() != 3 && target.size() != 4)
    throw Unsupported{fmt::format("a target shape of {} entries", target.size())};
  const int first = target.size() - 3;
  add_layer(to, source, "reshape",
            {{"dst_seq", first == 1 ? target.Get(0) : input_shape(to, source).seq},
             {"dst_n", 0},
             {"dst_k", target.Get(first)},
             {"dst_h", target.Get(first + 1)},
             {"dst_w", target.Get(first + 2)},
             {"mode", source.reshape().mode() == coreml::spec::ReshapeLayerParams::CHANNEL_LAST ? 1 : 0},
             {"version", 1}});
}

// Every reshape of fixed shapes with exact rank; adding and removing axes of size 1 included.
void translate_exact_reshape(Translation& to, const SourceLayer& source) {
  const Shape shape = output_shape(to, source);
  json attributes = {{"dst_seq", shape.seq}, {"dst_n", shape.n},      {"dst_k", shape.k},
                     {"dst_h", shape.h},     {"dst_w", shape.w},      {"mode", 0},
                     {"version", 1},         {"dynamic_shape", false}};
  if (shape.rank) attributes["dst_nd_rank"] = *shape.rank;
  add_layer(to, source, "reshape", std::move(attributes), {source.input(0)});
}

void translate_flatten(Translation& to, const SourceLayer& source) {
  const bool channel_last = source.flatten().mode() == coreml::spec::FlattenLayerParams::CHANNEL_LAST;
  add_layer(to, source, "flatten", {{"mode", channel_last ? 1 : 0}, {"nd_axis", 0}});
}

// ---- Order of axes
// ---------------------------------------------------------------------------------------------------------

// Result axis with code i takes input axis source_codes[i].
void add_transpose(Translation& to, const SourceLayer& source, const int64_t (&source_codes)[5]) {
  add_layer(to, source, "transpose",
            {{"axis_w", source_codes[kAxisW]},
             {"axis_h", source_codes[kAxisH]},
             {"axis_k", source_codes[kAxisK]},
             {"axis_n", source_codes[kAxisN]},
             {"axis_seq", source_codes[kAxisSeq]}});
}

// Indices 0..3 are sequence, channel, height, width; the batch stays.
void translate_permute(Translation& to, const SourceLayer& source) {
  constexpr int64_t codes[] = {kAxisSeq, kAxisK, kAxisH, kAxisW};
  const auto& permutation = source.permute().axis();
  int64_t from[5] = {kAxisW, kAxisH, kAxisK, kAxisN, kAxisSeq};
  for (int i = 0; i < 4; ++i) from[codes[i]] = codes[permutation.Get(i)];
  add_transpose(to, source, from);
}

void translate_transpose(Translation& to, const SourceLayer& source) {
  const auto& axes = source.transpose().axes();
  const auto rank = static_cast<size_t>(axes.size());
  if (rank > 5) throw Unsupported{fmt::format("a tensor of rank {}", rank)};
  int64_t from[5] = {kAxisW, kAxisH, kAxisK, kAxisN, kAxisSeq};
  for (int i = 0; i < axes.size(); ++i)
    from[axis_code(i, rank)] = axis_code(static_cast<int64_t>(axes.Get(i)), rank);
  add_transpose(to, source, from);
}

// ---- Concatenation, parts
// ----------------------------------------------------------------------------------------------------

void translate_concat(Translation& to, const SourceLayer& source) {
  if (source.concat().sequenceconcat())
    add_layer(to, source, "sequence_concat", {{"simple_concat", 1}});
  else
    add_layer(to, source, "concat", json::object());
}

// One slice layer per output: Espresso's own split is only known for equal parts.
void add_slices(Translation& to, const SourceLayer& source, int64_t code) {
  int64_t start = 0;
  for (int i = 0; i < source.output_size(); ++i) {
    Shape part = output_shape(to, source, i);
    const int64_t end = start + dimension(part, code);
    Layer& layer = add_layer(to, source, "slice", {{"axis", code}, {"start", start}, {"end", end}});
    layer.name += fmt::format("_{}", i);
    layer.tops = {source.output(i)};
    start = end;
  }
}

void translate_split_nd(Translation& to, const SourceLayer& source) {
  const auto& layer = source.splitnd();
  if (layer.splitsizes_size() == 0)
    add_layer(to, source, "split_nd", {{"nd_axis", layer.axis()}});
  else
    add_slices(to, source, axis_code(layer.axis(), to.model.shapes.at(source.input(0)).size()));
}

// Elements start, start + step, ... (count of them) of an axis. No code for a step is known, so that a matrix
// with a one in each row picks them.
void pick(Translation& to, const SourceLayer& source, Shape shape, int64_t code, int64_t start, int64_t step,
          int64_t count) {
  const int64_t length = dimension(shape, code);
  if (count > (int64_t{1} << 26) / length) throw Unsupported{"too large an axis"};
  std::vector<float> matrix(static_cast<size_t>(count * length), 0.0f);
  for (int64_t i = 0; i < count; ++i) matrix[static_cast<size_t>(i * length + start + i * step)] = 1;
  const auto picked = multiply_axis(to, source, "picked", source.input(0), shape, code, std::move(matrix));
  add_layer(to, source, "elementwise", elementwise(3), {picked});
}

void translate_slice(Translation& to, const SourceLayer& source) {
  using Params = coreml::spec::SliceLayerParams;
  const Params& layer = source.slice();
  const int64_t code = layer.axis() == Params::WIDTH_AXIS    ? kAxisW
                       : layer.axis() == Params::HEIGHT_AXIS ? kAxisH
                                                             : kAxisK;
  Shape from = input_shape(to, source), result = output_shape(to, source);
  const int64_t start = layer.startindex() + (layer.startindex() < 0 ? dimension(from, code) : 0);
  if (layer.stride() > 1)
    return pick(to, source, from, code, start, static_cast<int64_t>(layer.stride()), dimension(result, code));
  add_layer(to, source, "slice",
            {{"axis", code}, {"start", start}, {"end", start + dimension(result, code)}});
}

// ---- The rest
// ----------------------------------------------------------------------------------------------------------------

void translate_reorganize(Translation& to, const SourceLayer& source) {
  const ReorganizeDataLayerParams& layer = source.reorganizedata();
  add_layer(to, source, "space_to_depth",
            {{"block_size", layer.blocksize()},
             {"reverse", layer.mode() == ReorganizeDataLayerParams::SPACE_TO_DEPTH ? 0 : 1},
             {"pixel_shuffle", layer.mode() == ReorganizeDataLayerParams::PIXEL_SHUFFLE ? 1 : 0}});
}

// Repeat counts per axis.
void add_tile(Translation& to, const SourceLayer& source, Shape counts) {
  add_layer(to, source, "tile",
            {{"dst_w", counts.w},
             {"dst_h", counts.h},
             {"dst_k", counts.k},
             {"dst_n", counts.n},
             {"dst_seq", counts.seq}});
}

void translate_sequence_repeat(Translation& to, const SourceLayer& source) {
  Shape counts;
  counts.seq = output_shape(to, source).seq / input_shape(to, source).seq;
  add_tile(to, source, counts);
}

void translate_tile(Translation& to, const SourceLayer& source) {
  Shape counts = output_shape(to, source), from = input_shape(to, source);
  for (const int64_t code : {kAxisW, kAxisH, kAxisK, kAxisN, kAxisSeq})
    dimension(counts, code) /= dimension(from, code);
  add_tile(to, source, counts);
}

}  // namespace

bool translate_structure(Translation& to, const SourceLayer& source) {
  switch (source.layer_case()) {
    case SourceLayer::kReshape:
      return translate_reshape(to, source), true;
    case SourceLayer::kFlatten:
      return translate_flatten(to, source), true;
    case SourceLayer::kReshapeStatic:
    case SourceLayer::kRankPreservingReshape:
    case SourceLayer::kReshapeLike:
    case SourceLayer::kFlattenTo2D:
    case SourceLayer::kSqueeze:
    case SourceLayer::kExpandDims:
      return translate_exact_reshape(to, source), true;
    case SourceLayer::kPermute:
      return translate_permute(to, source), true;
    case SourceLayer::kTranspose:
      return translate_transpose(to, source), true;
    case SourceLayer::kConcat:
      return translate_concat(to, source), true;
    case SourceLayer::kSplit:
      return add_layer(to, source, "split_nd", {{"nd_axis", -3}}), true;
    case SourceLayer::kSplitND:
      return translate_split_nd(to, source), true;
    case SourceLayer::kSlice:
      return translate_slice(to, source), true;
    case SourceLayer::kSoftmax:
      return add_layer(to, source, "softmax", {{"C", kAxisK}}), true;
    case SourceLayer::kSoftmaxND:
      return add_layer(to, source, "softmax_nd", {{"nd_axis", source.softmaxnd().axis()}}), true;
    case SourceLayer::kReorganizeData:
      return translate_reorganize(to, source), true;
    case SourceLayer::kSequenceRepeat:
      return translate_sequence_repeat(to, source), true;
    case SourceLayer::kTile:
      return translate_tile(to, source), true;
    default:
      return false;
  }
}

}  // namespace ane::espresso
