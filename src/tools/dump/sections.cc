// The container's own tables: segments, sections, base address slots, symbols, relocations.
#include <fmt/format.h>

#include "tools/dump/dump.h"

namespace ane::dump {
namespace {

std::string protection(uint32_t bits) {
  return {bits & 1 ? 'r' : '-', bits & 2 ? 'w' : '-', bits & 4 ? 'x' : '-'};
}

std::string segments(const hwx::Container& container) {
  std::string out =
      "segments\n  name            section         address     size        file offset  prot  flags  "
      "relocations\n";
  for (const hwx::Segment& segment : container.segments) {
    out += fmt::format("  {:<16}{:<16}{:#010x}  {:#010x}  {:#011x}  {}   {:#x}\n", printable(segment.name),
                       "", segment.address, segment.size, segment.file_offset, protection(segment.protection),
                       segment.flags);
    for (const hwx::Section& section : segment.sections)
      out += fmt::format("  {:<16}{:<16}{:#010x}  {:#010x}  {:#011x}        {:#05x}  {}\n", "",
                         printable(section.name), section.address, section.size, section.offset,
                         section.flags, section.relocations.size());
  }
  return out;
}

std::string slots(const hwx::File& file) {
  std::string out = "slots\n";
  for (uint32_t slot = 0; slot < hwx::slot_count; ++slot) {
    if (file.slots[slot] == 0) continue;
    std::string what = slot == 0 ? "tasks" : slot == 1 ? "constants" : slot == 3 ? "scratch" : "";
    for (const hwx::Surface& surface : file.surfaces)
      if (surface.slot == slot) what = printable(surface.binding);
    out += fmt::format("  {:>4}  {:#010x}  {}\n", slot, file.slots[slot], what);
  }
  return out;
}

std::string symbols(const hwx::Container& container) {
  std::string out = "symbols\n  type  section  desc    value       name\n";
  for (const hwx::Symbol& symbol : container.symbols)
    out += fmt::format("  {:#04x}  {:>7}  {:#06x}  {:#010x}  {}\n", symbol.type, symbol.section, symbol.desc,
                       symbol.value, printable(symbol.name));
  return out;
}

// Of programs whose relocations are not understood further: where, and the number of the section that they
// point into.
std::string plain_relocations(const hwx::Container& container) {
  const hwx::Section* text = container.find("__TEXT", "__text");
  if (!text || text->relocations.empty()) return "";
  std::string out = "relocations\n  text offset  info        section\n";
  for (const hwx::Relocation& relocation : text->relocations)
    out += fmt::format("  {:#011x}  {:#010x}  {}\n", relocation.address, relocation.info,
                       relocation.info & 0xffffff);
  return out;
}

std::string relocations(const Program& program) {
  const hwx::File& file = program.file;
  if (file.tiles.empty()) return plain_relocations(program.container);
  std::string out = "relocations\n  text offset  channel  constant offset\n";
  for (const hwx::ConstantTile& tile : file.tiles)
    out += fmt::format("  {:#011x}  {:>7}  {:#x}\n", tile.text_offset, tile.channel, tile.const_offset);
  return out;
}

std::string tags(const hwx::File& file) {
  std::string out;
  for (const hwx::ProgramTag& tag : file.figures.tags) {
    out += fmt::format("tag {} of the program thread:", tag.number);
    for (const uint8_t byte : tag.value) out += fmt::format(" {:02x}", byte);
    out += "\n";
  }
  return out;
}

std::string others(const hwx::Container& container) {
  std::string out;
  for (const hwx::OtherCommand& other : container.others)
    out += fmt::format("unknown load command {:#x} of {} bytes at {:#x}\n", other.command, other.size,
                       other.offset);
  return out;
}

}  // namespace

std::string sections(const Program& program) {
  return segments(program.container) + slots(program.file) + symbols(program.container) +
         relocations(program) + tags(program.file) + others(program.container);
}

}  // namespace ane::dump
