// Captured task words of Apple-compiled programs, run as they are, against what their source programs say.
//
// What that means and how far a result may be off says oracle/run.h; hwxoracle does the same for users. Each
// family prints a table of its cases; after all of them stands the sum.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>

#include "base/error.h"
#include "oracle/run.h"
#include "support/oracle.h"

namespace ane::sim {
namespace {

using namespace oracle;  // NOLINT
using ane::test::Oracle;
using h13::HeaderField, h13::Reg, h13::Task;

// ---- Families ----

// Over all families of one run of this program.
struct Sum {
  int cases = 0, agree = 0, hashes = 0;
};
Sum& sum() {
  static Sum of_all;
  return of_all;
}
class PrintSum : public ::testing::Environment {
 public:
  void TearDown() override {
    if (sum().cases > 0)
      std::printf(
          "captured programs: %d of %d give their source's result; %d constant sections have the recorded "
          "hash\n",
          sum().agree, sum().cases, sum().hashes);
  }
};
const auto* const print_sum = ::testing::AddGlobalTestEnvironment(new PrintSum);

// Runs all cases whose name begins with one of `families`, is accepted by `chosen`, and has a program.
// `at_least`: as many as the evidence had when this was written.
void run_family(const std::vector<std::string>& families, int at_least,
                const std::function<bool(const Case&)>& chosen = nullptr) {
  const std::filesystem::path folder = ane::test::evidence() / "oracles/h13";
  const Tables tables = read_tables(folder / "lut.txt");
  std::printf("%-62s %5s %-9s %-9s %s\n", "case", "tasks", "constants", "result", "worst error, allowed for");
  Sum mine;
  for (Oracle& oracle : ane::test::oracles(folder)) {
    const std::string name = oracle.name;
    if (std::none_of(families.begin(), families.end(),
                     [&](const std::string& family) { return name.starts_with(family); }))
      continue;
    std::optional<Case> oracle_case = load_case(std::move(oracle));
    if (!oracle_case || (chosen && !chosen(*oracle_case))) continue;
    const Outcome outcome = run_case(*oracle_case, tables);
    const Allowance& allowance = outcome.allowance;
    std::printf("%-62s %5zu %-9s %-9s %.2f of an allowance of %.2f units%s, %s\n", name.c_str(),
                oracle_case->tasks.size(), name_of(outcome.constants),
                outcome.agrees()          ? "agrees"
                : outcome.refusal.empty() ? "DIFFERS"
                                          : "REFUSED",
                outcome.worst, allowance.units,
                allowance.absolute > 0 ? fmt::format(" + {:.4f}", allowance.absolute).c_str() : "",
                allowance.why.c_str());
    EXPECT_EQ(outcome.refusal, "") << name;
    EXPECT_LE(outcome.worst, 1) << name;
    EXPECT_NE(outcome.constants, Evidence::OtherHash) << name;
    ++mine.cases, mine.agree += outcome.agrees(), mine.hashes += outcome.constants == Evidence::Hash;
  }
  EXPECT_GE(mine.cases, at_least);
  sum().cases += mine.cases, sum().agree += mine.agree, sum().hashes += mine.hashes;
}

// What the first convolution of a case is like.
struct Kind {
  bool wide, strided, grouped;
};
Kind kind_of(const Case& oracle_case) {
  const SourceProgram& source = oracle_case.source;
  const SourceOperation& op = source.operations.front();
  const Dimensions& shape = *source.weight(op.arguments.at("weight"));
  return {shape[2] * shape[3] > 1, op.has("strides") && source.values_of(op, "strides")[0] > 1,
          source.value_of(op, "groups", 1) > 1};
}

#define ORACLE_FAMILY(name, ...)      \
  TEST(Oracle, name) {                \
    ANE_NEED_EVIDENCE("oracles/h13"); \
    run_family(__VA_ARGS__);          \
  }

const std::vector<std::string> convolutions{"conv_", "env_conv_"};
ORACLE_FAMILY(PointwiseConvolutions, convolutions, 46,
              [](const Case& c) { return !kind_of(c).wide && !kind_of(c).strided && !kind_of(c).grouped; })
ORACLE_FAMILY(WideConvolutions, convolutions, 33,
              [](const Case& c) { return kind_of(c).wide && !kind_of(c).strided && !kind_of(c).grouped; })
ORACLE_FAMILY(StridedConvolutions, convolutions, 27, [](const Case& c) { return kind_of(c).strided; })
ORACLE_FAMILY(GroupedConvolutions, convolutions, 25,
              [](const Case& c) { return kind_of(c).grouped && !kind_of(c).strided; })
ORACLE_FAMILY(EncoderConvolutions, {"encoder_conv_"}, 12)
ORACLE_FAMILY(Movements, {"encoder_transpose", "candidate_transpose", "tile_", "cast_"}, 8)
ORACLE_FAMILY(Functions, {"unary_", "env_act_", "logical_"}, 24)
ORACLE_FAMILY(Elementwise, {"binary_", "candidate_mul", "env_bcast_", "less_", "select_"}, 40)
ORACLE_FAMILY(Reductions, {"reduce_"}, 18)
ORACLE_FAMILY(Normalizations, {"norm_", "layer_norm_"}, 11)
ORACLE_FAMILY(Products, {"matmul_", "rrmm_", "env_mm_", "sched_"}, 21)
ORACLE_FAMILY(Chains, {"chain_", "env_chain_"}, 26)
ORACLE_FAMILY(PublicFiles, {"hwx_"}, 7)

// ---- Waits ----

// Takes one bit out of a register of the stream, runs, and tells what the simulator says.
std::string error_without(Case& oracle_case, const Task& task, Reg reg, uint32_t bit) {
  uint8_t* word = oracle_case.file.text.data() + h13::offset_in_stream(task, reg);
  const uint32_t before = task[reg], after = before & ~bit;
  std::memcpy(word, &after, 4);
  std::string error;
  try {
    simulate(oracle_case);
  } catch (const Error& found) {
    error = found.what();
  }
  std::memcpy(word, &before, 4);
  return error;
}

// The rules on waiting are as strict as the compiler that set the bits: of those on tasks that read what an
// earlier task left in L2, hardly one can go. (Bits on a task's own DMA belong to prefetching as well.)
TEST(Oracle, BadMissingWaitsAreFound) {
  ANE_NEED_EVIDENCE("oracles/h13");
  const Tables tables = read_tables(evidence_folder / "lut.txt");
  constexpr uint32_t neural = 0x20, planar = 0x400000, chained_neural = 4, chained_planar = 8;
  int bits = 0, found = 0;
  std::string spare;
  for (Oracle& oracle : ane::test::oracles(evidence_folder)) {
    std::optional<Case> oracle_case = load_case(std::move(oracle));
    if (!oracle_case || oracle_case->tasks.size() < 2 || oracle_case->file.constants.size() > 1 << 20)
      continue;
    fill_section(*oracle_case, random_constants(*oracle_case), tables);
    for (const Task& task : oracle_case->tasks)
      for (const uint32_t bit : {neural, planar, chained_neural, chained_planar}) {
        if (task.get(HeaderField::SrcLoc) || !(task[Reg::SourceCfg] & bit)) continue;
        const std::string error = error_without(*oracle_case, task, Reg::SourceCfg, bit);
        ++bits, found += !error.empty();
        if (error.empty())
          spare += fmt::format("not needed: {} task {} bit 0x{:x}\n", oracle_case->capture.name,
                               task.get(HeaderField::TID), bit);
      }
  }
  std::printf("%d of %d wait bits are needed\n%s", found, bits, spare.c_str());
  EXPECT_GE(bits, 100);
  EXPECT_GE(found, bits * 95 / 100);
}

}  // namespace
}  // namespace ane::sim
