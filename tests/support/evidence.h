// Evidence files that are not part of the project: Apple-compiled programs, decoded task words, other
// people's models. Tests that use them find them through ANE_EVIDENCE (default: ../shared beside the source
// tree) and are skipped, with a message, where the folder is absent. The project must build, test and
// document itself without it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace ane::test {

inline std::filesystem::path evidence() {
  const char* set = std::getenv("ANE_EVIDENCE");
  return set ? std::filesystem::path(set) : std::filesystem::path(ANE_SOURCE_DIR) / ".." / "shared";
}

}  // namespace ane::test

// For tests: leaves the test when evidence()/FOLDER is not there.
#define ANE_NEED_EVIDENCE(folder)                                                 \
  const std::filesystem::path evidence_folder = ane::test::evidence() / (folder); \
  if (!std::filesystem::exists(evidence_folder))                                  \
  GTEST_SKIP() << "needs the evidence folder " << evidence_folder << " (set ANE_EVIDENCE to where it is)"
