// The public Apple-compiled programs of the evidence folder, for tests of several rooms.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "support/evidence.h"

namespace ane::test {

struct Golden {
  std::string name;
  std::filesystem::path folder;
  Bytes bytes;  // of model.hwx
};

inline Bytes read_bytes(const std::filesystem::path& path) {
  const MappedFile file(path);
  return {file.bytes().begin(), file.bytes().end()};
}

// Sorted by name; `folder` is evidence()/golden.
inline std::vector<Golden> goldens(const std::filesystem::path& folder) {
  std::vector<Golden> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_directory())
      found.push_back(
          {entry.path().filename().string(), entry.path(), read_bytes(entry.path() / "model.hwx")});
  std::sort(found.begin(), found.end(), [](const Golden& a, const Golden& b) { return a.name < b.name; });
  return found;
}

}  // namespace ane::test
