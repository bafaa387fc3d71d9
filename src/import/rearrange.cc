// Layers that move or select elements without computing: concatenation, slices, transposes, reshapes,
// constants.
//
// Espresso's reshapes are row-major over seq, n, k, h, w, which is the ANE network's own order, and the shape
// file says what comes out; so the dst_* attributes, with their "infer" and "copy" codes, need not be
// interpreted.
#include <algorithm>

#include "import/layer.h"

namespace ane::import {
namespace {

using aneir::Axis;
using aneir::Shape;
using aneir::TensorId;

constexpr aneir::Transpose channels_last = {
    {Axis::Batch, Axis::Depth, Axis::Height, Axis::Width, Axis::Channel}};
constexpr aneir::Transpose channels_first = {
    {Axis::Batch, Axis::Depth, Axis::Width, Axis::Channel, Axis::Height}};

// Reads and writes the elements in H, W, C order: channels go last, the reshape happens, channels come back.
TensorId reshape_channels_last(LayerImport& at, const Shape& wanted) {
  const TensorId moved = at.add(channels_last, {at.input()});
  const Shape shape{wanted.n, wanted.d, wanted.h, wanted.w, wanted.c};
  return at.add(channels_first, {at.add(aneir::Reshape{shape}, {moved})});
}

Tops reshape_in_order(LayerImport& at, int64_t mode) {
  const Shape wanted = engine_shape(at.declared_top());
  if (mode == 1) return {reshape_channels_last(at, wanted)};
  at.require(mode == 0, "mode " + std::to_string(mode));
  return {at.add(aneir::Reshape{wanted}, {at.input()})};
}

Tops concat_along(LayerImport& at, Axis axis) {
  if (at.inputs.size() == 1) return import_copy(at);
  return {at.add(aneir::Concat{axis}, at.inputs)};
}

int64_t length_along(const espresso::Shape& shape, int64_t code) {
  const int64_t lengths[] = {shape.w, shape.h, shape.k, shape.n, shape.seq};
  return lengths[code];
}

// For each axis of the ANE network the one it is taken from. Batch stands for two Espresso axes of which one
// has length 1 on either side; axes of length 1 are interchangeable, so those left over are dealt out in any
// order.
aneir::Transpose transpose_of(const LayerImport& at) {
  constexpr const char* keys[] = {"axis_w", "axis_h", "axis_k", "axis_n", "axis_seq"};
  constexpr Axis axes[] = {Axis::Width, Axis::Height, Axis::Channel, Axis::Batch, Axis::Batch};
  const espresso::Shape& from = at.declared_bottom();
  std::array<bool, 5> used = {};
  std::array<std::optional<Axis>, 5> source;
  for (int64_t code = 0; code < 5; ++code) {
    const int64_t taken = at.integer(keys[code], code);
    at.require(taken >= 0 && taken < 5, std::string(keys[code]) + " is " + std::to_string(taken));
    if (length_along(from, taken) == 1) continue;
    const auto result_axis = static_cast<size_t>(axes[code]), source_axis = static_cast<size_t>(axes[taken]);
    at.require(!source[result_axis] && !used[source_axis], "the axes are not a permutation");
    source[result_axis] = axes[taken];
    used[source_axis] = true;
  }
  aneir::Transpose transpose;
  for (size_t i = 0; i < source.size(); ++i) {
    if (!source[i] && !used[i]) source[i] = static_cast<Axis>(i);
    if (source[i]) used[static_cast<size_t>(*source[i])] = true;
  }
  for (size_t i = 0; i < source.size(); ++i) {
    if (!source[i]) {
      const auto free = static_cast<size_t>(std::find(used.begin(), used.end(), false) - used.begin());
      source[i] = static_cast<Axis>(free);
      used[free] = true;
    }
    transpose.source[i] = *source[i];
  }
  return transpose;
}

// A position that may count from the end.
int64_t from_start(int64_t position, int64_t length) {
  return position < 0 ? position + length : position;
}

// The pieces of `axis` that the tops are, one after the other.
Tops split_along(LayerImport& at, Axis axis) {
  Tops tops;
  int64_t offset = 0;
  for (size_t i = 0; i < at.layer.tops.size(); ++i) {
    const int64_t size = engine_shape(at.declared_top(i))[axis];
    tops.push_back(at.add(aneir::InputView{axis, offset, size, 1}, {at.input()}));
    offset += size;
  }
  at.require(offset == at.shape(at.input())[axis], "the pieces do not add up to the input");
  return tops;
}

}  // namespace

Axis axis_of_code(const LayerImport& at, int64_t code) {
  constexpr Axis axes[] = {Axis::Width, Axis::Height, Axis::Channel, Axis::Batch, Axis::Batch};
  at.require(code >= 0 && code < 5, "axis code " + std::to_string(code));
  return axes[code];
}

Axis axis_of_index(const LayerImport& at, int64_t index) {
  const int rank = at.declared_bottom().rank.value_or(5);
  const int64_t from_end = index < 0 ? -index : rank - index;
  at.require(rank <= 5 && from_end >= 1 && from_end <= rank,
             "axis " + std::to_string(index) + " of a tensor of rank " + std::to_string(rank));
  return axis_of_code(at, from_end - 1);
}

// The top is the bottom under another name.
Tops import_copy(LayerImport& at) {
  return {at.input()};
}

Tops import_concat(LayerImport& at) {
  return concat_along(at, Axis::Channel);
}

Tops import_sequence_concat(LayerImport& at) {
  return concat_along(at, Axis::Batch);
}

Tops import_flatten(LayerImport& at) {
  return reshape_in_order(at, at.integer("mode", 0));
}

Tops import_reshape(LayerImport& at) {
  return reshape_in_order(at, at.integer("mode", 0));
}

Tops import_transpose(LayerImport& at) {
  return {at.add(transpose_of(at), {at.input()})};
}

Tops import_slice(LayerImport& at) {
  const Axis axis = axis_of_code(at, at.layer.integer("axis", at.net.file));
  const int64_t length = at.shape(at.input())[axis];
  const int64_t start = from_start(at.integer("start", 0), length);
  const int64_t end = from_start(at.integer("end", length), length);
  const int64_t step = at.integer("stride", 1);
  at.require(start >= 0 && start < end && end <= length && step >= 1,
             "slice " + std::to_string(start) + ".." + std::to_string(end) + " of " + std::to_string(length));
  return {at.add(aneir::InputView{axis, start, (end - start - 1) / step + 1, step}, {at.input()})};
}

Tops import_split(LayerImport& at) {
  return split_along(at, at.has("nd_axis") ? axis_of_index(at, at.integer("nd_axis", 0)) : Axis::Channel);
}

Tops import_crop(LayerImport& at) {
  const Shape input = at.shape(at.input());
  const int top = at.window("t", 0), bottom = at.window("b", 0), left = at.window("l", 0),
            right = at.window("r", 0);
  const TensorId rows = at.add(aneir::InputView{Axis::Height, top, input.h - top - bottom, 1}, {at.input()});
  return {at.add(aneir::InputView{Axis::Width, left, input.w - left - right, 1}, {rows})};
}

Tops import_constant(LayerImport& at) {
  at.require(at.inputs.empty(), "a constant with inputs");
  const Shape shape = engine_shape(at.declared_top());
  const int64_t blob = at.layer.integer("constant_blob", at.net.file);
  const int64_t there = static_cast<int64_t>(at.net.blob(blob, at.layer.name).bytes.size() / sizeof(float));
  return {at.add(aneir::ConstantTensor{shape, at.floats(blob, there)}, {})};
}

}  // namespace ane::import
