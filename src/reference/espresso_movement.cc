// Espresso's layers that move or select elements: concatenation, slices, transposes, reshapes, constants.
// Elements lie in the order seq, n, k, h, w.
#include <fmt/format.h>

#include "reference/espresso_layers.h"

namespace ane::reference {
namespace {

const std::vector<int64_t> channels_last{axis_seq, axis_n, axis_h, axis_w, axis_k},
    channels_first{axis_seq, axis_n, 4, 2, 3};  // the way back

// Row-major, or with the channels as the fastest axis on both sides (mode 1).
Tensor reshaped_to(const EspressoCall& call, const Shape& shape) {
  const Tensor& input = call.input();
  call.require(element_count(shape) == element_count(input.shape),
               fmt::format("{} does not hold the elements of {}", to_string(shape), to_string(input.shape)));
  const int64_t mode = call.integer("mode", 0);
  if (mode == 0) return reshaped(input, shape);
  call.require(mode == 1, fmt::format("unknown mode {}", mode));
  const Shape moved{shape[axis_seq], shape[axis_n], shape[axis_h], shape[axis_w], shape[axis_k]};
  return transposed(reshaped(transposed(input, channels_last), moved), channels_first);
}

Tensor concatenated_along(const EspressoCall& call, size_t axis) {
  Shape result = call.input().shape;
  result[axis] = 0;
  for (const Tensor* part : call.inputs) {
    for (size_t i = 0; i < 5; ++i)
      call.require(i == axis || part->shape[i] == result[i],
                   fmt::format("the parts {} and {} do not fit", to_string(call.input().shape),
                               to_string(part->shape)));
    result[axis] += part->shape[axis];
  }
  make_result(call, result);
  return concatenated(call.inputs, axis);
}

int64_t from_start(int64_t position, int64_t length) {
  return position < 0 ? position + length : position;
}

}  // namespace

Tensor espresso_copy(const EspressoCall& call) {
  return call.input();
}

Tensor espresso_concat(const EspressoCall& call) {
  return concatenated_along(call, axis_k);
}

Tensor espresso_sequence_concat(const EspressoCall& call) {
  return concatenated_along(call, axis_seq);
}

Tensor espresso_flatten(const EspressoCall& call) {
  return reshaped_to(call, call.declared());
}

// dst_*: -1 is what is left, 0 the input's length.
Tensor espresso_reshape(const EspressoCall& call) {
  constexpr const char* keys[] = {"dst_seq", "dst_n", "dst_k", "dst_h", "dst_w"};
  const Tensor& input = call.input();
  Shape shape(5);
  int64_t known = 1;
  std::optional<size_t> open;
  for (size_t axis = 0; axis < 5; ++axis) {
    const int64_t wanted = call.integer(keys[axis], 0);
    if (wanted == -1) {
      call.require(!open, "two lengths are left open");
      open = axis;
      continue;
    }
    shape[axis] = wanted == 0 ? input.shape[axis] : wanted;
    call.require(shape[axis] > 0 && shape[axis] <= element_count(input.shape) / known,
                 "more elements than the input has");
    known *= shape[axis];
  }
  if (open) shape[*open] = element_count(input.shape) / known;
  return reshaped_to(call, shape);
}

Tensor espresso_change_of_rank(const EspressoCall& call) {
  return reshaped_to(call, call.declared());
}

Tensor espresso_transpose(const EspressoCall& call) {
  constexpr const char* keys[] = {"axis_seq", "axis_n", "axis_k", "axis_h", "axis_w"};
  std::vector<int64_t> permutation;
  std::vector<bool> used(5, false);
  for (size_t axis = 0; axis < 5; ++axis) {
    const size_t from = call.axis_of_code(call.integer(keys[axis], 4 - static_cast<int64_t>(axis)));
    call.require(!used[from], "the axes are not a permutation");
    used[from] = true;
    permutation.push_back(static_cast<int64_t>(from));
  }
  return transposed(call.input(), permutation);
}

// `end` is exclusive; both may count from the end.
Tensor espresso_slice(const EspressoCall& call) {
  const size_t axis = call.axis_of_code(call.integer("axis"));
  const int64_t length = call.input().shape[axis];
  const int64_t start = from_start(call.integer("start", 0), length),
                end = from_start(call.integer("end", length), length);
  const int64_t step = call.extent("stride", 1);
  call.require(start >= 0 && start < end && end <= length && step > 0,
               fmt::format("a slice {}..{} of {}", start, end, length));
  return sliced(call.input(), axis, start, step, (end - start - 1) / step + 1);
}

Tensor espresso_crop(const EspressoCall& call) {
  const Tensor& input = call.input();
  const auto left_of = [&](size_t axis, const char* before, const char* behind) {
    const int64_t left = input.shape[axis] - call.extent(before, 0) - call.extent(behind, 0);
    call.require(left > 0, "nothing is left");
    return left;
  };
  const int64_t rows = left_of(axis_h, "t", "b"), columns = left_of(axis_w, "l", "r");
  return sliced(sliced(input, axis_h, call.extent("t", 0), 1, rows), axis_w, call.extent("l", 0), 1, columns);
}

Tensor espresso_constant(const EspressoCall& call) {
  Tensor result = make_result(call, call.declared());
  result.data = call.floats("constant_blob", element_count(result.shape));
  return result;
}

// The pieces are what the shape file declares for the outputs.
std::vector<Tensor> espresso_split(const EspressoCall& call) {
  const size_t axis = call.has("nd_axis") ? call.axis_of_index(call.integer("nd_axis")) : size_t{axis_k};
  std::vector<int64_t> sizes;
  int64_t sum = 0;
  for (size_t i = 0; i < call.layer.tops.size(); ++i) {
    sizes.push_back(call.declared(i)[axis]);
    sum += sizes.back();
  }
  call.require(sum == call.input().shape[axis], "the pieces do not add up to the input");
  return split_along(call.input(), axis, sizes);
}

}  // namespace ane::reference
