// Against an array with one state for each address, on random stretches and patterns.
#include "base/intervals.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>
#include <set>
#include <vector>

namespace ane {
namespace {

constexpr uint64_t size = 300;

// Everything visited gets the state `value`; the states found there, from both, must be the same.
class Pair {
 public:
  void set(uint64_t begin, uint64_t bytes, uint64_t count, uint64_t step, int value) {
    std::set<int> found, expected;
    const auto body = [&](uint64_t at, int& state) {
      EXPECT_TRUE(at >= begin && (at - begin) % step < bytes) << at;
      found.insert(state), state = value;
    };
    intervals_.visit(begin, bytes, count, step, body);
    for (uint64_t i = 0; i < count; ++i)
      for (uint64_t at = begin + i * step; at < begin + i * step + bytes; ++at)
        expected.insert(array_[at]), array_[at] = value;
    EXPECT_EQ(found, expected);
  }
  void check() {
    for (uint64_t at = 0; at < size; ++at) {
      int state = -1;
      const auto body = [&](uint64_t, int& here) { state = here; };
      Intervals<int> copy = intervals_;
      copy.visit(at, at + 1, body);
      ASSERT_EQ(state, array_[at]) << at;
    }
  }

 private:
  Intervals<int> intervals_;
  std::vector<int> array_ = std::vector<int>(size, 0);
};

TEST(Intervals, SayTheSameAsAnArray) {
  std::mt19937 engine(5);
  const auto random = [&](uint64_t from, uint64_t to) {
    return std::uniform_int_distribution<uint64_t>(from, to)(engine);
  };
  for (int round = 0; round < 40; ++round) {
    Pair pair;
    for (int i = 0; i < 25; ++i) {
      // Few steps, so that patterns often meet their like.
      const uint64_t step = std::array<uint64_t, 4>{6, 12, 12, 17}[random(0, 3)], bytes = random(1, step);
      const uint64_t begin = random(0, 60), most = (size - begin - bytes) / step + 1;
      pair.set(begin, bytes, random(0, 2) == 0 ? 1 : random(1, most), step, static_cast<int>(random(0, 3)));
      pair.check();
    }
  }
}

// What one row leaves behind becomes like what follows, in the middle of the loop over the rows. On the heap, so
// that the address sanitizer sees any step beyond.
TEST(Intervals, MayJoinWhileRowsAreVisited) {
  const auto intervals = std::make_unique<Intervals<int>>();
  const auto set = [](uint64_t, int& state) { state = 1; };
  intervals->visit(10, 20, set);
  intervals->visit(0, 12, 3, 16, set);  // [0, 10) joins [10, 20)
  std::vector<std::pair<uint64_t, int>> found;
  const auto look = [&](uint64_t at, int& state) { found.emplace_back(at, state); };
  intervals->visit(0, 50, look);
  // Rows are [0, 12), [16, 28) and [32, 44).
  const std::vector<std::pair<uint64_t, int>> expected = {{0, 1}, {28, 0}, {32, 1}, {44, 0}};
  EXPECT_EQ(found, expected);
}

TEST(Extents, MergeWhatIsAdjacent) {
  Intervals<int> intervals;
  const auto pieces = [&](const Extents& extents) {
    int count = 0;
    extents.visit(intervals, [&](uint64_t, int&) { ++count; });
    return count;
  };
  Extents dense(0x100, 50, 64);  // rows of 50 bytes in 64, planes of 8 rows
  dense.repeat(8, 64), dense.repeat(100, 512);
  EXPECT_EQ(dense.begin(), 0x100u);
  EXPECT_EQ(dense.end(), 0x100u + 51200);
  EXPECT_EQ(pieces(dense), 1);
  Extents every_second(0x140, 64, 64);
  every_second.repeat(4, 128), every_second.repeat(100, 512);
  every_second.visit(intervals, [](uint64_t, int& state) { state = 1; });
  EXPECT_EQ(pieces(dense), 4);  // the first row, two that repeat, the last row, which nothing follows
}

}  // namespace
}  // namespace ane
