// Import of MIL operations: small programs as text, and the values of the network they become against the
// operation's definition, written out here.
#include "import/mil_text.h"

namespace ane::import {
namespace {

// ---- Names, axes, types ----

TEST(FromMil, NamesAndLayers) {
  const Network network = imported(
      program("tensor<fp16, [1, 4]> first, tensor<fp16, [1, 4]> second",
              line(fp16({1, 4}), "a", "add(x = second, y = first)") + line(fp16({1, 4}), "b", "relu(x = a)"),
              "b, a"));
  EXPECT_EQ(network.name, "main");
  ASSERT_EQ(network.inputs.size(), 2u);
  EXPECT_EQ(network.tensor(network.inputs[0]).name, "first");
  ASSERT_EQ(network.outputs.size(), 2u);
  EXPECT_EQ(network.outputs[0].name, "b");
  EXPECT_EQ(network.tensor(network.outputs[1].tensor).name, "a");
  ASSERT_EQ(network.units.size(), 2u);
  EXPECT_EQ(network.units[0].layer, "the a");
  EXPECT_EQ(network.units[0].bottoms, (std::vector{network.inputs[1], network.inputs[0]}));
}

TEST(FromMil, AxesAlignToTheRight) {
  const std::vector<std::pair<std::vector<int64_t>, aneir::Shape>> cases = {
      {{}, {1, 1, 1, 1, 1}},        {{7}, {1, 1, 1, 1, 7}},          {{6, 7}, {1, 1, 1, 6, 7}},
      {{5, 6, 7}, {1, 1, 5, 6, 7}}, {{2, 5, 6, 7}, {2, 1, 5, 6, 7}}, {{1, 1, 5, 6, 7}, {1, 1, 5, 6, 7}}};
  for (const auto& [shape, expected] : cases) {
    const Network network = of_x(fp16(shape), "", fp16(shape), "relu(x = x)");
    EXPECT_EQ(network.tensor(network.inputs[0]).shape, expected);
    EXPECT_EQ(network.tensor(network.outputs[0].tensor).shape, expected);
  }
}

TEST(FromMil, BooleansAreBytesAndFloatsAreHalves) {
  const Network network = imported(program(
      "tensor<bool, [1, 4]> c, tensor<fp32, [1, 4]> x",
      line(truth({1, 4}), "n", "logical_not(x = c)") + line("tensor<fp32, [1, 4]>", "y", "relu(x = x)") +
          constant("fp32", "zero", "0.5") + line(truth({1, 4}), "l", "less(x = y, y = zero)"),
      "n, y, l"));
  EXPECT_EQ(network.tensor(network.inputs[0]).type, ElementType::UInt8);
  EXPECT_EQ(network.tensor(network.inputs[1]).type, ElementType::Float16);
  EXPECT_EQ(network.tensor(network.outputs[0].tensor).type, ElementType::UInt8);
  EXPECT_EQ(network.tensor(network.outputs[1].tensor).type, ElementType::Float16);
  EXPECT_EQ(network.tensor(network.outputs[2].tensor).type, ElementType::UInt8);
}

TEST(FromMil, MovedBooleansStayBytes) {
  const Network network =
      of_x(truth({1, 2, 3}), ints("p", {0, 2, 1}), truth({1, 3, 2}), "transpose(perm = p, x = x)");
  EXPECT_EQ(network.tensor(network.outputs[0].tensor).type, ElementType::UInt8);
}

// ---- Functions ----

struct FunctionCase {
  std::string call, constants;
  std::function<double(double)> expected;
  double low = -3, high = 3;
};

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

TEST(FromMil, FunctionsOfOneVariable) {
  const std::string alpha = constant("fp32", "a", "0.125"), beta = constant("fp32", "b", "0.75");
  const std::vector<FunctionCase> cases = {
      {"relu(x = x)", "", [](double x) { return std::max(x, 0.0); }},
      {"relu6(x = x)", "", [](double x) { return std::clamp(x, 0.0, 6.0); }, -3, 9},
      {"leaky_relu(alpha = a, x = x)", alpha, [](double x) { return x >= 0 ? x : 0.125 * x; }},
      {"clamped_relu(alpha = a, beta = b, x = x)", alpha + beta,
       [](double x) { return std::min(x >= 0 ? x : 0.125 * x, 0.75); }},
      {"thresholded_relu(alpha = b, x = x)", beta, [](double x) { return x >= 0.75 ? x : 0; }},
      {"threshold(alpha = a, x = x)", alpha, [](double x) { return std::max(x, 0.125); }},
      {"clip(alpha = a, beta = b, x = x)", alpha + beta, [](double x) { return std::clamp(x, 0.125, 0.75); }},
      {"elu(alpha = b, x = x)", beta, [](double x) { return x >= 0 ? x : 0.75 * std::expm1(x); }},
      {"sigmoid(x = x)", "", sigmoid},
      {"sigmoid_hard(alpha = a, beta = b, x = x)", alpha + beta,
       [](double x) { return std::clamp(0.125 * x + 0.75, 0.0, 1.0); }},
      {"silu(x = x)", "", [](double x) { return x * sigmoid(x); }},
      {"tanh(x = x)", "", [](double x) { return std::tanh(x); }},
      {"scaled_tanh(alpha = a, beta = b, x = x)", alpha + beta,
       [](double x) { return 0.125 * std::tanh(0.75 * x); }},
      {"linear_activation(alpha = a, beta = b, x = x)", alpha + beta,
       [](double x) { return 0.125 * x + 0.75; }},
      {"gelu(x = x)", "", [](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }},
      {"gelu(mode = m, x = x)", constant("string", "m", "\"SIGMOID_APPROXIMATION\""),
       [](double x) { return x * sigmoid(1.702 * x); }},
      {"softplus(x = x)", "", [](double x) { return std::log1p(std::exp(x)); }},
      {"softsign(x = x)", "", [](double x) { return x / (1 + std::abs(x)); }},
      {"abs(x = x)", "", [](double x) { return std::abs(x); }},
      {"square(x = x)", "", [](double x) { return x * x; }},
      {"exp(x = x)", "", [](double x) { return std::exp(x); }},
      {"exp2(x = x)", "", [](double x) { return std::exp2(x); }},
      {"sqrt(x = x)", "", [](double x) { return std::sqrt(x); }, 0.1, 4},
      {"log(x = x)", "", [](double x) { return std::log(x); }, 0.1, 4},
      {"log(epsilon = b, x = x)", beta, [](double x) { return std::log(x + 0.75); }, 0, 4},
      {"rsqrt(epsilon = a, x = x)", alpha, [](double x) { return 1 / std::sqrt(x + 0.125); }, 0, 4},
      {"inverse(epsilon = a, x = x)", alpha, [](double x) { return 1 / (x + 0.125); }, 0.1, 4},
      {"floor(x = x)", "", [](double x) { return std::floor(x); }},
      {"sign(x = x)", "", [](double x) { return x > 0   ? 1.0
                                                : x < 0 ? -1.0
                                                        : 0.0; }},
  };
  for (const FunctionCase& each : cases) {
    SCOPED_TRACE(each.call);
    const std::vector<double> x = ramp(16, each.low, (each.high - each.low) / 15);
    std::vector<double> expected;
    for (const double value : x) expected.push_back(each.expected(value));
    expect_values(of_x({1, 16}, each.constants, {1, 16}, each.call, x), expected);
  }
}

TEST(FromMil, EpsilonsHaveTheirDefaults) {
  const auto alpha_of = [](const std::string& call) {
    return of_x(fp16({4}), "", fp16({4}), call).units.at(0).as<aneir::Neuron>()->alpha;
  };
  EXPECT_EQ(alpha_of("inverse(x = x)"), 1e-4f);
  EXPECT_EQ(alpha_of("rsqrt(x = x)"), 1e-12f);
}

TEST(FromMil, SlopesByChannel) {
  const Network network =
      of_x(fp16({1, 2, 1, 2}), array("a", {2}, {0.5, 2}), fp16({1, 2, 1, 2}), "prelu(alpha = a, x = x)");
  expect_values(result(network, {{-1, 1, -1, 1}}), {-0.5, 1, -2, 1});
}

// ---- Two operands ----

TEST(FromMil, KnownNumbersBecomeScalesOffsetsAndBounds) {
  const std::string s = constant("fp16", "s", "0x1p-1");
  const std::vector<double> x = {-2, 0.25, 3, 1};
  const std::vector<std::tuple<std::string, std::string, std::vector<double>>> cases = {
      {"add(x = x, y = s)", "GOC", {-1.5, 0.75, 3.5, 1.5}},
      {"add(x = s, y = x)", "GOC", {-1.5, 0.75, 3.5, 1.5}},
      {"sub(x = x, y = s)", "GOC", {-2.5, -0.25, 2.5, 0.5}},
      {"sub(x = s, y = x)", "GOC", {2.5, 0.25, -2.5, -0.5}},
      {"mul(x = x, y = s)", "GOC", {-1, 0.125, 1.5, 0.5}},
      {"maximum(x = x, y = s)", "Neuron", {0.5, 0.5, 3, 1}},
      {"minimum(x = s, y = x)", "Neuron", {-2, 0.25, 0.5, 0.5}},
      {"real_div(x = x, y = s)", "ElementWise", {-4, 0.5, 6, 2}},
      {"real_div(x = s, y = x)", "ElementWise", {-0.25, 2, 0.5 / 3, 0.5}},
  };
  for (const auto& [call, type, expected] : cases) {
    SCOPED_TRACE(call);
    const Network network = of_x(fp16({1, 4}), s, fp16({1, 4}), call);
    EXPECT_EQ(units_of(network, type), 1);
    expect_values(result(network, {x}), expected);
  }
  expect_values(of_x({1, 4}, s, {1, 4}, "pow(x = s, y = x)", x), {4, std::pow(0.5, 0.25), 0.125, 0.5});
  expect_values(of_x({1, 4}, constant("fp16", "t", "2"), {1, 4}, "pow(x = x, y = t)", x), {4, 0.0625, 9, 1});
}

// A known number that makes the result larger than the other operand is no scale.
TEST(FromMil, KnownNumbersMayBroadcast) {
  const Network network = of_x(fp16({}), array("s", {1, 1}, {3}), fp16({1, 1}), "add(x = x, y = s)");
  expect_values(result(network, {{2}}), {5});
}

TEST(FromMil, OperandsBroadcastFromTheRight) {
  const std::string y = array("k", {3}, {10, 20, 30});
  expect_values(of_x({2, 3}, y, {2, 3}, "add(x = x, y = k)", {1, 2, 3, 4, 5, 6}), {11, 22, 33, 14, 25, 36});
  expect_values(of_x({2, 3}, array("k", {2, 1}, {10, 20}), {2, 3}, "sub(x = k, y = x)", {1, 2, 3, 4, 5, 6}),
                {9, 8, 7, 16, 15, 14});
  const Network network = imported(program("tensor<fp16, [2, 1]> x, tensor<fp16, [1, 3]> z",
                                           line(fp16({2, 3}), "y", "mul(x = x, y = z)"), "y"));
  expect_values(result(network, {{2, 3}, {1, 10, 100}}), {2, 20, 200, 3, 30, 300});
}

TEST(FromMil, ConstantsAreOneUnitForAllReaders) {
  const Network network =
      of_x(fp16({2, 2}), array("k", {2}, {1, 2}) + line(fp16({2, 2}), "a", "add(x = x, y = k)"), fp16({2, 2}),
           "mul(x = a, y = k)");
  EXPECT_EQ(units_of(network, "Constant"), 1);
  expect_values(result(network, {{1, 1, 1, 1}}), {2, 6, 2, 6});
}

TEST(FromMil, Comparisons) {
  const std::vector<std::pair<std::string, std::vector<double>>> cases = {
      {"equal", {0, 1, 0}},      {"not_equal", {1, 0, 1}}, {"less", {1, 0, 0}},
      {"less_equal", {1, 1, 0}}, {"greater", {0, 0, 1}},   {"greater_equal", {0, 1, 1}}};
  for (const auto& [type, expected] : cases) {
    SCOPED_TRACE(type);
    const Network network = imported(program("tensor<fp16, [3]> x, tensor<fp16, [3]> z",
                                             line(truth({3}), "y", type + "(x = x, y = z)"), "y"));
    expect_values(result(network, {{1, 2, 3}, {2, 2, 2}}), expected);
  }
}

TEST(FromMil, LogicOfTruths) {
  const std::vector<std::pair<std::string, std::vector<double>>> cases = {
      {"logical_and", {0, 0, 0, 1}}, {"logical_or", {0, 1, 1, 1}}, {"logical_xor", {0, 1, 1, 0}}};
  for (const auto& [type, expected] : cases) {
    SCOPED_TRACE(type);
    const Network network = imported(program("tensor<bool, [4]> x, tensor<bool, [4]> z",
                                             line(truth({4}), "y", type + "(x = x, y = z)"), "y"));
    expect_values(result(network, {{0, 0, 1, 1}, {0, 1, 0, 1}}), expected);
    EXPECT_EQ(network.tensor(network.outputs[0].tensor).type, ElementType::UInt8);
  }
  expect_values(result(of_x(truth({2}), "", truth({2}), "logical_not(x = x)"), {{0, 1}}), {1, 0});
}

TEST(FromMil, SelectBroadcastsAllOperands) {
  const Network network = imported(program(
      "tensor<bool, [2, 1]> c, tensor<fp16, [1, 2]> x",
      constant("fp16", "no", "-4") + line(fp16({2, 2}), "y", "select(a = x, b = no, cond = c)"), "y"));
  expect_values(result(network, {{1, 0}, {5, 6}}), {5, 6, -4, -4});
  const Network known = of_x(fp16({2}), constant("bool", "t", "true") + array("k", {2}, {7, 8}), fp16({2}),
                             "select(a = k, b = x, cond = t)");
  expect_values(result(known, {{1, 2}}), {7, 8});
}

TEST(FromMil, CastsBetweenNumbersAndTruths) {
  const std::string to_fp16 = constant("string", "d", "\"fp16\""),
                    to_bool = constant("string", "d", "\"bool\"");
  const Network number = of_x(truth({3}), to_fp16, fp16({3}), "cast(dtype = d, x = x)");
  EXPECT_EQ(number.tensor(number.outputs[0].tensor).type, ElementType::Float16);
  expect_values(result(number, {{0, 1, 1}}), {0, 1, 1});
  const Network is_true = of_x(fp16({3}), to_bool, truth({3}), "cast(dtype = d, x = x)");
  EXPECT_EQ(is_true.tensor(is_true.outputs[0].tensor).type, ElementType::UInt8);
  expect_values(result(is_true, {{0, -2, 0.5}}), {0, 1, 1});
  const Network same = of_x("tensor<fp32, [3]>", to_fp16, fp16({3}), "cast(dtype = d, x = x)");
  EXPECT_TRUE(same.units.empty());
}

// ---- Products ----

TEST(FromMil, ProductsWithAKnownMatrixKeepItsOrientation) {
  const std::string flags = constant("bool", "f", "false") + constant("bool", "t", "true");
  // [1 2; 3 4] times [1 2 3; 4 5 6]
  const std::vector<double> expected = {9, 12, 15, 19, 26, 33};
  const Network plain = of_x(fp16({1, 2, 2}), flags + array("w", {2, 3}, {1, 2, 3, 4, 5, 6}), fp16({1, 2, 3}),
                             "matmul(transpose_x = f, transpose_y = f, x = x, y = w)");
  expect_values(result(plain, {{1, 2, 3, 4}}), expected);
  const Network turned = of_x(fp16({1, 2, 2}), flags + array("w", {1, 3, 2}, {1, 4, 2, 5, 3, 6}),
                              fp16({1, 2, 3}), "matmul(transpose_x = f, transpose_y = t, x = x, y = w)");
  expect_values(result(turned, {{1, 2, 3, 4}}), expected);
  ASSERT_EQ(turned.units.size(), 1u);
  const auto* product = turned.units[0].as<aneir::MatMul>();
  ASSERT_TRUE(product && product->matrix);
  EXPECT_TRUE(product->transpose_second);
  EXPECT_EQ(product->matrix_rows, 3);
  const Network left = of_x(fp16({1, 2, 2}), flags + array("w", {2, 3}, {1, 2, 3, 4, 5, 6}), fp16({1, 2, 3}),
                            "matmul(transpose_x = t, x = x, y = w)");
  expect_values(result(left, {{1, 3, 2, 4}}), expected);
}

TEST(FromMil, ProductsOfTwoTensorsRunOverTheOuterAxes) {
  const Network network = imported(program("tensor<fp16, [2, 1, 2]> x, tensor<fp16, [2, 2, 1]> z",
                                           line(fp16({2, 1, 1}), "y", "matmul(x = x, y = z)"), "y"));
  expect_values(result(network, {{1, 2, 3, 4}, {5, 6, 7, 8}}), {17, 53});
  const Network known = of_x(fp16({2, 1}), array("w", {1, 2}, {3, 4}), fp16({1, 1}), "matmul(x = w, y = x)");
  EXPECT_EQ(known.units.size(), 2u);
  expect_values(result(known, {{10, 100}}), {430});
  const Network many =
      of_x(fp16({2, 1, 2}), array("w", {2, 2, 1}, {5, 6, 7, 8}), fp16({2, 1, 1}), "matmul(x = x, y = w)");
  expect_values(result(many, {{1, 2, 3, 4}}), {17, 53});
}

TEST(FromMil, ProductsWithVectors) {
  expect_values(of_x({2, 2}, array("w", {2}, {10, 1}), {2}, "matmul(x = x, y = w)", {1, 2, 3, 4}), {12, 34});
  expect_values(of_x({2}, array("w", {2, 2}, {1, 2, 3, 4}), {2}, "matmul(x = x, y = w)", {10, 1}), {13, 24});
}

TEST(FromMil, LinearHasItsBias) {
  const Network network =
      of_x(fp16({1, 2, 2}), array("w", {3, 2}, {1, 4, 2, 5, 3, 6}) + array("b", {3}, {100, 200, 300}),
           fp16({1, 2, 3}), "linear(bias = b, weight = w, x = x)");
  ASSERT_EQ(network.units.size(), 1u);
  expect_values(result(network, {{1, 2, 3, 4}}), {109, 212, 315, 119, 226, 333});
}

TEST(FromMil, EinsumOfMatrices) {
  // chw,whu->chu with c=1, h=2, w=2, u=1: y[h] = sum over w of x[h, w] z[w, h]
  const Network network =
      imported(program("tensor<fp16, [1, 2, 2]> x, tensor<fp16, [2, 2, 1]> z",
                       constant("string", "e", "\"abc,cbd->abd\"") +
                           line(fp16({1, 2, 1}), "y", "einsum(equation = e, values = (x, z))"),
                       "y"));
  expect_values(result(network, {{1, 2, 3, 4}, {5, 6, 7, 8}}), {1 * 5 + 2 * 7, 3 * 6 + 4 * 8});
}

TEST(FromMil, Attention) {
  const Network network = imported(program(
      "tensor<fp16, [1, 1, 1, 4]> q, tensor<fp16, [1, 1, 2, 4]> k, tensor<fp16, [1, 1, 2, 1]> v",
      line(fp16({1, 1, 1, 1}), "y", "scaled_dot_product_attention(key = k, query = q, value = v)"), "y"));
  // Scores 8 / 2 and 4 / 2.
  const double weight = 1 / (1 + std::exp(-2.0));
  expect_values(result(network, {{1, 1, 1, 1}, {2, 2, 2, 2, 1, 1, 1, 1}, {10, 20}}),
                {10 * weight + 20 * (1 - weight)});
}

// ---- Statistics ----

TEST(FromMil, Reductions) {
  const std::vector<double> x = {1, -2, 3, -4, 5, -6};
  const std::vector<std::pair<std::string, std::vector<double>>> cases = {
      {"reduce_sum", {2, -5}},
      {"reduce_mean", {2.0 / 3, -5.0 / 3}},
      {"reduce_max", {3, 5}},
      {"reduce_min", {-2, -6}},
      {"reduce_l1_norm", {6, 15}},
      {"reduce_sum_square", {14, 77}},
      {"reduce_l2_norm", {std::sqrt(14.0), std::sqrt(77.0)}},
  };
  for (const auto& [type, expected] : cases) {
    SCOPED_TRACE(type);
    const std::string axes = ints("a", {-1}) + constant("bool", "k", "true");
    expect_values(of_x({2, 3}, axes, {2, 1}, type + "(axes = a, keep_dims = k, x = x)", x), expected);
    expect_values(of_x({2, 3}, axes, {2}, type + "(axes = a, x = x)", x), expected);
  }
  expect_values(of_x({2, 3}, "", {}, "reduce_sum(x = x)", x), {-3});
}

TEST(FromMil, ReducedAxesStandInOrder) {
  const Network network = of_x(fp16({1, 2, 2, 2}), ints("a", {3, -2}) + constant("bool", "k", "true"),
                               fp16({1, 2, 1, 1}), "reduce_mean(axes = a, keep_dims = k, x = x)");
  EXPECT_EQ(network.units.at(0).as<aneir::Reduction>()->axes, (std::vector{Axis::Height, Axis::Width}));
}

TEST(FromMil, ABatchOfOneIsNotReduced) {
  const Network network = of_x(fp16({1, 2, 2, 2}), "", fp16({}), "reduce_sum(x = x)");
  EXPECT_EQ(network.units.at(0).as<aneir::Reduction>()->axes,
            (std::vector{Axis::Channel, Axis::Height, Axis::Width}));
  expect_values(
      of_x({1, 2, 1, 1}, constant("fp32", "e", "0"), {1, 2, 1, 1}, "layer_norm(epsilon = e, x = x)", {1, 3}),
      {-1, 1});
  EXPECT_TRUE(
      of_x(fp16({1, 2, 2, 2}), ints("a", {0}), fp16({2, 2, 2}), "reduce_max(axes = a, x = x)").units.empty());
}

TEST(FromMil, SoftmaxAlongItsAxis) {
  const double large = std::exp(1.0) / (1 + std::exp(1.0));
  expect_values(
      of_x({1, 2, 2}, constant("int32", "a", "1"), {1, 2, 2}, "softmax(axis = a, x = x)", {0, 3, 1, 2}),
      {1 - large, large, large, 1 - large});
  expect_values(of_x({1, 2, 2}, "", {1, 2, 2}, "softmax(x = x)", {0, 1, 3, 2}),
                {1 - large, large, large, 1 - large});
}

TEST(FromMil, LayerNormWithItsScaleAndShift) {
  const std::string constants =
      ints("a", {2}) + constant("fp32", "e", "0") + array("g", {2}, {2, 3}) + array("b", {2}, {10, 20});
  // Rows 1, 3 and 2, 6 normalise to -1, 1.
  expect_values(of_x({1, 2, 2}, constants, {1, 2, 2},
                     "layer_norm(axes = a, beta = b, epsilon = e, gamma = g, x = x)", {1, 3, 2, 6}),
                {8, 23, 8, 23});
  // Over channels the constants lie along channels.
  const std::string channels =
      ints("a", {1}) + constant("fp32", "e", "0") + array("g", {2}, {2, 3}) + array("b", {2}, {10, 20});
  expect_values(of_x({1, 2, 1, 2}, channels, {1, 2, 1, 2},
                     "layer_norm(axes = a, beta = b, epsilon = e, gamma = g, x = x)", {1, 2, 3, 6}),
                {8, 8, 23, 23});
}

TEST(FromMil, InstanceAndBatchNorm) {
  const std::string constants =
      constant("fp32", "e", "0") + array("g", {2}, {2, 3}) + array("b", {2}, {10, 20});
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{1, 2, 2}, {1, 2, 1, 2}}) {
    expect_values(
        of_x(shape, constants, shape, "instance_norm(beta = b, epsilon = e, gamma = g, x = x)", {1, 3, 2, 6}),
        {8, 12, 17, 23});
    const std::string statistics = constants + array("m", {2}, {1, 2}) + array("v", {2}, {4, 16});
    expect_values(
        of_x(shape, statistics, shape,
             "batch_norm(beta = b, epsilon = e, gamma = g, mean = m, variance = v, x = x)", {1, 3, 2, 6}),
        {10, 12, 20, 23});
  }
}

TEST(FromMil, L2Norm) {
  expect_values(of_x({2, 1, 1, 2}, constant("fp32", "e", "0"), {2, 1, 1, 2}, "l2_norm(epsilon = e, x = x)",
                     {3, 4, 6, 8}),
                {0.6, 0.8, 0.6, 0.8});
}

// ---- Windows ----

std::string window(const std::string& pad_type, int64_t stride, int64_t dilation, int64_t groups,
                   const std::vector<int64_t>& pad = {0, 0, 0, 0}) {
  return constant("string", "pt", "\"" + pad_type + "\"") + ints("st", {stride, stride}) + ints("pd", pad) +
         ints("dl", {dilation, dilation}) + constant("int32", "gr", std::to_string(groups));
}
const std::string conv_call =
    "conv(dilations = dl, groups = gr, pad = pd, pad_type = pt, strides = st, weight = w, x = x)";

TEST(FromMil, ConvolutionPadding) {
  const std::string ones = array("w", {1, 1, 2, 2}, {1, 1, 1, 1});
  const std::vector<double> x = {1, 2, 3, 4};  // 2 x 2
  expect_values(of_x({1, 1, 2, 2}, window("valid", 1, 1, 1) + ones, {1, 1, 1, 1}, conv_call, x), {10});
  // The odd row and column come behind, with same_lower before.
  expect_values(of_x({1, 1, 2, 2}, window("same", 1, 1, 1) + ones, {1, 1, 2, 2}, conv_call, x),
                {10, 6, 7, 4});
  expect_values(of_x({1, 1, 2, 2}, window("same_lower", 1, 1, 1) + ones, {1, 1, 2, 2}, conv_call, x),
                {1, 3, 4, 10});
  // Top 1, bottom 0, left 0, right 1.
  expect_values(
      of_x({1, 1, 2, 2}, window("custom", 1, 1, 1, {1, 0, 0, 1}) + ones, {1, 1, 2, 2}, conv_call, x),
      {3, 2, 10, 6});
  // Windows of rows 0, 2 and -1, 1 by columns alike.
  expect_values(of_x({1, 1, 3, 3}, window("custom", 2, 2, 1, {1, 0, 1, 0}) + ones, {1, 1, 1, 1}, conv_call,
                     ramp(9, 1, 1)),
                {5});
}

TEST(FromMil, ConvolutionGroupsAndBias) {
  const std::string constants =
      window("valid", 1, 1, 2) + array("w", {2, 1, 1, 1}, {10, 100}) + array("b", {2}, {1, 2});
  expect_values(of_x({1, 2, 1, 1}, constants, {1, 2, 1, 1},
                     "conv(bias = b, dilations = dl, groups = gr, pad = pd, pad_type = pt, strides = st, "
                     "weight = w, x = x)",
                     {3, 4}),
                {31, 402});
}

TEST(FromMil, ConvolutionOverOneAxis) {
  expect_values(of_x({1, 2, 3}, array("w", {1, 2, 2}, {1, 2, 10, 20}), {1, 1, 2}, "conv(weight = w, x = x)",
                     {1, 2, 3, 4, 5, 6}),
                {1 + 4 + 40 + 100, 2 + 6 + 50 + 120});
}

TEST(FromMil, TransposedConvolution) {
  const std::string constants = array("w", {1, 2, 1, 2}, {1, 2, 10, 20}) + ints("s", {2, 1}) +
                                ints("pd", {0, 0, 1, 0}) + constant("string", "v", "\"valid\"") +
                                constant("string", "c", "\"custom\"");
  const std::string call = "conv_transpose(pad = pd, pad_type = {}, strides = s, weight = w, x = x)";
  // Rows of zeros between those of the input; columns overlap.
  expect_values(
      of_x({1, 1, 2, 2}, constants, {1, 2, 3, 3}, fmt::format(fmt::runtime(call), "v"), {1, 2, 3, 4}),
      {1, 4, 4, 0, 0, 0, 3, 10, 8, 10, 40, 40, 0, 0, 0, 30, 100, 80});
  // The first column is cut by pad, the last row and column by the declared size.
  expect_values(
      of_x({1, 1, 2, 2}, constants, {1, 2, 2, 1}, fmt::format(fmt::runtime(call), "c"), {1, 2, 3, 4}),
      {4, 0, 40, 0});
}

TEST(FromMil, Pooling) {
  const std::string kernel = ints("k", {2, 2}) + ints("s", {2, 2}) + ints("pd", {0, 0, 0, 0}) +
                             constant("bool", "c", "true") + constant("string", "p", "\"valid\"");
  const std::vector<double> x = ramp(9, 1, 1);
  expect_values(of_x({1, 1, 3, 3}, kernel, {1, 1, 1, 1},
                     "avg_pool(kernel_sizes = k, pad_type = p, strides = s, x = x)", x),
                {3});
  expect_values(of_x({1, 1, 3, 3}, kernel, {1, 1, 1, 1},
                     "max_pool(kernel_sizes = k, pad_type = p, strides = s, x = x)", x),
                {5});
  expect_values(of_x({1, 1, 3, 3}, kernel, {1, 1, 2, 2},
                     "max_pool(ceil_mode = c, kernel_sizes = k, pad_type = p, strides = s, x = x)", x),
                {5, 6, 8, 9});
}

TEST(FromMil, PaddingWithZerosAndOthers) {
  const std::string zeros =
      ints("pd", {0, 0, 1, 0, 0, 1}) + constant("string", "m", "\"constant\"") + constant("fp16", "v", "0");
  expect_values(
      of_x({1, 1, 1, 2}, zeros, {1, 1, 2, 3}, "pad(constant_val = v, mode = m, pad = pd, x = x)", {5, 6}),
      {0, 0, 0, 5, 6, 0});
  const std::string sevens =
      ints("pd", {1, 0, 0, 1}) + constant("string", "m", "\"constant\"") + constant("fp16", "v", "7");
  expect_values(of_x({1, 2}, sevens, {2, 3}, "pad(constant_val = v, mode = m, pad = pd, x = x)", {5, 6}),
                {7, 7, 7, 5, 6, 7});
}

TEST(FromMil, PaddingByWhatIsThere) {
  const std::string amounts = ints("pd", {2, 1});
  expect_values(of_x({2, 3}, amounts + constant("string", "m", "\"reflect\""), {2, 6},
                     "pad(mode = m, pad = pd, x = x)", {1, 2, 3, 4, 5, 6}),
                {3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5});
  expect_values(of_x({2, 3}, amounts + constant("string", "m", "\"replicate\""), {2, 6},
                     "pad(mode = m, pad = pd, x = x)", {1, 2, 3, 4, 5, 6}),
                {1, 1, 1, 2, 3, 3, 4, 4, 4, 5, 6, 6});
  EXPECT_HAS(refusal_of(fp16({2, 2}), amounts + constant("string", "m", "\"reflect\""), fp16({2, 5}),
                        "pad(mode = m, pad = pd, x = x)"),
             "mirrors more");
}

TEST(FromMil, UpsamplingByWholeFactors) {
  const std::string factors = constant("fp32", "a", "2") + constant("fp32", "b", "3");
  expect_values(
      of_x({1, 1, 1, 2}, factors, {1, 1, 2, 6},
           "upsample_nearest_neighbor(scale_factor_height = a, scale_factor_width = b, x = x)", {5, 7}),
      {5, 5, 5, 7, 7, 7, 5, 5, 5, 7, 7, 7});
}

// ---- Movement ----

TEST(FromMil, Transposes) {
  expect_values(
      of_x({1, 2, 3}, ints("p", {0, 2, 1}), {1, 3, 2}, "transpose(perm = p, x = x)", {1, 2, 3, 4, 5, 6}),
      {1, 4, 2, 5, 3, 6});
  expect_values(of_x({2, 3}, ints("p", {-1, -2}), {3, 2}, "transpose(perm = p, x = x)", {1, 2, 3, 4, 5, 6}),
                {1, 4, 2, 5, 3, 6});
  // A fifth axis of length 1 comes from, or goes, anywhere.
  expect_values(of_x({1, 2, 1, 3, 1}, ints("p", {2, 0, 3, 4, 1}), {1, 1, 3, 1, 2},
                     "transpose(perm = p, x = x)", {1, 2, 3, 4, 5, 6}),
                {1, 4, 2, 5, 3, 6});
}

TEST(FromMil, ReshapesAreRowMajor) {
  const Network network = of_x(fp16({2, 3}), ints("s", {3, -1}), fp16({3, 2}), "reshape(shape = s, x = x)");
  EXPECT_EQ(network.units.size(), 1u);
  expect_values(result(network, {{1, 2, 3, 4, 5, 6}}), {1, 2, 3, 4, 5, 6});
  EXPECT_TRUE(
      of_x(fp16({2, 3}), ints("a", {0}), fp16({1, 2, 3}), "expand_dims(axes = a, x = x)").units.empty());
  EXPECT_TRUE(of_x(fp16({1, 2, 3}), ints("a", {0}), fp16({2, 3}), "squeeze(axes = a, x = x)").units.empty());
}

TEST(FromMil, Slices) {
  const std::vector<double> x = ramp(12, 0, 1);  // 3 x 4
  const std::string begin = ints("b", {1, -3}), end = ints("e", {3, -1}),
                    masks = constant("tensor<bool, [2]>", "m", "[false, true]");
  expect_values(of_x({3, 4}, begin + end, {2, 2}, "slice_by_index(begin = b, end = e, x = x)", x),
                {5, 6, 9, 10});
  expect_values(
      of_x({3, 4}, begin + end + masks, {2, 3}, "slice_by_index(begin = b, end = e, end_mask = m, x = x)", x),
      {5, 6, 7, 9, 10, 11});
  expect_values(of_x({3, 4}, begin + end + masks, {2, 3},
                     "slice_by_index(begin = b, begin_mask = m, end = e, x = x)", x),
                {4, 5, 6, 8, 9, 10});
  expect_values(of_x({3, 4}, begin + end + masks, {2},
                     "slice_by_index(begin = b, end = e, squeeze_mask = m, x = x)", x),
                {5, 9});
  expect_values(of_x({3, 4}, ints("b", {0, 1}) + ints("e", {3, 4}) + ints("s", {2, 2}), {2, 2},
                     "slice_by_index(begin = b, end = e, stride = s, x = x)", x),
                {1, 3, 9, 11});
  expect_values(of_x({3, 4}, ints("b", {1, 2}) + ints("s", {-1, 1}), {2, 1},
                     "slice_by_size(begin = b, size = s, x = x)", x),
                {6, 10});
}

TEST(FromMil, GatherOfKnownIndices) {
  const std::vector<double> x = ramp(8, 0, 1);  // 2 x 4
  expect_values(of_x({2, 4}, constant("int32", "a", "1") + ints("i", {1, 3}), {2, 2},
                     "gather(axis = a, indices = i, x = x)", x),
                {1, 3, 5, 7});
  expect_values(of_x({2, 4}, constant("int32", "a", "0") + constant("int32", "i", "-1"), {4},
                     "gather(axis = a, indices = i, x = x)", x),
                {4, 5, 6, 7});
  expect_values(of_x({2, 4}, constant("int32", "a", "1") + ints("i", {2, 1, 1, 3}), {2, 4},
                     "gather(axis = a, indices = i, x = x)", x),
                {2, 1, 1, 3, 6, 5, 5, 7});
}

TEST(FromMil, ConcatStackSplitTile) {
  const std::string axis = constant("int32", "a", "-1") + constant("bool", "i", "false");
  const Network joined = of_x(fp16({2, 2}), axis + array("k", {2, 1}, {8, 9}), fp16({2, 3}),
                              "concat(axis = a, interleave = i, values = (x, k))");
  expect_values(result(joined, {{1, 2, 3, 4}}), {1, 2, 8, 3, 4, 9});
  const Network stacked = of_x(fp16({2}), constant("int32", "a", "1") + array("k", {2}, {8, 9}), fp16({2, 2}),
                               "stack(axis = a, values = (x, k))");
  expect_values(result(stacked, {{1, 2}}), {1, 8, 2, 9});
  const Network split =
      imported(program("tensor<fp16, [2, 3]> x",
                       constant("int32", "a", "1") + ints("z", {1, 2}) +
                           "    tensor<fp16, [2, 1]> p, tensor<fp16, [2, 2]> q = split(axis = a, split_sizes "
                           "= z, x = x)[name = string(\"cut\")];\n",
                       "q"));
  expect_values(result(split, {{1, 2, 3, 4, 5, 6}}), {2, 3, 5, 6});
  EXPECT_EQ(split.units.at(0).layer, "cut");
  const Network tiled = of_x(fp16({2, 1}), ints("r", {2, 3}), fp16({4, 3}), "tile(reps = r, x = x)");
  expect_values(result(tiled, {{1, 2}}), {1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2});
  EXPECT_EQ(units_of(tiled, "Broadcast"), 1);
}

// ---- What is known before the program runs ----

TEST(FromMil, ArithmeticOnShapes) {
  // reshape to [shape(x)[1] * 2, -1]
  const std::string body =
      line("tensor<int32, [2]>", "s", "shape(x = x)") + ints("i", {1}) + constant("int32", "z", "0") +
      line("tensor<int32, [1]>", "w", "gather(axis = z, indices = i, x = s)") +
      constant("int32", "two", "2") + line("tensor<int32, [1]>", "d", "mul(x = w, y = two)") +
      ints("rest", {-1}) + constant("bool", "n", "false") +
      line("tensor<int32, [2]>", "t", "concat(axis = z, interleave = n, values = (d, rest))");
  const Network network = of_x(fp16({6, 2}), body, fp16({4, 3}), "reshape(shape = t, x = x)");
  EXPECT_EQ(network.units.size(), 1u);
}

TEST(FromMil, WeightsMayBeCastAndTurned) {
  const std::string body = constant("tensor<fp32, [2, 3]>", "w32", "[[1, 2, 3], [4, 5, 6]]") +
                           constant("string", "d", "\"fp16\"") +
                           line(fp16({2, 3}), "w", "cast(dtype = d, x = w32)") + ints("p", {1, 0}) +
                           line(fp16({3, 2}), "wt", "transpose(perm = p, x = w)");
  const Network network = of_x(fp16({1, 2}), body, fp16({1, 3}), "linear(weight = wt, x = x)");
  ASSERT_EQ(network.units.size(), 1u);
  expect_values(result(network, {{1, 10}}), {41, 52, 63});
}

// One operation with its operands as attributes (iOS16), then added to x.
std::vector<double> expanded(const std::string& type, const std::vector<int64_t>& shape,
                             const std::string& attributes, size_t count) {
  const std::string body =
      fmt::format("    {} w = {}()[name = string(\"w\"), {}];\n", fp16(shape), type, attributes);
  const Network network = of_x(fp16(shape), body, fp16(shape), "add(x = x, y = w)");
  return result(network, {std::vector<double>(count, 0)});
}

TEST(FromMil, AffineWeights) {
  const std::string data = "quantized_data = tensor<int8, [2, 3]>([[1, 2, 3], [-4, 5, 6]]), ";
  expect_values(
      expanded(
          "constexpr_affine_dequantize", {2, 3},
          data +
              "axis = int32(0), scale = tensor<fp16, [2]>([2, 0.5]), zero_point = tensor<int8, [2]>([1, 0])",
          6),
      {0, 2, 4, -2, 2.5, 3});
  expect_values(
      expanded("constexpr_affine_dequantize", {2, 3},
               data + "axis = int32(1), scale = tensor<fp16, [3]>([1, 10, 100]), zero_point = int8(1)", 6),
      {0, 10, 200, -5, 40, 500});
}

TEST(FromMil, PalettesAndMasks) {
  // Codes of two bits: 0b11'10'01'00, then 1; the first in the lowest bits.
  expect_values(expanded("constexpr_lut_to_dense", {5},
                         "indices = tensor<uint8, [2]>([228, 1]), lut = tensor<fp16, [4]>([5, 6, 7, 8]), "
                         "shape = tensor<uint32, [1]>([5])",
                         5),
                {5, 6, 7, 8, 6});
  // 0b10010: the second and the fifth are there.
  expect_values(expanded("constexpr_sparse_to_dense", {5},
                         "mask = tensor<uint8, [1]>([18]), nonzero_data = tensor<fp16, [2]>([7, 9]), "
                         "shape = tensor<uint32, [1]>([5])",
                         5),
                {0, 7, 0, 0, 9});
  expect_values(expanded("constexpr_cast", {2},
                         "output_dtype = string(\"fp16\"), source_val = tensor<fp32, [2]>([1, 2])", 2),
                {1, 2});
}

// Of iOS18, with operands: parameters for blocks.
TEST(FromMil, WeightsByBlocks) {
  const std::string data =
      "    tensor<uint4, [2, 4]> d = const()[name = string(\"d\"), val = tensor<uint4, [2, 4]>([[1, 2, 3, "
      "4], [5, 6, 7, 8]])];\n";
  const std::string scaled = data + array("s", {2, 2}, {1, 10, 100, 0.5}) +
                             line(fp16({2, 4}), "w", "constexpr_blockwise_shift_scale(data = d, scale = s)");
  expect_values(of_x({2, 4}, scaled, {2, 4}, "add(x = x, y = w)", std::vector<double>(8, 0)),
                {1, 2, 30, 40, 500, 600, 3.5, 4});
  const std::string shifted =
      data + array("s", {1, 1}, {2}) +
      "    tensor<uint4, [2, 1]> o = const()[name = string(\"o\"), val = tensor<uint4, [2, 1]>([[1], "
      "[5]])];\n" +
      line(fp16({2, 4}), "w", "constexpr_blockwise_shift_scale(data = d, offset = o, scale = s)");
  expect_values(of_x({2, 4}, shifted, {2, 4}, "add(x = x, y = w)", std::vector<double>(8, 0)),
                {0, 2, 4, 6, 0, 2, 4, 6});
  const std::string painted =
      "    tensor<uint1, [2, 2]> d = const()[name = string(\"d\"), val = tensor<uint1, [2, 2]>([[0, 1], [1, "
      "0]])];\n" +
      array("l", {2, 1, 2, 1}, {10, 20, 30, 40}) +
      line(fp16({2, 2}), "w", "constexpr_lut_to_dense(indices = d, lut = l)");
  expect_values(of_x({2, 2}, painted, {2, 2}, "add(x = x, y = w)", std::vector<double>(4, 0)),
                {10, 20, 40, 30});
}

// ---- Refusals ----

TEST(BadMil, EveryRefusalIsListedAtOnce) {
  const std::string text =
      refusal_of(program("state<tensor<fp16, [1, 4]>> kept, tensor<fp16, [1, 4]> x",
                         line(fp16({1, 4}), "a", "argsort(x = x)") + line(fp16({1, 4}), "b", "relu(x = a)") +
                             line("tensor<int32, [1, 1]>", "c", "non_zero(x = b)"),
                         "b"));
  EXPECT_HAS(text, "test.mil: 3 things are not supported");
  EXPECT_HAS(text, "input 'kept': state<tensor<fp16, [1, 4]>> is no type of the engine");
  EXPECT_HAS(text, "operation 'the a' (argsort, line 5): the engine does not sort");
  EXPECT_HAS(text, "operation 'the c' (non_zero, line 7): the number of results is not known");
  EXPECT_EQ(text.find("the b"), std::string::npos);
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(BadMil, ShapesWithoutAForm) {
  EXPECT_HAS(refusal_of("tensor<fp16, [1, ?]>", "", "tensor<fp16, [1, ?]>", "relu(x = x)"), "unknown length");
  EXPECT_HAS(refusal_of(fp16({0}), "", fp16({0}), "relu(x = x)"), "has length 0");
}

TEST(BadMil, DeclaredShapesMustBeTrue) {
  EXPECT_HAS(refusal_of(fp16({2, 3}), "", fp16({3, 2}), "relu(x = x)"), "is declared");
  EXPECT_HAS(refusal_of(fp16({2, 3}), ints("s", {7}), fp16({7}), "reshape(shape = s, x = x)"),
             "number of elements");
  EXPECT_HAS(refusal_of(fp16({2, 3}), array("k", {4}, {1, 2, 3, 4}), fp16({2, 3}), "add(x = x, y = k)"),
             "do not broadcast");
}

// Operands of the wrong kind, of which a reader of the text cannot know.
TEST(BadMil, OperandsOfTheWrongKind) {
  const std::string numbers = array("k", {2}, {1, 2}) + constant("string", "s", "\"x\"") +
                              constant("fp16", "h", "1") + ints("i", {1, 2, 3});
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"softmax(axis = h, x = x)", "axis is no integer"},
      {"softmax(axis = s, x = x)", "axis is not one number"},
      {"softmax(axis = i, x = x)", "axis is not one number"},
      {"softmax(axis = x, x = x)", "axis is computed at run time"},
      {"transpose(perm = k, x = x)", "perm holds no integers"},
      {"transpose(perm = i, x = x)", "perm holds 3 values where 2"},
      {"gelu(mode = k, x = x)", "mode is not one string"},
      {"gelu(mode = s, x = x)", "mode x"},
      {"relu()", "lacks its parameter x"},
      {"add(x = x, y = s)", "is no type of the engine"},
      {"add(x = x, y = i)", "do not broadcast"},
      {"leaky_relu(alpha = s, x = x)", "alpha is not one number"},
      {"leaky_relu(x = x)", "lacks its parameter alpha"},
      {"layer_norm(axes = k, x = x)", "axes holds no integers"},
      {"conv(weight = k, x = x)", "windows over 0 axes"},
      {"conv(weight = x, x = x)", "weight is computed at run time"},
      {"conv(weight = h, x = x)", "windows over 0 axes"},
      {"linear(weight = k, x = x)", "weight of rank 1"},
      {"matmul(x = x, y = h)", "multiplies a number"},
      {"tile(reps = k, x = x)", "reps holds no integers"},
      {"select(a = x, b = x, cond = x)", "cond is no bool"},
      {"concat(axis = s, values = (x))", "axis is not one number"},
      {"batch_norm(mean = k, variance = i, x = x)", "variance holds 3 values"},
  };
  for (const auto& [call, words] : cases) {
    SCOPED_TRACE(call);
    EXPECT_HAS(refusal_of(fp16({2, 2}), numbers, fp16({2, 2}), call), words);
  }
}

TEST(BadMil, NumbersOutOfRange) {
  const std::string huge = std::to_string(INT32_MAX);
  const std::string constants = constant("int32", "far", huge) + constant("int32", "low", "-" + huge) +
                                ints("two", {INT32_MAX, INT32_MAX}) + ints("minus", {-1, -1}) +
                                ints("zero", {0, 0}) + array("w", {1, 1, 1, 1}, {1}) +
                                constant("string", "custom", "\"custom\"");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"softmax(axis = far, x = x)", "axis 2147483647"},
      {"softmax(axis = low, x = x)", "axis -2147483647"},
      {"conv(strides = zero, weight = w, x = x)", "a stride is 0"},
      {"conv(dilations = two, weight = w, x = x)", "a dilation is"},
      {"conv(groups = far, weight = w, x = x)", "divisible"},
      {"conv(groups = low, weight = w, x = x)", "divisible"},
      {"max_pool(kernel_sizes = zero, x = x)", "the kernel's size is 0"},
      {"max_pool(kernel_sizes = two, x = x)", "the kernel's size is"},
      {"pad(pad = two, x = x)", "pad is"},
      {"pad(pad = minus, x = x)", "pad is -1"},
      {"upsample_nearest_neighbor(scale_factor_width = far, x = x)", "scale_factor_width is"},
      {"conv_transpose(groups = far, weight = w, x = x)", "cut away behind is -1"},
  };
  for (const auto& [call, words] : cases) {
    SCOPED_TRACE(call);
    EXPECT_HAS(refusal_of(fp16({1, 1, 2, 2}), constants, fp16({1, 1, 3, 3}), call), words);
  }
  EXPECT_HAS(refusal_of(fp16({2, 2}), ints("r", {INT32_MAX, 1}), fp16({2, 2}), "tile(reps = r, x = x)"),
             "copies");
  EXPECT_HAS(refusal_of(fp16({2, 2}), ints("b", {5, 0}) + ints("e", {9, 2}), fp16({2, 2}),
                        "slice_by_index(begin = b, end = e, x = x)"),
             "not there");
  EXPECT_HAS(refusal_of(fp16({2, 2}), ints("p", {0, 0}), fp16({2, 2}), "transpose(perm = p, x = x)"),
             "twice");
}

TEST(BadMil, CompressedWeights) {
  const std::string shape = ", shape = tensor<uint32, [1]>([5])";
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {"constexpr_lut_to_dense",
       "indices = tensor<uint8, [1]>([0]), lut = tensor<fp16, [4]>([5, 6, 7, 8])" + shape, "too few codes"},
      {"constexpr_lut_to_dense",
       "indices = tensor<uint8, [2]>([0, 0]), lut = tensor<fp16, [3]>([5, 6, 7])" + shape, "palettes of 3"},
      {"constexpr_sparse_to_dense",
       "mask = tensor<uint8, [1]>([18]), nonzero_data = tensor<fp16, [1]>([7])" + shape, "fewer values"},
      {"constexpr_sparse_to_dense",
       "mask = tensor<uint8, [1]>([2]), nonzero_data = tensor<fp16, [2]>([7, 8])" + shape, "more values"},
      {"constexpr_sparse_to_dense",
       "mask = tensor<uint8, [0]>([]), nonzero_data = tensor<fp16, [2]>([7, 8])" + shape, "too short a mask"},
      {"constexpr_affine_dequantize",
       "axis = int32(0), quantized_data = tensor<int8, [5]>([1, 2, 3, 4, 5]), scale = tensor<fp16, [2]>([1, "
       "2]), zero_point = int8(0)",
       "2 parameters"},
      {"constexpr_affine_dequantize",
       "axis = int32(0), quantized_data = tensor<int8, [4]>([1, 2, 3, 4]), scale = fp16(1), zero_point = "
       "int8(0)",
       "gives 4 values"},
  };
  for (const auto& [type, attributes, words] : cases) {
    SCOPED_TRACE(words);
    const std::string body =
        fmt::format("    {} w = {}()[name = string(\"w\"), {}];\n", fp16({5}), type, attributes);
    EXPECT_HAS(refusal_of(fp16({5}), body, fp16({5}), "add(x = x, y = w)"), words);
  }
}

// What needs the content of a refused value is not refused for that again.
TEST(BadMil, ConsequencesAreNotListed) {
  const std::string text = refusal_of(program(
      "tensor<fp16, [1, 2]> x",
      line(fp16({2, 2}), "w", "random_uniform()") + line(fp16({1, 2}), "y", "linear(weight = w, x = x)"),
      "y"));
  EXPECT_HAS(text, "operation 'the w' (random_uniform");
  EXPECT_EQ(text.find("the y"), std::string::npos) << text;
}

TEST(BadMil, OutputsKnownBeforeTheProgramRuns) {
  EXPECT_HAS(refusal_of(program("tensor<fp16, [2]> x", array("k", {2}, {1, 2}), "k")), "output 'k'");
}

}  // namespace
}  // namespace ane::import
