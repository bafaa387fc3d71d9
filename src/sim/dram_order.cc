#include "sim/dram_order.h"

#include <fmt/format.h>

namespace ane::sim {

namespace {

[[noreturn]] void never_written(uint64_t address, const Memory& memory) {
  throw Hazard(fmt::format("reads 0x{:x} of {}, which was never written", address, memory.name()));
}

}  // namespace

void DramOrder::fill(const Memory& memory) {
  Extents(0, memory.size(), 1).visit(memories_[&memory], [](uint64_t, Use& use) { use.data = true; });
}

bool DramOrder::is_done(const Use& use, int64_t user) const {
  return user == no_task || (user == use.writer ? order_.has_ended(user) : order_.has_read(user));
}

// Data that an earlier task wrote may still be under way unless the source DMA waits for it. Shown for source
// 1 by every captured program that goes through scratch; no program shows what a second source has to say.
void DramOrder::read(const Operand& operand, bool first_source, int64_t index, std::set<int64_t>& sources) {
  const bool waits = !first_source || operand.dependency_mode == 1;
  read(*operand.view.memory, extents_of(operand.view, operand.shape, dram_granule), waits, index, sources);
}

void DramOrder::read(const Memory& memory, uint64_t begin, uint64_t end, int64_t index,
                     std::set<int64_t>& sources) {
  read(memory, Extents(begin, end - begin, 1), true, index, sources);
}

void DramOrder::read(const Memory& memory, const Extents& extents, bool waits, int64_t index,
                     std::set<int64_t>& sources) {
  extents.visit(memories_[&memory], [&](uint64_t at, Use& use) {
    if (!use.data) never_written(at, memory);
    if (use.writer != no_task && !waits)
      throw Hazard(fmt::format("reads 0x{:x} of {}, which task {} wrote, without DependencyMode 1", at,
                               memory.name(), use.writer));
    if (use.writer != no_task) sources.insert(use.writer);
    for (int64_t& user : use.users)
      if (is_done(use, user)) user = no_task;
    use.users[order_.engine_of(index)] = index;
  });
}

void DramOrder::write(const View& view, const Shape& shape, int64_t index) {
  const Memory& memory = *view.memory;
  extents_of(view, shape, dram_granule).visit(memories_[&memory], [&](uint64_t at, Use& use) {
    for (const int64_t user : use.users)
      if (!is_done(use, user) && !order_.is_of_own_engine(user))
        throw Hazard(fmt::format("overwrites 0x{:x} of {}, which task {} may still be {}", at, memory.name(),
                                 user, user == use.writer ? "writing" : "reading"));
    // Whoever has waited for this task has waited for all of these.
    use = {true, index, {no_task, no_task}};
    use.users[order_.engine_of(index)] = index;
  });
}

void DramOrder::need_written(const View& view, const Shape& shape) {
  extents_of(view, shape, dram_granule).visit(memories_[view.memory], [&](uint64_t at, const Use& use) {
    if (!use.data) never_written(at, *view.memory);
  });
}

}  // namespace ane::sim
