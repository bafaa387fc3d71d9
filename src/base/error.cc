#include "base/error.h"

namespace ane {

namespace {

std::string join(const std::string& file, const std::string& where, const std::string& why,
                 const std::string& remedy) {
  std::string text;
  if (!file.empty()) text += file + ": ";
  if (!where.empty()) text += where + ": ";
  text += why;
  if (!remedy.empty()) text += "; " + remedy;
  // One error is one line: names that come from hostile files must not break it.
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

}  // namespace

Error::Error(const std::string& file, const std::string& where, const std::string& why,
             const std::string& remedy)
    : std::runtime_error(join(file, where, why, remedy)) {}

}  // namespace ane
