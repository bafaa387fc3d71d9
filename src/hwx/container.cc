// Bytes to container. Every count is checked against the bytes that are there before anything is reserved for
// it.
#include "hwx/container.h"

#include <fmt/format.h>

#include "base/error.h"

namespace ane::hwx {
namespace {

constexpr uint64_t segment_bytes = 72, section_bytes = 80, symbol_bytes = 16, relocation_bytes = 8;

std::string fixed_name(const ByteReader& in, uint64_t offset) {
  const ByteSpan field = in.span(offset, 16, "a name");
  const std::string text(field.begin(), field.end());
  return text.substr(0, text.find('\0'));
}

// Tables and strings may overlap in a damaged file, so that a few bytes could ask for a great many copies.
// Everything that is copied is counted against this.
class Room {
 public:
  explicit Room(const ByteReader& in) : in_(in), left_(4 * in.size()) {}
  void take(uint64_t offset, uint64_t bytes) {
    if (bytes > left_) in_.fail(offset, "the tables hold more than the file", "the file is damaged");
    left_ -= bytes;
  }

 private:
  const ByteReader& in_;
  uint64_t left_;
};

std::vector<Relocation> parse_relocations(const ByteReader& in, uint64_t offset, uint32_t count, Room& room) {
  in.span(offset, count * relocation_bytes, "the relocations");
  room.take(offset, count * relocation_bytes);
  std::vector<Relocation> relocations(count);
  for (uint32_t i = 0; i < count; ++i, offset += relocation_bytes)
    relocations[i] = {in.u32(offset, "a relocation"), in.u32(offset + 4, "a relocation")};
  return relocations;
}

Section parse_section(const ByteReader& in, uint64_t at, Room& room) {
  Section section;
  section.name = fixed_name(in, at);
  section.segment = fixed_name(in, at + 0x10);
  section.address = in.u64(at + 0x20, "a section");
  section.size = in.u64(at + 0x28, "a section");
  section.offset = in.u32(at + 0x30, "a section");
  section.align = in.u32(at + 0x34, "a section");
  section.relocation_offset = in.u32(at + 0x38, "a section");
  section.flags = in.u32(at + 0x40, "a section");
  section.relocations =
      parse_relocations(in, section.relocation_offset, in.u32(at + 0x3c, "a section"), room);
  if (section.offset != 0) in.span(section.offset, section.size, "the contents of a section");
  return section;
}

Segment parse_segment(const ByteReader& in, uint64_t at, uint32_t size, Room& room) {
  if (size < segment_bytes) in.fail(at, "a segment command is too short");
  Segment segment;
  segment.name = fixed_name(in, at + 0x08);
  segment.address = in.u64(at + 0x18, "a segment");
  segment.size = in.u64(at + 0x20, "a segment");
  segment.file_offset = in.u64(at + 0x28, "a segment");
  segment.file_size = in.u64(at + 0x30, "a segment");
  segment.protection = in.u32(at + 0x38, "a segment");
  segment.flags = in.u32(at + 0x44, "a segment");
  if (segment.address > memory_end || segment.size > memory_end - segment.address)
    in.fail(at, fmt::format("segment {} lies outside the engine's 32-bit addresses", segment.name));
  in.span(segment.file_offset, segment.file_size, "a segment");

  const uint64_t count = in.u32(at + 0x40, "a segment");
  if (count * section_bytes > size - segment_bytes)
    in.fail(at, "a segment has more sections than its command has room for");
  for (uint64_t i = 0; i < count; ++i) {
    const Section section = parse_section(in, at + segment_bytes + i * section_bytes, room);
    if (section.address < segment.address || section.size > segment.size ||
        section.address - segment.address > segment.size - section.size)
      in.fail(at, fmt::format("section {} lies outside its segment {}", section.name, segment.name));
    segment.sections.push_back(section);
  }
  return segment;
}

// A string named by an offset from the start of its command.
std::string command_string(const ByteReader& in, uint64_t at, uint32_t size, uint32_t field,
                           const char* what) {
  return std::string(in.c_string(at + in.u32(at + field, what), at + size, what));
}

Binding parse_binding(const ByteReader& in, uint64_t at, uint32_t id, uint32_t size) {
  const bool wide = id == command::binding_64;
  if (size < (wide ? 0x18 : 0x14)) in.fail(at, "a surface binding is too short");
  return {id, command_string(in, at, size, 0x08, "the name of a surface binding"),
          wide ? in.u64(at + 0x10, "a surface binding") : in.u32(at + 0x10, "a surface binding")};
}

std::vector<Symbol> parse_symbols(const ByteReader& in, uint64_t at, uint32_t size, Room& room) {
  if (size < 0x18) in.fail(at, "the symbol command is too short");
  const uint64_t table = in.u32(at + 0x08, "the symbol command"),
                 count = in.u32(at + 0x0c, "the symbol command");
  const uint64_t strings = in.u32(at + 0x10, "the symbol command"),
                 bytes = in.u32(at + 0x14, "the symbol command");
  in.span(table, count * symbol_bytes, "the symbol table");
  in.span(strings, bytes, "the string table");
  std::vector<Symbol> symbols;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t entry = table + i * symbol_bytes;
    Symbol symbol;
    symbol.name = in.c_string(strings + in.u32(entry, "a symbol"), strings + bytes, "the name of a symbol");
    symbol.type = in.read<uint8_t>(entry + 4, "a symbol");
    symbol.section = in.read<uint8_t>(entry + 5, "a symbol");
    symbol.desc = in.read<uint16_t>(entry + 6, "a symbol");
    symbol.value = in.u64(entry + 8, "a symbol");
    room.take(entry, symbol_bytes + symbol.name.size());
    symbols.push_back(symbol);
  }
  return symbols;
}

void parse_command(const ByteReader& in, uint64_t at, uint32_t id, uint32_t size, Room& room,
                   Container& into) {
  switch (id) {
    case command::segment:
      into.segments.push_back(parse_segment(in, at, size, room));
      return;
    case command::binding_32:
    case command::binding_64:
      into.bindings.push_back(parse_binding(in, at, id, size));
      return;
    case command::thread:
      if (size < 0x10) in.fail(at, "a thread command is too short");
      into.threads.push_back({in.u32(at + 8, "a thread"), in.u32(at + 12, "a thread"), at, size});
      return;
    case command::banner:
      into.banner = in.c_string(at + 8, at + size, "the banner");
      return;
    case command::note:
      into.note = true;
      return;
    case command::symbols:
      into.symbols = parse_symbols(in, at, size, room);
      return;
    default:
      into.others.push_back({id, size, at});
  }
}

}  // namespace

const Section* Container::find(std::string_view segment_name, std::string_view section_name) const {
  for (const Segment& segment : segments)
    for (const Section& section : segment.sections)
      if (segment.name == segment_name && section.name == section_name) return &section;
  return nullptr;
}

bool is_hwx(ByteSpan bytes) {
  uint32_t word = 0;
  if (bytes.size() < sizeof word) return false;
  std::memcpy(&word, bytes.data(), sizeof word);
  return word == magic;
}

Container parse(ByteSpan bytes, const std::string& name) {
  const ByteReader in(bytes, name);
  if (!is_hwx(bytes))
    throw Error(name, "", "not a .hwx file (the magic number is missing)",
                "give a compiled program for the Neural Engine");
  in.span(0, header_bytes, "the header");
  Container container;
  container.type = in.u32(0x04, "the header");
  container.subtype = in.u32(0x08, "the header");
  container.file_type = in.u32(0x0c, "the header");
  container.flags = in.u32(0x18, "the header");
  const uint32_t count = in.u32(0x10, "the header");
  const uint64_t end = header_bytes + uint64_t{in.u32(0x14, "the header")};
  in.span(header_bytes, end - header_bytes, "the load commands");

  Room room(in);
  uint64_t at = header_bytes;
  for (uint32_t i = 0; i < count; ++i) {
    if (end - at < 8)
      in.fail(at, fmt::format("the load commands end after {} of {}", i, count), "the file is damaged");
    const uint32_t id = in.u32(at, "a load command"), size = in.u32(at + 4, "a load command");
    if (size < 8 || size > end - at)
      in.fail(at, "a load command has an impossible size", "the file is damaged");
    parse_command(in, at, id, size, room, container);
    at += size;
  }
  return container;
}

}  // namespace ane::hwx
