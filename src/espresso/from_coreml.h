// Core ML layer list -> Espresso network: what Apple's coremlc does, as measured in public model pairs.
#pragma once

#include "coreml/model.h"
#include "espresso/net.h"

namespace ane::espresso {

// One Espresso layer per Core ML layer, but for the fusions that coremlc makes: batchnorm after convolution
// is folded into its weights, ReLU after convolution or innerProduct becomes fused_relu / has_relu. Float32
// and float16 arrays that need no change are views of the model's own memory (`model.proto` is kept alive by
// the blobs' owners). Throws one Error that lists every layer without an Espresso form.
Net from_coreml(const coreml::Model& model);

}  // namespace ane::espresso
