// Espresso network -> ANE network: the step that Espresso itself does before it calls Apple's ANE compiler.
//
// What holds afterwards: one or more units per layer, with Unit::layer = the layer's name; the last unit of a
// layer is named like the layer, those before it LAYER_tmp_0, LAYER_tmp_1, ..., as in Espresso's own dumps;
// result tensors are named like the blobs. Shapes agree with the network's shape file. Weights and biases are
// views of the Espresso network's blobs. Biases, fused activations and broadcasting operands are kept in the
// units' fused fields.
//
// Axes: w, h, k are Width, Height, Channel. The engine has one axis for Espresso's n and seq: Batch is
// whichever of the two is longer than 1; a blob in which both are is refused.
#pragma once

#include "aneir/network.h"
#include "espresso/net.h"

namespace ane::import {

// Throws one Error that lists every layer that cannot be imported, with its name, type and the reason.
aneir::Network from_espresso(const espresso::Net& net);

}  // namespace ane::import
