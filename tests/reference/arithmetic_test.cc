// Elementwise layers of several operands, products by matrices and the rules of broadcasting, with numbers
// that can be checked in one's head.

#include "run.h"

#include "base/error.h"

namespace ane::reference {
namespace {

const Given two_by_two = {{2, 1, 2}, {1, 2, 3, 4}};  // C = 2, W = 2

TEST(Arithmetic, OneInputTakesAlpha) {
  EXPECT_EQ(rank5({two_by_two}, [](Layer& l) { l.mutable_add()->set_alpha(10); }).data,
            (Values{11, 12, 13, 14}));
  EXPECT_EQ(rank5({two_by_two}, [](Layer& l) { l.mutable_multiply()->set_alpha(10); }).data,
            (Values{10, 20, 30, 40}));
}

TEST(Arithmetic, ManyInputs) {
  const Given b = {{2, 1, 2}, {4, 3, 2, 1}}, c = {{2, 1, 2}, {1, 1, 2, 2}};
  // With several inputs alpha has no meaning.
  EXPECT_EQ(rank5({two_by_two, b, c}, [](Layer& l) { l.mutable_add()->set_alpha(10); }).data,
            (Values{6, 6, 7, 7}));
  EXPECT_EQ(rank5({two_by_two, b, c}, [](Layer& l) { l.mutable_multiply(); }).data, (Values{4, 6, 12, 8}));
  EXPECT_EQ(rank5({two_by_two, b, c}, [](Layer& l) { l.mutable_max(); }).data, (Values{4, 3, 3, 4}));
  EXPECT_EQ(rank5({two_by_two, b, c}, [](Layer& l) { l.mutable_min(); }).data, (Values{1, 1, 2, 1}));
  expect_near(rank5({two_by_two, b, c}, [](Layer& l) { l.mutable_average(); }).data,
              {2, 2, 7.0 / 3, 7.0 / 3});
}

TEST(Arithmetic, BroadcastsChannelsAndPlanesEitherWay) {
  const auto add = [](Layer& l) { l.mutable_add(); };
  EXPECT_EQ(rank5({two_by_two, {{1}, {10}}}, add).data, (Values{11, 12, 13, 14}));
  EXPECT_EQ(rank5({two_by_two, {{2}, {10, 20}}}, add).data, (Values{11, 12, 23, 24}));
  EXPECT_EQ(rank5({two_by_two, {{1, 1, 2}, {10, 20}}}, add).data, (Values{11, 22, 13, 24}));
  EXPECT_EQ(rank5({{{2}, {10, 20}}, {{1, 1, 2}, {1, 2}}}, add).data, (Values{11, 12, 21, 22}));
}

TEST(Arithmetic, ScaleAndBiasOfEveryShape) {
  const auto scale = [](const std::vector<uint64_t>& shape, const Values& values) {
    return [=](Layer& layer) {
      layer.mutable_scale()->mutable_shapescale()->Add(shape.begin(), shape.end());
      test::set_floats(layer.mutable_scale()->mutable_scale(), values);
    };
  };
  EXPECT_EQ(rank5({two_by_two}, scale({1}, {2})).data, (Values{2, 4, 6, 8}));
  EXPECT_EQ(rank5({two_by_two}, scale({2}, {2, 3})).data, (Values{2, 4, 9, 12}));
  EXPECT_EQ(rank5({two_by_two}, scale({1, 1, 2}, {2, 3})).data, (Values{2, 6, 6, 12}));
  EXPECT_EQ(rank5({two_by_two}, scale({2, 1, 2}, {2, 3, 4, 5})).data, (Values{2, 6, 12, 20}));
  const auto with_bias = [&](Layer& layer) {
    scale({2}, {2, 3})(layer);
    layer.mutable_scale()->set_hasbias(true);
    layer.mutable_scale()->add_shapebias(1);
    test::set_floats(layer.mutable_scale()->mutable_bias(), {100});
  };
  EXPECT_EQ(rank5({two_by_two}, with_bias).data, (Values{102, 104, 109, 112}));
  const auto bias = [](Layer& layer) {
    layer.mutable_bias()->add_shape(2);
    test::set_floats(layer.mutable_bias()->mutable_bias(), {10, 20});
  };
  EXPECT_EQ(rank5({two_by_two}, bias).data, (Values{11, 12, 23, 24}));
}

TEST(Arithmetic, DotOverChannels) {
  const Given b = {{2, 1, 2}, {1, 0, 1, 2}};
  EXPECT_EQ(rank5({two_by_two, b}, [](Layer& l) { l.mutable_dot(); }).data, (Values{4, 8}));
  expect_near(rank5({two_by_two, b}, [](Layer& l) { l.mutable_dot()->set_cosinesimilarity(true); }).data,
              {4 / std::sqrt(10.0 * 2), 8 / std::sqrt(20.0 * 4)});
}

TEST(Broadcastable, Operations) {
  const Given a = {{2, 1}, {-7, 7}}, b = {{2}, {2, -2}};  // together [2, 2]
  const auto with = [&](const std::function<void(Layer&)>& set) { return exact({a, b}, set).data; };
  EXPECT_EQ(with([](Layer& l) { l.mutable_addbroadcastable(); }), (Values{-5, -9, 9, 5}));
  EXPECT_EQ(with([](Layer& l) { l.mutable_subtractbroadcastable(); }), (Values{-9, -5, 5, 9}));
  EXPECT_EQ(with([](Layer& l) { l.mutable_multiplybroadcastable(); }), (Values{-14, 14, 14, -14}));
  EXPECT_EQ(with([](Layer& l) { l.mutable_dividebroadcastable(); }), (Values{-3.5f, 3.5f, 3.5f, -3.5f}));
  EXPECT_EQ(with([](Layer& l) { l.mutable_floordivbroadcastable(); }), (Values{-4, 3, 3, -4}));
  EXPECT_EQ(with([](Layer& l) { l.mutable_modbroadcastable(); }), (Values{1, -1, 1, -1}));
  EXPECT_EQ(with([](Layer& l) { l.mutable_maxbroadcastable(); }), (Values{2, -2, 7, 7}));
  EXPECT_EQ(with([](Layer& l) { l.mutable_minbroadcastable(); }), (Values{-7, -7, 2, -2}));
  expect_near(with([](Layer& l) { l.mutable_powbroadcastable(); }), {49, 1.0 / 49, 49, 1.0 / 49});
}

TEST(Broadcastable, Comparisons) {
  const Given a = {{3}, {1, 2, 3}}, b = {{1}, {2}};
  const auto with = [&](const std::function<void(Layer&)>& set) { return exact({a, b}, set).data; };
  EXPECT_EQ(with([](Layer& l) { l.mutable_equal(); }), (Values{0, 1, 0}));
  EXPECT_EQ(with([](Layer& l) { l.mutable_notequal(); }), (Values{1, 0, 1}));
  EXPECT_EQ(with([](Layer& l) { l.mutable_lessthan(); }), (Values{1, 0, 0}));
  EXPECT_EQ(with([](Layer& l) { l.mutable_lessequal(); }), (Values{1, 1, 0}));
  EXPECT_EQ(with([](Layer& l) { l.mutable_greaterthan(); }), (Values{0, 0, 1}));
  EXPECT_EQ(with([](Layer& l) { l.mutable_greaterequal(); }), (Values{0, 1, 1}));
  EXPECT_EQ(exact({a}, [](Layer& l) { l.mutable_lessthan()->set_alpha(3); }).data, (Values{1, 1, 0}));
}

TEST(Broadcastable, Logic) {
  const Given a = {{4}, {0, 0, 5, 5}}, b = {{4}, {0, -1, 0, 2}};
  const auto with = [&](const std::function<void(Layer&)>& set) { return exact({a, b}, set).data; };
  EXPECT_EQ(with([](Layer& l) { l.mutable_logicaland(); }), (Values{0, 0, 0, 1}));
  EXPECT_EQ(with([](Layer& l) { l.mutable_logicalor(); }), (Values{0, 1, 1, 1}));
  EXPECT_EQ(with([](Layer& l) { l.mutable_logicalxor(); }), (Values{0, 1, 1, 0}));
  const Given yes = {{1}, {7}};
  EXPECT_EQ(exact({b, yes, a}, [](Layer& l) { l.mutable_wherebroadcastable(); }).data, (Values{0, 7, 5, 7}));
}

std::function<void(Layer&)> inner_product(uint64_t in, uint64_t out, const Values& weights,
                                          const Values& bias) {
  return [=](Layer& layer) {
    auto& params = *layer.mutable_innerproduct();
    params.set_inputchannels(in);
    params.set_outputchannels(out);
    params.set_hasbias(!bias.empty());
    test::set_floats(params.mutable_weights(), weights);
    if (!bias.empty()) test::set_floats(params.mutable_bias(), bias);
  };
}

TEST(InnerProduct, OneVectorInChannelRowColumnOrder) {
  const Tensor y =
      rank5({{{2, 1, 2}, {1, 2, 3, 4}}}, inner_product(4, 2, {1, 0, 0, 0, 1000, 100, 10, 1}, {0.5f, 0.25f}));
  EXPECT_EQ(y.shape, (coreml::Shape{1, 1, 2, 1, 1}));
  EXPECT_EQ(y.data, (Values{1.5f, 1234.25f}));
}

TEST(InnerProduct, RanksOneToThreeKeepTheirAxes) {
  const auto layer = inner_product(2, 1, {10, 1}, {});
  EXPECT_EQ(exact({{{2}, {1, 2}}}, layer).shape, (coreml::Shape{1}));
  const Tensor y = exact({{{2, 1, 2}, {1, 2, 3, 4}}}, layer);
  EXPECT_EQ(y.shape, (coreml::Shape{2, 1, 1}));
  EXPECT_EQ(y.data, (Values{12, 34}));
}

TEST(InnerProduct, LargeMatricesAgreeWithTheSum) {
  // Both ways of sharing the work among threads: more outputs than vectors, and the reverse.
  for (const auto& [rows, in, out] : {std::tuple<int64_t, int64_t, int64_t>{1, 500, 3000}, {3000, 100, 20}}) {
    const Values x = pattern(rows * in), weights = pattern(in * out, 9);
    const Tensor y = exact({{{rows, in}, x}},
                           inner_product(static_cast<uint64_t>(in), static_cast<uint64_t>(out), weights, {}));
    std::vector<double> expected;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t o = 0; o < out; ++o) {
        double sum = 0;
        for (int64_t i = 0; i < in; ++i) sum += double{x[r * in + i]} * weights[o * in + i];
        expected.push_back(sum);
      }
    }
    expect_near(y.data, expected, 1e-4);
  }
}

TEST(Embedding, TakesColumns) {
  const auto set = [](auto& params) {
    params.set_hasbias(true);
    test::set_floats(params.mutable_weights(), {1, 2, 3, 10, 20, 30});
    test::set_floats(params.mutable_bias(), {0.5f, 0.25f});
  };
  const auto embedding = [&](Layer& layer) {
    layer.mutable_embedding()->set_inputdim(3);
    layer.mutable_embedding()->set_outputchannels(2);
    set(*layer.mutable_embedding());
  };
  EXPECT_EQ(rank5({{{1}, {2}}}, embedding).data, (Values{3.5f, 30.25f}));
  EXPECT_THROW(rank5({{{1}, {3}}}, embedding), Error);
  EXPECT_THROW(rank5({{{1}, {-1}}}, embedding), Error);
  EXPECT_THROW(rank5({{{1}, {NAN}}}, embedding), Error);
  const auto embedding_nd = [&](Layer& layer) {
    layer.mutable_embeddingnd()->set_vocabsize(3);
    layer.mutable_embeddingnd()->set_embeddingsize(2);
    set(*layer.mutable_embeddingnd());
  };
  const Tensor y = exact({{{2, 1}, {0, 1}}}, embedding_nd);
  EXPECT_EQ(y.shape, (coreml::Shape{2, 2}));
  EXPECT_EQ(y.data, (Values{1.5f, 10.25f, 2.5f, 20.25f}));
}

TEST(BatchedMatmul, TwoInputs) {
  const Given a = {{2, 2}, {1, 2, 3, 4}}, b = {{2, 2}, {5, 6, 7, 8}};
  const auto with = [&](bool transpose_a, bool transpose_b) {
    return exact({a, b},
                 [=](Layer& l) {
                   l.mutable_batchedmatmul()->set_transposea(transpose_a);
                   l.mutable_batchedmatmul()->set_transposeb(transpose_b);
                 })
        .data;
  };
  EXPECT_EQ(with(false, false), (Values{19, 22, 43, 50}));
  EXPECT_EQ(with(true, false), (Values{26, 30, 38, 44}));
  EXPECT_EQ(with(false, true), (Values{17, 23, 39, 53}));
  EXPECT_EQ(with(true, true), (Values{23, 31, 34, 46}));
}

TEST(BatchedMatmul, BatchAxesAreBroadcast) {
  const Tensor y = exact({{{2, 1, 1, 2}, {1, 2, 3, 4}}, {{3, 2, 1}, {1, 0, 0, 1, 1, 1}}},
                         [](Layer& l) { l.mutable_batchedmatmul(); });
  EXPECT_EQ(y.shape, (coreml::Shape{2, 3, 1, 1}));
  EXPECT_EQ(y.data, (Values{1, 2, 3, 3, 4, 7}));
}

TEST(BatchedMatmul, WeightsAreStoredByColumns) {
  // W = [[1, 2, 3], [4, 5, 6]] lies in memory as 1 4, 2 5, 3 6.
  const Tensor y = exact({{{1, 2}, {1, 10}}}, [](Layer& layer) {
    auto& params = *layer.mutable_batchedmatmul();
    params.set_weightmatrixfirstdimension(2);
    params.set_weightmatrixseconddimension(3);
    params.set_hasbias(true);
    test::set_floats(params.mutable_weights(), {1, 4, 2, 5, 3, 6});
    test::set_floats(params.mutable_bias(), {100, 200, 300});
  });
  EXPECT_EQ(y.data, (Values{141, 252, 363}));
}

}  // namespace
}  // namespace ane::reference
