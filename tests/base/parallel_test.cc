// Loops over threads: every piece once, whatever happens in them.
#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace ane {
namespace {

TEST(Parallel, EveryIndexComesOnce) {
  for (const int64_t count : {0, 1, 2, 7, 1000, 4097}) {
    std::vector<std::atomic<int>> times(static_cast<size_t>(count));
    parallel_for(count, 3, [&](int64_t begin, int64_t end) {
      ASSERT_LT(begin, end);
      for (int64_t i = begin; i < end; ++i) ++times[static_cast<size_t>(i)];
    });
    for (const std::atomic<int>& number : times) EXPECT_EQ(number, 1);
  }
}

TEST(Parallel, PiecesBelowTheGrainStayWithTheCaller) {
  const std::thread::id caller = std::this_thread::get_id();
  int pieces = 0;
  parallel_for(10, 10, [&](int64_t begin, int64_t end) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_EQ(begin, 0);
    EXPECT_EQ(end, 10);
    ++pieces;
  });
  EXPECT_EQ(pieces, 1);
}

TEST(Parallel, LoopsInsideLoopsEnd) {
  std::atomic<int64_t> sum = 0;
  parallel_for(16, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      parallel_for(100, 1, [&](int64_t from, int64_t to) { sum += to - from; });
  });
  EXPECT_EQ(sum, 1600);
}

TEST(Parallel, LoopsOfSeveralThreadsEnd) {
  std::atomic<int64_t> sum = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i)
      callers.emplace_back([&] {
        for (int round = 0; round < 200; ++round)
          parallel_for(50, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
      });
  }
  EXPECT_EQ(sum, 4 * 200 * 50);
}

TEST(Parallel, TheFirstExceptionComesOutAndTheNextLoopWorks) {
  for (int round = 0; round < 50; ++round) {
    EXPECT_THROW(parallel_for(100, 1,
                              [](int64_t begin, int64_t) {
                                if (begin >= 40) throw std::runtime_error("no");
                              }),
                 std::runtime_error);
    std::atomic<int64_t> sum = 0;
    parallel_for(100, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
    EXPECT_EQ(sum, 100);
  }
}

TEST(Parallel, TwoThingsDoneTogetherAreBothDone) {
  for (int round = 0; round < 200; ++round) {
    int first = 0;
    int second = 0;
    do_together([&] { ++first; }, [&] { ++second; });
    EXPECT_EQ(first, 1);
    EXPECT_EQ(second, 1);
  }
  const auto nothing = [] {};
  const auto fails = [] { throw std::runtime_error("no"); };
  EXPECT_THROW(do_together(fails, nothing), std::runtime_error);
  EXPECT_THROW(do_together(nothing, fails), std::runtime_error);
}

}  // namespace
}  // namespace ane
