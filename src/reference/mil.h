// The reference interpreter for MIL programs: evaluates each operation in float32, from its definition.
//
// The definitions are those of coremltools' operator documentation (converters/mil/mil/ops/defs, iOS15 to
// iOS18). Like the interpreter of Core ML layers it shares nothing with import, passes, code generation and
// simulator. What it may share is the reader of programs (src/mil).
//
// All numbers are held in float32. Values of narrower floating types are not rounded to them: the result is
// what the program means, not what fp16 makes of it. Integers and truths are held as the floats they equal,
// so integers beyond 2^24 are rounded. A result that its declared type cannot hold (a fraction or an overflow
// in an integer) is an error, because what Core ML makes of it is not known.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "mil/program.h"
#include "reference/tensor.h"

namespace ane::reference {

struct MilOptions {
  // Of the program, for messages.
  std::string file;
  // Called with every output of every operation (constants included), in program order; `index` counts the
  // outputs of the operation.
  std::function<void(const mil::Operation& operation, size_t index, const Tensor& value)> observe;
  // A tensor with more elements is an error, so that a small program cannot ask for unbounded memory.
  int64_t most_elements = int64_t{1} << 28;
};

// `inputs` by name, in the shapes that the function declares. Gives the function's outputs by name. Throws
// one Error that names all operations without a definition here, before anything is evaluated; and an Error
// for the first operation whose operands do not suit it.
std::map<std::string, Tensor> evaluate_mil(const mil::Function& function,
                                           const std::map<std::string, Tensor>& inputs,
                                           const MilOptions& options = {});

}  // namespace ane::reference
