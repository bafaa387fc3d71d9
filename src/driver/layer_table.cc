#include "driver/layer_table.h"

#include <fmt/format.h>

namespace ane::driver {

namespace {

using enum Treatment;

constexpr LayerRow rows[] = {
    {"convolution", Units,
     "Conv; strides, dilation and sizes beyond the engine's in several; transposed ones as Conv of "
     "interleaved zeros. Weights in the file"},
    {"pooling", Chain, "maximum, average, L2: Conv and reductions; global ones are reductions"},
    {"activation.linear", Units, "gain and offset"},
    {"activation.ReLU", Units, "Neuron"},
    {"activation.leakyReLU", Units, "Neuron"},
    {"activation.thresholdedReLU", Units, "Neuron"},
    {"activation.PReLU", Chain, "one slope: Neuron; per channel: positive part plus scaled negative part"},
    {"activation.tanh", Units, "Neuron"},
    {"activation.scaledTanh", Chain, "Neuron between gains"},
    {"activation.sigmoid", Units, "Neuron; precise form of three passes unless `--functions table`"},
    {"activation.sigmoidHard", Units, "Neuron"},
    {"activation.ELU", Chain, "e^x, shifted; maximum"},
    {"activation.softsign", Chain, "x / (1 + abs x)"},
    {"activation.softplus", Chain, "relu x + ln(1 + e^-abs x)"},
    {"activation.parametricSoftplus", Chain, "softplus between gains per channel"},
    {"innerProduct", Units, "1x1 Conv"},
    {"embedding", Chain, "index compared with 0, 1, 2, ..., marks times the matrix; up to 2049 columns"},
    {"batchnorm", Units,
     "folded into the convolution before, else gain and offset; statistics of the data: reductions"},
    {"mvn", Chain, "reductions"},
    {"l2normalize", Chain, "reduction, power, product"},
    {"softmax", Chain, "maximum, e^x, sum, quotient"},
    {"lrn", Chain, "squares, Conv with a band of ones, power"},
    {"crop", Units, "InputView"},
    {"padding", Chain,
     "zeros: Conv of ones; constants: plus a border; reflection, replication: rows and columns joined"},
    {"upsample", Chain,
     "transposed Conv of ones or of a triangle; other factors: rows and columns joined or weighed"},
    {"resizeBilinear", Chain, "as upsample, or products with sampling matrices"},
    {"cropResize", Chain,
     "boxes that are constants: products with sampling matrices; up to 256 boxes in one image"},
    {"unary", Chain, "tables where the engine has one; docs/ane-ir.md"},
    {"add", Units, "ElementWise; offset"},
    {"multiply", Units, "ElementWise; gain"},
    {"average", Chain, "sum, gain"},
    {"scale", Units, "gain and offset per channel; else products with constants"},
    {"bias", Units, "offset per channel; else sums with constants"},
    {"max", Units, "ElementWise"},
    {"min", Units, "ElementWise"},
    {"dot", Chain, "product, sum over channels; of cosines powers besides"},
    {"reduce", Chain, "reductions; products by halves"},
    {"loadConstant", Known, "a constant"},
    {"reshape", Units, "Reshape"},
    {"flatten", Units, "Reshape"},
    {"permute", Units, "Transpose"},
    {"concat", Units, "Concat"},
    {"split", Units, "InputView"},
    {"sequenceRepeat", Units, "Broadcast, Concat"},
    {"reorganizeData", Chain, "views, transpositions, interleaving Concat"},
    {"slice", Units, "InputView; with a stride a matrix that picks"},
    {"simpleRecurrent", Chain,
     "unrolled, up to 128 steps; with its state as input and output one step at a time"},
    {"gru", Chain, "as simpleRecurrent"},
    {"uniDirectionalLSTM", Chain, "as simpleRecurrent"},
    {"biDirectionalLSTM", Chain, "unrolled, up to 128 steps"},
    {"custom", Refused, "which is not in the file"},
    {"copy", Known, "another name for its input"},
    {"branch", Refused, "control flow is not supported"},
    {"loop", Refused, "control flow is not supported"},
    {"loopBreak", Refused, "control flow is not supported"},
    {"loopContinue", Refused, "control flow is not supported"},
    {"rangeStatic", Known, "a constant"},
    {"rangeDynamic", Refused, "the shape of its output depends on data"},
    {"clip", Units, "Neuron"},
    {"ceil", Chain, "docs/functions.md; exact"},
    {"floor", Chain, "docs/functions.md; exact"},
    {"sign", Chain, "two tables; exact"},
    {"round", Chain, "docs/functions.md; exact, ties to even"},
    {"exp2", Units, "Neuron"},
    {"sin", Chain, "docs/functions.md"},
    {"cos", Chain, "docs/functions.md"},
    {"tan", Chain, "docs/functions.md"},
    {"asin", Chain, "docs/functions.md"},
    {"acos", Chain, "docs/functions.md"},
    {"atan", Chain, "docs/functions.md"},
    {"sinh", Chain, "docs/functions.md"},
    {"cosh", Chain, "docs/functions.md"},
    {"tanh", Units, "Neuron"},
    {"asinh", Chain, "docs/functions.md"},
    {"acosh", Chain, "docs/functions.md"},
    {"atanh", Chain, "docs/functions.md"},
    {"erf", Chain, "docs/functions.md"},
    {"gelu", Chain, "exact: Neuron; by tanh or sigmoid as defined"},
    {"equal", Chain,
     "of two inputs or with a number: difference, test for zero or sign; exact on binary16 numbers"},
    {"notEqual", Chain,
     "of two inputs or with a number: difference, test for zero or sign; exact on binary16 numbers"},
    {"lessThan", Chain,
     "of two inputs or with a number: difference, test for zero or sign; exact on binary16 numbers"},
    {"lessEqual", Chain,
     "of two inputs or with a number: difference, test for zero or sign; exact on binary16 numbers"},
    {"greaterThan", Chain,
     "of two inputs or with a number: difference, test for zero or sign; exact on binary16 numbers"},
    {"greaterEqual", Chain,
     "of two inputs or with a number: difference, test for zero or sign; exact on binary16 numbers"},
    {"logicalOr", Chain, "tests for zero, then arithmetic on 0 and 1"},
    {"logicalXor", Chain, "tests for zero, then arithmetic on 0 and 1"},
    {"logicalNot", Chain, "tests for zero, then arithmetic on 0 and 1"},
    {"logicalAnd", Chain, "tests for zero, then arithmetic on 0 and 1"},
    {"modBroadcastable", Chain, "docs/functions.md"},
    {"minBroadcastable", Units, "ElementWise"},
    {"maxBroadcastable", Units, "ElementWise"},
    {"addBroadcastable", Units, "ElementWise"},
    {"powBroadcastable", Chain,
     "2^(b log2 a), for positive a; products for constant whole and quarter exponents"},
    {"divideBroadcastable", Chain, "product with the reciprocal"},
    {"floorDivBroadcastable", Chain, "docs/functions.md"},
    {"multiplyBroadcastable", Units, "ElementWise"},
    {"subtractBroadcastable", Units, "ElementWise"},
    {"tile", Units, "Broadcast, Concat"},
    {"stack", Units, "Reshape, Concat"},
    {"gather", Chain,
     "known indices: slices, or a matrix that picks; computed ones into the rows of a constant matrix as "
     "embedding"},
    {"scatter", Refused, "the engine does not write to places that are computed"},
    {"gatherND", Refused, "the engine does not read from places that are computed"},
    {"scatterND", Refused, "the engine does not write to places that are computed"},
    {"softmaxND", Chain, "maximum, e^x, sum, quotient"},
    {"gatherAlongAxis", Refused, "the engine does not read from places that are computed"},
    {"scatterAlongAxis", Refused, "the engine does not write to places that are computed"},
    {"reverse", Chain, "a matrix that picks"},
    {"reverseSeq", Refused, "the engine does not move elements by lengths that are computed"},
    {"splitND", Units, "InputView"},
    {"concatND", Units, "Concat; interleaved ones joined along a new axis"},
    {"transpose", Units, "Transpose"},
    {"sliceStatic", Units, "InputView; with strides a matrix that picks"},
    {"sliceDynamic", Refused, "the shape of its output depends on data"},
    {"slidingWindows", Chain, "a matrix that picks, Reshape"},
    {"topK", Chain,
     "K = 1: maximum or minimum, and its index as in argMax. Larger K: the engine does not sort"},
    {"argMin", Chain, "as argMax of the negative"},
    {"argMax", Chain,
     "test for zero of the distance to the maximum, times what is left of the axis; up to 2049 elements"},
    {"embeddingND", Chain, "as embedding"},
    {"batchedMatmul", Units, "constants: 1x1 Conv; two tensors: MatMul, columns laid along the channels"},
    {"getShape", Known, "a constant"},
    {"loadConstantND", Known, "a constant"},
    {"fillLike", Known, "a constant"},
    {"fillStatic", Known, "a constant"},
    {"fillDynamic", Refused, "the shape of its output depends on data"},
    {"broadcastToLike", Units, "Broadcast"},
    {"broadcastToStatic", Units, "Broadcast"},
    {"broadcastToDynamic", Refused, "the shape of its output depends on data"},
    {"squeeze", Units, "Reshape"},
    {"expandDims", Units, "Reshape"},
    {"flattenTo2D", Units, "Reshape"},
    {"reshapeLike", Units, "Reshape"},
    {"reshapeStatic", Units, "Reshape"},
    {"reshapeDynamic", Refused, "the shape of its output depends on data"},
    {"rankPreservingReshape", Units, "Reshape"},
    {"constantPad", Chain, "height and width as padding; other axes: Concat with constants"},
    {"randomNormalLike", Refused, "random numbers are not supported"},
    {"randomNormalStatic", Refused, "random numbers are not supported"},
    {"randomNormalDynamic", Refused, "random numbers are not supported"},
    {"randomUniformLike", Refused, "random numbers are not supported"},
    {"randomUniformStatic", Refused, "random numbers are not supported"},
    {"randomUniformDynamic", Refused, "random numbers are not supported"},
    {"randomBernoulliLike", Refused, "random numbers are not supported"},
    {"randomBernoulliStatic", Refused, "random numbers are not supported"},
    {"randomBernoulliDynamic", Refused, "random numbers are not supported"},
    {"categoricalDistribution", Refused, "random numbers are not supported"},
    {"reduceL1", Chain, "reductions"},
    {"reduceL2", Chain, "squares, reductions, root"},
    {"reduceMax", Chain, "reductions"},
    {"reduceMin", Chain, "reductions"},
    {"reduceSum", Chain, "reductions"},
    {"reduceProd", Chain, "halves times halves"},
    {"reduceMean", Chain, "reductions"},
    {"reduceLogSum", Chain, "reductions, logarithm"},
    {"reduceSumSquare", Chain, "squares, reductions"},
    {"reduceLogSumExp", Chain, "m + ln(sum of e^(x - m))"},
    {"whereNonZero", Refused, "the shape of its output depends on data"},
    {"matrixBandPart", Chain, "product with a constant of 0 and 1"},
    {"lowerTriangular", Chain, "product with a constant of 0 and 1"},
    {"upperTriangular", Chain, "product with a constant of 0 and 1"},
    {"whereBroadcastable", Chain, "products with the mask and its inverse, sum"},
    {"layerNormalization", Chain, "reductions"},
    {"NonMaximumSuppression", Refused, "the shape of its output depends on data"},
    {"oneHot", Chain, "test for zero of the distance to 0, 1, 2, ...; up to 2049 places"},
    {"cumSum", Chain, "a triangle of ones; up to 8192 elements"},
    {"clampedReLU", Chain, "two Neurons"},
    {"argSort", Refused, "the engine does not sort"},
    {"pooling3d", Refused, "three-dimensional windows are not supported"},
    {"globalPooling3d", Refused, "three-dimensional windows are not supported"},
    {"sliceBySize", Units, "InputView; the place must be a constant"},
    {"convolution3d", Refused, "three-dimensional windows are not supported"},
};

const char* word_of(Treatment treatment) {
  switch (treatment) {
    case Units:
      return "units";
    case Chain:
      return "put together";
    case Known:
      return "known";
    case Refused:
      return "refused";
  }
  return "";
}

}  // namespace

std::span<const LayerRow> layer_table() {
  return rows;
}

std::string layer_table_text() {
  std::string text =
      "# Layers of neural networks\n\n"
      "What becomes of each type of layer of a Core ML neural network; `coreml2hwx --layers` prints this. "
      "Words are\n"
      "the specification's. *Units*: of the kind that the engine's own compiler takes, though passes may "
      "divide them.\n"
      "*Put together*: from several units. *Known*: before the network runs, so it costs nothing. *Refused*: "
      "with these\n"
      "words. Every row is tested with a network of that layer alone, set against the reference or refused\n"
      "(tests/driver/layer_table_test.cc). Tensors have at most five axes, and either a batch or a "
      "sequence.\n\n"
      "| layer | | how |\n|---|---|---|\n";
  for (const LayerRow& row : rows)
    text += fmt::format("| {} | {} | {} |\n", row.type, word_of(row.treatment), row.how);
  return text;
}

}  // namespace ane::driver
