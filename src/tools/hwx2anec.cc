// hwx2anec: makes what the Linux drivers' library loads from a .hwx program, and lists what is in one.
#include <fmt/format.h>

#include <cstdio>
#include <map>

#include "anec/from_hwx.h"
#include "base/file.h"
#include "tools/program.h"

namespace {

using namespace ane;

struct Arguments {
  std::string program, output, shown;
  anec::Options conversion;
  uint32_t header = 0;  // 0: the driver's own
};

int show(const std::string& path) {
  const MappedFile mapped(path);
  const anec::File file = anec::read(mapped.bytes(), mapped.name());
  fmt::print("{}", anec::describe(file));
  for (const std::string& contradiction : anec::contradictions(file, anec::decode_tasks(file)))
    fmt::print("warning: {}; the program computes from the wrong buffers\n", contradiction);
  return exit_done;
}

int convert(Arguments arguments) {
  if (arguments.header) arguments.conversion.header_size = arguments.header;
  const MappedFile mapped(arguments.program);
  const anec::Converted converted =
      anec::from_hwx(hwx::read(mapped.bytes(), mapped.name()), arguments.conversion);
  write_file(arguments.output, anec::write(converted.file));
  for (const std::string& warning : converted.warnings) fmt::print(stderr, "warning: {}\n", warning);
  fmt::print(stderr, "wrote {}: {}", arguments.output, anec::describe(converted.file, converted.names));
  return exit_done;
}

int run(const Arguments& arguments) {
  if (!arguments.shown.empty()) return show(arguments.shown);
  if (arguments.program.empty()) throw CLI::RequiredError("FILE.hwx");
  if (arguments.output.empty()) throw CLI::RequiredError("-o");
  return convert(arguments);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(
      "Makes an .anec file, which the Linux drivers' library loads, from a .hwx program for H13 (A14, M1).",
      "hwx2anec");
  app.set_version_flag("--version", version_text("hwx2anec"));
  CLI::Option* program = app.add_option("FILE.hwx", arguments.program, "the program")->type_name("");
  app.add_option("-o,--output", arguments.output, "the .anec file to write")->type_name("FILE.anec");
  const std::map<std::string, anec::Driver> drivers = {{"eiln", anec::Driver::Eiln},
                                                       {"omarchy", anec::Driver::Omarchy}};
  app.add_option(
         "--driver", arguments.conversion.driver,
         "eiln: header 0x800 (its library since June 2023); omarchy: header 0x1000, network id in every "
         "task header")
      ->transform(CLI::CheckedTransformer(drivers).description(""))
      ->option_text("eiln|omarchy (default: eiln)");
  app.add_option("--header", arguments.header, "header size, where it is not the driver's own")
      ->transform(CLI::CheckedTransformer(std::map<std::string, uint32_t>{{"0x800", anec::short_header},
                                                                          {"0x1000", anec::long_header}})
                      .description(""))
      ->option_text("0x800|0x1000");
  const std::map<std::string, anec::Channels> channels = {{"by-role", anec::Channels::ByRole},
                                                          {"positional", anec::Channels::Positional}};
  app.add_option(
         "--channels", arguments.conversion.channels,
         "by-role: task headers are renumbered to outputs first, then inputs; positional: they stay as they "
         "are, right or not, as other converters leave them")
      ->transform(CLI::CheckedTransformer(channels).description(""))
      ->option_text("by-role|positional (default: by-role)");
  app.add_option("--info", arguments.shown, "list what is in an .anec file")
      ->type_name("FILE.anec")
      ->excludes(program);
  app.footer(
      "Exit status: 0 done, 1 the file is refused or unreadable, 2 wrong usage, 70 a bug of this program.");
  return run_program(argc, argv, app, [&] { return run(arguments); });
}
