// The captured task words of Apple's compiler (oracle/capture.h), found in the evidence folder.
// (oracle_program.h makes programs of them that run.)
#pragma once

#include "oracle/capture.h"
#include "support/evidence.h"

namespace ane::test {

using Oracle = oracle::Capture;
using OracleTask = oracle::CaptureTask;
using OracleRecord = oracle::CaptureRecord;
using oracle::value_of;

// Sorted by name; `folder` is evidence()/oracles/h13.
inline std::vector<Oracle> oracles(const std::filesystem::path& folder) {
  std::vector<Oracle> found;
  for (const std::filesystem::path& file : oracle::capture_files(folder))
    found.push_back(oracle::read_capture(file));
  return found;
}

}  // namespace ane::test
