// Against an array with one state for each address, on random stretches and patterns.
#include "base/intervals.h"

#include <gtest/gtest.h>

#include <algorithm>
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
  void set(const RepeatedRows& rows, int value) {
    std::set<int> found, expected;
    std::vector<uint64_t> addresses;
    for (uint64_t i = 0; i < rows.count; ++i)
      for (const RepeatedRows::Row& row : rows.rows)
        for (uint64_t byte = 0; byte < row.bytes; ++byte)
          addresses.push_back(rows.begin + i * rows.step + row.offset + byte);
    const auto body = [&](uint64_t at, int& state) {
      EXPECT_TRUE(std::binary_search(addresses.begin(), addresses.end(), at)) << at;
      found.insert(state), state = value;
    };
    intervals_.visit(rows, body);
    for (const uint64_t at : addresses) expected.insert(array_[at]), array_[at] = value;
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
      RepeatedRows rows{begin, random(0, 2) == 0 ? 1 : random(1, most), step, {{0, bytes}}};
      if (bytes >= 3 && random(0, 1) == 0) {  // two rows of what was one
        const uint64_t cut = random(1, bytes - 2);
        rows.rows = {{0, cut}, {cut + 1, bytes - cut - 1}};
      }
      pair.set(rows, static_cast<int>(random(0, 3)));
      pair.check();
    }
  }
}

// What one row leaves behind becomes like what follows, in the middle of the loop over the rows. On the heap,
// so that the address sanitizer sees any step beyond.
TEST(Intervals, MayJoinWhileRowsAreVisited) {
  const auto intervals = std::make_unique<Intervals<int>>();
  const auto set = [](uint64_t, int& state) { state = 1; };
  intervals->visit(10, 20, set);
  intervals->visit(RepeatedRows{0, 3, 16, {{0, 12}}}, set);  // [0, 10) joins [10, 20)
  for (uint64_t address = 0; address < 48; ++address) {
    int found = -1;
    const auto look = [&](uint64_t, int& state) { found = state; };
    intervals->visit(address, address + 1, look);
    EXPECT_EQ(found, address < 20 || address % 16 < 12 ? 1 : 0) << address;
  }
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
  EXPECT_EQ(pieces(dense), 3);  // the first row, two that repeat
}

}  // namespace
}  // namespace ane
