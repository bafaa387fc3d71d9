// Import of the MIL operations that become several units: recurrence, positions, rearrangement, products of
// any axes, flexible shapes, compressed weights of iOS18. Expected values are worked out here from the
// definitions, or by hand.
#include <cmath>

#include "import/mil_text.h"

namespace ane::import {
namespace {

using Numbers = std::vector<double>;

// ---- Recurrence ----

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// One feature, one unit: every matrix is a number, and the steps can be written down.
TEST(Recurrence, LstmGatesStandInTheOrderInputForgetOutputCell) {
  const std::string body = array("w", {4, 1}, {0.5, -0.25, 0.75, 1}) +
                           array("u", {4, 1}, {0.25, 0.5, -0.5, 1}) +
                           array("b", {4}, {0.125, 0.25, 0, -0.125}) + constant("bool", "all", "true") +
                           array("h", {1, 1}, {0.5}) + array("c", {1, 1}, {-0.25}) +
                           fmt::format(
                               "    {} s, {} hn, {} cn = lstm(bias = b, initial_c = c, initial_h = h, "
                               "output_sequence = all, weight_hh = u, weight_ih = w, x = x)[name = "
                               "string(\"cell\")];\n",
                               fp16({3, 1, 1}), fp16({1, 1}), fp16({1, 1}));
  const Numbers x = {1, -2, 0.5};
  double h = 0.5, c = -0.25;
  Numbers states;
  for (const double each : x) {
    const double i = sigmoid(0.5 * each + 0.25 * h + 0.125), f = sigmoid(-0.25 * each + 0.5 * h + 0.25),
                 o = sigmoid(0.75 * each - 0.5 * h), z = std::tanh(each + h - 0.125);
    c = f * c + i * z;
    h = o * std::tanh(c);
    states.push_back(h);
  }
  expect_values(result(imported(program(fp16({3, 1, 1}) + " x", body, "s")), {x}), states, 1e-4);
  expect_values(result(imported(program(fp16({3, 1, 1}) + " x", body, "cn")), {x}), {c}, 1e-4);
  expect_values(result(imported(program(fp16({3, 1, 1}) + " x", body, "hn")), {x}), {h}, 1e-4);
}

// With zero weights only the bias acts: i = f = o = 1/2, and the cell gate is linear.
TEST(Recurrence, BothDirectionsMeetInTheLastAxis) {
  const std::string zeros = array("w", {4, 1}, {0, 0, 0, 1}) + array("u", {4, 1}, {0, 0, 0, 0}) +
                            array("h", {1, 2}, {0, 0}) + array("c", {1, 2}, {0, 8}) +
                            constant("string", "d", "\"bidirectional\"") +
                            constant("string", "l", "\"linear\"") + constant("bool", "all", "true");
  const std::string call = fmt::format(
      "    {} s, {} hn, {} cn = lstm(activation = l, cell_activation = l, direction = d, initial_c = c, "
      "initial_h = h, output_sequence = all, weight_hh = u, weight_hh_back = u, weight_ih = w, "
      "weight_ih_back = w, x = x)[name = string(\"cell\")];\n",
      fp16({2, 1, 2}), fp16({1, 2}), fp16({1, 2}));
  // Forward c: 0, then x0 / 2, then x0 / 4 + x1 / 2. Backward c: 8, then 4 + x1 / 2, then 2 + x1 / 4 + x0
  // / 2.
  const Network network = imported(program(fp16({2, 1, 1}) + " x", zeros + call, "s"));
  expect_values(result(network, {{4, 8}}), {1, 3, 2.5, 4}, 1e-4);
  const Network cells = imported(program(fp16({2, 1, 1}) + " x", zeros + call, "cn"));
  expect_values(result(cells, {{4, 8}}), {5, 6}, 1e-4);
}

TEST(Recurrence, GruAndRnn) {
  const std::string body = array("w", {3, 1}, {0.5, 1, -0.25}) + array("u", {3, 1}, {0.25, -1, 0.5}) +
                           array("b", {3}, {0, 0.25, 0.125}) + array("h", {1, 1}, {0.5}) +
                           constant("string", "d", "\"reverse\"");
  const auto gru = [&](const std::string& direction) {
    return body + fmt::format(
                      "    {} s, {} hn = gru(bias = b, {}initial_h = h, weight_hh = u, weight_ih = w, x "
                      "= x)[name = string(\"gru\")];\n",
                      fp16({1, 1, 1}), fp16({1, 1}), direction);
  };
  const auto expected = [](const Numbers& x) {
    double h = 0.5;
    for (const double each : x) {
      const double r = sigmoid(0.5 * each + 0.25 * h), z = sigmoid(-0.25 * each + 0.5 * h + 0.125);
      const double o = std::tanh(each + 0.25 + r * (-1 * h));
      h = (1 - z) * o + z * h;
    }
    return Numbers{h};
  };
  const std::string x = fp16({2, 1, 1}) + " x";
  expect_values(result(imported(program(x, gru(""), "hn")), {{1, -0.5}}), expected({1, -0.5}), 1e-4);
  expect_values(result(imported(program(x, gru("direction = d, "), "hn")), {{1, -0.5}}), expected({-0.5, 1}),
                1e-4);
  const std::string rnn =
      array("w", {1, 1}, {2}) + array("u", {1, 1}, {3}) + array("h", {1, 1}, {1}) +
      constant("string", "r", "\"relu\"") +
      fmt::format(
          "    {} s, {} hn = rnn(activation = r, initial_h = h, weight_hh = u, weight_ih = w, x = "
          "x)[name = string(\"rnn\")];\n",
          fp16({1, 1, 1}), fp16({1, 1}));
  expect_values(result(imported(program(x, rnn, "hn")), {{1, -4}}), {std::max(0.0, 3 * (2 + 3) - 8.0)});
}

TEST(BadRecurrence, IsRefusedByName) {
  const std::string weights = array("w", {4, 1}, {0, 0, 0, 0}) + array("h", {1, 1}, {0});
  const auto call = [&](const std::string& more) {
    return weights + fmt::format(
                         "    {} s, {} hn, {} cn = lstm({}initial_c = h, initial_h = h, weight_hh = w, "
                         "weight_ih = w, x = x)[name = string(\"cell\")];\n",
                         fp16({1, 1, 1}), fp16({1, 1}), fp16({1, 1}), more);
  };
  EXPECT_HAS(refusal_of(program(fp16({200, 1, 1}) + " x", call(""), "hn")), "a sequence of 200 steps");
  EXPECT_HAS(refusal_of(program(fp16({2, 1, 1}) + " x", call("clip = fp16(1), "), "hn")), "has bounds");
  EXPECT_HAS(refusal_of(program(fp16({2, 1, 3}) + " x", call(""), "hn")), "weight_ih holds 4 values");
  EXPECT_HAS(
      refusal_of(program(fp16({2, 1, 1}) + " x", call("activation = string(\"scaled_tanh\"), "), "hn")),
      "activation scaled_tanh");
}

// ---- Positions and integers ----

TEST(Positions, TheFirstOfEqualElements) {
  const Numbers x = {1, 5, 5, -2, 7, 0, 7, 7};
  const std::string axis = constant("int32", "a", "1");
  EXPECT_EQ(result(of_x(fp16({2, 4}), axis, "tensor<int32, [2]>", "reduce_argmax(axis = a, x = x)"), {x}),
            (Numbers{1, 0}));
  EXPECT_EQ(result(of_x(fp16({2, 4}), axis, "tensor<int32, [2]>", "reduce_argmin(axis = a, x = x)"), {x}),
            (Numbers{3, 1}));
  EXPECT_EQ(result(of_x(fp16({2, 4}), constant("int32", "a", "0") + constant("bool", "k", "true"),
                        "tensor<int32, [1, 4]>", "reduce_argmax(axis = a, keep_dims = k, x = x)"),
                   {x}),
            (Numbers{1, 0, 1, 1}));
}

TEST(Positions, RowsByComputedIndices) {
  const std::string body = array("t", {3, 2}, {1, 2, 3, 4, 5, 6}) + constant("int32", "a", "0");
  const Network network =
      of_x("tensor<int32, [4]>", body, fp16({4, 2}), "gather(axis = a, indices = x, x = t)");
  expect_values(result(network, {{2, 0, -1, 1}}), {5, 6, 1, 2, 5, 6, 3, 4});
}

TEST(BadIntegers, BeyondWhatHalfsHold) {
  const std::string sum = "add(x = x, y = x)";
  EXPECT_HAS(refusal_of("tensor<int32, [4]>", "", "tensor<int32, [4]>", sum), "integers beyond 2048");
  EXPECT_HAS(refusal_of(fp16({1, 3000}), constant("int32", "a", "1"), "tensor<int32, [1]>",
                        "reduce_argmax(axis = a, x = x)"),
             "one of 3000 positions");
  EXPECT_HAS(refusal_of(fp16({4}), constant("string", "d", "\"int32\""), "tensor<int32, [4]>",
                        "cast(dtype = d, x = x)"),
             "makes integers of numbers");
  // Positions of a short axis may be added up.
  EXPECT_EQ(refusal_of(program(fp16({2, 4}) + " x",
                               constant("int32", "a", "1") +
                                   line("tensor<int32, [2]>", "p", "reduce_argmax(axis = a, x = x)") +
                                   line("tensor<int32, [2]>", "y", "add(x = p, y = p)"),
                               "y")),
            "");
}

// ---- Axes ----

Numbers permuted(const Numbers& x, const std::vector<int64_t>& shape, const std::vector<size_t>& perm) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  Numbers y;
  for (size_t i = 0; i < x.size(); ++i) {
    int64_t rest = static_cast<int64_t>(i), from = 0;
    for (size_t axis = perm.size(); axis-- > 0;) {
      from += rest % shape[perm[axis]] * strides[perm[axis]];
      rest /= shape[perm[axis]];
    }
    y.push_back(x[static_cast<size_t>(from)]);
  }
  return y;
}

TEST(Axes, AnyPermutation) {
  const std::vector<std::pair<std::vector<int64_t>, std::vector<size_t>>> cases = {
      {{1, 5, 3, 2, 4}, {2, 0, 3, 1, 4}},       {{2, 3, 4, 5}, {1, 0, 3, 2}},
      {{1, 2, 3, 4, 5, 2}, {0, 5, 1, 4, 2, 3}}, {{2, 3, 2, 3, 2, 3}, {5, 4, 3, 2, 1, 0}},
      {{1, 2, 3, 4, 2}, {0, 2, 1, 3, 4}},       {{2, 1, 3}, {1, 2, 0}}};
  for (const auto& [shape, perm] : cases) {
    SCOPED_TRACE(fmt::format("{} by {}", fmt::join(shape, "x"), fmt::join(perm, " ")));
    std::vector<int64_t> to, axes(perm.begin(), perm.end());
    size_t count = 1;
    for (const size_t axis : perm) to.push_back(shape[axis]);
    for (const int64_t length : shape) count *= static_cast<size_t>(length);
    const Numbers x = ramp(count, 0, 1);
    EXPECT_EQ(of_x(shape, ints("p", axes), to, "transpose(perm = p, x = x)", x), permuted(x, shape, perm));
  }
}

TEST(Axes, CutsAndJoinsOfMoreThanFour) {
  const Numbers x = ramp(48, 0, 1);  // 2 x 3 x 2 x 2 x 2
  const auto elements = [&](size_t axis_stride, size_t length, size_t wanted) {
    Numbers found;
    for (size_t i = 0; i < x.size(); ++i)
      if (i / axis_stride % length == wanted) found.push_back(x[i]);
    return found;
  };
  const auto slice = [&](const std::vector<int64_t>& begin, const std::vector<int64_t>& size,
                         const std::vector<int64_t>& to) {
    return of_x({2, 3, 2, 2, 2}, ints("b", begin) + ints("s", size), to,
                "slice_by_size(begin = b, size = s, x = x)", x);
  };
  EXPECT_EQ(slice({1, 0, 0, 0, 0}, {1, -1, -1, -1, -1}, {1, 3, 2, 2, 2}), elements(24, 2, 1));
  EXPECT_EQ(slice({0, 1, 0, 0, 0}, {-1, 1, -1, -1, -1}, {2, 1, 2, 2, 2}), elements(8, 3, 1));
  EXPECT_EQ(slice({0, 0, 0, 1, 0}, {-1, -1, -1, 1, -1}, {2, 3, 2, 1, 2}), elements(2, 2, 1));
  const std::string axis = constant("int32", "a", "1") + constant("bool", "n", "false");
  const Network joined = of_x(fp16({1, 2, 1, 2, 2}), axis, fp16({1, 4, 1, 2, 2}),
                              "concat(axis = a, interleave = n, values = (x, x))");
  expect_values(result(joined, {ramp(8, 0, 1)}), {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7});
}

TEST(Axes, ProductsOfAnyTwo) {
  // Attention as it is written with heads behind positions.
  const std::vector<int64_t> a = {1, 3, 2, 4}, b = {1, 5, 2, 4};
  const Numbers x = ramp(24, -1, 0.125), z = ramp(40, 2, -0.125);
  Numbers expected;
  for (size_t h = 0; h < 2; ++h)
    for (size_t q = 0; q < 3; ++q)
      for (size_t k = 0; k < 5; ++k) {
        double sum = 0;
        for (size_t d = 0; d < 4; ++d) sum += x[(q * 2 + h) * 4 + d] * z[(k * 2 + h) * 4 + d];
        expected.push_back(sum);
      }
  const Network network =
      imported(program(fp16(a) + " x, " + fp16(b) + " z",
                       constant("string", "e", "\"bqhd,bkhd->bhqk\"") +
                           line(fp16({1, 2, 3, 5}), "y", "einsum(equation = e, values = (x, z))"),
                       "y"));
  expect_values(result(network, {x, z}), expected);
}

// ---- Rearrangement ----

TEST(Rearrangement, BlocksOfPixels) {
  const std::string two = constant("int32", "b", "2");
  // Four channels of one pixel, with and without a channel between.
  expect_values(
      of_x({1, 4, 1, 1}, two, {1, 1, 2, 2}, "pixel_shuffle(upscale_factor = b, x = x)", {1, 2, 3, 4}),
      {1, 2, 3, 4});
  const Numbers eight = {0, 1, 2, 3, 4, 5, 6, 7};
  expect_values(of_x({1, 8, 1, 1}, two, {1, 2, 2, 2}, "pixel_shuffle(upscale_factor = b, x = x)", eight),
                {0, 1, 2, 3, 4, 5, 6, 7});
  expect_values(of_x({1, 8, 1, 1}, two, {1, 2, 2, 2}, "depth_to_space(block_size = b, x = x)", eight),
                {0, 2, 4, 6, 1, 3, 5, 7});
  expect_values(of_x({1, 2, 2, 2}, two, {1, 8, 1, 1}, "space_to_depth(block_size = b, x = x)", eight),
                {0, 4, 1, 5, 2, 6, 3, 7});
  expect_values(of_x({1, 2, 2, 2}, two, {1, 8, 1, 1}, "pixel_unshuffle(downscale_factor = b, x = x)", eight),
                {0, 1, 2, 3, 4, 5, 6, 7});
}

TEST(Rearrangement, OrderWindowsAndParts) {
  const Numbers x = {1, 2, 3, 4, 5, 6};
  expect_values(of_x({2, 3}, ints("a", {1}), {2, 3}, "reverse(axes = a, x = x)", x), {3, 2, 1, 6, 5, 4});
  expect_values(of_x({1, 2, 3}, ints("h", {1, 0}) + ints("w", {0, 2}), {1, 1, 1},
                     "crop(crop_height = h, crop_width = w, x = x)", x),
                {4});
  const std::string windows =
      constant("int32", "a", "0") + constant("int32", "s", "3") + constant("int32", "t", "2");
  expect_values(of_x({6}, windows, {2, 3}, "sliding_windows(axis = a, size = s, stride = t, x = x)", x),
                {1, 2, 3, 3, 4, 5});
  const std::string sizes = constant("int32", "h", "1") + constant("int32", "w", "2");
  expect_values(of_x({1, 1, 6}, sizes, {1, 1, 2},
                     "resize_nearest_neighbor(target_size_height = h, target_size_width = w, x = x)", x),
                {2, 5});
  const std::string part = array("u", {2, 1}, {8, 9}) + ints("b", {0, 1}) + ints("e", {2, 2});
  expect_values(of_x({2, 3}, part, {2, 3}, "slice_update(begin = b, end = e, update = u, x = x)", x),
                {1, 8, 3, 4, 9, 6});
}

TEST(Rearrangement, SumsProductsAndExponentials) {
  const Numbers x = {1, 2, 3, 4, 5, 6};
  const std::string axis = constant("int32", "a", "1") + constant("bool", "t", "true") + ints("l", {1});
  expect_values(of_x({2, 3}, axis, {2, 3}, "cumsum(axis = a, x = x)", x), {1, 3, 6, 4, 9, 15});
  expect_values(of_x({2, 3}, axis, {2, 3}, "cumsum(axis = a, exclusive = t, x = x)", x), {0, 1, 3, 0, 4, 9});
  expect_values(of_x({2, 3}, axis, {2, 3}, "cumsum(axis = a, reverse = t, x = x)", x), {6, 5, 3, 15, 11, 6});
  expect_values(of_x({2, 3}, axis, {2}, "reduce_prod(axes = l, x = x)", x), {6, 120});
  expect_values(
      of_x({2, 3}, axis, {2}, "reduce_log_sum_exp(axes = l, x = x)", x),
      {3 + std::log(1 + std::exp(-1) + std::exp(-2)), 6 + std::log(1 + std::exp(-1) + std::exp(-2))});
  const std::string lrn = constant("int32", "s", "3") + constant("fp16", "al", "3") +
                          constant("fp16", "be", "0.5") + constant("fp16", "k", "1");
  expect_values(of_x({1, 3, 1, 1}, lrn, {1, 3, 1, 1},
                     "local_response_norm(alpha = al, beta = be, k = k, size = s, x = x)", {1, 2, 4}),
                {1 / std::sqrt(1 + 5.0), 2 / std::sqrt(1 + 21.0), 4 / std::sqrt(1 + 20.0)});
}

// ---- Shapes and branches ----

TEST(OpenLengths, FollowFromTheInputs) {
  const std::string open = "tensor<fp16, [1, ?, 4]>";
  const std::string body =
      line(open, "a", "relu(x = x)") + ints("ax", {-1}) + constant("bool", "k", "false") +
      line("tensor<fp16, [1, ?]>", "m", "reduce_mean(axes = ax, keep_dims = k, x = a)") +
      line("tensor<int32, [2]>", "s", "shape(x = m)") + ints("e", {0}) +
      line("tensor<fp16, [1, 1, ?]>", "u", "expand_dims(axes = e, x = m)") + ints("r", {-1, 1}) +
      line("tensor<fp16, [?, 1]>", "y", "reshape(shape = r, x = u)");
  mil::Program open_program = program(open + " x", body, "y");
  EXPECT_HAS(refusal_of(open_program), "unknown length");
  open_program.functions[0].inputs[0].type.shape = {1, 2, 4};
  expect_values(result(imported(open_program), {{1, 2, 3, 4, -1, 3, 5, 8}}), {2.5, 4});
}

TEST(Branches, OfKnownConditionsAreTaken) {
  mil::Program given =
      program(fp16({2}) + " x", constant("bool", "p", "false") + line(fp16({2}), "y", "relu(x = x)"), "y");
  mil::Operation& y = given.functions[0].block.operations.back();
  const auto block = [](const std::string& type, const std::string& name) {
    mil::Block made;
    mil::Operation operation;
    operation.type = type;
    operation.inputs = {{"x", {{"x", nullptr}}, false}};
    operation.outputs = {{name, {}}};
    operation.outputs[0].type.shape = {2};
    made.operations.push_back(operation);
    made.outputs = {name};
    return made;
  };
  y.type = "cond";
  y.inputs = {{"pred", {{"p", nullptr}}, false}};
  y.blocks = {block("relu", "t"), block("square", "f")};
  expect_values(result(imported(given), {{-2, 3}}), {4, 9});
}

// ---- Known before the program runs ----

TEST(Constants, OfAnyRank) {
  const auto of_constant = [](const std::string& body, const std::vector<int64_t>& shape) {
    size_t count = 1;
    for (const int64_t length : shape) count *= static_cast<size_t>(length);
    const Network network = of_x(fp16(shape), body, fp16(shape), "add(x = x, y = w)");
    return result(network, {Numbers(count, 0)});
  };
  const std::string k = array("k", {2, 3}, {1, 2, 3, 4, 5, 6}), row = array("r", {3}, {10, 20, 30});
  expect_values(of_constant(k + row + line(fp16({2, 3}), "w", "add(x = k, y = r)"), {2, 3}),
                {11, 22, 33, 14, 25, 36});
  expect_values(of_constant(k + constant("int32", "a", "1") + ints("i", {2, 0}) +
                                line(fp16({2, 2}), "w", "gather(axis = a, indices = i, x = k)"),
                            {2, 2}),
                {3, 1, 6, 4});
  expect_values(of_constant(k + ints("b", {0, 1}) + ints("e", {2, 3}) +
                                line(fp16({2, 2}), "w", "slice_by_index(begin = b, end = e, x = k)"),
                            {2, 2}),
                {2, 3, 5, 6});
  expect_values(of_constant(row + ints("n", {2}) + line(fp16({6}), "w", "tile(reps = n, x = r)"), {6}),
                {10, 20, 30, 10, 20, 30});
  expect_values(of_constant(ints("s", {2, 2}) + constant("fp16", "v", "7") +
                                line(fp16({2, 2}), "w", "fill(shape = s, value = v)"),
                            {2, 2}),
                {7, 7, 7, 7});
  expect_values(
      of_constant(line(fp16({3}), "w", "range_1d(end = fp16(5), start = fp16(2), step = fp16(1))"), {3}),
      {2, 3, 4});
  expect_values(of_constant(k + row + line(truth({2, 3}), "l", "less(x = k, y = fp16(4))") +
                                line(fp16({2, 3}), "w", "select(a = r, b = k, cond = l)"),
                            {2, 3}),
                {10, 20, 30, 4, 5, 6});
}

Numbers weights_of(const std::string& body, size_t count) {
  const auto length = static_cast<int64_t>(count);
  return result(of_x(fp16({length}), body, fp16({length}), "add(x = x, y = w)"), {Numbers(count, 0)});
}

TEST(CompressedWeights, OfFewBits) {
  const std::string data = constant("tensor<int4, [4]>", "q", "[-8, 7, 1, 0]") +
                           constant("tensor<int4, [2]>", "o", "[1, -1]") + array("s", {2}, {2, 0.5});
  expect_values(weights_of(data + line(fp16({4}), "w",
                                       "constexpr_blockwise_shift_scale(data = q, offset = o, "
                                       "scale = s)"),
                           4),
                {-18, 12, 1, 0.5});
  const std::string one = constant("tensor<uint1, [4]>", "q", "[1, 0, 0, 1]") + array("l", {1, 2, 1}, {3, 4});
  expect_values(weights_of(one + line(fp16({4}), "w", "constexpr_lut_to_dense(indices = q, lut = l)"), 4),
                {4, 3, 3, 4});
  const std::string three = constant("tensor<uint3, [4]>", "q", "[7, 0, 5, 2]") +
                            array("l", {2, 8, 1}, {0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17});
  expect_values(weights_of(three + line(fp16({4}), "w", "constexpr_lut_to_dense(indices = q, lut = l)"), 4),
                {7, 0, 15, 12});
}

TEST(CompressedWeights, VectorsAndJointForms) {
  const std::string vectors = constant("tensor<uint1, [2]>", "q", "[1, 0]") +
                              array("l", {1, 2, 2}, {1, 2, 3, 4}) + constant("int32", "v", "0");
  expect_values(
      weights_of(
          vectors + line(fp16({4}), "w", "constexpr_lut_to_dense(indices = q, lut = l, vector_axis = v)"), 4),
      {3, 4, 1, 2});
  const std::string mask = constant("tensor<uint1, [4]>", "m", "[0, 1, 1, 0]");
  const auto dense = [&](const std::string& joint, const std::string& call) {
    return mask + joint +
           fmt::format("    tensor<uint1, [4]> n, {} z = {}[name = string(\"z\")];\n", fp16({2}), call) +
           line(fp16({4}), "w", "constexpr_sparse_to_dense(mask = n, nonzero_data = z)");
  };
  expect_values(
      weights_of(dense(constant("tensor<uint1, [2]>", "q", "[0, 1]") + array("l", {2, 2, 1}, {1, 2, 3, 4}),
                       "constexpr_lut_to_sparse(indices_mask = m, indices_nonzero_data = q, lut = l)"),
                 4),
      {0, 1, 4, 0});
  expect_values(
      weights_of(dense(constant("tensor<int8, [2]>", "q", "[5, 6]") + array("s", {2}, {2, 10}),
                       "constexpr_sparse_blockwise_shift_scale(data_mask = m, nonzero_data = q, scale "
                       "= s)"),
                 4),
      {0, 10, 60, 0});
}

}  // namespace
}  // namespace ane::import
