// hwxoracle as a program: exit statuses, streams, the files it leaves.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "driver/shell.h"
#include "oracle/sample.h"
#include "support/evidence.h"

namespace ane::oracle {
namespace {

using ane::test::contents, ane::test::quoted, ane::test::run, ane::test::Ran, ane::test::TemporaryFolder;

std::string damaged_relu() {
  h13::Task task = test::relu_task();
  task[h13::Reg::PostScale] = half(2);
  return test::capture_text("x[1,4,3,10] ; y[1,4,3,10] = relu(x) -> y", "size=16384", task);
}

TEST(Hwxoracle, SumOfAFolder) {
  const TemporaryFolder folder;
  folder.put("a.oracle", test::relu_capture());
  folder.put("b.oracle", test::convolution_capture());
  const Ran ran = run("hwxoracle " + quoted(folder.path()));
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.out.find("2 of 2 agree; 0 constant sections have the recorded hash; 0 left out"),
            std::string::npos)
      << ran.out;
}

TEST(Hwxoracle, Json) {
  const TemporaryFolder folder;
  folder.put("a.oracle", test::relu_capture());
  folder.put("b.oracle", damaged_relu());
  folder.put("c.oracle", "task 0 bytes=8\n");
  const Ran ran = run("hwxoracle --json " + quoted(folder.path()));
  EXPECT_EQ(ran.status, 1);
  const nlohmann::json out = nlohmann::json::parse(ran.out);
  EXPECT_EQ(out["cases"][0]["verdict"], "agrees");
  EXPECT_EQ(out["cases"][1]["verdict"], "differs");
  EXPECT_EQ(out["cases"][2]["verdict"], "refused");
  EXPECT_EQ(out["summary"]["agree"], 1);
  EXPECT_EQ(out["summary"]["cases"], 3);
}

TEST(Hwxoracle, KeepsTheProgram) {
  const TemporaryFolder folder;
  folder.put("a.oracle", test::convolution_capture());
  const auto kept = folder.path() / "kept.hwx";
  EXPECT_EQ(run("hwxoracle " + quoted(folder.path() / "a.oracle") + " -o " + quoted(kept)).status, 0);
  EXPECT_EQ(contents(kept).substr(0, 4), "\xce\xfa\xef\xbe");
  folder.put("b.oracle", test::relu_capture());
  EXPECT_EQ(run("hwxoracle " + quoted(folder.path()) + " -o " + quoted(kept)).status, 2);
}

TEST(Hwxoracle, BadInput) {
  const TemporaryFolder folder;
  ane::test::expect_refused(run("hwxoracle " + quoted(folder.path())), "an empty folder");
  folder.put("a.oracle", "not a capture\n");
  ane::test::expect_refused(run("hwxoracle " + quoted(folder.path() / "a.oracle")), "no capture");
  folder.put("a.oracle", damaged_relu());
  ane::test::expect_refused(run("hwxoracle " + quoted(folder.path() / "a.oracle")), "another result");
  folder.put("a.oracle", test::capture_text("described in prose", "size=16384", test::relu_task()));
  ane::test::expect_refused(run("hwxoracle " + quoted(folder.path() / "a.oracle")), "no source program");
  EXPECT_EQ(run("hwxoracle").status, 2);
  EXPECT_EQ(run("hwxoracle /nonexistent.oracle").status, 2);
  EXPECT_EQ(run("hwxoracle --help").status, 0);
  EXPECT_EQ(run("hwxoracle --version").status, 0);
}

TEST(Hwxoracle, CapturedCase) {
  ANE_NEED_EVIDENCE("oracles/h13");
  const Ran ran = run("hwxoracle --json " + quoted(evidence_folder / "sched_bias_c1024_d256_s64.oracle"));
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(nlohmann::json::parse(ran.out)["cases"][0]["constants"], "hash");
}

// Captures of another engine have no program for this one.
TEST(Hwxoracle, BadGeneration) {
  ANE_NEED_EVIDENCE("oracles/h14");
  for (const auto& file : capture_files(evidence_folder)) {
    const Ran ran = run("hwxoracle " + quoted(file));
    ane::test::expect_refused(ran, file.string());
  }
}

}  // namespace
}  // namespace ane::oracle
