// Recurrent networks: one state after the other, number by number. Matrices list the gates one below the
// other, in the order i f o z (lstm) and r o z (gru).

#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "reference/mil_operations.h"
#include "reference/scalar_functions.h"

namespace ane::reference::ops {
namespace {

using Numbers = std::vector<double>;
using Function = double (*)(double);

double rectified(double x) {
  return x > 0 ? x : 0;
}
double unchanged(double x) {
  return x;
}

Function function_of(const MilCall& call, const char* parameter) {
  const std::string& name = call.text(parameter);
  if (name == "sigmoid") return [](double x) { return sigmoid(x); };
  if (name == "tanh") return [](double x) { return std::tanh(x); };
  if (name == "relu") return rectified;
  if (name == "linear") return unchanged;
  call.fail(fmt::format("{} {} has no definition here", parameter, name));
}

// The parameters of one direction, and the sizes that they imply.
struct Weights {
  const Tensor &input, &recurrent;
  const Tensor *bias, *peephole;
  int64_t hidden, features;

  Weights(const MilCall& call, int64_t gates, const char* ih, const char* hh, const char* b, const char* p)
      : input(call.tensor(ih)),
        recurrent(call.tensor(hh)),
        bias(call.optional(b)),
        peephole(p ? call.optional(p) : nullptr) {
    if (input.shape.size() != 2 || recurrent.shape.size() != 2) call.fail("the weights are no matrices");
    hidden = recurrent.shape[1];
    features = input.shape[1];
    const bool fits = input.shape[0] == gates * hidden && recurrent.shape[0] == gates * hidden &&
                      (!bias || bias->shape == Shape{gates * hidden}) &&
                      (!peephole || peephole->shape == Shape{3 * hidden});
    if (!fits) call.fail(fmt::format("the weights do not suit {} gates of {}", gates, hidden));
  }

  double from_input(int64_t row, const float* x) const {
    double value = bias ? static_cast<double>(bias->data[row]) : 0;
    for (int64_t i = 0; i < features; ++i)
      value += static_cast<double>(input.data[row * features + i]) * static_cast<double>(x[i]);
    return value;
  }
  double from_state(int64_t row, const Numbers& state) const {
    double value = 0;
    for (int64_t i = 0; i < hidden; ++i)
      value += static_cast<double>(recurrent.data[row * hidden + i]) * state[static_cast<size_t>(i)];
    return value;
  }
  // Gate `gate` of unit `unit` before its activation.
  double gate(int64_t gate, int64_t unit, const float* x, const Numbers& state) const {
    return from_input(gate * hidden + unit, x) + from_state(gate * hidden + unit, state);
  }
};

struct State {
  Numbers hidden, cell;
};
using Step = std::function<State(const Weights&, const float* x, const State&)>;

// The results, filled by one or two directions.
struct Results {
  Tensor sequence, hidden, cell;
};

// Walks one direction, whose share of each result begins at feature `offset`.
void walk(const MilCall& call, const Weights& weights, bool reverse, int64_t offset, const Step& step,
          Results& results) {
  const Tensor& x = call.tensor("x");
  const Tensor& initial_h = call.tensor("initial_h");
  const Tensor* initial_c = call.operation().find("initial_c") ? &call.tensor("initial_c") : nullptr;
  const int64_t length = x.shape[0], batch = x.shape[1], width = results.hidden.shape[1];
  const bool all = call.flag("output_sequence");
  if (x.shape[2] != weights.features || initial_h.shape != Shape{batch, width} ||
      (initial_c && initial_c->shape != Shape{batch, width}))
    call.fail("the sequence, the weights and the first state do not suit each other");
  for (int64_t b = 0; b < batch; ++b) {
    State state{Numbers(static_cast<size_t>(weights.hidden)), Numbers(static_cast<size_t>(weights.hidden))};
    for (size_t i = 0; i < state.hidden.size(); ++i) {
      const int64_t at = b * width + offset + static_cast<int64_t>(i);
      state.hidden[i] = static_cast<double>(initial_h.data[at]);
      if (initial_c) state.cell[i] = static_cast<double>(initial_c->data[at]);
    }
    for (int64_t i = 0; i < length; ++i) {
      const int64_t time = reverse ? length - 1 - i : i;
      state = step(weights, &x.data[(time * batch + b) * weights.features], state);
      if (!all && i + 1 < length) continue;
      for (size_t unit = 0; unit < state.hidden.size(); ++unit)
        results.sequence.data[((all ? time : 0) * batch + b) * width + offset + static_cast<int64_t>(unit)] =
            static_cast<float>(state.hidden[unit]);
    }
    for (size_t i = 0; i < state.hidden.size(); ++i) {
      const int64_t at = b * width + offset + static_cast<int64_t>(i);
      results.hidden.data[at] = static_cast<float>(state.hidden[i]);
      results.cell.data[at] = static_cast<float>(state.cell[i]);
    }
  }
}

Results results_for(const MilCall& call, int64_t width) {
  const Shape& x = call.tensor("x").shape;
  if (x.size() != 3) call.fail(fmt::format("the sequence has the shape {}, not three axes", to_string(x)));
  const Shape sequence{call.flag("output_sequence") ? x[0] : 1, x[1], width}, state{x[1], width};
  return {make_tensor(call.checked(sequence)), make_tensor(call.checked(state)), make_tensor(state)};
}

bool is_reverse(const MilCall& call) {
  const std::string& direction = call.text("direction");
  if (direction != "forward" && direction != "reverse")
    call.fail(fmt::format("there is no direction {}", direction));
  return direction == "reverse";
}

}  // namespace

std::vector<Tensor> lstm(const MilCall& call) {
  if (call.bound("clip")) call.fail("what clip bounds is not known");
  const Function recurrent = function_of(call, "recurrent_activation"),
                 of_cell = function_of(call, "cell_activation"), last = function_of(call, "activation");
  const Step step = [&](const Weights& weights, const float* x, const State& before) {
    State after = before;
    for (int64_t unit = 0; unit < weights.hidden; ++unit) {
      const auto at = static_cast<size_t>(unit);
      const auto gate = [&](int64_t index, double cell) {
        const double through =
            weights.peephole ? static_cast<double>(weights.peephole->data[index * weights.hidden + unit]) : 0;
        return recurrent(weights.gate(index, unit, x, before.hidden) + through * cell);
      };
      const double input = gate(0, before.cell[at]), forget = gate(1, before.cell[at]);
      const double candidate = of_cell(weights.gate(3, unit, x, before.hidden));
      after.cell[at] = forget * before.cell[at] + input * candidate;
      after.hidden[at] = gate(2, after.cell[at]) * last(after.cell[at]);
    }
    return after;
  };
  const Weights forward(call, 4, "weight_ih", "weight_hh", "bias", "peephole");
  const bool both = call.text("direction") == "bidirectional";
  Results results = results_for(call, both ? 2 * forward.hidden : forward.hidden);
  walk(call, forward, both ? false : is_reverse(call), 0, step, results);
  if (both) {
    const Weights back(call, 4, "weight_ih_back", "weight_hh_back", "bias_back", "peephole_back");
    if (back.hidden != forward.hidden) call.fail("the two directions differ in size");
    walk(call, back, true, forward.hidden, step, results);
  }
  return {results.sequence, results.hidden, results.cell};
}

std::vector<Tensor> gru(const MilCall& call) {
  if (call.bound("reset_after") || call.bound("input_bias")) call.fail("resetting behind the product");
  const Function recurrent = function_of(call, "recurrent_activation"),
                 last = function_of(call, "activation");
  const Step step = [&](const Weights& weights, const float* x, const State& before) {
    State after = before;
    for (int64_t unit = 0; unit < weights.hidden; ++unit) {
      const auto at = static_cast<size_t>(unit);
      const double reset = recurrent(weights.gate(0, unit, x, before.hidden));
      const double update = recurrent(weights.gate(2, unit, x, before.hidden));
      const int64_t row = weights.hidden + unit;
      const double output = last(weights.from_input(row, x) + reset * weights.from_state(row, before.hidden));
      after.hidden[at] = (1 - update) * output + update * before.hidden[at];
    }
    return after;
  };
  const Weights weights(call, 3, "weight_ih", "weight_hh", "bias", nullptr);
  Results results = results_for(call, weights.hidden);
  walk(call, weights, is_reverse(call), 0, step, results);
  return {results.sequence, results.hidden};
}

std::vector<Tensor> rnn(const MilCall& call) {
  const Function function = function_of(call, "activation");
  const Step step = [&](const Weights& weights, const float* x, const State& before) {
    State after = before;
    for (int64_t unit = 0; unit < weights.hidden; ++unit)
      after.hidden[static_cast<size_t>(unit)] = function(weights.gate(0, unit, x, before.hidden));
    return after;
  };
  const Weights weights(call, 1, "weight_ih", "weight_hh", "bias", nullptr);
  Results results = results_for(call, weights.hidden);
  walk(call, weights, is_reverse(call), 0, step, results);
  return {results.sequence, results.hidden};
}

}  // namespace ane::reference::ops
