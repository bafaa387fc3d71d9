// Layers that pick elements by indices, make them, or cut boxes; and layers whose results are known before
// the network runs.
//
// An index that is a constant of the model picks by a slice or by a matrix with a one in each row; of
// computed ones only look-ups in a constant matrix and one-hot vectors have a form: tests for zero.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "espresso/steps.h"

namespace ane::espresso {

namespace {

constexpr int64_t most_elements = int64_t{1} << 26;  // of constants that are made here
constexpr int64_t most_indices = 2049;               // 0 .. 2048, which binary16 counts

const std::vector<float>* known(const Translation& to, const std::string& blob) {
  const auto found = to.known.find(blob);
  return found == to.known.end() ? nullptr : &found->second;
}

const std::vector<float>& known_input(const Translation& to, const SourceLayer& source, int index,
                                      const char* what) {
  const std::vector<float>* values = known(to, source.input(index));
  if (!values) throw Unsupported{fmt::format("{} that are computed when the network runs", what)};
  return *values;
}

// ---- Made from nothing ----

void translate_values(Translation& to, const SourceLayer& source, std::vector<float> values) {
  json attributes = constant_attributes(to, std::move(values), output_shape(to, source));
  add_layer(to, source, "load_constant", std::move(attributes), {});
}

std::optional<std::vector<float>> made_values(Translation& to, const SourceLayer& source) {
  const auto filled = [&](float value) {
    const int64_t count = output_shape(to, source).count();
    count_made(to, count);
    return std::vector<float>(static_cast<size_t>(count), value);
  };
  switch (source.layer_case()) {
    case SourceLayer::kFillStatic:
      return filled(source.fillstatic().value());
    case SourceLayer::kFillLike:
      return filled(source.filllike().value());
    case SourceLayer::kRangeStatic: {
      std::vector<float> values = filled(source.rangestatic().startvalue());
      for (size_t i = 0; i < values.size(); ++i)
        values[i] += static_cast<float>(i) * source.rangestatic().stepsizevalue();
      return values;
    }
    case SourceLayer::kGetShape: {
      const coreml::Shape& shape = to.model.shapes.at(source.input(0));
      return std::vector<float>(shape.begin(), shape.end());
    }
    default:
      return std::nullopt;
  }
}

// ---- Picked ----

std::vector<int64_t> positions_in(const std::vector<float>& indices, int64_t length) {
  std::vector<int64_t> positions;
  for (const float index : indices) {
    const float position = index < 0 ? index + static_cast<float>(length) : index;
    if (!(position >= 0 && position < static_cast<float>(length)) || position != std::floor(position))
      throw Unsupported{fmt::format("the index {} of {}", index, length)};
    positions.push_back(static_cast<int64_t>(position));
  }
  return positions;
}

// Rows of a constant matrix by computed indices: as an embedding, whose weights are columns.
void translate_look_up(Translation& to, const SourceLayer& source, const std::vector<float>& rows) {
  const coreml::Shape& data = to.model.shapes.at(source.input(0));
  const bool of_rows = data.size() == 2 && (source.gather().axis() == 0 || source.gather().axis() == -2);
  if (!of_rows) throw Unsupported{"computed indices into anything but the rows of a constant matrix"};
  const auto count = static_cast<size_t>(data[0]), size = static_cast<size_t>(data[1]);
  std::vector<float> columns(rows.size());
  for (size_t i = 0; i < count; ++i)
    for (size_t j = 0; j < size; ++j) columns[j * count + i] = rows[i * size + j];
  coreml::Shape with_one = to.model.shapes.at(source.input(1));
  with_one.push_back(1);
  const Blob5 indices = reshaped(to, source, "indices", input_blob(to, source, 1),
                                 shape_from_coreml(with_one, to.model.exact_rank));
  add_layer(to, source, "inner_product",
            {{"nB", count},
             {"nC", size},
             {"has_biases", 0},
             {"has_relu", 0},
             {"has_tanh", 0},
             {"has_prelu", 0},
             {"is_lookup", 1},
             {"blob_weights", add_floats(to, std::move(columns))}},
            {indices.name});
}

void translate_gather(Translation& to, const SourceLayer& source) {
  const std::vector<float>* indices = known(to, source.input(1));
  if (!indices) {
    return translate_look_up(to, source, known_input(to, source, 0, "indices into elements, and elements,"));
  }
  const Blob5 data = input_blob(to, source);
  const int64_t code = axis_code(source.gather().axis(), rank_of(to, source));
  Shape shape = data.shape;
  finish(to, source, take(to, source, data, code, positions_in(*indices, dimension(shape, code))));
}

void translate_slice_by_size(Translation& to, const SourceLayer& source) {
  const auto& layer = source.slicebysize();
  const Blob5 data = input_blob(to, source);
  const int64_t code = axis_code(layer.axis(), rank_of(to, source));
  Shape shape = data.shape;
  const int64_t length = dimension(shape, code);
  const std::vector<float>& begins = known_input(to, source, 1, "places");
  if (begins.size() != 1) throw Unsupported{"several places"};
  const int64_t begin = positions_in(begins, length)[0];
  if (begin + layer.size() > length) throw Unsupported{"a slice beyond the end"};
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < layer.size(); ++i) positions.push_back(begin + i);
  finish(to, source, take(to, source, data, code, positions));
}

// Window after window along the axis; the reshape behind makes two axes of it.
void translate_sliding_windows(Translation& to, const SourceLayer& source) {
  const auto& layer = source.slidingwindows();
  const Blob5 data = input_blob(to, source);
  const int64_t code = axis_code(layer.axis(), rank_of(to, source));
  Shape shape = data.shape;
  const auto size = static_cast<int64_t>(layer.windowsize()), pace = static_cast<int64_t>(layer.step());
  std::vector<int64_t> positions;
  for (int64_t begin = 0; begin + size <= dimension(shape, code); begin += pace)
    for (int64_t i = 0; i < size; ++i) positions.push_back(begin + i);
  finish(to, source, take(to, source, data, code, positions));
}

// ---- Compared ----

// Whether x is 0, 1, 2, ... along a new axis.
void translate_one_hot(Translation& to, const SourceLayer& source) {
  const auto& layer = source.onehot();
  const Shape result = output_shape(to, source);
  const auto count = static_cast<int64_t>(layer.onehotvectorsize());
  if (count > most_indices) throw Unsupported{"more than 2049 indices"};
  const int64_t code = axis_code(layer.axis(), to.model.shapes.at(source.output(0)).size());
  Shape thin = result, line;
  dimension(thin, code) = 1;
  line.rank = result.rank;
  dimension(line, code) = count;
  std::vector<float> numbers;
  for (int64_t i = 0; i < count; ++i) numbers.push_back(static_cast<float>(i));
  const Blob5 x = reshaped(to, source, "thin", input_blob(to, source), thin);
  json attributes = elementwise(kSubtract);
  attributes["nd_mode"] = true;
  const Blob5 distance = step(to, source, "distance", "elementwise", attributes,
                              {x, constant_step(to, source, "numbers", numbers, line)}, result);
  const Blob5 marks = operate(to, source, "marks", kIsZero, {distance});
  add_layer(to, source, "activation",
            linear(finite(layer.onvalue() - layer.offvalue()), finite(layer.offvalue())), {marks.name});
}

// The largest or smallest element of an axis, and where it is.
void translate_top_k(Translation& to, const SourceLayer& source) {
  const auto& layer = source.topk();
  if (layer.k() != 1 || source.input_size() != 1)
    throw Unsupported{"more than one element: the engine does not sort"};
  const Blob5 x = input_blob(to, source);
  const int64_t code = axis_code(layer.axis(), rank_of(to, source));
  Shape shape = x.shape;
  dimension(shape, code) = 1;
  const auto reduced = [&](const char* suffix, ReduceMode mode) {
    const json attributes = {{"mode", mode}, {"nd_mode", true}, {"nd_axis", -1 - code}, {"use_version", 1}};
    return step(to, source, suffix, "reduce", attributes, {x}, shape);
  };
  const bool smallest = layer.usebottomk();
  finish(to, source, reduced("value", smallest ? kReduceMinimum : kReduceMaximum), 0);
  finish(to, source, reduced("index", smallest ? kReduceArgmin : kReduceArgmax), 1);
}

// ---- Parts of matrices ----

// Times 1 where the column is at least `lowest` and at most `highest` to the right of the diagonal, else 0.
void translate_band(Translation& to, const SourceLayer& source, int64_t lowest, int64_t highest) {
  const Blob5 x = input_blob(to, source);
  Shape shape = x.shape;
  shape.seq = shape.n = shape.k = 1;
  count_made(to, shape.count());
  std::vector<float> mask;
  for (int64_t row = 0; row < shape.h; ++row)
    for (int64_t column = 0; column < shape.w; ++column)
      mask.push_back(column - row >= lowest && column - row <= highest ? 1.0f : 0.0f);
  json attributes = elementwise(kMultiply);
  attributes["nd_mode"] = true;
  add_layer(to, source, "elementwise", std::move(attributes),
            {x.name, constant_step(to, source, "mask", std::move(mask), shape).name});
}

void translate_band_part(Translation& to, const SourceLayer& source) {
  const auto& layer = source.matrixbandpart();
  translate_band(to, source, layer.numlower() < 0 ? -most_elements : -layer.numlower(),
                 layer.numupper() < 0 ? most_elements : layer.numupper());
}

// ---- Boxes ----

struct Interval {
  double first, last;  // in elements
};

// Rows and columns of a box, from its values as the layer orders them.
std::pair<Interval, Interval> interval_of(const coreml::spec::CropResizeLayerParams& layer,
                                          const float* values, const Shape& image) {
  using Mode = coreml::spec::BoxCoordinatesMode;
  double box[4];
  for (int i = 0; i < 4; ++i) box[i] = static_cast<double>(values[i]);
  const auto mode = layer.boxindicesmode().boxmode();
  const bool centred = mode == Mode::CENTER_SIZE_HEIGHT_FIRST || mode == Mode::CENTER_SIZE_WIDTH_FIRST;
  if (mode == Mode::CORNERS_WIDTH_FIRST || mode == Mode::CENTER_SIZE_WIDTH_FIRST) {
    std::swap(box[0], box[1]);
    std::swap(box[2], box[3]);
  }
  const double scale = static_cast<double>(or_default(layer.spatialscale(), 1));
  const auto interval = [&](double a, double b, int64_t length) {
    const double factor = scale * (layer.normalizedcoordinates() ? static_cast<double>(length - 1) : 1.0);
    return centred ? Interval{factor * (a - b / 2), factor * (a + b / 2)} : Interval{factor * a, factor * b};
  };
  return {interval(box[0], box[2], image.h), interval(box[1], box[3], image.w)};
}

// Where sample `i` of `count` lies between the ends.
double sample_point(coreml::spec::SamplingMode::Method method, const Interval& of, int64_t i, int64_t count) {
  using Mode = coreml::spec::SamplingMode;
  const double points = static_cast<double>(count), at = static_cast<double>(i), length = of.last - of.first;
  switch (method) {
    case Mode::STRICT_ALIGN_ENDPOINTS_MODE:
      return count == 1 ? of.first : of.first + at * length / (points - 1);
    case Mode::ALIGN_ENDPOINTS_MODE:
      return count == 1 ? of.first + length / 2 : of.first + at * length / (points - 1);
    case Mode::UPSAMPLE_MODE:
      return count == 1 ? of.first : of.first + at * (length + 1 - (length + 1) / points) / (points - 1);
    case Mode::ROI_ALIGN_MODE:
      return of.first + (at + 0.5) * std::max(1.0, length) / points;
    default:
      throw Unsupported{"an unknown way to sample"};
  }
}

// [count][in]: each sample from the two elements beside it, with parts in steps of 2^-11, which binary16
// holds.
std::vector<float> sampling_matrix(coreml::spec::SamplingMode::Method method, const Interval& of, int64_t in,
                                   int64_t count) {
  if (count > most_elements / in) throw Unsupported{"too large a size"};
  std::vector<float> matrix(static_cast<size_t>(in * count), 0.0f);
  for (int64_t i = 0; i < count; ++i) {
    const double point = std::clamp(sample_point(method, of, i, count), 0.0, static_cast<double>(in - 1));
    if (!std::isfinite(point)) throw Unsupported{"a box that is not finite"};
    const auto below = static_cast<int64_t>(point);
    const double part = std::round((point - static_cast<double>(below)) * 0x1p11) * 0x1p-11;
    matrix[static_cast<size_t>(i * in + below)] = static_cast<float>(1 - part);
    if (part > 0) matrix[static_cast<size_t>(i * in + below + 1)] = static_cast<float>(part);
  }
  return matrix;
}

// Boxes that are constants, one after the other: rows and columns each a product with a matrix.
void translate_crop_resize(Translation& to, const SourceLayer& source) {
  constexpr int64_t most_boxes = 256;
  const auto& layer = source.cropresize();
  const std::vector<float>& boxes = known_input(to, source, 1, "boxes");
  const Shape image = input_shape(to, source), list = input_shape(to, source, 1),
              result = output_shape(to, source);
  const int64_t count = list.seq, length = list.k;
  if (count > most_boxes) throw Unsupported{"more than 256 boxes"};
  if (image.n != 1 || image.seq != 1) throw Unsupported{"boxes in a batch of images"};
  std::vector<std::string> cut;
  for (int64_t box = 0; box < count; ++box) {
    const float* values = boxes.data() + box * length;
    if (length == 5 && values[0] != 0) throw Unsupported{"a box in an image that is not there"};
    const auto [rows, columns] = interval_of(layer, values + (length == 5 ? 1 : 0), image);
    const auto method = layer.mode().samplingmethod();
    Shape shape = image;
    const std::string name = std::to_string(box);
    const std::string cut_rows = multiply_axis(to, source, "rows" + name, source.input(0), shape, kAxisH,
                                               sampling_matrix(method, rows, image.h, result.h));
    cut.push_back(multiply_axis(to, source, "columns" + name, cut_rows, shape, kAxisW,
                                sampling_matrix(method, columns, image.w, result.w)));
  }
  if (count == 1)
    return static_cast<void>(add_layer(to, source, "elementwise", elementwise(kMultiplyAlpha), cut));
  add_layer(to, source, "sequence_concat", {{"simple_concat", 1}}, cut);
}

bool keeps_elements(const SourceLayer& source) {
  switch (source.layer_case()) {
    case SourceLayer::kCopy:
    case SourceLayer::kReshapeStatic:
    case SourceLayer::kRankPreservingReshape:
    case SourceLayer::kReshapeLike:
    case SourceLayer::kFlattenTo2D:
    case SourceLayer::kSqueeze:
    case SourceLayer::kExpandDims:
      return true;
    case SourceLayer::kReshape:
      return source.reshape().mode() == coreml::spec::ReshapeLayerParams::CHANNEL_FIRST;
    default:
      return false;
  }
}

}  // namespace

void note_known(Translation& to, const SourceLayer& source) {
  const std::string& result = source.output(0);
  const coreml::Shape& shape = to.model.shapes.at(result);
  if (source.has_loadconstant()) {
    to.known[result] = coreml::decode_weights(source.loadconstant().data(), shape);
  } else if (source.has_loadconstantnd()) {
    to.known[result] = coreml::decode_weights(source.loadconstantnd().data(), shape);
  } else if (auto made = made_values(to, source)) {
    to.known[result] = std::move(*made);
  } else if (keeps_elements(source)) {
    if (const std::vector<float>* kept = known(to, source.input(0))) to.known[result] = *kept;
  }
}

bool translate_selection(Translation& to, const SourceLayer& source) {
  switch (source.layer_case()) {
    case SourceLayer::kFillStatic:
    case SourceLayer::kFillLike:
    case SourceLayer::kRangeStatic:
    case SourceLayer::kGetShape:
      return translate_values(to, source, *made_values(to, source)), true;
    case SourceLayer::kGather:
      return translate_gather(to, source), true;
    case SourceLayer::kSliceBySize:
      return translate_slice_by_size(to, source), true;
    case SourceLayer::kSlidingWindows:
      return translate_sliding_windows(to, source), true;
    case SourceLayer::kOneHot:
      return translate_one_hot(to, source), true;
    case SourceLayer::kTopK:
      return translate_top_k(to, source), true;
    case SourceLayer::kMatrixBandPart:
      return translate_band_part(to, source), true;
    case SourceLayer::kLowerTriangular:
      return translate_band(to, source, -most_elements, source.lowertriangular().k()), true;
    case SourceLayer::kUpperTriangular:
      return translate_band(to, source, source.uppertriangular().k(), most_elements), true;
    case SourceLayer::kCropResize:
      return translate_crop_resize(to, source), true;
    default:
      return false;
  }
}

}  // namespace ane::espresso
