// hwxdump as a program: exit statuses, one error line, nothing half-written.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <tuple>

#include "base/file.h"
#include "hwx/file.h"
#include "hwx/sample.h"
#include "support/later_container.h"

namespace ane {
namespace {

namespace fs = std::filesystem;

class Hwxdump : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("hwxdump-test-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    sample_ = hwx::write(hwx::sample_file::make(hwx::Dialect::B, hwx::sample_file::Constants::Tiled));
    write_file(path("sample.hwx"), sample_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path path(const std::string& name) const { return folder_ / name; }

  int run(const std::string& arguments) {
    const std::string command = std::string(ANE_BINARY_DIR) + "/hwxdump " + arguments + " >" +
                                path("out").string() + " 2>" + path("err").string();
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string content(const std::string& name) const {
    std::ifstream in(path(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void expect_one_error_line() const {
    const std::string error = content("err");
    EXPECT_TRUE(error.starts_with("error: ")) << error;
    EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 1) << error;
  }

  fs::path folder_;
  Bytes sample_;
};

TEST_F(Hwxdump, ShowsEveryView) {
  for (const char* view : {"", "--words ", "--json ", "--sections ", "--dot "}) {
    EXPECT_EQ(run(view + path("sample.hwx").string()), 0) << view << content("err");
    EXPECT_GT(content("out").size(), 500u) << view;
    EXPECT_EQ(content("err"), "");
  }
  EXPECT_EQ(run("--registers"), 0);
  EXPECT_EQ(run("--help"), 0);
  EXPECT_EQ(run("--version"), 0);
  EXPECT_TRUE(content("out").starts_with("hwxdump "));
}

TEST_F(Hwxdump, ShowsEveryGeneration) {
  const std::tuple<uint32_t, uint32_t, const char*> generations[] = {{5, 8, "H14 (A15, M2)"},
                                                                     {6, 8, "H15 (A16, M3)"},
                                                                     {7, 9, "H16 (A17 Pro, M4)"},
                                                                     {9, 9, "H17 (A18, M5)"},
                                                                     {10, 9, "H18 (A19)"}};
  for (const auto& [subtype, header_words, title] : generations) {
    write_file(path("later.hwx"), test::later_program(subtype, header_words).build());
    for (const char* view : {"", "--words ", "--json ", "--sections "}) {
      EXPECT_EQ(run(view + path("later.hwx").string()), 0) << title << view << content("err");
      EXPECT_GT(content("out").size(), 500u) << title << view;
    }
    EXPECT_EQ(run(path("later.hwx").string()), 0);
    EXPECT_NE(content("out").find(std::string("engine ") + title), std::string::npos) << content("out");
  }
}

// What needs H13 says so, and nothing is left behind.
TEST_F(Hwxdump, BadGenerationsAreRefusedByName) {
  write_file(path("later.hwx"), test::later_program(5, 8).build());
  for (const std::string& arguments :
       {"--dot " + path("later.hwx").string(),
        "--rewrite " + path("again.hwx").string() + " " + path("later.hwx").string()}) {
    EXPECT_EQ(run(arguments), 1) << arguments;
    expect_one_error_line();
    EXPECT_NE(content("err").find("H14 (A15, M2), not for H13"), std::string::npos) << content("err");
  }
  EXPECT_FALSE(fs::exists(path("again.hwx")));
  Bytes unknown = test::later_program(5, 8).build();
  unknown[8] = 8;
  write_file(path("unknown.hwx"), unknown);
  EXPECT_EQ(run(path("unknown.hwx").string()), 1);
  expect_one_error_line();
  EXPECT_NE(content("err").find("subtype 8"), std::string::npos) << content("err");
  EXPECT_NE(content("err").find("9 (H17)"), std::string::npos) << content("err");
}

TEST_F(Hwxdump, RegistersOfATarget) {
  EXPECT_EQ(run("--registers --target h16"), 0);
  EXPECT_TRUE(content("out").starts_with("# H16 task registers\n"));
  EXPECT_EQ(run("--registers"), 0);
  EXPECT_TRUE(content("out").starts_with("# H13 task registers\n"));
  EXPECT_EQ(run("--generations"), 0);
  EXPECT_NE(content("out").find("| H18 | 10 |"), std::string::npos);
}

TEST_F(Hwxdump, RewritesByteForByte) {
  EXPECT_EQ(run("--rewrite " + path("again.hwx").string() + " " + path("sample.hwx").string()), 0)
      << content("err");
  const MappedFile again(path("again.hwx"));
  EXPECT_EQ(Bytes(again.bytes().begin(), again.bytes().end()), sample_);
}

TEST_F(Hwxdump, BadRewriteLeavesNothing) {
  sample_.at(sample_.size() - 1) = 1;  // padding that no rule gives
  write_file(path("changed.hwx"), sample_);
  EXPECT_EQ(run("--rewrite " + path("again.hwx").string() + " " + path("changed.hwx").string()), 1);
  expect_one_error_line();
  EXPECT_FALSE(fs::exists(path("again.hwx")));
}

TEST_F(Hwxdump, BadUsageIsStatus2) {
  for (const char* arguments :
       {"", "--nonsense", "--words --json x.hwx", "--words", "--target h14", "--registers --target h19"}) {
    EXPECT_EQ(run(arguments), 2) << arguments;
    expect_one_error_line();
  }
}

TEST_F(Hwxdump, BadFilesAreStatus1) {
  write_file(path("empty.hwx"), std::string_view());
  write_file(path("text.hwx"), std::string_view("model.hwx\n"));
  write_file(path("half.hwx"), ByteSpan(sample_).first(sample_.size() / 2));
  for (const char* name : {"empty.hwx", "text.hwx", "half.hwx", "missing.hwx", "."}) {
    EXPECT_EQ(run(path(name).string()), 1) << name;
    expect_one_error_line();
    EXPECT_EQ(content("out"), "");
  }
}

}  // namespace
}  // namespace ane
