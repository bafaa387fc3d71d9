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

}  // namespace

L2Order::L2Order(uint64_t l2_bytes) : granules_(static_cast<size_t>(l2_bytes / Memory::granule)) {}

void L2Order::reset() {
  std::fill(granules_.begin(), granules_.end(), Granule{});
  engine_of_task_.clear();
  finished_ = read_ = {none, none};
  chained_to_ = none;
  drained_ = false;
}

void L2Order::begin(const Descriptor& descriptor) {
  engine_of_task_.push_back(descriptor.engine());
  const int64_t before = index() - 1;
  if (drained_ && descriptor.reads_dram) wait_for(before);
  drained_ = descriptor.drains;
  for (size_t engine = 0; engine < engines; ++engine) {
    const Waits& waits = descriptor.waits[engine];
    if (waits.results) finished_[engine] = before;
    if (waits.sources || waits.results) read_[engine] = before;
    if (!waits.chained) continue;
    // The task before has begun, so its engine has finished all tasks before that one.
    chained_to_ = before;
    finished_[engine] = std::max(finished_[engine], before - 1);
    read_[engine] = std::max(read_[engine], before - 1);
  }
}

void L2Order::wait_for(int64_t task) {
  int64_t& finished = finished_[engine_of(task)];
  finished = std::max(finished, task);
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
    Granule& granule = granules_[static_cast<size_t>(at)];
    const int64_t writer = granule.writer;
    if (writer >= 0 && writer > finished_[engine_of(writer)] && writer != chained_to_)
      throw Hazard(fmt::format("reads 0x{:x} of L2, which task {} wrote, without waiting for the {}",
                               at * Memory::granule, writer, name_of(engine_of(writer))));
    granule.user[own()] = static_cast<int32_t>(index());
  });
}

// Data of the task's own engine is never in danger: it works on one task at a time. A result in the place of
// its source follows a chained producer row by row.
void L2Order::check_overwrite(uint64_t at, bool in_place) const {
  const Granule& granule = granules_[static_cast<size_t>(at)];
  const size_t other = 1 - own();
  const auto fail = [&](int64_t task, const char* use) {
    throw Hazard(
        fmt::format("overwrites 0x{:x} of L2, which task {} may still be {}, without waiting for the {}",
                    at * Memory::granule, task, use, name_of(other)));
  };
  const auto in_danger = [&](int64_t task, int64_t done) {
    return task > done && !(in_place && task == chained_to_);
  };
  if (in_danger(granule.user[other], std::max(read_[other], finished_[other])))
    fail(granule.user[other], "using");
  if (granule.writer >= 0 && engine_of(granule.writer) == other &&
      in_danger(granule.writer, finished_[other]))
    fail(granule.writer, "writing");
}

void L2Order::fill(const Range& range) {
  for (uint64_t at = range.begin / Memory::granule; at * Memory::granule < range.end; ++at) {
    check_overwrite(at, false);
    Granule& granule = granules_[static_cast<size_t>(at)];
    granule.writer = -1, granule.user[own()] = static_cast<int32_t>(index());
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
    if (waits.results) finished_[engine] = index() - 1;
    if (waits.sources) read_[engine] = index() - 1;
  }
  if (descriptor.result_in_dram) return;
  const auto same_place = [&](const Operand& operand) { return operand.view == descriptor.result; };
  const bool in_place =
      same_place(descriptor.source) || (descriptor.source2 && same_place(*descriptor.source2));
  for_granules(descriptor.result, descriptor.output, [&](uint64_t at) {
    check_overwrite(at, in_place);
    granules_[static_cast<size_t>(at)].writer = static_cast<int32_t>(index());
  });
}

void L2Order::end() {
  if (chained_to_ == none) return;
  int64_t& finished = finished_[engine_of(chained_to_)];
  finished = std::max(finished, chained_to_);
  chained_to_ = none;
}

}  // namespace ane::sim
