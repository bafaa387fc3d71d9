// A functional simulator of the H13 engine: runs any .hwx, Apple's or ours, task by task, on the words alone.
//
// It knows the container, the register table and docs/h13-semantics.md, and nothing of the compiler, so that
// it can contradict it. Each task reads its sources (DRAM through the tile DMA, or L2), computes in the
// engine's number formats and writes its result before the next task begins. Every byte of memory carries
// whether it was ever written; reading one that was not, leaving a buffer, misaligned strides and broken
// limits are hazards, and hazards are errors.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "h13/task.h"
#include "hwx/file.h"

namespace ane::sim {

struct Options {
  // Called before each task with its index and the number of tasks.
  std::function<void(size_t task, size_t count)> progress;
  // Called after each task with one line that says what it did.
  std::function<void(const std::string& line)> trace;
};

struct Statistics {
  uint64_t multiply_accumulates = 0;
  uint64_t dram_bytes_read = 0, dram_bytes_written = 0, coefficient_bytes = 0;
  double seconds = 0;
};

// Dense NCHW values of one surface.
struct Values {
  int64_t n = 1, c = 1, h = 1, w = 1;
  std::vector<float> data;
};

// The tasks whose results a task reads: as source 1, as source 2, as coefficients.
using Origins = std::array<std::set<int64_t>, 3>;

class Simulator {
 public:
  // Decodes the tasks; throws Error when they are unsound. `file` is copied where needed.
  explicit Simulator(const hwx::File& file);
  ~Simulator();
  Simulator(Simulator&&) noexcept;

  // Looks at all tasks without their numbers: limits, waits, and that whatever is read in L2 and DRAM was
  // written. Costs by tasks, not by bytes, and finds less than a run only in that rows count as whole
  // granules (16 bytes in L2, 64 in DRAM) and coefficients are not looked at. Returns for each task those
  // whose results it reads. Throws Error("FILE: task N: HAZARD") on the first hazard.
  static std::vector<Origins> check(const hwx::File& file);

  // Values are rounded to the surface's element type. `binding` is the surface's run-time name. Throws Error
  // when there is no such input or the count differs from the surface's.
  void set_input(const std::string& binding, const std::vector<float>& values);

  // Runs all tasks. Throws Error("FILE: task N: HAZARD") on the first hazard.
  Statistics run(const Options& options = {});

  // An output surface after run(). Throws Error when a byte of it was never written.
  Values output(const std::string& binding) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ane::sim
