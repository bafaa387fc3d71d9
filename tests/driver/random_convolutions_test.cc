// The rules of the back end where no captured program shows the way: random convolutions (channel counts that
// are no multiples of 16, odd sizes, kernels of 1 to 13 in each direction, strides of 1 to 3, groups),
// compiled, run on the simulator and compared with the reference. The simulator reports every hazard and
// every limit that a word breaks.
//
// A hundred run with every build; ANE_RANDOM_CONVOLUTIONS=N runs N (a nightly run takes 1000),
// ANE_RANDOM_SEED=S begins at seed S.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "driver/environment.h"
#include "driver/road.h"

namespace ane::test {
namespace {

struct Drawn {
  ModelBuilder model;
  std::string text;
};

Drawn draw(uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto between = [&](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
  };
  const auto one_in = [&](int64_t count) { return between(1, count) == 1; };
  ConvolutionOptions options;
  options.kernel_h = between(1, 13), options.kernel_w = one_in(2) ? options.kernel_h : between(1, 13);
  options.stride_h = options.stride_w = between(1, 3);
  options.same = one_in(2);
  const int64_t height = between(options.kernel_h, options.kernel_h + 24),
                width = between(options.kernel_w, options.kernel_w + 40);
  // A third each dense, grouped and depthwise.
  const int64_t form = between(0, 2);
  options.groups = form == 0 ? 1 : form == 1 ? between(2, 5) : between(1, 40);
  options.in = form == 2 ? options.groups : options.groups * between(1, form == 1 ? 20 : 50);
  options.out =
      form == 2 ? options.groups * (one_in(4) ? 2 : 1) : options.groups * between(1, form == 1 ? 34 : 70);
  std::normal_distribution<float> normal;
  const int64_t weights = options.out * options.in / options.groups * options.kernel_h * options.kernel_w;
  const float scale = 1 / std::sqrt(static_cast<float>(weights / options.out));
  for (int64_t i = 0; i < weights; ++i) options.weights.push_back(scale * normal(random));
  if (one_in(2))
    for (int64_t i = 0; i < options.out; ++i) options.bias.push_back(normal(random));
  Drawn drawn;
  drawn.model.array_input("x", {options.in, height, width});
  drawn.model.convolution("y", "x", options);
  const bool relu = one_in(3);
  if (relu) drawn.model.activation("z", "y")->mutable_relu();
  drawn.model.array_output(relu ? "z" : "y");
  drawn.text = fmt::format("{}x{}x{} -> {} channels, kernel {}x{}, stride {}, {} groups, {}{}{}", options.in,
                           height, width, options.out, options.kernel_h, options.kernel_w, options.stride_h,
                           options.groups, options.same ? "same" : "valid",
                           options.bias.empty() ? "" : ", bias", relu ? ", ReLU" : "");
  return drawn;
}

TEST(RandomConvolutions, AgreeWithTheReferenceAndKeepEveryLimit) {
  const uint64_t count = from_environment("ANE_RANDOM_CONVOLUTIONS", 100);
  const uint64_t first = from_environment("ANE_RANDOM_SEED", 1);
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const Drawn drawn = draw(seed);
    RoadOptions options;
    options.seed = seed;
    options.compat = seed % 2 == 0 ? "5.4.1" : "9.509";
    const std::string context = fmt::format("seed {}, --compat {}: {}", seed, options.compat, drawn.text);
    try {
      for (const RoadOutput& output : run_road(drawn.model, options)) expect_agreement(output, context, 50);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << "\n" << context;
    }
  }
}

}  // namespace
}  // namespace ane::test
