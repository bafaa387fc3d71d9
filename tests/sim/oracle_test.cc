// Captured task words of Apple-compiled programs, run as they are, against what their source programs say.
//
// Every case must run without a hazard (the words are known to be sound, so a hazard would be a rule of ours
// that is wrong) and give the result of its source, as the reference interpreter for MIL evaluates it, within
// what the engine's number formats lose: see Allowance. Inputs are random, and so are constants
// (oracle_case.h). Each family prints a table of its cases; after all of them stands the sum.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "sim/oracle_case.h"
#include "sim/source_mil.h"

namespace ane::sim {
namespace {

using namespace test;  // NOLINT

// ---- How far a result may be from the exact one ----

// The distance of fp16 numbers around `value`.
double unit_at(double value) {
  int exponent = 0;
  std::frexp(value, &exponent);
  return std::ldexp(1.0, std::max(exponent - 11, -24));
}

// In units of fp16 (of the element, or of the output's root mean square where that is larger, because sums of
// rounded terms err with the terms and not with their sum), plus an absolute part for the functions that a
// table approximates.
struct Allowance {
  double units = 0, absolute = 0;
  bool of_element = true;  // every operation's result is one rounding of an exact value
  std::string why;
};

// The error of a line between knots h apart is at most h^2 / 8 times the largest curvature: sigmoid 1/2 and
// 0.096, tanh 1/8 and 0.77, gelu 1/4 and 0.80, silu 1/2 and 0.50.
double table_error(const std::string& type) {
  static const std::map<std::string, double> errors{
      {"sigmoid", 0.0031}, {"tanh", 0.0016}, {"gelu", 0.0063}, {"silu", 0.0157}};
  const auto found = errors.find(type);
  return found == errors.end() ? 0 : found->second;
}

Allowance allowance_of(const SourceProgram& program) {
  // Units that each operation may lose, half of one for the rounding of its result. Sums: float32 additions.
  // Roots and reciprocal: lines of their tables err by a unit, near a half by three. exp: its factor log2 e
  // is an fp16 number, off by 2e-4 of the exponent. Softmax: the rounded argument of exp, two tables, three
  // roundings. Layer norm: five roundings. Tables around zero: rounded knots.
  static const std::map<std::string, double> units{
      {"conv", 0.55}, {"matmul", 0.55},    {"reduce_sum", 0.55}, {"reduce_mean", 0.55},
      {"exp", 5},     {"sqrt", 1.5},       {"rsqrt", 3.5},       {"real_div", 2},
      {"softmax", 6}, {"layer_norm", 2.5}, {"sigmoid", 1},       {"tanh", 1},
      {"gelu", 1},    {"silu", 1}};
  Allowance allowance;
  for (const SourceOperation& op : program.operations) {
    const auto found = units.find(op.type);
    allowance.units += found == units.end() ? 0.5 : found->second;
    allowance.absolute += table_error(op.type);
    if (found == units.end()) continue;
    allowance.of_element = false;
    allowance.why += " " + op.type;
  }
  const bool alone = program.operations.size() == 1;
  // Exact steps stay within one rounding (and the reference's own, to float32).
  if (allowance.of_element) allowance.units = 0.501;
  // In a chain the numbers that were rounded may be larger than those they nearly cancel to, and what comes
  // later may enlarge a table's error: rows of random weights have length 1, not sum 1.
  if (!alone && !allowance.of_element) allowance.units *= 2, allowance.absolute *= 3;
  allowance.why = allowance.why.empty() ? " one rounding" : allowance.why;
  return allowance;
}

// ---- Inputs ----

bool uses(const SourceProgram& program, const std::string& type) {
  return std::any_of(program.operations.begin(), program.operations.end(),
                     [&](const SourceOperation& op) { return op.type == type; });
}

std::vector<float> input_values(const SourceProgram& program, size_t number) {
  const SourceInput& input = program.inputs[number];
  const bool function = program.operations.size() == 1 && program.inputs.size() == 1;
  std::vector<float> values =
      random_values(count_of(input.shape), 50 + static_cast<uint32_t>(number), function ? 10.0f : 1.0f);
  const bool ties = uses(program, "less") || uses(program, "select");
  const bool positive = uses(program, "sqrt") || uses(program, "rsqrt");
  for (float& value : values) {
    if (input.boolean) value = value > 0;
    if (ties && !input.boolean) value = std::round(value * 4) / 4;
    if (positive) value = round_to_half(std::fabs(value) + 0.01f);
    if (uses(program, "real_div") && std::fabs(value) < 0.1f) value = 0.5f;
  }
  return values;
}

// ---- A case ----

struct Outcome {
  std::string constants = "none", refusal;
  double worst = 0;  // share of the allowance
  bool agrees() const { return refusal.empty() && worst <= 1; }
};

// Fills the constant section with random values, after a look whether the recorded values give the recorded
// hash. "hash": they do; "sizes": no hash is recorded, and only the sizes of blocks agree; "own table":
// Apple's is not public.
std::string put_constants(OracleCase& oracle_case, const Tables& tables, const ConstantValues& random) {
  const bool any = std::any_of(oracle_case.tasks.begin(), oracle_case.tasks.end(), [](const Task& task) {
    return (task.get(HeaderField::KBE0) && task.get(HeaderField::KBase0) == 1) ||
           (task.get(HeaderField::RBE0) && task.get(HeaderField::RBase0) == 1);
  });
  const std::string hash = oracle_case.recorded_hash();
  std::string found = !any ? "none" : hash.empty() ? "sizes" : "OTHER HASH";
  bool reversed = false;
  const ConstantValues recorded = recorded_values(oracle_case);
  for (const bool order : {false, true}) {
    if (!any || hash.empty() || found == "hash") break;
    SectionBuilder(oracle_case, recorded, tables, order).build();
    if (sha256(oracle_case.file.constants) == hash) found = "hash", reversed = order;
  }
  SectionBuilder builder(oracle_case, random, tables, reversed);
  builder.build();
  return builder.used_own_table() ? "own table" : found;
}

double worst_share(const std::vector<float>& got, const std::vector<float>& want,
                   const Allowance& allowance) {
  double squares = 0, worst = 0;
  for (const float value : want) squares += static_cast<double>(value) * value;
  const double scale = allowance.of_element ? 0 : std::sqrt(squares / static_cast<double>(want.size()));
  for (size_t i = 0; i < want.size(); ++i) {
    const double allowed =
        allowance.units * unit_at(std::max<double>(std::fabs(want[i]), scale)) + allowance.absolute;
    const double error = std::fabs(static_cast<double>(got[i]) - want[i]);
    worst = std::max(worst, std::isfinite(error) ? error / allowed : 1e9);
  }
  return worst;
}

std::vector<float> simulate(const OracleCase& oracle_case) {
  Simulator simulator(oracle_case.file);
  const SourceProgram& source = oracle_case.source;
  for (size_t i = 0; i < source.inputs.size(); ++i)
    simulator.set_input(source.inputs[i].name, input_values(source, i));
  simulator.run();
  return simulator.output(source.output).data;
}

Outcome run_case(OracleCase& oracle_case, const Tables& tables) {
  Outcome outcome;
  try {
    const SourceProgram& source = oracle_case.source;
    const ConstantValues random = random_constants(oracle_case);
    outcome.constants = put_constants(oracle_case, tables, random);
    std::map<std::string, reference::Tensor> tensors;
    for (size_t i = 0; i < source.weights.size(); ++i) {
      const auto& [name, shape] = source.weights[i];
      tensors[name] = {shape, std::vector<float>(static_cast<size_t>(count_of(shape)))};
      for (int64_t k = 0; float& value : tensors[name].data) value = to_float(Half{random(i, k++)});
    }
    const std::vector<float> got = simulate(oracle_case);
    for (size_t i = 0; i < source.inputs.size(); ++i)
      tensors[source.inputs[i].name] = {source.inputs[i].shape, input_values(source, i)};
    const std::vector<float> want = evaluate_source(source, tensors);
    if (got.size() != want.size()) throw std::runtime_error("the output has another size than the source's");
    outcome.worst = worst_share(got, want, allowance_of(source));
  } catch (const std::exception& error) {
    outcome.refusal = error.what();
  }
  return outcome;
}

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
                const std::function<bool(const OracleCase&)>& chosen = nullptr) {
  const std::filesystem::path folder = ane::test::evidence() / "oracles/h13";
  const Tables tables = read_tables(folder);
  std::printf("%-62s %5s %-9s %-9s %s\n", "case", "tasks", "constants", "result", "worst error, allowed for");
  Sum mine;
  for (Oracle& oracle : ane::test::oracles(folder)) {
    const std::string name = oracle.name;
    if (std::none_of(families.begin(), families.end(),
                     [&](const std::string& family) { return name.starts_with(family); }))
      continue;
    std::optional<OracleCase> oracle_case = load_case(std::move(oracle));
    if (!oracle_case || (chosen && !chosen(*oracle_case))) continue;
    const Outcome outcome = run_case(*oracle_case, tables);
    const Allowance allowance = allowance_of(oracle_case->source);
    std::printf("%-62s %5zu %-9s %-9s %.2f of an allowance of %.2f units%s,%s\n", name.c_str(),
                oracle_case->tasks.size(), outcome.constants.c_str(),
                outcome.agrees()          ? "agrees"
                : outcome.refusal.empty() ? "DIFFERS"
                                          : "REFUSED",
                outcome.worst, allowance.units,
                allowance.absolute > 0 ? fmt::format(" + {:.4f}", allowance.absolute).c_str() : "",
                allowance.why.c_str());
    EXPECT_EQ(outcome.refusal, "") << name;
    EXPECT_LE(outcome.worst, 1) << name;
    EXPECT_NE(outcome.constants, "OTHER HASH") << name;
    ++mine.cases, mine.agree += outcome.agrees(), mine.hashes += outcome.constants == "hash";
  }
  EXPECT_GE(mine.cases, at_least);
  sum().cases += mine.cases, sum().agree += mine.agree, sum().hashes += mine.hashes;
}

// What the first convolution of a case is like.
struct Kind {
  bool wide, strided, grouped;
};
Kind kind_of(const OracleCase& oracle_case) {
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
ORACLE_FAMILY(PointwiseConvolutions, convolutions, 46, [](const OracleCase& c) {
  return !kind_of(c).wide && !kind_of(c).strided && !kind_of(c).grouped;
})
ORACLE_FAMILY(WideConvolutions, convolutions, 33, [](const OracleCase& c) {
  return kind_of(c).wide && !kind_of(c).strided && !kind_of(c).grouped;
})
ORACLE_FAMILY(StridedConvolutions, convolutions, 27, [](const OracleCase& c) { return kind_of(c).strided; })
ORACLE_FAMILY(GroupedConvolutions, convolutions, 25,
              [](const OracleCase& c) { return kind_of(c).grouped && !kind_of(c).strided; })
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
std::string error_without(OracleCase& oracle_case, const Task& task, Reg reg, uint32_t bit) {
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
  const Tables tables = read_tables(evidence_folder);
  constexpr uint32_t neural = 0x20, planar = 0x400000, chained_neural = 4, chained_planar = 8;
  int bits = 0, found = 0;
  std::string spare;
  for (Oracle& oracle : ane::test::oracles(evidence_folder)) {
    std::optional<OracleCase> oracle_case = load_case(std::move(oracle));
    if (!oracle_case || oracle_case->tasks.size() < 2 || oracle_case->file.constants.size() > 1 << 20)
      continue;
    SectionBuilder(*oracle_case, random_constants(*oracle_case), tables, false).build();
    for (const Task& task : oracle_case->tasks)
      for (const uint32_t bit : {neural, planar, chained_neural, chained_planar}) {
        if (task.get(HeaderField::SrcLoc) || !(task[Reg::SourceCfg] & bit)) continue;
        const std::string error = error_without(*oracle_case, task, Reg::SourceCfg, bit);
        ++bits, found += !error.empty();
        if (error.empty())
          spare += fmt::format("not needed: {} task {} bit 0x{:x}\n", oracle_case->oracle.name,
                               task.get(HeaderField::TID), bit);
      }
  }
  std::printf("%d of %d wait bits are needed\n%s", found, bits, spare.c_str());
  EXPECT_GE(bits, 100);
  EXPECT_GE(found, bits * 95 / 100);
}

}  // namespace
}  // namespace ane::sim
