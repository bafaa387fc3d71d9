// Scratch by first fit: each buffer at the lowest offset free during its whole life, which is from the first
// operation that touches it to the last; to its last reader, unless that one may still be at work when
// another buffer's writer comes, as the two engines run side by side. Two orders are tried: by start, as in
// the one captured program with buffers of different sizes (env_mm_r2rr_m128_k2048_n2048_tx1_ty1), and by
// size, the largest first, which for a chain of layers keeps the two largest neighbours side by side: no plan
// can beat that. The second counts when it takes less.
#include "h13/memory_plan.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "h13/geometry.h"

namespace ane::h13 {

namespace {

struct LiveRange {
  int buffer = -1;
  int64_t bytes = 0;
  size_t first = std::numeric_limits<size_t>::max(), last = 0;
  // By engine, as Placement::have_read: its last reader, and the last operation of which every writer on the
  // other engine knows that it has read.
  std::array<int64_t, 2> last_reader{-1, -1};
  std::array<int64_t, 2> known_to_writers{std::numeric_limits<int64_t>::max(),
                                          std::numeric_limits<int64_t>::max()};
};

// Whether all of the one's readers have finished before any of the other's writers comes.
bool ends_before(const LiveRange& a, const LiveRange& b) {
  return a.last < b.first && a.last_reader[0] <= b.known_to_writers[0] &&
         a.last_reader[1] <= b.known_to_writers[1];
}

bool overlap(const LiveRange& a, const LiveRange& b) {
  return !ends_before(a, b) && !ends_before(b, a);
}

std::vector<LiveRange> live_ranges(const EngineProgram& program, int64_t alignment) {
  std::vector<LiveRange> ranges(program.buffers.size());
  const auto touched = [&](const View& view, size_t op) -> LiveRange& {
    LiveRange& range = ranges[static_cast<size_t>(view.buffer)];
    range.first = std::min(range.first, op);
    range.last = std::max(range.last, op);
    return range;
  };
  for (size_t i = 0; i < program.ops.size(); ++i) {
    const EngineOp& op = program.ops[i];
    const size_t engine = is_neural(op) ? 0 : 1, other = 1 - engine;
    const auto reads = [&](const View& view) {
      touched(view, i).last_reader[engine] = static_cast<int64_t>(i);
    };
    const auto writes = [&](const View& view) {
      int64_t& known = touched(view, i).known_to_writers[other];
      known = std::min(known, op.place.have_read[other]);
    };
    reads(op.source);
    writes(op.destination);
    if (op.source2) reads(*op.source2);
    if (op.planned_source) reads(*op.planned_source);
    if (op.planned_destination) writes(*op.planned_destination);
    if (const auto* work = std::get_if<Convolution>(&op.work); work && work->kernel) reads(*work->kernel);
  }
  std::vector<LiveRange> scratch;
  for (size_t i = 0; i < ranges.size(); ++i) {
    const Buffer& buffer = program.buffers[i];
    if (buffer.kind != BufferKind::Scratch || ranges[i].first > ranges[i].last) continue;
    ranges[i].buffer = static_cast<int>(i);
    ranges[i].bytes = round_up(buffer.bytes, alignment);
    scratch.push_back(ranges[i]);
  }
  return scratch;
}

// Places the buffers in this order; returns the bytes they take.
int64_t first_fit(EngineProgram& program, const std::vector<LiveRange>& ranges) {
  int64_t size = 0;
  std::vector<LiveRange> placed;
  for (const LiveRange& range : ranges) {
    // Neighbours in time, by address: the first gap that is wide enough.
    std::vector<std::pair<int64_t, int64_t>> taken;
    for (const LiveRange& other : placed)
      if (overlap(range, other)) {
        const int64_t base = program.buffers[static_cast<size_t>(other.buffer)].base;
        taken.emplace_back(base, base + other.bytes);
      }
    std::sort(taken.begin(), taken.end());
    int64_t base = 0;
    for (const auto& [begin, end] : taken) {
      if (base + range.bytes <= begin) break;
      base = std::max(base, end);
    }
    program.buffers[static_cast<size_t>(range.buffer)].base = base;
    size = std::max(size, base + range.bytes);
    placed.push_back(range);
  }
  return size;
}

}  // namespace

int64_t plan_scratch(EngineProgram& program, const Target& target) {
  std::vector<LiveRange> by_start = live_ranges(program, target.dma_alignment);
  std::vector<LiveRange> by_size = by_start;
  std::stable_sort(by_start.begin(), by_start.end(),
                   [](const LiveRange& a, const LiveRange& b) { return a.first < b.first; });
  std::stable_sort(by_size.begin(), by_size.end(),
                   [](const LiveRange& a, const LiveRange& b) { return a.bytes > b.bytes; });
  const int64_t smallest = first_fit(program, by_size);
  int64_t size = first_fit(program, by_start);
  if (size > smallest) size = first_fit(program, by_size);
  return round_up(size, target.page);
}

void check_scratch(const EngineProgram& program) {
  const std::vector<LiveRange> ranges = live_ranges(program, 1);
  for (size_t i = 0; i < ranges.size(); ++i)
    for (size_t j = i + 1; j < ranges.size(); ++j) {
      if (!overlap(ranges[i], ranges[j])) continue;
      const Buffer& a = program.buffers[static_cast<size_t>(ranges[i].buffer)];
      const Buffer& b = program.buffers[static_cast<size_t>(ranges[j].buffer)];
      ensure(a.base + a.bytes <= b.base || b.base + b.bytes <= a.base,
             "scratch buffers overlap while both are alive");
    }
}

}  // namespace ane::h13
