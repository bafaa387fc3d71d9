// The captured task words of Apple's compiler, one text file (.oracle) a case.
//
// The form, line by line (docs/evidence.md): keywords `case`, `mil`, `weights`, `program`, `const` and
// `tensor` with the rest of the line, then for each task `task I bytes=N`, its header (`  h` and words) and
// its register records (`  @ADDRESS` and words), all words as 8 hexadecimal digits. `hwxdump --words` prints
// the same form.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace ane::oracle {

struct CaptureRecord {
  uint32_t address = 0;  // of its first register; H14 and later: the word that opens the record
  std::vector<uint32_t> words;
};

struct CaptureTask {
  uint32_t bytes = 0;
  std::vector<uint32_t> header;
  std::vector<CaptureRecord> records;
};

struct Capture {
  std::string file;  // for messages
  std::string name;  // of the case: the file's name without its suffix
  std::map<std::string, std::string>
      lines;                         // whole lines by their first word: "program", "const", "mil", ...
  std::vector<std::string> tensors;  // the "tensor" lines
  std::vector<CaptureTask> tasks;

  // The line that begins with `keyword`; empty when there is none.
  const std::string& line(const std::string& keyword) const;
};

// "KEY=VALUE" in a line; empty when it is not there.
std::string value_of(const std::string& line, const std::string& key);

// Throws Error, with the line, for text of another form.
Capture parse_capture(std::string_view text, const std::string& file, const std::string& name);
Capture read_capture(const std::filesystem::path& file);

// The .oracle files of a folder, sorted by name.
std::vector<std::filesystem::path> capture_files(const std::filesystem::path& folder);

// The task stream of an H13 capture: each task at a multiple of 0x100, records as they open and follow.
Bytes stream_of(const Capture& capture);

}  // namespace ane::oracle
