// What follows a matrix product and costs nothing in the same pass: a factor (the engine scales what leaves
// its accumulators), and, where the matrix is constant, so that the product is a convolution, a bias for each
// column and a function. In this order, which is the engine's: scale, bias, function.
//
// A factor in front of a product is left: it changes a tensor that may have other readers, and Apple's
// compiler keeps it too.
#include "passes/rewrite.h"
#include "passes/steps.h"

namespace ane::passes {

namespace {

using aneir::ConstantTensor;
using aneir::ElementWise;
using aneir::Goc;
using aneir::MatMul;

bool absorb_scale(MatMul& product, const Goc& goc) {
  const bool only_scales = goc.offset == 0 && !goc.channel_scale && !goc.channel_offset;
  if (!only_scales || product.bias || product.activation) return false;
  product.scale *= goc.scale;
  return true;
}

// One value for each column of a result.
bool is_row(const ConstantTensor& constants, const Shape& result) {
  return constants.shape.w == result.w && constants.shape.count() == result.w;
}

bool absorb_bias(MatMul& product, const ElementWise& sum, const ConstantTensor* constants,
                 const Shape& result) {
  const bool adds = sum.op == aneir::ElementWiseOp::Add && sum.scale == 1 && constants;
  if (!adds || !product.matrix || product.bias || product.activation || !is_row(*constants, result))
    return false;
  product.bias = constants->values;
  if (sum.relu) product.activation = Neuron{};
  return true;
}

bool absorb_function(MatMul& product, const Neuron& neuron, const EngineFacts& facts) {
  if (!product.matrix || product.activation || !can_be_fused(neuron, facts)) return false;
  product.activation = neuron;
  return true;
}

}  // namespace

bool fuse_into_matmul(Network& network, const EngineFacts& facts) {
  if (!facts.composites) return false;
  const bool absorbed =
      absorb_readers(network, [&](Unit& producer, const Unit& reader, const ConstantTensor* constants) {
        auto* product = producer.as<MatMul>();
        if (!product || network.tensor(producer.top).shape != network.tensor(reader.top).shape) return false;
        if (const auto* goc = reader.as<Goc>()) return absorb_scale(*product, *goc);
        if (const auto* neuron = reader.as<Neuron>()) return absorb_function(*product, *neuron, facts);
        const auto* sum = reader.as<ElementWise>();
        return sum && absorb_bias(*product, *sum, constants, network.tensor(reader.top).shape);
      });
  return remove_dead_units(network) || absorbed;
}

}  // namespace ane::passes
