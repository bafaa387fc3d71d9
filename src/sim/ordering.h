// Which tasks may still be at work in L2 when another one reads or overwrites their data.
//
// The NE and the PE run side by side and overlap their own tasks, too, and the tile DMA fills L2 ahead of
// both. Nothing but the wait bits of a task (SourceCfg, ResultCfg) holds them apart: the program has to say
// of every task whose work it needs finished. docs/h13-semantics.md, section 6, has the rules. All captured
// programs keep them, and none of the wait bits on sources in L2 could go (tests/sim/oracle_test.cc).
#pragma once

#include <array>
#include <set>
#include <vector>

#include "sim/descriptor.h"

namespace ane::sim {

class L2Order {
 public:
  void reset();

  // A task begins: its SourceCfg waits count from here on. Tasks come in order, from 0. Throws Hazard when it
  // follows a task of an engine that the one before is not of.
  void begin(const Descriptor& descriptor);
  // The task also waits for all of an earlier one.
  void wait_for(int64_t task) { finish(engine_of(task), task); }

  // The task reads an operand that lies in L2. Adds the tasks whose results those are to `sources`. Throws
  // Hazard when a byte comes from a task not waited for, or from none.
  void read(const View& view, const Shape& shape, std::set<int64_t>& sources);
  // The task's own source DMA fills these bytes, which the task then reads.
  void fill(const Range& range);
  void fill(const View& view, const Shape& shape);
  // From here on the task's ResultCfg waits count, too.
  void begin_result(const Descriptor& descriptor);
  // The result passes through here on its way to DRAM, or stays here.
  void stage(const Range& range);
  void write(const Descriptor& descriptor);
  // `fill`, `stage` and `write` throw Hazard over bytes with which another task may not be done.

  // The engine of a task that has begun.
  size_t engine_of(int64_t task) const {
    return static_cast<size_t>(engine_of_task_[static_cast<size_t>(task)]);
  }
  // Is it known that `task` has ended, or has at least read its sources, when the one at hand writes? Then it
  // is known to all later tasks, too.
  bool has_ended(int64_t task) const { return task <= finished_[engine_of(task)]; }
  bool has_read(int64_t task) const { return task <= read_[engine_of(task)]; }
  // An engine computes one task after the other.
  bool is_of_own_engine(int64_t task) const { return engine_of(task) == own(); }

 private:
  static constexpr size_t engines = 2;
  static constexpr int64_t none = -1;

  using LastTasks = std::array<int32_t, engines>;  // by engine; -1: none
  struct Use {
    bool data = false;            // that a task may read
    int32_t writer = -1;          // the task whose result lies here; -1 for what a DMA brought
    LastTasks readers{-1, -1};    // that read data left here
    LastTasks streamers{-1, -1};  // whose own source or result passed through here
    friend bool operator==(const Use&, const Use&) = default;
  };

  size_t own() const { return static_cast<size_t>(engine_of_task_.back()); }
  int64_t index() const { return static_cast<int64_t>(engine_of_task_.size()) - 1; }
  void finish(size_t engine, int64_t task);
  void finish_reading(size_t engine, int64_t task);
  // What of the task's own engine may be in danger; all of the other engine always is.
  struct Own {
    bool data = true;     // results, and their reading
    bool streams = true;  // sources and results that pass through
  };
  void check_overwrite(uint64_t at, const Use& use, const Own& own_work, bool in_place) const;
  void pass_through(const Extents& extents, const Own& own_work, bool stays);

  Intervals<Use> uses_;
  std::vector<Engine> engine_of_task_;
  std::vector<int64_t> followed_;  // by task: the one it follows row by row, or none
  // By engine: tasks up to this one have finished, and have at least finished reading, as far as the task at
  // hand knows.
  std::array<int64_t, engines> finished_{none, none}, read_{none, none};
  // The task before, which this one follows row by row without waiting for its end.
  int64_t chained_to_ = none;
  bool drained_ = false;      // the task before
  bool loads_ahead_ = false;  // the task at hand
};

}  // namespace ane::sim
