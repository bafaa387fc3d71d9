// Container to File: which dialect it is, where program, constants and scratch lie, what the surfaces are.
//
// What no other part of the project relies on and a writer derives again (event counts, section flags,
// padding) is not checked here; hwxdump --rewrite compares the bytes.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "generations/generation.h"
#include "hwx/container.h"

namespace ane::hwx {
namespace {

struct Reader {
  ByteReader in;
  const Container& container;
  const generations::Generation& generation;
  const std::string& name() const { return in.file(); }
  [[noreturn]] void fail(const std::string& where, const std::string& why) const {
    throw Error(name(), where, why, "the file is damaged or of an unknown compiler version");
  }
};

const generations::Generation& generation_of(const Container& container, const std::string& name) {
  if (container.type != cpu_type)
    throw Error(name, "header", fmt::format("unknown processor type {:#x}", container.type));
  const generations::Generation* generation = generations::by_subtype(container.subtype);
  if (!generation)
    throw Error(name, "header", fmt::format("compiled for an unknown engine (subtype {})", container.subtype),
                "known are " + generations::known_subtypes());
  return *generation;
}

bool is_kind(const Thread& thread, ThreadKind kind) {
  return thread.kind == static_cast<uint32_t>(kind);
}

// H13 has programs of kind 1; H14, H16 and H17 were seen with kind 4. What H15 and H18 have is open, so that
// the thread itself says which it is.
bool is_program(const Thread& thread, const Reader& reader) {
  return is_kind(thread, ThreadKind::Program) ||
         (is_kind(thread, ThreadKind::LaterProgram) &&
          reader.generation.tasks == generations::TaskList::Sequential);
}

const Thread& program_of(const Reader& reader) {
  const Thread* found = nullptr;
  for (const Thread& thread : reader.container.threads)
    if (is_program(thread, reader)) {
      if (found) reader.fail("thread command", "there are two programs");
      found = &thread;
    }
  if (!found) reader.fail("load commands", "there is no program thread");
  const bool later = is_kind(*found, ThreadKind::LaterProgram);
  if (found->size < (later ? later_program_thread::tags : program_thread::name))
    reader.fail("program thread", "it is too short");
  return *found;
}

std::vector<const Thread*> tensors_of(const Container& container) {
  std::vector<const Thread*> tensors;
  for (const Thread& thread : container.threads)
    if (is_kind(thread, ThreadKind::Tensor)) tensors.push_back(&thread);
  return tensors;
}

// Each dialect differs from the others in one of these three, however the banner reads.
Dialect recognise(const Container& container, const std::vector<const Thread*>& tensors) {
  const bool wide_bindings =
      std::any_of(container.bindings.begin(), container.bindings.end(),
                  [](const Binding& binding) { return binding.command == command::binding_64; });
  if (!wide_bindings) {
    const bool short_tensors =
        !tensors.empty() && tensors[0]->state_words == facts(Dialect::A).tensor_state_words;
    return short_tensors ? Dialect::A : Dialect::B;
  }
  for (const Segment& segment : container.segments) {
    if (segment.name == "__TEXT") return Dialect::C;
    if (segment.name == "__FVMLIB") break;
  }
  return Dialect::D;
}

Bytes contents(const Reader& reader, const Section& section) {
  if (section.size == 0) return {};
  if (section.offset == 0) reader.fail(section.name, "the section has no contents in the file");
  const ByteSpan bytes = reader.in.span(section.offset, section.size, "the contents of a section");
  return {bytes.begin(), bytes.end()};
}

std::string thread_string(const Reader& reader, const Thread& thread, uint32_t field, const char* what) {
  const uint32_t offset = reader.in.u32(thread.offset + field, what);
  return std::string(reader.in.c_string(thread.offset + offset, thread.offset + thread.size, what));
}

// Shape and strides must describe memory inside the surface, so that whoever walks it stays inside.
void check_shape(const Reader& reader, const Surface& surface) {
  constexpr int64_t largest = 1 << 24;
  for (const int64_t extent : {surface.n, surface.c, surface.h, surface.w})
    if (extent < 1 || extent > largest)
      reader.fail("tensor " + surface.binding, fmt::format("an extent of {} is out of range", extent));
  if (surface.element_size < 1 || surface.element_size > 16)
    reader.fail("tensor " + surface.binding, fmt::format("elements of {} bytes", surface.element_size));
  for (const int64_t stride : {surface.row_stride, surface.plane_stride, surface.batch_stride})
    if (stride < 0 || stride > static_cast<int64_t>(memory_end))
      reader.fail("tensor " + surface.binding, fmt::format("a stride of {} bytes is out of range", stride));
  if ((surface.n - 1) * surface.batch_stride + exact_extent(surface) > surface.total)
    reader.fail("tensor " + surface.binding, "its shape does not fit into its memory");
}

Surface read_tensor(const Reader& reader, const Thread& thread) {
  namespace tensor = tensor_thread;
  if (thread.size < tensor::extent + 8) reader.fail("tensor thread", "it is too short");
  const auto word = [&](uint32_t field) { return reader.in.u32(thread.offset + field, "a tensor thread"); };
  const auto wide = [&](uint32_t field) {
    return static_cast<int64_t>(reader.in.u64(thread.offset + field, "a tensor thread"));
  };
  Surface surface;
  surface.symbol = thread_string(reader, thread, tensor::symbol, "the symbol of a tensor");
  surface.binding = thread_string(reader, thread, tensor::binding, "the binding of a tensor");
  if (word(tensor::role) != 1 && word(tensor::role) != 2)
    reader.fail("tensor " + surface.binding, fmt::format("unknown role {}", word(tensor::role)));
  if (word(tensor::depth) != 1 || word(tensor::interleave) != 1)
    reader.fail("tensor " + surface.binding, "depth and interleave other than 1 are not understood");
  surface.role = word(tensor::role) == 1 ? Role::Input : Role::Output;
  surface.element_code = word(tensor::element_code);
  surface.n = word(tensor::n);
  surface.c = word(tensor::c);
  surface.h = word(tensor::h);
  surface.w = word(tensor::w);
  surface.batch_stride = wide(tensor::batch_stride);
  surface.plane_stride = wide(tensor::plane_stride);
  surface.row_stride = wide(tensor::row_stride);
  surface.element_size = wide(tensor::element_size);
  return surface;
}

uint32_t slot_of(const Reader& reader, const File& file, const Surface& surface) {
  for (uint32_t slot = first_surface_slot; slot < slot_count; ++slot)
    if (file.slots[slot] == surface.address) return slot;
  reader.fail("tensor " + surface.binding, "no base address slot holds its address");
}

// One surface per __FVMLIB segment, in their order; the binding command at its address names it, the tensor
// thread of that name describes it.
void read_surfaces(const Reader& reader, const std::vector<const Thread*>& tensors, File& file) {
  if (tensors.size() > slot_count - first_surface_slot)
    reader.fail("tensor threads", "there are more than slots");
  std::vector<Surface> described;
  for (const Thread* thread : tensors) described.push_back(read_tensor(reader, *thread));
  for (const Segment& segment : reader.container.segments) {
    if (segment.name != "__FVMLIB") continue;
    if (segment.sections.size() != 1) reader.fail("segment __FVMLIB", "a surface needs one section");
    const auto binding = std::find_if(reader.container.bindings.begin(), reader.container.bindings.end(),
                                      [&](const Binding& b) { return b.address == segment.address; });
    if (binding == reader.container.bindings.end())
      reader.fail(fmt::format("segment at {:#x}", segment.address), "no surface is bound there");
    const auto tensor = std::find_if(described.begin(), described.end(), [&](const Surface& surface) {
      return surface.binding == binding->name;
    });
    if (tensor == described.end()) reader.fail("surface " + binding->name, "no tensor thread describes it");
    Surface surface = *tensor;
    surface.address = segment.address;
    surface.total = static_cast<int64_t>(segment.sections[0].size);
    check_shape(reader, surface);
    surface.slot = slot_of(reader, file, surface);
    file.surfaces.push_back(std::move(surface));
    described.erase(tensor);
  }
  if (!described.empty()) reader.fail("tensor " + described[0].binding, "no surface is bound to it");
}

// Each tag is a number, a length and a value.
std::vector<ProgramTag> read_tags(const Reader& reader, const Thread& thread) {
  namespace program = later_program_thread;
  const uint64_t count = reader.in.u32(thread.offset + program::tag_count, "the program thread");
  const uint64_t end = thread.offset + thread.size;
  uint64_t at = thread.offset + program::tags;
  std::vector<ProgramTag> tags;
  for (uint64_t i = 0; i < count; ++i) {
    if (end - at < program::tag_head) reader.fail("program thread", "its tags reach past its end");
    const uint32_t number = reader.in.u32(at, "a tag"), length = reader.in.u32(at + 4, "a tag");
    at += program::tag_head;
    if (length > end - at) reader.fail("program thread", "a tag reaches past its end");
    const ByteSpan value = reader.in.span(at, length, "a tag");
    tags.push_back({number, Bytes(value.begin(), value.end())});
    at += length;
  }
  return tags;
}

void read_later_program(const Reader& reader, const Thread& thread, File& file) {
  namespace program = later_program_thread;
  file.network = thread_string(reader, thread, program::name_offset, "the name of the network");
  file.scratch_figure = reader.in.u64(thread.offset + program::scratch_figure, "the program thread");
  for (uint32_t slot = 0; slot < program::slot_count; ++slot)
    file.slots[slot] = reader.in.u64(
        thread.offset + program_thread::slots + uint64_t{program::slot_step} * slot, "the program thread");
  file.figures.tasks = reader.in.u32(thread.offset + program::tasks, "the program thread");
  file.figures.text_words = reader.in.u32(thread.offset + program::text_words, "the program thread");
  file.figures.event_bits = reader.in.u64(thread.offset + program::event_bits, "the program thread");
  file.figures.tags = read_tags(reader, thread);
}

void read_program(const Reader& reader, const Thread& thread, File& file) {
  namespace program = program_thread;
  if (is_kind(thread, ThreadKind::LaterProgram)) return read_later_program(reader, thread, file);
  file.figures.tasks = reader.in.u32(thread.offset + program::tasks, "the program thread");
  file.network = thread_string(reader, thread, program::name_offset, "the name of the network");
  file.first_task_words =
      reader.in.u32(thread.offset + program::first_task_words_less_1, "the program thread") + 1;
  file.scratch_figure = reader.in.u64(thread.offset + program::scratch_figure, "the program thread");
  for (uint32_t slot = 0; slot < slot_count; ++slot)
    file.slots[slot] = reader.in.u64(thread.offset + program::slots + 8ull * slot, "the program thread");
}

bool all_zero(const Bytes& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

// Sections may overlap in a damaged file; together they hold no more than the file.
void read_kernels(const Reader& reader, File& file) {
  uint64_t left = reader.in.size();
  for (const Segment& segment : reader.container.segments) {
    if (!segment.name.starts_with("__KERN_")) continue;
    for (const Section& section : segment.sections) {
      if (section.size > left)
        reader.fail("segment " + segment.name, "the coefficients are larger than the file");
      left -= section.size;
      file.kernels.push_back({segment.name, section.address, contents(reader, section)});
    }
  }
}

void read_sections(const Reader& reader, File& file) {
  const Section* text = reader.container.find("__TEXT", "__text");
  const Section* constants = reader.container.find("__TEXT", "__const");
  if (!text || !constants) reader.fail("segment __TEXT", "the sections __text and __const are missing");
  file.text = contents(reader, *text);
  file.text_address = text->address;
  file.constants = contents(reader, *constants);
  file.const_address = constants->address;
  if (!constants_follow_tasks(file))
    reader.fail("segment __TEXT", "the constants do not follow the task stream");
  if (text->relocations.empty() && file.constants.size() == static_cast<size_t>(page) &&
      all_zero(file.constants))
    file.constants.clear();
  if (const Section* scratch = reader.container.find("__DATA", "__bss")) {
    file.scratch_bytes = scratch->size;
    file.scratch_address = scratch->address;
  }
  if (const Section* debug = reader.container.find("__DEBUG", "__debug_info"))
    file.debug_info = contents(reader, *debug);
  read_kernels(reader, file);
}

constexpr std::string_view channel_mark = "_ne_";

// The symbols that name places in the constants, in their order.
std::vector<const Symbol*> constant_symbols(const Container& container) {
  std::vector<const Symbol*> found;
  size_t ordinal = 0, constants = 0;
  for (const Segment& segment : container.segments)
    for (const Section& section : segment.sections) {
      ++ordinal;
      if (segment.name == "__TEXT" && section.name == "__const") constants = ordinal;
    }
  for (const Symbol& symbol : container.symbols)
    if (symbol.section == constants && constants != 0 && symbol.name.starts_with("K"))
      found.push_back(&symbol);
  return found;
}

uint32_t channel_of(const std::string& symbol) {
  const size_t mark = symbol.rfind(channel_mark);
  if (mark == std::string::npos) return 0;
  const std::string digits = symbol.substr(mark + channel_mark.size());
  if (digits.empty() || digits.size() > 2 || digits.find_first_not_of("0123456789") != std::string::npos)
    return 0;
  return static_cast<uint32_t>(std::stoi(digits));
}

// One tile per relocation; the word it relocates holds the tile's offset in the constants. The symbols stand
// in the same order. Their common digits are the file's kernel symbol. Later generations relocate pairs of
// words that stand for more than a tile.
void read_tiles(const Reader& reader, File& file) {
  if (reader.generation.tasks != generations::TaskList::Linked) return;
  const std::vector<const Symbol*> symbols = constant_symbols(reader.container);
  const std::vector<Relocation>& relocations = reader.container.find("__TEXT", "__text")->relocations;
  const bool named = symbols.size() == relocations.size() && !symbols.empty();
  if (named) {
    const std::string& first = symbols[0]->name;
    file.kernel_symbol_per_channel = first.find(channel_mark) != std::string::npos;
    file.kernel_symbol = first.substr(1, first.find(channel_mark) - (file.kernel_symbol_per_channel ? 1 : 0));
  }
  const ByteReader text(file.text, reader.name() + ": task stream");
  for (size_t i = 0; i < relocations.size(); ++i) {
    ConstantTile tile;
    tile.text_offset = relocations[i].address;
    tile.const_offset = text.u32(tile.text_offset, "a relocated word");
    if (tile.const_offset > constant_section_size(file))
      text.fail(tile.text_offset, "a relocated word points behind the constants", "the file is damaged");
    if (named) {
      tile.channel = channel_of(symbols[i]->name);
      if (tile_symbol(file, file.kernel_symbol, tile) != symbols[i]->name) tile.symbol = symbols[i]->name;
    }
    file.tiles.push_back(std::move(tile));
  }
}

// Symbols between the type catalogue and the shapes that carry an address: buffers in L2.
void read_on_chip_symbols(const Container& container, File& file) {
  constexpr uint8_t type_symbol = 0x80;
  for (const Symbol& symbol : container.symbols) {
    const size_t type = symbol.name.find(":t");
    if (symbol.type == type_symbol && symbol.value != 0 && type != std::string::npos)
      file.symbols_on_chip.push_back({symbol.name.substr(0, type), symbol.value});
  }
}

}  // namespace

void require_h13(const File& file, const std::string& who) {
  const generations::Generation& h13 = generations::h13();
  if (file.cpu_subtype == h13.subtype) return;
  const generations::Generation* generation = generations::by_subtype(file.cpu_subtype);
  throw Error(
      file.name, "header",
      fmt::format("the program is for {}, not for {}, and {} knows no other",
                  generation ? generations::title(*generation) : fmt::format("subtype {}", file.cpu_subtype),
                  generations::title(h13), who),
      "compile it for H13; hwxdump explains programs of every generation");
}

File read(ByteSpan bytes, const std::string& name) {
  const Container container = parse(bytes, name);
  const Reader reader{ByteReader(bytes, name), container, generation_of(container, name)};
  const std::vector<const Thread*> tensors = tensors_of(container);

  File file;
  file.name = name;
  file.cpu_subtype = container.subtype;
  file.dialect = recognise(container, tensors);
  file.banner = container.banner;
  read_program(reader, program_of(reader), file);
  read_sections(reader, file);
  read_surfaces(reader, tensors, file);
  read_tiles(reader, file);
  read_on_chip_symbols(container, file);
  return file;
}

}  // namespace ane::hwx
