// Functions that are put together from others: what the simulated program gives for chosen numbers, against
// the C++ library in double. The numbers are binary16 ones, so that nothing is rounded before the program
// begins.
#include <fmt/format.h>

#include <functional>
#include <numbers>

#include "base/half.h"
#include "driver/road.h"

namespace ane::test {
namespace {

using Layer = spec::NeuralNetworkLayer;
using Numbers = std::vector<float>;

Numbers simulated(const driver::CompileOptions& options, const std::map<std::string, Numbers>& inputs) {
  const driver::Compiled compiled = driver::compile_model(options);
  const hwx::File program = hwx::read(hwx::write(compiled.program.file), "model.hwx");
  sim::Simulator simulator(program);
  for (const driver::SidecarFeature& feature : compiled.sidecar.inputs)
    simulator.set_input(feature.binding, driver::to_surface(feature, inputs.at(feature.name)));
  simulator.run();
  return simulator.output(compiled.sidecar.outputs.at(0).binding).data;
}

std::map<std::string, Numbers> named(const std::vector<Numbers>& inputs) {
  std::map<std::string, Numbers> by_name;
  for (size_t i = 0; i < inputs.size(); ++i) by_name[i == 0 ? "x" : "y"] = inputs[i];
  return by_name;
}

// A neural network of one layer with inputs x and y.
Numbers of_layer(const std::function<void(Layer&)>& fill, const std::vector<Numbers>& inputs) {
  ModelBuilder model(5);
  model.exact_rank();
  std::vector<std::string> names;
  for (const auto& [name, numbers] : named(inputs)) {
    names.push_back(name);
    model.array_input(name, {2, static_cast<int64_t>(numbers.size() / 2)});
  }
  fill(*model.layer("z", names));
  model.array_output("z");
  const Bytes bytes = model.bytes();
  const TemporaryFolder folder;
  folder.put("m.mlmodel", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  driver::CompileOptions options;
  options.model = folder.path() / "m.mlmodel";
  return simulated(options, named(inputs));
}

// The same as an ML Program of one operation.
Numbers of_operation(const std::string& name, const std::vector<Numbers>& inputs) {
  const std::string type = fmt::format("tensor<fp16, [2, {}]>", inputs[0].size() / 2);
  const bool two = inputs.size() == 2;
  const TemporaryFolder folder;
  folder.put("m.mil", fmt::format("program(1.3)\n[buildInfo = dict<string, string>({{}})]\n{{\n"
                                  "  func main<ios17>({0} x{1}) {{\n"
                                  "    {0} z = {2}(x = x{3})[name = string(\"z\")];\n  }} -> (z);\n}}\n",
                                  type, two ? ", " + type + " y" : "", name, two ? ", y = y" : ""));
  driver::CompileOptions options;
  options.model = folder.path() / "m.mil";
  return simulated(options, named(inputs));
}

Numbers halves(Numbers values) {
  for (float& value : values) value = round_to_half(value);
  return values;
}

// `count` numbers from `low` to `high`.
Numbers range(float low, float high, int count = 512) {
  Numbers values;
  for (int i = 0; i < count; ++i)
    values.push_back(low + (high - low) * static_cast<float>(i) / static_cast<float>(count - 1));
  return halves(std::move(values));
}

Numbers expected(const Numbers& x, double (*function)(double)) {
  Numbers values;
  for (const float value : x) values.push_back(static_cast<float>(function(static_cast<double>(value))));
  return values;
}

// ---- Rounding ----

// Ties, both signs, the neighbours of integers, everything around the steps of the number system.
Numbers numbers_to_round() {
  Numbers values;
  for (const float base : {0.0f,    0.5f,    1.0f,    1.5f,    2.0f,     2.5f,     3.0f,     3.5f,    7.5f,
                           511.5f,  512.0f,  512.5f,  513.5f,  1022.5f,  1023.0f,  1023.5f,  1024.0f, 1025.0f,
                           2047.0f, 2048.0f, 2050.0f, 4098.0f, 30000.0f, 32768.0f, 40000.0f, 65504.0f})
    for (const float sign : {1.0f, -1.0f})
      for (const int step : {-1, 0, 1}) {
        Half half = to_half(base);
        if (base != 0 && base != 65504.0f) half.bits = static_cast<uint16_t>(half.bits + step);
        values.push_back(sign * to_float(half));
      }
  for (float value = -20; value <= 20; value += 0.171f) values.push_back(value);
  if (values.size() % 2 == 1) values.push_back(0x1p-24f);
  return halves(std::move(values));
}

TEST(Functions, RoundingIsExact) {
  const Numbers x = numbers_to_round();
  EXPECT_EQ(of_layer([](Layer& z) { z.mutable_round(); }, {x}), expected(x, std::nearbyint));
  EXPECT_EQ(of_layer([](Layer& z) { z.mutable_floor(); }, {x}), expected(x, std::floor));
  EXPECT_EQ(of_layer([](Layer& z) { z.mutable_ceil(); }, {x}), expected(x, std::ceil));
  EXPECT_EQ(of_operation("round", {x}), expected(x, std::nearbyint));
  EXPECT_EQ(of_operation("floor", {x}), expected(x, std::floor));
  EXPECT_EQ(of_operation("ceil", {x}), expected(x, std::ceil));
}

// Behind a convolution, whose sums are not rounded before it stores them.
TEST(Functions, RoundingBehindAConvolution) {
  ModelBuilder model(4);
  model.array_input("x", {4, 6, 6});
  model.convolution("c", "x", {.out = 4, .in = 4, .bias = {0.5f, 1, -2.25f, 3}});
  model.layer("y", {"c"})->mutable_round();
  model.array_output("c");
  model.array_output("y");
  const auto outputs = run_road(model);
  ASSERT_EQ(outputs.size(), 2u);
  for (size_t i = 0; i < outputs[0].got.size(); ++i)
    EXPECT_EQ(outputs[1].got[i], std::nearbyint(outputs[0].got[i]));
}

// ---- Division with rounding ----

TEST(Functions, DivisionWithRoundingIsExactOnIntegers) {
  Numbers x, y;
  for (int a = -61; a <= 61; a += 3)
    for (int b = -12; b <= 12; ++b)
      if (b != 0) x.push_back(static_cast<float>(a)), y.push_back(static_cast<float>(b));
  for (const float a : {1000.0f, 999.0f, -1000.0f}) x.push_back(a), y.push_back(1);
  x.push_back(1023), y.push_back(-1);
  Numbers quotients, remainders;
  for (size_t i = 0; i < x.size(); ++i) {
    quotients.push_back(std::floor(x[i] / y[i]));
    remainders.push_back(x[i] - y[i] * quotients.back());
  }
  EXPECT_EQ(of_layer([](Layer& z) { z.mutable_floordivbroadcastable(); }, {x, y}), quotients);
  EXPECT_EQ(of_layer([](Layer& z) { z.mutable_modbroadcastable(); }, {x, y}), remainders);
  EXPECT_EQ(of_operation("floor_div", {x, y}), quotients);
  EXPECT_EQ(of_operation("mod", {x, y}), remainders);
}

// ---- Functions of one variable: the largest error, as docs/functions.md states it ----

struct Function {
  const char* name;
  double (*function)(double);
  std::function<void(Layer&)> fill;
  float low, high;
  double absolute;      // error
  double relative = 0;  // error, where it is the larger
};

void expect_close(const Function& function, const Numbers& x, const Numbers& got, const char* form) {
  const Numbers want = expected(x, function.function);
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double difference = std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i]));
    ASSERT_LE(difference, std::max(function.absolute, function.relative * std::abs(want[i])))
        << form << " " << function.name << " of " << x[i] << ": " << got[i] << " for " << want[i];
  }
  EXPECT_GE(snr_db(want, got), 40) << form << " " << function.name;
}

TEST(Functions, OfOneVariable) {
  const std::vector<Function> functions = {
      {"erf", std::erf, [](Layer& z) { z.mutable_erf(); }, -4, 4, 0.003},
      {"sin", std::sin, [](Layer& z) { z.mutable_sin(); }, -7, 7, 0.003},
      {"cos", std::cos, [](Layer& z) { z.mutable_cos(); }, -7, 7, 0.003},
      {"tan", std::tan, [](Layer& z) { z.mutable_tan(); }, -1.2f, 1.2f, 0.003, 0.01},
      {"asin", std::asin, [](Layer& z) { z.mutable_asin(); }, -1, 1, 0.003},
      {"acos", std::acos, [](Layer& z) { z.mutable_acos(); }, -1, 1, 0.003},
      {"atan", std::atan, [](Layer& z) { z.mutable_atan(); }, -20, 20, 0.003},
      {"sinh", std::sinh, [](Layer& z) { z.mutable_sinh(); }, -5, 5, 0.001, 0.002},
      {"cosh", std::cosh, [](Layer& z) { z.mutable_cosh(); }, -5, 5, 0.001, 0.002},
      {"asinh", std::asinh, [](Layer& z) { z.mutable_asinh(); }, -300, 300, 0.007},
      {"acosh", std::acosh, [](Layer& z) { z.mutable_acosh(); }, 1, 300, 0.007},
      {"atanh", std::atanh, [](Layer& z) { z.mutable_atanh(); }, -0.98f, 0.98f, 0.003},
      {"exp2", std::exp2, [](Layer& z) { z.mutable_exp2(); }, -10, 10, 0.0006, 0.001},
  };
  for (const Function& function : functions) {
    const Numbers x = range(function.low, function.high);
    expect_close(function, x, of_layer(function.fill, {x}), "layer");
    const std::string name = function.name;
    if (name != "asinh" && name != "acosh") expect_close(function, x, of_operation(name, {x}), "operation");
  }
}

TEST(Functions, FarArguments) {
  const std::vector<Function> functions = {
      {"sin", std::sin, [](Layer& z) { z.mutable_sin(); }, -400, 400, 0.006},
      {"cos", std::cos, [](Layer& z) { z.mutable_cos(); }, -400, 400, 0.006},
      {"atan", std::atan, [](Layer& z) { z.mutable_atan(); }, -60000, 60000, 0.006},
      {"asinh", std::asinh, [](Layer& z) { z.mutable_asinh(); }, -30000, 30000, 0.01},
      {"acosh", std::acosh, [](Layer& z) { z.mutable_acosh(); }, 1, 30000, 0.01},
  };
  for (const Function& function : functions) {
    const Numbers x = range(function.low, function.high, 1024);
    expect_close(function, x, of_layer(function.fill, {x}), "layer");
  }
}

}  // namespace
}  // namespace ane::test
