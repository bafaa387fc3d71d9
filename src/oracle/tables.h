// The engine's tables by the name of their function, for the constant sections of captured cases.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace ane::oracle {

using TableWords = std::array<uint16_t, 64>;
using Tables = std::map<std::string, TableWords>;

// Those of a file such as oracles/h13/lut.txt (one table a line: a name and 64 words of 4 hexadecimal digits;
// `#` begins a comment), and four that no file has: three that section hashes show, one of our own
// (is_own_table). An absent file gives the four alone. Throws Error, with the line, for text of another form.
Tables read_tables(const std::filesystem::path& file);

// Apple's table of this function is not public.
bool is_own_table(const std::string& name);

}  // namespace ane::oracle
