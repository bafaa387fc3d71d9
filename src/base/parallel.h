// A parallel loop, for work whose pieces do not touch each other: weight conversion, simulated channels.
#pragma once

#include <cstdint>
#include <functional>

namespace ane {

// Calls body(begin, end) for pieces that together cover [0, count), on as many threads as the machine has
// cores. `grain` is the smallest piece worth a thread; below it everything runs on the caller. The first
// exception thrown by a piece is rethrown here after all pieces have ended.
void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t begin, int64_t end)>& body);

// Two pieces of work at the same time, where there are cores for it. Returns when both have ended;
// an exception of either is rethrown.
void do_together(const std::function<void()>& first, const std::function<void()>& second);

}  // namespace ane
