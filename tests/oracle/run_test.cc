// Captures made up by hand: a sound one agrees, and each kind of damage shows as what it is.
#include <gtest/gtest.h>

#include "base/error.h"
#include "oracle/run.h"
#include "oracle/sample.h"
#include "oracle/source_mil.h"

namespace ane::oracle {
namespace {

using namespace test;  // NOLINT

Case case_of(const std::string& text) {
  return load_case(parse_capture(text, "made.oracle", "made")).value();
}

Outcome outcome_of(const std::string& text) {
  Case of = case_of(text);
  return run_case(of, read_tables("/nonexistent"));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  EXPECT_NE(text.find(from), std::string::npos) << from;
  return text.replace(text.find(from), from.size(), to);
}

TEST(Run, SoundCapturesAgree) {
  const Outcome relu = outcome_of(relu_capture());
  EXPECT_TRUE(relu.agrees()) << relu.refusal << relu.worst;
  EXPECT_EQ(relu.constants, Evidence::None);
  const Outcome convolution = outcome_of(convolution_capture());
  EXPECT_TRUE(convolution.agrees()) << convolution.refusal << convolution.worst;
  EXPECT_EQ(convolution.constants, Evidence::Sizes);
}

// 0.5 is 0x3800: four weights of each of three engines, each block of 64 bytes; the recording had nothing
// else.
TEST(Run, SectionIsJudgedByItsHash) {
  Bytes section(192);
  for (size_t engine = 0; engine < 3; ++engine)
    for (size_t weight = 0; weight < 4; ++weight) section[64 * engine + 2 * weight + 1] = 0x38;
  EXPECT_EQ(outcome_of(convolution_capture("size=192 sha256=" + sha256(section))).constants, Evidence::Hash);
  section[1] = 0x39;
  const Outcome other = outcome_of(convolution_capture("size=192 sha256=" + sha256(section)));
  EXPECT_EQ(other.constants, Evidence::OtherHash);
  EXPECT_FALSE(other.agrees());
}

TEST(Run, ComputedHashesAreNoEvidence) {
  const std::string text = convolution_capture("size=192 sha256=" + std::string(64, 'a'));
  EXPECT_EQ(outcome_of(replaced(text, "weights none", "weights provenance=text/const/tensor/sha derived"))
                .constants,
            Evidence::Sizes);
}

TEST(Run, BadWordsDiffer) {
  h13::Task task = relu_task();
  task[h13::Reg::PostScale] = half(2);
  const Outcome outcome =
      outcome_of(capture_text("x[1,4,3,10] ; y[1,4,3,10] = relu(x) -> y", "size=16384", task));
  EXPECT_EQ(outcome.refusal, "");
  EXPECT_GT(outcome.worst, 1);
}

TEST(Run, BadHazardsAreRefused) {
  h13::Task task = relu_task();
  task[h13::Reg::Src1BaseAddr] = 0x10000;
  const Outcome outcome =
      outcome_of(capture_text("x[1,4,3,10] ; y[1,4,3,10] = relu(x) -> y", "size=16384", task));
  EXPECT_NE(outcome.refusal.find("task 0"), std::string::npos) << outcome.refusal;
}

TEST(Run, BadSectionsAreRefused) {
  EXPECT_NE(outcome_of(convolution_capture("size=128")).refusal.find("leaves the section"),
            std::string::npos);
  h13::Task task = convolution_task();
  task[h13::Reg::CoeffBfrSize0] = 128;
  const std::string mil =
      "unrecorded; conv kernel 1x1 stride 1 groups 1 bias 0 pad_type valid input [1, 4, 3, 10] output [1, 3, "
      "3, 10]";
  EXPECT_NE(outcome_of(capture_text(mil, "size=192", task)).refusal.find("0x40 bytes"), std::string::npos);
}

TEST(Run, ProgramThatWasRunCanBeKept) {
  Case of = case_of(convolution_capture());
  ASSERT_TRUE(run_case(of, read_tables("/nonexistent")).agrees());
  const std::vector<float> before = simulate(of);
  hwx::assign_addresses(of.file);
  of.file = hwx::read(hwx::write(of.file), "kept.hwx");
  EXPECT_EQ(of.file.tiles.size(), 3u);
  EXPECT_EQ(simulate(of), before);
}

// What the allowances are: docs/evidence.md.
TEST(Run, AllowancesFollowTheOperations) {
  const auto allowance = [](const std::string& mil) { return allowance_of(*parse_source(mil, "made")); };
  const Allowance exact = allowance("x[1,4,3,10] ; y[1,4,3,10] = relu(x) -> y");
  EXPECT_TRUE(exact.of_element);
  EXPECT_EQ(exact.units, 0.501);
  const Allowance chain = allowance(
      "x[1,8,16] ; w = const[16,16] ; m[1,8,16] = matmul(x,w,tx=0,ty=1) ; y[1,8,16] = gelu(m) -> y");
  EXPECT_FALSE(chain.of_element);
  EXPECT_DOUBLE_EQ(chain.units, 2 * (0.55 + 1));
  EXPECT_DOUBLE_EQ(chain.absolute, 3 * 0.0063);
}

TEST(Source, MilSaysWhatTheCaptureSays) {
  EXPECT_EQ(
      mil_text(*parse_source("x[1,4,3,10] ; y = real_div(x,0x1p-3) -> y", "made")),
      "program(1.3)\n{\n    func main<ios18>(tensor<fp16, [1, 4, 3, 10]> x) {\n"
      "        tensor<fp16, [?, ?, ?, ?]> y = real_div(x = x, y = fp32(0x1p-3))[name = string(\"y\")];\n"
      "    } -> (y);\n}\n");
}

void expect_unreadable(const std::string& text, const std::string& part) {
  try {
    case_of(text);
    ADD_FAILURE() << "no error where '" << part << "' belongs";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    EXPECT_TRUE(std::string(error.what()).starts_with("made.oracle: ")) << error.what();
  }
}

TEST(Source, BadProgramsAreRefused) {
  const std::string relu = relu_capture();
  const auto with = [&](const std::string& mil) {
    return replaced(relu, relu.substr(relu.find("mil "), 44), "mil " + mil);
  };
  expect_unreadable(with("x[1,4,3,999999999999999999999] ; y[1] = relu(x) -> y"), "cannot be read");
  expect_unreadable(with("x[1,40000,3000,1000] ; y[1] = relu(x) -> y"), "2^26");
  expect_unreadable(with("x[1,0,3,1] ; y[1,0,3,1] = relu(x) -> y"), "empty axis");
  expect_unreadable(with("x[1,1,1,1,3,1] ; y[1,3] = relu(x) -> y"), "four axes");
  expect_unreadable(
      with("unrecorded; conv kernel 1x1 stride 1 groups 0 bias 0 pad_type valid input [1, 4, 3, 10] "
           "output [1, 3, 3, 10]"),
      "cannot be read");
  expect_unreadable(with("x[1,4] ; c = const[] ; y[1,8] = tile(c,reps=[]) -> y"), "cannot be read");
  const Outcome lacking = outcome_of(with("x[1,4,3,10] ; y[1,4,3,10] = matmul(x) -> y"));
  EXPECT_NE(lacking.refusal.find("lacks an operand"), std::string::npos) << lacking.refusal;
  EXPECT_FALSE(load_case(parse_capture(with("described in prose"), "made.oracle", "made")).has_value());
}

TEST(Source, BadFiguresAreRefused) {
  const std::string relu = relu_capture();
  expect_unreadable(replaced(relu, "size=16384", "size=many"), "const size");
  expect_unreadable(replaced(relu, "size=16384", "size=4294967295"), "256 MiB");
  expect_unreadable(replaced(relu, "resources=30000000", "resources=3000000z"), "program resources");
}

}  // namespace
}  // namespace ane::oracle
