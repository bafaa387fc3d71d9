// Private to from_coreml: chains of Espresso layers, for Core ML layers that are put together from several.
#pragma once

#include <string>
#include <vector>

#include "espresso/codes.h"
#include "espresso/translation.h"

namespace ane::espresso {

// A blob on the way: its name and shape.
struct Blob5 {
  std::string name;
  Shape shape;
};

Blob5 input_blob(const Translation& to, const SourceLayer& source, int index = 0);
size_t rank_of(const Translation& to, const SourceLayer& source, int index = 0);

// One layer more on the way; its result has `shape`, that of `operate` the shape of the first operand.
Blob5 step(Translation& to, const SourceLayer& source, const std::string& suffix, const char* type,
           json attributes, const std::vector<Blob5>& bottoms, const Shape& shape);
Blob5 operate(Translation& to, const SourceLayer& source, const std::string& suffix, Operation operation,
              const std::vector<Blob5>& bottoms, double alpha = 1);
// Of a load_constant layer.
json constant_attributes(Translation& to, std::vector<float> values, const Shape& shape);
Blob5 constant_step(Translation& to, const SourceLayer& source, const std::string& suffix,
                    std::vector<float> values, const Shape& shape);
// Constants that are in no file are counted, so that a small file cannot ask for all memory. Throws
// Unsupported when there are too many.
void count_made(Translation& to, int64_t elements);
Blob5 reshaped(Translation& to, const SourceLayer& source, const std::string& suffix, const Blob5& blob,
               const Shape& shape);
// The axis `code` and the channels exchanged.
Blob5 turn(Translation& to, const SourceLayer& source, const std::string& suffix, const Blob5& blob,
           int64_t code);

// Blobs joined along an axis, which is laid along the channels for it. The batch lies in memory as more
// channels; the result is then left so.
Blob5 join(Translation& to, const SourceLayer& source, const std::vector<Blob5>& parts, int64_t code);

// The elements at `positions` of an axis: a slice, or a matrix with a one in each row.
Blob5 take(Translation& to, const SourceLayer& source, Blob5 blob, int64_t code,
           const std::vector<int64_t>& positions);

// The layer's result number `output` is the blob as it is, in another shape if need be.
void finish(Translation& to, const SourceLayer& source, const Blob5& blob, int output = 0);

}  // namespace ane::espresso
