// Arrays of numbers in and out: NumPy's .npy files, which every other tool of the field reads, and raw dumps.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace ane::media {

struct Array {
  std::vector<int64_t> shape;  // in elements, outermost first; empty = a scalar
  std::vector<float> data;     // row-major
};

// Reads .npy versions 1 to 3 with little-endian elements f2, f4, f8, i1, u1, i4, i8, in C or Fortran order.
// Integers beyond 2^24 and doubles are rounded to float. Throws Error for anything else, and when the file
// does not hold exactly the elements its header announces.
Array read_npy(const std::filesystem::path& path);
Array read_npy(ByteSpan bytes, const std::string& name);

// Writes version 1, elements '<f4', C order.
void write_npy(const std::filesystem::path& path, const Array& array);
Bytes encode_npy(const Array& array);

enum class RawType { Float32, Float16 };

// Little-endian elements and nothing else. Throws Error unless the file holds a whole number of elements.
std::vector<float> read_raw(const std::filesystem::path& path, RawType type);
void write_raw(const std::filesystem::path& path, std::span<const float> values, RawType type);

}  // namespace ane::media
