// Non-maximum suppression: of boxes that overlap, those with the highest scores.
//
// The documentation of the operator leaves the details to the layer of the same name in coremltools'
// NeuralNetwork.proto: a box's score is the largest of its classes' scores, and with per_class_suppression a
// box belongs to that class; where all boxes are below the score threshold, the best one is selected
// nevertheless; outputs are filled up with 0, and indices with -1.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "reference/mil_operations.h"

namespace ane::reference::ops {
namespace {

struct Candidate {
  int64_t index, best_class;
  float score;
  double left, right, top, bottom;

  double area() const { return (right - left) * (bottom - top); }
};

// Intersection over union; 0 for boxes without an area.
double overlap(const Candidate& a, const Candidate& b) {
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const double common = width * height;
  return common / (a.area() + b.area() - common);
}

// The two inputs with boxes along axis 1: [n, B, 4] and [n, B, K].
struct Detections {
  Tensor boxes, scores;
  int64_t n, count, classes;
};

// Box `index` of an image: centre and size.
Candidate candidate(const Detections& from, int64_t image, int64_t index) {
  const float* box = from.boxes.data.data() + (image * from.count + index) * 4;
  const float* scores = from.scores.data.data() + (image * from.count + index) * from.classes;
  const float* best = std::max_element(scores, scores + from.classes);
  return {index,
          best - scores,
          *best,
          box[0] - box[2] / 2.0,
          box[0] + box[2] / 2.0,
          box[1] - box[3] / 2.0,
          box[1] + box[3] / 2.0};
}

std::vector<Candidate> selected(const MilCall& call, const Detections& from, int64_t image,
                                double score_threshold) {
  const double iou_threshold = call.number("iou_threshold");
  const bool per_class = call.flag("per_class_suppression");
  const auto most = static_cast<size_t>(call.positive("max_boxes"));
  std::vector<Candidate> candidates;
  for (int64_t i = 0; i < from.count; ++i) candidates.push_back(candidate(from, image, i));
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  std::vector<Candidate> kept;
  for (const Candidate& each : candidates) {
    if (kept.size() == most || !(each.score > score_threshold)) break;
    const bool suppressed = std::any_of(kept.begin(), kept.end(), [&](const Candidate& better) {
      return (!per_class || better.best_class == each.best_class) && overlap(better, each) > iou_threshold;
    });
    if (!suppressed) kept.push_back(each);
  }
  if (kept.empty()) kept.push_back(candidates[0]);
  return kept;
}

// Boxes, scores, indices and how many there are, with the boxes along axis 1.
std::vector<Tensor> suppress(const MilCall& call, const Detections& from, double score_threshold) {
  if (from.boxes.shape != Shape{from.n, from.count, 4} || from.scores.shape[0] != from.n ||
      from.scores.shape[1] != from.count)
    call.fail(fmt::format("boxes of the shape {} and scores of {} do not belong together",
                          to_string(call.tensor("boxes").shape), to_string(call.tensor("scores").shape)));
  // With a score that is no number there is no order.
  for (const float score : from.scores.data)
    if (std::isnan(score)) call.fail("a score is no number");
  const int64_t most = call.positive("max_boxes");
  call.checked({from.n, most, std::max<int64_t>(4, from.classes)});
  Tensor boxes = make_tensor({from.n, most, 4}), scores = make_tensor({from.n, most, from.classes});
  Tensor indices = make_tensor({from.n, most}, -1), counts = make_tensor({from.n});
  for (int64_t image = 0; image < from.n; ++image) {
    int64_t row = image * most;
    for (const Candidate& each : selected(call, from, image, score_threshold)) {
      const int64_t source = image * from.count + each.index;
      std::copy_n(from.boxes.data.begin() + source * 4, 4, boxes.data.begin() + row * 4);
      std::copy_n(from.scores.data.begin() + source * from.classes, from.classes,
                  scores.data.begin() + row * from.classes);
      indices.data[row++] = static_cast<float>(each.index);
      ++counts.data[image];
    }
  }
  return {std::move(boxes), std::move(scores), std::move(indices), std::move(counts)};
}

Detections detections(const MilCall& call, const std::vector<int64_t>& permutation) {
  const Tensor &boxes = call.tensor("boxes"), &scores = call.tensor("scores");
  if (boxes.shape.size() != 3 || scores.shape.size() != 3)
    call.fail(fmt::format("boxes of the shape {} and scores of {} have not three axes",
                          to_string(boxes.shape), to_string(scores.shape)));
  Detections result{transposed(boxes, permutation), transposed(scores, permutation), boxes.shape[0], 0, 0};
  result.count = result.boxes.shape[1];
  result.classes = result.scores.shape[2];
  return result;
}

}  // namespace

std::vector<Tensor> non_maximum_suppression_ios15(const MilCall& call) {
  return suppress(call, detections(call, {0, 1, 2}), call.number("score_threshold"));
}

// Boxes lie along the last axis, no score is too low, and the number of boxes is not given.
std::vector<Tensor> non_maximum_suppression(const MilCall& call) {
  std::vector<Tensor> results =
      suppress(call, detections(call, {0, 2, 1}), -std::numeric_limits<double>::infinity());
  results.pop_back();
  for (const size_t i : {0u, 1u}) results[i] = transposed(results[i], {0, 2, 1});
  return results;
}

}  // namespace ane::reference::ops
