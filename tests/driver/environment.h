// Numbers that a nightly run, or who wants a failure again, sets for the random tests.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace ane::test {

inline uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* set = std::getenv(name);
  return set ? std::strtoull(set, nullptr, 10) : otherwise;
}

}  // namespace ane::test
