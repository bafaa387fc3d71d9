// The table. What is not certain in it is said in `evidence` and `basis`, which hwxdump prints.
#include "generations/generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace ane::generations {
namespace {

constexpr const char* like_h13 = "read like H13; no program of this generation is public";

// The subtypes 4, 5, 6, 7 and 9 also come from one run of Apple's compiler for five targets. The chips follow
// the system numbers; one public list has every A number one lower.
constexpr std::array<Generation, 8> table = {{
    {"H11", 1, "A12", "T8020", 5, TaskList::Linked, 10, Evidence::Inferred, like_h13, false},
    {"H12", 3, "A13", "T8030", 6, TaskList::Linked, 10, Evidence::Inferred, like_h13, false},
    {"H13", 4, "A14, M1", "T8101, T8103, T600x", 7, TaskList::Linked, 10, Evidence::Words,
     "20 public programs, about 300 captured ones", false},
    {"H14", 5, "A15, M2", "T8110, T8112, T602x", 11, TaskList::Sequential, 8, Evidence::Words,
     "265 captured tasks, 26 of them checked by the project", true},
    {"H15", 6, "A16, M3", "T8120, T8122, T603x", 8, TaskList::Sequential, 8, Evidence::Map,
     "one public map; no task of this generation is public", false},
    {"H16", 7, "A17 Pro, M4", "T8130, T8132, T604x", 17, TaskList::Sequential, 9, Evidence::Map,
     "one public map; no task of this generation is public", false},
    {"H17", 9, "A18, M5", "T8140, T8142", 19, TaskList::Sequential, 9, Evidence::Words,
     "about 30 words of two tasks, and one public map", false},
    {"H18", 10, "A19", "T8150", 20, TaskList::Sequential, 9, Evidence::Map,
     "one public map; no task of this generation is public", false},
}};

template <typename Test>
const Generation* find(Test test) {
  const auto found = std::find_if(table.begin(), table.end(), test);
  return found == table.end() ? nullptr : &*found;
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::toupper(static_cast<unsigned char>(x)) == std::toupper(static_cast<unsigned char>(y));
  });
}

}  // namespace

const char* name(Evidence evidence) {
  constexpr std::array<const char*, 4> names = {"words", "map", "inferred", "unknown"};
  return names[static_cast<size_t>(evidence)];
}

std::span<const Generation> all() {
  return table;
}

const Generation* by_subtype(uint32_t subtype) {
  return find([&](const Generation& generation) { return generation.subtype == subtype; });
}

const Generation* by_name(std::string_view name) {
  return find([&](const Generation& generation) { return same_letters(generation.name, name); });
}

const Generation& h13() {
  return table[2];
}

std::string title(const Generation& generation) {
  return fmt::format("{} ({})", generation.name, generation.chips);
}

std::string known_subtypes() {
  std::string text;
  for (const Generation& generation : table)
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", generation.subtype, generation.name);
  return text;
}

}  // namespace ane::generations
