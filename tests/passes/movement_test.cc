// Reshapes, slices and joins that move data within rows.
#include <algorithm>
#include <array>

#include "passes/check.h"

namespace ane::test {
namespace {

Network reshaped(Shape from, Shape to, const EngineFacts& facts = engine()) {
  Net net(from);
  net.then(Reshape{to});
  return legalised(net.done(), facts);
}

TEST(DecomposeReshape, RegroupingRowsStays) {
  EXPECT_EQ(types(reshaped(chw(4, 6, 5), chw(8, 3, 5))), "Reshape");
  EXPECT_EQ(types(reshaped(chw(24, 1, 1), chw(4, 6, 1))), "Reshape");
}

TEST(DecomposeReshape, VectorsAndImages) {
  EXPECT_EQ(count_of<Transpose>(reshaped(chw(784, 1, 1), chw(1, 28, 28))), 1);
  EXPECT_EQ(count_of<Transpose>(reshaped(chw(3, 4, 5, 2), chw(60, 1, 1, 2))), 1);
}

TEST(DecomposeReshape, AnyShapeToAnyOther) {
  const std::vector<Shape> shapes = {chw(60, 1, 1), chw(1, 60, 1), chw(1, 1, 60), chw(3, 4, 5),
                                     chw(5, 4, 3),  chw(2, 3, 10), chw(10, 6, 1), chw(1, 6, 10)};
  for (const Shape& from : shapes)
    for (const Shape& to : shapes) EXPECT_LE(count_of<Transpose>(reshaped(from, to)), 2);
}

TEST(DecomposeReshape, TallImagesGoInPieces) {
  EngineFacts facts = engine();
  facts.max_height = 8;
  const Network result = reshaped(chw(6, 4, 3), chw(72, 1, 1), facts);
  EXPECT_EQ(count_of<Transpose>(result), 3);
  EXPECT_EQ(count_of<Concat>(result), 1);
  reshaped(chw(8, 3, 2), chw(4, 3, 4), facts);
}

TEST(DecomposeReshape, TheBatchMayChange) {
  EXPECT_EQ(types(reshaped(chw(4, 6, 5, 3), chw(12, 6, 5))), "Reshape");
  EXPECT_EQ(types(reshaped(chw(12, 6, 5), chw(2, 6, 5, 6))), "Reshape");
  EXPECT_LE(count_of<Transpose>(reshaped(chw(4, 6, 5), chw(1, 1, 10, 12))), 2);
  EXPECT_EQ(count_of<Transpose>(reshaped(chw(12, 19, 33), chw(11, 1, 1, 684))), 1);
}

// Every permutation of four axes, of which all or only some are longer than 1.
TEST(DecomposeTranspose, AnyPermutationOfTheBatch) {
  std::array<Axis, 4> axes = {Axis::Batch, Axis::Channel, Axis::Height, Axis::Width};
  const std::array<Axis, 4> targets = axes;
  std::sort(axes.begin(), axes.end());
  do {
    Transpose transpose;
    for (size_t i = 0; i < 4; ++i) transpose.source[static_cast<size_t>(targets[i])] = axes[i];
    for (const Shape& shape :
         {chw(4, 5, 6, 3), chw(4, 1, 6, 3), chw(1, 5, 6, 3), chw(4, 5, 1, 3), chw(4, 5, 6)}) {
      Net net(shape);
      net.then(transpose);
      legalised(net.done());
    }
  } while (std::next_permutation(axes.begin(), axes.end()));
}

// Vectors along the batch: one unit each, and none of them over a batch.
TEST(DecomposeTranspose, FewImagesAreWoven) {
  Transpose transpose;
  transpose.source[static_cast<size_t>(Axis::Batch)] = Axis::Channel;
  transpose.source[static_cast<size_t>(Axis::Channel)] = Axis::Batch;
  Net net(chw(8, 5, 6, 2));
  net.then(transpose);
  EXPECT_EQ(types(legalised(net.done())), "InputView InputView Concat Reshape");
}

TEST(FoldBatch, VectorsBecomeRows) {
  Net net(chw(12, 1, 1, 40));
  net.then(net.conv(8, 1, 1));
  const TensorId x = net.then(Neuron{NeuronType::Exp, 0, 0, 1});
  const TensorId sum = net.then(Reduction{ReductionType::Sum, {Axis::Channel}, {}});
  net.add(ElementWise{ElementWiseOp::Mult, 1, false}, {x, sum});
  net.then(InputView{Axis::Batch, 3, 10, 1});
  net.then(Reduction{ReductionType::Max, {Axis::Batch}, {}});
  const Network result = legalised(net.done());
  for (const Unit& unit : result.units) {
    const bool moves = unit.as<Reshape>() != nullptr;
    EXPECT_TRUE(moves || result.tensor(unit.top).shape.n == 1) << unit.name;
  }
}

TEST(FoldBatch, ImagesBecomeChannelsForWhatTreatsAllAlike) {
  Net net(chw(3, 5, 7, 4));
  const TensorId x = net.last;
  net.then(Neuron{NeuronType::Tanh, 0, 0, 1});
  net.add(ElementWise{ElementWiseOp::Max, 1, false}, {x, net.last});
  EXPECT_EQ(types(legalised(net.done())), "Reshape Neuron Reshape ElementWise Reshape");
}

TEST(DecomposeViews, SlicesAlongWidth) {
  Net net(chw(3, 4, 9));
  net.then(InputView{Axis::Width, 1, 3, 2});
  EXPECT_EQ(types(legalised(net.done())), "Transpose InputView Transpose");
}

TEST(DecomposeViews, JoinsAlongWidthCancelWithSlices) {
  Net net(chw(3, 4, 9));
  const TensorId x = net.last;
  const TensorId a = net.add(InputView{Axis::Width, 4, 5, 1}, {x}),
                 b = net.add(InputView{Axis::Width, 0, 4, 1}, {x});
  net.add(Concat{Axis::Width}, {a, b});
  EXPECT_EQ(count_of<Transpose>(legalised(net.done())), 3);
}

TEST(DecomposeViews, OtherAxesStay) {
  for (const Axis axis : {Axis::Batch, Axis::Channel, Axis::Height}) {
    Net net(chw(4, 4, 4, 4));
    net.then(InputView{axis, 1, 2, 2});
    net.add(Concat{axis}, {net.last, net.network.inputs[0]});
    EXPECT_EQ(types(legalised(net.done())), "InputView Concat");
  }
}

}  // namespace
}  // namespace ane::test
