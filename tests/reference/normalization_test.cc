// Normalisations, reductions and softmax against sums written out in double.

#include "run.h"

namespace ane::reference {
namespace {

TEST(Batchnorm, StatisticsAsParameters) {
  ModelBuilder model;
  model.array_input("x", {2, 1, 2});
  model.batchnorm("y", "x", {2, 3}, {1, -1}, {0.5f, -2}, {4, 0.25f});
  model.array_output("y");
  const auto y = run(model, {{"x", {0.5f, 4.5f, -2, 0}}}).at("y").data;
  const double wide = std::sqrt(4 + 1e-5), narrow = std::sqrt(0.25 + 1e-5);
  expect_near(y, {1, 1 + 2 * 4 / wide, -1, -1 + 3 * 2 / narrow});
}

TEST(Batchnorm, StatisticsOfTheData) {
  const auto batchnorm = [](bool instance) {
    return [=](Layer& layer) {
      auto& params = *layer.mutable_batchnorm();
      params.set_channels(1);
      params.set_computemeanvar(true);
      params.set_instancenormalization(instance);
      params.set_epsilon(1);
      test::set_floats(params.mutable_gamma(), {2});
      test::set_floats(params.mutable_beta(), {10});
    };
  };
  // Two images: {1, 3} with mean 2 and variance 1, {5, 7} with 6 and 1; together mean 4 and variance 5.
  const Given x = {{2, 1, 1, 2}, {1, 3, 5, 7}};
  const double r = std::sqrt(2.0), s = std::sqrt(6.0);
  expect_near(exact({x}, batchnorm(true)).data, {10 - 2 / r, 10 + 2 / r, 10 - 2 / r, 10 + 2 / r});
  expect_near(exact({x}, batchnorm(false)).data, {10 - 6 / s, 10 - 2 / s, 10 + 2 / s, 10 + 6 / s});
}

TEST(Mvn, OverPlanesOrAllChannels) {
  const Given x = {{2, 1, 2}, {1, 3, 10, 30}};
  const auto mvn = [](bool across, bool variance) {
    return [=](Layer& layer) {
      layer.mutable_mvn()->set_acrosschannels(across);
      layer.mutable_mvn()->set_normalizevariance(variance);
    };
  };
  expect_near(rank5({x}, mvn(false, false)).data, {-1, 1, -10, 10});
  expect_near(rank5({x}, mvn(true, false)).data, {-10, -8, -1, 19});
  expect_near(rank5({x}, mvn(false, true)).data, {-1, 1, -1, 1});
  const double deviation = std::sqrt((100 + 64 + 1 + 361) / 4.0);
  expect_near(rank5({x}, mvn(true, true)).data,
              {-10 / deviation, -8 / deviation, -1 / deviation, 19 / deviation});
}

TEST(L2Normalize, WholeImage) {
  expect_near(
      rank5({{{2, 1, 2}, {1, 1, 1, 1}}}, [](Layer& l) { l.mutable_l2normalize()->set_epsilon(12); }).data,
      {0.25, 0.25, 0.25, 0.25});
  expect_near(rank5({{{2}, {3, 4}}}, [](Layer& l) { l.mutable_l2normalize(); }).data, {0.6, 0.8});
}

TEST(Lrn, WindowOfChannelsClippedAtTheEnds) {
  const Tensor y = rank5({{{4}, {1, 2, 3, 4}}}, [](Layer& layer) {
    layer.mutable_lrn()->set_alpha(3);
    layer.mutable_lrn()->set_beta(0.5f);
    layer.mutable_lrn()->set_localsize(3);
    layer.mutable_lrn()->set_k(2);
  });
  expect_near(y.data, {1 / std::sqrt(2 + 5.0), 2 / std::sqrt(2 + 14.0), 3 / std::sqrt(2 + 29.0),
                       4 / std::sqrt(2 + 25.0)});
}

TEST(Softmax, AlongChannelsWithoutOverflow) {
  const Given x = {{2, 1, 2}, {1000, 0, 1000, 1}};
  const double e = std::exp(1.0);
  expect_near(rank5({x}, [](Layer& l) { l.mutable_softmax(); }).data, {0.5, 1 / (1 + e), 0.5, e / (1 + e)});
  const Given y = {{2, 2}, {0, std::log(3.0f), 0, 0}};
  expect_near(exact({y}, [](Layer& l) { l.mutable_softmaxnd()->set_axis(-1); }).data, {0.25, 0.75, 0.5, 0.5});
  expect_near(exact({y}, [](Layer& l) { l.mutable_softmaxnd()->set_axis(0); }).data, {0.5, 0.75, 0.5, 0.25});
}

TEST(LayerNormalization, TrailingAxes) {
  const Tensor y = exact({{{2, 2}, {1, 3, -10, 10}}}, [](Layer& layer) {
    auto& params = *layer.mutable_layernormalization();
    params.add_normalizedshape(2);
    params.set_eps(3);
    test::set_floats(params.mutable_gamma(), {2, 4});
    test::set_floats(params.mutable_beta(), {100, 200});
  });
  const double r = std::sqrt(103.0);
  expect_near(y.data, {99, 202, 100 - 20 / r, 200 + 40 / r});
}

using Reduce = coreml::spec::ReduceLayerParams;

Tensor reduce(Reduce::ReduceOperation mode, Reduce::ReduceAxis axis) {
  return rank5({{{2, 2, 2}, {1, -2, 3, 4, 5, 6, -7, 8}}}, [=](Layer& layer) {
    layer.mutable_reduce()->set_mode(mode);
    layer.mutable_reduce()->set_axis(axis);
  });
}

TEST(Reduce, Axes) {
  EXPECT_EQ(reduce(Reduce::SUM, Reduce::CHW).data, (Values{18}));
  EXPECT_EQ(reduce(Reduce::SUM, Reduce::HW).data, (Values{6, 12}));
  EXPECT_EQ(reduce(Reduce::SUM, Reduce::C).data, (Values{6, 4, -4, 12}));
  EXPECT_EQ(reduce(Reduce::SUM, Reduce::H).data, (Values{4, 2, -2, 14}));
  EXPECT_EQ(reduce(Reduce::SUM, Reduce::W).data, (Values{-1, 7, 11, 1}));
  EXPECT_EQ(reduce(Reduce::SUM, Reduce::H).shape, (coreml::Shape{1, 1, 2, 1, 2}));
}

TEST(Reduce, Modes) {
  EXPECT_EQ(reduce(Reduce::AVG, Reduce::HW).data, (Values{1.5f, 3}));
  EXPECT_EQ(reduce(Reduce::PROD, Reduce::HW).data, (Values{-24, -1680}));
  EXPECT_EQ(reduce(Reduce::SUMSQUARE, Reduce::HW).data, (Values{30, 174}));
  EXPECT_EQ(reduce(Reduce::L1, Reduce::HW).data, (Values{10, 26}));
  expect_near(reduce(Reduce::L2, Reduce::HW).data, {std::sqrt(30.0), std::sqrt(174.0)});
  EXPECT_EQ(reduce(Reduce::MAX, Reduce::HW).data, (Values{4, 8}));
  EXPECT_EQ(reduce(Reduce::MIN, Reduce::HW).data, (Values{-2, -7}));
  EXPECT_EQ(reduce(Reduce::ARGMAX, Reduce::C).data, (Values{1, 1, 0, 1}));
  EXPECT_EQ(reduce(Reduce::ARGMAX, Reduce::W).data, (Values{0, 1, 1, 1}));
  const Tensor logarithms = rank5({{{2}, {0, 9}}}, [](Layer& layer) {
    layer.mutable_reduce()->set_mode(Reduce::LOGSUM);
    layer.mutable_reduce()->set_axis(Reduce::C);
    layer.mutable_reduce()->set_epsilon(1);
  });
  expect_near(logarithms.data, {std::log(10.0)});
}

TEST(ReduceNd, AxesAndRanks) {
  const Given x = {{2, 3}, {1, 2, 3, 4, 5, 6}};
  const auto sum = [](std::vector<int64_t> axes, bool keep, bool all) {
    return [=](Layer& layer) {
      layer.mutable_reducesum()->mutable_axes()->Add(axes.begin(), axes.end());
      layer.mutable_reducesum()->set_keepdims(keep);
      layer.mutable_reducesum()->set_reduceall(all);
    };
  };
  EXPECT_EQ(exact({x}, sum({-1}, false, false)).shape, (coreml::Shape{2}));
  EXPECT_EQ(exact({x}, sum({-1}, false, false)).data, (Values{6, 15}));
  EXPECT_EQ(exact({x}, sum({0}, true, false)).shape, (coreml::Shape{1, 3}));
  EXPECT_EQ(exact({x}, sum({0}, true, false)).data, (Values{5, 7, 9}));
  EXPECT_EQ(exact({x}, sum({}, true, true)).data, (Values{21}));
}

TEST(ReduceNd, Functions) {
  const Given x = {{1, 2}, {3, -4}}, positive = {{1, 2}, {1, 4}}, large = {{1, 2}, {1000, 1000}};
  const auto over_last = [](auto* params) { params->add_axes(-1); };
  EXPECT_EQ(exact({x}, [&](Layer& l) { over_last(l.mutable_reducel1()); }).data, (Values{7}));
  EXPECT_EQ(exact({x}, [&](Layer& l) { over_last(l.mutable_reducel2()); }).data, (Values{5}));
  EXPECT_EQ(exact({x}, [&](Layer& l) { over_last(l.mutable_reducemax()); }).data, (Values{3}));
  EXPECT_EQ(exact({x}, [&](Layer& l) { over_last(l.mutable_reducemin()); }).data, (Values{-4}));
  EXPECT_EQ(exact({x}, [&](Layer& l) { over_last(l.mutable_reduceprod()); }).data, (Values{-12}));
  EXPECT_EQ(exact({x}, [&](Layer& l) { over_last(l.mutable_reducemean()); }).data, (Values{-0.5f}));
  EXPECT_EQ(exact({x}, [&](Layer& l) { over_last(l.mutable_reducesumsquare()); }).data, (Values{25}));
  expect_near(exact({positive}, [&](Layer& l) { over_last(l.mutable_reducelogsum()); }).data,
              {std::log(5.0)});
  expect_near(exact({large}, [&](Layer& l) { over_last(l.mutable_reducelogsumexp()); }).data,
              {1000 + std::log(2.0)});
}

TEST(ReduceNd, IndicesOfExtremes) {
  const Given x = {{2, 3}, {1, 5, 5, 4, 0, 2}};
  const auto best = [](auto* params, bool drop) {
    params->set_axis(1);
    params->set_removedim(drop);
  };
  const Tensor largest = exact({x}, [&](Layer& l) { best(l.mutable_argmax(), true); });
  EXPECT_EQ(largest.shape, (coreml::Shape{2}));
  EXPECT_EQ(largest.data, (Values{1, 0}));
  const Tensor smallest = exact({x}, [&](Layer& l) { best(l.mutable_argmin(), false); });
  EXPECT_EQ(smallest.shape, (coreml::Shape{2, 1}));
  EXPECT_EQ(smallest.data, (Values{0, 1}));
}

}  // namespace
}  // namespace ane::reference
