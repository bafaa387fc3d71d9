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

// Rows, and the same again `count` times in all, `step` apart.
struct RepeatedRows {
  struct Row {
    uint64_t offset, bytes;
    uint64_t end() const { return offset + bytes; }
  };

  uint64_t begin = 0, count = 0, step = 0;
  std::vector<Row> rows;  // from `begin` on, which the first begins at; ascending, apart, within one step

  uint64_t span() const { return rows.back().end(); }
  // How far into a repetition an address lies.
  uint64_t phase(uint64_t address) const { return (address % step + step - begin % step) % step; }
  // One step of them as it looks to somebody who begins that far into a repetition.
  std::vector<Row> from_phase(uint64_t phase) const {
    std::vector<Row> turned;
    for (const Row& row : rows)
      if (row.end() > phase) {
        const uint64_t cut = std::max(row.offset, phase);
        turned.push_back({cut - phase, row.end() - cut});
      }
    for (const Row& row : rows)
      if (row.offset < phase)
        turned.push_back({row.offset + step - phase, std::min(row.end(), phase) - row.offset});
    return turned;
  }
};

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

  // The same for rows that repeat.
  template <typename Body>
  void visit(const RepeatedRows& rows, Body& body) {
    if (rows.count == 0 || rows.rows.empty()) return;
    const uint64_t behind = rows.begin + rows.count * rows.step;  // where the next repetition would begin
    const uint64_t end = behind - rows.step + rows.span();
    for (uint64_t from = rows.begin; from < end;) {
      const Place at = std::prev(from_.upper_bound(from));
      uint64_t to = end_of(at);
      // No repetition that touches the stretch lies before the first or behind the last.
      if (rows.begin + rows.span() <= at->first + rows.step && to <= behind &&
          fits(at, at->first, to, rows)) {
        visit_pattern(at, rows, body);
      } else if (fits(at, from, to = std::min(to, behind), rows)) {
        split(to);
        visit_pattern(split(from), rows, body);
      } else {
        to = std::min(from - rows.phase(from) + rows.step, behind);
        for (Place next = std::next(at); next != from_.end() && next->first < to; ++next)
          if (fits(next, next->first, std::min(end_of(next), behind), rows)) to = next->first;
        visit_each(from, to, rows, body);
      }
      from = to;
    }
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

  // [from, to), a part of a stretch, can have a pattern of these rows.
  static bool fits(Place stretch, uint64_t from, uint64_t to, const RepeatedRows& rows) {
    const uint64_t period = stretch->second.period;
    return to - from > rows.step && (period == 0 || period == rows.step);
  }

  // Cuts the pattern where rows begin and end, and visits what lies in them.
  template <typename Body>
  void visit_pattern(Place at, const RepeatedRows& rows, Body& body) {
    Stretch& stretch = at->second;
    if (stretch.period == 0) stretch.pattern = {{0, stretch.state}};
    stretch.period = rows.step;
    const std::vector<RepeatedRows::Row> wanted = rows.from_phase(rows.phase(at->first));
    Pattern cut;
    cut.reserve(stretch.pattern.size() + 2 * wanted.size());
    auto row = wanted.begin();
    for (auto piece = stretch.pattern.begin(); piece != stretch.pattern.end(); ++piece) {
      const auto next = std::next(piece);
      const uint64_t end = next == stretch.pattern.end() ? rows.step : next->first;
      for (uint64_t from = piece->first; from < end;) {
        while (row != wanted.end() && row->end() <= from) ++row;
        const bool inside = row != wanted.end() && row->offset <= from;
        cut.emplace_back(from, piece->second);
        if (inside) body(at->first + from, cut.back().second);
        from = row == wanted.end() ? end : std::min(end, inside ? row->end() : row->offset);
      }
    }
    stretch.pattern = std::move(cut);
    simplify(stretch);
  }

  // One by one, what lies in [from, to), which is no longer than a repetition.
  template <typename Body>
  void visit_each(uint64_t from, uint64_t to, const RepeatedRows& rows, Body& body) {
    const uint64_t begin = from - rows.phase(from);
    for (const RepeatedRows::Row& row : rows.rows)
      visit(std::max(from, begin + row.offset), std::min(to, begin + row.end()), body);
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
    RepeatedRows rows;
    rows.begin = begin_;
    rows.rows.push_back({0, bytes_});
    int axes = 0;  // that `rows` stand for
    if (axes_ > 1 && (count_[0] - 1) * stride_[0] + bytes_ <= stride_[1]) {
      for (uint64_t i = 1; i < count_[0]; ++i) rows.rows.push_back({i * stride_[0], bytes_});
      axes = 1;
    }
    if (axes_ == 0) rows.count = 1, rows.step = bytes_;
    if (axes_ > 0) rows.count = count_[axes], rows.step = stride_[axes];
    walk(axes_, axes + 1, rows, states, body);
  }

  uint64_t begin() const { return begin_; }
  uint64_t end() const {
    uint64_t last = begin_ + bytes_;
    for (int axis = 0; axis < axes_; ++axis) last += (count_[axis] - 1) * stride_[axis];
    return last;
  }

 private:
  // Of the outermost `axes`; `rows` stand for the innermost `of_rows`.
  template <typename State, typename Body>
  void walk(int axes, int of_rows, RepeatedRows& rows, Intervals<State>& states, Body& body) const {
    if (axes <= of_rows) {
      states.visit(rows, body);
      return;
    }
    const uint64_t begin = rows.begin;
    for (uint64_t i = 0; i < count_[axes - 1]; ++i) {
      rows.begin = begin + i * stride_[axes - 1];
      walk(axes - 1, of_rows, rows, states, body);
    }
    rows.begin = begin;
  }

  static constexpr int most_axes = 4;
  uint64_t begin_, bytes_;
  uint64_t count_[most_axes] = {}, stride_[most_axes] = {};
  int axes_ = 0;
};

}  // namespace ane
