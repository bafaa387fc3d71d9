// The table of layers tells the truth: a network of each type of layer alone becomes a program that computes
// what the reference does, or is refused in the table's words; docs/layers.md is that table.
#include "driver/layer_table.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <functional>
#include <map>
#include <set>

#include "base/error.h"
#include "driver/one_layer.h"
#include "driver/road.h"
#include "driver/shell.h"

namespace ane::test {
namespace {

using driver::Treatment;
using Layer = spec::NeuralNetworkLayer;
using Lengths = std::vector<int64_t>;
using Example = std::function<ModelBuilder()>;
using Fill = std::function<void(Layer&)>;

Example classic(const Fill& fill, const std::vector<Lengths>& shapes = {{4, 6, 8}}) {
  return [=] { return one_layer(false, shapes, fill); };
}
Example exact(const Fill& fill, const std::vector<Lengths>& shapes = {{4, 6, 8}}) {
  return [=] { return one_layer(true, shapes, fill); };
}
Example of_two(const Fill& fill) {
  return exact(fill, {{4, 6, 8}, {4, 6, 8}});
}

// y = exp(x) first, so that the layer sees positive numbers.
Example of_positive(const Fill& fill, int inputs = 1) {
  return [=] {
    ModelBuilder model(5);
    model.exact_rank();
    std::vector<std::string> names;
    for (int i = 0; i < inputs; ++i) {
      const std::string from = fmt::format("x{}", i);
      names.push_back(fmt::format("p{}", i));
      model.array_input(from, {4, 6, 8});
      model.unary(names.back(), from, spec::UnaryFunctionLayerParams::EXP);
    }
    fill(*model.layer("y", names));
    model.array_output("y");
    return model;
  };
}

spec::LoadConstantNDLayerParams& constant(ModelBuilder& model, const std::string& name, const Lengths& shape,
                                          const std::vector<float>& values) {
  auto& params = *model.layer(name, {})->mutable_loadconstantnd();
  for (const int64_t length : shape) params.add_shape(static_cast<uint64_t>(length));
  set_floats(params.mutable_data(), values);
  return params;
}

// The layer reads x and a constant.
Example with_constant(const Lengths& shape, const std::vector<float>& values, const Fill& fill,
                      bool constant_first = false) {
  return [=] {
    ModelBuilder model(5);
    model.exact_rank();
    model.array_input("x", {4, 6, 8});
    constant(model, "c", shape, values);
    fill(*model.layer(
        "y", constant_first ? std::vector<std::string>{"c", "x"} : std::vector<std::string>{"x", "c"}));
    model.array_output("y");
    return model;
  };
}

// The layer makes [8], which is added to x.
Example made(const Fill& fill, const std::vector<std::string>& inputs = {}) {
  return [=] {
    ModelBuilder model(5);
    model.exact_rank();
    model.array_input("x", {4, 6, 8});
    fill(*model.layer("made", inputs));
    model.layer("y", {"x", "made"})->mutable_addbroadcastable();
    model.array_output("y");
    return model;
  };
}

// The layer reads the places of the largest elements.
Example of_places(const Fill& fill) {
  return [=] {
    ModelBuilder model(5);
    model.exact_rank();
    model.array_input("x", {4, 6, 8});
    auto& places = *model.layer("places", {"x"})->mutable_argmax();
    places.set_axis(2);
    places.set_removedim(true);
    fill(*model.layer("y", {"places"}));
    model.array_output("y");
    return model;
  };
}

template <typename Params>
void over_columns(Params& params) {
  params.add_axes(-1);
  params.set_keepdims(true);
}

// ---- Recurrent layers: 5 steps of vectors of 6, states of 4.

constexpr int64_t vector_size = 6, state_size = 4;

template <typename Params>
void set_sizes(Params& params) {
  params.set_inputvectorsize(vector_size);
  params.set_outputvectorsize(state_size);
}
void set_gate(spec::WeightParams* weights, spec::WeightParams* recursion,
              spec::WeightParams* bias = nullptr) {
  static int seed = 0;  // no two gates alike
  const auto numbers = [&](int64_t count) {
    std::vector<float> values;
    for (int64_t i = 0; i < count; ++i)
      values.push_back(static_cast<float>((i * 37 + ++seed * 11) % 41 - 20) / 32);
    return values;
  };
  set_floats(weights, numbers(vector_size * state_size));
  set_floats(recursion, numbers(state_size * state_size));
  if (bias) set_floats(bias, numbers(state_size));
}
void set_gates(spec::LSTMWeightParams& to) {
  set_gate(to.mutable_inputgateweightmatrix(), to.mutable_inputgaterecursionmatrix(),
           to.mutable_inputgatebiasvector());
  set_gate(to.mutable_forgetgateweightmatrix(), to.mutable_forgetgaterecursionmatrix(),
           to.mutable_forgetgatebiasvector());
  set_gate(to.mutable_blockinputweightmatrix(), to.mutable_blockinputrecursionmatrix(),
           to.mutable_blockinputbiasvector());
  set_gate(to.mutable_outputgateweightmatrix(), to.mutable_outputgaterecursionmatrix(),
           to.mutable_outputgatebiasvector());
  set_floats(to.mutable_inputgatepeepholevector(), {0.5f, -0.25f, 1, 0.75f});
  set_floats(to.mutable_forgetgatepeepholevector(), {-0.5f, 0.25f, 0.5f, 1});
  set_floats(to.mutable_outputgatepeepholevector(), {0.25f, 1, -1, 0.5f});
}
void set_functions(google::protobuf::RepeatedPtrField<spec::ActivationParams>* functions) {
  functions->Add()->mutable_sigmoidhard();
  functions->Add()->mutable_tanh();
  functions->Add()->mutable_scaledtanh();
}

// The rows of x as a sequence, and as many states, which are also results.
Example recurrent(int states, const Fill& fill) {
  return [=] {
    ModelBuilder model;
    model.array_input("x", {vector_size, 1, 5});
    model.permute("steps", "x", {3, 1, 2, 0});
    std::vector<std::string> inputs = {"steps"}, outputs = {"y"};
    for (int i = 0; i < states; ++i) {
      inputs.push_back(fmt::format("state{}", i));
      outputs.push_back(fmt::format("next{}", i));
      model.array_input(inputs.back(), {state_size});
    }
    fill(*model.layer("y", inputs, outputs));
    for (const std::string& output : outputs) model.array_output(output);
    return model;
  };
}

spec::ActivationParams& activation(Layer& y) {
  return *y.mutable_activation();
}

const std::map<std::string, Example>& activations() {
  static const std::map<std::string, Example> examples = {
      {"linear", classic([](Layer& y) { activation(y).mutable_linear()->set_alpha(2); })},
      {"ReLU", classic([](Layer& y) { activation(y).mutable_relu(); })},
      {"leakyReLU", classic([](Layer& y) { activation(y).mutable_leakyrelu()->set_alpha(0.25f); })},
      {"thresholdedReLU",
       classic([](Layer& y) { activation(y).mutable_thresholdedrelu()->set_alpha(0.25f); })},
      {"PReLU",
       classic([](Layer& y) { set_floats(activation(y).mutable_prelu()->mutable_alpha(), ramp(4)); })},
      {"tanh", classic([](Layer& y) { activation(y).mutable_tanh(); })},
      {"scaledTanh", classic([](Layer& y) {
         activation(y).mutable_scaledtanh()->set_alpha(2);
         activation(y).mutable_scaledtanh()->set_beta(0.5f);
       })},
      {"sigmoid", classic([](Layer& y) { activation(y).mutable_sigmoid(); })},
      {"sigmoidHard", classic([](Layer& y) {
         activation(y).mutable_sigmoidhard()->set_alpha(0.2f);
         activation(y).mutable_sigmoidhard()->set_beta(0.5f);
       })},
      {"ELU", classic([](Layer& y) { activation(y).mutable_elu()->set_alpha(1); })},
      {"softsign", classic([](Layer& y) { activation(y).mutable_softsign(); })},
      {"softplus", classic([](Layer& y) { activation(y).mutable_softplus(); })},
      {"parametricSoftplus", classic([](Layer& y) {
         set_floats(activation(y).mutable_parametricsoftplus()->mutable_alpha(), ramp(4));
         set_floats(activation(y).mutable_parametricsoftplus()->mutable_beta(), ramp(4));
       })},
  };
  return examples;
}

const std::map<std::string, Example>& classic_layers() {
  static const std::map<std::string, Example> examples = {
      {"convolution",
       [] {
         ModelBuilder model;
         model.array_input("x", {4, 6, 8});
         model.convolution("y", "x", {.out = 3, .in = 4});
         model.array_output("y");
         return model;
       }},
      {"pooling",
       [] {
         ModelBuilder model;
         model.array_input("x", {4, 6, 8});
         model.pooling("y", "x", {});
         model.array_output("y");
         return model;
       }},
      {"innerProduct",
       [] {
         ModelBuilder model;
         model.array_input("x", {16});
         model.inner_product("y", "x", 16, 5);
         model.array_output("y");
         return model;
       }},
      {"embedding",
       [] {
         ModelBuilder model;
         model.array_input("x", {4, 6, 8});
         auto& places = *model.layer("places", {"x"})->mutable_reduce();
         places.set_mode(spec::ReduceLayerParams::ARGMAX);
         places.set_axis(spec::ReduceLayerParams::C);
         model.layer("row", {"places"})->mutable_crop()->mutable_cropamounts();
         for (const uint64_t amount : {5u, 7u})
           model.network()
               .mutable_layers(1)
               ->mutable_crop()
               ->mutable_cropamounts()
               ->add_borderamounts()
               ->set_startedgesize(amount);
         auto& params = *model.layer("y", {"row"})->mutable_embedding();
         params.set_inputdim(4);
         params.set_outputchannels(3);
         set_floats(params.mutable_weights(), ramp(12));
         model.array_output("y");
         return model;
       }},
      {"batchnorm",
       [] {
         ModelBuilder model;
         model.array_input("x", {4, 6, 8});
         model.batchnorm("y", "x", {1, 2, -1, 0.5f}, {0, 1, 0, 1}, {0, 0.5f, 0, 0.25f}, {1, 2, 1, 0.5f});
         model.array_output("y");
         return model;
       }},
      {"mvn", classic([](Layer& y) { y.mutable_mvn()->set_normalizevariance(true); })},
      {"l2normalize", classic([](Layer& y) { y.mutable_l2normalize(); })},
      {"softmax", classic([](Layer& y) { y.mutable_softmax(); })},
      {"lrn", classic([](Layer& y) {
         y.mutable_lrn()->set_alpha(1);
         y.mutable_lrn()->set_beta(0.75f);
         y.mutable_lrn()->set_localsize(3);
       })},
      {"crop", classic([](Layer& y) {
         for (const uint64_t amount : {1u, 2u})
           y.mutable_crop()->mutable_cropamounts()->add_borderamounts()->set_startedgesize(amount);
       })},
      {"padding", classic([](Layer& y) {
         y.mutable_padding()->mutable_reflection();
         for (const uint64_t amount : {1u, 2u})
           y.mutable_padding()->mutable_paddingamounts()->add_borderamounts()->set_startedgesize(amount);
       })},
      {"upsample", classic([](Layer& y) {
         y.mutable_upsample()->set_mode(spec::UpsampleLayerParams::BILINEAR);
         y.mutable_upsample()->add_scalingfactor(2);
         y.mutable_upsample()->add_scalingfactor(3);
       })},
      {"resizeBilinear", classic([](Layer& y) {
         y.mutable_resizebilinear()->add_targetsize(9);
         y.mutable_resizebilinear()->add_targetsize(5);
       })},
      {"cropResize",
       [] {
         ModelBuilder model(3);
         model.array_input("x", {4, 6, 8});
         auto& boxes = *model.layer("boxes", {})->mutable_loadconstant();
         for (const uint64_t length : {8u, 1u, 1u}) boxes.add_shape(length);
         set_floats(boxes.mutable_data(), {1, 2, 4, 6.5f, 0.25f, -1, 5, 9});
         auto& list = *model.layer("list", {"boxes"})->mutable_reshape();
         for (const int64_t length : {2, 4, 1, 1}) list.add_targetshape(length);
         auto& params = *model.layer("y", {"x", "list"})->mutable_cropresize();
         params.add_targetsize(5);
         params.add_targetsize(4);
         model.array_output("y");
         return model;
       }},
      {"unary", classic([](Layer& y) { y.mutable_unary()->set_type(spec::UnaryFunctionLayerParams::EXP); })},
      {"add", classic([](Layer& y) { y.mutable_add(); }, {{4, 6, 8}, {4, 6, 8}})},
      {"multiply", classic([](Layer& y) { y.mutable_multiply(); }, {{4, 6, 8}, {4, 6, 8}})},
      {"average", classic([](Layer& y) { y.mutable_average(); }, {{4, 6, 8}, {4, 6, 8}})},
      {"max", classic([](Layer& y) { y.mutable_max(); }, {{4, 6, 8}, {4, 6, 8}})},
      {"min", classic([](Layer& y) { y.mutable_min(); }, {{4, 6, 8}, {4, 6, 8}})},
      {"dot", classic([](Layer& y) { y.mutable_dot(); }, {{4, 6, 8}, {4, 6, 8}})},
      {"scale", classic([](Layer& y) {
         y.mutable_scale()->add_shapescale(4);
         set_floats(y.mutable_scale()->mutable_scale(), ramp(4));
       })},
      {"bias", classic([](Layer& y) {
         y.mutable_bias()->add_shape(4);
         set_floats(y.mutable_bias()->mutable_bias(), ramp(4));
       })},
      {"reduce", classic([](Layer& y) { y.mutable_reduce()->set_axis(spec::ReduceLayerParams::C); })},
      {"loadConstant",
       [] {
         ModelBuilder model;
         model.array_input("x", {4, 6, 8});
         auto& params = *model.layer("c", {})->mutable_loadconstant();
         for (const uint64_t length : {4u, 6u, 8u}) params.add_shape(length);
         set_floats(params.mutable_data(), ramp(192));
         model.layer("y", {"x", "c"})->mutable_add();
         model.array_output("y");
         return model;
       }},
      {"reshape", classic([](Layer& y) {
         for (const int64_t length : {6, 4, 8}) y.mutable_reshape()->add_targetshape(length);
       })},
      {"flatten", classic([](Layer& y) { y.mutable_flatten(); })},
      {"permute", classic([](Layer& y) {
         for (const uint64_t axis : {0u, 2u, 3u, 1u}) y.mutable_permute()->add_axis(axis);
       })},
      {"concat", classic([](Layer& y) { y.mutable_concat(); }, {{4, 6, 8}, {4, 6, 8}})},
      {"split",
       [] {
         ModelBuilder model;
         model.array_input("x", {4, 6, 8});
         model.layer("y", {"x"}, {"y", "z"})->mutable_split()->set_noutputs(2);
         model.array_output("y");
         model.array_output("z");
         return model;
       }},
      {"sequenceRepeat", classic([](Layer& y) { y.mutable_sequencerepeat()->set_nrepetitions(3); })},
      {"reorganizeData", classic([](Layer& y) { y.mutable_reorganizedata()->set_blocksize(2); })},
      {"slice", classic([](Layer& y) {
         y.mutable_slice()->set_startindex(1);
         y.mutable_slice()->set_endindex(3);
         y.mutable_slice()->set_stride(1);
       })},
      {"simpleRecurrent", recurrent(1,
                                    [](Layer& y) {
                                      auto& params = *y.mutable_simplerecurrent();
                                      set_sizes(params);
                                      params.mutable_activation()->mutable_tanh();
                                      params.set_sequenceoutput(true);
                                      set_gate(params.mutable_weightmatrix(),
                                               params.mutable_recursionmatrix());
                                    })},
      {"gru", recurrent(1,
                        [](Layer& y) {
                          auto& params = *y.mutable_gru();
                          set_sizes(params);
                          params.add_activations()->mutable_sigmoid();
                          params.add_activations()->mutable_tanh();
                          params.set_sequenceoutput(true);
                          params.set_hasbiasvectors(true);
                          set_gate(params.mutable_updategateweightmatrix(),
                                   params.mutable_updategaterecursionmatrix(),
                                   params.mutable_updategatebiasvector());
                          set_gate(params.mutable_resetgateweightmatrix(),
                                   params.mutable_resetgaterecursionmatrix(),
                                   params.mutable_resetgatebiasvector());
                          set_gate(params.mutable_outputgateweightmatrix(),
                                   params.mutable_outputgaterecursionmatrix(),
                                   params.mutable_outputgatebiasvector());
                        })},
      {"uniDirectionalLSTM", recurrent(2,
                                       [](Layer& y) {
                                         auto& params = *y.mutable_unidirectionallstm();
                                         set_sizes(params);
                                         set_functions(params.mutable_activations());
                                         params.mutable_params()->set_haspeepholevectors(true);
                                         params.mutable_params()->set_hasbiasvectors(true);
                                         params.mutable_params()->set_forgetbias(true);
                                         params.set_reverseinput(true);
                                         set_gates(*params.mutable_weightparams());
                                       })},
      {"biDirectionalLSTM", recurrent(4,
                                      [](Layer& y) {
                                        auto& params = *y.mutable_bidirectionallstm();
                                        set_sizes(params);
                                        set_functions(params.mutable_activationsforwardlstm());
                                        set_functions(params.mutable_activationsbackwardlstm());
                                        params.mutable_params()->set_sequenceoutput(true);
                                        params.mutable_params()->set_coupledinputandforgetgate(true);
                                        set_gates(*params.add_weightparams());
                                        set_gates(*params.add_weightparams());
                                      })},
      {"custom", classic([](Layer& y) { y.mutable_custom()->set_classname("Mine"); })},
  };
  return examples;
}

const std::map<std::string, Example>& functions() {
  static const std::map<std::string, Example> examples = {
      {"copy", exact([](Layer& y) { y.mutable_copy(); })},
      {"clip", exact([](Layer& y) {
         y.mutable_clip()->set_minval(-0.5f);
         y.mutable_clip()->set_maxval(0.25f);
       })},
      {"ceil", exact([](Layer& y) { y.mutable_ceil(); })},
      {"floor", exact([](Layer& y) { y.mutable_floor(); })},
      {"sign", exact([](Layer& y) { y.mutable_sign(); })},
      {"round", exact([](Layer& y) { y.mutable_round(); })},
      {"exp2", exact([](Layer& y) { y.mutable_exp2(); })},
      {"sin", exact([](Layer& y) { y.mutable_sin(); })},
      {"cos", exact([](Layer& y) { y.mutable_cos(); })},
      {"tan", exact([](Layer& y) { y.mutable_tan(); })},
      {"asin", exact([](Layer& y) { y.mutable_asin(); })},
      {"acos", exact([](Layer& y) { y.mutable_acos(); })},
      {"atan", exact([](Layer& y) { y.mutable_atan(); })},
      {"sinh", exact([](Layer& y) { y.mutable_sinh(); })},
      {"cosh", exact([](Layer& y) { y.mutable_cosh(); })},
      {"tanh", exact([](Layer& y) { y.mutable_tanh(); })},
      {"asinh", exact([](Layer& y) { y.mutable_asinh(); })},
      {"acosh",
       [] {
         ModelBuilder model(5);
         model.exact_rank();
         model.array_input("x", {4, 6, 8});
         auto& above = *model.layer("above", {"x"})->mutable_activation()->mutable_linear();
         above.set_alpha(2);
         above.set_beta(3.5f);
         model.layer("y", {"above"})->mutable_acosh();
         model.array_output("y");
         return model;
       }},
      {"atanh",
       [] {
         ModelBuilder model(5);
         model.exact_rank();
         model.array_input("x", {4, 6, 8});
         model.layer("half", {"x"})->mutable_activation()->mutable_linear()->set_alpha(0.5f);
         model.layer("y", {"half"})->mutable_atanh();
         model.array_output("y");
         return model;
       }},
      {"erf", exact([](Layer& y) { y.mutable_erf(); })},
      {"gelu", exact([](Layer& y) { y.mutable_gelu(); })},
      {"clampedReLU", exact([](Layer& y) {
         y.mutable_clampedrelu()->set_alpha(0.5f);
         y.mutable_clampedrelu()->set_beta(0.25f);
       })},
      {"equal", of_two([](Layer& y) { y.mutable_equal(); })},
      {"notEqual", of_two([](Layer& y) { y.mutable_notequal(); })},
      {"lessThan", of_two([](Layer& y) { y.mutable_lessthan(); })},
      {"lessEqual", of_two([](Layer& y) { y.mutable_lessequal(); })},
      {"greaterThan", of_two([](Layer& y) { y.mutable_greaterthan(); })},
      {"greaterEqual", of_two([](Layer& y) { y.mutable_greaterequal(); })},
      {"logicalOr", of_two([](Layer& y) { y.mutable_logicalor(); })},
      {"logicalXor", of_two([](Layer& y) { y.mutable_logicalxor(); })},
      {"logicalNot", exact([](Layer& y) { y.mutable_logicalnot(); })},
      {"logicalAnd", of_two([](Layer& y) { y.mutable_logicaland(); })},
      {"modBroadcastable", of_positive([](Layer& y) { y.mutable_modbroadcastable(); }, 2)},
      {"minBroadcastable", of_two([](Layer& y) { y.mutable_minbroadcastable(); })},
      {"maxBroadcastable", of_two([](Layer& y) { y.mutable_maxbroadcastable(); })},
      {"addBroadcastable", of_two([](Layer& y) { y.mutable_addbroadcastable(); })},
      {"powBroadcastable", of_positive([](Layer& y) { y.mutable_powbroadcastable(); }, 2)},
      {"divideBroadcastable", of_positive([](Layer& y) { y.mutable_dividebroadcastable(); }, 2)},
      {"floorDivBroadcastable", of_positive([](Layer& y) { y.mutable_floordivbroadcastable(); }, 2)},
      {"multiplyBroadcastable", of_two([](Layer& y) { y.mutable_multiplybroadcastable(); })},
      {"subtractBroadcastable", of_two([](Layer& y) { y.mutable_subtractbroadcastable(); })},
      {"whereBroadcastable",
       exact([](Layer& y) { y.mutable_wherebroadcastable(); }, {{4, 6, 8}, {4, 6, 8}, {4, 6, 8}})},
      {"reduceL1", exact([](Layer& y) { over_columns(*y.mutable_reducel1()); })},
      {"reduceL2", exact([](Layer& y) { over_columns(*y.mutable_reducel2()); })},
      {"reduceMax", exact([](Layer& y) { over_columns(*y.mutable_reducemax()); })},
      {"reduceMin", exact([](Layer& y) { over_columns(*y.mutable_reducemin()); })},
      {"reduceSum", exact([](Layer& y) { over_columns(*y.mutable_reducesum()); })},
      {"reduceProd", exact([](Layer& y) { over_columns(*y.mutable_reduceprod()); })},
      {"reduceMean", exact([](Layer& y) { over_columns(*y.mutable_reducemean()); })},
      {"reduceLogSum", of_positive([](Layer& y) { over_columns(*y.mutable_reducelogsum()); })},
      {"reduceSumSquare", exact([](Layer& y) { over_columns(*y.mutable_reducesumsquare()); })},
      {"reduceLogSumExp", exact([](Layer& y) { over_columns(*y.mutable_reducelogsumexp()); })},
      {"argMin", exact([](Layer& y) { y.mutable_argmin()->set_axis(1); })},
      {"argMax", exact([](Layer& y) { y.mutable_argmax()->set_axis(1); })},
      {"softmaxND", exact([](Layer& y) { y.mutable_softmaxnd()->set_axis(-1); })},
      {"cumSum", exact([](Layer& y) { y.mutable_cumsum()->set_axis(1); })},
      {"layerNormalization", exact([](Layer& y) {
         y.mutable_layernormalization()->add_normalizedshape(8);
         set_floats(y.mutable_layernormalization()->mutable_gamma(), ramp(8));
         set_floats(y.mutable_layernormalization()->mutable_beta(), ramp(8));
       })},
  };
  return examples;
}

const std::map<std::string, Example>& movements() {
  static const std::map<std::string, Example> examples = {
      {"rangeStatic", made([](Layer& made) {
         made.mutable_rangestatic()->set_endvalue(4);
         made.mutable_rangestatic()->set_stepsizevalue(0.5f);
       })},
      {"fillStatic", made([](Layer& made) {
         made.mutable_fillstatic()->set_value(0.75f);
         made.mutable_fillstatic()->add_targetshape(8);
       })},
      {"fillLike", made([](Layer& made) { made.mutable_filllike()->set_value(0.75f); }, {"x"})},
      {"getShape",
       [] {
         ModelBuilder model(5);
         model.exact_rank();
         model.array_input("x", {4, 6, 3});
         model.layer("made", {"x"})->mutable_getshape();
         model.layer("y", {"x", "made"})->mutable_addbroadcastable();
         model.array_output("y");
         return model;
       }},
      {"loadConstantND",
       with_constant({6, 8}, ramp(48), [](Layer& y) { y.mutable_multiplybroadcastable(); })},
      {"tile", exact([](Layer& y) {
         for (const uint64_t count : {2u, 1u, 3u}) y.mutable_tile()->add_reps(count);
       })},
      {"stack", of_two([](Layer& y) { y.mutable_stack()->set_axis(1); })},
      {"gather", with_constant({3}, {5, 0, -2}, [](Layer& y) { y.mutable_gather()->set_axis(1); })},
      {"reverse", exact([](Layer& y) {
         for (const bool turned : {false, true, true}) y.mutable_reverse()->add_reversedim(turned);
       })},
      {"splitND",
       [] {
         ModelBuilder model(5);
         model.exact_rank();
         model.array_input("x", {4, 6, 8});
         auto& params = *model.layer("y", {"x"}, {"y", "z"})->mutable_splitnd();
         params.set_axis(1);
         params.add_splitsizes(2);
         params.add_splitsizes(4);
         model.array_output("y");
         model.array_output("z");
         return model;
       }},
      {"concatND", of_two([](Layer& y) {
         y.mutable_concatnd()->set_axis(1);
         y.mutable_concatnd()->set_interleave(true);
       })},
      {"transpose", exact([](Layer& y) {
         for (const uint64_t axis : {2u, 0u, 1u}) y.mutable_transpose()->add_axes(axis);
       })},
      {"sliceStatic", exact([](Layer& y) {
         auto& params = *y.mutable_slicestatic();
         for (const int64_t id : {0, 1, 1}) params.add_beginids(id);
         for (const int64_t id : {3, 6, 8}) params.add_endids(id);
         for (const int64_t stride : {1, 2, 1}) params.add_strides(stride);
         for (int i = 0; i < 3; ++i) params.add_beginmasks(false), params.add_endmasks(false);
       })},
      {"sliceBySize", with_constant({1}, {2},
                                    [](Layer& y) {
                                      y.mutable_slicebysize()->set_axis(1);
                                      y.mutable_slicebysize()->set_size(3);
                                    })},
      {"slidingWindows", exact([](Layer& y) {
         y.mutable_slidingwindows()->set_axis(1);
         y.mutable_slidingwindows()->set_windowsize(3);
         y.mutable_slidingwindows()->set_step(2);
       })},
      {"topK",
       [] {
         ModelBuilder model(5);
         model.exact_rank();
         model.array_input("x", {4, 6, 8});
         auto& params = *model.layer("y", {"x"}, {"y", "z"})->mutable_topk();
         params.set_axis(2);
         params.set_k(1);
         model.array_output("y");
         model.array_output("z");
         return model;
       }},
      {"embeddingND",
       [] {
         ModelBuilder model(5);
         model.exact_rank();
         model.array_input("x", {4, 6, 8});
         model.layer("places", {"x"})->mutable_argmax()->set_axis(2);
         auto& params = *model.layer("y", {"places"})->mutable_embeddingnd();
         params.set_vocabsize(8);
         params.set_embeddingsize(5);
         set_floats(params.mutable_weights(), ramp(40));
         model.array_output("y");
         return model;
       }},
      {"batchedMatmul",
       exact([](Layer& y) { y.mutable_batchedmatmul()->set_transposeb(true); }, {{4, 6, 8}, {4, 5, 8}})},
      {"broadcastToLike", exact([](Layer& y) { y.mutable_broadcasttolike(); }, {{4, 1, 8}, {4, 6, 8}})},
      {"broadcastToStatic", exact(
                                [](Layer& y) {
                                  for (const uint64_t length : {4u, 6u, 8u})
                                    y.mutable_broadcasttostatic()->add_targetshape(length);
                                },
                                {{4, 1, 8}})},
      {"squeeze", exact([](Layer& y) { y.mutable_squeeze()->add_axes(1); }, {{4, 1, 8}})},
      {"expandDims", exact([](Layer& y) { y.mutable_expanddims()->add_axes(1); })},
      {"flattenTo2D", exact([](Layer& y) { y.mutable_flattento2d()->set_axis(1); })},
      {"reshapeLike", exact([](Layer& y) { y.mutable_reshapelike(); }, {{4, 6, 8}, {8, 24}})},
      {"reshapeStatic", exact([](Layer& y) {
         for (const int64_t length : {8, 24}) y.mutable_reshapestatic()->add_targetshape(length);
       })},
      {"rankPreservingReshape", exact([](Layer& y) {
         for (const int64_t length : {0, 8, -1}) y.mutable_rankpreservingreshape()->add_targetshape(length);
       })},
      {"constantPad", exact([](Layer& y) {
         for (const uint64_t amount : {1u, 2u, 0u, 1u, 3u, 0u})
           y.mutable_constantpad()->add_padamounts(amount);
         y.mutable_constantpad()->set_value(0.5f);
       })},
      {"matrixBandPart", exact([](Layer& y) {
         y.mutable_matrixbandpart()->set_numlower(1);
         y.mutable_matrixbandpart()->set_numupper(-1);
       })},
      {"lowerTriangular", exact([](Layer& y) { y.mutable_lowertriangular()->set_k(-1); })},
      {"upperTriangular", exact([](Layer& y) { y.mutable_uppertriangular()->set_k(1); })},
      {"oneHot", of_places([](Layer& y) {
         y.mutable_onehot()->set_onehotvectorsize(8);
         y.mutable_onehot()->set_axis(-1);
         y.mutable_onehot()->set_onvalue(2);
         y.mutable_onehot()->set_offvalue(-0.5f);
       })},
      {"argSort", exact([](Layer& y) { y.mutable_argsort()->set_axis(1); })},
      {"scatter", exact([](Layer& y) { y.mutable_scatter(); }, {{4, 6, 8}, {4}, {4, 6, 8}})},
      {"scatterND", exact([](Layer& y) { y.mutable_scatternd(); }, {{4, 6, 8}, {4, 1}, {4, 6, 8}})},
      {"scatterAlongAxis",
       exact([](Layer& y) { y.mutable_scatteralongaxis(); }, {{4, 6, 8}, {4, 6, 8}, {4, 6, 8}})},
      {"gatherND", exact([](Layer& y) { y.mutable_gathernd(); }, {{4, 6, 8}, {3, 2}})},
      {"gatherAlongAxis", of_two([](Layer& y) { y.mutable_gatheralongaxis(); })},
      {"reverseSeq", exact([](Layer& y) { y.mutable_reverseseq()->set_sequenceaxis(1); }, {{4, 6, 8}, {4}})},
  };
  return examples;
}

// Of the types that are refused whatever their parameters are: the message is enough.
Example bare(const std::string& type) {
  return exact([type](Layer& y) {
    const auto* field = Layer::descriptor()->FindFieldByName(type);
    Layer::GetReflection()->MutableMessage(&y, field);
  });
}

Example example_of(const driver::LayerRow& row) {
  std::string type = row.type;
  const std::string prefix = "activation.";
  if (type.starts_with(prefix)) return activations().at(type.substr(prefix.size()));
  for (const auto* examples : {&classic_layers(), &functions(), &movements()})
    if (const auto found = examples->find(type); found != examples->end()) return found->second;
  EXPECT_EQ(row.treatment, Treatment::Refused) << type << " has no example";
  return bare(type);
}

std::string refusal_of(const ModelBuilder& model) {
  try {
    const TemporaryFolder folder;
    compile(folder, model);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(LayerTable, EveryRowIsTrue) {
  for (const driver::LayerRow& row : driver::layer_table()) {
    SCOPED_TRACE(row.type);
    const ModelBuilder model = example_of(row)();
    if (row.treatment == Treatment::Refused) {
      EXPECT_NE(refusal_of(model).find(row.how), std::string::npos) << refusal_of(model);
      continue;
    }
    try {
      for (const RoadOutput& output : run_road(model)) expect_agreement(output, row.type);
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

TEST(LayerTable, RecurrenceOfUnknownLengthIsRefused) {
  ModelBuilder model;
  model.array_input("x", {vector_size});
  auto& params = *model.layer("y", {"x"})->mutable_simplerecurrent();
  set_sizes(params);
  params.mutable_activation()->mutable_tanh();
  set_gate(params.mutable_weightmatrix(), params.mutable_recursionmatrix());
  model.array_output("y");
  EXPECT_NE(refusal_of(model).find("unknown length"), std::string::npos) << refusal_of(model);
}

// All types that the message has.
TEST(LayerTable, IsComplete) {
  std::set<std::string> rows;
  for (const driver::LayerRow& row : driver::layer_table())
    EXPECT_TRUE(rows.insert(row.type).second) << row.type;
  const auto expect_all = [&](const google::protobuf::OneofDescriptor* types, const std::string& prefix) {
    for (int i = 0; i < types->field_count(); ++i) {
      const std::string name = types->field(i)->name();
      if (name == "activation") continue;
      EXPECT_EQ(rows.erase(fmt::format("{}{}", prefix, name)), 1u) << name;
    }
  };
  expect_all(Layer::descriptor()->FindOneofByName("layer"), "");
  expect_all(spec::ActivationParams::descriptor()->FindOneofByName("NonlinearityType"), "activation.");
  EXPECT_TRUE(rows.empty()) << *rows.begin();
}

TEST(LayerTable, IsPrintedAndInTheDocuments) {
  EXPECT_EQ(contents(ANE_SOURCE_DIR "/docs/layers.md"), driver::layer_table_text())
      << "coreml2hwx --layers > docs/layers.md";
  const Ran ran = run("coreml2hwx --layers");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, driver::layer_table_text());
}

}  // namespace
}  // namespace ane::test
