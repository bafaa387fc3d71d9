// Names come from files and may be anything. nlohmann-json already knows how to replace damaged UTF-8 while
// it writes a string; a string that went through it once can be walked by leading bytes alone.
#include "report/text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

namespace ane::report {

namespace {

using nlohmann::json;

// The characters of valid UTF-8.
std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    parts.push_back(text.substr(0, length));
    text.remove_prefix(parts.back().size());
  }
  return parts;
}

uint32_t code_point(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character[0]);
  uint32_t code = character.size() == 1 ? lead : lead & (0x7fu >> character.size());
  for (const char byte : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(byte) & 0x3fu);
  return code;
}

// East Asian wide characters and pictographs, in the coarse blocks that terminals agree on.
bool is_wide(uint32_t code) {
  constexpr std::pair<uint32_t, uint32_t> blocks[] = {
      {0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},  {0xfe30, 0xfe6f},
      {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};
  for (const auto& [first, last] : blocks)
    if (code >= first && code <= last) return true;
  return false;
}

int columns_of(std::string_view character) {
  return is_wide(code_point(character)) ? 2 : 1;
}

}  // namespace

std::string printable(std::string_view text) {
  const std::string valid =
      json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
  std::string shown;
  for (const std::string_view character : characters(valid)) {
    const uint32_t code = code_point(character);
    if (code < 0x20)
      shown += {'\xe2', '\x90', static_cast<char>(0x80 + code)};  // U+2400 + code
    else if (code == 0x7f)
      shown += "\u2421";
    else if (code == 0xfffe || code == 0xffff)  // no characters, and XML readers refuse them
      shown += "\ufffd";
    else
      shown += character;
  }
  return shown;
}

int columns(std::string_view text) {
  int sum = 0;
  for (const std::string_view character : characters(text)) sum += columns_of(character);
  return sum;
}

std::string cut_middle(std::string_view text, int width) {
  const std::string whole = printable(text);
  if (columns(whole) <= width) return whole;
  const std::vector<std::string_view> parts = characters(whole);
  std::string head, tail;
  int room = (width - 1) - (width - 1) / 2;
  for (size_t i = 0; i < parts.size() && columns_of(parts[i]) <= room; ++i) {
    room -= columns_of(parts[i]);
    head += parts[i];
  }
  room = (width - 1) / 2;
  for (size_t i = parts.size(); i-- > 0 && columns_of(parts[i]) <= room;) {
    room -= columns_of(parts[i]);
    tail.insert(0, parts[i]);
  }
  return head + "…" + tail;
}

std::string pad_right(std::string text, int width) {
  text.append(static_cast<size_t>(std::max(0, width - columns(text))), ' ');
  return text;
}

std::string pad_left(std::string text, int width) {
  text.insert(0, static_cast<size_t>(std::max(0, width - columns(text))), ' ');
  return text;
}

std::string short_number(double value) {
  const char* const units[] = {"", "k", "M", "G", "T", "P"};
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(units)) value /= 1000, ++unit;
  const int decimals = unit == 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f}{}", value, decimals, units[unit]);
}

}  // namespace ane::report
