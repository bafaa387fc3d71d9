// Weights that a compiled network keeps in a byte each.
//
// Two forms are known. Convolutions: quantization_lut_weights_blob, a byte a weight, and
// quantization_ranges_blob, float32, the lowest weight of each channel and then the highest of each: w =
// low_c + byte / 255 * (high_c - low_c). Inner products with quantization_mode 1: the roles W_U8,
// per_ch_qscale and per_ch_qbias: w = byte * scale_c + bias_c. Channels are output channels, the slowest
// axis. That these arrays exist was measured; the two formulas are described by others (the first found by
// its results, the second by its names) and not checked against values. Other modes are not known.
#pragma once

#include "espresso/net.h"

namespace ane::espresso {

bool has_quantized_weights(const Layer& layer, const std::string& file);

// All weights of the layer, as float32. Throws Error for forms that are not known and for arrays that do not
// fit each other.
std::vector<float> dequantized_weights(const Net& net, const Layer& layer, int64_t channels);

}  // namespace ane::espresso
