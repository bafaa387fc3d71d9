// Threads are made once and kept: a compilation has hundreds of short loops, and making a thread takes as
// long as one of them. Whoever calls works, too, so a loop inside a loop always comes to its end.
#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace ane {

namespace {

// A loop under way. Lives with its caller, who leaves only when no helper is inside.
class Loop {
 public:
  Loop(int64_t count, int64_t piece, const std::function<void(int64_t, int64_t)>& body)
      : count_(count), piece_(piece), body_(body) {}

  // Does pieces until none is left.
  void work() {
    for (;;) {
      const int64_t begin = next_.fetch_add(piece_);
      if (begin >= count_) return;
      try {
        body_(begin, std::min(begin + piece_, count_));
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = std::current_exception();
        next_ = count_;
      }
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

  // The pool's, guarded by its mutex.
  int64_t wanted = 0, inside = 0;  // helpers that may still come, and those at work

 private:
  const int64_t count_, piece_;
  const std::function<void(int64_t, int64_t)>& body_;
  std::atomic<int64_t> next_{0};
  std::exception_ptr error_;
  std::mutex mutex_;
};

class Pool {
 public:
  explicit Pool(int64_t helpers) {
    for (int64_t i = 0; i < helpers; ++i)
      threads_.emplace_back([this](const std::stop_token& stop) { help(stop); });
  }

  void run(Loop& loop, int64_t helpers) {
    {
      const std::lock_guard lock(mutex_);
      loop.wanted = helpers;
      loops_.push_back(&loop);
    }
    for (int64_t i = 0; i < helpers; ++i) work_to_do_.notify_one();
    loop.work();
    std::unique_lock lock(mutex_);
    loops_.remove(&loop);
    loop_left_.wait(lock, [&] { return loop.inside == 0; });
  }

 private:
  void help(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto open = [](const Loop* loop) { return loop->wanted > 0; };
      auto found = loops_.end();
      const bool any = work_to_do_.wait(lock, stop, [&] {
        found = std::find_if(loops_.begin(), loops_.end(), open);
        return found != loops_.end();
      });
      if (!any) return;
      Loop& loop = **found;
      --loop.wanted;
      ++loop.inside;
      lock.unlock();
      loop.work();
      lock.lock();
      if (--loop.inside == 0) loop_left_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any work_to_do_;
  std::condition_variable loop_left_;
  std::list<Loop*> loops_;
  std::vector<std::jthread> threads_;  // last: they stop before the rest goes
};

}  // namespace

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
  Loop loop(count, std::max(grain, (count + threads * 4 - 1) / (threads * 4)), body);
  static Pool pool(cores - 1);
  pool.run(loop, threads - 1);
  loop.rethrow();
}

void do_together(const std::function<void()>& first, const std::function<void()>& second) {
  parallel_for(2, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) (i == 0 ? first : second)();
  });
}

}  // namespace ane
