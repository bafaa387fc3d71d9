// Non-maximum suppression of boxes whose overlaps are easy to see.

#include "mil_run.h"

namespace ane::reference {
namespace {

// Boxes of 2 x 2 by their centres. The second overlaps the first in half of each (IoU 1/3), the third is far
// away.
const Values boxes = {1, 1, 2, 2, 2, 1, 2, 2, 9, 9, 2, 2};

std::vector<Values> suppressed(const Values& scores, double iou, double threshold, int64_t most,
                               bool per_class = false) {
  const auto classes = static_cast<int64_t>(scores.size()) / 3;
  std::vector<Bound> operands = {
      {"boxes", Fed{{1, 3, 4}, boxes}},   {"scores", Fed{{1, 3, classes}, scores}},
      {"iou_threshold", mil_number(iou)}, {"score_threshold", mil_number(threshold)},
      {"max_boxes", mil_integer(most)},   {"per_class_suppression", mil_truth(per_class)}};
  std::vector<Values> values;
  for (const Tensor& tensor :
       results("non_maximum_suppression", operands,
               {{{1, most, 4}}, {{1, most, classes}}, {{1, most}, DataType::Int32}, {{1}, DataType::Int32}},
               "ios15"))
    values.push_back(tensor.data);
  return values;
}

TEST(MilNms, DropsWhatOverlapsABetterBox) {
  const auto few = suppressed({0.8f, 0.9f, 0.3f}, 0.3, 0, 4);
  EXPECT_EQ(few[0], (Values{2, 1, 2, 2, 9, 9, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(few[1], (Values{0.9f, 0.3f, 0, 0}));
  EXPECT_EQ(few[2], (Values{1, 2, -1, -1}));
  EXPECT_EQ(few[3], (Values{2}));
  // An overlap of 1/3 is allowed by 0.34.
  EXPECT_EQ(suppressed({0.8f, 0.9f, 0.3f}, 0.34, 0, 4)[2], (Values{1, 0, 2, -1}));
}

TEST(MilNms, LimitsScoresAndNumbers) {
  EXPECT_EQ(suppressed({0.8f, 0.9f, 0.3f}, 0.3, 0.5, 2)[2], (Values{1, -1}));
  EXPECT_EQ(suppressed({0.8f, 0.9f, 0.3f}, 0.9, 0, 2)[2], (Values{1, 0}));
  // Where all are too low, the best is selected all the same.
  const auto low = suppressed({0.1f, 0.2f, 0.3f}, 0.3, 0.5, 2);
  EXPECT_EQ(low[2], (Values{2, -1}));
  EXPECT_EQ(low[3], (Values{1}));
}

TEST(MilNms, ClassesByThemselves) {
  // The first box is of class 1, the second of class 0.
  const Values scores = {0.1f, 0.8f, 0.9f, 0.2f, 0, 0.3f};
  EXPECT_EQ(suppressed(scores, 0.3, 0, 3, false)[2], (Values{1, 2, -1}));
  EXPECT_EQ(suppressed(scores, 0.3, 0, 3, true)[2], (Values{1, 0, 2}));
}

// Expected of Core ML by coremltools (tests/iOS14/test_tensor_operation.py).
TEST(MilNms, BoxesAtDistances) {
  const auto values =
      results("non_maximum_suppression",
              {{"boxes", Fed{{1, 4, 4}, {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3}}},
               {"scores", Fed{{1, 4, 1}, {-3.5f, 9.4f, 2.3f, 0.7f}}},
               {"iou_threshold", mil_number(0.2)},
               {"score_threshold", mil_number(0.4)},
               {"max_boxes", mil_integer(2)},
               {"per_class_suppression", mil_truth(true)}},
              {{{1, 2, 4}}, {{1, 2, 1}}, {{1, 2}, DataType::Int32}, {{1}, DataType::Int32}}, "ios16");
  EXPECT_EQ(values[0].data, (Values{1, 1, 1, 1, 2, 2, 2, 2}));
  EXPECT_EQ(values[1].data, (Values{9.4f, 2.3f}));
  EXPECT_EQ(values[2].data, (Values{1, 2}));
  EXPECT_EQ(values[3].data, (Values{2}));
}

// From iOS17 on boxes lie along the last axis, and there is neither a score threshold nor a count.
TEST(MilNms, BoxesAlongTheLastAxis) {
  const auto values = results("non_maximum_suppression",
                              {{"boxes", Fed{{1, 4, 3}, {1, 2, 9, 1, 1, 9, 2, 2, 2, 2, 2, 2}}},
                               {"scores", Fed{{1, 1, 3}, {0.8f, 0.9f, -5}}},
                               {"iou_threshold", mil_number(0.3)},
                               {"max_boxes", mil_integer(2)}},
                              {{{1, 4, 2}}, {{1, 1, 2}}, {{1, 2}, DataType::Int32}}, "ios17");
  EXPECT_EQ(values[0].data, (Values{2, 9, 1, 9, 2, 2, 2, 2}));
  EXPECT_EQ(values[1].data, (Values{0.9f, -5}));
  EXPECT_EQ(values[2].data, (Values{1, 2}));
}

TEST(BadMilNms, Shapes) {
  const auto refuse = [](const char* part, const Fed& b, const Fed& s) {
    expect_refusal(
        part, "non_maximum_suppression",
        {{"boxes", b}, {"scores", s}, {"iou_threshold", mil_number(0.3)}, {"max_boxes", mil_integer(2)}},
        {1, 4, 2});
  };
  const Fed scores{{1, 1, 3}, {1, 2, 3}};
  refuse("do not belong together", Fed{{1, 4, 2}, counting(8)}, scores);
  refuse("do not belong together", Fed{{2, 4, 3}, counting(24)}, scores);
  refuse("do not belong together", Fed{{1, 5, 3}, counting(15)}, scores);
  refuse("have not three axes", Fed{{4, 3}, counting(12)}, scores);
  refuse("a score is no number", Fed{{1, 4, 3}, counting(12)}, Fed{{1, 1, 3}, {1, NAN, 3}});
}

}  // namespace
}  // namespace ane::reference
