// Pixel shuffle: blocks of channels become blocks of pixels, [C*a*b, H, W] -> [C, H*a, W*b]. Converters write
// it as they would on paper: a reshape that gives each factor an axis, a transposition, a reshape back. Core
// ML's older networks have no room for six axes, so it takes two transpositions, and in between the whole
// image is one row:
//
//   [64, 2, 2, H*W]  ->  [64, H*W, 2, 2]  ->  [64*H, W, 2, 2]  ->  [64*H, 2, W, 2]  ->  [64, 2*H, 2*W]
//
// No image of a super resolution network fits in a row of the engine. But whatever the steps are, reshapes
// and transpositions only deal out the factors of the input's axes again, and what they come to can be seen
// from that: each pixel of the blocks is a stride of channels, and rows and columns are woven of these.
#include <algorithm>
#include <array>
#include <optional>

#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

constexpr size_t longest_chain = 8;
constexpr int64_t most_parts = 256;  // pixels of a block, each of which is a few units

// A part of an axis: steps of `stride` elements through the input, `size` of them.
struct Factor {
  int64_t stride, size;
};
// The factors of a tensor's axes, the slowest first.
using Layout = std::array<std::vector<Factor>, aneir::all_axes.size()>;

size_t index_of(Axis axis) {
  return static_cast<size_t>(axis);
}

Layout layout_of(const Shape& shape) {
  Layout layout;
  int64_t stride = shape.count();
  for (const Axis axis : aneir::all_axes) {
    stride /= shape[axis];
    if (shape[axis] > 1) layout[index_of(axis)] = {{stride, shape[axis]}};
  }
  return layout;
}

// False where a factor would have to be cut between two of its own steps.
bool reshape(Layout& layout, const Shape& shape) {
  std::vector<Factor> left;
  for (const std::vector<Factor>& axis : layout) left.insert(left.end(), axis.begin(), axis.end());
  auto next = left.begin();
  for (const Axis axis : aneir::all_axes) {
    std::vector<Factor>& factors = layout[index_of(axis)];
    factors.clear();
    for (int64_t wanted = shape[axis]; wanted > 1;) {
      if (next == left.end()) return false;
      if (wanted % next->size == 0) {
        wanted /= next->size;
        factors.push_back(*next++);
      } else if (next->size % wanted == 0) {
        next->size /= wanted;
        factors.push_back({next->stride * next->size, wanted});
        wanted = 1;
      } else {
        return false;
      }
    }
  }
  return true;
}

void transpose(Layout& layout, const aneir::Transpose& transpose) {
  const Layout from = layout;
  for (size_t i = 0; i < layout.size(); ++i) layout[i] = from[index_of(transpose.source[i])];
}

// Factors that are one after the other in the input as well are one.
void join_factors(Layout& layout) {
  for (std::vector<Factor>& axis : layout)
    for (size_t i = 1; i < axis.size();)
      if (axis[i - 1].stride == axis[i].stride * axis[i].size) {
        axis[i] = {axis[i].stride, axis[i - 1].size * axis[i].size};
        axis.erase(axis.begin() + static_cast<std::ptrdiff_t>(i) - 1);
      } else {
        ++i;
      }
}

// Pixel (y, x) of every block is `count` channels, `step` apart, from y * row_step + x * column_step on.
struct Shuffle {
  int64_t rows = 1, columns = 1, row_step = 0, column_step = 0, count = 1, step = 1;
};

// An axis of the input with `size` pixels in place of each of its own, which are channels `step` apart.
struct Blocks {
  int64_t size, step;
};
std::optional<Blocks> blocks_along(const std::vector<Factor>& axis, int64_t stride, int64_t length,
                                   int64_t plane) {
  auto next = axis.begin();
  if (length > 1) {
    if (next == axis.end() || next->stride != stride || next->size != length) return std::nullopt;
    ++next;
  }
  if (next == axis.end()) return Blocks{1, 0};
  if (next->stride % plane != 0 || std::next(next) != axis.end()) return std::nullopt;
  return Blocks{next->size, next->stride / plane};
}

std::optional<Shuffle> shuffle_of(const Layout& layout, const Shape& from) {
  const Layout before = layout_of(from);
  const int64_t plane = from.h * from.w;
  const auto& channels = layout[index_of(Axis::Channel)];
  const auto same = [](const std::vector<Factor>& a, const std::vector<Factor>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Factor& x, const Factor& y) {
      return x.stride == y.stride && x.size == y.size;
    });
  };
  if (!same(layout[index_of(Axis::Batch)], before[index_of(Axis::Batch)]) ||
      !same(layout[index_of(Axis::Depth)], before[index_of(Axis::Depth)]) || channels.size() > 1)
    return std::nullopt;
  const auto rows = blocks_along(layout[index_of(Axis::Height)], from.w, from.h, plane),
             columns = blocks_along(layout[index_of(Axis::Width)], 1, from.w, plane);
  if (!rows || !columns || (!channels.empty() && channels[0].stride % plane != 0)) return std::nullopt;
  if (rows->size * columns->size > most_parts) return std::nullopt;
  Shuffle shuffle{rows->size, columns->size, rows->step, columns->step};
  if (!channels.empty()) shuffle.count = channels[0].size, shuffle.step = channels[0].stride / plane;
  return shuffle;
}

bool is_too_large(const Shape& shape, const EngineFacts& facts) {
  return shape.w > facts.max_width || shape.h > facts.max_height || shape.c > facts.max_channels;
}

TensorId woven(Axis axis, const std::vector<TensorId>& parts, Replacement& here) {
  return parts.size() == 1 ? parts[0] : here.add("woven", aneir::Concat{axis, true}, parts);
}

// Channels and rows can be picked and woven by strides alone, columns once they lie along the channels.
TensorId shuffled(TensorId x, const Shuffle& shuffle, Replacement& here) {
  std::vector<TensorId> columns;
  for (int64_t column = 0; column < shuffle.columns; ++column) {
    std::vector<TensorId> rows;
    for (int64_t row = 0; row < shuffle.rows; ++row) {
      const TensorId pixel =
          here.view("pixel", x, Axis::Channel, row * shuffle.row_step + column * shuffle.column_step,
                    shuffle.count, shuffle.step);
      rows.push_back(here.swap("turned", pixel, Axis::Channel, Axis::Width));
    }
    columns.push_back(woven(Axis::Height, rows, here));
  }
  return here.swap("shuffled", woven(Axis::Channel, columns, here), Axis::Channel, Axis::Width);
}

// What a chain of units, the last one first, makes of the factors of its input's axes; nothing where it takes
// one apart.
std::optional<Layout> rearranged(const std::vector<const Unit*>& chain, const Replacement& here) {
  Layout layout = layout_of(here.shape(chain.back()->bottoms[0]));
  for (auto unit = chain.rbegin(); unit != chain.rend(); ++unit)
    if (const auto* moved = (*unit)->as<aneir::Transpose>())
      transpose(layout, *moved);
    else if (!reshape(layout, here.shape((*unit)->top)))
      return std::nullopt;
  join_factors(layout);
  return layout;
}

TensorId as_shuffle(const Unit& last, const EngineFacts& facts, Replacement& here) {
  std::vector<const Unit*> chain;  // backwards
  bool too_large = false;
  const auto is_movement = [](const Unit* unit) {
    return unit && (unit->as<aneir::Reshape>() || unit->as<aneir::Transpose>());
  };
  for (const Unit* unit = &last; is_movement(unit) && chain.size() < longest_chain;
       unit = here.producer(unit->bottoms[0])) {
    chain.push_back(unit);
    const TensorId x = unit->bottoms[0];
    const Shape from = here.shape(x);
    if (is_too_large(from, facts)) {
      too_large = true;
      continue;
    }
    const std::optional<Layout> layout = too_large ? rearranged(chain, here) : std::nullopt;
    const std::optional<Shuffle> shuffle = layout ? shuffle_of(*layout, from) : std::nullopt;
    if (shuffle) return shuffled(x, *shuffle, here);
  }
  return no_tensor;
}

}  // namespace

bool recognise_pixel_shuffle(Network& network, const EngineFacts& facts) {
  const bool changed = rewrite_units(network, [&](Unit& unit, Replacement& here) -> TensorId {
    return is_too_large(here.shape(unit.top), facts) ? no_tensor : as_shuffle(unit, facts, here);
  });
  return remove_dead_units(network) || changed;
}

}  // namespace ane::passes
