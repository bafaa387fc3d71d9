// The reference interpreter: evaluates the layers of a Core ML neural network in float32, from their
// definition.
//
// It shares nothing with import, passes and code generation, so that it can contradict them. What it may
// share is the reader (src/coreml): a wrong weight decoder would fool both sides, which is why that room has
// tests of its own.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "coreml/model.h"
#include "reference/blobs.h"
#include "reference/tensor.h"

namespace ane::reference {

// `inputs` by feature name: array features with their elements in row-major order; image features as [C, H,
// W] planes in the channel order of the model's colour space, values 0..255, before preprocessing (which
// happens here). Gives the blobs that are wanted, inputs (preprocessed) included, by name. Throws Error for
// layers it has no definition of.
std::map<std::string, Tensor> evaluate(const coreml::Model& model,
                                       const std::map<std::string, std::vector<float>>& inputs,
                                       const Wanted& wanted = {});

}  // namespace ane::reference
