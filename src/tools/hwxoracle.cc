// hwxoracle: runs captured programs of Apple's compiler on the simulator, against what their source programs
// say.
//
// A capture (.oracle) holds task words and the source program, no constants; the constants' section is packed
// here by the written rules. So three things are tried at once, none of which our compiler has a part in: the
// simulator's reading of the words, the packing rules, and the reference.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "oracle/run.h"
#include "tools/program.h"
#include "tools/progress.h"

namespace {

namespace fs = std::filesystem;
using namespace ane;
using nlohmann::ordered_json;

struct Arguments {
  std::vector<fs::path> paths;
  fs::path tables, output;
  uint32_t seed = 0;
  bool json = false, recorded = false;
};

struct Result {
  std::string name;
  size_t tasks = 0;
  bool left_out = false;  // the capture has no source program
  oracle::Outcome outcome;

  const char* verdict() const {
    if (left_out) return "left out";
    if (!outcome.refusal.empty()) return "refused";
    return outcome.agrees() ? "agrees" : "differs";
  }
};

struct Sum {
  size_t cases = 0, agree = 0, hashes = 0, left_out = 0;
};

Sum sum_of(const std::vector<Result>& results) {
  Sum sum;
  for (const Result& result : results) {
    sum.left_out += result.left_out;
    if (result.left_out) continue;
    ++sum.cases;
    sum.agree += result.outcome.agrees();
    sum.hashes += result.outcome.constants == oracle::Evidence::Hash;
  }
  return sum;
}

std::vector<fs::path> cases_in(const std::vector<fs::path>& paths) {
  std::vector<fs::path> files;
  for (const fs::path& path : paths) {
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    const std::vector<fs::path> inside = oracle::capture_files(path);
    if (inside.empty()) throw Error(path.string(), "", "holds no .oracle files");
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

void write_program(oracle::Case& of, const fs::path& path) {
  hwx::assign_addresses(of.file);
  write_file(path, hwx::write(of.file));
}

Result run_file(const Arguments& arguments, const fs::path& path) {
  Result result;
  result.name = path.stem().string();
  try {
    std::optional<oracle::Case> of = oracle::load_case(oracle::read_capture(path));
    result.left_out = !of;
    if (!of) return result;
    result.tasks = of->tasks.size();
    const fs::path tables = arguments.tables.empty() ? path.parent_path() / "lut.txt" : arguments.tables;
    result.outcome =
        oracle::run_case(*of, oracle::read_tables(tables), arguments.seed,
                         arguments.recorded ? oracle::Constants::Recorded : oracle::Constants::Random);
    if (!arguments.output.empty() && result.outcome.refusal.empty()) write_program(*of, arguments.output);
  } catch (const Error& error) {
    result.outcome.refusal = error.what();
  }
  return result;
}

std::string line_of(const Result& result) {
  const oracle::Outcome& outcome = result.outcome;
  const std::string start = fmt::format("{:<62} {:>5} {:<10} {:<9}", result.name, result.tasks,
                                        oracle::name_of(outcome.constants), result.verdict());
  if (result.left_out) return start + " the capture holds no source program";
  if (!outcome.refusal.empty()) return start + " " + outcome.refusal;
  const oracle::Allowance& allowance = outcome.allowance;
  return fmt::format("{} {:.2f} of {:.2f} units{}, {}", start, outcome.worst, allowance.units,
                     allowance.absolute > 0 ? fmt::format(" + {:.4f}", allowance.absolute) : "",
                     allowance.why);
}

ordered_json json_of(const Result& result) {
  ordered_json out = {{"case", result.name}, {"verdict", result.verdict()}};
  if (result.left_out) return out;
  const oracle::Outcome& outcome = result.outcome;
  if (!outcome.refusal.empty()) {
    out["error"] = outcome.refusal;
    return out;
  }
  out["tasks"] = result.tasks;
  out["constants"] = oracle::name_of(outcome.constants);
  out["worst_error"] = outcome.worst;
  out["allowance"] = {{"units", outcome.allowance.units},
                      {"absolute", outcome.allowance.absolute},
                      {"of_element", outcome.allowance.of_element},
                      {"for", outcome.allowance.why}};
  return out;
}

void print_json(const std::vector<Result>& results, const Sum& sum) {
  ordered_json out = {{"cases", ordered_json::array()}};
  for (const Result& result : results) out["cases"].push_back(json_of(result));
  out["summary"] = {
      {"cases", sum.cases}, {"agree", sum.agree}, {"recorded_hash", sum.hashes}, {"left_out", sum.left_out}};
  fmt::print("{}\n", out.dump(2, ' ', false, ordered_json::error_handler_t::replace));
}

void print_text(const std::vector<Result>& results, const Sum& sum) {
  fmt::print("{:<62} {:>5} {:<10} {:<9} {}\n", "case", "tasks", "constants", "result",
             "largest error, of what is allowed");
  for (const Result& result : results) fmt::print("{}\n", line_of(result));
  fmt::print("{} of {} agree; {} constant sections have the recorded hash; {} left out\n", sum.agree,
             sum.cases, sum.hashes, sum.left_out);
}

int run(const Arguments& arguments) {
  const std::vector<fs::path> files = cases_in(arguments.paths);
  if (!arguments.output.empty() && files.size() != 1)
    throw CLI::ValidationError("--output", "takes one case, and these are " + std::to_string(files.size()));
  std::vector<Result> results;
  const auto progress = progress_line("case");
  for (const fs::path& file : files) {
    progress(results.size(), files.size());
    results.push_back(run_file(arguments, file));
  }
  const Sum sum = sum_of(results);
  if (arguments.json)
    print_json(results, sum);
  else
    print_text(results, sum);
  if (sum.cases == 0) throw Error(files[0].string(), "", "holds no source program to compare with");
  for (const Result& result : results) {
    if (result.left_out || result.outcome.agrees()) continue;
    if (sum.cases == 1 && !result.outcome.refusal.empty()) throw Error("", "", result.outcome.refusal);
    throw Error("", "",
                fmt::format("{} of {} cases do not agree, the first is {}", sum.cases - sum.agree, sum.cases,
                            result.name));
  }
  return exit_done;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(
      "Runs captured programs of Apple's compiler (.oracle files: task words and source program) on the "
      "simulator and "
      "compares with a float32 reference of the source program. Inputs and constants are random.");
  app.set_version_flag("--version", version_text("hwxoracle"));
  app.add_option("CASE", arguments.paths, ".oracle files, or folders of them")
      ->required()
      ->check(CLI::ExistingPath);
  app.add_option("--tables", arguments.tables,
                 "the engine's tables, a name and 64 words a line (default: lut.txt beside the case)")
      ->check(CLI::ExistingFile);
  app.add_option("--seed", arguments.seed, "other random inputs")->capture_default_str();
  app.add_flag("--recorded", arguments.recorded,
               "the constants of the recording instead of random ones; they are uniform, so they hide "
               "exchanged lanes, and "
               "sums that cancel may leave the bounds");
  app.add_option("-o,--output", arguments.output,
                 "keep the program that was run as this .hwx (one case; for hwxrun and hwxdump)");
  app.add_flag("--json", arguments.json, "print the results as one JSON object");
  app.footer(
      "A case agrees when no task meets a hazard, every output element is within its allowance, and the "
      "constant section,\n"
      "packed with the recorded constants, has the hash of Apple's section where one was recorded.\n"
      "\n"
      "The allowance is what the engine's number formats lose, in units of fp16: 0.501 where each "
      "operation's result is\n"
      "one rounding of an exact value (0.5, and the reference's own rounding to float32), 0.55 for sums in "
      "float32, 1 to 6\n"
      "for functions by table, softmax and normalisation. Sums are measured at the output's root mean "
      "square, since they\n"
      "err with their terms. Functions by table may err by the distance between table and function besides. "
      "In chains\n"
      "the units are added and doubled, and the tables' part is taken three times. docs/evidence.md says "
      "what that\n"
      "leaves unproven.\n"
      "\n"
      "Exit status: 0 all agree, 1 a case differs, is refused or unreadable, 2 wrong usage, 70 a bug of this "
      "program.");
  return run_program(argc, argv, app, [&] { return run(arguments); });
}
