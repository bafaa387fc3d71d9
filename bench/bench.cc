// How fast the compiler and the simulator are, as ratios that mean the same on every machine: each benchmark
// times a yardstick on the same data right before its own work (memcpy for what moves weights, Eigen's sgemm
// for what multiplies) and gives the quotient as a counter. Wall time is what counts, since both sides use
// all cores where they can, sgemm alone excepted.
#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/half.h"
#include "coreml/model.h"
#include "espresso/from_coreml.h"
#include "h13/compile.h"
#include "import/from_espresso.h"
#include "passes/passes.h"
#include "sim/simulator.h"
#include "support/model_builder.h"

namespace {

using namespace ane;

// Of the fastest of `rounds`: what the machine can do when nothing disturbs it.
template <typename Work>
double best_seconds(int rounds, Work work) {
  double best = 1e30;
  for (int i = 0; i < rounds; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  }
  return best;
}

double memcpy_seconds(size_t bytes) {
  const std::vector<char> from(bytes, 1);
  std::vector<char> to(bytes);
  return best_seconds(20, [&] {
    std::memcpy(to.data(), from.data(), bytes);
    benchmark::DoNotOptimize(to.data());
  });
}

// Runs `work` as the benchmark's body and gives its fastest round.
template <typename Work>
double measure(benchmark::State& state, Work work) {
  double best = 1e30;
  for (auto _ : state) {
    const double seconds = best_seconds(1, work);
    state.SetIterationTime(seconds);
    best = std::min(best, seconds);
  }
  return best;
}

aneir::Network imported(const Bytes& model) {
  return import::from_espresso(espresso::from_coreml(coreml::read_model(model, "bench.mlmodel")));
}

h13::Program generated(aneir::Network network) {
  passes::run_passes(network, h13::engine_facts(false));
  return h13::compile_network(network, h13::compat(hwx::Dialect::B), h13::target());
}

Bytes convolution_model(int64_t channels, int64_t side, int64_t kernel, bool half_weights) {
  test::ModelBuilder model;
  model.array_input("x", {channels, side, side});
  model.convolution("y", "x",
                    {.out = channels,
                     .in = channels,
                     .kernel_h = kernel,
                     .kernel_w = kernel,
                     .same = true,
                     .half_weights = half_weights});
  model.array_output("y");
  return model.bytes();
}

// The back end on a convolution that is all weights: they are laid out anew once, so memcpy is the bound.
void emit_pointwise_convolution(benchmark::State& state) {
  aneir::Network network = imported(convolution_model(1024, 8, 1, true));
  passes::run_passes(network, h13::engine_facts(false));
  const double yardstick = memcpy_seconds(1024 * 1024 * sizeof(Half));
  const double best = measure(state, [&] {
    benchmark::DoNotOptimize(h13::compile_network(network, h13::compat(hwx::Dialect::B), h13::target()));
  });
  state.counters["memcpys"] = best / yardstick;
}
BENCHMARK(emit_pointwise_convolution)->UseManualTime()->Unit(benchmark::kMillisecond);

constexpr int layers = 100;
constexpr size_t layer_weights = 16 * 16 * 3 * 3;

Bytes hundred_layers() {
  test::ModelBuilder model;
  model.array_input("x", {16, 32, 32});
  std::string last = "x";
  for (int i = 0; i < layers; i += 2) {
    const std::string number = std::to_string(i);
    model.convolution("conv" + number, last, {.out = 16, .in = 16, .same = true});
    model.activation("act" + number, "conv" + number)->mutable_tanh();
    last = "act" + number;
  }
  model.array_output(last);
  return model.bytes();
}

// The back end on many small layers, as a multiple of copying their weights: what a layer costs apart from
// them.
void emit_hundred_layers(benchmark::State& state) {
  aneir::Network network = imported(hundred_layers());
  passes::run_passes(network, h13::engine_facts(false));
  const double yardstick = memcpy_seconds(layers / 2 * layer_weights * sizeof(Half));
  const double best = measure(state, [&] {
    benchmark::DoNotOptimize(h13::compile_network(network, h13::compat(hwx::Dialect::B), h13::target()));
  });
  state.counters["memcpys"] = best / yardstick;
}
BENCHMARK(emit_hundred_layers)->UseManualTime()->Unit(benchmark::kMillisecond);

// Reading, import, passes, back end, container.
void compile_hundred_layers(benchmark::State& state) {
  const Bytes bytes = hundred_layers();
  const double best = measure(state, [&] {
    h13::Program program = generated(imported(bytes));
    hwx::assign_addresses(program.file);
    benchmark::DoNotOptimize(hwx::write(program.file));
  });
  state.counters["microseconds_per_layer"] = best / layers * 1e6;
}
BENCHMARK(compile_hundred_layers)->UseManualTime()->Unit(benchmark::kMillisecond);

// The simulator's convolution is a matrix product and what feeds it; Eigen's product of the same shape is the
// bound.
void simulate_dense_convolution(benchmark::State& state) {
  constexpr int64_t channels = 64, side = 64, kernel = 3;
  h13::Program program = generated(imported(convolution_model(channels, side, kernel, false)));
  hwx::assign_addresses(program.file);

  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Matrix weights = Matrix::Random(channels, channels * kernel * kernel);
  const Matrix pixels = Matrix::Random(channels * kernel * kernel, side * side);
  Matrix result(channels, side * side);
  const double yardstick = best_seconds(5, [&] { result.noalias() = weights * pixels; });

  uint64_t multiply_accumulates = 0;
  sim::Simulator simulator(program.file);
  for (const hwx::Surface& surface : program.file.surfaces)
    if (surface.role == hwx::Role::Input)
      simulator.set_input(surface.binding, std::vector<float>(channels * side * side, 0.5f));
  const double best = measure(state, [&] { multiply_accumulates = simulator.run().multiply_accumulates; });
  state.counters["sgemms"] = best / yardstick;
  state.counters["million_macs_per_s"] = static_cast<double>(multiply_accumulates) / best / 1e6;
}
BENCHMARK(simulate_dense_convolution)->UseManualTime()->Unit(benchmark::kMillisecond);

// Every float32 weight goes through this once.
void convert_weights_to_half(benchmark::State& state) {
  const std::vector<float> from(1 << 20, 0.3f);
  std::vector<Half> to(from.size());
  const double yardstick = memcpy_seconds(from.size() * sizeof(float));
  const double best = measure(state, [&] {
    to_half(from, to);
    benchmark::DoNotOptimize(to.data());
  });
  state.counters["memcpys"] = best / yardstick;
}
BENCHMARK(convert_weights_to_half)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
