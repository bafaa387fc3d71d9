// Units that a back end may take whole (EngineFacts::composites): they stay, take in what follows them, and
// only what is no such unit is taken apart. The default, without that fact, is what the other files test.
#include "base/error.h"
#include "passes/check.h"

namespace ane::test {
namespace {

Network whole(Network network, double low = -2, double high = 2) {
  return legalised(std::move(network), whole_engine(), low, high);
}

TEST(Composites, SoftmaxNormalizeSelectCastStay) {
  for (const Axis axis : {Axis::Channel, Axis::Height, Axis::Width}) {
    Net net(chw(4, 3, 5));
    net.then(Softmax{axis});
    EXPECT_EQ(types(whole(net.done())), "Softmax");
  }
  Net normal(chw(4, 3, 5));
  normal.then(Normalize{{Axis::Height, Axis::Width}, 1e-3f});
  EXPECT_EQ(types(whole(normal.done())), "LayerNormalization");
  Net choice(chw(16, 3, 5));
  const TensorId a = choice.last, b = choice.add_input(chw(16, 3, 5));
  const TensorId less = choice.add(ElementWise{ElementWiseOp::LessThan, 1, false}, {a, b});
  choice.network.tensor(less).type = ElementType::UInt8;
  choice.add(Select{}, {less, a, b});
  choice.add(ElementWise{}, {choice.last, choice.add(Cast{}, {less})});
  EXPECT_EQ(types(whole(choice.done())), "ElementWise Select Cast ElementWise");
}

// One image at a time, no larger than on-chip memory holds several times over.
TEST(Composites, UnitsForEachImageAndPart) {
  Net batch(chw(4, 3, 5, 2));
  batch.then(Softmax{Axis::Width});
  EXPECT_EQ(types(whole(batch.done())), "InputView Softmax InputView Softmax Concat");
  Net shared(chw(4, 3, 5, 2));
  const TensorId x = shared.last, by = shared.add_input(chw(4, 1, 1));
  shared.add(ElementWise{ElementWiseOp::Div, 1, false}, {x, by});
  EXPECT_EQ(types(whole(shared.done(), 0.5, 2)), "InputView ElementWise InputView ElementWise Concat");
  // 4 x 64 x 64 elements, each row 128 bytes: room for a fourth of 16 KiB is an eighth of the image.
  EngineFacts small = whole_engine();
  small.on_chip_bytes = 16384;
  Net rows(chw(4, 64, 64));
  rows.then(Softmax{Axis::Channel});
  const Network by_rows = legalised(rows.done(), small);
  EXPECT_EQ(count_of<Softmax>(by_rows), 8);
  EXPECT_EQ(by_rows.units.back().as<Concat>()->axis, Axis::Height);
  Net channels(chw(8, 32, 64));
  channels.then(Normalize{{Axis::Height, Axis::Width}, 1e-3f});
  const Network by_channels = legalised(channels.done(), small);
  EXPECT_EQ(count_of<Normalize>(by_channels), 8);
  EXPECT_EQ(by_channels.units.back().as<Concat>()->axis, Axis::Channel);
  // Nothing is left to cut along.
  Net whole_image(chw(8, 32, 64));
  whole_image.then(Normalize{{Axis::Channel, Axis::Height, Axis::Width}, 1e-3f});
  EXPECT_EQ(count_of<Normalize>(legalised(whole_image.done(), small)), 0);
}

TEST(Composites, NormalisationsOverAnyAxes) {
  const std::array<Axis, 3> axes = {Axis::Channel, Axis::Height, Axis::Width};
  for (const Shape& shape : {chw(4, 3, 5), chw(4, 1, 5), chw(4, 3, 1), chw(1, 3, 5), chw(4, 1, 1)})
    for (unsigned set = 1; set < 8; ++set) {
      SCOPED_TRACE(shape.text() + " over " + std::to_string(set));
      Normalize normalize{{}, 1e-2f};
      for (unsigned i = 0; i < 3; ++i)
        if (set >> i & 1) normalize.axes.push_back(axes[i]);
      Net net(shape);
      net.then(normalize);
      whole(net.done());
    }
}

TEST(Composites, ReductionsOverAnyAxesAreOneUnit) {
  const std::array<Axis, 3> axes = {Axis::Channel, Axis::Height, Axis::Width};
  for (const ReductionType type :
       {ReductionType::Sum, ReductionType::Mean, ReductionType::Max, ReductionType::Min})
    for (unsigned set = 1; set < 8; ++set) {
      SCOPED_TRACE(std::to_string(static_cast<int>(type)) + " over " + std::to_string(set));
      Reduction reduction;
      reduction.type = type;
      for (unsigned i = 0; i < 3; ++i)
        if (set >> i & 1) reduction.axes.push_back(axes[i]);
      Net net(chw(4, 3, 5));
      net.then(reduction);
      // Over channels and rows: merged; over channels and columns: one after the other.
      if (set == 3 || set == 5)
        EXPECT_EQ(count_of<Reduction>(whole(net.done())), set == 3 ? 1 : 2);
      else
        EXPECT_EQ(types(whole(net.done())), type == ReductionType::Min ? "GOC Reduction GOC" : "Reduction");
    }
}

TEST(Composites, ActivationsLeaveReductions) {
  Net net(chw(4, 3, 5));
  net.then(Reduction{ReductionType::Sum, {Axis::Height, Axis::Width}, Neuron{NeuronType::Sigmoid, 0, 0, 1}});
  EXPECT_EQ(types(whole(net.done())), "Reduction Neuron");
}

TEST(Composites, OrderAndQuotientsStay) {
  for (const ElementWiseOp op : {ElementWiseOp::Div, ElementWiseOp::LessThan, ElementWiseOp::GreaterThan}) {
    SCOPED_TRACE(name_of(op));
    Net net(chw(16, 3, 5));
    const TensorId a = net.last, b = net.add_input(chw(16, 3, 5));
    net.network.tensor(net.add(ElementWise{op, 1, false}, {a, b})).type =
        op == ElementWiseOp::Div ? ElementType::Float16 : ElementType::UInt8;
    const Network result = whole(net.done(), 0.5, 2);
    EXPECT_EQ(types(result), "ElementWise");
    EXPECT_EQ(result.units[0].as<ElementWise>()->op, op);
  }
}

// What no captured program shows goes by difference and table: numbers as truths, channels that not all
// engines share, broadcasts, and the other four comparisons.
TEST(Composites, OtherComparisonsAndSelections) {
  for (const EngineFacts& facts : {whole_engine(), engine()}) {
    for (const ElementWiseOp op :
         {ElementWiseOp::Equal, ElementWiseOp::LessThan, ElementWiseOp::LessEqual, ElementWiseOp::GreaterThan,
          ElementWiseOp::GreaterEqual, ElementWiseOp::NotEqual}) {
      SCOPED_TRACE(name_of(op));
      const bool inverted = op == ElementWiseOp::LessEqual || op == ElementWiseOp::GreaterEqual ||
                            op == ElementWiseOp::NotEqual;
      Net net(chw(16, 3, 5));
      const TensorId a = net.last, b = net.add_input(chw(16, 1, 5));
      net.add(ElementWise{op, 1, false}, {a, b});
      EXPECT_EQ(types(legalised(net.done(), facts)),
                inverted ? "ElementWise Neuron Neuron" : "ElementWise Neuron");
    }
    Net same(chw(3, 1, 2));
    same.add(ElementWise{ElementWiseOp::Equal, 1, false}, {same.last, same.last});
    EXPECT_EQ(types(legalised(same.done(), facts)), "ElementWise Neuron");
    Net choice(chw(4, 3, 5));
    const TensorId x = choice.last, y = choice.add_input(chw(4, 3, 5));
    choice.add(Select{}, {choice.add(Neuron{}, {x}), x, y});
    EXPECT_EQ(types(legalised(choice.done(), facts)),
              "Neuron Neuron Neuron ElementWise ElementWise ElementWise");
  }
}

TEST(Composites, QuotientsByConstantsAreProducts) {
  // One number: a gain of 1/s for every channel, the form that Apple's compiler stores; for one channel just
  // a gain.
  for (const int64_t channels : {1, 4}) {
    Net net(chw(channels, 3, 5));
    const TensorId x = net.last, by = net.add(ConstantTensor{chw(1, 1, 1), Constant::of_floats({8})}, {});
    net.add(ElementWise{ElementWiseOp::Div, 1, false}, {x, by});
    const Network result = whole(net.done());
    ASSERT_EQ(types(result), "GOC");
    const auto* goc = result.units[0].as<Goc>();
    if (channels == 1) {
      EXPECT_EQ(goc->scale, 0.125f);
      continue;
    }
    ASSERT_TRUE(goc->channel_scale);
    EXPECT_EQ(goc->channel_scale->floats(), std::vector<float>(static_cast<size_t>(channels), 0.125f));
    EXPECT_EQ(goc->scale, 1);
    EXPECT_FALSE(goc->channel_offset);
  }
  Net image(chw(4, 3, 5));
  const TensorId x = image.last, by = image.add(ConstantTensor{chw(1, 3, 5), image.constant(15, 0.5, 2)}, {});
  image.add(ElementWise{ElementWiseOp::Div, 1, false}, {x, by});
  const Network result = whole(image.done());
  ASSERT_EQ(types(result), "Constant ElementWise");
  EXPECT_EQ(result.units[1].as<ElementWise>()->op, ElementWiseOp::Mult);
}

TEST(Composites, ConstantsByQuotients) {
  Net net(chw(4, 3, 5));
  const TensorId x = net.last, one = net.add(ConstantTensor{chw(1, 1, 1), Constant::of_floats({3})}, {});
  net.add(ElementWise{ElementWiseOp::Div, 1, false}, {one, x});
  EXPECT_EQ(types(whole(net.done(), 0.5, 2)), "Constant ElementWise");
}

TEST(Composites, GainAndOffset) {
  Net scalar(chw(4, 3, 5));
  scalar.then(Goc{2, 0, {}, {}});
  const Network one = whole(scalar.done());
  ASSERT_EQ(types(one), "GOC");
  EXPECT_FALSE(one.units[0].as<Goc>()->channel_scale);
  // Both together, and any mixture with numbers per channel, are rows of both.
  for (const bool per_channel : {false, true}) {
    Net both(chw(4, 3, 5));
    Goc goc{2, 1, {}, {}};
    if (per_channel) goc.channel_scale = both.constant(4);
    both.then(goc);
    const Network result = whole(both.done());
    ASSERT_EQ(types(result), "GOC");
    EXPECT_TRUE(result.units[0].as<Goc>()->channel_scale && result.units[0].as<Goc>()->channel_offset);
  }
}

TEST(Composites, GainAndOffsetPerChannelBecomeOne) {
  Net net(chw(4, 3, 5));
  TensorId x = net.last;
  for (const ElementWiseOp op : {ElementWiseOp::Mult, ElementWiseOp::Add, ElementWiseOp::Sub}) {
    const TensorId values = net.add(ConstantTensor{chw(4, 1, 1), net.constant(4)}, {});
    x = net.add(ElementWise{op, 1, false}, {x, values});
  }
  net.then(Goc{-3, 0, {}, {}});
  EXPECT_EQ(types(whole(net.done())), "GOC");
  // Scalars each are one cheap pass, and stay apart.
  Net scalars(chw(4, 3, 5));
  scalars.then(Goc{2, 0, {}, {}});
  scalars.then(Goc{1, 3, {}, {}});
  EXPECT_EQ(types(whole(scalars.done())), "GOC GOC");
}

// The engine adds offset / scale before it scales.
TEST(Composites, ChannelsThatAreSwitchedOffHaveTheirOffsetApart) {
  for (const float scale : {0.0f, 1e-5f}) {
    Net net(chw(2, 3, 5));
    Goc goc;
    goc.channel_scale = Constant::of_floats({1, scale});
    goc.channel_offset = Constant::of_floats({3, 4});
    net.then(goc);
    EXPECT_EQ(types(whole(net.done())), "GOC GOC");
  }
  Net harmless(chw(2, 3, 5));
  Goc goc;
  goc.channel_scale = Constant::of_floats({1, 0});
  goc.channel_offset = Constant::of_floats({3, 0});
  harmless.then(goc);
  EXPECT_EQ(types(whole(harmless.done())), "GOC");
}

TEST(Composites, Broadcasts) {
  Net alone(chw(4, 1, 5));
  alone.then(Broadcast{chw(4, 3, 5), false});
  EXPECT_EQ(types(whole(alone.done())), "Broadcast");

  Net relu(chw(4, 1, 5));
  relu.then(Broadcast{chw(4, 3, 5), false});
  relu.then(Neuron{});
  const Network fused = whole(relu.done());
  ASSERT_EQ(types(fused), "Broadcast");
  EXPECT_TRUE(fused.units[0].as<Broadcast>()->relu);

  Net read(chw(4, 3, 5));
  const TensorId x = read.last, row = read.add_input(chw(1, 1, 5));
  read.add(ElementWise{}, {x, read.add(Broadcast{chw(4, 3, 5), false}, {row})});
  EXPECT_EQ(types(whole(read.done())), "ElementWise");

  // A function between keeps it.
  Net kept(chw(4, 3, 5));
  const TensorId y = kept.last, plane = kept.add_input(chw(1, 1, 5));
  kept.add(Broadcast{chw(4, 3, 5), false}, {plane});
  kept.add(ElementWise{}, {y, kept.then(Neuron{})});
  EXPECT_EQ(types(whole(kept.done())), "Broadcast ElementWise");

  Net constant(chw(4, 3, 5));
  const TensorId z = constant.last;
  constant.add(ConstantTensor{chw(1, 3, 1), constant.constant(3)}, {});
  const TensorId spread = constant.then(Broadcast{chw(2, 3, 5), false});
  constant.add(Concat{}, {z, spread});
  EXPECT_EQ(types(whole(constant.done())), "Constant Concat");
}

TEST(Composites, AReluBehindAnAdditionToItsArgumentStays) {
  Net net(chw(4, 3, 5));
  const TensorId x = net.last;
  net.add(ElementWise{}, {x, net.then(Neuron{})});
  EXPECT_EQ(types(whole(net.done())), "Neuron ElementWise");
}

// Rows of bytes that are taken apart stay bytes.
TEST(Composites, MovedBytesStayBytes) {
  Net net(chw(2, 3, 5));
  net.network.tensor(net.last).type = ElementType::UInt8;
  const TensorId view = net.then(InputView{Axis::Width, 1, 3, 1});
  net.network.tensor(view).type = ElementType::UInt8;
  const TensorId flat = net.then(Reshape{chw(1, 3, 6)});
  net.network.tensor(flat).type = ElementType::UInt8;
  const Network result = whole(net.done());
  EXPECT_GT(count_of<Transpose>(result), 1);
  for (const Unit& unit : result.units)
    EXPECT_EQ(result.tensor(unit.top).type, ElementType::UInt8) << unit.name;
}

// ---- What follows a matrix product ----

MatMul constant_product(Net& net, int64_t columns) {
  MatMul product;
  product.transpose_second = true;
  product.matrix_rows = columns, product.matrix_columns = net.network.tensor(net.last).shape.w;
  product.matrix = net.constant(product.matrix_rows * product.matrix_columns);
  return product;
}

TensorId add_row(Net& net, int64_t columns) {
  const TensorId product = net.last;
  const TensorId row = net.add(ConstantTensor{chw(1, 1, columns), net.constant(columns)}, {});
  return net.add(ElementWise{}, {product, row});
}

const MatMul& only_product(const Network& network) {
  EXPECT_EQ(types(network), "MatrixMultiplication");
  return *network.units.at(0).as<MatMul>();
}

TEST(FuseIntoMatMul, ScaleBiasFunction) {
  for (const NeuronType type : {NeuronType::ReLU, NeuronType::Gelu}) {
    Net net(chw(1, 4, 6));
    net.then(constant_product(net, 5));
    net.then(Goc{0.5, 0, {}, {}});
    net.then(Goc{0.25, 0, {}, {}});
    add_row(net, 5);
    net.then(Neuron{type, 0, 0, 1});
    const Network result = whole(net.done());
    const MatMul& product = only_product(result);
    EXPECT_EQ(product.scale, 0.125f);
    EXPECT_TRUE(product.bias);
    ASSERT_TRUE(product.activation);
    EXPECT_EQ(product.activation->type, type);
    EXPECT_EQ(result.units[0].layer, "layer of u0");
  }
}

TEST(FuseIntoMatMul, BiasOnTheLeft) {
  Net net(chw(1, 4, 6));
  const TensorId product = net.then(constant_product(net, 5));
  const TensorId row = net.add(ConstantTensor{chw(1, 1, 5), net.constant(5)}, {});
  net.add(ElementWise{}, {row, product});
  EXPECT_TRUE(only_product(whole(net.done())).bias);
}

TEST(FuseIntoMatMul, ProductsOfTwoTensorsTakeAScaleOnly) {
  Net net(chw(2, 4, 6));
  const TensorId x = net.last, y = net.add_input(chw(2, 6, 5));
  net.add(MatMul{}, {x, y});
  net.then(Goc{0.5, 0, {}, {}});
  add_row(net, 5);
  net.then(Neuron{NeuronType::Gelu, 0, 0, 1});
  const Network result = whole(net.done());
  EXPECT_EQ(types(result), "MatrixMultiplication Constant ElementWise Neuron");
  EXPECT_EQ(result.units[0].as<MatMul>()->scale, 0.5f);
}

TEST(FuseIntoMatMul, WhatIsNotBehindItAloneStays) {
  // Another reader.
  Net shared(chw(1, 4, 6));
  const TensorId product = shared.then(constant_product(shared, 5));
  shared.then(Neuron{});
  shared.add(ElementWise{ElementWiseOp::Mult, 1, false}, {product, shared.last});
  EXPECT_EQ(types(whole(shared.done())), "MatrixMultiplication Neuron ElementWise");
  // An output.
  Net output(chw(1, 4, 6));
  output.then(constant_product(output, 5));
  output.done();
  output.then(Neuron{});
  EXPECT_EQ(types(whole(output.done())), "MatrixMultiplication Neuron");
  // A factor behind the bias, and one in front.
  Net late(chw(1, 4, 6));
  late.then(Goc{3, 0, {}, {}});
  late.then(constant_product(late, 5));
  add_row(late, 5);
  late.then(Goc{0.5, 0, {}, {}});
  EXPECT_EQ(types(whole(late.done())), "GOC MatrixMultiplication GOC");
  // A constant that is no row, an operation that is no sum, a function without a table.
  Net column(chw(1, 4, 6));
  const TensorId result = column.then(constant_product(column, 5));
  const TensorId values = column.add(ConstantTensor{chw(1, 4, 1), column.constant(4)}, {});
  column.add(ElementWise{}, {result, values});
  EXPECT_EQ(count_of<ElementWise>(whole(column.done())), 1);
  Net difference(chw(1, 4, 6));
  const TensorId left = difference.then(constant_product(difference, 5));
  const TensorId right = difference.add(ConstantTensor{chw(1, 1, 5), difference.constant(5)}, {});
  difference.add(ElementWise{ElementWiseOp::Max, 1, false}, {left, right});
  EXPECT_EQ(count_of<ElementWise>(whole(difference.done())), 1);
  Net scaled(chw(1, 4, 6));
  scaled.then(constant_product(scaled, 5));
  scaled.then(Neuron{NeuronType::Exp, 0, 0, 1});
  EXPECT_EQ(types(whole(scaled.done())), "MatrixMultiplication Neuron");
}

// ---- Limits ----

std::string refusal(Network network, const EngineFacts& facts) {
  try {
    passes::run_passes(network, facts);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(BadComposites, RefusedWithoutTheFact) {
  Net net(chw(1, 4, 6));
  net.then(constant_product(net, 5));
  net.then(Normalize{{Axis::Width}, 1e-3f});
  const std::string text = refusal(net.done(), engine());
  EXPECT_NE(text.find("layer of u0 (MatrixMultiplication)"), std::string::npos) << text;
  EXPECT_NE(text.find("layer of u1 (LayerNormalization)"), std::string::npos) << text;
}

TEST(BadComposites, NothingIsDoneOverTheBatch) {
  for (const Params& params : {Params(Softmax{Axis::Batch}), Params(Normalize{{Axis::Batch}, 0}),
                               Params(Reduction{ReductionType::Sum, {Axis::Batch, Axis::Channel}, {}})}) {
    Net net(chw(2, 2, 2, 2));
    net.then(params);
    EXPECT_NE(refusal(net.done(), whole_engine()), "");
  }
}

}  // namespace
}  // namespace ane::test
