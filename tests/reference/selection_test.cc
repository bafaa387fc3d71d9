// Layers that pick elements by indices, make them, or spread them: small results worked out by hand.
#include "run.h"

namespace ane::reference {
namespace {

Tensor exactly(const std::vector<Given>& inputs, const std::function<void(Layer&)>& set) {
  return run_layer(inputs, set, true).at(0);
}

const Given matrix = {{3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};

TEST(Selection, TopKAndBottomK) {
  const Given x = {{2, 4}, {3, 7, 7, -1, 0, 2, 1, 2}};
  const auto largest = run_layer(
      {x},
      [](Layer& layer) {
        layer.mutable_topk()->set_axis(1);
        layer.mutable_topk()->set_k(2);
      },
      true, 2);
  EXPECT_EQ(largest.at(0).data, (std::vector<float>{7, 7, 2, 2}));
  EXPECT_EQ(largest.at(1).data, (std::vector<float>{1, 2, 1, 3}));
  const auto smallest = run_layer(
      {x},
      [](Layer& layer) {
        layer.mutable_topk()->set_axis(0);
        layer.mutable_topk()->set_k(1);
        layer.mutable_topk()->set_usebottomk(true);
      },
      true, 2);
  EXPECT_EQ(smallest.at(0).data, (std::vector<float>{0, 2, 1, -1}));
  EXPECT_EQ(smallest.at(1).data, (std::vector<float>{1, 1, 1, 0}));
}

TEST(Selection, OneHotAlongAnyAxis) {
  const auto one_hot = [](int64_t axis) {
    return exactly({{{3}, {2, 0, 5}}}, [=](Layer& layer) {
      layer.mutable_onehot()->set_onehotvectorsize(3);
      layer.mutable_onehot()->set_axis(axis);
      layer.mutable_onehot()->set_onvalue(9);
      layer.mutable_onehot()->set_offvalue(1);
    });
  };
  EXPECT_EQ(one_hot(-1).data, (std::vector<float>{1, 1, 9, 9, 1, 1, 1, 1, 1}));
  EXPECT_EQ(one_hot(0).data, (std::vector<float>{1, 9, 1, 1, 1, 1, 9, 1, 1}));
}

TEST(Selection, RunningSums) {
  const auto sums = [](bool exclusive, bool reverse) {
    return exactly({{{2, 3}, {1, 2, 3, 4, 5, 6}}},
                   [=](Layer& layer) {
                     layer.mutable_cumsum()->set_axis(1);
                     layer.mutable_cumsum()->set_excludefinalsum(exclusive);
                     layer.mutable_cumsum()->set_reverse(reverse);
                   })
        .data;
  };
  EXPECT_EQ(sums(false, false), (std::vector<float>{1, 3, 6, 4, 9, 15}));
  EXPECT_EQ(sums(true, false), (std::vector<float>{0, 1, 3, 0, 4, 9}));
  EXPECT_EQ(sums(false, true), (std::vector<float>{6, 5, 3, 15, 11, 6}));
  EXPECT_EQ(sums(true, true), (std::vector<float>{5, 3, 0, 11, 6, 0}));
}

TEST(Selection, PartsOfMatrices) {
  EXPECT_EQ(exactly({matrix}, [](Layer& layer) { layer.mutable_lowertriangular()->set_k(1); }).data,
            (std::vector<float>{1, 2, 0, 0, 5, 6, 7, 0, 9, 10, 11, 12}));
  EXPECT_EQ(exactly({matrix}, [](Layer& layer) { layer.mutable_uppertriangular()->set_k(1); }).data,
            (std::vector<float>{0, 2, 3, 4, 0, 0, 7, 8, 0, 0, 0, 12}));
  const auto band = [](int64_t below, int64_t above) {
    return exactly({matrix},
                   [=](Layer& layer) {
                     layer.mutable_matrixbandpart()->set_numlower(below);
                     layer.mutable_matrixbandpart()->set_numupper(above);
                   })
        .data;
  };
  EXPECT_EQ(band(1, 0), (std::vector<float>{1, 0, 0, 0, 5, 6, 0, 0, 0, 10, 11, 0}));
  EXPECT_EQ(band(-1, 0), (std::vector<float>{1, 0, 0, 0, 5, 6, 0, 0, 9, 10, 11, 0}));
}

TEST(Selection, MadeAndSpread) {
  EXPECT_EQ(exactly({{{4}, {0, 0, 0, 0}}}, [](Layer& layer) { layer.mutable_filllike()->set_value(2); }).data,
            (std::vector<float>{2, 2, 2, 2}));
  EXPECT_EQ(exactly({matrix}, [](Layer& layer) { layer.mutable_getshape(); }).data,
            (std::vector<float>{3, 4}));
  EXPECT_EQ(exactly({{{2, 1}, {1, 2}}, {{2, 3}, std::vector<float>(6)}},
                    [](Layer& layer) { layer.mutable_broadcasttolike(); })
                .data,
            (std::vector<float>{1, 1, 1, 2, 2, 2}));
  EXPECT_EQ(exactly({{{3, 1}, {1, 2, 3}}},
                    [](Layer& layer) {
                      layer.mutable_broadcasttostatic()->add_targetshape(3);
                      layer.mutable_broadcasttostatic()->add_targetshape(2);
                    })
                .data,
            (std::vector<float>{1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(
      exactly({matrix, {{6, 2}, std::vector<float>(12)}}, [](Layer& layer) { layer.mutable_reshapelike(); })
          .shape,
      (coreml::Shape{6, 2}));
  EXPECT_EQ(exactly({matrix, {{1}, {-3}}},
                    [](Layer& layer) {
                      layer.mutable_slicebysize()->set_axis(1);
                      layer.mutable_slicebysize()->set_size(2);
                    })
                .data,
            (std::vector<float>{2, 3, 6, 7, 10, 11}));
}

TEST(Selection, Ranges) {
  const auto range = [](float start, float end, float pace) {
    ModelBuilder model(5);
    model.exact_rank();
    model.array_input("x", {1});
    auto& params = *model.layer("y", {})->mutable_rangestatic();
    params.set_startvalue(start);
    params.set_endvalue(end);
    params.set_stepsizevalue(pace);
    model.array_output("y");
    return run(model, {{"x", {0}}}).at("y").data;
  };
  EXPECT_EQ(range(0, 3, 1), (std::vector<float>{0, 1, 2}));
  EXPECT_EQ(range(2, -1, -1.5f), (std::vector<float>{2, 0.5f}));
}

}  // namespace
}  // namespace ane::reference
