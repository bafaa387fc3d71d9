// The reference interpreter for Espresso networks: evaluates each layer of a compiled Core ML model in
// float32, from the meaning of its attributes (docs/espresso.md).
//
// It shares nothing with import, passes and code generation, nor with the translation of Core ML layers to
// Espresso (src/espresso/from_coreml*), so that it can contradict them. What it may share is the reader of
// the files. What the format leaves open is refused here by name and not guessed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "espresso/net.h"
#include "reference/blobs.h"
#include "reference/tensor.h"

namespace ane::reference {

// `inputs` by blob name, row-major over the axes seq, n, k, h, w; inputs with transform_params as planes of
// values 0..255, before that transform. Gives the blobs that are wanted, inputs (transformed) included, by
// name, with the five axes as shape. Throws Error for layers it has no definition of, and where a layer gives
// another shape than the shape file declares.
std::map<std::string, Tensor> evaluate_espresso(const espresso::Net& net,
                                                const std::map<std::string, std::vector<float>>& inputs,
                                                const Wanted& wanted = {});

}  // namespace ane::reference
