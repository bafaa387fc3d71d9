// Programs as a user runs them: through the shell, judged by exit status, the two streams and the files left.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
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
  double seconds = 0;

  size_t error_lines() const { return static_cast<size_t>(std::count(err.begin(), err.end(), '\n')); }
};

inline std::string quoted(const std::filesystem::path& word) {
  std::string text = "'";
  for (const char c : word.string()) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

// `line` begins with a program of this build, e.g. "coreml2hwx --help"; `before` may set variables.
inline Ran run(const std::string& line, const std::string& before = "") {
  const TemporaryFolder folder;
  const auto begun = std::chrono::steady_clock::now();
  const std::string command = before + " " + ANE_BINARY_DIR "/" + line + " >" +
                              quoted(folder.path() / "out") + " 2>" + quoted(folder.path() / "err") +
                              " </dev/null";
  const int status = std::system(command.c_str());
  Ran ran;
  ran.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
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

// How every program refuses: status 1, one line that begins with "error: ", within a second.
inline void expect_refused(const Ran& ran, const std::string& what) {
  EXPECT_EQ(ran.status, 1) << what << "\n" << ran.err;
  EXPECT_EQ(ran.error_lines(), 1u) << what << "\n" << ran.err;
  EXPECT_EQ(ran.err.substr(0, 7), "error: ") << what << "\n" << ran.err;
  EXPECT_LT(ran.seconds, 1.0) << what;
}

}  // namespace ane::test
