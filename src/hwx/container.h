// The .hwx container as it stands in the file: header, load commands, sections, symbols, relocations, without
// their meaning for a program. read() builds a File from it, hwxdump shows it.
//
// The layout is that of a 64-bit Mach-O file with another magic number and some commands and section types of
// its own; docs/hwx.md has the byte offsets and how they are known.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "hwx/file.h"

namespace ane::hwx {

inline constexpr uint32_t magic = 0xbeefface;
inline constexpr uint32_t cpu_type = 0x80;
inline constexpr uint32_t cpu_subtype_h13 = 4;
inline constexpr int64_t page = 0x4000;        // of the file and of the memory
inline constexpr int64_t constant_align = 64;  // of __TEXT,__const behind __text
inline constexpr uint32_t header_bytes = 0x20;
inline constexpr uint32_t slot_count = 256;  // in a program thread of kind 1; kind 4 has half as many
inline constexpr uint32_t first_surface_slot = 4;
inline constexpr uint64_t memory_base = 0x30000000;
inline constexpr uint64_t memory_end = 1ull << 32;  // the engine's addresses have 32 bits

namespace command {
inline constexpr uint32_t symbols = 0x2, thread = 0x4, binding_32 = 0x6, banner = 0x8, segment = 0x19,
                          note = 0x31, binding_64 = 0x40;
}
enum class ThreadKind : uint32_t { Program = 1, Tensor = 3, LaterProgram = 4 };

// Offsets in the program thread, from its command word.
namespace program_thread {
inline constexpr uint32_t slots = 0x10, text_address = 0x810, first_task_words_less_1 = 0x818, tasks = 0x81c,
                          all_ones = 0x824, name_offset = 0x83c, scratch_figure = 0x848, event_bits = 0x850,
                          tasks_plus = 0x858, tag_count = 0x860, name = 0x860, name_after_tag = 0x878;
}
// The same in one of kind 4 (H14 and later): slots are 16 bytes apart.
namespace later_program_thread {
inline constexpr uint32_t slot_step = 16, slot_count = 128, text_words = 0x824, tasks = 0x830,
                          name_offset = 0x848, scratch_figure = 0x858, event_bits = 0x860, tag_count = 0x870,
                          tags = 0x878,
                          tag_head = 8;  // number and length, before the value
}
// Offsets in a tensor thread.
namespace tensor_thread {
inline constexpr uint32_t role = 0x14, network = 0x18, symbol = 0x20, element_code = 0x24, n = 0x28, c = 0x2c,
                          h = 0x30, w = 0x34, depth = 0x38, batch_stride = 0x50, plane_stride = 0x58,
                          row_stride = 0x60, element_size = 0x68, total = 0x70, interleave = 0x78,
                          binding = 0x7c, extent = 0x80;
}

struct Relocation {
  uint32_t address = 0;  // of a 32-bit word in its section
  uint32_t info = 0;     // low 24 bits: ordinal of the section that the word points into
};

struct Section {
  std::string name, segment;
  uint64_t address = 0, size = 0;
  uint32_t offset = 0, align = 0, relocation_offset = 0, flags = 0;
  std::vector<Relocation> relocations;
};

struct Segment {
  std::string name;
  uint64_t address = 0, size = 0, file_offset = 0, file_size = 0;
  uint32_t protection = 0, flags = 0;
  std::vector<Section> sections;
};

struct Binding {
  uint32_t command = 0;
  std::string name;
  uint64_t address = 0;
};

struct Thread {
  uint32_t kind = 0, state_words = 0;
  uint64_t offset = 0;  // of the command in the file
  uint32_t size = 0;
};

struct Symbol {
  std::string name;
  uint8_t type = 0, section = 0;  // section: 1-based ordinal, 0 = none
  uint16_t desc = 0;
  uint64_t value = 0;
};

struct OtherCommand {
  uint32_t command = 0, size = 0;
  uint64_t offset = 0;
};

struct Container {
  uint32_t type = 0, subtype = 0, file_type = 0, flags = 0;
  std::vector<Segment> segments;
  std::vector<Binding> bindings;
  std::vector<Thread> threads;
  std::string banner;
  bool note = false;
  std::vector<Symbol> symbols;
  std::vector<OtherCommand> others;  // commands that nothing here understands

  // nullptr when there is none.
  const Section* find(std::string_view segment, std::string_view section) const;
};

// Throws Error for anything that reaches outside the file.
Container parse(ByteSpan bytes, const std::string& name);

// Name of a tile's symbol, where the file's symbols share these hexadecimal digits.
std::string tile_symbol(const File& file, const std::string& digits, const ConstantTile& tile);

// Strings that the symbol table of a dialect begins its types with; entry i describes element code i + 1.
std::span<const char* const> type_catalogue(Dialect dialect);
// "float16" for 5; "type 99" for what the catalogue lacks.
std::string type_name(uint32_t code);

// __text and __const are one run of pages: the constants start in the tasks' last page or right behind it.
bool constants_follow_tasks(const File& file);

}  // namespace ane::hwx
