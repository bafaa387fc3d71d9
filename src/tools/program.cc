// Exceptions to exit statuses. Whatever escapes from a program is named here once, so that no program ends in
// a stack trace and no two spell an error differently.
#include "tools/program.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <new>

#include "base/error.h"
#include "tools/progress.h"

namespace ane {
namespace {

// An error is one line, whatever names and bytes of the input it quotes.
std::string one_line(const std::string& text) {
  std::string line;
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      line += c;
  return line;
}

int report_error(ExitStatus status, const std::string& text) {
  std::fflush(stdout);
  clear_progress_line();
  fmt::print(stderr, "error: {}\n", one_line(text));
  return status;
}

int report_usage(const CLI::ParseError& error, const std::string& program) {
  std::fflush(stdout);
  fmt::print(stderr, "error: {}; try {} --help\n", one_line(error.what()), program);
  return exit_usage;
}

}  // namespace

std::string version_text(const std::string& program) {
  return program + " " + ANE_VERSION;
}

int run_program(int argc, char** argv, CLI::App& app, const std::function<int()>& body) {
  try {
    app.parse(argc, argv);
    const int status = body();
    if (std::fflush(stdout) != 0 || std::ferror(stdout))
      return report_error(exit_refused, "standard output cannot be written");
    return status;
  } catch (const CLI::Success& answer) {  // --help and --version
    return app.exit(answer);
  } catch (const CLI::ParseError& error) {
    return report_usage(error,
                        argc > 0 ? std::filesystem::path(argv[0]).filename().string() : app.get_name());
  } catch (const Error& error) {
    return report_error(exit_refused, error.what());
  } catch (const std::bad_alloc&) {
    return report_error(exit_refused, "not enough memory");
  } catch (const std::filesystem::filesystem_error& error) {
    return report_error(exit_refused, error.what());
  } catch (const std::exception& error) {
    return report_error(exit_bug,
                        fmt::format("internal error: {}; please report it with the input", error.what()));
  }
}

}  // namespace ane
