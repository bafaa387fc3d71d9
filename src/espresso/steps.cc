// Apple's compiler lays another axis along the channels before a layer that only knows these, and back behind
// it (seen around the concat of the SSDOcr network); so it is done here where only the form over channels is
// known.
#include "espresso/steps.h"

#include <fmt/format.h>

namespace ane::espresso {

namespace {

json reshape_attributes(const Shape& shape) {
  return {{"dst_w", shape.w},      {"dst_h", shape.h},
          {"dst_k", shape.k},      {"dst_n", shape.n},
          {"dst_seq", shape.seq},  {"mode", 0},
          {"version", 1},          {"dst_nd_rank", shape.rank.value_or(5)},
          {"dynamic_shape", false}};
}

bool are_consecutive(const std::vector<int64_t>& positions) {
  for (size_t i = 1; i < positions.size(); ++i)
    if (positions[i] != positions[0] + static_cast<int64_t>(i)) return false;
  return true;
}

}  // namespace

Blob5 input_blob(const Translation& to, const SourceLayer& source, int index) {
  return {source.input(index), input_shape(to, source, index)};
}

size_t rank_of(const Translation& to, const SourceLayer& source, int index) {
  return to.model.shapes.at(source.input(index)).size();
}

Blob5 step(Translation& to, const SourceLayer& source, const std::string& suffix, const char* type,
           json attributes, const std::vector<Blob5>& bottoms, const Shape& shape) {
  std::vector<std::string> names;
  for (const Blob5& bottom : bottoms) names.push_back(bottom.name);
  return {add_step(to, source, suffix, type, std::move(attributes), std::move(names), shape), shape};
}

Blob5 operate(Translation& to, const SourceLayer& source, const std::string& suffix, Operation operation,
              const std::vector<Blob5>& bottoms, double alpha) {
  json attributes = elementwise(operation, alpha);
  if (bottoms.size() > 1) attributes["nd_mode"] = true;
  return step(to, source, suffix, "elementwise", std::move(attributes), bottoms, bottoms[0].shape);
}

void count_made(Translation& to, int64_t elements) {
  constexpr int64_t most_made = int64_t{1} << 24;
  if (elements > most_made || to.made_elements > most_made - elements)
    throw Unsupported{"more than 2^24 constants that are in no file"};
  to.made_elements += elements;
}

json constant_attributes(Translation& to, std::vector<float> values, const Shape& shape) {
  json attributes = {{"constant_blob", add_floats(to, std::move(values))},
                     {"n", shape.n},
                     {"k", shape.k},
                     {"h", shape.h},
                     {"w", shape.w}};
  if (shape.rank) attributes["nd_rank"] = *shape.rank;
  return attributes;
}

Blob5 constant_step(Translation& to, const SourceLayer& source, const std::string& suffix,
                    std::vector<float> values, const Shape& shape) {
  return step(to, source, suffix, "load_constant", constant_attributes(to, std::move(values), shape), {},
              shape);
}

Blob5 reshaped(Translation& to, const SourceLayer& source, const std::string& suffix, const Blob5& blob,
               const Shape& shape) {
  return step(to, source, suffix, "reshape", reshape_attributes(shape), {blob}, shape);
}

Blob5 turn(Translation& to, const SourceLayer& source, const std::string& suffix, const Blob5& blob,
           int64_t code) {
  if (code == kAxisK) return blob;
  Shape shape = blob.shape;
  std::swap(dimension(shape, code), shape.k);
  return step(to, source, suffix, "transpose", exchange_with_channels(code), {blob}, shape);
}

Blob5 join(Translation& to, const SourceLayer& source, const std::vector<Blob5>& parts, int64_t code) {
  const bool batch = code == kAxisN;
  std::vector<Blob5> laid;
  for (const Blob5& part : parts) {
    if (code == kAxisSeq || part.shape.seq != 1) throw Unsupported{"a join of five axes"};
    Shape flat = part.shape;
    flat.k *= flat.n;
    flat.n = 1;
    const std::string suffix = "laid" + std::to_string(laid.size());
    laid.push_back(batch ? reshaped(to, source, suffix, part, flat) : turn(to, source, suffix, part, code));
  }
  Shape shape = laid[0].shape;
  shape.k = 0;
  for (const Blob5& part : laid) shape.k += part.shape.k;
  const Blob5 joined = step(to, source, "joined", "concat", json::object(), laid, shape);
  return batch ? joined : turn(to, source, "back", joined, code);
}

Blob5 take(Translation& to, const SourceLayer& source, Blob5 blob, int64_t code,
           const std::vector<int64_t>& positions) {
  const int64_t length = dimension(blob.shape, code), count = static_cast<int64_t>(positions.size());
  const std::string suffix = "picked" + std::to_string(code);
  if (are_consecutive(positions)) {
    if (count == length) return blob;
    Shape shape = blob.shape;
    dimension(shape, code) = count;
    return step(to, source, suffix, "slice",
                {{"axis", code}, {"start", positions[0]}, {"end", positions[0] + count}}, {blob}, shape);
  }
  if (count > (int64_t{1} << 26) / length) throw Unsupported{"too large an axis"};
  std::vector<float> matrix(static_cast<size_t>(count * length), 0.0f);
  for (int64_t i = 0; i < count; ++i)
    matrix[static_cast<size_t>(i * length + positions[static_cast<size_t>(i)])] = 1;
  blob.name = multiply_axis(to, source, suffix, blob.name, blob.shape, code, std::move(matrix));
  return blob;
}

void finish(Translation& to, const SourceLayer& source, const Blob5& blob, int output) {
  const Shape shape = output_shape(to, source, output);
  Layer& layer = shape == blob.shape
                     ? add_layer(to, source, "elementwise", elementwise(kMultiplyAlpha), {blob.name})
                     : add_layer(to, source, "reshape", reshape_attributes(shape), {blob.name});
  if (source.output_size() == 1) return;
  layer.name += fmt::format("_{}", output);
  layer.tops = {source.output(output)};
}

}  // namespace ane::espresso
