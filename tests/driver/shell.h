// Programs as a user runs them: through the shell, judged by exit status, the two streams and the files left.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "espresso/temporary_folder.h"

namespace ane::test {

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Ran {
  int status = -1;  // 128 + N when signal N ended it
  std::string out, err;
  double processor_seconds = 0;

  size_t error_lines() const { return static_cast<size_t>(std::count(err.begin(), err.end(), '\n')); }
};

inline std::string quoted(const std::filesystem::path& word) {
  std::string text = "'";
  for (const char c : word.string()) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

// How long they worked, not how long they waited: other work on the machine hardly changes it.
inline double processor_seconds_of_children() {
  struct rusage usage {};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// `line` begins with a program of this build, e.g. "coreml2hwx --help"; `before` may set variables.
inline Ran run(const std::string& line, const std::string& before = "") {
  const TemporaryFolder folder;
  const double before_it = processor_seconds_of_children();
  const std::string command = before + " " + ANE_BINARY_DIR "/" + line + " >" +
                              quoted(folder.path() / "out") + " 2>" + quoted(folder.path() / "err") +
                              " </dev/null";
  const int status = std::system(command.c_str());
  Ran ran;
  ran.processor_seconds = processor_seconds_of_children() - before_it;
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ran.out = contents(folder.path() / "out");
  ran.err = contents(folder.path() / "err");
  return ran;
}

// Names of everything below a folder, sorted.
inline std::vector<std::string> files_below(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  if (!std::filesystem::exists(folder)) return names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (!entry.is_directory()) names.push_back(std::filesystem::relative(entry.path(), folder).string());
  std::sort(names.begin(), names.end());
  return names;
}

// How every program refuses: status 1, one line that begins with "error: ", and little work: a few hundredths
// of a second, which a busy machine may stretch.
inline void expect_refused(const Ran& ran, const std::string& what) {
  EXPECT_EQ(ran.status, 1) << what << "\n" << ran.err;
  EXPECT_EQ(ran.error_lines(), 1u) << what << "\n" << ran.err;
  EXPECT_EQ(ran.err.substr(0, 7), "error: ") << what << "\n" << ran.err;
  EXPECT_LT(ran.processor_seconds, 5.0) << what;
}

}  // namespace ane::test
