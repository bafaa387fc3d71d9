// Little-endian bytes: a bounds-checked reader over somebody else's memory, and a growing writer.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ane {

static_assert(std::endian::native == std::endian::little,
              "every format here is little-endian, as are our hosts");

using Bytes = std::vector<uint8_t>;
using ByteSpan = std::span<const uint8_t>;

// v rounded up to a multiple of `step`.
constexpr int64_t round_up(int64_t value, int64_t step) {
  return (value + step - 1) / step * step;
}

// Reads at any offset of `bytes`. Every access outside throws Error(file, "offset 0x..", "...ends early").
class ByteReader {
 public:
  ByteReader(ByteSpan bytes, std::string file) : bytes_(bytes), file_(std::move(file)) {}

  size_t size() const { return bytes_.size(); }
  const std::string& file() const { return file_; }

  template <typename T>
  T read(uint64_t offset, const char* what) const {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    std::memcpy(&value, span(offset, sizeof(T), what).data(), sizeof(T));
    return value;
  }
  uint32_t u32(uint64_t offset, const char* what) const { return read<uint32_t>(offset, what); }
  uint64_t u64(uint64_t offset, const char* what) const { return read<uint64_t>(offset, what); }

  // The `size` bytes from `offset`; `what` names them in the error.
  ByteSpan span(uint64_t offset, uint64_t size, const char* what) const;

  // The NUL-terminated string at `offset`, which must end before `limit`.
  std::string_view c_string(uint64_t offset, uint64_t limit, const char* what) const;

  // Error text for this file at `offset`.
  [[noreturn]] void fail(uint64_t offset, const std::string& why, const std::string& remedy = "") const;

 private:
  ByteSpan bytes_;
  std::string file_;
};

class ByteWriter {
 public:
  template <typename T>
  void put(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto* begin = reinterpret_cast<const uint8_t*>(&value);
    bytes_.insert(bytes_.end(), begin, begin + sizeof(T));
  }
  void u32(uint64_t value) { put(static_cast<uint32_t>(value)); }
  void u64(uint64_t value) { put(value); }
  void bytes(ByteSpan bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void text(std::string_view text) { bytes_.insert(bytes_.end(), text.begin(), text.end()); }
  void reserve(uint64_t size) { bytes_.reserve(size); }
  void zeros(uint64_t count) { bytes_.resize(bytes_.size() + count); }
  // Zero fill up to the absolute position `offset` / the next multiple of `step`.
  void pad_to(uint64_t offset);
  void align(uint64_t step) {
    pad_to(static_cast<uint64_t>(round_up(static_cast<int64_t>(size()), static_cast<int64_t>(step))));
  }
  template <typename T>
  void patch(uint64_t offset, T value) {
    std::memcpy(bytes_.data() + offset, &value, sizeof(T));
  }

  uint64_t size() const { return bytes_.size(); }
  const Bytes& data() const { return bytes_; }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

// Lower-case hexadecimal SHA-256.
std::string sha256(ByteSpan bytes);

}  // namespace ane
