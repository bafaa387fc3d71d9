// Apple property lists (XML and binary) as JSON values, which have the same shape: dictionaries, arrays,
// strings, integers, reals, booleans. libplist does the parsing; what it does not guard against is refused
// before it is called.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/bytes.h"

namespace ane::aneir {

// Throws Error for anything that is not a property list, is larger than 16 MiB, nests deeper than 64 levels,
// expands to more than half a million elements, or holds dates, raw data or references. Integers beyond int64
// wrap to negative ones, as the format itself cannot tell them.
nlohmann::json parse_property_list(ByteSpan bytes, const std::string& file);

// XML, dictionaries sorted by key. `value` holds only the types above; text must not contain NUL (Error).
std::string format_property_list(const nlohmann::json& value);

}  // namespace ane::aneir
