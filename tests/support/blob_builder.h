// Builds weight files of ML Programs (MIL blob storage, version 2) for tests, by the published layout and not
// with anything of the reader's.
#pragma once

#include "base/bytes.h"

namespace ane::test {

class BlobBuilder {
 public:
  explicit BlobBuilder(uint32_t version = 2) {
    out_.u32(0);
    out_.u32(version);
    out_.pad_to(64);
  }

  // Appends an entry; the result is what a program refers to it by. `type` is the storage's own code: 1
  // float16, 2 float32, 3 uint8, 4 int8, ... (docs/mil.md).
  uint64_t add(uint32_t type, ByteSpan data, uint64_t unused_bits = 0) {
    out_.align(64);
    const uint64_t metadata = out_.size();
    out_.u32(0xdeadbeef);
    out_.u32(type);
    out_.u64(data.size());
    out_.u64(metadata + 64);
    out_.u64(unused_bits);
    out_.zeros(32);
    out_.bytes(data);
    ++count_;
    return metadata;
  }

  Bytes bytes() const {
    Bytes bytes = out_.data();
    std::memcpy(bytes.data(), &count_, sizeof count_);
    return bytes;
  }

 private:
  ByteWriter out_;
  uint32_t count_ = 0;
};

}  // namespace ane::test
