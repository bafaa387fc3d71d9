// State by stretches of whole granules. Of each engine only the last task that touched a byte counts: an
// engine works through its tasks in order, so whoever has waited for that one has waited for all before.
#include "sim/ordering.h"

#include <fmt/format.h>

#include <algorithm>

namespace ane::sim {

namespace {

const char* name_of(size_t engine) {
  return engine == static_cast<size_t>(Engine::Neural) ? "NE" : "PE";
}

}  // namespace

void L2Order::reset() {
  uses_.clear();
  engine_of_task_.clear(), followed_.clear();
  finished_ = read_ = {none, none};
  chained_to_ = none;
  drained_ = loads_ahead_ = false;
}

void L2Order::begin(const Descriptor& descriptor) {
  engine_of_task_.push_back(descriptor.engine());
  followed_.push_back(none);
  chained_to_ = none;
  const int64_t before = index() - 1;
  if (drained_ && descriptor.reads_dram) wait_for(before);
  drained_ = descriptor.drains, loads_ahead_ = descriptor.loads_ahead;
  for (size_t engine = 0; engine < engines; ++engine) {
    const Waits& waits = descriptor.waits[engine];
    if (waits.results) finish(engine, before);
    if (waits.sources) finish_reading(engine, before);
    if (!waits.chained) continue;
    if (before == none || engine_of(before) != engine)
      throw Hazard(
          fmt::format("follows the task before (SourceCfg.Dependent), which is no {} task", name_of(engine)));
    chained_to_ = before;
    if (engine == own()) finish(engine, before);
  }
  if (chained_to_ != none) followed_.back() = chained_to_;
}

// All tasks of `engine` up to `task` have read their sources. Those that followed another task row by row
// have then seen the end of that one, and so on along the chain.
void L2Order::finish_reading(size_t engine, int64_t task) {
  std::vector<std::pair<size_t, int64_t>> known{{engine, task}};
  while (!known.empty()) {
    const auto [of, last] = known.back();
    known.pop_back();
    const int64_t first = read_[of] + 1;
    read_[of] = std::max(read_[of], last);
    for (int64_t done = first; done <= last; ++done) {
      const int64_t followed = followed_[static_cast<size_t>(done)];
      if (engine_of(done) != of || followed == none) continue;
      int64_t& finished = finished_[engine_of(followed)];
      finished = std::max(finished, followed);
      known.emplace_back(engine_of(followed), followed);
    }
  }
}

void L2Order::finish(size_t engine, int64_t task) {
  finished_[engine] = std::max(finished_[engine], task);
  finish_reading(engine, task);
}

void L2Order::read(const View& view, const Shape& shape, std::set<int64_t>& sources) {
  extents_of(view, shape, l2_granule).visit(uses_, [&](uint64_t begin, Use& use) {
    const int64_t writer = use.writer;
    if (!use.data) throw Hazard(fmt::format("reads 0x{:x} of L2, which was never written", begin));
    if (writer >= 0 && writer > finished_[engine_of(writer)] && writer != chained_to_)
      throw Hazard(fmt::format("reads 0x{:x} of L2, which task {} wrote, without waiting for the {}", begin,
                               writer, name_of(engine_of(writer))));
    use.readers[own()] = static_cast<int32_t>(index());
    if (writer >= 0) sources.insert(writer);
  });
}

// A result in the place of its source follows a chained producer row by row.
void L2Order::check_overwrite(uint64_t at, const Use& use, const Own& own_work, bool in_place) const {
  const auto check = [&](int64_t task, int64_t done, const char* what) {
    if (task <= done || task == index() || (in_place && task == chained_to_)) return;
    throw Hazard(
        fmt::format("overwrites 0x{:x} of L2, which task {} may still be {}, without waiting for the {}", at,
                    task, what, name_of(engine_of(task))));
  };
  for (size_t engine = 0; engine < engines; ++engine) {
    const bool other = engine != own();
    if (other || own_work.data) check(use.readers[engine], read_[engine], "reading");
    if (other || own_work.streams) check(use.streamers[engine], read_[engine], "using");
  }
  if (use.writer == none) return;
  const size_t writing = engine_of(use.writer);
  if (writing != own() || own_work.data) check(use.writer, finished_[writing], "writing");
}

void L2Order::pass_through(const Extents& extents, const Own& own_work, bool stays) {
  extents.visit(uses_, [&](uint64_t at, Use& use) {
    check_overwrite(at, use, own_work, false);
    use.data = stays, use.writer = -1, use.streamers[own()] = static_cast<int32_t>(index());
  });
}

// A source that is not loaded ahead comes when its engine has no other task at work.
void L2Order::fill(const Range& range) {
  pass_through({range.begin, range.end - range.begin, l2_granule},
               {.data = loads_ahead_, .streams = loads_ahead_}, false);
}

void L2Order::fill(const View& view, const Shape& shape) {
  pass_through(extents_of(view, shape, l2_granule), {.data = loads_ahead_, .streams = loads_ahead_}, true);
}

void L2Order::begin_result(const Descriptor& descriptor) {
  for (size_t engine = 0; engine < engines; ++engine) {
    const Waits& waits = descriptor.result_waits[engine];
    if (waits.results) finish(engine, index() - 1);
    if (waits.sources) finish_reading(engine, index() - 1);
  }
}

// Results of one engine follow each other through the same place.
void L2Order::stage(const Range& range) {
  pass_through({range.begin, range.end - range.begin, l2_granule}, {.streams = false}, false);
}

void L2Order::write(const Descriptor& descriptor) {
  const auto same_place = [&](const Operand& operand) { return operand.view == descriptor.result; };
  const bool in_place =
      same_place(descriptor.source) || (descriptor.source2 && same_place(*descriptor.source2));
  extents_of(descriptor.result, descriptor.output, l2_granule).visit(uses_, [&](uint64_t at, Use& use) {
    check_overwrite(at, use, {}, in_place);
    use.data = true, use.writer = static_cast<int32_t>(index());
  });
}

}  // namespace ane::sim
