#include "base/bytes.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/error.h"

namespace ane {

ByteSpan ByteReader::span(uint64_t offset, uint64_t size, const char* what) const {
  if (offset > bytes_.size() || size > bytes_.size() - offset)
    fail(offset,
         fmt::format("the file ends inside {} ({} bytes wanted, {} there)", what, size,
                     offset > bytes_.size() ? 0 : bytes_.size() - offset),
         "the file is truncated or damaged");
  return bytes_.subspan(offset, size);
}

std::string_view ByteReader::c_string(uint64_t offset, uint64_t limit, const char* what) const {
  if (limit > bytes_.size()) limit = bytes_.size();
  if (offset >= limit) fail(offset, fmt::format("{} lies outside its table", what), "the file is damaged");
  const char* begin = reinterpret_cast<const char*>(bytes_.data()) + offset;
  const void* end = std::memchr(begin, 0, limit - offset);
  if (!end) fail(offset, fmt::format("{} has no end", what), "the file is damaged");
  return {begin, static_cast<size_t>(static_cast<const char*>(end) - begin)};
}

void ByteReader::fail(uint64_t offset, const std::string& why, const std::string& remedy) const {
  throw Error(file_, fmt::format("offset 0x{:x}", offset), why, remedy);
}

void ByteWriter::pad_to(uint64_t offset) {
  ensure(offset >= bytes_.size(), "ByteWriter::pad_to goes backwards");
  bytes_.resize(offset);
}

std::string sha256(ByteSpan bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  ensure(EVP_Digest(bytes.data(), bytes.size(), digest, &length, EVP_sha256(), nullptr) == 1,
         "SHA-256 failed");
  std::string text;
  for (unsigned int i = 0; i < length; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace ane
