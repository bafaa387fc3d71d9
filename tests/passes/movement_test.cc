// Reshapes, slices and joins that move data within rows.
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
