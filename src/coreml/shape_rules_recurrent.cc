// Recurrent layers: [Seq, Batch, size, 1, 1] in and out. Their states are further inputs and outputs.
#include <fmt/format.h>

#include "coreml/shape_rules.h"

namespace ane::coreml {

namespace {

using spec::LSTMWeightParams;
using spec::WeightParams;

constexpr size_t sequence = 0, batch = 1, vector_axis = 2;

struct Sizes {
  int64_t input, hidden;
};

template <typename Params>
Sizes sizes_of(const LayerCheck& check, const Params& params) {
  const Sizes sizes{check.size(params.inputvectorsize(), "inputVectorSize"),
                    check.size(params.outputvectorsize(), "outputVectorSize")};
  check.need_exact_rank(5);
  const Shape& shape = check.input();
  check.need(shape[vector_axis] == sizes.input && shape[3] == 1 && shape[4] == 1,
             "takes vectors of {}, but its input is {}", sizes.input, shape);
  return sizes;
}

void need_gate(const LayerCheck& check, const Sizes& sizes, const WeightParams& weights,
               const WeightParams& recursion, const WeightParams* bias, const char* what) {
  check.need_weights(weights, {sizes.hidden, sizes.input}, what);
  check.need_weights(recursion, {sizes.hidden, sizes.hidden}, what);
  if (bias) check.need_weights(*bias, {sizes.hidden}, what);
}

// `states`: as many inputs or outputs as the layer may have besides.
Shapes shapes_for(const LayerCheck& check, const Sizes& sizes, size_t states, bool all, int64_t directions) {
  check.need(check.inputs().size() == 1 || check.inputs().size() == 1 + states,
             "has {} inputs where 1 or {} must be", check.inputs().size(), 1 + states);
  const Shape state = {1, check.input()[batch], sizes.hidden, 1, 1};
  for (size_t i = 1; i < check.inputs().size(); ++i)
    check.need(check.input(i) == state, "has a state of {}, not {}", check.input(i), state);
  Shape result = state;
  result[sequence] = all ? check.input()[sequence] : 1;
  result[vector_axis] *= directions;
  Shapes shapes = {result};
  const auto outputs = static_cast<size_t>(check.layer().output_size());
  if (outputs > 1) shapes.resize(1 + states, state);
  return shapes;
}

void need_lstm(const LayerCheck& check, const Sizes& sizes, const spec::LSTMParams& params,
               const LSTMWeightParams& weights) {
  const bool biased = params.hasbiasvectors();
  need_gate(check, sizes, weights.inputgateweightmatrix(), weights.inputgaterecursionmatrix(),
            biased ? &weights.inputgatebiasvector() : nullptr, "the input gate");
  if (!params.coupledinputandforgetgate())
    need_gate(check, sizes, weights.forgetgateweightmatrix(), weights.forgetgaterecursionmatrix(),
              biased ? &weights.forgetgatebiasvector() : nullptr, "the forget gate");
  need_gate(check, sizes, weights.blockinputweightmatrix(), weights.blockinputrecursionmatrix(),
            biased ? &weights.blockinputbiasvector() : nullptr, "the block input");
  need_gate(check, sizes, weights.outputgateweightmatrix(), weights.outputgaterecursionmatrix(),
            biased ? &weights.outputgatebiasvector() : nullptr, "the output gate");
  if (!params.haspeepholevectors()) return;
  check.need_weights(weights.inputgatepeepholevector(), {sizes.hidden}, "the input gate's peephole");
  if (!params.coupledinputandforgetgate())
    check.need_weights(weights.forgetgatepeepholevector(), {sizes.hidden}, "the forget gate's peephole");
  check.need_weights(weights.outputgatepeepholevector(), {sizes.hidden}, "the output gate's peephole");
}

}  // namespace

Shapes simple_recurrent_shapes(const LayerCheck& check) {
  const auto& params = check.layer().simplerecurrent();
  const Sizes sizes = sizes_of(check, params);
  need_gate(check, sizes, params.weightmatrix(), params.recursionmatrix(),
            params.hasbiasvector() ? &params.biasvector() : nullptr, "the weights");
  return shapes_for(check, sizes, 1, params.sequenceoutput(), 1);
}

Shapes gru_shapes(const LayerCheck& check) {
  const auto& params = check.layer().gru();
  const Sizes sizes = sizes_of(check, params);
  const bool biased = params.hasbiasvectors();
  check.need(params.activations_size() == 2, "has not two activations");
  need_gate(check, sizes, params.updategateweightmatrix(), params.updategaterecursionmatrix(),
            biased ? &params.updategatebiasvector() : nullptr, "the update gate");
  need_gate(check, sizes, params.resetgateweightmatrix(), params.resetgaterecursionmatrix(),
            biased ? &params.resetgatebiasvector() : nullptr, "the reset gate");
  need_gate(check, sizes, params.outputgateweightmatrix(), params.outputgaterecursionmatrix(),
            biased ? &params.outputgatebiasvector() : nullptr, "the output gate");
  return shapes_for(check, sizes, 1, params.sequenceoutput(), 1);
}

Shapes lstm_shapes(const LayerCheck& check) {
  const auto& params = check.layer().unidirectionallstm();
  const Sizes sizes = sizes_of(check, params);
  check.need(params.activations_size() == 3, "has not three activations");
  need_lstm(check, sizes, params.params(), params.weightparams());
  return shapes_for(check, sizes, 2, params.params().sequenceoutput(), 1);
}

Shapes bidirectional_lstm_shapes(const LayerCheck& check) {
  const auto& params = check.layer().bidirectionallstm();
  const Sizes sizes = sizes_of(check, params);
  check.need(params.activationsforwardlstm_size() == 3 && params.activationsbackwardlstm_size() == 3,
             "has not three activations for each direction");
  check.need(params.weightparams_size() == 2, "has not the weights of two directions");
  for (const LSTMWeightParams& weights : params.weightparams())
    need_lstm(check, sizes, params.params(), weights);
  return shapes_for(check, sizes, 4, params.params().sequenceoutput(), 2);
}

}  // namespace ane::coreml
