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
    split(end);
    for (Place at = split(begin); at != from_.end() && at->first < end;) {
      Stretch& stretch = at->second;
      if (stretch.period == 0) {
        body(at->first, stretch.state);
      } else {
        for (auto& [offset, state] : stretch.pattern) body(at->first + offset, state);
        simplify(stretch);
      }
      at = std::next(join(at));
    }
    const Place behind = from_.find(end);
    if (behind != from_.end()) join(behind);
  }

  // The same for `count` times `bytes`, `step` apart (step >= bytes).
  template <typename Body>
  void visit(uint64_t begin, uint64_t bytes, uint64_t count, uint64_t step, Body& body) {
    if (count == 0 || bytes == 0) return;
    const uint64_t last = begin + (count - 1) * step;  // which has no rest of a step behind it
    if (begin < last) split(last);
    for (uint64_t from = begin; from < last;) {
      const Place at = split(from);  // again, since a visit may have joined it to what it has become like
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
  using Pattern = std::vector<std::pair<uint64_t, State>>;
  // One state, or with a period a pattern of them by offset from the beginning, which repeats; then the
  // stretch is longer than the period.
  struct Stretch {
    uint64_t period = 0;
    State state{};
    Pattern pattern;
  };
  using Map = std::map<uint64_t, Stretch>;
  using Place = typename Map::iterator;

  uint64_t end_of(Place at) const {
    const auto next = std::next(at);
    return next == from_.end() ? UINT64_MAX : next->first;
  }

  // A pattern of one state is none.
  static void simplify(Stretch& stretch) {
    Pattern& pattern = stretch.pattern;
    const auto alike = [](const auto& a, const auto& b) { return a.second == b.second; };
    pattern.erase(std::unique(pattern.begin(), pattern.end(), alike), pattern.end());
    if (pattern.size() == 1) stretch = {0, pattern[0].second, {}};
  }

  // One with the stretch before where both have the same state.
  Place join(Place at) {
    if (at == from_.begin()) return at;
    const Place before = std::prev(at);
    if (before->second.period != 0 || at->second.period != 0) return at;
    if (!(before->second.state == at->second.state)) return at;
    from_.erase(at);
    return before;
  }

  // The stretch that begins at `address`, if need be cut from the one there.
  Place split(uint64_t address) {
    const Place after = from_.lower_bound(address);
    if (after != from_.end() && after->first == address) return after;
    const Place whole = std::prev(after);
    if (whole->second.period == 0) return from_.emplace_hint(after, address, whole->second);
    const uint64_t begin = whole->first, end = end_of(whole);
    const Stretch stretch = std::move(whole->second);
    from_.erase(whole);
    put(stretch, 0, begin, address);
    put(stretch, address - begin, address, end);
    return from_.find(address);
  }

  // The part of a stretch with a pattern from `offset` on as that of [begin, end).
  void put(const Stretch& stretch, uint64_t offset, uint64_t begin, uint64_t end) {
    if (end - begin <= stretch.period) {
      unroll(stretch, offset, begin, end);
      return;
    }
    Stretch turned;
    turned.period = stretch.period;
    const uint64_t phase = offset % stretch.period;
    const Pattern& pattern = stretch.pattern;
    auto first = std::upper_bound(pattern.begin(), pattern.end(), phase,
                                  [](uint64_t at, const auto& piece) { return at < piece.first; });
    turned.pattern.emplace_back(0, std::prev(first)->second);
    for (auto piece = first; piece != pattern.end(); ++piece)
      turned.pattern.emplace_back(piece->first - phase, piece->second);
    for (auto piece = pattern.begin(); piece != first; ++piece)
      if (phase != 0 && piece->first < phase)
        turned.pattern.emplace_back(piece->first + stretch.period - phase, piece->second);
    simplify(turned);
    from_.emplace(begin, std::move(turned));
  }

  // Every piece as a stretch of its own.
  void unroll(const Stretch& stretch, uint64_t offset, uint64_t begin, uint64_t end) {
    for (uint64_t at = begin; at < end;) {
      const uint64_t phase = (offset + at - begin) % stretch.period;
      auto next = std::upper_bound(stretch.pattern.begin(), stretch.pattern.end(), phase,
                                   [](uint64_t a, const auto& piece) { return a < piece.first; });
      from_.emplace(at, Stretch{0, std::prev(next)->second, {}});
      at += (next == stretch.pattern.end() ? stretch.period : next->first) - phase;
    }
  }

  // Of a stretch that begins `shift` into a step.
  template <typename Body>
  void visit_pattern(Place at, uint64_t shift, uint64_t bytes, uint64_t step, Body& body) {
    Stretch& stretch = at->second;
    if (stretch.period == 0) stretch.period = step, stretch.pattern = {{0, stretch.state}};
    const uint64_t begin = (step - shift) % step, end = begin + bytes;
    cut(stretch, begin), cut(stretch, std::min(end, step));
    if (end > step) cut(stretch, end - step);
    for (auto& [offset, state] : stretch.pattern)
      if ((offset >= begin && offset < end) || offset + step < end) body(at->first + offset, state);
    simplify(stretch);
  }

  static void cut(Stretch& stretch, uint64_t offset) {
    Pattern& pattern = stretch.pattern;
    if (offset >= stretch.period) return;
    const auto after = std::lower_bound(pattern.begin(), pattern.end(), offset,
                                        [](const auto& piece, uint64_t at) { return piece.first < at; });
    if (after != pattern.end() && after->first == offset) return;
    pattern.emplace(after, offset, std::prev(after)->second);
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
