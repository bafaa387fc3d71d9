// Operations that widen a tensor at its edges or cut them off.

#include <fmt/format.h>

#include "reference/mil_operations.h"

namespace ane::reference::ops {
namespace {

// For every position of an axis that is padded, the position that it repeats; -1 where a constant stands.
std::vector<int64_t> padded_positions(const MilCall& call, const std::string& mode, int64_t size,
                                      int64_t before, int64_t after) {
  if (mode == "reflect" && std::max(before, after) >= size)
    call.fail(fmt::format("more is reflected than an axis of {} has", size));
  std::vector<int64_t> positions;
  for (int64_t i = -before; i < size + after; ++i) {
    if (i >= 0 && i < size) {
      positions.push_back(i);
    } else if (mode == "reflect") {  // without repeating the edge
      positions.push_back(i < 0 ? -i : 2 * (size - 1) - i);
    } else {
      positions.push_back(mode == "replicate" ? std::clamp<int64_t>(i, 0, size - 1) : -1);
    }
  }
  return positions;
}

}  // namespace

// pad holds [before, after] for each of the last axes.
Tensor pad(const MilCall& call) {
  Tensor result = call.tensor("x");
  const std::vector<int64_t> amounts = call.integers("pad");
  const std::string& mode = call.text("mode");
  if (mode != "constant" && mode != "reflect" && mode != "replicate")
    call.fail(fmt::format("mode {} is not known", mode));
  const size_t rank = result.shape.size(), axes = amounts.size() / 2;
  if (amounts.size() % 2 != 0 || axes > rank)
    call.fail(fmt::format("pad has {} amounts for {} axes", amounts.size(), rank));
  for (size_t i = 0; i < axes; ++i) {
    const size_t axis = rank - axes + i;
    const int64_t before = amounts[2 * i], after = amounts[2 * i + 1];
    if (before < 0 || after < 0) call.fail("pad holds a negative amount");
    Shape wider = result.shape;
    wider[axis] += before + after;
    call.checked(wider);
    result = taken(result, axis, padded_positions(call, mode, result.shape[axis], before, after),
                   static_cast<float>(call.number("constant_val")));
  }
  return result;
}

// Cuts [before, after] from the last two axes.
Tensor crop(const MilCall& call) {
  Tensor result = call.tensor("x");
  const size_t rank = result.shape.size();
  if (rank < 3)
    call.fail(fmt::format("x has the shape {}, of less than three axes", to_string(result.shape)));
  const std::vector<int64_t> cuts[] = {call.integers("crop_height", 2), call.integers("crop_width", 2)};
  for (const size_t i : {0u, 1u}) {
    const size_t axis = rank - 2 + i;
    const int64_t count = result.shape[axis] - cuts[i][0] - cuts[i][1];
    if (cuts[i][0] < 0 || cuts[i][1] < 0 || count < 1)
      call.fail(fmt::format("{} cannot be cut from an axis of {}", to_string(cuts[i]), result.shape[axis]));
    result = sliced(result, axis, cuts[i][0], 1, count);
  }
  return result;
}

}  // namespace ane::reference::ops
