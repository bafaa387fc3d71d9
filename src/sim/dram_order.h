// Who wrote what lies in DRAM, and who may still be reading it: scratch above all, whose bytes serve one
// tensor after the other.
#pragma once

#include <map>
#include <set>

#include "sim/ordering.h"

namespace ane::sim {

class DramOrder {
 public:
  // `order` says what the task at hand has waited for, and outlives this.
  explicit DramOrder(const L2Order& order) : order_(order) {}

  void reset() { memories_.clear(); }

  // The host filled all of it.
  void fill(const Memory& memory);

  // Task `index` reads an operand. Adds the tasks whose results those are to `sources`. Throws Hazard over
  // bytes that nobody wrote, and over results of tasks when the operand does not wait for them.
  void read(const Operand& operand, bool first_source, int64_t index, std::set<int64_t>& sources);
  // The same of coefficients in [begin, end).
  void read(const Memory& memory, uint64_t begin, uint64_t end, int64_t index, std::set<int64_t>& sources);

  // Task `index` writes its result. Throws Hazard over what the other engine may still be reading or writing.
  void write(const View& view, const Shape& shape, int64_t index);

  // Throws Hazard when a byte of the tensor was never written.
  void need_written(const View& view, const Shape& shape);

 private:
  struct Use {
    bool data = false;
    int64_t writer = no_task;
    // The last of each engine that read or wrote it, unless known to be done: what all know is not kept, so
    // that more stretches are of one state.
    std::array<int64_t, 2> users{no_task, no_task};
    friend bool operator==(const Use&, const Use&) = default;
  };

  // Whether all later tasks know that one of the users is.
  bool is_done(const Use& use, int64_t user) const;
  void read(const Memory& memory, const Extents& extents, bool waits, int64_t index,
            std::set<int64_t>& sources);

  const L2Order& order_;
  std::map<const Memory*, Intervals<Use>> memories_;
};

}  // namespace ane::sim
