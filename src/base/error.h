// Errors that a user can act on, and the one that is ours.
//
// Every reader and every pass reports trouble as one Error that names the file, the place in it, what is
// wrong and what can be done about it. Programs print what() behind "error: " and exit with status 1. A
// broken promise inside the compiler is an InternalError instead: the input is not to blame, and programs
// exit with status 70.
#pragma once

#include <stdexcept>
#include <string>

namespace ane {

// what() is "FILE: WHERE: WHY; REMEDY"; empty parts are left out together with their separators.
class Error : public std::runtime_error {
 public:
  Error(const std::string& file, const std::string& where, const std::string& why,
        const std::string& remedy = "");
};

// A condition that our own code must have made true does not hold.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

// Throws InternalError with `message` unless `condition` holds.
inline void ensure(bool condition, const char* message) {
  if (!condition) throw InternalError(message);
}

}  // namespace ane
