// Whole networks through all passes, and networks that must be refused.
#include "base/error.h"
#include "passes/check.h"

namespace ane::test {
namespace {

Pooling pooling(PoolingType type, int kernel, int stride, int pad) {
  Pooling result;
  result.type = type;
  result.kernel_width = result.kernel_height = kernel;
  result.stride_x = result.stride_y = stride;
  result.pad_left = result.pad_right = result.pad_top = result.pad_bottom = pad;
  return result;
}

TEST(RunPasses, ConvolutionNormalisationReluIsOneUnit) {
  Net net(chw(3, 12, 12));
  Conv conv = net.conv(8, 3, 3);
  conv.pad_left = conv.pad_right = conv.pad_top = conv.pad_bottom = 1;
  net.then(conv);
  net.then(Goc{1, 0, net.constant(8), net.constant(8)});
  net.then(Neuron{});
  EXPECT_EQ(types(legalised(net.done())), "Conv");
}

TEST(RunPasses, SmallClassifier) {
  Net net(chw(784, 1, 1));
  net.then(Reshape{chw(1, 28, 28)});
  net.then(Goc{1 / 255.0f, -0.5, {}, {}});
  net.then(net.conv(4, 5, 5));
  net.then(Neuron{});
  net.then(pooling(PoolingType::Max, 2, 2, 0));
  net.then(net.conv(6, 5, 5));
  net.then(Neuron{NeuronType::Tanh, 0, 0, 1});
  net.then(pooling(PoolingType::Average, 2, 2, 0));
  net.then(Reshape{chw(96, 1, 1)});
  net.then(net.conv(20, 1, 1));
  net.then(Neuron{NeuronType::Elu, 1, 0, 1});
  net.then(net.conv(10, 1, 1));
  net.then(Softmax{});
  const Network result = legalised(net.done());
  // The reshape is one exchange, the pooling of maxima two; the flattening went into a convolution.
  EXPECT_EQ(count_of<Transpose>(result), 3);
  EXPECT_EQ(count_of<Conv>(result), 6);  // four layers, the preprocessing, the pooling of averages
}

TEST(RunPasses, ResidualBlock) {
  Net net(chw(4, 6, 6, 2));
  const TensorId x = net.last;
  net.then(net.conv(4, 1, 1));
  const TensorId left = net.then(Neuron{NeuronType::ClampedReLU, 0, 6, 1});
  net.add(ElementWise{}, {x, left});
  net.then(Neuron{});
  net.then(pooling(PoolingType::Average, 6, 1, 0));
  EXPECT_EQ(types(legalised(net.done())), "Conv Reshape Reshape ElementWise Reshape Reduction");
}

TEST(RunPasses, InceptionPools) {
  for (const auto& each : {pooling(PoolingType::Max, 3, 1, 1), pooling(PoolingType::Max, 3, 2, 1),
                           pooling(PoolingType::Max, 5, 1, 2), pooling(PoolingType::Average, 3, 1, 1)}) {
    Net net(chw(4, 9, 9));
    const TensorId x = net.last, pool = net.then(each);
    net.then(Neuron{});
    net.then(net.conv(3, 1, 1));
    net.done();
    net.add(Neuron{NeuronType::Sigmoid, 0, 0, 1}, {pool});
    net.done();
    net.add(Neuron{}, {x});
    legalised(net.done());
  }
}

TEST(RunPasses, DerivedUnitsKeepLayerAndName) {
  Net net(chw(4, 8, 8));
  net.then(pooling(PoolingType::Max, 3, 2, 1));
  std::set<std::string> names;
  for (const Unit& unit : legalised(net.done()).units) {
    EXPECT_EQ(unit.layer, "layer of u0");
    EXPECT_TRUE(unit.name.starts_with("u0_"));
    EXPECT_TRUE(names.insert(unit.name).second) << unit.name;
  }
}

TEST(RunPasses, ObserverSeesEveryChange) {
  Net net(chw(4, 8, 8));
  net.then(Goc{});
  net.then(Softmax{});
  std::vector<std::string> seen;
  passes::run_passes(net.done(), engine(),
                     [&](const std::string& pass, const Network&) { seen.push_back(pass); });
  EXPECT_EQ(seen, (std::vector<std::string>{"import", "remove_identities", "decompose_softmax"}));
}

std::string refusal(Network network) {
  try {
    passes::run_passes(network, engine());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(BadNetwork, EveryUnsupportedLayerIsListedAtOnce) {
  Net net(chw(4, 8, 8));
  net.then(Normalize{{Axis::Width}, 0});
  Conv conv = net.conv(4, 2, 2);
  conv.transposed = true;
  conv.dilation_x = conv.dilation_y = 2;
  net.then(conv);
  const TensorId a = net.last;
  net.then(Neuron{});
  net.add(ElementWise{ElementWiseOp::Add, 1, false}, {a, net.last});
  net.then(Cast{});
  const std::string text = refusal(net.done());
  EXPECT_NE(text.find("layer of u0 (LayerNormalization)"), std::string::npos) << text;
  EXPECT_NE(text.find("layer of u1 (Conv): transposed"), std::string::npos) << text;
  EXPECT_NE(text.find("layer of u4 (Cast)"), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(BadNetwork, SizesBeyondTheEngine) {
  Net wide(chw(1, 1, 20000));
  wide.then(Neuron{});
  EXPECT_NE(refusal(wide.done()).find("width 20000 exceeds 16384"), std::string::npos);
  Net deep(chw(70000, 1, 1));
  deep.then(Neuron{});
  EXPECT_NE(refusal(deep.done()).find("channel count 70000 exceeds 65536"), std::string::npos);
}

TEST(BadNetwork, DepthAndBatchMoves) {
  Shape deep = chw(2, 2, 2);
  deep.d = 2;
  Net net(deep);
  net.then(Neuron{});
  EXPECT_NE(refusal(net.done()).find("has depth"), std::string::npos);
  Net batch(chw(2, 2, 2, 3));
  batch.then(Reduction{ReductionType::Sum, {Axis::Batch}, {}});
  EXPECT_NE(refusal(batch.done()).find("over the batch"), std::string::npos);
}

// A few bytes that ask for enormous constants: refused, and quickly.
TEST(BadNetwork, HugeShapesFromSmallFiles) {
  Net spread(chw(1, 1, 1));
  spread.then(Broadcast{chw(1 << 20, 1 << 18, 1)});
  EXPECT_NE(refusal(spread.done()), "");
  Net pool(chw(1 << 18, 1, 1));
  Pooling tall = pooling(PoolingType::Average, 1000, 1, 999);
  pool.then(tall);
  EXPECT_NE(refusal(pool.done()), "");
  Net edge(chw(1, 1, 1));
  edge.then(pooling(PoolingType::Max, 60000, 1, 59999));
  EXPECT_NE(refusal(edge.done()), "");
  Net goc(chw(int64_t{1} << 31, 1, 1));
  goc.then(Goc{2, 1, {}, {}});
  EXPECT_NE(refusal(goc.done()), "");
}

}  // namespace
}  // namespace ane::test
