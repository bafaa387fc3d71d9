// Functions of one element at points where their values are known.

#include "run.h"

namespace ane::reference {
namespace {

using Activation = coreml::spec::ActivationParams;
using Unary = coreml::spec::UnaryFunctionLayerParams;

// The function at -2, 0 and 1.
std::vector<float> activate(const std::function<void(Activation&)>& set) {
  return rank5({{{3}, {-2, 0, 1}}}, [&](Layer& layer) { set(*layer.mutable_activation()); }).data;
}

constexpr double e = 2.718281828459045;

TEST(Activation, WithoutParameters) {
  EXPECT_EQ(activate([](Activation& a) { a.mutable_relu(); }), (Values{0, 0, 1}));
  expect_near(activate([](Activation& a) { a.mutable_tanh(); }),
              {-0.9640275800758169, 0, 0.7615941559557649});
  expect_near(activate([](Activation& a) { a.mutable_sigmoid(); }), {1 / (1 + e * e), 0.5, e / (1 + e)});
  expect_near(activate([](Activation& a) { a.mutable_softsign(); }), {-2.0 / 3, 0, 0.5});
  expect_near(activate([](Activation& a) { a.mutable_softplus(); }),
              {std::log(1 + 1 / (e * e)), std::log(2.0), std::log(1 + e)});
}

TEST(Activation, WithScalarParameters) {
  const auto with = [](auto& params, float alpha) { params.set_alpha(alpha); };
  const auto with_both = [](auto& params, float alpha, float beta) {
    params.set_alpha(alpha);
    params.set_beta(beta);
  };
  EXPECT_EQ(activate([&](Activation& a) { with_both(*a.mutable_linear(), 3, 0.5f); }),
            (Values{-5.5f, 0.5f, 3.5f}));
  EXPECT_EQ(activate([&](Activation& a) { with(*a.mutable_leakyrelu(), 0.25f); }), (Values{-0.5f, 0, 1}));
  EXPECT_EQ(activate([&](Activation& a) { with(*a.mutable_thresholdedrelu(), 1); }), (Values{0, 0, 1}));
  EXPECT_EQ(activate([&](Activation& a) { with(*a.mutable_thresholdedrelu(), -2); }), (Values{-2, 0, 1}));
  expect_near(activate([&](Activation& a) { with_both(*a.mutable_scaledtanh(), 2, 0.5f); }),
              {-2 * 0.7615941559557649, 0, 2 * 0.46211715726000973});
  EXPECT_EQ(activate([&](Activation& a) { with_both(*a.mutable_sigmoidhard(), 0.75f, 0.5f); }),
            (Values{0, 0.5f, 1}));
  expect_near(activate([&](Activation& a) { with(*a.mutable_elu(), 2); }), {2 * (1 / (e * e) - 1), 0, 1});
}

TEST(Activation, WithParametersPerChannel) {
  const Given x = {{2, 1, 2}, {-4, 4, -4, 4}};
  const auto prelu = [&](const Values& alpha) {
    return rank5({x},
                 [&](Layer& l) {
                   test::set_floats(l.mutable_activation()->mutable_prelu()->mutable_alpha(), alpha);
                 })
        .data;
  };
  EXPECT_EQ(prelu({0.5f, 0.25f}), (Values{-2, 4, -1, 4}));
  EXPECT_EQ(prelu({0.5f}), (Values{-2, 4, -2, 4}));
  const Tensor y = rank5({{{2}, {1, 1}}}, [](Layer& layer) {
    auto* params = layer.mutable_activation()->mutable_parametricsoftplus();
    test::set_floats(params->mutable_alpha(), {2, 3});
    test::set_floats(params->mutable_beta(), {1, 0});
  });
  expect_near(y.data, {2 * std::log(1 + e), 3 * std::log(2.0)});
}

TEST(Activation, ExtremesDoNotOverflow) {
  const Given x = {{2}, {-1000, 1000}};
  const auto run_one = [&](const std::function<void(Activation&)>& set) {
    return rank5({x}, [&](Layer& layer) { set(*layer.mutable_activation()); }).data;
  };
  EXPECT_EQ(run_one([](Activation& a) { a.mutable_sigmoid(); }), (Values{0, 1}));
  EXPECT_EQ(run_one([](Activation& a) { a.mutable_softplus(); }), (Values{0, 1000}));
}

std::vector<float> unary(Unary::Operation type, const Values& x, float alpha = 0, float scale = 0,
                         float shift = 0, float epsilon = 0) {
  return rank5({{{static_cast<int64_t>(x.size())}, x}},
               [&](Layer& layer) {
                 Unary& params = *layer.mutable_unary();
                 params.set_type(type);
                 params.set_alpha(alpha);
                 params.set_scale(scale);
                 params.set_shift(shift);
                 params.set_epsilon(epsilon);
               })
      .data;
}

TEST(Unary, Operations) {
  EXPECT_EQ(unary(Unary::SQRT, {4, 9}), (Values{2, 3}));
  expect_near(unary(Unary::RSQRT, {4, 0}), {0.5, 1000});  // the default epsilon is 1e-6
  expect_near(unary(Unary::INVERSE, {4, 0}, 0, 0, 0, 0.5f), {1 / 4.5, 2});
  expect_near(unary(Unary::POWER, {2, 4}, 1.5f), {std::sqrt(8.0), 8});
  expect_near(unary(Unary::EXP, {0, 1}), {1, e});
  expect_near(unary(Unary::LOG, {1, 10}), {0, 2.302585092994046});
  EXPECT_EQ(unary(Unary::ABS, {-3, 3}), (Values{3, 3}));
  EXPECT_EQ(unary(Unary::THRESHOLD, {-3, 3}, 1), (Values{1, 3}));
}

TEST(Unary, ScaleAndShiftComeFirst) {
  EXPECT_EQ(unary(Unary::SQRT, {4}, 0, 2, 1), (Values{3}));
  EXPECT_EQ(unary(Unary::THRESHOLD, {4}, -100, -1, 1), (Values{-3}));
}

TEST(Functions, OfSpecificationFour) {
  const auto at = [](float x, const std::function<void(Layer&)>& set) {
    return double{exact({{{1}, {x}}}, set).data[0]};
  };
  EXPECT_EQ(at(-1.5f, [](Layer& l) { l.mutable_ceil(); }), -1);
  EXPECT_EQ(at(-1.5f, [](Layer& l) { l.mutable_floor(); }), -2);
  EXPECT_EQ(at(-1.5f, [](Layer& l) { l.mutable_sign(); }), -1);
  EXPECT_EQ(at(2.5f, [](Layer& l) { l.mutable_round(); }), 2);
  EXPECT_EQ(at(3, [](Layer& l) { l.mutable_exp2(); }), 8);
  EXPECT_NEAR(at(1, [](Layer& l) { l.mutable_sin(); }), 0.8414709848078965, 1e-6);
  EXPECT_NEAR(at(1, [](Layer& l) { l.mutable_cos(); }), 0.5403023058681398, 1e-6);
  EXPECT_NEAR(at(1, [](Layer& l) { l.mutable_tan(); }), 1.5574077246549023, 1e-6);
  EXPECT_NEAR(at(0.5f, [](Layer& l) { l.mutable_asin(); }), 0.5235987755982989, 1e-6);
  EXPECT_NEAR(at(0.5f, [](Layer& l) { l.mutable_acos(); }), 1.0471975511965979, 1e-6);
  EXPECT_NEAR(at(1, [](Layer& l) { l.mutable_atan(); }), 0.7853981633974483, 1e-6);
  EXPECT_NEAR(at(1, [](Layer& l) { l.mutable_sinh(); }), (e - 1 / e) / 2, 1e-6);
  EXPECT_NEAR(at(1, [](Layer& l) { l.mutable_cosh(); }), (e + 1 / e) / 2, 1e-6);
  EXPECT_NEAR(at(1, [](Layer& l) { l.mutable_tanh(); }), (e * e - 1) / (e * e + 1), 1e-6);
  EXPECT_NEAR(at(1, [](Layer& l) { l.mutable_asinh(); }), std::log(1 + std::sqrt(2.0)), 1e-6);
  EXPECT_NEAR(at(2, [](Layer& l) { l.mutable_acosh(); }), std::log(2 + std::sqrt(3.0)), 1e-6);
  EXPECT_NEAR(at(0.5f, [](Layer& l) { l.mutable_atanh(); }), 0.5 * std::log(3.0), 1e-6);
  EXPECT_NEAR(at(1, [](Layer& l) { l.mutable_erf(); }), 0.8427007929497149, 1e-6);
  EXPECT_EQ(at(3, [](Layer& l) { l.mutable_logicalnot(); }), 0);
  EXPECT_EQ(at(0, [](Layer& l) { l.mutable_logicalnot(); }), 1);
}

TEST(Functions, Gelu) {
  using Gelu = coreml::spec::GeluLayerParams;
  const auto at_one = [](Gelu::GeluMode mode) {
    return double{exact({{{1}, {1}}}, [=](Layer& l) { l.mutable_gelu()->set_mode(mode); }).data[0]};
  };
  // The normal distribution function at 1; its approximations are known to be off in the fourth and second
  // decimal.
  EXPECT_NEAR(at_one(Gelu::EXACT), 0.8413447460685429, 1e-6);
  EXPECT_NEAR(at_one(Gelu::TANH_APPROXIMATION), 0.8411919906082768, 1e-6);
  EXPECT_NEAR(at_one(Gelu::SIGMOID_APPROXIMATION), 1 / (1 + std::exp(-1.702)), 1e-6);
}

TEST(Functions, Clamps) {
  const Given x = {{4}, {-2, -0.5f, 0.5f, 2}};
  EXPECT_EQ(exact({x},
                  [](Layer& l) {
                    l.mutable_clip()->set_minval(-1);
                    l.mutable_clip()->set_maxval(1);
                  })
                .data,
            (Values{-1, -0.5f, 0.5f, 1}));
  EXPECT_EQ(exact({x},
                  [](Layer& l) {
                    l.mutable_clampedrelu()->set_alpha(2);
                    l.mutable_clampedrelu()->set_beta(1);
                  })
                .data,
            (Values{-4, -1, 0.5f, 1}));
}

}  // namespace
}  // namespace ane::reference
