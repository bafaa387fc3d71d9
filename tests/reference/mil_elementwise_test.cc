// MIL's elementwise operations, with numbers that can be checked in one's head.

#include "mil_run.h"

namespace ane::reference {
namespace {

Values binary(const std::string& type, const Values& x, const Values& y, DataType element = DataType::Float32,
              DataType made = DataType::Float32) {
  const auto count = static_cast<int64_t>(x.size());
  return result(type, {{"x", Fed{{count}, x, element}}, {"y", Fed{{count}, y, element}}}, {count}, made);
}

TEST(MilBinary, Arithmetic) {
  const Values x = {6, -7, 0.5f}, y = {4, 2, -0.25f};
  EXPECT_EQ(binary("add", x, y), (Values{10, -5, 0.25f}));
  EXPECT_EQ(binary("sub", x, y), (Values{2, -9, 0.75f}));
  EXPECT_EQ(binary("mul", x, y), (Values{24, -14, -0.125f}));
  EXPECT_EQ(binary("real_div", x, y), (Values{1.5f, -3.5f, -2}));
  EXPECT_EQ(binary("floor_div", x, y), (Values{1, -4, -2}));
  EXPECT_EQ(binary("maximum", x, y), (Values{6, 2, 0.5f}));
  EXPECT_EQ(binary("minimum", x, y), (Values{4, -7, -0.25f}));
  EXPECT_EQ(binary("pow", {2, 9, -2}, {10, 0.5f, 3}), (Values{1024, 3, -8}));
}

TEST(MilBinary, TheRemainderHasTheSignOfTheDivisor) {
  EXPECT_EQ(binary("mod", {7, -7, 7, -7, 6}, {3, 3, -3, -3, 3}), (Values{1, 2, -2, -1, 0}));
  // An exact remainder however large the quotient: 2^24 = 3 * 5592405 + 1.
  EXPECT_EQ(binary("mod", {0x1p24f}, {3}), (Values{1}));
}

TEST(MilBinary, Comparisons) {
  const Values x = {1, 2, 3}, y = {2, 2, 2};
  const auto compare = [&](const char* type) {
    return binary(type, x, y, DataType::Float32, DataType::Bool);
  };
  EXPECT_EQ(compare("equal"), (Values{0, 1, 0}));
  EXPECT_EQ(compare("not_equal"), (Values{1, 0, 1}));
  EXPECT_EQ(compare("less"), (Values{1, 0, 0}));
  EXPECT_EQ(compare("less_equal"), (Values{1, 1, 0}));
  EXPECT_EQ(compare("greater"), (Values{0, 0, 1}));
  EXPECT_EQ(compare("greater_equal"), (Values{0, 1, 1}));
}

TEST(MilBinary, Logic) {
  const Values x = {0, 0, 1, 1}, y = {0, 1, 0, 1};
  const auto logic = [&](const char* type) { return binary(type, x, y, DataType::Bool, DataType::Bool); };
  EXPECT_EQ(logic("logical_and"), (Values{0, 0, 0, 1}));
  EXPECT_EQ(logic("logical_or"), (Values{0, 1, 1, 1}));
  EXPECT_EQ(logic("logical_xor"), (Values{0, 1, 1, 0}));
  EXPECT_EQ(result("logical_not", {{"x", Fed{{2}, {0, 1}, DataType::Bool}}}, {2}, DataType::Bool),
            (Values{1, 0}));
}

TEST(MilBinary, BroadcastsFromRank0To5) {
  const Fed scalar{{}, {10}}, row{{3}, {1, 2, 3}}, column{{2, 1}, {10, 20}};
  EXPECT_EQ(result("add", {{"x", scalar}, {"y", scalar}}, {}), (Values{20}));
  EXPECT_EQ(result("add", {{"x", scalar}, {"y", row}}, {3}), (Values{11, 12, 13}));
  EXPECT_EQ(result("sub", {{"x", column}, {"y", row}}, {2, 3}), (Values{9, 8, 7, 19, 18, 17}));
  // Element (a, b, c, d, e) of the sum of a [2,1,2,1,1] and a [3,1,2,1] is x[a, c] + y[b, d].
  Values expected;
  for (int a = 0; a < 2; ++a)
    for (int b = 0; b < 3; ++b)
      for (int c = 0; c < 2; ++c)
        for (int d = 0; d < 2; ++d) expected.push_back(static_cast<float>((a * 2 + c) + 100 * (b * 2 + d)));
  EXPECT_EQ(result("add",
                   {{"x", Fed{{2, 1, 2, 1, 1}, {0, 1, 2, 3}}},
                    {"y", Fed{{3, 1, 2, 1}, {0, 100, 200, 300, 400, 500}}}},
                   {2, 3, 2, 2, 1}),
            expected);
}

TEST(MilUnary, RoundingAndSigns) {
  const auto at = [](const char* type, const Values& x) {
    return result(type, {{"x", Fed{{static_cast<int64_t>(x.size())}, x}}}, {static_cast<int64_t>(x.size())});
  };
  const Values x = {-1.5f, -0.5f, 0.5f, 1.5f, 2.5f, 2.75f};
  EXPECT_EQ(at("floor", x), (Values{-2, -1, 0, 1, 2, 2}));
  EXPECT_EQ(at("ceil", x), (Values{-1, 0, 1, 2, 3, 3}));
  EXPECT_EQ(at("round", x), (Values{-2, 0, 0, 2, 2, 3}));
  EXPECT_EQ(at("abs", x), (Values{1.5f, 0.5f, 0.5f, 1.5f, 2.5f, 2.75f}));
  EXPECT_EQ(at("sign", {-3, 0, 5}), (Values{-1, 0, 1}));
  EXPECT_EQ(at("square", {-3, 0.5f}), (Values{9, 0.25f}));
  EXPECT_EQ(at("sqrt", {9, 0.25f}), (Values{3, 0.5f}));
  EXPECT_EQ(at("exp2", {3, -1}), (Values{8, 0.5f}));
}

TEST(MilUnary, Functions) {
  const auto at = [](const char* type, float x) { return result(type, {{"x", Fed{{1}, {x}}}}, {1}); };
  const double pi = std::acos(-1.0);
  expect_near(at("exp", 1), {2.718281828});
  expect_near(at("sin", static_cast<float>(pi / 6)), {0.5});
  expect_near(at("cos", static_cast<float>(pi / 3)), {0.5});
  expect_near(at("tan", static_cast<float>(pi / 4)), {1});
  expect_near(at("asin", 0.5f), {pi / 6});
  expect_near(at("acos", 0.5f), {pi / 3});
  expect_near(at("atan", 1), {pi / 4});
  expect_near(at("sinh", 1), {1.175201194});
  expect_near(at("cosh", 1), {1.543080635});
  expect_near(at("atanh", 0.5f), {0.5 * std::log(3.0)});
  expect_near(at("erf", 1), {0.842700793});
  expect_near(at("tanh", 1), {0.761594156});
}

// Defaults from the operators' documentation; where x is fp16 they are, too, and 1e-12 becomes 0.
TEST(MilUnary, SafetyTerms) {
  const auto at = [](const char* type, float x, DataType element) {
    return result(type, {{"x", Fed{{1}, {x}, element}}}, {1}, element)[0];
  };
  EXPECT_FLOAT_EQ(at("inverse", 0, DataType::Float32), 1e4f);
  EXPECT_FLOAT_EQ(at("inverse", 0, DataType::Float16), 1 / round_to_half(1e-4f));
  EXPECT_FLOAT_EQ(at("rsqrt", 0, DataType::Float32), 1e6f);
  EXPECT_TRUE(std::isinf(at("rsqrt", 0, DataType::Float16)));
  EXPECT_FLOAT_EQ(at("rsqrt", 4, DataType::Float32), 0.5f);
  EXPECT_NEAR(at("log", 0, DataType::Float32), std::log(std::numeric_limits<float>::denorm_min()), 1e-4);
  EXPECT_TRUE(std::isinf(at("log", 0, DataType::Float16)));
  const auto with = [](const char* type, float x, double epsilon) {
    return result(type, {{"x", Fed{{1}, {x}, DataType::Float16}}, {"epsilon", mil_number(epsilon)}}, {1},
                  DataType::Float16)[0];
  };
  EXPECT_FLOAT_EQ(with("inverse", 1, 1), 0.5f);
  EXPECT_FLOAT_EQ(with("rsqrt", 3, 1), 0.5f);
  EXPECT_FLOAT_EQ(with("log", 0, 1), 0.0f);
}

TEST(MilUnary, Limits) {
  const Fed x{{3}, {-5, 0.5f, 5}};
  EXPECT_EQ(result("clip", {{"x", x}, {"alpha", mil_number(-1)}, {"beta", mil_number(2)}}, {3}),
            (Values{-1, 0.5f, 2}));
  EXPECT_EQ(result("threshold", {{"x", x}, {"alpha", mil_number(1)}}, {3}), (Values{1, 1, 5}));
  EXPECT_EQ(result("identity", {{"x", x}}, {3}), x.values);
}

TEST(MilCast, CutsOffFractionsAndKeepsTruth) {
  const Fed x{{4}, {-1.75f, 0, 0.5f, 2.5f}};
  EXPECT_EQ(result("cast", {{"x", x}, {"dtype", mil_text("int32")}}, {4}, DataType::Int32),
            (Values{-1, 0, 0, 2}));
  EXPECT_EQ(result("cast", {{"x", x}, {"dtype", mil_text("bool")}}, {4}, DataType::Bool),
            (Values{1, 0, 1, 1}));
  EXPECT_EQ(result("cast", {{"x", x}, {"dtype", mil_text("fp16")}}, {4}, DataType::Float16), x.values);
  EXPECT_EQ(result("cast", {{"x", Fed{{2}, {0, 1}, DataType::Bool}}, {"dtype", mil_text("fp32")}}, {2}),
            (Values{0, 1}));
}

TEST(MilSelect, BroadcastsAllThree) {
  EXPECT_EQ(
      result("select",
             {{"cond", Fed{{2, 1}, {1, 0}, DataType::Bool}}, {"a", Fed{{3}, {1, 2, 3}}}, {"b", Fed{{}, {9}}}},
             {2, 3}),
      (Values{1, 2, 3, 9, 9, 9}));
}

TEST(BadMilElementwise, ShapesAndTypes) {
  expect_refusal("[2] and [3] do not match", "add", {{"x", Fed{{2}, {1, 2}}}, {"y", Fed{{3}, {1, 2, 3}}}},
                 {3});
  const Fed x{{1}, {300}};
  expect_refusal("dtype complex is not known", "cast", {{"x", x}, {"dtype", mil_text("complex")}}, {1});
  expect_refusal("dtype string is not known", "cast", {{"x", x}, {"dtype", mil_text("string")}}, {1});
  expect_refusal("holds 300", "cast", {{"x", x}, {"dtype", mil_text("int8")}}, {1}, DataType::Int8);
  expect_refusal("holds inf", "cast", {{"x", Fed{{1}, {HUGE_VALF}}}, {"dtype", mil_text("int32")}}, {1},
                 DataType::Int32);
  expect_refusal("holds nan", "cast", {{"x", Fed{{1}, {NAN}}}, {"dtype", mil_text("int32")}}, {1},
                 DataType::Int32);
}

}  // namespace
}  // namespace ane::reference
