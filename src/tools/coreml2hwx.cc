// coreml2hwx: compiles a model for the Apple Neural Engine. mlmodelc2hwx is the same program under the name
// that users of compiled models know.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "driver/compile.h"
#include "driver/layer_table.h"
#include "driver/values.h"
#include "driver/verify.h"
#include "import/support.h"
#include "report/report.h"
#include "tools/program.h"
#include "tools/progress.h"

namespace {

namespace fs = std::filesystem;
using namespace ane;
using nlohmann::ordered_json;

struct Arguments {
  driver::CompileOptions compile;
  bool debug = false, json = false, quiet = false, verbose = false, verify = false, verify_layers = false;
  std::vector<std::string> emit, experimental, inputs, shapes;
  std::string target = "h13", functions;
  uint64_t seed = 1;
};

// The original tool's log lines, as NSLog prints them.
void log_line(const std::string& program, const std::string& text) {
  const auto now = std::chrono::system_clock::now();
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  const std::string line = fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03} {}[{}:{}] {}\n",
                                       fmt::localtime(std::chrono::system_clock::to_time_t(now)),
                                       milliseconds, program, ::getpid(), ::getpid(), text);
  std::fputs(line.c_str(), stderr);
}

// A folder in a place that everybody may write to: ours, private, and no link that somebody else put there.
fs::path safe_folder(const fs::path& parent, const std::string& name) {
  const fs::path folder = parent / name;
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw Error(folder.string(), "", "cannot be created", "give a folder with -o");
  struct stat status {};
  if (::lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() ||
      (status.st_mode & 022) != 0)
    throw Error(folder.string(), "", "is not a folder of yours that only you can write to",
                "give a folder with -o");
  return folder;
}

fs::path default_output(const std::string& model) {
  const char* temporary = std::getenv("TMPDIR");
  const fs::path parent = temporary && *temporary ? temporary : "/tmp";
  return safe_folder(safe_folder(parent, "hwx_output"), model);
}

// "NAME=1,3,8,8", also with x between.
void add_shape(const std::string& word, driver::Choice& choice) {
  const auto fail = [&] { throw Error(word, "--shape", "is no shape of an input", "write NAME=1,3,8,8"); };
  const size_t equals = word.rfind('=');
  if (equals == std::string::npos || equals == 0) fail();
  std::vector<int64_t>& shape = choice.shapes[word.substr(0, equals)];
  shape.clear();
  for (const char* next = word.c_str() + equals; *next != '\0';) {
    int64_t length = 0;
    const char* const end = word.c_str() + word.size();
    const auto [behind, error] = std::from_chars(next + 1, end, length);
    if (error != std::errc() || length < 1 || (behind != end && *behind != 'x' && *behind != ',')) fail();
    shape.push_back(length);
    next = behind;
  }
}

ordered_json verification_json(const driver::Verification& verification) {
  ordered_json out = {{"outputs", ordered_json::array()},
                      {"simulate_seconds", verification.statistics.seconds},
                      {"multiply_accumulates", verification.statistics.multiply_accumulates}};
  const auto describe = [](const driver::OutputError& error) {
    return ordered_json{{"name", error.name},
                        {"snr_db", error.snr_db},
                        {"max_abs", error.max_abs},
                        {"max_rel", error.max_rel}};
  };
  for (const driver::OutputError& error : verification.outputs) out["outputs"].push_back(describe(error));
  for (const driver::OutputError& error : verification.layers) out["layers"].push_back(describe(error));
  if (!verification.first_stray.name.empty())
    out["first_stray"] = {{"name", verification.first_stray.name},
                          {"snr_db", verification.first_stray.snr_db}};
  return out;
}

void print_verification(const driver::Verification& verification) {
  const auto print = [](const char* what, const driver::OutputError& error) {
    fmt::print(stderr, "verify: {}{}: {:.1f} dB, largest difference {:.3g} ({:.3g} of the largest value)\n",
               what, error.name, error.snr_db, error.max_abs, error.max_rel);
  };
  for (const driver::OutputError& error : verification.layers) print("layer ", error);
  for (const driver::OutputError& error : verification.outputs) print("", error);
  if (!verification.first_stray.name.empty())
    fmt::print(stderr, "verify: first layer that strays: {} ({:.1f} dB)\n", verification.first_stray.name,
               verification.first_stray.snr_db);
  fmt::print(stderr, "verify: simulated in {:.3f} s\n", verification.statistics.seconds);
}

std::string options_line(const Arguments& arguments, const std::string& compat) {
  std::string emit;
  for (const std::string& what : arguments.compile.emit) emit += (emit.empty() ? "" : ",") + what;
  return fmt::format("options: {{target = {}; compat = {}; emit = \"{}\";{}{}{}}}", arguments.target, compat,
                     emit, arguments.compile.native_pooling ? " experimental = native-pooling;" : "",
                     arguments.compile.optimise ? "" : " optimise = 0;",
                     arguments.verify ? " verify = 1;" : "");
}

std::string file_url(const fs::path& path) {
  return "file://" + fs::absolute(path).lexically_normal().string();
}

void log_stages(const std::string& program, const Arguments& arguments, const driver::Compiled& compiled) {
  if (arguments.quiet) return;
  if (compiled.source.kind == driver::SourceKind::CoreMl)
    log_line(program, "original mlmodel file: " + file_url(arguments.compile.model));
  if (arguments.compile.emit.contains("mlmodelc") && compiled.source.espresso)
    log_line(program, "espresso model in mlmodelc directory: " +
                          file_url(arguments.compile.output / (compiled.source.name + ".mlmodelc")));
  else if (compiled.source.kind == driver::SourceKind::Espresso)
    log_line(program, "espresso model in mlmodelc directory: " + file_url(arguments.compile.model));
  if (compiled.source.kind == driver::SourceKind::Mil)
    log_line(program, "ML program: " + file_url(arguments.compile.model));
  log_line(program, options_line(arguments, compiled.sidecar.compat));
  if (arguments.compile.emit.contains("hwx"))
    log_line(program, "result at " + (arguments.compile.output / "model.hwx").string());
  if (arguments.debug) log_line(program, "other debug information at " + arguments.compile.output.string());
}

int compile(const std::string& program, Arguments arguments) {
  const std::set<std::string>& emit = arguments.compile.emit;
  arguments.compile.give_up_source =
      !arguments.verify && !emit.contains("mlmodelc") && !emit.contains("plist");
  arguments.compile.compare_costs =
      arguments.verbose || arguments.json || emit.contains("json") || emit.contains("text");
  driver::Compiled compiled = driver::compile_model(arguments.compile);
  if (arguments.compile.output.empty()) arguments.compile.output = default_output(compiled.source.name);
  driver::write_outputs(compiled, arguments.compile);
  log_stages(program, arguments, compiled);
  ordered_json result = {{"status", "ok"},
                         {"error", ""},
                         {"model", arguments.compile.model.string()},
                         {"output", arguments.compile.output.string()},
                         {"tasks", compiled.program.tasks.size()},
                         {"constant_bytes", compiled.program.file.constants.size()},
                         {"scratch_bytes", compiled.program.file.scratch_bytes},
                         {"compile_seconds", compiled.compile_seconds}};
  if (compiled.source.pipeline) result["pipeline"] = driver::to_json(*compiled.source.pipeline);
  if (arguments.verify) {
    sim::Options simulation;
    if (!arguments.quiet) simulation.progress = progress_line("simulating task");
    const driver::Verification verification =
        driver::verify(compiled, arguments.compile, driver::match_inputs(arguments.inputs, compiled.sidecar),
                       arguments.seed, simulation, arguments.verify_layers);
    result["verify"] = verification_json(verification);
    if (!arguments.quiet) print_verification(verification);
  }
  if (arguments.verbose)
    fmt::print(stderr, "{}", report::layer_table(compiled.program, {}, compiled.unoptimised));
  if (arguments.json) result["costs"] = report::cost_json(compiled.program, compiled.unoptimised);
  if (arguments.json) fmt::print("{}\n", result.dump(2, ' ', false, ordered_json::error_handler_t::replace));
  return 0;
}

int run(const std::string& program, Arguments arguments) {
  try {
    return compile(program, arguments);
  } catch (const Error& error) {
    // The reason also goes to whoever reads the JSON; run_program prints the line and sets the status.
    if (arguments.json)
      fmt::print("{}\n", ordered_json({{"status", "refused"},
                                       {"error", error.what()},
                                       {"model", arguments.compile.model.string()}})
                             .dump(2, ' ', false, ordered_json::error_handler_t::replace));
    throw;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string program = fs::path(argv[0]).filename().string();
  Arguments arguments;
  CLI::App app("Compiles a Core ML model for the Apple Neural Engine (H13: A14, M1) into a .hwx program.");
  app.set_version_flag("--version", version_text(program));
  std::string word;
  app.add_option(
         "MODEL", arguments.compile.model,
         "a .mlmodel or .mlpackage; an ML Program as text (.mil); a compiled model folder (.mlmodelc); or "
         "a net.plist")
      ->required();
  app.add_option("debug", word, "the word 'debug': also write every stage's files, graphs and tables")
      ->check(CLI::IsMember({"debug"}));
  app.add_option("-o,--output", arguments.compile.output,
                 "folder for the results (default: hwx_output/NAME in $TMPDIR or /tmp)");
  app.add_option("--model", arguments.compile.choice.part,
                 "which network of a pipeline, by its name or its number from 0 (default: the only one)");
  app.add_option("--function", arguments.compile.choice.function,
                 "which function of an ML Program (default: main, or the only one)");
  app.add_option(
      "--shape", arguments.shapes,
      "NAME=1,3,640,480: shape of an input whose shape is flexible, or that --from makes; of images the last "
      "two are height and width (default: the model's own default)");
  app.add_option(
         "--from", arguments.compile.choice.cut.from,
         "NAME[,NAME...]: compile the part of the network behind these tensors, which are its inputs; "
         "where a shape does not follow from the model, say it with --shape")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option(
         "--to", arguments.compile.choice.cut.to,
         "NAME[,NAME...]: compile the part of the network before these tensors, which are its outputs "
         "(both options: the part between)")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--compat", arguments.compile.compat,
                 "which of Apple's compilers to agree with (default: 5.4.1, for ML Programs and products of "
                 "two matrices 9.509); when given, each "
                 "weight is rounded by itself, as there, and not all of a kernel together")
      ->check(CLI::IsMember({"4.2.1", "5.4.1", "7.6.4", "9.509"}));
  app.add_option("--functions", arguments.functions,
                 "how to compute sigmoid, tanh, GELU and SiLU: precise (good to fp16; up to seven passes) or "
                 "table (one pass, off by up to 0.015, as Apple's compiler does it; default with --compat)")
      ->check(CLI::IsMember({"precise", "table"}));
  app.add_option("--target", arguments.target, "engine generation")
      ->check(CLI::IsMember({"h13"}))
      ->capture_default_str();
  app.add_option("--emit", arguments.emit,
                 "what to write: hwx, anec (for Linux drivers; hwx2anec has the choices), mlmodelc, plist, "
                 "dot, text, json (comma-separated; default: hwx)")
      ->delimiter(',')
      ->check(CLI::IsMember({"hwx", "anec", "mlmodelc", "plist", "dot", "text", "json"}));
  app.add_option(
         "--experimental", arguments.experimental,
         "use a form that no public Apple program shows: native-pooling (windowed pooling as one PE task)")
      ->check(CLI::IsMember({"native-pooling"}));
  app.add_flag("!--no-optimisation", arguments.compile.optimise,
               "fold, fuse and keep on chip nothing: only what makes the network legal is done to it");
  app.add_flag("--verify", arguments.verify,
               "run the program on the simulator and the model on the reference interpreter, and compare");
  app.add_flag("--verify-layers", arguments.verify_layers,
               "as --verify, and compare every layer's own result as well, in a program made to show them");
  app.add_option("--input", arguments.inputs,
                 "input for --verify: [NAME=]FILE (.npy, PNG, JPEG, PNM; default: random)");
  app.add_option("--seed", arguments.seed, "seed of the random inputs")->capture_default_str();
  app.add_flag("--json", arguments.json, "print the result as one JSON object");
  app.add_flag_callback(
      "--layers",
      [] {
        fmt::print("{}", driver::layer_table_text());
        throw CLI::Success();
      },
      "print what becomes of each type of layer of a neural network; needs no MODEL");
  app.add_flag("-v,--verbose", arguments.verbose, "print the table of layers, tasks and costs");
  app.add_flag("-q,--quiet", arguments.quiet, "no log lines");
  app.add_flag_callback(
      "--operations",
      [] {
        fmt::print("{}", import::support_document());
        throw CLI::Success();
      },
      "print what becomes of every operation of ML Programs, and exit");
  app.footer(
      "Exit status: 0 done, 1 the model is refused or unreadable, 2 wrong usage, 70 a bug of this program.");
  return run_program(argc, argv, app, [&] {
    arguments.debug = word == "debug";
    arguments.verify |= arguments.verify_layers;
    if (!arguments.emit.empty()) arguments.compile.emit = {arguments.emit.begin(), arguments.emit.end()};
    if (arguments.debug) arguments.compile.emit = {"hwx", "anec", "mlmodelc", "plist", "dot", "text", "json"};
    for (const std::string& shape : arguments.shapes) add_shape(shape, arguments.compile.choice);
    arguments.compile.leave_out_impossible = arguments.debug;
    if (!arguments.quiet) arguments.compile.log = [&](const std::string& text) { log_line(program, text); };
    if (!arguments.quiet) arguments.compile.progress = progress_line("compiling: step");
    arguments.compile.native_pooling = !arguments.experimental.empty();
    // Who asks to agree with a compiler of Apple's gets its tables and its weights; who only wants a program
    // gets the right numbers.
    const bool agrees = app.count("--compat") > 0;
    if (arguments.functions.empty()) arguments.functions = agrees ? "table" : "precise";
    arguments.compile.nearest_weights = agrees;
    arguments.compile.coarse_tables = arguments.functions == "table";
    return run(program, arguments);
  });
}
