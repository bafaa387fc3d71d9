#include "oracle/run.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/half.h"
#include "oracle/source_mil.h"
#include "sim/simulator.h"

namespace ane::oracle {

namespace {

// The distance of fp16 numbers around `value`.
double unit_at(double value) {
  int exponent = 0;
  std::frexp(value, &exponent);
  return std::ldexp(1.0, std::max(exponent - 11, -24));
}

// The error of a line between knots h apart is at most h^2 / 8 times the largest curvature: sigmoid 1/2 and
// 0.096, tanh 1/8 and 0.77, gelu 1/4 and 0.80, silu 1/2 and 0.50.
double table_error(const std::string& type) {
  static const std::map<std::string, double> errors{
      {"sigmoid", 0.0031}, {"tanh", 0.0016}, {"gelu", 0.0063}, {"silu", 0.0157}};
  const auto found = errors.find(type);
  return found == errors.end() ? 0 : found->second;
}

double worst_share(const std::vector<float>& got, const std::vector<float>& want,
                   const Allowance& allowance) {
  double squares = 0, worst = 0;
  for (const float value : want) squares += static_cast<double>(value) * value;
  const double scale = allowance.of_element ? 0 : std::sqrt(squares / static_cast<double>(want.size()));
  for (size_t i = 0; i < want.size(); ++i) {
    const double allowed =
        allowance.units * unit_at(std::max<double>(std::fabs(want[i]), scale)) + allowance.absolute;
    const double error = std::fabs(static_cast<double>(got[i]) - want[i]);
    worst = std::max(worst, std::isfinite(error) ? error / allowed : 1e9);
  }
  return worst;
}

using Tensors = std::map<std::string, reference::Tensor>;

// Inputs and constants by name, as the reference takes them.
Tensors tensors_of(const SourceProgram& source, const ConstantValues& values, uint32_t seed) {
  Tensors tensors;
  for (size_t i = 0; i < source.weights.size(); ++i) {
    const auto& [name, shape] = source.weights[i];
    tensors[name] = {shape, std::vector<float>(static_cast<size_t>(count_of(shape)))};
    for (int64_t k = 0; float& value : tensors[name].data) value = to_float(Half{values(i, k++)});
  }
  for (size_t i = 0; i < source.inputs.size(); ++i)
    tensors[source.inputs[i].name] = {source.inputs[i].shape, input_values(source, i, seed)};
  return tensors;
}

}  // namespace

Allowance allowance_of(const SourceProgram& program) {
  // Units that each operation may lose, half of one for the rounding of its result. Sums: float32 additions.
  // Roots and reciprocal: lines of their tables err by a unit, near a half by three. exp: its factor log2 e
  // is an fp16 number, off by 2e-4 of the exponent. Softmax: the rounded argument of exp, two tables, three
  // roundings. Layer norm: five roundings. Tables around zero: rounded knots.
  static const std::map<std::string, double> units{
      {"conv", 0.55}, {"matmul", 0.55},    {"reduce_sum", 0.55}, {"reduce_mean", 0.55},
      {"exp", 5},     {"sqrt", 1.5},       {"rsqrt", 3.5},       {"real_div", 2},
      {"softmax", 6}, {"layer_norm", 2.5}, {"sigmoid", 1},       {"tanh", 1},
      {"gelu", 1},    {"silu", 1}};
  Allowance allowance;
  for (const SourceOperation& op : program.operations) {
    const auto found = units.find(op.type);
    allowance.units += found == units.end() ? 0.5 : found->second;
    allowance.absolute += table_error(op.type);
    if (found == units.end()) continue;
    allowance.of_element = false;
    allowance.why += (allowance.why.empty() ? "" : " ") + op.type;
  }
  const bool alone = program.operations.size() == 1;
  // Exact steps stay within one rounding (and the reference's own, to float32).
  if (allowance.of_element) allowance.units = 0.501;
  // In a chain the numbers that were rounded may be larger than those they nearly cancel to, and what comes
  // later may enlarge a table's error: rows of random weights have length 1, not sum 1.
  if (!alone && !allowance.of_element) allowance.units *= 2, allowance.absolute *= 3;
  if (allowance.why.empty()) allowance.why = "one rounding";
  return allowance;
}

std::vector<float> simulate(const Case& from, uint32_t seed) {
  sim::Simulator simulator(from.file);
  for (size_t i = 0; i < from.source.inputs.size(); ++i)
    simulator.set_input(from.source.inputs[i].name, input_values(from.source, i, seed));
  simulator.run();
  return simulator.output(from.source.output).data;
}

Outcome run_case(Case& of, const Tables& tables, uint32_t seed, Constants constants) {
  Outcome outcome;
  outcome.allowance = allowance_of(of.source);
  try {
    const ConstantValues values =
        constants == Constants::Random ? random_constants(of) : recorded_constants(of);
    outcome.constants = fill_with_evidence(of, values, tables);
    const std::vector<float> got = simulate(of, seed);
    const std::vector<float> want =
        evaluate_source(of.source, tensors_of(of.source, values, seed), of.file.name);
    if (got.size() != want.size())
      throw Error(of.file.name, "output", "has another size than the source program's");
    outcome.worst = worst_share(got, want, outcome.allowance);
  } catch (const Error& error) {
    outcome.refusal = error.what();
  }
  return outcome;
}

}  // namespace ane::oracle
