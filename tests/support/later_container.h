// Containers of H14 and later, put together byte by byte from a task stream.
//
// No file of these generations is at hand. The layout here is that of the published ones: the load commands
// of an H17 program (beefface docs/HWX_BYTE_MAP.md: commands, program thread and surfaces with all offsets),
// the end of the program thread of the captured H14 programs. Numbers are spelled out on purpose, so that the
// reader's are checked and not repeated.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace ane::test {

struct LaterSurface {
  bool input = true;
  std::string name = "x";
  uint32_t n = 1, c = 64, h = 1, w = 1, element_code = 5;
  uint64_t batch_stride = 0x1000, plane_stride = 0x40, row_stride = 0x40, element_size = 2, bytes = 0x1000;
  uint32_t slot = 4;
};

struct LaterProgram {
  uint32_t subtype = 5;
  Bytes text;
  Bytes constants = Bytes(0x4000);
  uint64_t scratch_bytes = 0;
  std::vector<LaterSurface> surfaces;  // in the order of their memory
  std::vector<uint32_t> tail;          // program thread from +0x818 on, the name of the network last
  Bytes kernel;                        // __KERN_0, if any
  uint32_t kernel_slot = 0;
  uint32_t kernel_segments = 1;  // more than one: all name the same bytes

  static constexpr uint64_t page = 0x4000, memory = 0x30000000;
  static uint64_t pages(uint64_t bytes) { return (bytes + page - 1) / page * page; }

  uint64_t surface_address(size_t index) const {
    uint64_t address = memory + pages(scratch_bytes);
    for (size_t i = 0; i < index; ++i) address += pages(surfaces[i].bytes);
    return address;
  }
  uint64_t kernel_address() const { return surface_address(surfaces.size()); }
  uint64_t text_address() const { return kernel_address() + pages(kernel.size()); }
  uint64_t const_offset() const { return (text.size() + 63) / 64 * 64; }

  Bytes build() const { return file(); }

 private:
  void name16(ByteWriter& out, const std::string& name) const {
    out.text(name);
    out.zeros(16 - name.size());
  }

  struct Part {
    std::string name;
    uint64_t address, size, offset;
    uint32_t align, flags;
  };
  void segment(ByteWriter& out, const std::string& name, uint64_t address, uint64_t size, uint64_t offset,
               uint32_t protection, uint32_t flags, const std::vector<Part>& parts) const {
    out.u32(0x19);
    out.u32(72 + 80 * parts.size());
    name16(out, name);
    out.u64(address);
    out.u64(size);
    out.u64(offset);
    out.u64(offset ? size : 0);
    out.u32(protection);
    out.u32(protection);
    out.u32(parts.size());
    out.u32(flags);
    for (const Part& part : parts) {
      name16(out, part.name);
      name16(out, name);
      out.u64(part.address);
      out.u64(part.size);
      out.u32(part.offset);
      out.u32(part.align);
      out.u32(0);
      out.u32(0);
      out.u32(part.flags);
      out.zeros(12);
    }
  }

  void string_padded(ByteWriter& out, uint64_t start, const std::string& string) const {
    out.text(string);
    out.zeros(1);
    out.pad_to(start + (out.size() - start + 7) / 8 * 8);
    out.patch(start + 4, static_cast<uint32_t>(out.size() - start));
  }

  void binding(ByteWriter& out, const std::string& name, uint64_t address) const {
    const uint64_t start = out.size();
    out.u32(0x40);
    out.u32(0);
    out.u32(0x18);
    out.u32(0);
    out.u64(address);
    string_padded(out, start, name);
  }

  void program_thread(ByteWriter& out) const {
    const uint64_t start = out.size();
    out.u32(4);
    out.u32(0x818 + 4 * tail.size());
    out.u32(4);
    out.u32((0x818 + 4 * tail.size() - 0x10) / 4);
    out.zeros(0x800);
    const auto slot = [&](uint32_t number, uint64_t address) {
      out.patch(start + 0x10 + 16 * uint64_t{number}, address);
    };
    slot(0, text_address());
    slot(1, text_address() + const_offset());
    if (scratch_bytes) slot(3, memory);
    for (size_t i = 0; i < surfaces.size(); ++i) slot(surfaces[i].slot, surface_address(i));
    if (!kernel.empty()) slot(kernel_slot, kernel_address());
    out.u64(text_address());
    for (const uint32_t word : tail) out.u32(word);
  }

  void tensor_thread(ByteWriter& out, const LaterSurface& s) const {
    const uint64_t start = out.size();
    const uint32_t names = 0xd38;
    const std::string symbol = s.input ? s.name : s.name + "@output";
    for (const uint32_t word : {4u, 0u, 3u, 0x34au, 3u, s.input ? 1u : 2u, names, 0u, names + 4,
                                s.element_code, s.n, s.c, s.h, s.w, 1u})
      out.u32(word);
    out.pad_to(start + 0x50);
    for (const uint64_t value : {s.batch_stride, s.plane_stride, s.row_stride, s.element_size, s.bytes})
      out.u64(value);
    out.u32(1);
    out.u32(names + 4 + symbol.size() + 1);
    out.u64(s.bytes);
    out.pad_to(start + names);
    out.text("net");
    out.zeros(1);
    out.text(symbol);
    out.zeros(1);
    string_padded(out, start, s.name);
  }

  void segments(ByteWriter& out, uint64_t text_offset) const {
    segment(out, "__PAGEZERO", 0, page, 0, 0, 4, {});
    if (scratch_bytes)
      segment(out, "__DATA", memory, pages(scratch_bytes), 0, 3, 4,
              {{"__bss", memory, scratch_bytes, 0, 6, 0x25}});
    for (size_t i = 0; i < surfaces.size(); ++i) {
      const LaterSurface& s = surfaces[i];
      const uint64_t at = surface_address(i);
      segment(out, "__FVMLIB", at, pages(s.bytes), 0, s.input ? 1 : 2, 6,
              {{s.input ? "__const" : "__data", at, s.bytes, 0, 14, s.input ? 0x21u : 0x23u}});
    }
    for (uint32_t i = 0; !kernel.empty() && i < kernel_segments; ++i)
      segment(out, "__KERN_0", kernel_address(), pages(kernel.size()), text_offset - pages(kernel.size()), 1,
              4,
              {{"__kern_0", kernel_address(), kernel.size(), text_offset - pages(kernel.size()), 6, 0x26}});
    segment(out, "__TEXT", text_address(), pages(const_offset() + constants.size()), text_offset, 5, 4,
            {{"__text", text_address(), text.size(), text_offset, 14, 0x28},
             {"__const", text_address() + const_offset(), constants.size(), text_offset + const_offset(), 6,
              0x26}});
  }

  uint32_t commands(ByteWriter& out, uint64_t text_offset) const {
    segments(out, text_offset);
    for (size_t i = 0; i < surfaces.size(); ++i) binding(out, surfaces[i].name, surface_address(i));
    program_thread(out);
    for (const bool input : {true, false})
      for (const LaterSurface& s : surfaces)
        if (s.input == input) tensor_thread(out, s);
    const uint64_t banner = out.size();
    out.u32(8);
    out.u32(0);
    string_padded(out, banner, "ANEC v1\nzin_ane_compiler v9.509.0\n");
    for (const uint32_t word : {2u, 0x18u, 0u, 0u, 0u, 0u}) out.u32(word);
    const uint32_t kernels = kernel.empty() ? 0 : kernel_segments;
    return static_cast<uint32_t>(5 + (scratch_bytes != 0) + 3 * surfaces.size() + kernels);
  }

  Bytes file() const {
    ByteWriter measured;
    const uint32_t count = commands(measured, page);
    const uint64_t tables_end = pages(0x20 + measured.size()),
                   text_offset = tables_end + pages(kernel.size());
    ByteWriter out;
    for (const uint64_t word : {uint64_t{0xbeefface}, uint64_t{0x80}, uint64_t{subtype}, uint64_t{2},
                                uint64_t{count}, measured.size(), uint64_t{0x00200000}, uint64_t{0}})
      out.u32(word);
    commands(out, text_offset);
    out.pad_to(tables_end);
    out.bytes(kernel);
    out.pad_to(text_offset);
    out.bytes(text);
    out.pad_to(text_offset + const_offset());
    out.bytes(constants);
    out.pad_to(text_offset + pages(const_offset() + constants.size()));
    return out.take();
  }
};

// A task stream of H14 and later: a frame of 16 bytes (its first word 1 in H17 programs), each task at the
// next multiple of 16 bytes.
inline Bytes sequential_text(const std::vector<std::vector<uint32_t>>& tasks, uint32_t frame = 0) {
  std::vector<uint32_t> words = {frame, 0, 0, 0};
  for (const std::vector<uint32_t>& task : tasks) {
    while (words.size() % 4 != 0) words.push_back(0);
    words.insert(words.end(), task.begin(), task.end());
  }
  Bytes text(4 * words.size());
  std::memcpy(text.data(), words.data(), text.size());
  return text;
}

// From +0x818 of a program thread with one tag 9, as in the captured H14 programs.
inline std::vector<uint32_t> later_tail(size_t text_bytes, uint32_t tasks) {
  return {0,
          0,
          4,
          static_cast<uint32_t>(text_bytes / 4),
          0,
          0,
          tasks,
          0,
          0xffffffff,
          0xffffffff,
          0,
          0xffff,
          0x888,
          0,
          0,
          0,
          0,
          0,
          0x11,
          0,
          3,
          0,
          1,
          0,
          9,
          8,
          0,
          0,
          0x6e69616d /* "main" */,
          0};
}

// A program without anything: two surfaces, one task of header words alone. Slots as in the H17 program.
inline LaterProgram later_program(uint32_t subtype, uint32_t header_words) {
  std::vector<uint32_t> task(header_words);
  task[0] = header_words << 16;
  LaterProgram program;
  program.subtype = subtype;
  program.text = sequential_text({task});
  program.surfaces = {{.input = true, .name = "x", .slot = 6}, {.input = false, .name = "y", .slot = 7}};
  program.tail = later_tail(program.text.size(), 1);
  return program;
}

}  // namespace ane::test
