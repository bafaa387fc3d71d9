// Tensors of more rows or longer rows than the engine can count, with an engine that can count to little.
#include "base/error.h"
#include "passes/check.h"

namespace ane::test {
namespace {

EngineFacts small_engine() {
  EngineFacts facts = whole_engine();
  facts.max_width = 16, facts.max_height = 16, facts.max_channels = 64;
  return facts;
}

// Every operand of every unit that is no Reshape is within the sizes, or run_passes would have refused.
TEST(KeepSizesInside, UnitsThatWorkOnRows) {
  MatMul product;
  product.transpose_second = true;
  product.matrix_rows = 3, product.matrix_columns = 4;
  const std::vector<Params> units = {Neuron{},
                                     Goc{2, 0, {}, {}},
                                     Softmax{Axis::Width},
                                     Reduction{ReductionType::Sum, {Axis::Width}, {}},
                                     Normalize{{Axis::Width}, 1e-3f},
                                     InputView{Axis::Width, 1, 2, 1},
                                     product};
  for (const Params& params : units) {
    Net net(chw(1, 6, 4, 1));
    net.then(Reshape{chw(6, 1, 4)});
    std::vector<TensorId> parts(8, net.last);
    net.add(Concat{Axis::Channel}, parts);
    net.then(Reshape{chw(1, 48, 4)});
    Params unit = params;
    if (auto* matrix = std::get_if<MatMul>(&unit)) matrix->matrix = net.constant(12);
    net.then(std::move(unit));
    legalised(net.done(), small_engine());
  }
}

TEST(KeepSizesInside, OperandsThatAreRowsOrColumns) {
  for (const Shape& second : {chw(1, 1, 4), chw(1, 48, 4), chw(1, 48, 1), chw(1, 1, 1)}) {
    Net net(chw(12, 4, 4));
    const TensorId tall = net.then(Reshape{chw(1, 48, 4)});
    const TensorId constants = net.add(ConstantTensor{second, net.constant(second.count())}, {});
    net.add(ElementWise{}, {tall, constants});
    legalised(net.done(), small_engine());
  }
}

TEST(KeepSizesInside, JoinsAndSlicesOfTallImages) {
  Net net(chw(3, 8, 4));
  const TensorId first = net.then(Reshape{chw(1, 24, 4)});
  const TensorId second = net.then(InputView{Axis::Height, 8, 16, 1});
  net.add(Concat{Axis::Height}, {first, second});
  EXPECT_EQ(count_of<Transpose>(legalised(net.done(), small_engine())), 0);
}

TEST(KeepSizesInside, JoinsAndSlicesOfLongRows) {
  Net net(chw(5, 2, 8));
  const TensorId first = net.then(Reshape{chw(1, 1, 80)});
  const TensorId second = net.then(InputView{Axis::Width, 16, 48, 1});
  net.add(Concat{Axis::Width}, {first, second});
  net.then(Neuron{});
  net.then(Reshape{chw(4, 4, 8)});
  legalised(net.done(), small_engine());
}

// The flat image of a network that ends in inner products, as rows and as transposed columns.
TEST(KeepSizesInside, LongRowTimesAMatrix) {
  for (const bool turned : {false, true}) {
    Net net(chw(5, 3, 4));
    net.then(Reshape{turned ? chw(60, 1, 1) : chw(1, 1, 60)});
    if (turned) net.then(Transpose{{Axis::Batch, Axis::Depth, Axis::Width, Axis::Height, Axis::Channel}});
    MatMul product;
    product.transpose_second = true;
    product.matrix = net.constant(7 * 60);
    product.matrix_rows = 7, product.matrix_columns = 60;
    product.bias = net.constant(7);
    net.then(std::move(product));
    const Network result = legalised(net.done(), small_engine());
    EXPECT_EQ(count_of<Conv>(result), 1);
    EXPECT_EQ(result.units[0].as<Conv>() ? result.units[0].as<Conv>()->kernel_height : 0, 3);
  }
}

TEST(BadSizes, WhatCannotBeRegroupedIsRefused) {
  Net net(chw(1, 17, 4));  // an input is as it is
  net.then(Neuron{});
  EXPECT_THROW(passes::run_passes(net.done(), small_engine()), ane::Error);
  Net prime(chw(1, 67, 4));
  prime.then(Neuron{});
  EXPECT_THROW(passes::run_passes(prime.done(), small_engine()), ane::Error);
}

// More rows than the engine has channels, and a number of them that has no divisors.
TEST(DecomposeReshape, ManyRowsGoInStretches) {
  EngineFacts facts = engine();
  facts.max_height = 12, facts.max_channels = 64;
  for (const auto& [from, to] : {std::pair{chw(37, 2, 6), chw(37, 4, 3)},
                                 {chw(31, 3, 4), chw(31, 1, 12)},
                                 {chw(1, 8, 12, 9), chw(36, 8, 3)}}) {
    Net net(from);
    net.then(Reshape{to});
    legalised(net.done(), facts);
  }
}

}  // namespace
}  // namespace ane::test
