#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace ane {

void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  if (count <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  // Asked once: the answer comes from the system's files.
  static const int64_t cores = std::max<int64_t>(std::thread::hardware_concurrency(), 1);
  const int64_t threads = std::min(cores, (count + grain - 1) / grain);
  if (threads <= 1) {
    body(0, count);
    return;
  }
  // Four pieces a thread even out pieces of unequal cost.
  const int64_t piece = std::max(grain, (count + threads * 4 - 1) / (threads * 4));
  std::atomic<int64_t> next{0};
  std::exception_ptr error;
  std::mutex mutex;
  const auto work = [&] {
    for (;;) {
      const int64_t begin = next.fetch_add(piece);
      if (begin >= count) return;
      try {
        body(begin, std::min(begin + piece, count));
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
        next = count;
      }
    }
  };
  std::vector<std::jthread> pool;
  for (int64_t i = 1; i < threads; ++i) pool.emplace_back(work);
  work();
  pool.clear();
  if (error) std::rethrow_exception(error);
}

}  // namespace ane
