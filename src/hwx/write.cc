// File to bytes: header, load commands, symbols, strings, relocations, and behind them the program.
//
// The commands say where in the file the sections and tables lie, and that depends on how long the commands
// are. Their length does not depend on the numbers in them, so they are written twice: once to measure, once
// with the positions.
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>

#include "base/error.h"
#include "h13/task.h"
#include "hwx/container.h"

namespace ane::hwx {
namespace {

constexpr uint32_t header_flags = 0x00200000, executable_file = 2;
constexpr uint32_t no_relocations = 4, fixed_memory = 2;  // segment flags
constexpr uint32_t local_relocations = 0x100;             // section flag
constexpr uint32_t relocation_of_a_word = 0x05000000;     // length 2 (four bytes), relative to the section
constexpr uint32_t relocation_bytes = 8;
constexpr uint32_t read_only = 1, write_only = 2, read_write = 3, read_execute = 5;

// Section types that only this format has.
namespace section_type {
constexpr uint32_t input = 0x21, output = 0x23, scratch = 0x25, constants = 0x26, text = 0x28, debug = 0x32;
}
namespace symbol_type {
constexpr uint8_t address = 0x0f, debug = 0x0e, type = 0x80, shape = 0x20;
}

uint64_t up(uint64_t value, int64_t step) {
  return static_cast<uint64_t>(round_up(static_cast<int64_t>(value), step));
}

// Where the parts lie in the file.
struct Positions {
  uint64_t symbols = 0, strings = 0, relocations = 0, debug = 0, text = 0, constants = 0, end = 0;
};

// ------------------------------------------------------------------------------------------------ segments

Segment text_segment(const File& file, const Positions& at) {
  const uint64_t constant_bytes = constant_section_size(file);
  const bool relocated = !file.tiles.empty();
  Segment segment{"__TEXT", file.text_address, 0, at.text, 0, read_execute, relocated ? 0 : no_relocations,
                  {}};
  segment.size = up(file.const_address - file.text_address + constant_bytes, page);
  segment.file_size = segment.size;
  Section text{"__text", "__TEXT", file.text_address, file.text.size(), static_cast<uint32_t>(at.text), 14, 0,
               0,        {}};
  text.flags = section_type::text | (relocated ? local_relocations : 0);
  text.relocation_offset = relocated ? static_cast<uint32_t>(at.relocations) : 0;
  text.relocations.resize(file.tiles.size());
  segment.sections.push_back(text);
  segment.sections.push_back({"__const",
                              "__TEXT",
                              file.const_address,
                              constant_bytes,
                              static_cast<uint32_t>(at.constants),
                              6,
                              0,
                              section_type::constants,
                              {}});
  return segment;
}

// A segment of memory that the file has no bytes for.
Segment memory_segment(const char* name, uint64_t address, uint64_t bytes, uint32_t protection,
                       uint32_t flags, const char* section, uint32_t align, uint32_t type) {
  return {name, address,    up(bytes, page), 0,
          0,    protection, flags,           {{section, name, address, bytes, 0, align, 0, type, {}}}};
}

Segment surface_segment(const Surface& surface) {
  const uint64_t bytes = static_cast<uint64_t>(surface.total);
  const uint32_t flags = no_relocations | fixed_memory;
  if (surface.role == Role::Input)
    return memory_segment("__FVMLIB", surface.address, bytes, read_only, flags, "__const", 14,
                          section_type::input);
  return memory_segment("__FVMLIB", surface.address, bytes, write_only, flags, "__data", 14,
                        section_type::output);
}

Segment debug_segment(const File& file, const Positions& at) {
  Segment segment = memory_segment("__DEBUG", memory_base, file.debug_info.size(), 0, no_relocations,
                                   "__debug_info", 2, section_type::debug);
  segment.file_offset = at.debug;
  segment.file_size = segment.size;
  segment.sections[0].offset = static_cast<uint32_t>(at.debug);
  return segment;
}

// In the order of their load commands, which is that of their addresses.
std::vector<Segment> list_segments(const File& file, const Positions& at) {
  std::vector<Segment> segments = {
      {"__PAGEZERO", 0, static_cast<uint64_t>(page), 0, 0, 0, no_relocations, {}}};
  const bool text_first = facts(file.dialect).text_first;
  if (text_first) segments.push_back(text_segment(file, at));
  if (!file.debug_info.empty()) segments.push_back(debug_segment(file, at));
  if (file.scratch_bytes != 0)
    segments.push_back(memory_segment("__DATA", file.scratch_address, file.scratch_bytes, read_write,
                                      no_relocations, "__bss", 6, section_type::scratch));
  for (const Surface& surface : file.surfaces) segments.push_back(surface_segment(surface));
  if (!text_first) segments.push_back(text_segment(file, at));
  return segments;
}

// 1-based numbers of sections, as symbols and relocations name them.
struct Ordinals {
  uint32_t constants = 0, debug = 0, first_surface = 0;
};

Ordinals number_sections(const File& file) {
  Ordinals ordinals;
  uint32_t number = 0;
  for (const Segment& segment : list_segments(file, {}))
    for (const Section& section : segment.sections) {
      ++number;
      if (segment.name == "__TEXT" && section.name == "__const") ordinals.constants = number;
      if (segment.name == "__DEBUG") ordinals.debug = number;
      if (segment.name == "__FVMLIB" && ordinals.first_surface == 0) ordinals.first_surface = number;
    }
  return ordinals;
}

// ------------------------------------------------------------------------------------------------ symbols

// A type in the symbol table's notation: four nested arrays over an element. Takes five type numbers from
// `next`.
struct ShapeText {
  std::string text;
  uint16_t desc;
};
ShapeText shape_text(const std::string& name, const Surface& s, uint32_t element_code, int& next) {
  const int t = next;
  next += 5;
  return {fmt::format("{}:t{}=ar1;0;{};{}=s{}n:ar1;0;{};{}=s{}c:ar1;0;{};{}=s{}h:ar1;0;{};{}=s{}w:{}", name,
                      t, s.n, t + 1, s.batch_stride, s.c, t + 2, s.plane_stride, s.h, t + 3, s.row_stride,
                      s.w, t + 4, s.element_size, element_code),
          static_cast<uint16_t>(t & 31)};
}

void list_on_chip_symbols(const File& file, int& next_type, std::vector<Symbol>& into) {
  Surface unit;  // all extents and strides 1
  unit.batch_stride = unit.plane_stride = unit.row_stride = unit.element_size = 1;
  for (const OnChipSymbol& buffer : file.symbols_on_chip) {
    const ShapeText shape = shape_text(buffer.name, unit, 0, next_type);
    into.push_back({shape.text, symbol_type::type, 0, shape.desc, buffer.address});
  }
}

void list_shapes(const File& file, int& next_type, std::vector<Symbol>& into) {
  for (const Surface& surface : file.surfaces) {
    if (!file.debug_info.empty() && surface.role == Role::Output) {
      const ShapeText source = shape_text(surface.binding + "/src", surface, surface.element_code, next_type);
      into.push_back({source.text, symbol_type::type, 0, source.desc, 0});
    }
    const ShapeText shape = shape_text(surface.binding, surface, surface.element_code, next_type);
    into.push_back({shape.text, symbol_type::shape, 0, shape.desc, 0});
  }
}

// How Apple's compiler derives the digits is unknown; nothing is known to read them. Ours tell programs of
// different constants apart, which takes half of the digits and a hash that is as fast as a copy.
std::string kernel_digits(const File& file) {
  if (!file.kernel_symbol.empty()) return file.kernel_symbol;
  const XXH128_hash_t hash = XXH3_128bits(file.constants.data(), file.constants.size());
  return fmt::format("{:032X}{:016X}{:016X}", 0, hash.high64, hash.low64);
}

std::vector<Symbol> list_symbols(const File& file, const Ordinals& ordinals) {
  const DialectFacts& dialect = facts(file.dialect);
  std::vector<Symbol> symbols;
  const std::string digits = file.tiles.empty() ? "" : kernel_digits(file);
  for (const ConstantTile& tile : file.tiles)
    symbols.push_back({tile_symbol(file, digits, tile), symbol_type::address,
                       static_cast<uint8_t>(ordinals.constants), 2, file.const_address + tile.const_offset});
  uint32_t ordinal = ordinals.first_surface;
  for (const Surface& surface : file.surfaces) {
    const uint16_t desc = surface.role == Role::Input ? dialect.input_symbol_desc : uint16_t{0};
    symbols.push_back(
        {surface.binding, symbol_type::address, static_cast<uint8_t>(ordinal++), desc, surface.address});
  }
  if (!file.debug_info.empty())
    symbols.push_back({"", symbol_type::debug, static_cast<uint8_t>(ordinals.debug), 4, memory_base});
  for (const char* type : type_catalogue(file.dialect)) symbols.push_back({type, symbol_type::type, 0, 0, 0});
  int next_type = dialect.type_catalogue + 1;
  list_on_chip_symbols(file, next_type, symbols);
  list_shapes(file, next_type, symbols);
  return symbols;
}

struct SymbolTable {
  Bytes entries, strings;
  uint32_t count = 0;
};

// Strings follow each other in the order of the symbols behind one zero byte, which is also the empty name.
SymbolTable symbol_table(const std::vector<Symbol>& symbols) {
  ByteWriter entries, strings;
  strings.zeros(1);
  for (const Symbol& symbol : symbols) {
    entries.u32(symbol.name.empty() ? 0 : strings.size());
    entries.put(symbol.type);
    entries.put(symbol.section);
    entries.put(symbol.desc);
    entries.u64(symbol.value);
    if (symbol.name.empty()) continue;
    strings.text(symbol.name);
    strings.zeros(1);
  }
  return {entries.take(), strings.take(), static_cast<uint32_t>(symbols.size())};
}

// ------------------------------------------------------------------------------------------------ load
// commands

// What the program thread says about its tasks.
struct TaskFigures {
  uint64_t tasks = 0, event_bits = 0, largest_cycles = 0;
};

TaskFigures figures_of(const File& file) {
  TaskFigures figures;
  const std::string name = file.name.empty() ? file.network : file.name;
  for (const h13::Task& task : h13::decode_tasks(file.text, file.first_task_words, name)) {
    ++figures.tasks;
    figures.event_bits += static_cast<uint64_t>(std::popcount(task.get(h13::HeaderField::DebugLogEvents)));
    figures.largest_cycles =
        std::max<uint64_t>(figures.largest_cycles, task.get(h13::HeaderField::ExeCycles));
  }
  return figures;
}

class Commands {
 public:
  // Starts a command; its size is filled in by end().
  void begin(uint32_t id) {
    start_ = out_.size();
    out_.u32(id);
    out_.u32(0);
    ++count_;
  }
  void end() {
    out_.align(8);
    out_.patch(start_ + 4, static_cast<uint32_t>(out_.size() - start_));
  }
  void pad_to(uint64_t offset_in_command) { out_.pad_to(start_ + offset_in_command); }
  void string(const std::string& text) {
    out_.text(text);
    out_.zeros(1);
  }
  void name16(const std::string& text) {
    ensure(text.size() <= 16, "a segment or section name is too long");
    out_.text(text);
    out_.zeros(16 - text.size());
  }
  uint32_t offset_in_command() const { return static_cast<uint32_t>(out_.size() - start_); }
  uint32_t count() const { return count_; }
  ByteWriter& out() { return out_; }
  const ByteWriter& out() const { return out_; }

 private:
  ByteWriter out_;
  uint64_t start_ = 0;
  uint32_t count_ = 0;
};

void put_section(const Section& section, Commands& to) {
  to.name16(section.name);
  to.name16(section.segment);
  to.out().u64(section.address);
  to.out().u64(section.size);
  to.out().u32(section.offset);
  to.out().u32(section.align);
  to.out().u32(section.relocation_offset);
  to.out().u32(section.relocations.size());
  to.out().u32(section.flags);
  to.out().zeros(12);
}

void put_segment(const Segment& segment, Commands& to) {
  to.begin(command::segment);
  to.name16(segment.name);
  to.out().u64(segment.address);
  to.out().u64(segment.size);
  to.out().u64(segment.file_offset);
  to.out().u64(segment.file_size);
  to.out().u32(segment.protection);
  to.out().u32(segment.protection);
  to.out().u32(segment.sections.size());
  to.out().u32(segment.flags);
  for (const Section& section : segment.sections) put_section(section, to);
  to.end();
}

void put_binding(const Surface& surface, uint32_t id, Commands& to) {
  const bool wide = id == command::binding_64;
  to.begin(id);
  to.out().u32(wide ? 0x18 : 0x14);
  to.out().u32(0);
  if (wide)
    to.out().u64(surface.address);
  else
    to.out().u32(surface.address);
  to.string(surface.binding);
  to.end();
}

void put_program_thread(const File& file, const TaskFigures& figures, Commands& to) {
  namespace program = program_thread;
  const DialectFacts& dialect = facts(file.dialect);
  const uint32_t name = dialect.program_tags ? program::name_after_tag : program::name;
  to.begin(command::thread);
  to.out().u32(static_cast<uint32_t>(ThreadKind::Program));
  to.out().u32((name - program::slots) / 4);
  for (const uint64_t slot : file.slots) to.out().u64(slot);
  to.out().u64(file.text_address);
  to.out().u32(file.first_task_words - 1);
  to.out().u32(figures.tasks);
  to.pad_to(program::all_ones);
  to.out().u32(0xffff);
  to.pad_to(program::name_offset);
  to.out().u32(name);
  to.pad_to(program::scratch_figure);
  to.out().u64(file.scratch_figure);
  to.out().u64(figures.event_bits);
  to.out().u64(figures.tasks + dialect.tasks_plus);
  if (dialect.program_tags) {
    to.out().u64(1);  // one tag follows: number 9, 8 bytes
    to.out().u32(9);
    to.out().u32(8);
    to.out().u64(figures.largest_cycles);
  }
  to.string(file.network);
  to.end();
}

// The recorded total is that of one batch, though the memory holds all of them (two captured programs with N
// > 1).
void put_tensor_thread(const File& file, const Surface& surface, Commands& to) {
  namespace tensor = tensor_thread;
  const DialectFacts& dialect = facts(file.dialect);
  const uint32_t names = 0x10 + 4 * dialect.tensor_state_words;
  const auto length = [](const std::string& text) { return static_cast<uint32_t>(text.size() + 1); };
  const int64_t total = surface.n == 1 ? surface.total : surface.batch_stride;
  to.begin(command::thread);
  for (const uint32_t word :
       {static_cast<uint32_t>(ThreadKind::Tensor), dialect.tensor_state_words, 3u,
        surface.role == Role::Input ? 1u : 2u, names, 0u, names + length(file.network), surface.element_code})
    to.out().u32(word);
  for (const int64_t extent : {surface.n, surface.c, surface.h, surface.w, int64_t{1}})
    to.out().u32(static_cast<uint64_t>(extent));
  to.pad_to(tensor::batch_stride);
  for (const int64_t bytes :
       {surface.batch_stride, surface.plane_stride, surface.row_stride, surface.element_size, total})
    to.out().u64(static_cast<uint64_t>(bytes));
  to.out().u32(1);  // interleave
  to.out().u32(names + length(file.network) + length(surface.symbol));
  const bool exact = dialect.output_extent_exact && surface.role == Role::Output;
  to.out().u64(static_cast<uint64_t>(exact ? exact_extent(surface) : total));
  to.pad_to(names);
  to.string(file.network);
  to.string(surface.symbol);
  to.string(surface.binding);
  to.end();
}

// Inputs by the name of their symbol, then outputs.
std::vector<const Surface*> in_tensor_order(const File& file) {
  std::vector<const Surface*> order;
  for (const Surface& surface : file.surfaces)
    if (surface.role == Role::Input) order.push_back(&surface);
  std::stable_sort(order.begin(), order.end(),
                   [](const Surface* a, const Surface* b) { return a->symbol < b->symbol; });
  for (const Surface& surface : file.surfaces)
    if (surface.role == Role::Output) order.push_back(&surface);
  return order;
}

void put_banner(const std::string& text, Commands& to) {
  to.begin(command::banner);
  to.string(text);
  to.end();
}

// An empty note about the source: one zero byte, 0x28 bytes behind the start of the command.
void put_note(Commands& to) {
  to.begin(command::note);
  to.name16("src model info");
  to.out().u64(0x28);
  to.out().u64(1);
  to.out().zeros(1);
  to.end();
}

void put_symbol_command(const SymbolTable& symbols, const Positions& at, Commands& to) {
  to.begin(command::symbols);
  to.out().u32(at.symbols);
  to.out().u32(symbols.count);
  to.out().u32(at.strings);
  to.out().u32(symbols.strings.size());
  to.end();
}

Commands write_commands(const File& file, const TaskFigures& figures, const SymbolTable& symbols,
                        const Positions& at) {
  const DialectFacts& dialect = facts(file.dialect);
  Commands to;
  for (const Segment& segment : list_segments(file, at)) put_segment(segment, to);
  for (const Surface& surface : file.surfaces) put_binding(surface, dialect.binding_command, to);
  put_program_thread(file, figures, to);
  for (const Surface* surface : in_tensor_order(file)) put_tensor_thread(file, *surface, to);
  put_banner(file.banner, to);
  if (dialect.note) put_note(to);
  put_symbol_command(symbols, at, to);
  return to;
}

// ------------------------------------------------------------------------------------------------ the file

Positions place_parts(const File& file, uint64_t command_bytes, const SymbolTable& symbols) {
  Positions at;
  at.symbols = header_bytes + command_bytes;
  at.strings = at.symbols + symbols.entries.size();
  at.relocations = up(at.strings + symbols.strings.size(), 8);
  const uint64_t tables_end = file.tiles.empty() ? at.strings + symbols.strings.size()
                                                 : at.relocations + relocation_bytes * file.tiles.size();
  at.debug = up(tables_end, page);
  at.text = at.debug + up(file.debug_info.size(), page);
  at.constants = at.text + (file.const_address - file.text_address);
  at.end = at.text + up(at.constants - at.text + constant_section_size(file), page);
  return at;
}

void put_header(const Commands& commands, const File& file, ByteWriter& out) {
  for (const uint64_t word :
       {uint64_t{magic}, uint64_t{cpu_type}, uint64_t{file.cpu_subtype}, uint64_t{executable_file},
        uint64_t{commands.count()}, commands.out().size(), uint64_t{header_flags}, uint64_t{0}})
    out.u32(word);
}

}  // namespace

std::string tile_symbol(const File& file, const std::string& digits, const ConstantTile& tile) {
  if (!tile.symbol.empty()) return tile.symbol;
  const std::string name = "K" + digits;
  return file.kernel_symbol_per_channel ? name + "_ne_" + std::to_string(tile.channel) : name;
}

Image::Image(const File& file) : constants_(file.constants) {
  require_h13(file, "the writer");
  ensure(constants_follow_tasks(file),
         "write: the addresses do not fit the text; call assign_addresses first");
  const Ordinals ordinals = number_sections(file);
  const TaskFigures figures = figures_of(file);
  const SymbolTable symbols = symbol_table(list_symbols(file, ordinals));
  const Positions at = place_parts(file, write_commands(file, figures, symbols, {}).out().size(), symbols);
  const Commands commands = write_commands(file, figures, symbols, at);

  ByteWriter out;
  out.reserve(at.constants);
  put_header(commands, file, out);
  out.bytes(commands.out().data());
  out.bytes(symbols.entries);
  out.bytes(symbols.strings);
  if (!file.tiles.empty()) out.pad_to(at.relocations);
  for (const ConstantTile& tile : file.tiles) {
    out.u32(tile.text_offset);
    out.u32(relocation_of_a_word + ordinals.constants);
  }
  out.pad_to(at.debug);
  out.bytes(file.debug_info);
  out.pad_to(at.text);
  out.bytes(file.text);
  out.pad_to(at.constants);
  head_ = out.take();
  padding_.resize(at.end - at.constants - constants_.size());
}

Bytes write(const File& file) {
  const Image image(file);
  ByteWriter out;
  size_t size = 0;
  for (const ByteSpan piece : image.pieces()) size += piece.size();
  out.reserve(size);
  for (const ByteSpan piece : image.pieces()) out.bytes(piece);
  return out.take();
}

}  // namespace ane::hwx
