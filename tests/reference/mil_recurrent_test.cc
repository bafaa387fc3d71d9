// Recurrent networks by hand: one unit, weights that leave one gate at a time to act.

#include <cmath>

#include "mil_run.h"

namespace ane::reference {
namespace {

const Result state{{1, 1}}, one_step{{1, 1, 1}};

// All gates are 1/2 but for the candidate, which is x (linear).
std::vector<Bound> plain_lstm(const Values& x, const Values& cell) {
  return {{"x", Fed{{static_cast<int64_t>(x.size()), 1, 1}, x}},
          {"initial_h", Fed{{1, 1}, {0}}},
          {"initial_c", Fed{{1, 1}, cell}},
          {"weight_ih", Fed{{4, 1}, {0, 0, 0, 1}}},
          {"weight_hh", Fed{{4, 1}, {0, 0, 0, 0}}},
          {"activation", mil_text("linear")},
          {"cell_activation", mil_text("linear")}};
}

TEST(MilLstm, StepByStep) {
  // c: 8 -> 4 + 1 -> 2.5 + 2; h = c / 2.
  const auto last = results("lstm", plain_lstm({2, 4}, {8}), {one_step, state, state});
  EXPECT_EQ(last[0].data, (Values{2.25}));
  EXPECT_EQ(last[1].data, (Values{2.25}));
  EXPECT_EQ(last[2].data, (Values{4.5}));
  auto operands = plain_lstm({2, 4}, {8});
  operands.push_back({"output_sequence", mil_truth(true)});
  EXPECT_EQ(results("lstm", operands, {{{2, 1, 1}}, state, state})[0].data, (Values{2.5, 2.25}));
  operands.push_back({"direction", mil_text("reverse")});  // c: 8 -> 4 + 2 -> 3 + 1
  EXPECT_EQ(results("lstm", operands, {{{2, 1, 1}}, state, state})[0].data, (Values{2, 3}));
}

TEST(MilLstm, GatesStandInTheOrderInputForgetOutputCell) {
  // A bias of 100 opens a gate, one of -200 shuts it to the last bit.
  const auto with_bias = [](const Values& bias) {
    auto operands = plain_lstm({3}, {5});
    operands.push_back({"bias", Fed{{4}, bias}});
    const auto got = results("lstm", operands, {one_step, state, state});
    return Values{got[1].data[0], got[2].data[0]};
  };
  EXPECT_EQ(with_bias({100, -100, 100, 0}), (Values{3, 3}));
  EXPECT_EQ(with_bias({-100, 100, 100, 0}), (Values{5, 5}));
  EXPECT_EQ(with_bias({100, 100, -200, 0}), (Values{0, 8}));
}

TEST(MilLstm, PeepholesSeeTheCell) {
  auto operands = plain_lstm({0}, {1});
  operands.push_back({"peephole", Fed{{3}, {0, 0, std::log(3.0f)}}});  // opens the output to 3/4 at c = 1
  operands.push_back({"bias", Fed{{4}, {0, 100, 0, 0}}});
  EXPECT_NEAR(results("lstm", operands, {one_step, state, state})[1].data[0], 0.75f, 1e-6f);
}

TEST(MilGru, UpdateMixesOldAndNew) {
  // r = z = 1/2, o = x + (U h) / 2 = 6 + 2: h = 4 + 2
  const std::vector<Bound> operands = {{"x", Fed{{1, 1, 1}, {6}}},
                                       {"initial_h", Fed{{1, 1}, {4}}},
                                       {"weight_ih", Fed{{3, 1}, {0, 1, 0}}},
                                       {"weight_hh", Fed{{3, 1}, {0, 1, 0}}},
                                       {"activation", mil_text("linear")}};
  EXPECT_EQ(results("gru", operands, {one_step, state})[1].data, (Values{6}));
}

TEST(MilRnn, AddsInputAndState) {
  const std::vector<Bound> operands = {{"x", Fed{{2, 1, 1}, {1, -4}}},  {"initial_h", Fed{{1, 1}, {1}}},
                                       {"weight_ih", Fed{{1, 1}, {2}}}, {"weight_hh", Fed{{1, 1}, {3}}},
                                       {"bias", Fed{{1}, {0.5}}},       {"activation", mil_text("relu")}};
  EXPECT_EQ(results("rnn", operands, {one_step, state})[1].data, (Values{9}));  // 5.5, then -8 + 16.5 + 0.5
}

TEST(BadRecurrence, Refused) {
  auto clipped = plain_lstm({1}, {0});
  clipped.push_back({"clip", mil_number(1)});
  EXPECT_THROW(results("lstm", clipped, {one_step, state, state}), Error);
  auto other = plain_lstm({1}, {0});
  other.push_back({"recurrent_activation", mil_text("softplus")});
  EXPECT_THROW(results("lstm", other, {one_step, state, state}), Error);
  auto wide = plain_lstm({1}, {0});
  wide[1].to = Fed{{1, 2}, {0, 0}};
  EXPECT_THROW(results("lstm", wide, {one_step, state, state}), Error);
}

}  // namespace
}  // namespace ane::reference
