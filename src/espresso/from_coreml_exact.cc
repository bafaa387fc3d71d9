// Layers of exact-rank networks (Core ML specification 4 and later) that compute along axes of their choice:
// reductions, normalisation, indices, slices, joins, comparisons. Reversals and running sums are products
// with a matrix along their axis.
#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "espresso/steps.h"

namespace ane::espresso {

namespace {

// ---- Reductions
// ------------------------------------------------------------------------------------------------------------

// One axis, which becomes 1.
Blob5 reduce_axis(Translation& to, const SourceLayer& source, const std::string& suffix, ReduceMode mode,
                  const Blob5& blob, int64_t code) {
  Shape shape = blob.shape;
  dimension(shape, code) = 1;
  const json attributes = {{"mode", mode}, {"nd_mode", true}, {"nd_axis", -1 - code}, {"use_version", 1}};
  return step(to, source, suffix + std::to_string(code), "reduce", attributes, {blob}, shape);
}

// Several axes one after the other: `first` for the first of them, `rest` for the others.
Blob5 reduce_axes(Translation& to, const SourceLayer& source, const std::string& suffix, ReduceMode first,
                  ReduceMode rest, Blob5 blob, const std::vector<int64_t>& codes) {
  for (const int64_t code : codes)
    blob = reduce_axis(to, source, suffix, code == codes.front() ? first : rest, blob, code);
  return blob;
}

template <typename Params>
std::vector<int64_t> reduced_codes(const Translation& to, const SourceLayer& source, const Params& params) {
  const size_t rank = rank_of(to, source);
  std::vector<int64_t> codes;
  if (params.reduceall() || params.axes_size() == 0)
    for (size_t axis = 0; axis < rank; ++axis) codes.push_back(axis_code(static_cast<int64_t>(axis), rank));
  else
    for (const int64_t axis : params.axes()) codes.push_back(axis_code(axis, rank));
  // Rows and columns first, which leaves little for the others.
  std::sort(codes.begin(), codes.end());
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
  const Shape shape = input_shape(to, source);
  std::erase_if(codes, [&](int64_t code) {
    Shape copy = shape;
    return dimension(copy, code) == 1;
  });
  return codes;
}

// ln sum e^x = m + ln sum e^(x - m) with m the largest x, so that no power exceeds 1.
Blob5 log_of_sum_of_powers(Translation& to, const SourceLayer& source, const std::vector<int64_t>& codes) {
  const Blob5 x = input_blob(to, source);
  const Blob5 largest = reduce_axes(to, source, "largest", kReduceMaximum, kReduceMaximum, x, codes);
  const Blob5 below = operate(to, source, "below", kSubtract, {x, largest});
  const Blob5 powers = operate(to, source, "powers", kExponential, {below});
  const Blob5 sum = reduce_axes(to, source, "sum", kReduceSum, kReduceSum, powers, codes);
  return operate(to, source, "result", kAdd, {operate(to, source, "logarithm", kLogarithm, {sum}), largest});
}

template <typename Params>
void translate_reduction(Translation& to, const SourceLayer& source, const Params& params, ReduceMode first,
                         ReduceMode rest) {
  const std::vector<int64_t> codes = reduced_codes(to, source, params);
  const bool on_single_elements = first == kReduceSum || first == kReduceMean || first == kReduceMaximum ||
                                  first == kReduceMinimum || first == kReduceProduct;
  if (codes.empty() && !on_single_elements) throw Unsupported{"a reduction of single elements"};
  Blob5 result = reduce_axes(to, source, "reduced", first, rest, input_blob(to, source), codes);
  finish(to, source, result);
}

// The root of a sum of squares, the logarithm of a sum.
template <typename Params>
void translate_function_of_sum(Translation& to, const SourceLayer& source, const Params& params,
                               Operation function) {
  Blob5 x = input_blob(to, source);
  const std::vector<int64_t> codes = reduced_codes(to, source, params);
  int64_t count = 1;
  for (const int64_t code : codes) count *= dimension(x.shape, code);
  // Sums of many squares leave binary16, unless the numbers are scaled before.
  const auto scale = static_cast<double>(function == kSquareRoot ? scale_for_squares(count) : 1);
  if (scale != 1) x = operate(to, source, "scaled", kMultiplyAlpha, {x}, scale);
  if (function == kSquareRoot) x = operate(to, source, "squares", kSquare, {x});
  const Blob5 sum = reduce_axes(to, source, "sum", kReduceSum, kReduceSum, x, codes);
  Blob5 result = operate(to, source, "function", function, {sum});
  if (scale != 1) result = operate(to, source, "unscaled", kMultiplyAlpha, {result}, 1 / scale);
  finish(to, source, result);
}

template <typename Params>
void translate_index(Translation& to, const SourceLayer& source, const Params& params, ReduceMode mode) {
  const int64_t code = axis_code(params.axis(), rank_of(to, source));
  finish(to, source, reduce_axis(to, source, "index", mode, input_blob(to, source), code));
}

// gamma (x - mean) / sqrt(variance + epsilon) + beta over the last axes.
void translate_layer_normalization(Translation& to, const SourceLayer& source) {
  const auto& layer = source.layernormalization();
  std::vector<int64_t> codes;
  coreml::Shape normalized(layer.normalizedshape().begin(), layer.normalizedshape().end());
  for (size_t i = 0; i < normalized.size(); ++i) codes.push_back(static_cast<int64_t>(i));
  const Blob5 x = input_blob(to, source);
  const Blob5 mean = reduce_axes(to, source, "mean", kReduceMean, kReduceMean, x, codes);
  const Blob5 centred = operate(to, source, "centred", kSubtract, {x, mean});
  const Blob5 squares = operate(to, source, "squares", kSquare, {centred});
  Blob5 variance = reduce_axes(to, source, "variance", kReduceMean, kReduceMean, squares, codes);
  variance =
      operate(to, source, "shifted", kAddAlpha, {variance}, finite(layer.eps() == 0 ? 1e-5f : layer.eps()));
  const Blob5 inverse = operate(to, source, "inverse", kInverseSquareRoot, {variance});
  Blob5 result = operate(to, source, "normal", kMultiply, {centred, inverse});
  const auto constant = [&](const char* suffix, const coreml::spec::WeightParams& weights) {
    return constant_step(to, source, suffix, coreml::decode_weights(weights, normalized),
                         shape_from_coreml(normalized, true));
  };
  if (coreml::weight_count(layer.gamma()) != 0)
    result = operate(to, source, "scaled", kMultiply, {result, constant("gamma", layer.gamma())});
  if (coreml::weight_count(layer.beta()) != 0)
    result = operate(to, source, "moved", kAdd, {result, constant("beta", layer.beta())});
  finish(to, source, result);
}

// ---- Parts and joins
// -------------------------------------------------------------------------------------------------------

// Element i of every input in turn: joined along a new axis behind that one.
void translate_interleaved(Translation& to, const SourceLayer& source) {
  coreml::Shape with_new = to.model.shapes.at(source.input(0));
  const auto rank = static_cast<int64_t>(with_new.size());
  const int64_t axis = source.concatnd().axis() + (source.concatnd().axis() < 0 ? rank : 0);
  with_new.insert(with_new.begin() + axis + 1, 1);
  const Shape shape = shape_from_coreml(with_new, true);
  std::vector<Blob5> parts;
  for (int i = 0; i < source.input_size(); ++i)
    parts.push_back(reshaped(to, source, "part" + std::to_string(i), input_blob(to, source, i), shape));
  finish(to, source, join(to, source, parts, axis_code(axis + 1, with_new.size())));
}

void translate_concat(Translation& to, const SourceLayer& source) {
  const auto& layer = source.concatnd();
  if (layer.interleave()) return translate_interleaved(to, source);
  const int64_t code = axis_code(layer.axis(), rank_of(to, source));
  if (code == kAxisK) return static_cast<void>(add_layer(to, source, "concat", json::object()));
  if (code == kAxisSeq)
    return static_cast<void>(add_layer(to, source, "sequence_concat", {{"simple_concat", 1}}));
  std::vector<Blob5> parts;
  for (int i = 0; i < source.input_size(); ++i) parts.push_back(input_blob(to, source, i));
  finish(to, source, join(to, source, parts, code));
}

// Each input gets the new axis, and they are joined along it.
void translate_stack(Translation& to, const SourceLayer& source) {
  const Shape result = output_shape(to, source);
  const int64_t code = axis_code(source.stack().axis(), to.model.shapes.at(source.output(0)).size());
  std::vector<Blob5> parts;
  for (int i = 0; i < source.input_size(); ++i) {
    Shape shape = result;
    dimension(shape, code) = 1;
    parts.push_back(reshaped(to, source, "part" + std::to_string(i), input_blob(to, source, i), shape));
  }
  finish(to, source, join(to, source, parts, code));
}

// first, first + stride, ...: `count` of them.
std::vector<int64_t> every(int64_t first, int64_t stride, int64_t count) {
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < count; ++i) positions.push_back(first + i * stride);
  return positions;
}

// numpy's rules: a masked begin or end is open, negative ones count from the end, everything is clamped.
void translate_slice_static(Translation& to, const SourceLayer& source) {
  const auto& layer = source.slicestatic();
  const size_t rank = rank_of(to, source);
  Blob5 blob = input_blob(to, source);
  for (size_t axis = 0; axis < rank; ++axis) {
    const int at = static_cast<int>(axis);
    const int64_t code = axis_code(at, rank), length = dimension(blob.shape, code);
    const int64_t stride = at < layer.strides_size() ? layer.strides(at) : 1;
    if (stride == 0) throw Unsupported{"a stride of 0"};
    const auto bound = [&](int64_t value, bool open, int64_t otherwise) {
      if (open) return otherwise;
      const int64_t from_start = value < 0 ? value + length : value;
      return stride > 0 ? std::clamp<int64_t>(from_start, 0, length)
                        : std::clamp<int64_t>(from_start, -1, length - 1);
    };
    const bool squeezed = at < layer.squeezemasks_size() && layer.squeezemasks(at);
    const int64_t begin =
        bound(layer.beginids(at), layer.beginmasks(at) && !squeezed, stride > 0 ? 0 : length - 1);
    const int64_t end = bound(layer.endids(at), layer.endmasks(at), stride > 0 ? length : -1);
    const int64_t count = squeezed     ? 1
                          : stride > 0 ? (end - begin + stride - 1) / stride
                                       : (begin - end - stride - 1) / -stride;
    if (count < 1 || begin < 0 || begin >= length) throw Unsupported{"an empty slice"};
    blob = take(to, source, blob, code, every(begin, stride, count));
  }
  finish(to, source, blob);
}

void translate_reverse(Translation& to, const SourceLayer& source) {
  const size_t rank = rank_of(to, source);
  Blob5 blob = input_blob(to, source);
  for (int i = 0; i < source.reverse().reversedim_size(); ++i) {
    const int64_t code = axis_code(i, rank), length = dimension(blob.shape, code);
    if (source.reverse().reversedim(i) && length > 1)
      blob = take(to, source, blob, code, every(length - 1, -1, length));
  }
  finish(to, source, blob);
}

// Sums of all elements up to each, as a triangle of ones.
void translate_running_sum(Translation& to, const SourceLayer& source) {
  const auto& layer = source.cumsum();
  Blob5 blob = input_blob(to, source);
  const int64_t code = axis_code(layer.axis(), rank_of(to, source)), length = dimension(blob.shape, code);
  if (length > 8192) throw Unsupported{"too long an axis"};
  std::vector<float> matrix(static_cast<size_t>(length * length), 0.0f);
  for (int64_t i = 0; i < length; ++i)
    for (int64_t j = 0; j < length; ++j) {
      const bool before = layer.reverse() ? j > i : j < i;
      if (before || (i == j && !layer.excludefinalsum())) matrix[static_cast<size_t>(i * length + j)] = 1;
    }
  blob.name = multiply_axis(to, source, "sums", blob.name, blob.shape, code, std::move(matrix));
  finish(to, source, blob);
}

// How many elements stand before and behind. Amounts may be the wanted length instead: then the side that is
// not 0 is filled up to it.
std::pair<int64_t, int64_t> padding_of(const coreml::spec::ConstantPaddingLayerParams& layer, size_t axis,
                                       int64_t length) {
  const int at = static_cast<int>(2 * axis);
  const auto before = static_cast<int64_t>(layer.padamounts(at)),
             after = static_cast<int64_t>(layer.padamounts(at + 1));
  if (!layer.padtogivenoutputsizemode()) return {before, after};
  const int64_t missing = std::max<int64_t>(0, std::max(before, after) - length);
  return before > 0 ? std::pair{missing, int64_t{0}} : std::pair{int64_t{0}, missing};
}

Blob5 with_constants(Translation& to, const SourceLayer& source, const Blob5& blob, int64_t code,
                     int64_t before, int64_t after) {
  std::vector<Blob5> parts;
  const auto add = [&](const char* side, int64_t count) {
    Shape shape = blob.shape;
    dimension(shape, code) = count;
    const float value = source.constantpad().value();
    count_made(to, shape.count());
    if (count > 0)
      parts.push_back(constant_step(to, source, side + std::to_string(code),
                                    std::vector<float>(static_cast<size_t>(shape.count()), value), shape));
  };
  add("before", before);
  parts.push_back(blob);
  add("behind", after);
  Blob5 joined = join(to, source, parts, code);
  Shape shape = blob.shape;
  dimension(shape, code) += before + after;
  return joined.shape == shape ? joined : reshaped(to, source, "padded", joined, shape);
}

// Height and width as an image's border; other axes by joining constants.
void translate_constant_pad(Translation& to, const SourceLayer& source) {
  const auto& layer = source.constantpad();
  const size_t rank = rank_of(to, source);
  Blob5 blob = input_blob(to, source);
  json borders = {{"pad_pad_mode", 0},  {"pad_value", finite(layer.value())},
                  {"pad_fill_mode", 0}, {"pad_t", 0},
                  {"pad_b", 0},         {"pad_l", 0},
                  {"pad_r", 0}};
  bool image = false;
  Shape around = blob.shape;
  for (size_t axis = 0; axis < rank; ++axis) {
    const int64_t code = axis_code(static_cast<int64_t>(axis), rank);
    const auto [before, after] = padding_of(layer, axis, dimension(blob.shape, code));
    if (before == 0 && after == 0) continue;
    if (code != kAxisW && code != kAxisH) {
      blob = with_constants(to, source, blob, code, before, after);
      dimension(around, code) += before + after;
      continue;
    }
    image = true;
    dimension(around, code) += before + after;
    borders[code == kAxisW ? "pad_l" : "pad_t"] = before;
    borders[code == kAxisW ? "pad_r" : "pad_b"] = after;
  }
  if (image && around == output_shape(to, source))
    return static_cast<void>(add_layer(to, source, "general_padding", std::move(borders), {blob.name}));
  finish(to, source, blob);
}

// The first input repeated to the output's shape.
void translate_broadcast(Translation& to, const SourceLayer& source) {
  Shape counts = output_shape(to, source), from = input_shape(to, source);
  for (const int64_t code : {kAxisW, kAxisH, kAxisK, kAxisN, kAxisSeq})
    dimension(counts, code) /= dimension(from, code);
  add_layer(to, source, "tile",
            {{"dst_w", counts.w},
             {"dst_h", counts.h},
             {"dst_k", counts.k},
             {"dst_n", counts.n},
             {"dst_seq", counts.seq}},
            {source.input(0)});
}

// ---- Truths
// ----------------------------------------------------------------------------------------------------------------

// Of two inputs, or of one and a number.
template <typename Params>
void translate_comparison(Translation& to, const SourceLayer& source, const Params& params, Operation of_two,
                          Operation with_alpha) {
  json attributes =
      source.input_size() == 1 ? elementwise(with_alpha, finite(params.alpha())) : elementwise(of_two);
  if (source.input_size() != 1) attributes["nd_mode"] = true;
  add_layer(to, source, "elementwise", std::move(attributes));
}

// 1 where x is not 0, else 0.
Blob5 truth(Translation& to, const SourceLayer& source, const std::string& suffix, int input) {
  const Blob5 inverse = operate(to, source, suffix + "_not", kIsZero, {input_blob(to, source, input)});
  return operate(to, source, suffix, kIsZero, {inverse});
}

// Of truths: both, either, exactly one.
void translate_logic(Translation& to, const SourceLayer& source, Operation operation) {
  const Blob5 first = truth(to, source, "first", 0), second = truth(to, source, "second", 1);
  json attributes = elementwise(operation);
  attributes["nd_mode"] = true;
  add_layer(to, source, "elementwise", std::move(attributes), {first.name, second.name});
}

bool translate_truths(Translation& to, const SourceLayer& source) {
  switch (source.layer_case()) {
    case SourceLayer::kEqual:
      return translate_comparison(to, source, source.equal(), kEqual, kEqualAlpha), true;
    case SourceLayer::kNotEqual:
      return translate_comparison(to, source, source.notequal(), kNotEqual, kNotEqualAlpha), true;
    case SourceLayer::kLessThan:
      return translate_comparison(to, source, source.lessthan(), kLess, kLessThanAlpha), true;
    case SourceLayer::kLessEqual:
      return translate_comparison(to, source, source.lessequal(), kLessEqual, kLessEqualAlpha), true;
    case SourceLayer::kGreaterThan:
      return translate_comparison(to, source, source.greaterthan(), kGreater, kGreaterThanAlpha), true;
    case SourceLayer::kGreaterEqual:
      return translate_comparison(to, source, source.greaterequal(), kGreaterEqual, kGreaterEqualAlpha), true;
    case SourceLayer::kLogicalNot:
      return add_layer(to, source, "elementwise", elementwise(kIsZero)), true;
    case SourceLayer::kLogicalAnd:
      return translate_logic(to, source, kMultiply), true;
    case SourceLayer::kLogicalOr:
      return translate_logic(to, source, kMaximum), true;
    case SourceLayer::kLogicalXor:
      return translate_logic(to, source, kNotEqual), true;
    case SourceLayer::kWhereBroadcastable:
      return add_layer(to, source, "elementwise", elementwise(kSelect)), true;
    default:
      return false;
  }
}

bool translate_reductions(Translation& to, const SourceLayer& source) {
  switch (source.layer_case()) {
    case SourceLayer::kReduceSum:
      return translate_reduction(to, source, source.reducesum(), kReduceSum, kReduceSum), true;
    case SourceLayer::kReduceMean:
      return translate_reduction(to, source, source.reducemean(), kReduceMean, kReduceMean), true;
    case SourceLayer::kReduceMax:
      return translate_reduction(to, source, source.reducemax(), kReduceMaximum, kReduceMaximum), true;
    case SourceLayer::kReduceMin:
      return translate_reduction(to, source, source.reducemin(), kReduceMinimum, kReduceMinimum), true;
    case SourceLayer::kReduceProd:
      return translate_reduction(to, source, source.reduceprod(), kReduceProduct, kReduceProduct), true;
    case SourceLayer::kReduceL1:
      return translate_reduction(to, source, source.reducel1(), kReduceL1, kReduceSum), true;
    case SourceLayer::kReduceSumSquare:
      return translate_reduction(to, source, source.reducesumsquare(), kReduceSumOfSquares, kReduceSum), true;
    case SourceLayer::kReduceLogSum:
      return translate_function_of_sum(to, source, source.reducelogsum(), kLogarithm), true;
    case SourceLayer::kReduceL2:
      return translate_function_of_sum(to, source, source.reducel2(), kSquareRoot), true;
    case SourceLayer::kReduceLogSumExp:
      return finish(to, source,
                    log_of_sum_of_powers(to, source, reduced_codes(to, source, source.reducelogsumexp()))),
             true;
    case SourceLayer::kArgMax:
      return translate_index(to, source, source.argmax(), kReduceArgmax), true;
    case SourceLayer::kArgMin:
      return translate_index(to, source, source.argmin(), kReduceArgmin), true;
    case SourceLayer::kLayerNormalization:
      return translate_layer_normalization(to, source), true;
    default:
      return false;
  }
}

}  // namespace

bool translate_exact(Translation& to, const SourceLayer& source) {
  if (translate_truths(to, source) || translate_reductions(to, source)) return true;
  switch (source.layer_case()) {
    case SourceLayer::kConcatND:
      return translate_concat(to, source), true;
    case SourceLayer::kStack:
      return translate_stack(to, source), true;
    case SourceLayer::kSliceStatic:
      return translate_slice_static(to, source), true;
    case SourceLayer::kReverse:
      return translate_reverse(to, source), true;
    case SourceLayer::kCumSum:
      return translate_running_sum(to, source), true;
    case SourceLayer::kConstantPad:
      return translate_constant_pad(to, source), true;
    case SourceLayer::kBroadcastToStatic:
    case SourceLayer::kBroadcastToLike:
      return translate_broadcast(to, source), true;
    default:
      return false;
  }
}

}  // namespace ane::espresso
