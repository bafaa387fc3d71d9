// Files: mapped for reading, written whole or not at all.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/bytes.h"

namespace ane {

// A read-only mapping of a regular file. Copies share the mapping.
class MappedFile {
 public:
  // Throws Error when the file is missing, unreadable or not a regular file.
  explicit MappedFile(const std::filesystem::path& path);

  ByteSpan bytes() const { return bytes_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }
  const std::string& name() const { return name_; }
  // Keeps the mapping alive for whoever holds spans into it.
  std::shared_ptr<const void> owner() const { return owner_; }

 private:
  std::string name_;
  std::shared_ptr<const void> owner_;
  ByteSpan bytes_;
};

// Writes a temporary file beside `path` and renames it over: a reader sees the old file or the whole new one.
void write_file(const std::filesystem::path& path, ByteSpan bytes);
void write_file(const std::filesystem::path& path, std::string_view text);
// The pieces one behind the other.
void write_file(const std::filesystem::path& path, std::span<const ByteSpan> pieces);

}  // namespace ane
