// What is known before a program runs: results as constants, and the operations that expand compressed
// weights.
#pragma once

#include <functional>

#include "import/mil_operation.h"

namespace ane::import {

// The only result of an operation, of the type that it declares; `number` is called for each element in
// order. Refused unless the type has `elements` elements.
mil::ValuePointer made_value(const OperationImport& at, int64_t elements,
                             const std::function<double(int64_t)>& number);

// constexpr_affine_dequantize, constexpr_blockwise_shift_scale, constexpr_lut_to_dense,
// constexpr_sparse_to_dense (mil_compressed.cc)
mil::ValuePointer expand_affine(const OperationImport& at);
mil::ValuePointer expand_blockwise(const OperationImport& at);
mil::ValuePointer expand_palette(const OperationImport& at);
mil::ValuePointer expand_sparse(const OperationImport& at);

}  // namespace ane::import
