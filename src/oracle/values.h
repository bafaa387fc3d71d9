// Values of a case's constants and inputs.
#pragma once

#include <functional>
#include <vector>

#include "oracle/case.h"

namespace ane::oracle {

// fp16 numbers, uniform from -scale to scale.
std::vector<float> random_values(int64_t count, uint32_t seed, float scale = 1);

// A fixed mixture of its arguments, as an fp16 number in -1 .. 1 in steps of 1/32 (never 0).
uint16_t scrambled(int64_t a, int64_t b = 0, int64_t c = 0, int64_t d = 0);

// Element `index` of constant number `constant`, as fp16 bits.
using ConstantValues = std::function<uint16_t(size_t constant, int64_t index)>;

// As the recording had them: uniform, but in most families each constant was read from the start of its
// weight file, so that its first 64 elements are the file's header.
ConstantValues recorded_constants(const Case& from);

// Random, which tells one lane and one plane from another, and zero where the recording was: zeros shorten
// sparse kernels. Matrices and kernels have rows of length 1 or so, which keeps results in range.
ConstantValues random_constants(const Case& from);

// Random values of input `number`, in the range that the program's functions are made for. `seed` 0 gives the
// values of our own tests.
std::vector<float> input_values(const SourceProgram& program, size_t number, uint32_t seed = 0);

}  // namespace ane::oracle
