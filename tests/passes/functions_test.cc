// Functions, elementwise operations, reductions and softmax in terms of what the engine has.
#include "passes/check.h"

namespace ane::test {
namespace {

struct Function {
  Neuron neuron;
  double low = -3, high = 3;
};

// Every function that has a form, over the part of its domain that the form is defined for.
const std::vector<Function> functions = {
    {{NeuronType::ReLU, 0, 0, 1}},
    {{NeuronType::ReLU, 0, 0, -2}},
    {{NeuronType::LeakyReLU, 0.1f, 0, 1}},
    {{NeuronType::ClampedReLU, -1, 2, 1}},
    {{NeuronType::Sigmoid, 0, 0, 1}},
    {{NeuronType::Tanh, 0, 0, 0.5f}},
    {{NeuronType::HardSigmoid, 0.2f, 0.5f, 1}},
    {{NeuronType::ThresholdedReLU, 1, 0, 1}},
    {{NeuronType::Elu, 1, 0, 1}},
    {{NeuronType::Elu, 0.3f, 0, 2}},
    {{NeuronType::Elu, 1.7f, 0, 1}},
    {{NeuronType::Elu, -0.5f, 0, 1}},
    {{NeuronType::Softsign, 0, 0, 1}},
    {{NeuronType::Softplus, 0, 0, 1}},
    {{NeuronType::Softplus, 0, 0, -3}},
    {{NeuronType::Gelu, 0, 0, 1}},
    {{NeuronType::Silu, 0, 0, 1}},
    {{NeuronType::GeluBySigmoid, 0, 0, 1}},
    {{NeuronType::Exp, 0, 0, 1}},
    {{NeuronType::Exp2, 0, 0, 1}},
    {{NeuronType::Log, 0, 0, 2}, 0.1, 5},
    {{NeuronType::Log2, 0, 0, 1}, 0.1, 5},
    {{NeuronType::Sqrt, 0, 0, 1}, 0, 5},
    {{NeuronType::Rsqrt, 0.5f, 0, 1}, 0, 5},
    {{NeuronType::Inv, 0, 0, 1}, 0.2, 5},
    {{NeuronType::Inv, 0.5f, 0, 2}, 0, 5},
    {{NeuronType::Sign, 0, 0, 1}},
    {{NeuronType::Sign, 0, 0, -2}},
    {{NeuronType::Abs, 0, 0, 1}},
    {{NeuronType::Abs, 0, 0, -2}},
    {{NeuronType::Square, 0, 0, 3}},
    {{NeuronType::Power, 0, 0, 1}, 0.1, 3},
    {{NeuronType::Power, 1, 0, 1}},
    {{NeuronType::Power, 2, 0, 1}},
    {{NeuronType::Power, 3, 0, 1}},
    {{NeuronType::Power, 7, 0, 1}},
    {{NeuronType::Power, 0.5f, 0, 1}, 0, 5},
    {{NeuronType::Power, -0.5f, 0, 1}, 0.1, 5},
    {{NeuronType::Power, 0.75f, 0, 1}, 0, 5},
    {{NeuronType::Power, -1, 0, 1}, 0.1, 5},
    {{NeuronType::Power, -2.25f, 0, 2}, 0.3, 3},
    {{NeuronType::Power, 2.2f, 0, 1}, 0.1, 5},
};

TEST(DecomposeNeuron, EveryFunctionWithAForm) {
  for (const Function& function : functions) {
    SCOPED_TRACE(std::string(name_of(function.neuron.type)) + " " + std::to_string(function.neuron.alpha));
    Net net(chw(3, 5, 7));
    net.then(function.neuron);
    legalised(net.done(), engine(), function.low, function.high);
  }
}

// The forms of these live from the rounding of every step.
TEST(DecomposeNeuron, RoundingByLargeNumbers) {
  for (const NeuronType type : {NeuronType::RoundNearest, NeuronType::Floor, NeuronType::Ceil}) {
    Net net(chw(1, 40, 101));
    net.then(Neuron{type, 0, 0, 1});
    Network& network = net.done();
    std::vector<Values> inputs = {Values(chw(1, 40, 101))};
    for (size_t i = 0; i < inputs[0].data.size(); ++i)
      inputs[0].data[i] = static_cast<double>(round_to_half((static_cast<float>(i) - 2020) * 0.625f));
    const auto before = evaluate(network, inputs);
    passes::run_passes(network, engine());
    EXPECT_EQ(before[0].data, evaluate_rounding(network, inputs)[0].data) << name_of(type);
  }
}

TEST(DecomposeNeuron, ErrorFunctionByTanh) {
  Net net(chw(1, 40, 100));
  net.then(Neuron{NeuronType::Erf, 0, 0, 1});
  Network& network = net.done();
  const std::vector<Values> inputs = {spread(chw(1, 40, 100), -4, 4)};
  const auto before = evaluate(network, inputs);
  passes::run_passes(network, engine());
  expect_equal(before, evaluate(network, inputs), 4e-4);
}

TEST(DecomposeNeuron, OnlyTheTableDecides) {
  EngineFacts facts = engine();
  facts.has_table = [](const Neuron&) { return true; };
  for (const NeuronType type : {NeuronType::Elu, NeuronType::Floor, NeuronType::Erf}) {
    Net net(chw(3, 5, 7));
    net.then(Neuron{type, 1, 0, 1});
    EXPECT_EQ(types(legalised(net.done(), facts)), "Neuron");
  }
}

TEST(DecomposeNeuron, ExponentialFromPowersOfTwo) {
  EngineFacts facts = engine();
  facts.has_table = [](const Neuron& neuron) {
    return neuron.type != NeuronType::Exp && engine().has_table(neuron);
  };
  Net net(chw(3, 5, 7));
  net.then(Neuron{NeuronType::Exp, 0, 0, 0.5f});
  const Network result = legalised(net.done(), facts);
  ASSERT_EQ(types(result), "Neuron");
  EXPECT_EQ(result.units[0].as<Neuron>()->type, NeuronType::Exp2);
}

// An engine whose tables for these do not count, as they are too coarse.
EngineFacts fine_engine() {
  EngineFacts facts = engine();
  facts.has_table = [](const Neuron& neuron) {
    using T = NeuronType;
    if (neuron.type == T::Sigmoid || neuron.type == T::Tanh || neuron.type == T::Gelu ||
        neuron.type == T::Silu || neuron.type == T::GeluBySigmoid)
      return false;
    return neuron.type == T::TanhFitted || neuron.type == T::CenteredPhi || engine().has_table(neuron);
  };
  return facts;
}

TEST(DecomposeNeuron, CoarseFunctionsFromFinerOnes) {
  const std::vector<std::pair<Neuron, std::string>> cases = {
      {{NeuronType::Tanh, 0, 0, 0.5f}, "Neuron"},
      {{NeuronType::Gelu, 0, 0, 1}, "Neuron GOC ElementWise"},
      {{NeuronType::Silu, 0, 0, 1}, "Neuron GOC ElementWise"},
      {{NeuronType::Silu, 0, 0, -2}, "GOC Neuron GOC ElementWise"},
      {{NeuronType::GeluBySigmoid, 0, 0, 1}, "Neuron GOC ElementWise"},
      {{NeuronType::Sigmoid, 0, 0, 1}, ""},
  };
  for (const auto& [neuron, expected] : cases) {
    SCOPED_TRACE(name_of(neuron.type));
    Net net(chw(3, 5, 7));
    net.then(neuron);
    const Network result = legalised(net.done(), fine_engine());
    if (!expected.empty()) {
      EXPECT_EQ(types(result), expected);
    }
  }
}

// Networks can come with the function inside of the convolution.
TEST(DecomposeNeuron, CoarseFunctionsLeaveConvolutions) {
  for (const NeuronType type : {NeuronType::Tanh, NeuronType::Sigmoid, NeuronType::Gelu}) {
    SCOPED_TRACE(name_of(type));
    Net net(chw(3, 5, 7));
    Conv conv = net.conv(4, 1, 1);
    conv.activation = Neuron{type};
    net.then(conv);
    const Network result = legalised(net.done(), fine_engine());
    const Conv* left = result.units.at(0).as<Conv>();
    ASSERT_TRUE(left);
    EXPECT_EQ(left->activation.has_value(), type == NeuronType::Tanh);  // fused again, the finer one
    if (left->activation) {
      EXPECT_EQ(left->activation->type, NeuronType::TanhFitted);
    }
  }
}

TEST(DecomposeNeuron, SmallAlphaEluNeedsNoSum) {
  Net net(chw(3, 5, 7));
  net.then(Neuron{NeuronType::Elu, 1, 0, 1});
  EXPECT_EQ(types(legalised(net.done())), "Neuron Neuron GOC ElementWise");
}

TEST(DecomposeElementwise, DivisionPowerAndSquaredDifference) {
  for (const ElementWiseOp op :
       {ElementWiseOp::Div, ElementWiseOp::Power, ElementWiseOp::SquaredDifference}) {
    SCOPED_TRACE(name_of(op));
    Net net(chw(3, 5, 7));
    const TensorId a = net.last, b = net.add_input(chw(3, 1, 7));
    net.add(ElementWise{op, op == ElementWiseOp::Power ? 1.0f : 0.5f, false}, {a, b});
    legalised(net.done(), engine(), 0.25, 3);
  }
}

TEST(DecomposeElementwise, ConstantDivisorIsInvertedHere) {
  Net net(chw(3, 5, 7));
  const TensorId x = net.last, divisor = net.add(ConstantTensor{chw(1, 5, 7), net.constant(35, 0.5, 2)}, {});
  net.add(ElementWise{ElementWiseOp::Div, 1, false}, {x, divisor});
  const Network result = legalised(net.done());
  EXPECT_EQ(count_of<Neuron>(result), 0);
  EXPECT_EQ(count_of<ElementWise>(result), 1);
}

TEST(DecomposeElementwise, ConstantExponentBecomesProducts) {
  Net net(chw(3, 5, 7));
  const TensorId x = net.last, two = net.add(ConstantTensor{chw(1, 1, 1), Constant::of_floats({2})}, {});
  net.add(ElementWise{ElementWiseOp::Power, 1, false}, {x, two});
  EXPECT_EQ(types(legalised(net.done())), "ElementWise");
}

TEST(DecomposeElementwise, ConstantsFold) {
  Net net(chw(3, 5, 7));
  const TensorId x = net.last;
  const TensorId a = net.add(ConstantTensor{chw(3, 1, 7), net.constant(21)}, {});
  const TensorId b = net.add(ConstantTensor{chw(1, 5, 7), net.constant(35)}, {});
  const TensorId both = net.add(ElementWise{ElementWiseOp::SquaredDifference, 0.5f, true}, {a, b});
  net.add(ElementWise{}, {x, both});
  const Network result = legalised(net.done());
  EXPECT_EQ(count_of<ConstantTensor>(result), 1);
  EXPECT_EQ(count_of<ElementWise>(result), 1);
}

TEST(DecomposeReduction, EveryTypeOverEverySetOfAxes) {
  const std::array<Axis, 3> axes = {Axis::Channel, Axis::Height, Axis::Width};
  for (const ReductionType type :
       {ReductionType::Sum, ReductionType::Mean, ReductionType::Max, ReductionType::Min})
    for (unsigned set = 1; set < 8; ++set)
      for (const Shape shape : {chw(4, 3, 5, 2), chw(4, 3, 1), chw(1, 3, 5), chw(4, 1, 5), chw(1, 1, 1)})
        for (const bool activates : {false, true}) {
          SCOPED_TRACE(std::to_string(static_cast<int>(type)) + " over " + std::to_string(set) + " of " +
                       shape.text());
          Reduction reduction;
          reduction.type = type;
          for (unsigned i = 0; i < 3; ++i)
            if (set >> i & 1) reduction.axes.push_back(axes[i]);
          if (activates) reduction.activation = Neuron{NeuronType::Sigmoid, 0, 0, 1};
          Net net(shape);
          net.then(reduction);
          legalised(net.done());
          if (HasFatalFailure()) return;
        }
}

TEST(DecomposeReduction, ChannelsAndRowsAreOneReduction) {
  Net net(chw(4, 3, 5));
  net.then(Reduction{ReductionType::Sum, {Axis::Channel, Axis::Height}, {}});
  EXPECT_EQ(types(legalised(net.done())), "Reshape Reduction");
}

TEST(DecomposeSoftmax, EveryAxis) {
  for (const Axis axis : {Axis::Channel, Axis::Height, Axis::Width}) {
    Net net(chw(4, 3, 5, 2));
    net.then(Softmax{axis});
    const Network result = legalised(net.done());
    EXPECT_EQ(count_of<Reduction>(result), 2);
    EXPECT_EQ(count_of<Transpose>(result), axis == Axis::Channel ? 0 : 2);
  }
}

TEST(DecomposeBroadcast, RemainingOnesAreAdditionsToZeros) {
  Net net(chw(4, 1, 1));
  net.then(Broadcast{chw(4, 3, 5)});
  EXPECT_EQ(types(legalised(net.done())), "Constant ElementWise");
}

TEST(DecomposeBroadcast, OfConstantsIsAConstant) {
  Net net(chw(4, 3, 5));
  const TensorId x = net.last;
  net.add(ConstantTensor{chw(1, 3, 1), net.constant(3)}, {});
  const TensorId spread = net.then(Broadcast{chw(2, 3, 5)});
  net.add(Concat{}, {x, spread});
  EXPECT_EQ(types(legalised(net.done())), "Constant Concat");
}

}  // namespace
}  // namespace ane::test
