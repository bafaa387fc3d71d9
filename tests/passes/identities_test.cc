// Units that do nothing, and units that others absorb.
#include <limits>

#include "passes/check.h"

namespace ane::test {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr std::array<Axis, 5> rows_and_columns = {Axis::Batch, Axis::Depth, Axis::Channel, Axis::Width,
                                                  Axis::Height};
constexpr std::array<Axis, 5> channels_and_columns = {Axis::Batch, Axis::Depth, Axis::Width, Axis::Height,
                                                      Axis::Channel};

TEST(RemoveIdentities, DropsUnitsThatDoNothing) {
  Net net(chw(3, 4, 5));
  net.then(Reshape{chw(3, 4, 5)});
  net.then(Goc{});
  net.then(InputView{Axis::Height, 0, 4, 1});
  net.then(Transpose{});
  net.then(Broadcast{chw(3, 4, 5)});
  net.then(Neuron{});
  EXPECT_EQ(types(after(passes::remove_identities, net.done())), "Neuron");
}

TEST(RemoveIdentities, CancelsTranspositionsAndMergesReshapes) {
  Net net(chw(3, 4, 5));
  net.then(Transpose{channels_and_columns});
  net.then(Transpose{channels_and_columns});
  net.then(Reshape{chw(60, 1, 1)});
  net.then(Reshape{chw(4, 3, 5)});
  EXPECT_EQ(types(after(passes::remove_identities, net.done())), "Reshape");
}

TEST(RemoveIdentities, MergesDifferentTranspositions) {
  Net net(chw(3, 4, 5));
  net.then(Transpose{channels_and_columns});
  net.then(Transpose{{Axis::Batch, Axis::Depth, Axis::Height, Axis::Channel, Axis::Width}});
  EXPECT_EQ(types(after(passes::remove_identities, net.done())), "Transpose");
}

TEST(RemoveIdentities, TranspositionOfAxesOfLengthOneDoesNothing) {
  Net net(chw(1, 6, 1));
  net.then(Transpose{channels_and_columns});
  EXPECT_EQ(types(after(passes::remove_identities, net.done())), "");
}

TEST(RemoveIdentities, KeepsWhatOthersRead) {
  Net net(chw(3, 4, 5));
  const TensorId turned = net.then(Transpose{channels_and_columns});
  net.then(Neuron{});
  net.done();
  net.add(Transpose{rows_and_columns}, {turned});
  EXPECT_EQ(types(after(passes::remove_identities, net.done())), "Transpose Neuron Transpose");
}

// What is taken back again can be read where it came from, whoever else reads what lies between.
TEST(RemoveIdentities, TakenBackBesideOtherReaders) {
  Net net(chw(3, 4, 5));
  const TensorId x = net.last, turned = net.then(Transpose{channels_and_columns});
  net.then(Neuron{});
  net.done();
  net.add(Transpose{channels_and_columns}, {turned});
  const Network result = after(passes::remove_identities, net.done());
  EXPECT_EQ(types(result), "Transpose Neuron");
  EXPECT_EQ(result.outputs[1].tensor, x);
}

// A constant comes from nowhere: there is nothing to read past it.
TEST(RemoveIdentities, ReshapesOfOneConstantStay) {
  Net net(chw(3, 4, 5));
  const TensorId table = net.add(ConstantTensor{chw(2, 3, 1), Constant::of_floats({1, 2, 3, 4, 5, 6})}, {});
  const TensorId column = net.add(Reshape{chw(3, 2, 1)}, {table}),
                 row = net.add(Reshape{chw(1, 6, 1)}, {table});
  net.add(Neuron{}, {column});
  net.done();
  net.add(Neuron{}, {row});
  EXPECT_EQ(types(after(passes::remove_identities, net.done())), "Constant Reshape Reshape Neuron Neuron");
}

TEST(RemoveIdentities, ElementWiseBroadcastsByItself) {
  Net net(chw(3, 4, 5));
  const TensorId x = net.last, small = net.add_input(chw(3, 1, 1));
  const TensorId spread = net.then(Broadcast{chw(3, 4, 5)});
  net.add(ElementWise{}, {x, spread});
  const Network result = after(passes::remove_identities, net.done());
  EXPECT_EQ(types(result), "ElementWise");
  EXPECT_EQ(result.units[0].bottoms, (std::vector{x, small}));
}

TEST(RemoveIdentities, OneOfTwoBroadcastsMustGiveTheShape) {
  Net net(chw(3, 1, 1));
  const TensorId a = net.then(Broadcast{chw(3, 4, 5)});
  const TensorId b = net.add(Broadcast{chw(3, 4, 5)}, {net.network.inputs[0]});
  net.add(ElementWise{}, {a, b});
  EXPECT_EQ(types(after(passes::remove_identities, net.done())), "Broadcast ElementWise");
}

TEST(RemoveIdentities, AnInputMayBeTheOutput) {
  Net net(chw(3, 1, 1));
  net.then(Goc{});
  const Network result = after(passes::remove_identities, net.done());
  EXPECT_EQ(types(result), "");
  EXPECT_EQ(result.outputs[0].tensor, result.inputs[0]);
}

TEST(RecogniseGoc, NumbersAndVectorsBecomeGainAndOffset) {
  Net net(chw(3, 4, 5));
  TensorId x = net.last;
  x = net.add(ElementWise{},
              {net.then(Neuron{}), net.add(ConstantTensor{chw(3, 1, 1), net.constant(3)}, {})});
  const TensorId two = net.add(ConstantTensor{chw(1, 1, 1), Constant::of_floats({2})}, {});
  x = net.add(ElementWise{ElementWiseOp::Mult, 1, false}, {two, x});
  x = net.add(ElementWise{ElementWiseOp::Sub, 1, false}, {x, two});
  x = net.add(ElementWise{ElementWiseOp::Div, 1, false}, {x, two});
  const Network result = after(passes::recognise_goc, net.done());
  EXPECT_EQ(types(result), "Neuron GOC GOC GOC GOC");
}

TEST(RecogniseGoc, LeavesOtherConstants) {
  Net net(chw(3, 4, 5));
  const TensorId x = net.last;
  const TensorId rows = net.add(ConstantTensor{chw(1, 4, 1), net.constant(4)}, {});
  const TensorId y = net.add(ElementWise{}, {x, rows});
  const TensorId five = net.add(ConstantTensor{chw(1, 1, 1), Constant::of_floats({5})}, {});
  net.add(ElementWise{ElementWiseOp::Sub, 1, false}, {five, y});
  EXPECT_EQ(count_of<Goc>(after(passes::recognise_goc, net.done())), 0);
}

TEST(RecogniseClamp, ChainsOfBoundsBecomeOne) {
  Net net(chw(3, 4, 5));
  const TensorId x = net.then(Neuron{NeuronType::ReLU, 0, 0, 2});
  const TensorId bound = net.add(ConstantTensor{chw(1, 1, 1), Constant::of_floats({1.5})}, {});
  net.add(ElementWise{ElementWiseOp::Min, 1, false}, {bound, x});
  const Network result = after(passes::recognise_clamp, net.done());
  ASSERT_EQ(types(result), "Neuron");
  const auto* clamp = result.units[0].as<Neuron>();
  EXPECT_EQ(clamp->type, NeuronType::ClampedReLU);
  EXPECT_EQ(clamp->alpha, 0);
  EXPECT_EQ(clamp->beta, 1.5);
  EXPECT_EQ(clamp->input_scale, 2);
}

// -max(-x, -6) behind a ReLU: how converters without a minimum write ReLU6.
TEST(RecogniseClamp, AMinimumByNegationIsABound) {
  Net net(chw(3, 4, 4));
  Conv conv = net.conv(5, 3, 3);
  conv.activation = Neuron{NeuronType::ReLU, 0, 0, 1};
  net.then(conv);
  net.then(Goc{-1, 0, {}, {}});
  net.then(Neuron{NeuronType::ClampedReLU, -6, infinity, 1});
  net.then(Goc{-1, 0, {}, {}});
  const Network result = after(passes::recognise_clamp, net.done());
  ASSERT_EQ(types(result), "Conv");
  const Neuron& activation = *result.units[0].as<Conv>()->activation;
  EXPECT_EQ(activation.type, NeuronType::ClampedReLU);
  EXPECT_EQ(activation.alpha, 0);
  EXPECT_EQ(activation.beta, 6);
}

TEST(RecogniseClamp, GainAndOffsetMoveBehindBounds) {
  for (const float scale : {-2.0f, 0.5f, 1.0f}) {
    Net net(chw(3, 4, 4));
    net.then(Goc{scale, 0.25f, {}, {}});
    net.then(Neuron{NeuronType::ClampedReLU, -0.5f, 0.75f, 1});
    net.then(Goc{3, -1, {}, {}});
    EXPECT_EQ(types(after(passes::recognise_clamp, net.done())), "Neuron GOC");
  }
}

// clamp(x + 3, 0, 6) / 6
TEST(RecogniseClamp, BoundsOfZeroAndOneAreAHardSigmoid) {
  Net net(chw(3, 4, 4));
  net.then(Goc{1, 3, {}, {}});
  net.then(Neuron{NeuronType::ClampedReLU, 0, 6, 1});
  net.then(Goc{1.0f / 6, 0, {}, {}});
  const Network result = after(passes::recognise_clamp, net.done());
  ASSERT_EQ(types(result), "Neuron");
  EXPECT_EQ(result.units[0].as<Neuron>()->type, NeuronType::HardSigmoid);
}

TEST(RecogniseClamp, GainThatOthersReadStays) {
  Net net(chw(3, 4, 4));
  const TensorId negative = net.then(Goc{-1, 0, {}, {}});
  net.then(Neuron{NeuronType::ClampedReLU, -6, infinity, 1});
  net.then(Goc{-1, 0, {}, {}});
  net.add(ElementWise{ElementWiseOp::Add, 1, false}, {net.last, negative});
  EXPECT_EQ(types(after(passes::recognise_clamp, net.done())), "GOC Neuron GOC ElementWise");
}

TEST(RecogniseClamp, BoundsThatCrossKeepTheOuterOne) {
  Net net(chw(3, 4, 5));
  net.then(Neuron{NeuronType::ClampedReLU, -infinity, -1, 1});
  net.then(Neuron{NeuronType::ClampedReLU, 0.5, infinity, 1});
  EXPECT_EQ(types(after(passes::recognise_clamp, net.done())), "Neuron");
}

TEST(FoldGoc, GoesIntoWeightsAndBias) {
  Net net(chw(4, 6, 6));
  Conv conv = net.conv(6, 3, 3, 2);
  conv.bias = net.constant(6);
  net.then(conv);
  net.then(Goc{1, 0, net.constant(6), net.constant(6)});
  net.then(Goc{2, 0.5, {}, {}});
  const Network result = after(passes::fold_goc_into_convolution, net.done());
  EXPECT_EQ(types(result), "Conv");
  EXPECT_EQ(result.outputs[0].tensor, result.units[0].top);
}

TEST(FoldGoc, StaysWhenTheConvolutionIsReadTwiceOrHasAnActivation) {
  Net net(chw(4, 6, 6));
  const TensorId first = net.then(net.conv(4, 1, 1));
  const TensorId scaled = net.then(Goc{2, 0, {}, {}});
  net.add(ElementWise{}, {first, scaled});
  Conv conv = net.conv(4, 1, 1);
  conv.activation = Neuron{};
  net.then(conv);
  net.then(Goc{-2, 0, {}, {}});
  EXPECT_EQ(count_of<Goc>(after(passes::fold_goc_into_convolution, net.done())), 2);
}

TEST(FoldGoc, StaysWhenWeightsWouldLeaveBinary16) {
  Net net(chw(1, 2, 2));
  Conv conv = net.conv(1, 1, 1);
  conv.weights = Constant::of_floats({100});
  net.then(conv);
  net.then(Goc{1000, 0, {}, {}});
  EXPECT_EQ(types(after(passes::fold_goc_into_convolution, net.done())), "Conv GOC");
}

TEST(FuseActivation, ReluAndTablesGoIntoConvolutions) {
  Net net(chw(4, 6, 6));
  net.then(net.conv(4, 3, 3));
  net.then(Neuron{});
  net.then(net.conv(4, 1, 1));
  net.then(Neuron{NeuronType::Sigmoid, 0, 0, 1});
  EXPECT_EQ(types(after(passes::fuse_activation, net.done())), "Conv Conv");
}

TEST(FuseActivation, FunctionsThatScaleFirstStay) {
  for (const Neuron& neuron : {Neuron{NeuronType::Sigmoid, 0, 0, 2}, Neuron{NeuronType::Exp, 0, 0, 1},
                               Neuron{NeuronType::Elu, 1, 0, 1}}) {
    Net net(chw(4, 6, 6));
    net.then(net.conv(4, 1, 1));
    net.then(neuron);
    EXPECT_EQ(types(after(passes::fuse_activation, net.done())), "Conv Neuron") << name_of(neuron.type);
  }
}

TEST(FuseActivation, ReluGoesIntoAnAdditionOnly) {
  for (const ElementWiseOp op : {ElementWiseOp::Add, ElementWiseOp::Mult}) {
    Net net(chw(4, 6, 6));
    net.add(ElementWise{op, 1, false}, {net.last, net.last});
    net.then(Neuron{});
    EXPECT_EQ(types(after(passes::fuse_activation, net.done())),
              op == ElementWiseOp::Add ? "ElementWise" : "ElementWise Neuron");
  }
}

TEST(FuseActivation, StaysWhenTheConvolutionIsAnOutput) {
  Net net(chw(4, 6, 6));
  net.then(net.conv(4, 1, 1));
  net.done();
  net.then(Neuron{});
  EXPECT_EQ(types(after(passes::fuse_activation, net.done())), "Conv Neuron");
}

TEST(FoldFlatten, InnerProductBecomesAConvolutionOfTheImage) {
  Net net(chw(5, 4, 3, 2));
  net.then(Reshape{chw(60, 1, 1, 2)});
  net.then(net.conv(7, 1, 1));
  const Network result = after(passes::fold_flatten_into_convolution, net.done());
  ASSERT_EQ(types(result), "Conv");
  EXPECT_EQ(result.units[0].as<Conv>()->kernel_height, 4);
  EXPECT_EQ(result.units[0].as<Conv>()->kernel_width, 3);
}

TEST(FoldFlatten, StaysWhenTheImageIsLargerThanAKernel) {
  Net net(chw(2, 16, 3));
  net.then(Reshape{chw(96, 1, 1)});
  net.then(net.conv(7, 1, 1));
  EXPECT_EQ(types(after(passes::fold_flatten_into_convolution, net.done())), "Reshape Conv");
}

}  // namespace
}  // namespace ane::test
