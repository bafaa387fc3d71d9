// A Reshape moves no data as long as rows stay whole: channels and rows of the same width can be regrouped
// freely. When the width changes, elements must leave their rows. The engine can exchange channels and
// columns in one copy, and that is enough: seen as one channel of C*H rows, the image becomes W channels of
// one column, written so that they end up in row-major order, one element to a row; and the same backwards.
//
//   regroup    [C, H, W]      ->  [1, C*H, W]
//   exchange                  ->  [C*H, W, 1]
//   regroup                   ->  [C'*H', W', 1]
//   exchange                  ->  [1, C'*H', W']
//   regroup                   ->  [C', H', W']
//
// A width of 1 before or behind spares one exchange. Images of more rows than the engine can address are
// exchanged in pieces of whole channels; where all rows together are more than it has channels, the image is
// taken in stretches that are whole rows before and behind. Where the batch changes as well, all its images
// are the channels of one for the time being.
#include <algorithm>
#include <numeric>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

bool moves_nothing(const Shape& from, const Shape& to) {
  return from.w == to.w;
}

Shape grouped(int64_t n, int64_t c, int64_t h, int64_t w) {
  Shape shape;
  shape.n = n, shape.c = c, shape.h = h, shape.w = w;
  return shape;
}

// [N, C, H, W] -> [1, N*C, H, W]
Shape one_image(const Shape& shape) {
  return grouped(1, shape.n * shape.c, shape.h, shape.w);
}

// [1, R, W] -> [R, W, 1] and back: the columns of each row become rows of a channel.
TensorId rows_to_channels(TensorId x, Replacement& here) {
  const aneir::Transpose transpose{{Axis::Batch, Axis::Depth, Axis::Height, Axis::Width, Axis::Channel}};
  return here.add("to_column", transpose, {x});
}
TensorId channels_to_rows(TensorId x, Replacement& here) {
  const aneir::Transpose transpose{{Axis::Batch, Axis::Depth, Axis::Width, Axis::Channel, Axis::Height}};
  return here.add("to_rows", transpose, {x});
}

// Calls piece(first, count) for shares of `channels` such that count * rows stays addressable, and joins the
// results.
template <typename Piece>
TensorId in_pieces(int64_t channels, int64_t rows, const EngineFacts& facts, Replacement& here, Piece piece) {
  const int64_t share = std::max<int64_t>(1, facts.max_height / rows);
  std::vector<TensorId> parts;
  for (int64_t first = 0; first < channels; first += share)
    parts.push_back(piece(first, std::min(share, channels - first)));
  return parts.size() == 1 ? parts[0] : here.add("joined", aneir::Concat{Axis::Channel}, parts);
}

// [C, H, W] -> [C*H, W, 1]
TensorId to_column(TensorId x, const EngineFacts& facts, Replacement& here) {
  const Shape shape = here.shape(x);
  if (shape.w == 1) return x;
  return in_pieces(shape.c, shape.h, facts, here, [&](int64_t first, int64_t count) {
    const TensorId part = here.view("part", x, Axis::Channel, first, count);
    return rows_to_channels(here.reshape("rows", part, grouped(shape.n, 1, count * shape.h, shape.w)), here);
  });
}

// Any image of one column -> `shape`
TensorId from_column(TensorId x, const Shape& shape, const EngineFacts& facts, Replacement& here) {
  if (shape.w == 1) return here.reshape("result", x, shape);
  const TensorId column = here.reshape("column", x, grouped(shape.n, shape.c * shape.h, shape.w, 1));
  return in_pieces(shape.c, shape.h, facts, here, [&](int64_t first, int64_t count) {
    const TensorId part = here.view("part", column, Axis::Channel, first * shape.h, count * shape.h);
    return here.reshape("result", channels_to_rows(part, here), grouped(shape.n, count, shape.h, shape.w));
  });
}

bool is_addressable(const Shape& shape, const EngineFacts& facts) {
  if (shape.w == 1) return true;  // regrouped at will
  return shape.h <= facts.max_height && shape.w <= facts.max_height &&
         shape.c * shape.h <= facts.max_channels;
}

// As many units at most that a small file cannot ask for millions.
constexpr int64_t most_stretches = 1024;

// What the stretches are made of: as few elements as are whole rows on both sides, and no more units than the
// engine has channels. 0 where there is no such number.
int64_t unit_of_stretches(const Shape& from, const Shape& to, const EngineFacts& facts) {
  const int64_t least = std::lcm(from.w, to.w), most_rows = facts.max_height;
  for (int64_t unit = least; unit / std::min(from.w, to.w) <= most_rows; unit += least)
    if (from.count() % unit == 0 && from.count() / unit <= facts.max_channels) return unit;
  return 0;
}

TensorId in_stretches(TensorId x, const Shape& to, const EngineFacts& facts, Replacement& here) {
  const Shape from = here.shape(x);
  const int64_t unit = unit_of_stretches(from, to, facts);
  if (unit == 0 || std::max(from.w, to.w) > facts.max_height) return no_tensor;
  const int64_t units = from.count() / unit, before = unit / from.w, behind = unit / to.w,
                share = facts.max_height / std::max(before, behind);
  if (units > share * most_stretches) return no_tensor;
  const TensorId all = here.reshape("stretches", x, grouped(1, units, before, from.w));
  std::vector<TensorId> parts;
  for (int64_t first = 0; first < units; first += share) {
    const int64_t count = std::min(share, units - first);
    const TensorId part = here.view("stretch", all, Axis::Channel, first, count);
    parts.push_back(from_column(to_column(part, facts, here), grouped(1, count, behind, to.w), facts, here));
  }
  const TensorId rows = parts.size() == 1 ? parts[0] : here.add("rows", aneir::Concat{Axis::Channel}, parts);
  return here.reshape("joined", rows, to);
}

}  // namespace

bool decompose_reshape(Network& network, const EngineFacts& facts) {
  return rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    if (!unit.as<aneir::Reshape>()) return no_tensor;
    Shape from = here.shape(unit.bottoms[0]), to = here.shape(unit.top);
    const Shape wanted = to;
    if (from.n != to.n) from = one_image(from), to = one_image(to);
    if (moves_nothing(from, to) || from.d != 1 || to.d != 1) return no_tensor;
    const TensorId x = here.reshape("images", unit.bottoms[0], from);
    const TensorId result = is_addressable(from, facts) && is_addressable(to, facts)
                                ? from_column(to_column(x, facts, here), to, facts, here)
                                : in_stretches(x, to, facts, here);
    return result == no_tensor ? no_tensor : here.reshape("batch", result, wanted);
  });
}

}  // namespace ane::passes
