// Shared by the tests of passes: an engine with the facts of H13 written out, random networks, and the
// comparison of a network before and after.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "passes/passes.h"
#include "passes/steps.h"
#include "support/network_evaluator.h"

namespace ane::test {

using namespace ane::aneir;

inline EngineFacts engine() {
  EngineFacts facts;
  facts.max_kernel_width = 8, facts.max_kernel_height = 15;
  facts.max_padding = 31, facts.max_stride = 2;
  facts.max_width = 16384, facts.max_height = 16384, facts.max_channels = 65536;
  facts.engines = 16, facts.on_chip_bytes = 2 << 20;
  facts.has_table = [](const Neuron& neuron) {
    using T = NeuronType;
    static const std::set<T> tables = {
        T::LeakyReLU, T::ClampedReLU, T::Sigmoid,       T::Tanh,      T::HardSigmoid, T::ThresholdedReLU,
        T::Gelu,      T::Silu,        T::GeluBySigmoid, T::Exp,       T::Exp2,        T::Log2,
        T::Sqrt,      T::Rsqrt,       T::LogicalNot,    T::IsNegative};
    return tables.contains(neuron.type) || (neuron.type == T::Inv && neuron.alpha == 0);
  };
  return facts;
}

// With a back end that takes whole units (EngineFacts::composites).
inline EngineFacts whole_engine() {
  EngineFacts facts = engine();
  facts.composites = true;
  return facts;
}

// One input of `shape` as tensor 0, and room for a chain of units.
class Net {
 public:
  explicit Net(Shape shape, unsigned seed = 1) : random(seed) { add_input(shape); }

  TensorId add_input(Shape shape) {
    const TensorId id = network.add_tensor(fmt::format("x{}", network.inputs.size()), shape);
    network.inputs.push_back(id);
    last = id;
    return id;
  }
  // Appends a unit that reads the last result.
  TensorId then(Params params) { return add(std::move(params), {last}); }
  TensorId add(Params params, std::vector<TensorId> bottoms) {
    const std::string name = fmt::format("u{}", network.units.size());
    last = network.add_unit(name, std::move(params), std::move(bottoms), "layer of " + name);
    return last;
  }
  Network& done() {
    network.outputs.push_back({"y", last});
    return network;
  }

  std::vector<float> floats(int64_t count, float low = -1, float high = 1) {
    std::uniform_real_distribution<float> distribution(low, high);
    std::vector<float> result(static_cast<size_t>(count));
    for (float& value : result) value = distribution(random);
    return result;
  }
  Constant constant(int64_t count, float low = -1, float high = 1) {
    return Constant::of_floats(floats(count, low, high));
  }
  // Weights for the input it will read.
  Conv conv(int64_t out, int kernel_height, int kernel_width, int64_t groups = 1,
            std::optional<TensorId> from = {}) {
    Conv params;
    params.output_channels = out;
    params.kernel_height = kernel_height, params.kernel_width = kernel_width;
    params.groups = groups;
    params.weights =
        constant(out * network.tensor(from.value_or(last)).shape.c / groups * kernel_height * kernel_width);
    return params;
  }

  std::mt19937 random;
  Network network;
  TensorId last = no_tensor;
};

inline Shape chw(int64_t c, int64_t h, int64_t w, int64_t n = 1) {
  Shape shape;
  shape.n = n, shape.c = c, shape.h = h, shape.w = w;
  return shape;
}

inline std::vector<Values> random_inputs(const Network& network, double low = -2, double high = 2,
                                         unsigned seed = 7) {
  std::mt19937 engine(seed);
  std::vector<Values> inputs;
  for (TensorId id : network.inputs)
    inputs.push_back(Values::random(network.tensor(id).shape, engine, low, high));
  return inputs;
}

// Float32 constants and factors are the only thing that may differ.
inline void expect_equal(const std::vector<Values>& a, const std::vector<Values>& b,
                         double tolerance = 2e-5) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].shape, b[i].shape);
    for (size_t j = 0; j < a[i].data.size(); ++j)
      ASSERT_NEAR(a[i].data[j], b[i].data[j], tolerance * (1 + std::abs(a[i].data[j])))
          << "output " << i << " element " << j;
  }
}

// One pass leaves the results; returns the network after it.
using Pass = bool (*)(Network&, const EngineFacts&);
inline Network after(Pass pass, Network network, const EngineFacts& facts = engine()) {
  const std::vector<Values> inputs = random_inputs(network);
  const auto before = evaluate(network, inputs);
  pass(network, facts);
  check(network);
  expect_equal(before, evaluate(network, inputs));
  return network;
}

// All passes reach engine form, each of them leaves a sound network, and the results stay.
inline Network legalised(Network network, const EngineFacts& facts = engine(), double low = -2,
                         double high = 2) {
  const std::vector<Values> inputs = random_inputs(network, low, high);
  const auto before = evaluate(network, inputs);
  passes::run_passes(network, facts, [](const std::string&, const Network& each) { check(each); });
  expect_equal(before, evaluate(network, inputs));
  return network;
}

// "Conv Neuron Conv": the units in order, for expectations on structure.
inline std::string types(const Network& network) {
  std::vector<std::string> names;
  for (const Unit& unit : network.units) names.emplace_back(type_name(unit));
  return fmt::format("{}", fmt::join(names, " "));
}
template <typename T>
int count_of(const Network& network) {
  int count = 0;
  for (const Unit& unit : network.units) count += unit.as<T>() != nullptr;
  return count;
}

}  // namespace ane::test
