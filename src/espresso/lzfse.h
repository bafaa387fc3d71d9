// Expanding compressed nets: the "pbze" container and the LZFSE streams in it.
#pragma once

#include <string>

#include "base/bytes.h"

namespace ane::espresso {

// A whole pbze file: magic, block size, then (raw size, stored size, LZFSE stream) per block, all big-endian.
// Throws Error with `file`'s name for damage, for other codecs, and for contents above 256 MiB.
Bytes expand_pbze(ByteSpan bytes, const std::string& file);

// One LZFSE stream ("bvx..." blocks up to "bvx$"), which must fill `stream` and expand to exactly `raw_size`
// bytes.
Bytes expand_lzfse(ByteSpan stream, uint64_t raw_size, const std::string& file);

}  // namespace ane::espresso
