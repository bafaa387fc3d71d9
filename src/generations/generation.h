// The generations of the Neural Engine whose programs can be explained, one row each.
//
// A .hwx file says by its subtype for which engine it is; everything else that a reader must know beforehand
// (how the tasks follow each other, how long a header is, which registers there are) is not in the file and
// stands here. Sources: freedomtan/coreml_to_ane_hwx hwx_dump (subtypes, versions, chips),
// joshuaswarren/mil-hwx-compiler (H14 programs, subtypes from one compiler run), beefface
// docs/HWX_BYTE_MAP.md (H17 words); docs/generations.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ane::generations {

// How sure a name, a place or a rule is.
enum class Evidence : uint8_t {
  Words,     // stands in words that Apple's compiler emitted, and varies with the program as the name says
  Map,       // named by a public map, not seen in words
  Inferred,  // by analogy with another generation, or by order
  Unknown,   // set in words, or there at all, but nobody has said what it is
};
const char* name(Evidence evidence);  // "words", "map", "inferred", "unknown"

// How the tasks of a program follow each other.
enum class TaskList : uint8_t {
  Linked,      // each header names the next task; the program thread says how long the first one is
  Sequential,  // a frame of 16 bytes, then task after task at multiples of 16 bytes, each with its own size
};

struct Generation {
  const char* name;   // "H14"
  uint32_t subtype;   // of the file
  const char* chips;  // "A15, M2"
  const char* systems;
  uint32_t instruction_set;  // version; stands in no file
  TaskList tasks;
  uint32_t header_words;  // before the extra word
  Evidence evidence;      // of how tasks are laid out
  const char* basis;      // what that rests on
  // The registers hold what their H13 namesakes hold (Apple's programs for both, register by register).
  bool values_of_h13;
};

// In the order of their age.
std::span<const Generation> all();
// nullptr when there is none.
const Generation* by_subtype(uint32_t subtype);
const Generation* by_name(std::string_view name);  // "h14" or "H14"
const Generation& h13();

// "H14 (A15, M2)"
std::string title(const Generation& generation);
// "1 (H11), 3 (H12), ..."
std::string known_subtypes();

}  // namespace ane::generations
