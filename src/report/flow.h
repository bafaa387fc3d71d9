// Which task wrote the bytes that a task reads, from the task words alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "h13/task.h"

namespace ane::report {

// A tensor as a task reads or writes it.
struct Operand {
  bool on_chip = false;  // in L2; else in the buffer of `slot`
  uint32_t slot = 0;
  uint64_t base = 0;                                  // bytes
  uint64_t row = 0, plane = 0, depth = 0, group = 0;  // strides in bytes
  int64_t groups = 1, depths = 1, channels = 1, height = 1, width = 1;
  int64_t interleave = 1, element_size = 2;

  std::vector<int64_t> shape() const { return {groups, depths, channels, height, width}; }
};

struct TaskOperands {
  Operand source, result;
  std::optional<Operand> source2;
  // Where source 1 stays in L2 for later tasks after it came by DMA.
  std::optional<Operand> kept;
  bool coefficients_from_scratch = false;
};
TaskOperands operands_of(const h13::Task& task);

// The last writer of every byte of one memory.
class WriterMap {
 public:
  void write(const Operand& operand, int writer);
  // Writers of the bytes that `operand` reads, in ascending order.
  std::set<int> writers(const Operand& operand) const;

 private:
  struct Run {
    uint64_t end;
    int writer;
  };
  void assign(uint64_t begin, uint64_t end, int writer);

  std::map<uint64_t, Run> runs_;  // by begin; disjoint
};

}  // namespace ane::report
