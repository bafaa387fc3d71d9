// Random ML Programs, compiled, simulated and compared with the reference. A hundred or so run with every
// build; ANE_RANDOM_MIL=N runs N (a nightly run), ANE_RANDOM_SEED=S begins at seed S, so that a failure can
// be had again alone.
#include <gtest/gtest.h>

#include "driver/environment.h"
#include "driver/random_mil.h"
#include "driver/verify.h"
#include "espresso/temporary_folder.h"

namespace ane::test {
namespace {

void check_program(uint64_t seed) {
  const TemporaryFolder folder;
  const std::string text = mil::print_text(RandomMil(seed).program());
  const std::string context = fmt::format("seed {}\n{}", seed, text);
  folder.put("one.mil", text);
  driver::CompileOptions options;
  options.model = folder.path() / "one.mil";
  try {
    const driver::Compiled compiled = driver::compile_model(options);
    // A correct program of binary16 numbers gives 40 dB, unless the output is a small difference of larger
    // numbers (a mean that cancels); then it is off by little in itself.
    for (const driver::OutputError& output : driver::verify(compiled, options, {}, seed).outputs)
      EXPECT_TRUE(output.snr_db >= 40 || output.max_abs <= 4 * 0x1p-11)
          << output.snr_db << " dB, largest difference " << output.max_abs << "\n"
          << context;
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what() << "\n" << context;
  }
}

TEST(RandomMilPrograms, AgreeWithTheReference) {
  const uint64_t first = from_environment("ANE_RANDOM_SEED", 1),
                 count = from_environment("ANE_RANDOM_MIL", 100);
  for (uint64_t seed = first; seed < first + count; ++seed) check_program(seed);
}

}  // namespace
}  // namespace ane::test
