// What holds for each part of an address space: a state for every address, kept for whole stretches of equal
// state. Tensors are few and large, so following who wrote and read memory costs by tensors and not by bytes.
//
// Tensors that share a buffer by every second row or plane would cut it into thousands of stretches; so a
// stretch may also repeat a short pattern of states again and again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

namespace ane {

template <typename State>
class Intervals {
 public:
  Intervals() { clear(); }
  // Everywhere the state that State{} is.
  void clear() {
    from_.clear();
    from_.emplace(0, Stretch{});
  }

  // Calls body(begin, state) for the pieces of equal state that make up [begin, end); it may change the
  // state. What repeats is called once, at its first address.
  template <typename Body>
  void visit(uint64_t begin, uint64_t end, Body& body) {
    if (begin >= end) return;
    split(begin), split(end);
    for (auto at = from_.find(begin); at != from_.end() && at->first < end;) {
      for (auto& [offset, state] : at->second.pieces) body(at->first + offset, state);
      simplify(at->second);
      at = std::next(join(at));
    }
    const auto behind = from_.find(end);
    if (behind != from_.end()) join(behind);
  }

  // The same for `count` times `bytes`, `step` apart (step >= bytes).
  template <typename Body>
  void visit(uint64_t begin, uint64_t bytes, uint64_t count, uint64_t step, Body& body) {
    if (count == 0 || bytes == 0) return;
    const uint64_t last = begin + (count - 1) * step;  // which has no rest of a step behind it
    if (begin < last) split(begin), split(last);
    for (uint64_t from = begin; from < last;) {
      const auto at = from_.find(from);
      const uint64_t to = std::min(end_of(at), last);
      const bool repeats = to - from > step && (at->second.period == 0 || at->second.period == step);
      if (repeats)
        visit_pattern(at, (from - begin) % step, bytes, step, body);
      else
        visit_each(from, to, (from - begin) % step, bytes, step, body);
      from = to;
    }
    visit(last, last + bytes, body);
  }

 private:
  // States by offset from the beginning of the stretch; with a period they repeat, and the stretch is longer
  // than the period.
  struct Stretch {
    uint64_t period = 0;
    std::vector<std::pair<uint64_t, State>> pieces{{0, State{}}};
  };
  using Map = std::map<uint64_t, Stretch>;
  using Place = typename Map::iterator;

  uint64_t end_of(Place at) const {
    const auto next = std::next(at);
    return next == from_.end() ? UINT64_MAX : next->first;
  }

  // A stretch without a period has one piece.
  static void simplify(Stretch& stretch) {
    auto& pieces = stretch.pieces;
    const auto alike = [](const auto& a, const auto& b) { return a.second == b.second; };
    pieces.erase(std::unique(pieces.begin(), pieces.end(), alike), pieces.end());
    if (pieces.size() == 1) stretch.period = 0;
  }

  // One with the stretch before where both have the same state.
  Place join(Place at) {
    if (at == from_.begin()) return at;
    const Place before = std::prev(at);
    if (before->second.period != 0 || at->second.period != 0) return at;
    if (!(before->second.pieces[0].second == at->second.pieces[0].second)) return at;
    from_.erase(at);
    return before;
  }

  // A stretch begins at `address`.
  void split(uint64_t address) {
    const Place after = from_.lower_bound(address);
    if (after != from_.end() && after->first == address) return;
    const Place whole = std::prev(after);
    const uint64_t begin = whole->first, end = end_of(whole);
    const Stretch stretch = whole->second;
    from_.erase(whole);
    put(stretch, 0, begin, address);
    put(stretch, address - begin, address, end);
  }

  // The part of a stretch from `offset` on as that of [begin, end).
  void put(const Stretch& stretch, uint64_t offset, uint64_t begin, uint64_t end) {
    if (stretch.period == 0) {
      from_.emplace(begin, stretch);
      return;
    }
    if (end - begin <= stretch.period) {
      unroll(stretch, offset, begin, end);
      return;
    }
    Stretch turned;
    turned.period = stretch.period;
    turned.pieces.clear();
    const uint64_t phase = offset % stretch.period;
    const auto& pieces = stretch.pieces;
    auto first = std::upper_bound(pieces.begin(), pieces.end(), phase,
                                  [](uint64_t at, const auto& piece) { return at < piece.first; });
    turned.pieces.emplace_back(0, std::prev(first)->second);
    for (auto piece = first; piece != pieces.end(); ++piece)
      turned.pieces.emplace_back(piece->first - phase, piece->second);
    for (auto piece = pieces.begin(); piece != first; ++piece)
      if (phase != 0 && piece->first < phase)
        turned.pieces.emplace_back(piece->first + stretch.period - phase, piece->second);
    simplify(turned);
    from_.emplace(begin, std::move(turned));
  }

  // Every piece as a stretch of its own.
  void unroll(const Stretch& stretch, uint64_t offset, uint64_t begin, uint64_t end) {
    for (uint64_t at = begin; at < end;) {
      const uint64_t phase = (offset + at - begin) % stretch.period;
      auto next = std::upper_bound(stretch.pieces.begin(), stretch.pieces.end(), phase,
                                   [](uint64_t a, const auto& piece) { return a < piece.first; });
      Stretch piece;
      piece.pieces[0].second = std::prev(next)->second;
      from_.emplace(at, std::move(piece));
      at += (next == stretch.pieces.end() ? stretch.period : next->first) - phase;
    }
  }

  // Of a stretch that begins `shift` into a step.
  template <typename Body>
  void visit_pattern(Place at, uint64_t shift, uint64_t bytes, uint64_t step, Body& body) {
    Stretch& stretch = at->second;
    stretch.period = step;
    const uint64_t begin = (step - shift) % step, end = begin + bytes;
    cut(stretch, begin), cut(stretch, std::min(end, step));
    if (end > step) cut(stretch, end - step);
    for (auto& [offset, state] : stretch.pieces)
      if ((offset >= begin && offset < end) || offset + step < end) body(at->first + offset, state);
    simplify(stretch);
  }

  static void cut(Stretch& stretch, uint64_t offset) {
    auto& pieces = stretch.pieces;
    if (offset >= stretch.period) return;
    const auto after = std::lower_bound(pieces.begin(), pieces.end(), offset,
                                        [](const auto& piece, uint64_t at) { return piece.first < at; });
    if (after != pieces.end() && after->first == offset) return;
    pieces.emplace(after, offset, std::prev(after)->second);
  }

  // One by one, what lies in [from, to), which begins `shift` into a step.
  template <typename Body>
  void visit_each(uint64_t from, uint64_t to, uint64_t shift, uint64_t bytes, uint64_t step, Body& body) {
    if (shift < bytes) visit(from, std::min(to, from + bytes - shift), body);
    for (uint64_t at = from + step - shift; at < to; at += step) visit(at, std::min(to, at + bytes), body);
  }

  Map from_;  // each holds up to the next; the first begins at 0
};

// A tensor's addresses: rows, and what repeats them along axes.
class Extents {
 public:
  // `bytes` of one row. Rows begin at multiples of `granule`, and no two share one, so each counts as whole
  // granules: what lies between the end of a row and the next is nobody's.
  Extents(uint64_t begin, uint64_t bytes, uint64_t granule)
      : begin_(begin / granule * granule),
        bytes_((begin + bytes + granule - 1) / granule * granule - begin_) {}

  // All so far again at `count` places. Call with ascending strides, at most four times: what is adjacent or
  // overlaps becomes one.
  void repeat(uint64_t count, uint64_t stride) {
    if (count <= 1 || stride == 0) return;
    if (axes_ == 0 && stride <= bytes_) {
      bytes_ += (count - 1) * stride;
    } else if (axes_ > 0 && stride == count_[axes_ - 1] * stride_[axes_ - 1]) {
      count_[axes_ - 1] *= count;
    } else {
      count_[axes_] = count, stride_[axes_++] = stride;
    }
  }

  // body(begin, state) for every piece of equal state (Intervals::visit).
  template <typename State, typename Body>
  void visit(Intervals<State>& states, Body body) const {
    walk(axes_, begin_, states, body);
  }

  uint64_t begin() const { return begin_; }
  uint64_t end() const {
    uint64_t last = begin_ + bytes_;
    for (int axis = 0; axis < axes_; ++axis) last += (count_[axis] - 1) * stride_[axis];
    return last;
  }

 private:
  template <typename State, typename Body>
  void walk(int axes, uint64_t at, Intervals<State>& states, Body& body) const {
    if (axes == 0) {
      states.visit(at, at + bytes_, body);
    } else if (axes == 1) {
      states.visit(at, bytes_, count_[0], stride_[0], body);
    } else {
      for (uint64_t i = 0; i < count_[axes - 1]; ++i)
        walk(axes - 1, at + i * stride_[axes - 1], states, body);
    }
  }

  static constexpr int most_axes = 4;
  uint64_t begin_, bytes_;
  uint64_t count_[most_axes] = {}, stride_[most_axes] = {};
  int axes_ = 0;
};

}  // namespace ane
