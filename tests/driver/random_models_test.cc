// Random networks, compiled, simulated and compared with the reference interpreter. A hundred or so run with
// every build; ANE_RANDOM_MODELS=N runs N (a nightly run), ANE_RANDOM_SEED=S begins at seed S, so that a
// failure can be had again alone.
#include <gtest/gtest.h>

#include "base/error.h"
#include "driver/environment.h"
#include "driver/random_network.h"
#include "driver/road.h"

namespace ane::test {
namespace {

void check_model(uint64_t seed, RoadOptions options) {
  const RandomNetwork network(seed);
  options.seed = seed;
  const std::string context = fmt::format("seed {}, --compat {}{}\n{}", seed, options.compat,
                                          options.native_pooling ? ", native pooling" : "", network.text);
  try {
    for (const RoadOutput& output : run_road(network.model, options)) expect_agreement(output, context);
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what() << "\n" << context;
  }
}

void check_models(uint64_t share, const RoadOptions& options) {
  const uint64_t count = std::max<uint64_t>(1, from_environment("ANE_RANDOM_MODELS", 100) / share);
  const uint64_t first = from_environment("ANE_RANDOM_SEED", 1);
  for (uint64_t seed = first; seed < first + count; ++seed) check_model(seed, options);
}

TEST(RandomModels, AgreeWithTheReference) {
  check_models(1, {});
}

TEST(RandomModels, AgreeWithNativePooling) {
  check_models(4, {.native_pooling = true});
}

class RandomModelsPerCompat : public testing::TestWithParam<const char*> {};

TEST_P(RandomModelsPerCompat, AgreeWithTheReference) {
  check_models(4, {.compat = GetParam()});
}

INSTANTIATE_TEST_SUITE_P(, RandomModelsPerCompat, testing::Values("4.2.1", "7.6.4", "9.509"));

}  // namespace
}  // namespace ane::test
