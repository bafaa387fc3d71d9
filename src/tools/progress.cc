#include "tools/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <utility>

namespace ane {

namespace {

constexpr auto patience = std::chrono::seconds(1);
constexpr auto refresh = std::chrono::milliseconds(100);

bool standing = false;  // a line is on the terminal

}  // namespace

std::function<void(size_t, size_t)> progress_line(const std::string& label) {
  using Clock = std::chrono::steady_clock;
  if (!::isatty(STDERR_FILENO)) return [](size_t, size_t) {};
  return [label, begun = Clock::now(), shown = Clock::time_point{}](size_t done, size_t of) mutable {
    const auto now = Clock::now();
    if (now - begun < patience || (now - shown < refresh && done + 1 < of)) return;
    shown = now;
    fmt::print(stderr, "\r{} {} of {}\x1b[K", label, done + 1, of);
    standing = true;
    if (done + 1 >= of) clear_progress_line();
    std::fflush(stderr);
  };
}

void clear_progress_line() {
  if (std::exchange(standing, false)) fmt::print(stderr, "\r\x1b[K");
}

}  // namespace ane
