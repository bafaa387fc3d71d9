// What is known before a program runs: results as constants, and the operations that expand compressed
// weights.
#pragma once

#include <functional>

#include "import/mil_operation.h"

namespace ane::import {

using Values = std::vector<mil::ValuePointer>;

// Result `index` of an operation, of the type that it declares, where "?" stands for as many elements as
// there are; `number` is called once for each element, on several threads. Refused unless the type has
// `elements` elements.
mil::ValuePointer made_value(const OperationImport& at, int64_t elements,
                             const std::function<double(int64_t)>& number, size_t index = 0);

// constexpr_affine_dequantize, constexpr_blockwise_shift_scale, constexpr_lut_to_dense,
// constexpr_sparse_to_dense; constexpr_lut_to_sparse, constexpr_sparse_blockwise_shift_scale, which give a
// mask and the values it marks (mil_compressed.cc)
Values expand_affine(const OperationImport& at);
Values expand_blockwise(const OperationImport& at);
Values expand_palette(const OperationImport& at);
Values expand_sparse(const OperationImport& at);
Values expand_sparse_palette(const OperationImport& at);
Values expand_sparse_blockwise(const OperationImport& at);

}  // namespace ane::import
