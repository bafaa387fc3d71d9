// Layers of exact-rank networks, one kind at a time through the whole compiler, against the reference
// interpreter.
#include <fmt/format.h>

#include <functional>
#include <map>
#include <set>

#include "driver/one_layer.h"
#include "driver/road.h"

namespace ane::test {
namespace {

using Layer = spec::NeuralNetworkLayer;
using Fill = std::function<void(Layer&)>;
using Shapes = std::vector<std::vector<int64_t>>;

// A network of one layer `y` that reads arrays of these shapes.
RoadOutput result_of(const Shapes& shapes, const Fill& fill) {
  return run_road(one_layer(true, shapes, fill)).at(0);
}

void expect_correct(const std::map<std::string, Fill>& layers, const Shapes& shapes, double least_db) {
  for (const auto& [name, fill] : layers) expect_agreement(result_of(shapes, fill), name, least_db);
}
void expect_exact(const std::map<std::string, Fill>& layers, const Shapes& shapes) {
  for (const auto& [name, fill] : layers) {
    const RoadOutput output = result_of(shapes, fill);
    EXPECT_EQ(output.got, output.expected) << name;
  }
}

template <typename Params>
void over(Params& params, std::initializer_list<int64_t> axes, bool keep) {
  for (const int64_t axis : axes) params.add_axes(axis);
  params.set_keepdims(keep);
}

TEST(ExactLayers, Reductions) {
  expect_correct({{"sum", [](Layer& y) { over(*y.mutable_reducesum(), {1}, true); }},
                  {"mean",
                   [](Layer& y) {
                     over(*y.mutable_reducemean(), {-1, -2}, false);
                   }},
                  {"max", [](Layer& y) { over(*y.mutable_reducemax(), {3}, true); }},
                  {"min", [](Layer& y) { y.mutable_reducemin()->set_reduceall(true); }},
                  {"product", [](Layer& y) { over(*y.mutable_reduceprod(), {1}, false); }},
                  {"L1",
                   [](Layer& y) {
                     over(*y.mutable_reducel1(), {2, 1}, true);
                   }},
                  {"L2",
                   [](Layer& y) {
                     over(*y.mutable_reducel2(), {1, 2, 3}, true);
                   }},
                  {"sum of squares", [](Layer& y) { over(*y.mutable_reducesumsquare(), {-1}, false); }},
                  {"log sum exp", [](Layer& y) { over(*y.mutable_reducelogsumexp(), {1}, true); }}},
                 {{1, 6, 9, 10}}, 50);
}

TEST(ExactLayers, LayerNormalization) {
  const auto normalized = [](std::vector<int64_t> shape, int64_t count) {
    return [=](Layer& y) {
      auto& params = *y.mutable_layernormalization();
      for (const int64_t length : shape) params.add_normalizedshape(length);
      params.set_eps(1e-5f);
      set_floats(params.mutable_gamma(), ramp(count));
      set_floats(params.mutable_beta(), ramp(count));
    };
  };
  expect_correct({{"rows", normalized({10}, 10)}, {"images", normalized({6, 9, 10}, 540)}}, {{1, 6, 9, 10}},
                 50);
}

// Groups of channels, which lie along the batch, as the newest compiler has reductions.
TEST(ExactLayers, NormalizationOfGroups) {
  ModelBuilder model(5);
  model.exact_rank();
  model.array_input("x", {1, 8, 6, 4});
  auto* groups = model.layer("groups", {"x"})->mutable_reshapestatic();
  for (const int64_t length : {1, 4, 2, 6, 4}) groups->add_targetshape(length);
  over(*model.layer("mean", {"groups"})->mutable_reducemean(), {2, 3, 4}, true);
  model.layer("centred", {"groups", "mean"})->mutable_subtractbroadcastable();
  over(*model.layer("largest", {"centred"})->mutable_reducemax(), {2, 3, 4}, true);
  model.layer("y", {"centred", "largest"})->mutable_addbroadcastable();
  model.array_output("y");
  RoadOptions options;
  options.compat = "9.509";
  expect_agreement(run_road(model, options).at(0), "groups", 50);
}

// Squares whose sum no binary16 number holds.
TEST(ExactLayers, NormsOfManyNumbers) {
  for (const bool normalize : {false, true}) {
    ModelBuilder model(5);
    model.exact_rank();
    model.array_input("u", {1, 8, 64, 128});
    auto* four = model.layer("x", {"u"})->mutable_activation()->mutable_linear();
    four->set_alpha(4), four->set_beta(0);
    auto* y = model.layer("y", {"x"});
    if (normalize)
      y->mutable_l2normalize()->set_epsilon(1e-6f);
    else
      over(*y->mutable_reducel2(), {1, 2, 3}, true);
    model.array_output("y");
    expect_agreement(run_road(model).at(0), normalize ? "normalised" : "norm", 50);
  }
}

// Inputs by which a layer gathers are taken for indices, whatever their type.
TEST(ExactLayers, RowsOfATableByComputedIndices) {
  ModelBuilder model(5);
  model.exact_rank();
  model.array_input("places", {1, 9});
  auto* table = model.layer("table", {})->mutable_loadconstantnd();
  for (const uint64_t length : {300, 4}) table->add_shape(length);
  set_floats(table->mutable_data(), ramp(1200));
  model.layer("y", {"table", "places"})->mutable_gather()->set_axis(0);
  model.array_output("y");
  const RoadOutput output = run_road(model).at(0);
  EXPECT_EQ(output.got, output.expected);  // single products of binary16 numbers
  EXPECT_GT(std::set<float>(output.expected.begin(), output.expected.end()).size(), 12u);
}

TEST(ExactLayers, PartsAndJoins) {
  const auto slice = [](Layer& y) {
    auto& params = *y.mutable_slicestatic();
    for (const int64_t id : {0, 1, 0, 8}) params.add_beginids(id);
    for (const int64_t id : {1, 5, 9, 1}) params.add_endids(id);
    for (const int64_t stride : {1, 2, 1, -2}) params.add_strides(stride);
    for (const bool open : {true, false, true, false}) {
      params.add_beginmasks(open);
      params.add_endmasks(open);
    }
  };
  const auto squeezed = [](Layer& y) {
    auto& params = *y.mutable_slicestatic();
    for (const int64_t id : {0, 1, -3, 1}) params.add_beginids(id);
    for (const int64_t id : {1, 5, 3, -1}) params.add_endids(id);
    for (const int64_t stride : {1, 2, 1, 3}) params.add_strides(stride);
    for (const bool open : {true, false, false, false}) {
      params.add_beginmasks(open);
      params.add_endmasks(open);
    }
    for (const bool squeeze : {false, false, true, false}) params.add_squeezemasks(squeeze);
  };
  const auto reversed = [](Layer& y) {
    for (const bool reverse : {false, true, false, true}) y.mutable_reverse()->add_reversedim(reverse);
  };
  const auto padded = [](Layer& y) {
    for (const uint64_t amount : {0u, 0u, 0u, 0u, 2u, 1u, 0u, 3u})
      y.mutable_constantpad()->add_padamounts(amount);
    y.mutable_constantpad()->set_value(1.5f);
  };
  expect_correct({{"slice", slice}, {"squeeze", squeezed}, {"reverse", reversed}, {"pad", padded}},
                 {{1, 6, 9, 10}}, 70);
  for (const int64_t axis : {0, 1, 2, -1})
    expect_correct({{fmt::format("concat {}", axis), [=](Layer& y) { y.mutable_concatnd()->set_axis(axis); }},
                    {fmt::format("stack {}", axis), [=](Layer& y) { y.mutable_stack()->set_axis(axis); }}},
                   {{2, 9, 10}, {2, 9, 10}}, 70);
}

TEST(ExactLayers, IndicesOfExtremes) {
  ModelBuilder model(5);
  model.exact_rank();
  model.image_input("picture", 30, 20);
  for (const int64_t axis : {1, 2, -1}) {
    model.layer(fmt::format("largest{}", axis), {"picture"})->mutable_argmax()->set_axis(axis);
    auto& smallest = *model.layer(fmt::format("smallest{}", axis), {"picture"})->mutable_argmin();
    smallest.set_axis(axis);
    smallest.set_removedim(true);
    for (const char* name : {"largest", "smallest"}) model.array_output(fmt::format("{}{}", name, axis));
  }
  for (const RoadOutput& output : run_road(model)) EXPECT_EQ(output.got, output.expected) << output.name;
}

TEST(ExactLayers, MatrixOfConstants) {
  const auto product = [](Layer& y) {
    auto& params = *y.mutable_batchedmatmul();
    params.set_weightmatrixfirstdimension(10);
    params.set_weightmatrixseconddimension(7);
    set_floats(params.mutable_weights(), ramp(70));
    params.set_hasbias(true);
    set_floats(params.mutable_bias(), ramp(7));
  };
  expect_correct({{"rank 3", product}}, {{6, 9, 10}}, 60);
  expect_correct({{"rank 2", product}}, {{9, 10}}, 60);
}

// Numbers from -1 to 1 differ by more than binary16's rounding nearly always; a few may not.
TEST(ExactLayers, Comparisons) {
  expect_exact({{"equal", [](Layer& y) { y.mutable_equal(); }},
                {"not equal", [](Layer& y) { y.mutable_notequal(); }},
                {"less", [](Layer& y) { y.mutable_lessthan(); }},
                {"less or equal", [](Layer& y) { y.mutable_lessequal(); }},
                {"greater", [](Layer& y) { y.mutable_greaterthan(); }},
                {"greater or equal", [](Layer& y) { y.mutable_greaterequal(); }},
                {"or", [](Layer& y) { y.mutable_logicalor(); }},
                {"and", [](Layer& y) { y.mutable_logicaland(); }},
                {"xor", [](Layer& y) { y.mutable_logicalxor(); }}},
               {{2, 9, 10}, {2, 9, 10}});
  expect_exact({{"less than a number", [](Layer& y) { y.mutable_lessthan()->set_alpha(0.25f); }},
                {"not less than one", [](Layer& y) { y.mutable_greaterequal()->set_alpha(0.25f); }},
                {"not", [](Layer& y) { y.mutable_logicalnot(); }},
                {"sign", [](Layer& y) { y.mutable_sign(); }}},
               {{2, 9, 10}});
}

TEST(ExactLayers, SelectionByACondition) {
  ModelBuilder model(5);
  model.exact_rank();
  for (const char* name : {"a", "b"}) model.array_input(name, {2, 9, 10});
  model.layer("c", {"a", "b"})->mutable_lessthan();
  model.layer("y", {"c", "a", "b"})->mutable_wherebroadcastable();
  model.array_output("y");
  expect_agreement(run_road(model).at(0), "the smaller one", 70);
}

}  // namespace
}  // namespace ane::test
