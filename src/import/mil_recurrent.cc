// Recurrent networks over a sequence whose length is known and short, one step after the other:
//
//   lstm   i, f, o = s(W x + U h + b [+ p c])    z = g(W x + U h + b)    c' = f c + i z    h' = o a(c')
//   gru    r, z = s(W x + U h + b)               o = a(W x + b + r (U h))                  h' = o + z (h - o)
//   rnn    h' = a(W x + U h + b)
//
// W x + b does not depend on the state, and is one matrix product for all steps. Each gate has its own
// products: the gates of a common one would lie side by side within rows, where the engine cannot cut without
// turning the tensor.
//
// Definitions and the order of the gates in the weights (i f o z; r o z): coremltools' documentation of the
// operations. Left out: lstm's clip, of which it says both that it bounds the gate and the state; gru's
// reset_after of iOS18; activations with parameters, whose values it does not give.
#include <algorithm>

#include "import/mil_operation.h"

namespace ane::import {
namespace {

using aneir::Axis;
using aneir::Constant;
using aneir::ElementWiseOp;
using aneir::InputView;
using aneir::MatMul;
using aneir::NeuronType;
using aneir::TensorId;

constexpr int64_t most_steps = 128;  // each is a dozen units and more

TensorId activated(OperationImport& at, TensorId x, const std::string& function) {
  if (function == "linear") return x;
  if (function == "sigmoid") return at.neuron(x, NeuronType::Sigmoid);
  if (function == "tanh") return at.neuron(x, NeuronType::Tanh);
  if (function == "relu") return at.neuron(x, NeuronType::ReLU);
  at.refuse("activation " + function);
}

TensorId sum(OperationImport& at, TensorId a, TensorId b) {
  return at.binary(ElementWiseOp::Add, a, b);
}
TensorId product(OperationImport& at, TensorId a, TensorId b) {
  return at.binary(ElementWiseOp::Mult, a, b);
}

// The part of gate `gate` in an array that lists all of them.
Constant part_of(const Constant& all, int64_t gates, int64_t gate) {
  const size_t size = all.bytes.size() / static_cast<size_t>(gates);
  return {all.type, all.owner, all.bytes.subspan(static_cast<size_t>(gate) * size, size)};
}

// x times the transposed matrix, of one row for each of `hidden`.
TensorId multiplied(OperationImport& at, TensorId x, Constant matrix, int64_t hidden,
                    std::optional<Constant> bias = {}) {
  MatMul unit;
  unit.transpose_second = true;
  unit.matrix_rows = hidden;
  unit.matrix_columns = matrix.count() / hidden;
  unit.matrix = std::move(matrix);
  unit.bias = std::move(bias);
  return at.add(std::move(unit), {x});
}

// One direction over the sequence. Engine shapes: a sequence is [1, steps, batch, features], a state
// [1, 1, batch, hidden].
struct Direction {
  OperationImport& at;
  int64_t gates, hidden, steps;
  bool reverse;
  Constant recurrent;  // U
  std::optional<Constant> peephole;
  std::vector<TensorId> inputs;  // W x + b of each gate, for all steps

  Direction(OperationImport& operation, int64_t gate_count, const std::string& suffix, bool backwards)
      : at(operation), gates(gate_count), reverse(backwards) {
    at.require(at.rank("x") == 3, "a sequence of rank " + std::to_string(at.rank("x")));
    const std::string weight_ih = "weight_ih" + suffix, weight_hh = "weight_hh" + suffix,
                      bias = "bias" + suffix;
    at.require(at.rank(weight_hh) == 2 && at.rank(weight_ih) == 2, "weights that are no matrices");
    steps = at.type("x").shape[0];
    hidden = at.type(weight_hh).shape[1];
    at.require(steps <= most_steps, "a sequence of " + std::to_string(steps) + " steps; up to " +
                                        std::to_string(most_steps) + " are unrolled");
    const int64_t rows = aneir::saturating_product({gates, hidden}), features = at.type("x").shape[2];
    recurrent = at.numbers(weight_hh, aneir::saturating_product({rows, hidden}));
    const Constant weights = at.numbers(weight_ih, aneir::saturating_product({rows, features}));
    std::optional<Constant> biases;
    if (at.has(bias)) biases = at.numbers(bias, rows);
    if (at.has("peephole" + suffix)) peephole = at.numbers("peephole" + suffix, 3 * hidden);
    for (int64_t gate = 0; gate < gates; ++gate)
      inputs.push_back(multiplied(at, at.tensor("x"), part_of(weights, gates, gate), hidden,
                                  biases ? std::optional(part_of(*biases, gates, gate)) : std::nullopt));
  }

  // W x + b of a gate at a step.
  TensorId input(int64_t gate, int64_t step) const {
    const TensorId all = inputs[static_cast<size_t>(gate)];
    return steps == 1 ? all : at.add(InputView{Axis::Channel, step, 1, 1}, {all});
  }
  TensorId from_state(int64_t gate, TensorId state) const {
    return multiplied(at, state, part_of(recurrent, gates, gate), hidden);
  }
  TensorId gate(int64_t index, int64_t step, TensorId state) const {
    return sum(at, input(index, step), from_state(index, state));
  }
  TensorId with_peephole(int64_t index, TensorId gate, TensorId cell) const {
    if (!peephole) return gate;
    const aneir::Shape row{1, 1, 1, 1, hidden};
    return sum(at, gate, product(at, cell, at.constant_tensor(row, part_of(*peephole, 3, index))));
  }

  // Calls advance(step) in the direction's order. What it returns, the states, comes back in time's order.
  template <typename Advance>
  std::vector<TensorId> walk(Advance advance) const {
    std::vector<TensorId> states;
    for (int64_t i = 0; i < steps; ++i) states.push_back(advance(reverse ? steps - 1 - i : i));
    if (reverse) std::reverse(states.begin(), states.end());
    return states;
  }
};

struct Walked {
  std::vector<TensorId> states;             // in time's order
  TensorId state, cell = aneir::no_tensor;  // in the end
};

Walked walk_lstm(const Direction& along, TensorId state, TensorId cell) {
  OperationImport& at = along.at;
  const std::string recurrent = at.text("recurrent_activation", "sigmoid"),
                    of_cell = at.text("cell_activation", "tanh"), last = at.text("activation", "tanh");
  enum : int64_t { Input, Forget, Output, Cell };
  Walked walked;
  walked.states = along.walk([&](int64_t step) {
    const auto gate = [&](int64_t index) { return along.gate(index, step, state); };
    const auto with_cell = [&](int64_t index) {
      return activated(at, along.with_peephole(index, gate(index), cell), recurrent);
    };
    const TensorId kept = product(at, with_cell(Forget), cell);
    const TensorId added = product(at, with_cell(Input), activated(at, gate(Cell), of_cell));
    cell = sum(at, kept, added);
    return state = product(at, with_cell(Output), activated(at, cell, last));
  });
  walked.state = state;
  walked.cell = cell;
  return walked;
}

Walked walk_gru(const Direction& along, TensorId state) {
  OperationImport& at = along.at;
  const std::string recurrent = at.text("recurrent_activation", "sigmoid"),
                    last = at.text("activation", "tanh");
  enum : int64_t { Reset, Output, Update };
  Walked walked;
  walked.states = along.walk([&](int64_t step) {
    const TensorId reset = activated(at, along.gate(Reset, step, state), recurrent);
    const TensorId update = activated(at, along.gate(Update, step, state), recurrent);
    const TensorId memory = product(at, reset, along.from_state(Output, state));
    const TensorId output = activated(at, sum(at, along.input(Output, step), memory), last);
    const TensorId difference = at.binary(ElementWiseOp::Sub, state, output);
    return state = sum(at, output, product(at, update, difference));
  });
  walked.state = state;
  return walked;
}

Walked walk_rnn(const Direction& along, TensorId state) {
  OperationImport& at = along.at;
  const std::string function = at.text("activation", "tanh");
  Walked walked;
  walked.states =
      along.walk([&](int64_t step) { return state = activated(at, along.gate(0, step, state), function); });
  walked.state = state;
  return walked;
}

TensorId joined(OperationImport& at, Axis axis, const std::vector<TensorId>& parts) {
  return parts.size() == 1 ? parts[0] : at.add(aneir::Concat{axis}, parts);
}

// What the operation gives first: all states, or the last.
TensorId sequence_of(OperationImport& at, const Walked& walked) {
  return at.flag("output_sequence", false) ? joined(at, Axis::Channel, walked.states) : walked.state;
}

bool is_reverse(const OperationImport& at) {
  const std::string direction = at.text("direction", "forward");
  at.require(direction == "forward" || direction == "reverse", "direction " + direction);
  return direction == "reverse";
}

// Half of the states of both directions.
TensorId initial(OperationImport& at, const char* parameter, int64_t hidden, bool both, bool back) {
  const TensorId state = at.tensor(parameter);
  at.require(at.rank(parameter) == 2 && at.shape(state).w == (both ? 2 * hidden : hidden),
             std::string(parameter) + " is " + at.type(parameter).text());
  return both ? at.add(InputView{Axis::Width, back ? hidden : 0, hidden, 1}, {state}) : state;
}

}  // namespace

Tops import_lstm(OperationImport& at) {
  at.require(!at.has("clip"), "has bounds, of which it is not known what they bound");
  const bool both = at.text("direction", "forward") == "bidirectional";
  std::vector<TensorId> sequences, states, cells;
  for (const bool back : both ? std::vector{false, true} : std::vector{false}) {
    const Direction along(at, 4, back ? "_back" : "", both ? back : is_reverse(at));
    const TensorId state = initial(at, "initial_h", along.hidden, both, back);
    const Walked walked = walk_lstm(along, state, initial(at, "initial_c", along.hidden, both, back));
    sequences.push_back(sequence_of(at, walked));
    states.push_back(walked.state);
    cells.push_back(walked.cell);
  }
  const TensorId sequence = joined(at, Axis::Width, sequences);
  return {sequence, sequences == states ? sequence : joined(at, Axis::Width, states),
          joined(at, Axis::Width, cells)};
}

Tops import_gru(OperationImport& at) {
  at.require(!at.has("reset_after") && !at.has("input_bias"), "resets behind the matrix product");
  const Direction along(at, 3, "", is_reverse(at));
  const Walked walked = walk_gru(along, initial(at, "initial_h", along.hidden, false, false));
  return {sequence_of(at, walked), walked.state};
}

Tops import_rnn(OperationImport& at) {
  const Direction along(at, 1, "", is_reverse(at));
  const Walked walked = walk_rnn(along, initial(at, "initial_h", along.hidden, false, false));
  return {sequence_of(at, walked), walked.state};
}

}  // namespace ane::import
