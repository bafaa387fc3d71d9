// Whole compilations, from the file to the files, against what cannot be saved: reading the model, decoding
// its weights and writing the same program. Memory is the highest that the program coreml2hwx ever had, less
// what it has when it does nothing, against the bytes of the model and of the program.
#include <Model.pb.h>
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "base/file.h"
#include "coreml/model.h"
#include "driver/compile.h"
#include "espresso/temporary_folder.h"
#include "models.h"

namespace {

using namespace ane;
namespace fs = std::filesystem;
namespace spec = CoreML::Specification;

// Runs `work` in a process of its own; returns the most bytes it had in memory at one time.
template <typename Work>
int64_t peak_of_child(Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(0);
  }
  int status = 1;
  struct rusage usage {};
  if (child < 0 || ::wait4(child, &status, 0, &usage) != child || status != 0) {
    std::fputs("a process that the measurement needs has failed\n", stderr);
    std::exit(1);
  }
  return int64_t{usage.ru_maxrss} * 1024;
}

// Of coreml2hwx with these words. A child's figure begins with what its parent has, so all of this is
// measured before anything else.
int64_t peak_bytes(std::vector<std::string> words) {
  return peak_of_child([&] {
    std::vector<char*> arguments;
    words.insert(words.begin(), COREML2HWX);
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const int nowhere = ::open("/dev/null", O_WRONLY);
    ::dup2(nowhere, STDOUT_FILENO);
    ::execv(COREML2HWX, arguments.data());
    ::_exit(127);
  });
}

struct Measured {
  bench::Model model;
  int64_t model_bytes = 0, program_bytes = 0, peak = 0, peak_of_nothing = 0;
};

Measured measure_memory(const bench::Model& model, const fs::path& folder) {
  Measured measured;
  measured.model = model;
  measured.peak_of_nothing = peak_bytes({"--version"});
  measured.peak = peak_bytes({model.path.string(), "-o", folder.string(), "-q"});
  measured.model_bytes = static_cast<int64_t>(fs::file_size(model.path));
  measured.program_bytes = static_cast<int64_t>(fs::file_size(folder / "model.hwx"));
  return measured;
}

// ---- The yardstick

void decode_all(const google::protobuf::Message& message) {
  if (const auto* weights = dynamic_cast<const spec::WeightParams*>(&message)) {
    if (coreml::weight_count(*weights) > 0) benchmark::DoNotOptimize(coreml::decode_weights(*weights, 1));
    return;
  }
  const auto* reflection = message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      decode_all(reflection->GetMessage(message, field));
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i)
      decode_all(reflection->GetRepeatedMessage(message, field, i));
  }
}

void read_decode_write(const fs::path& model, ByteSpan program, const fs::path& folder) {
  const MappedFile file(model);
  decode_all(*coreml::parse_model(file.bytes(), file.name()));
  write_file(folder / "copy.hwx", program);
}

// Of the fastest round: what the machine can do when nothing disturbs it.
class Fastest {
 public:
  // Returns the seconds of this round.
  template <typename Work>
  double run(Work work) {
    const std::clock_t before = std::clock();
    const auto begun = std::chrono::steady_clock::now();
    work();
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    seconds_ = std::min(seconds_, took);
    processor_seconds_ =
        std::min(processor_seconds_, static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC);
    return took;
  }
  double seconds() const { return seconds_; }
  double processor_seconds() const { return processor_seconds_; }  // of all threads

 private:
  double seconds_ = 1e30, processor_seconds_ = 1e30;
};

void compile(benchmark::State& state, const Measured& measured, const fs::path& folder) {
  driver::CompileOptions options;
  options.model = measured.model.path;
  options.output = folder;
  options.give_up_source = true;
  options.compare_costs = true;
  const driver::Compiled once = driver::compile_model(options);
  options.compare_costs = false;
  const Bytes program = hwx::write(once.program.file);
  Fastest compiling, yardstick;
  for (auto _ : state) {
    yardstick.run([&] { read_decode_write(options.model, program, folder); });
    state.SetIterationTime(
        compiling.run([&] { driver::write_outputs(driver::compile_model(options), options); }));
  }
  const auto files = static_cast<double>(measured.model_bytes + measured.program_bytes);
  state.counters["times_read_decode_write"] = compiling.seconds() / yardstick.seconds();
  state.counters["fastest_ms"] = 1e3 * compiling.seconds();
  state.counters["read_decode_write_ms"] = 1e3 * yardstick.seconds();
  state.counters["the_same_of_cpu"] = compiling.processor_seconds() / yardstick.processor_seconds();
  state.counters["peak_over_files"] = static_cast<double>(measured.peak - measured.peak_of_nothing) / files;
  h13::Cost cost;
  for (const h13::TaskInfo& info : once.program.infos) h13::add(cost, info.cost);
  state.counters["tasks"] = static_cast<double>(once.program.tasks.size());
  state.counters["dram_MB"] = static_cast<double>(cost.bytes()) / 1e6;
  if (once.unoptimised) {
    state.counters["tasks_unoptimised"] = static_cast<double>(once.unoptimised->tasks);
    state.counters["dram_MB_unoptimised"] = static_cast<double>(once.unoptimised->cost.bytes()) / 1e6;
  }
  state.counters["peak_MB"] = static_cast<double>(measured.peak) / 1e6;
  state.counters["empty_MB"] = static_cast<double>(measured.peak_of_nothing) / 1e6;
  state.counters["files_MB"] = files / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  const test::TemporaryFolder folder;
  peak_of_child([&] { bench::write_model(folder.path()); });
  for (const bench::Model& model : bench::models(folder.path())) {
    const Measured measured = measure_memory(model, folder.path());
    benchmark::RegisterBenchmark(
        ("compile/" + model.name).c_str(),
        [measured, &folder](benchmark::State& state) { compile(state, measured, folder.path()); })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
