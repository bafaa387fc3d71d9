// hwx2anec as a program: exit statuses, one error line, nothing half-written.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "anec/sample.h"
#include "base/file.h"

namespace ane::anec {
namespace {

namespace fs = std::filesystem;

class Hwx2anec : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("hwx2anec-test-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    write_program(test::add_through_scratch());
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write_program(test::Program program) {
    program.file.dialect = hwx::Dialect::B;  // 4.2.1's successor: outputs first
    for (hwx::Surface& surface : program.file.surfaces) surface.slot = 0;
    hwx::assign_addresses(program.file);
    std::array<uint32_t, 7> slot_of = {0, 1, 2, 3};
    for (const hwx::Surface& surface : program.file.surfaces)
      slot_of[surface.symbol == "x" ? 4 : surface.symbol == "xz" ? 5 : 6] = surface.slot;
    for (h13::Task& task : program.tasks)
      for (const auto field : {h13::HeaderField::RBase0, h13::HeaderField::RBase1, h13::HeaderField::WBase})
        task.set(field, slot_of[task.get(field)]);
    test::encode(program);
    hwx::assign_addresses(program.file);
    write_file(path("sample.hwx"), hwx::write(program.file));
  }

  fs::path path(const std::string& name) const { return folder_ / name; }
  std::string option(const std::string& word, const std::string& name) const {
    return word + " " + path(name).string() + " ";
  }

  int run(const std::string& arguments) {
    const std::string command = std::string(ANE_BINARY_DIR) + "/hwx2anec " + arguments + " >" +
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
};

TEST_F(Hwx2anec, ConvertsAndShows) {
  const std::string convert = option("", "sample.hwx") + option("-o", "sample.anec");
  for (const auto& [options, header, stamped] :
       {std::tuple{"", 0x800, "in 0 task headers"},
        {"--driver omarchy", 0x1000, "in 2 task headers"},
        {"--driver eiln --header 0x1000", 0x1000, "in 0 task headers"},
        {"--driver omarchy --header 0x800 --channels positional", 0x800, "in 2 task headers"}}) {
    ASSERT_EQ(run(convert + options), 0) << content("err");
    EXPECT_EQ(fs::file_size(path("sample.anec")), static_cast<uintmax_t>(header) + 0x4580);
    EXPECT_NE(content("err").find("output 0"), std::string::npos);
    EXPECT_NE(content("err").find("; xz\n"), std::string::npos);
    EXPECT_EQ(content("out"), "");
    ASSERT_EQ(run(option("--info", "sample.anec")), 0) << content("err");
    EXPECT_NE(content("out").find(stamped), std::string::npos) << content("out");
    EXPECT_EQ(content("err"), "");
  }
  EXPECT_EQ(run("--help"), 0);
  EXPECT_EQ(run("--version"), 0);
  EXPECT_TRUE(content("out").starts_with("hwx2anec "));
}

TEST_F(Hwx2anec, BadUsageIsStatus2) {
  for (const std::string& arguments :
       {std::string(), std::string("--nonsense"), option("", "sample.hwx"), option("-o", "x.anec"),
        option("", "sample.hwx") + option("-o", "x.anec") + "--header 0x900",
        option("", "sample.hwx") + option("-o", "x.anec") + "--driver linux"}) {
    EXPECT_EQ(run(arguments), 2) << arguments;
    expect_one_error_line();
    EXPECT_FALSE(fs::exists(path("x.anec")));
  }
}

TEST_F(Hwx2anec, BadFilesAreRefused) {
  test::Program program = test::add_through_scratch();
  program.file.scratch_bytes = 0;
  write_program(program);
  EXPECT_EQ(run(option("", "sample.hwx") + option("-o", "x.anec")), 1);
  expect_one_error_line();
  EXPECT_NE(content("err").find("scratch"), std::string::npos);
  EXPECT_FALSE(fs::exists(path("x.anec")));
  write_file(path("text"), std::string_view("no program"));
  EXPECT_EQ(run(option("", "text") + option("-o", "x.anec")), 1);
  expect_one_error_line();
  EXPECT_EQ(run(option("--info", "text")), 1);
  expect_one_error_line();
  EXPECT_EQ(run(option("--info", "missing")), 1);
  expect_one_error_line();
}

}  // namespace
}  // namespace ane::anec
