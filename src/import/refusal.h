// Why one layer or operation cannot be imported. Importers collect these, so that a user sees all at once.
#pragma once

#include <string>

namespace ane::import {

struct Refusal {
  std::string reason;
};

}  // namespace ane::import
