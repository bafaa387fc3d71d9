// Recurrent layers of a known number of steps, unrolled. (Espresso has a layer for them, rnn_arch, but the
// order of the gates in its arrays is not known.)
//
// W x + b of all gates is one 1x1 convolution over all steps, which lie along the sequence; R h of all gates
// one for each step. Both give the gates one below the other as channels.
//
// Sums are clipped to +-50 before a function where that can show in binary16: not before functions that are
// flat there.
//
// A network whose input declares no sequence is run one step at a time, its states going out and in; one that
// keeps its state to itself cannot be, and is refused, for nothing says how many steps there are.
#include <fmt/format.h>

#include <functional>
#include <map>

#include "espresso/steps.h"

namespace ane::espresso {

namespace {

using coreml::spec::ActivationParams;
using coreml::spec::LSTMParams;
using coreml::spec::LSTMWeightParams;
using coreml::spec::WeightParams;

constexpr int64_t most_steps = 128;
constexpr double clip_limit = 50;

// Several matrices [rows][columns] below each other, and their biases, if they have any.
struct Stacked {
  std::vector<float> matrix, biases;
  int64_t rows = 0, columns = 0;

  void add(const WeightParams& weights, int64_t height, int64_t width, const WeightParams* bias,
           float plus = 0) {
    const std::vector<float> values = coreml::decode_weights(weights, coreml::Shape{height, width});
    matrix.insert(matrix.end(), values.begin(), values.end());
    std::vector<float> offsets(static_cast<size_t>(height), 0.0f);
    if (bias) offsets = coreml::decode_weights(*bias, coreml::Shape{height});
    for (float& offset : offsets) offset += plus;
    biases.insert(biases.end(), offsets.begin(), offsets.end());
    rows += height;
    columns = width;
  }
};

// What a walk through the steps needs: names that differ from step to step, and short forms.
class Walk {
 public:
  Walk(Translation& to, const SourceLayer& source, std::string direction, int64_t hidden)
      : to_(to), source_(source), direction_(std::move(direction)), hidden_(hidden) {}

  Blob5 product(const char* name, const Stacked& of, const Blob5& x, bool biased) {
    Shape shape = x.shape;
    shape.k = of.rows;
    json attributes = {{"C", of.rows},
                       {"K", of.columns},
                       {"Nx", 1},
                       {"Ny", 1},
                       {"n_groups", 1},
                       {"n_parallel", 1},
                       {"has_biases", biased ? 1 : 0},
                       {"has_batch_norm", 0},
                       {"fused_relu", 0},
                       {"fused_tanh", 0},
                       {"pad_mode", 2},
                       {"pad_fill_mode", 0}};
    if (biased) attributes["blob_biases"] = blob_of(std::string(name) + "b", of.biases);
    attributes["blob_weights"] = blob_of(name, of.matrix);
    return step(to_, source_, suffix(name), "convolution", std::move(attributes), {x}, shape);
  }
  Blob5 sum(const Blob5& a, const Blob5& b) { return combine("sum", kAdd, a, b); }
  Blob5 difference(const Blob5& a, const Blob5& b) { return combine("difference", kSubtract, a, b); }
  Blob5 product(const Blob5& a, const Blob5& b) { return combine("product", kMultiply, a, b); }
  Blob5 clipped(const Blob5& x, double limit) {
    json attributes = elementwise(kClamp, -limit, limit);
    return step(to_, source_, suffix("clip"), "elementwise", std::move(attributes), {x}, x.shape);
  }
  Blob5 part(const Blob5& x, int64_t code, int64_t begin, int64_t count) {
    Shape shape = x.shape;
    if (dimension(shape, code) == count) return x;
    dimension(shape, code) = count;
    return step(to_, source_, suffix("part"), "slice",
                {{"axis", code}, {"start", begin}, {"end", begin + count}}, {x}, shape);
  }
  Blob5 gate(const Blob5& gates, int64_t index) { return part(gates, kAxisK, index * hidden_, hidden_); }
  Blob5 vector(const char* name, const WeightParams& values) {
    const auto known = vectors_.find(name);
    if (known != vectors_.end()) return known->second;
    Shape shape;
    shape.k = hidden_;
    return vectors_[name] = constant_step(to_, source_, suffix(name),
                                          coreml::decode_weights(values, coreml::Shape{hidden_}), shape);
  }
  Blob5 activated(const ActivationParams& activation, Blob5 x, bool clips = true) {
    const bool saturates = activation.has_sigmoid() || activation.has_tanh() || activation.has_scaledtanh() ||
                           activation.has_sigmoidhard();
    if (clips && !saturates) x = clipped(x, clip_limit);
    return step(to_, source_, suffix("function"), "activation", function_of(activation), {x}, x.shape);
  }

 private:
  // The numbers of recurrent layers are fixed, whatever the message says (described; a public decoder's
  // messages are empty).
  static json function_of(const ActivationParams& activation) {
    switch (activation.NonlinearityType_case()) {
      case ActivationParams::kLinear:
        return linear(1, 0);
      case ActivationParams::kReLU:
        return {{"mode", 0}};
      case ActivationParams::kTanh:
        return {{"mode", 1}};
      case ActivationParams::kSigmoid:
        return {{"mode", 3}};
      case ActivationParams::kScaledTanh:
        return {{"mode", 5}, {"alpha", 1.7159}, {"beta", 2.0 / 3}};
      case ActivationParams::kSigmoidHard:
        return {{"mode", 7}, {"alpha", 0.2}, {"beta", 0.5}};
      default:
        throw Unsupported{"an activation that recurrent layers do not have"};
    }
  }
  std::string suffix(const char* name) { return fmt::format("{}{}{}", direction_, name, counter_++); }
  // Every step refers to the same array.
  int64_t blob_of(const std::string& name, const std::vector<float>& values) {
    const auto [at, is_new] = blobs_.emplace(name, 0);
    if (is_new) at->second = add_floats(to_, values);
    return at->second;
  }
  Blob5 combine(const char* name, Operation operation, const Blob5& a, const Blob5& b) {
    return operate(to_, source_, suffix(name), operation, {a, b});
  }

  Translation& to_;
  const SourceLayer& source_;
  const std::string direction_;
  const int64_t hidden_;
  int64_t counter_ = 0;
  std::map<std::string, int64_t> blobs_;
  std::map<std::string, Blob5> vectors_;
};

struct State {
  std::optional<Blob5> hidden, cell;  // absent: zero
};

// The gates of one step before their functions.
Blob5 with_state(Walk& walk, const Stacked& recursion, const Blob5& gates, const State& state) {
  return state.hidden ? walk.sum(gates, walk.product("recursion", recursion, *state.hidden, false)) : gates;
}

using Step = std::function<State(Walk&, const Blob5& gates, const State&)>;

// One direction: its outputs by time, and its last state.
struct Walked {
  std::vector<Blob5> outputs;
  State last;
};

Walked walk_steps(Translation& to, const SourceLayer& source, const std::string& direction, int64_t hidden,
                  const Stacked& input, State state, bool reverse, const Step& step) {
  Walk walk(to, source, direction, hidden);
  const Blob5 x = input_blob(to, source), gates = walk.product("input", input, x, true);
  const int64_t length = x.shape.seq;
  Walked walked{std::vector<Blob5>(static_cast<size_t>(length)), {}};
  for (int64_t i = 0; i < length; ++i) {
    const int64_t time = reverse ? length - 1 - i : i;
    state = step(walk, walk.part(gates, kAxisSeq, time, 1), state);
    walked.outputs[static_cast<size_t>(time)] = *state.hidden;
  }
  walked.last = std::move(state);
  return walked;
}

void need_steps(const Translation& to, const SourceLayer& source, bool all, bool reverse) {
  const Shape shape = input_shape(to, source);
  if (shape.n != 1) throw Unsupported{"a batch of sequences"};
  if (shape.seq > most_steps)
    throw Unsupported{fmt::format("{} steps: at most {} are unrolled", shape.seq, most_steps)};
  if (reverse && all) throw Unsupported{"a reversed sequence, the order of whose outputs is not known"};
  const bool has_states = source.input_size() > 1 && source.output_size() > 1;
  if (shape.seq == 1 && (reverse || !has_states))
    throw Unsupported{"a recurrence of unknown length: its input declares no sequence"};
}

State first_state(const Translation& to, const SourceLayer& source, int index, bool has_cell) {
  State state;
  if (source.input_size() == 1) return state;
  state.hidden = input_blob(to, source, index);
  if (has_cell) state.cell = input_blob(to, source, index + 1);
  return state;
}

// The sequence or its last element, then the states.
void finish_all(Translation& to, const SourceLayer& source, bool all, bool has_cell,
                const std::vector<Walked>& directions) {
  std::vector<Blob5> by_time;
  const size_t length = directions[0].outputs.size();
  for (size_t time = 0; time < (all ? length : 1); ++time) {
    std::vector<Blob5> parts;
    for (const Walked& walked : directions) parts.push_back(all ? walked.outputs[time] : *walked.last.hidden);
    Shape shape = parts[0].shape;
    shape.k *= static_cast<int64_t>(parts.size());
    by_time.push_back(parts.size() == 1 ? parts[0]
                                        : step(to, source, fmt::format("both{}", time), "concat",
                                               json::object(), parts, shape));
  }
  Blob5 sequence = by_time[0];
  if (by_time.size() > 1) {
    Shape shape = sequence.shape;
    shape.seq = static_cast<int64_t>(by_time.size());
    sequence = step(to, source, "sequence", "sequence_concat", {{"simple_concat", 1}}, by_time, shape);
  }
  int output = 0;
  finish(to, source, sequence, output++);
  for (const Walked& walked : directions) {
    if (output < source.output_size()) finish(to, source, *walked.last.hidden, output++);
    if (has_cell && output < source.output_size()) finish(to, source, *walked.last.cell, output++);
  }
}

// ---- The kinds ----

void translate_simple(Translation& to, const SourceLayer& source) {
  const auto& layer = source.simplerecurrent();
  need_steps(to, source, layer.sequenceoutput(), layer.reverseinput());
  const auto in = static_cast<int64_t>(layer.inputvectorsize()),
             out = static_cast<int64_t>(layer.outputvectorsize());
  Stacked input, recursion;
  input.add(layer.weightmatrix(), out, in, layer.hasbiasvector() ? &layer.biasvector() : nullptr);
  recursion.add(layer.recursionmatrix(), out, out, nullptr);
  const Step step = [&](Walk& walk, const Blob5& gates, const State& before) {
    return State{walk.activated(layer.activation(), with_state(walk, recursion, gates, before)), {}};
  };
  finish_all(to, source, layer.sequenceoutput(), false,
             {walk_steps(to, source, "", out, input, first_state(to, source, 1, false), layer.reverseinput(),
                         step)});
}

// z and r from W x + R y, o from W x + R (r y); y = o + z (y - o).
void translate_gru(Translation& to, const SourceLayer& source) {
  const auto& layer = source.gru();
  need_steps(to, source, layer.sequenceoutput(), layer.reverseinput());
  const auto in = static_cast<int64_t>(layer.inputvectorsize()),
             out = static_cast<int64_t>(layer.outputvectorsize());
  const bool biased = layer.hasbiasvectors();
  Stacked input, gates_recursion, output_recursion;
  input.add(layer.updategateweightmatrix(), out, in, biased ? &layer.updategatebiasvector() : nullptr);
  input.add(layer.resetgateweightmatrix(), out, in, biased ? &layer.resetgatebiasvector() : nullptr);
  input.add(layer.outputgateweightmatrix(), out, in, biased ? &layer.outputgatebiasvector() : nullptr);
  gates_recursion.add(layer.updategaterecursionmatrix(), out, out, nullptr);
  gates_recursion.add(layer.resetgaterecursionmatrix(), out, out, nullptr);
  output_recursion.add(layer.outputgaterecursionmatrix(), out, out, nullptr);
  const Step step = [&](Walk& walk, const Blob5& all, const State& before) {
    const Blob5 gates = with_state(walk, gates_recursion, walk.part(all, kAxisK, 0, 2 * out), before);
    const Blob5 update = walk.activated(layer.activations(0), walk.gate(gates, 0));
    Blob5 candidate = walk.gate(all, 2);
    if (before.hidden) {
      const Blob5 reset = walk.activated(layer.activations(0), walk.gate(gates, 1));
      candidate = walk.sum(
          candidate, walk.product("output", output_recursion, walk.product(reset, *before.hidden), false));
    }
    candidate = walk.activated(layer.activations(1), candidate);
    const Blob5 kept = before.hidden ? walk.product(update, walk.difference(*before.hidden, candidate))
                                     : walk.product(update, candidate);
    return State{before.hidden ? walk.sum(candidate, kept) : walk.difference(candidate, kept), {}};
  };
  finish_all(to, source, layer.sequenceoutput(), false,
             {walk_steps(to, source, "", out, input, first_state(to, source, 1, false), layer.reverseinput(),
                         step)});
}

using Activations = google::protobuf::RepeatedPtrField<ActivationParams>;

// Gates i, f, z, o, without f where it is 1 - i.
Walked walk_lstm(Translation& to, const SourceLayer& source, const std::string& direction, int64_t in,
                 int64_t out, const LSTMParams& params, const LSTMWeightParams& weights,
                 const Activations& activations, State first, bool reverse) {
  const bool biased = params.hasbiasvectors(), coupled = params.coupledinputandforgetgate();
  Stacked input, recursion;
  const auto add = [&](const WeightParams& w, const WeightParams& r, const WeightParams& b, float plus) {
    input.add(w, out, in, biased ? &b : nullptr, plus);
    recursion.add(r, out, out, nullptr);
  };
  add(weights.inputgateweightmatrix(), weights.inputgaterecursionmatrix(), weights.inputgatebiasvector(), 0);
  add(weights.blockinputweightmatrix(), weights.blockinputrecursionmatrix(), weights.blockinputbiasvector(),
      0);
  add(weights.outputgateweightmatrix(), weights.outputgaterecursionmatrix(), weights.outputgatebiasvector(),
      0);
  if (!coupled)
    add(weights.forgetgateweightmatrix(), weights.forgetgaterecursionmatrix(), weights.forgetgatebiasvector(),
        params.forgetbias() ? 1 : 0);
  const double limit = finite(or_default(params.cellclipthreshold(), 50));
  const Step step = [&](Walk& walk, const Blob5& from_input, const State& before) {
    const Blob5 gates = with_state(walk, recursion, from_input, before);
    const auto gate = [&](int64_t index, const char* name, const WeightParams& peephole,
                          const std::optional<Blob5>& cell) {
      Blob5 sum = walk.gate(gates, index);
      if (params.haspeepholevectors() && cell)
        sum = walk.sum(sum, walk.product(*cell, walk.vector(name, peephole)));
      return walk.activated(activations.Get(0), sum);
    };
    const Blob5 i = gate(0, "peephole_i", weights.inputgatepeepholevector(), before.cell);
    const Blob5 z = walk.activated(activations.Get(1), walk.gate(gates, 1));
    Blob5 cell = walk.product(i, z);
    if (before.cell && coupled)
      cell = walk.sum(*before.cell, walk.product(i, walk.difference(z, *before.cell)));
    else if (before.cell)
      cell = walk.sum(
          cell,
          walk.product(*before.cell, gate(3, "peephole_f", weights.forgetgatepeepholevector(), before.cell)));
    cell = walk.clipped(cell, limit);
    const Blob5 o = gate(2, "peephole_o", weights.outputgatepeepholevector(), cell);
    return State{walk.product(walk.activated(activations.Get(2), cell, false), o), cell};
  };
  return walk_steps(to, source, direction, out, input, std::move(first), reverse, step);
}

void translate_lstm(Translation& to, const SourceLayer& source) {
  const auto& layer = source.unidirectionallstm();
  const bool all = layer.params().sequenceoutput();
  need_steps(to, source, all, layer.reverseinput());
  finish_all(to, source, all, true,
             {walk_lstm(to, source, "", static_cast<int64_t>(layer.inputvectorsize()),
                        static_cast<int64_t>(layer.outputvectorsize()), layer.params(), layer.weightparams(),
                        layer.activations(), first_state(to, source, 1, true), layer.reverseinput())});
}

void translate_bidirectional(Translation& to, const SourceLayer& source) {
  const auto& layer = source.bidirectionallstm();
  const bool all = layer.params().sequenceoutput();
  need_steps(to, source, all, false);
  if (input_shape(to, source).seq == 1)
    throw Unsupported{"a recurrence of unknown length: its input declares no sequence"};
  const auto in = static_cast<int64_t>(layer.inputvectorsize()),
             out = static_cast<int64_t>(layer.outputvectorsize());
  finish_all(to, source, all, true,
             {walk_lstm(to, source, "forward_", in, out, layer.params(), layer.weightparams(0),
                        layer.activationsforwardlstm(), first_state(to, source, 1, true), false),
              walk_lstm(to, source, "backward_", in, out, layer.params(), layer.weightparams(1),
                        layer.activationsbackwardlstm(), first_state(to, source, 3, true), true)});
}

}  // namespace

bool translate_recurrent(Translation& to, const SourceLayer& source) {
  switch (source.layer_case()) {
    case SourceLayer::kSimpleRecurrent:
      return translate_simple(to, source), true;
    case SourceLayer::kGru:
      return translate_gru(to, source), true;
    case SourceLayer::kUniDirectionalLSTM:
      return translate_lstm(to, source), true;
    case SourceLayer::kBiDirectionalLSTM:
      return translate_bidirectional(to, source), true;
    default:
      return false;
  }
}

}  // namespace ane::espresso
