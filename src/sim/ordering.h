// Which tasks may still be at work in L2 when another one reads or overwrites their data.
//
// The NE and the PE run side by side, each through its own tasks in order, and the tile DMA fills L2 ahead of
// both. Nothing but the wait bits of a task holds them apart (SourceCfg and ResultCfg, Alias*): the program
// has to say of every task whose work it needs finished. The rules here are those that all captured programs
// keep (docs/h13-semantics.md, section 6).
#pragma once

#include <array>
#include <vector>

#include "sim/descriptor.h"

namespace ane::sim {

class L2Order {
 public:
  explicit L2Order(uint64_t l2_bytes);

  void reset();

  // A task begins: its SourceCfg waits count from here on. Tasks come in order, from 0.
  void begin(const Descriptor& descriptor);
  // The task also waits for all of an earlier one.
  void wait_for(int64_t task);

  // The task reads an operand that lies in L2. Throws Hazard when a byte comes from a task not waited for.
  void read(const View& view, const Shape& shape);
  // The task's own source DMA fills these bytes, which the task then reads.
  void fill(const Range& range);
  void fill(const View& view, const Shape& shape);
  // The task leaves its result here; its ResultCfg waits count, too.
  // `fill` and `write` throw Hazard over bytes with which a task of the other engine may not be done.
  void write(const Descriptor& descriptor);

  // The task is complete.
  void end();

 private:
  static constexpr size_t engines = 2;
  static constexpr int64_t none = -1;

  struct Granule {
    int32_t writer = -1;                        // the task whose result lies here; -1 for what a DMA brought
    std::array<int32_t, engines> user{-1, -1};  // the last task of each engine that read or filled it
  };

  size_t own() const { return static_cast<size_t>(engine_of_task_.back()); }
  size_t engine_of(int64_t task) const {
    return static_cast<size_t>(engine_of_task_[static_cast<size_t>(task)]);
  }
  int64_t index() const { return static_cast<int64_t>(engine_of_task_.size()) - 1; }
  template <typename Body>
  void for_granules(const View& view, const Shape& shape, Body body);
  void check_overwrite(uint64_t granule, bool in_place) const;

  std::vector<Granule> granules_;
  std::vector<Engine> engine_of_task_;
  // By engine: tasks up to this one have finished, and have at least finished reading, as far as the task at
  // hand knows.
  std::array<int64_t, engines> finished_{none, none}, read_{none, none};
  // The task before, which this one follows row by row without waiting for its end.
  int64_t chained_to_ = none;
  bool drained_ = false;  // the task before
};

}  // namespace ane::sim
