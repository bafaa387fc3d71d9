// Recurrent layers: one state after the other, number by number, as the Core ML specification writes them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "reference/layers.h"
#include "reference/scalar_functions.h"

namespace ane::reference {
namespace {

using coreml::spec::ActivationParams;
using coreml::spec::WeightParams;
using Numbers = std::vector<double>;

double clipped(double x, double limit = 50) {
  return std::clamp(x, -limit, limit);
}

// The parameters are fixed: those of the message do not count.
double activated(const Call& call, const ActivationParams& activation, double x) {
  switch (activation.NonlinearityType_case()) {
    case ActivationParams::kLinear:
      return x;
    case ActivationParams::kSigmoid:
      return sigmoid(x);
    case ActivationParams::kTanh:
      return std::tanh(x);
    case ActivationParams::kReLU:
      return std::max(x, 0.0);
    case ActivationParams::kScaledTanh:
      return 1.7159 * std::tanh(2.0 / 3 * x);
    case ActivationParams::kSigmoidHard:
      return std::clamp(0.2 * x + 0.5, 0.0, 1.0);
    default:
      call.fail("an activation that recurrent layers do not have");
  }
}

// W x + R h + b of one gate.
struct Gate {
  std::vector<float> weights, recursion, bias;
  int64_t input, hidden;

  Gate(const Call& call, int64_t in, int64_t out, const WeightParams& w, const WeightParams& r,
       const WeightParams* b)
      : weights(call.weights(w, {out, in})), recursion(call.weights(r, {out, out})), input(in), hidden(out) {
    if (b) bias = call.weights(*b, {out});
  }
  double operator()(int64_t unit, const float* x, const Numbers& state) const {
    double sum = bias.empty() ? 0 : static_cast<double>(bias[static_cast<size_t>(unit)]);
    for (int64_t i = 0; i < input; ++i)
      sum += static_cast<double>(weights[static_cast<size_t>(unit * input + i)]) * static_cast<double>(x[i]);
    for (int64_t i = 0; i < hidden; ++i)
      sum += static_cast<double>(recursion[static_cast<size_t>(unit * hidden + i)]) *
             state[static_cast<size_t>(i)];
    return sum;
  }
};

struct State {
  Numbers hidden, cell;
};
using Step = std::function<State(const float* x, const State&)>;

struct Walked {
  std::vector<Numbers> outputs;  // by time
  State last;
};

// One batch element after the other; `first` is the index of its state among the inputs.
Walked walk(const Call& call, int64_t batch, int64_t hidden, size_t first, bool reverse, const Step& step) {
  const Tensor& x = call.input();
  const int64_t length = x.shape[0], batches = x.shape[1], size = x.shape[2];
  const auto state_of = [&](size_t index) {
    Numbers state(static_cast<size_t>(hidden));
    if (index < call.inputs.size())
      for (size_t i = 0; i < state.size(); ++i)
        state[i] = static_cast<double>(call.input(index).data[static_cast<size_t>(batch * hidden) + i]);
    return state;
  };
  Walked walked{std::vector<Numbers>(static_cast<size_t>(length)), {state_of(first), state_of(first + 1)}};
  for (int64_t i = 0; i < length; ++i) {
    const int64_t time = reverse ? length - 1 - i : i;
    walked.last = step(&x.data[static_cast<size_t>((time * batches + batch) * size)], walked.last);
    walked.outputs[static_cast<size_t>(time)] = walked.last.hidden;
  }
  return walked;
}

void put(Tensor& to, int64_t position, const Numbers& from) {
  for (size_t i = 0; i < from.size(); ++i)
    to.data[static_cast<size_t>(position) + i] = static_cast<float>(from[i]);
}

// All batch elements in all directions.
std::vector<Tensor> results_of(const Call& call, int64_t hidden, bool all, bool reverse, bool has_cell,
                               const std::vector<Step>& directions) {
  const Tensor& x = call.input();
  const auto count = static_cast<int64_t>(directions.size());
  const int64_t length = x.shape[0], batches = x.shape[1], width = hidden * count;
  if (reverse && all) call.fail("the order of the outputs of a reversed sequence is not known");
  Tensor sequence = make_tensor({all ? length : 1, batches, width, 1, 1});
  std::vector<Tensor> states;
  for (int64_t direction = 0; direction < count; ++direction) {
    const bool backwards = reverse || direction == 1;
    Tensor last_hidden = make_tensor({1, batches, hidden, 1, 1}), last_cell = last_hidden;
    for (int64_t batch = 0; batch < batches; ++batch) {
      const Walked walked = walk(call, batch, hidden, 1 + 2 * static_cast<size_t>(direction), backwards,
                                 directions[static_cast<size_t>(direction)]);
      for (int64_t time = 0; time < (all ? length : 1); ++time)
        put(sequence, (time * batches + batch) * width + direction * hidden,
            all ? walked.outputs[static_cast<size_t>(time)] : walked.last.hidden);
      put(last_hidden, batch * hidden, walked.last.hidden);
      put(last_cell, batch * hidden, walked.last.cell);
    }
    states.push_back(std::move(last_hidden));
    if (has_cell) states.push_back(std::move(last_cell));
  }
  std::vector<Tensor> results = {std::move(sequence)};
  if (call.layer.output_size() > 1)
    for (Tensor& state : states) results.push_back(std::move(state));
  return results;
}

Step lstm_step(const Call& call, int64_t in, int64_t out, const coreml::spec::LSTMParams& params,
               const coreml::spec::LSTMWeightParams& weights,
               const google::protobuf::RepeatedPtrField<ActivationParams>& activations) {
  const bool biased = params.hasbiasvectors(), coupled = params.coupledinputandforgetgate();
  const Gate input(call, in, out, weights.inputgateweightmatrix(), weights.inputgaterecursionmatrix(),
                   biased ? &weights.inputgatebiasvector() : nullptr);
  const Gate forget =
      coupled ? input
              : Gate(call, in, out, weights.forgetgateweightmatrix(), weights.forgetgaterecursionmatrix(),
                     biased ? &weights.forgetgatebiasvector() : nullptr);
  const Gate block(call, in, out, weights.blockinputweightmatrix(), weights.blockinputrecursionmatrix(),
                   biased ? &weights.blockinputbiasvector() : nullptr);
  const Gate output(call, in, out, weights.outputgateweightmatrix(), weights.outputgaterecursionmatrix(),
                    biased ? &weights.outputgatebiasvector() : nullptr);
  const auto peephole = [&](const WeightParams& vector) {
    return params.haspeepholevectors() ? call.weights(vector, {out})
                                       : std::vector<float>(static_cast<size_t>(out), 0.0f);
  };
  const std::vector<float> of_input = peephole(weights.inputgatepeepholevector()),
                           of_forget = coupled ? of_input : peephole(weights.forgetgatepeepholevector()),
                           of_output = peephole(weights.outputgatepeepholevector());
  const double limit = static_cast<double>(value_or(params.cellclipthreshold(), 50));
  return [=, &call, &activations](const float* x, const State& before) {
    State after = before;
    for (int64_t unit = 0; unit < out; ++unit) {
      const auto at = static_cast<size_t>(unit);
      const auto gate = [&](const Gate& of, double extra) {
        return activated(call, activations.Get(0), clipped(of(unit, x, before.hidden) + extra));
      };
      const double old = before.cell[at];
      const double i = gate(input, static_cast<double>(of_input[at]) * old);
      const double f =
          coupled ? 1 - i
                  : gate(forget, static_cast<double>(of_forget[at]) * old + (params.forgetbias() ? 1 : 0));
      const double z = activated(call, activations.Get(1), clipped(block(unit, x, before.hidden)));
      after.cell[at] = clipped(old * f + i * z, limit);
      const double o = gate(output, static_cast<double>(of_output[at]) * after.cell[at]);
      after.hidden[at] = activated(call, activations.Get(2), after.cell[at]) * o;
    }
    return after;
  };
}

}  // namespace

std::vector<Tensor> evaluate_simple_recurrent(const Call& call) {
  const auto& params = call.layer.simplerecurrent();
  const auto in = static_cast<int64_t>(params.inputvectorsize()),
             out = static_cast<int64_t>(params.outputvectorsize());
  const Gate gate(call, in, out, params.weightmatrix(), params.recursionmatrix(),
                  params.hasbiasvector() ? &params.biasvector() : nullptr);
  const Step step = [&](const float* x, const State& before) {
    State after = before;
    for (int64_t unit = 0; unit < out; ++unit)
      after.hidden[static_cast<size_t>(unit)] =
          activated(call, params.activation(), clipped(gate(unit, x, before.hidden)));
    return after;
  };
  return results_of(call, out, params.sequenceoutput(), params.reverseinput(), false, {step});
}

std::vector<Tensor> evaluate_gru(const Call& call) {
  const auto& params = call.layer.gru();
  const auto in = static_cast<int64_t>(params.inputvectorsize()),
             out = static_cast<int64_t>(params.outputvectorsize());
  const bool biased = params.hasbiasvectors();
  const Gate update(call, in, out, params.updategateweightmatrix(), params.updategaterecursionmatrix(),
                    biased ? &params.updategatebiasvector() : nullptr);
  const Gate reset(call, in, out, params.resetgateweightmatrix(), params.resetgaterecursionmatrix(),
                   biased ? &params.resetgatebiasvector() : nullptr);
  const Gate output(call, in, out, params.outputgateweightmatrix(), params.outputgaterecursionmatrix(),
                    biased ? &params.outputgatebiasvector() : nullptr);
  const Step step = [&](const float* x, const State& before) {
    State after = before;
    Numbers kept = before.hidden;
    for (int64_t unit = 0; unit < out; ++unit)
      kept[static_cast<size_t>(unit)] *=
          activated(call, params.activations(0), clipped(reset(unit, x, before.hidden)));
    for (int64_t unit = 0; unit < out; ++unit) {
      const auto at = static_cast<size_t>(unit);
      const double z = activated(call, params.activations(0), clipped(update(unit, x, before.hidden)));
      const double o = activated(call, params.activations(1), clipped(output(unit, x, kept)));
      after.hidden[at] = (1 - z) * o + z * before.hidden[at];
    }
    return after;
  };
  return results_of(call, out, params.sequenceoutput(), params.reverseinput(), false, {step});
}

std::vector<Tensor> evaluate_lstm(const Call& call) {
  const auto& params = call.layer.unidirectionallstm();
  const auto in = static_cast<int64_t>(params.inputvectorsize()),
             out = static_cast<int64_t>(params.outputvectorsize());
  return results_of(call, out, params.params().sequenceoutput(), params.reverseinput(), true,
                    {lstm_step(call, in, out, params.params(), params.weightparams(), params.activations())});
}

std::vector<Tensor> evaluate_bidirectional_lstm(const Call& call) {
  const auto& params = call.layer.bidirectionallstm();
  const auto in = static_cast<int64_t>(params.inputvectorsize()),
             out = static_cast<int64_t>(params.outputvectorsize());
  return results_of(
      call, out, params.params().sequenceoutput(), false, true,
      {lstm_step(call, in, out, params.params(), params.weightparams(0), params.activationsforwardlstm()),
       lstm_step(call, in, out, params.params(), params.weightparams(1), params.activationsbackwardlstm())});
}

}  // namespace ane::reference
