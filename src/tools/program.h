// What all programs share: exit statuses, the one line of an error, --version.
//
// Exit status 0 means done, 1 that the input is refused or unreadable, 2 wrong usage, 70 a bug of ours. An
// error is one line on standard error that begins with "error: ".
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace ane {

enum ExitStatus : int { exit_done = 0, exit_refused = 1, exit_usage = 2, exit_bug = 70 };

// "hwxdump 0.1.0", the version that CMakeLists.txt gives the project.
std::string version_text(const std::string& program);

// Parses the arguments with `app`, runs `body` and gives the exit status for main(): that of body, or the one
// of what it throws. Prints help, usage errors and exceptions.
int run_program(int argc, char** argv, CLI::App& app, const std::function<int()>& body);

}  // namespace ane
