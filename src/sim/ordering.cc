// State by granule of 16 bytes, as in Memory. Of each engine only the last task that touched a granule
// counts: an engine works through its tasks in order, so whoever has waited for that one has waited for all
// before.
#include "sim/ordering.h"

#include <fmt/format.h>

#include <algorithm>

namespace ane::sim {

namespace {

const char* name_of(size_t engine) {
  return engine == static_cast<size_t>(Engine::Neural) ? "NE" : "PE";
}

constexpr size_t page = 1024;  // granules

}  // namespace

L2Order::L2Order(uint64_t l2_bytes)
    : granules_(static_cast<size_t>(l2_bytes / Memory::granule)), used_(granules_.size() / page + 1) {}

L2Order::Granule& L2Order::use(uint64_t at) {
  used_[static_cast<size_t>(at) / page] = 1;
  return granules_[static_cast<size_t>(at)];
}

void L2Order::reset() {
  for (size_t i = 0; i < used_.size(); ++i) {
    if (!used_[i]) continue;
    const size_t begin = i * page, end = std::min(begin + page, granules_.size());
    std::fill(granules_.begin() + static_cast<ptrdiff_t>(begin),
              granules_.begin() + static_cast<ptrdiff_t>(end), Granule{});
    used_[i] = 0;
  }
  engine_of_task_.clear(), followed_.clear();
  finished_ = read_ = {none, none};
  chained_to_ = none;
  drained_ = false;
}

void L2Order::begin(const Descriptor& descriptor) {
  engine_of_task_.push_back(descriptor.engine());
  followed_.push_back(none);
  chained_to_ = none;
  const int64_t before = index() - 1;
  if (drained_ && descriptor.reads_dram) wait_for(before);
  drained_ = descriptor.drains;
  for (size_t engine = 0; engine < engines; ++engine) {
    const Waits& waits = descriptor.waits[engine];
    if (waits.results) finish(engine, before);
    if (waits.sources) finish_reading(engine, before);
    if (!waits.chained) continue;
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

template <typename Body>
void L2Order::for_granules(const View& view, const Shape& shape, Body body) {
  for_rows(view, shape, [&](uint64_t address, uint64_t bytes) {
    for (uint64_t granule = address / Memory::granule; granule * Memory::granule < address + bytes; ++granule)
      body(granule);
  });
}

void L2Order::read(const View& view, const Shape& shape) {
  for_granules(view, shape, [&](uint64_t at) {
    Granule& granule = use(at);
    const int64_t writer = granule.writer;
    if (writer >= 0 && writer > finished_[engine_of(writer)] && writer != chained_to_)
      throw Hazard(fmt::format("reads 0x{:x} of L2, which task {} wrote, without waiting for the {}",
                               at * Memory::granule, writer, name_of(engine_of(writer))));
    granule.readers[own()] = static_cast<int32_t>(index());
  });
}

// Two tasks of one engine may stream through the same place, one after the other. A result in the place of
// its source follows a chained producer row by row.
void L2Order::check_overwrite(uint64_t at, const Granule& granule, bool streams, bool in_place) const {
  const auto check = [&](int64_t task, int64_t done, const char* use) {
    if (task <= done || task == index() || (in_place && task == chained_to_)) return;
    throw Hazard(
        fmt::format("overwrites 0x{:x} of L2, which task {} may still be {}, without waiting for the {}",
                    at * Memory::granule, task, use, name_of(engine_of(task))));
  };
  for (size_t engine = 0; engine < engines; ++engine) {
    check(granule.readers[engine], read_[engine], "reading");
    if (engine != own() || !streams) check(granule.streamers[engine], read_[engine], "using");
  }
  if (granule.writer >= 0) check(granule.writer, finished_[engine_of(granule.writer)], "writing");
}

void L2Order::fill(const Range& range) {
  for (uint64_t at = range.begin / Memory::granule; at * Memory::granule < range.end; ++at) {
    Granule& granule = use(at);
    check_overwrite(at, granule, true, false);
    granule.writer = -1, granule.streamers[own()] = static_cast<int32_t>(index());
  }
}

void L2Order::fill(const View& view, const Shape& shape) {
  for_granules(view, shape, [&](uint64_t at) {
    fill(Range{at * Memory::granule, (at + 1) * Memory::granule});
  });
}

void L2Order::write(const Descriptor& descriptor) {
  for (size_t engine = 0; engine < engines; ++engine) {
    const Waits& waits = descriptor.result_waits[engine];
    if (waits.results) finish(engine, index() - 1);
    if (waits.sources) finish_reading(engine, index() - 1);
  }
  if (descriptor.result_in_dram) return;
  const auto same_place = [&](const Operand& operand) { return operand.view == descriptor.result; };
  const bool in_place =
      same_place(descriptor.source) || (descriptor.source2 && same_place(*descriptor.source2));
  for_granules(descriptor.result, descriptor.output, [&](uint64_t at) {
    Granule& granule = use(at);
    check_overwrite(at, granule, false, in_place);
    granule.writer = static_cast<int32_t>(index());
  });
}

}  // namespace ane::sim
