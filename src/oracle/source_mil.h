// The source program of a captured case as an ML Program, for the reference interpreter. Constants of the
// weight file become inputs, so that whoever runs it chooses their values.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mil/program.h"
#include "oracle/source_program.h"
#include "reference/tensor.h"

namespace ane::oracle {

// The program as text; shapes that the source does not say are "?".
std::string mil_text(const SourceProgram& program);

// The output's values for `tensors`, the inputs and constants by name. Throws Error (naming `file`) for
// programs that the reference does not evaluate.
std::vector<float> evaluate_source(const SourceProgram& program,
                                   const std::map<std::string, reference::Tensor>& tensors,
                                   const std::string& file);

}  // namespace ane::oracle
