// One layer under examination: its message, the shapes of the blobs it reads, and the checks that rules of
// many layers share. Every check throws Error("FILE: layer 'NAME' (TYPE): WHY").
#pragma once

#include <NeuralNetwork.pb.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "coreml/model.h"

namespace ane::coreml {

// Hostile files must not make sums overflow or memory run out. The engine's own limits are far below these: a
// dimension of 16384 (width, height) or 65536 (channels).
constexpr int64_t largest_size = int64_t{1} << 24;  // one dimension, kernel, stride or amount of padding
constexpr int64_t largest_blob = int64_t{1} << 30;  // elements of one blob
constexpr size_t largest_rank = 8;

// The product of all sizes; INT64_MAX when it does not fit.
int64_t element_count(const Shape& shape);

// "[1, 3, 8, 8]"
std::string to_string(const Shape& shape);

// "layer 'NAME' (TYPE)", as errors name it.
std::string describe(const spec::NeuralNetworkLayer& layer);

class LayerCheck {
 public:
  LayerCheck(const std::string& file, const spec::NeuralNetworkLayer& layer, std::vector<Shape> inputs)
      : file_(file), layer_(layer), inputs_(std::move(inputs)) {}

  const spec::NeuralNetworkLayer& layer() const { return layer_; }
  const std::vector<Shape>& inputs() const { return inputs_; }
  const Shape& input(size_t index = 0) const { return inputs_.at(index); }
  size_t rank() const { return inputs_.at(0).size(); }

  [[noreturn]] void fail(const std::string& why) const;
  // The text of what is wrong is made only when it is. Shapes are written as to_string does.
  template <typename... Values>
  void need(bool condition, fmt::format_string<const Values&...> why, const Values&... values) const {
    if (!condition) fail(fmt::format(why, values...));
  }

  void need_inputs(size_t least, size_t most) const;
  // The first input has at least (exactly) this many axes.
  void need_rank(size_t least) const;
  void need_exact_rank(size_t rank) const;

  // A number that must lie in 1..largest_size (0..largest_size for an amount).
  int64_t size(uint64_t value, const char* what) const;
  int64_t amount(uint64_t value, const char* what) const;
  // An index of one of `rank` axes; negative ones count from the end.
  size_t axis(int64_t value, size_t rank) const;
  // A list of sizes as a shape.
  template <typename Values>
  Shape shape(const Values& values, const char* what) const {
    need(static_cast<size_t>(values.size()) <= largest_rank, "{} has too many entries", what);
    Shape result;
    for (const auto value : values) result.push_back(size(static_cast<uint64_t>(value), what));
    return result;
  }

  // The array is there, in one encoding, with exactly the elements of `shape`, and its quantisation
  // parameters fit.
  void need_weights(const spec::WeightParams& weights, const Shape& shape, const char* what,
                    size_t channel_axis = 0) const;

 private:
  void need_quantization(const spec::WeightParams& weights, int64_t channels, const char* what) const;

  const std::string& file_;
  const spec::NeuralNetworkLayer& layer_;
  std::vector<Shape> inputs_;
};

}  // namespace ane::coreml
