// Recurrent layers with vectors and states of one number, worked out from their formulas.
#include "run.h"

namespace ane::reference {
namespace {

using coreml::spec::WeightParams;
using Fill = std::function<void(Layer&)>;

void set(WeightParams* weights, float value) {
  test::set_floats(weights, {value});
}

// The numbers of `x` one after the other; states as they are given. All results by name: y, next0, next1.
std::map<std::string, Tensor> run_steps(const Values& x, const Values& states, const Fill& fill) {
  ModelBuilder model;
  model.array_input("x", {1, 1, static_cast<int64_t>(x.size())});
  model.permute("steps", "x", {3, 1, 2, 0});
  std::vector<std::string> inputs = {"steps"}, outputs = {"y"};
  std::map<std::string, Values> values = {{"x", x}};
  for (size_t i = 0; i < states.size(); ++i) {
    inputs.push_back(fmt::format("state{}", i));
    outputs.push_back(fmt::format("next{}", i));
    model.array_input(inputs.back(), {1});
    values[inputs.back()] = {states[i]};
  }
  fill(*model.layer("layer", inputs, outputs));
  for (const std::string& output : outputs) model.array_output(output);
  return run(model, values);
}

void set_simple(Layer& layer) {
  auto& params = *layer.mutable_simplerecurrent();
  params.set_inputvectorsize(1);
  params.set_outputvectorsize(1);
  params.mutable_activation()->mutable_linear();
  params.set_hasbiasvector(true);
  set(params.mutable_weightmatrix(), 2);
  set(params.mutable_recursionmatrix(), 0.5f);
  set(params.mutable_biasvector(), 1);
}

TEST(Recurrent, EachStepReadsTheOneBefore) {
  const auto all = run_steps({1, 2, 3}, {}, [](Layer& layer) {
    set_simple(layer);
    layer.mutable_simplerecurrent()->set_sequenceoutput(true);
  });
  EXPECT_EQ(all.at("y").shape, (coreml::Shape{3, 1, 1, 1, 1}));
  EXPECT_EQ(all.at("y").data, (Values{3, 6.5f, 10.25f}));
  EXPECT_EQ(run_steps({1, 2, 3}, {4}, set_simple).at("next0").data, (Values{10.75f}));
}

TEST(Recurrent, BackwardsAndClipped) {
  const auto back = run_steps({1, 2, 3}, {}, [](Layer& layer) {
    set_simple(layer);
    layer.mutable_simplerecurrent()->set_reverseinput(true);
  });
  EXPECT_EQ(back.at("y").data, (Values{7.25f}));
  EXPECT_EQ(run_steps({40}, {}, set_simple).at("y").data, (Values{50}));
}

// Gates by their biases alone.
Tensor gru(float update, float reset, float output, float state) {
  return run_steps(
             {7}, {state},
             [=](Layer& layer) {
               auto& params = *layer.mutable_gru();
               params.set_inputvectorsize(1);
               params.set_outputvectorsize(1);
               params.add_activations()->mutable_sigmoid();
               params.add_activations()->mutable_tanh();
               params.set_hasbiasvectors(true);
               for (auto* weights :
                    {params.mutable_updategateweightmatrix(), params.mutable_resetgateweightmatrix(),
                     params.mutable_outputgateweightmatrix(), params.mutable_updategaterecursionmatrix(),
                     params.mutable_resetgaterecursionmatrix()})
                 set(weights, 0);
               set(params.mutable_outputgaterecursionmatrix(), 1);
               set(params.mutable_updategatebiasvector(), update);
               set(params.mutable_resetgatebiasvector(), reset);
               set(params.mutable_outputgatebiasvector(), output);
             })
      .at("y");
}

TEST(Recurrent, GatesOfAGru) {
  expect_near(gru(100, 0, 3, 0.75f).data, {0.75});                   // keeps its state
  expect_near(gru(-100, -100, 0.5f, 0.75f).data, {std::tanh(0.5)});  // forgets it
  expect_near(gru(-100, 100, 0.5f, 0.75f).data, {std::tanh(1.25)});  // adds it
  expect_near(gru(0, 100, 0.5f, 0.75f).data, {0.5 * std::tanh(1.25) + 0.5 * 0.75});
}

struct Lstm {
  float input = 0, forget = 0, block = 0, output = 0;  // biases
  float peephole_output = 0;
  bool forget_bias = false, coupled = false;
};

std::map<std::string, Tensor> lstm(const Lstm& with, float hidden, float cell) {
  return run_steps({7}, {hidden, cell}, [=](Layer& layer) {
    auto& params = *layer.mutable_unidirectionallstm();
    params.set_inputvectorsize(1);
    params.set_outputvectorsize(1);
    params.add_activations()->mutable_sigmoid();
    params.add_activations()->mutable_tanh();
    params.add_activations()->mutable_tanh();
    params.mutable_params()->set_hasbiasvectors(true);
    params.mutable_params()->set_haspeepholevectors(true);
    params.mutable_params()->set_forgetbias(with.forget_bias);
    params.mutable_params()->set_coupledinputandforgetgate(with.coupled);
    auto& to = *params.mutable_weightparams();
    for (auto* weights : {to.mutable_inputgateweightmatrix(), to.mutable_forgetgateweightmatrix(),
                          to.mutable_blockinputweightmatrix(), to.mutable_outputgateweightmatrix(),
                          to.mutable_inputgaterecursionmatrix(), to.mutable_forgetgaterecursionmatrix(),
                          to.mutable_blockinputrecursionmatrix(), to.mutable_outputgaterecursionmatrix(),
                          to.mutable_inputgatepeepholevector(), to.mutable_forgetgatepeepholevector()})
      set(weights, 0);
    set(to.mutable_outputgatepeepholevector(), with.peephole_output);
    set(to.mutable_inputgatebiasvector(), with.input);
    set(to.mutable_forgetgatebiasvector(), with.forget);
    set(to.mutable_blockinputbiasvector(), with.block);
    set(to.mutable_outputgatebiasvector(), with.output);
  });
}

double logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

TEST(Recurrent, GatesOfAnLstm) {
  const auto expect = [](const Lstm& with, double cell, double output_gate) {
    const auto results = lstm(with, 0.25f, 0.75f);
    expect_near(results.at("next1").data, {cell});
    expect_near(results.at("next0").data, {std::tanh(cell) * output_gate});
    expect_near(results.at("y").data, {std::tanh(cell) * output_gate});
  };
  expect({.input = -100, .forget = 100, .output = 100}, 0.75, 1);
  expect({.input = 100, .forget = -100, .block = 2, .output = 0}, std::tanh(2.0), 0.5);
  expect({.input = -100, .forget = 0, .forget_bias = true}, 0.75 * logistic(1), 0.5);
  expect({.input = 1, .block = 2, .coupled = true}, logistic(1) * std::tanh(2.0) + (1 - logistic(1)) * 0.75,
         0.5);
  // The output gate sees the new cell.
  expect({.input = 100, .forget = 100, .block = 100, .peephole_output = 2}, 1.75, logistic(3.5));
}

}  // namespace
}  // namespace ane::reference
