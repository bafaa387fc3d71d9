// Builds weight files of ML Programs (MIL blob storage, version 2) for tests, by the published layout and not
// with anything of the reader's.
#pragma once

#include <algorithm>

#include "base/bytes.h"

namespace ane::test {

class BlobBuilder {
 public:
  explicit BlobBuilder(uint32_t version = 2) : bytes_(64) { put(4, version); }

  // Appends an entry; the result is what a program refers to it by. `type` is the storage's own code: 1
  // float16, 2 float32, 3 uint8, 4 int8, ... (docs/mil.md).
  uint64_t add(uint32_t type, ByteSpan data, uint64_t unused_bits = 0) {
    const size_t metadata = (bytes_.size() + 63) / 64 * 64;
    bytes_.resize(metadata + 64 + data.size());
    put(metadata, uint32_t{0xdeadbeef});
    put(metadata + 4, type);
    put(metadata + 8, uint64_t{data.size()});
    put(metadata + 16, uint64_t{metadata + 64});
    put(metadata + 24, unused_bits);
    std::copy(data.begin(), data.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(metadata) + 64);
    put(0, ++count_);
    return metadata;
  }

  const Bytes& bytes() const { return bytes_; }

 private:
  template <typename T>
  void put(size_t offset, T value) {
    const auto* from = reinterpret_cast<const uint8_t*>(&value);
    for (size_t i = 0; i < sizeof value; ++i) bytes_.at(offset + i) = from[i];
  }

  Bytes bytes_;
  uint32_t count_ = 0;
};

}  // namespace ane::test
