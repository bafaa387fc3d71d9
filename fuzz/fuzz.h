// What all fuzzers share. A reader may do two things with bytes: give a sound result, or throw Error.
// Whatever else happens (a crash, another exception, more than the time or memory that libFuzzer allows) is a
// bug.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace ane::fuzz {

template <typename Read>
int read_or_refuse(Read read) {
  try {
    read();
  } catch (const Error&) {
  }
  return 0;
}

// Between the files of an input that stands for several.
inline constexpr std::string_view separator = "\n--next file--\n";

// The input cut at separators into at most `count` parts; missing parts are empty.
inline std::vector<ByteSpan> split(ByteSpan input, size_t count) {
  std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  std::vector<ByteSpan> parts(count);
  for (size_t i = 0; i < count; ++i) {
    const size_t end = i + 1 < count ? text.find(separator) : text.npos;
    const std::string_view part = text.substr(0, end);
    parts[i] = ByteSpan(reinterpret_cast<const uint8_t*>(part.data()), part.size());
    if (end == text.npos) break;
    text.remove_prefix(end + separator.size());
  }
  return parts;
}

// A folder of one process, for readers that open files by name.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "ane-fuzz-XXXXXX").string();
    if (!mkdtemp(name.data())) abort();
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  void write(const char* name, ByteSpan bytes) const {
    std::ofstream(path_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }

 private:
  std::filesystem::path path_;
};

}  // namespace ane::fuzz
