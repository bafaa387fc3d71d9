// hwxdump: explains a .hwx program, ours or Apple's.
#include <fmt/format.h>

#include <cstdio>

#include "base/file.h"
#include "generations/generation.h"
#include "report/report.h"
#include "tools/dump/dump.h"
#include "tools/program.h"

namespace {

using namespace ane;

struct Arguments {
  std::string file, rewritten, target = "h13";
  bool words = false, json = false, sections = false, registers = false, generations = false, dot = false;
};

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

std::vector<std::string> target_names() {
  std::vector<std::string> names;
  for (const generations::Generation& generation : generations::all()) names.push_back(generation.name);
  return names;
}

std::string graph(const dump::Program& program) {
  hwx::require_h13(program.file, "the graph of tasks");
  return report::tasks_dot(program.file, program.h13_tasks);
}

int run(const Arguments& arguments) {
  if (arguments.registers) print(dump::registers_markdown(*generations::by_name(arguments.target)));
  if (arguments.generations) print(dump::generations_markdown());
  const bool tables = arguments.registers || arguments.generations;
  if (tables && arguments.file.empty()) return exit_done;
  if (arguments.file.empty()) throw CLI::RequiredError("FILE");
  const MappedFile file(arguments.file);
  const dump::Program program = dump::load(file.bytes(), file.name());
  if (!arguments.rewritten.empty()) write_file(arguments.rewritten, dump::rewrite(program, file.bytes()));

  if (arguments.words)
    print(dump::words(program));
  else if (arguments.json)
    print(dump::json(program));
  else if (arguments.dot)
    print(graph(program));
  else if (arguments.sections)
    print(dump::sections(program));
  else if (arguments.rewritten.empty() && !tables)
    print(dump::text(program));
  return exit_done;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(
      "Explains a .hwx program for the Apple Neural Engine (H11 to H18; the file says which): container, "
      "surfaces, "
      "every task with named registers and fields, and how sure each name is.",
      "hwxdump");
  app.set_version_flag("--version", version_text("hwxdump"));
  app.add_option("FILE", arguments.file, "a .hwx program")->type_name("");
  CLI::Option_group* views = app.add_option_group("Views", "what to print instead of the whole explanation");
  views->add_flag("--words", arguments.words, "the words of all tasks, in the form of captured programs");
  views->add_flag("--json", arguments.json, "everything as one JSON object");
  views->add_flag("--dot", arguments.dot, "tasks and the data between them as a graph for Graphviz");
  views->add_flag("--sections", arguments.sections, "segments, sections, slots, symbols and relocations");
  CLI::Option* registers =
      views->add_flag("--registers", arguments.registers, "the register table as Markdown; needs no FILE");
  views->add_flag("--generations", arguments.generations,
                  "what differs between generations as Markdown; needs no FILE");
  views->require_option(0, 1);
  app.add_option("--target", arguments.target, "with --registers: of which generation")
      ->needs(registers)
      ->check(CLI::IsMember(target_names(), CLI::ignore_case))
      ->capture_default_str();
  app.add_option(
         "--rewrite", arguments.rewritten,
         "decode the program, encode it again into the file OUT, and insist that no byte differs (H13 only)")
      ->type_name("OUT");
  app.footer(
      "Exit status: 0 done, 1 the file is refused or unreadable, 2 wrong usage, 70 a bug of this program.");
  return run_program(argc, argv, app, [&] { return run(arguments); });
}
