// Names and numbers as reports show them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ane::report {

// Valid UTF-8 that XML accepts: damaged bytes become U+FFFD, control characters their pictures (U+2400...).
std::string printable(std::string_view text);

// Columns of a terminal that `text` takes; East Asian characters take two. `text` is printable().
int columns(std::string_view text);

// printable(text), or its two ends around "…" when it is wider than `width` columns (at least 3).
std::string cut_middle(std::string_view text, int width);

// Filled with blanks to `width` columns, on the right or on the left.
std::string pad_right(std::string text, int width);
std::string pad_left(std::string text, int width);

// Three or more digits and a unit: 950, 4.72k, 1.30M.
std::string short_number(double value);

}  // namespace ane::report
