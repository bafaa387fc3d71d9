// A .hwx file: the container of an ANE program, a changed Mach-O (magic 0xBEEFFACE).
//
// `File` is what the container says, apart from how it says it: the task stream and constants as bytes, the
// surfaces, the scratch size. The four dialects (docs/hwx.md) are four versions of Apple's compiler;
// everything in which they differ is one row of a table in dialect.cc, and reading decides the dialect from
// the file.
//
// Programs of every known generation of the engine can be read. Their containers are alike but for the
// program thread (docs/generations.md); only H13's can be written, compiled, simulated or converted.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace ane::hwx {

enum class Dialect { A, B, C, D };  // zin_ane_compiler 4.2.1, 5.4.1, 7.6.4, 9.509

// What differs between dialects, one row each.
struct DialectFacts {
  Dialect dialect;
  const char* compiler_version;  // in the banner, and our --compat value
  bool text_first;               // __TEXT before the surfaces in segment order and VM
  uint32_t binding_command;      // 0x6 or 0x40
  bool program_tags;
  uint32_t tasks_plus;  // program thread +0x858 = tasks + this
  uint32_t tensor_state_words;
  bool output_extent_exact;        // tensor thread +0x80 of outputs: exact extent, else the total
  bool slots_outputs_first;        // base address slots: outputs then inputs, else all surfaces in VM order
  bool surfaces_by_name;           // VM order of surfaces: by binding name, else inputs then outputs as given
  bool binding_keeps_output_tail;  // an output x@output is bound as x@output, else as x
  bool note;
  int type_catalogue;  // entries of the type catalogue in the symbol table
  uint16_t input_symbol_desc;
};
const DialectFacts& facts(Dialect dialect);
// By compiler version, "5.4.1", also when its tail is left out ("9.509" for "9.509.0"); nullptr when unknown.
const DialectFacts* find_dialect(const std::string& compiler_version);

enum class Role : uint8_t { Input, Output };

struct Surface {
  Role role = Role::Input;
  std::string symbol;   // name in the source network: "image", "probs@output"
  std::string binding;  // name at run time
  int64_t n = 1, c = 1, h = 1, w = 1;
  uint32_t element_code = 5;  // number in the type catalogue: 5 = fp16, 3 = uint8
  int64_t element_size = 2;
  // Bytes. Derived by layout(), or read from the file. `total` is the memory of all n batches.
  int64_t row_stride = 0, plane_stride = 0, batch_stride = 0, total = 0;
  uint64_t address = 0;
  uint32_t slot = 0;  // base address slot that tasks use
};
// Fills strides and total by the surface rules: rows padded to 64 bytes.
void layout(Surface& surface);
// From the first byte of one batch to behind its last element.
int64_t exact_extent(const Surface& surface);

// A constant stream that a task reads: where its base word lies in the text, and which part of the constants
// it names.
struct ConstantTile {
  uint32_t text_offset = 0;   // of the base register's word
  uint32_t channel = 0;       // 0..15
  uint32_t const_offset = 0;  // from the start of the constants
  std::string symbol;         // empty: K, the file's kernel_symbol, and _ne_CHANNEL if those are per channel
  friend bool operator==(const ConstantTile&, const ConstantTile&) = default;
};

// A buffer in L2 that the debugger may name (dialect D with -g).
struct OnChipSymbol {
  std::string name;
  uint64_t address = 0;
  friend bool operator==(const OnChipSymbol&, const OnChipSymbol&) = default;
};

// Something that the program thread says under a number; 9 = the largest time estimate of any task.
struct ProgramTag {
  uint32_t number = 0;
  Bytes value;
};

// What the program thread counts.
struct ProgramFigures {
  uint32_t tasks = 0;
  std::optional<uint32_t> text_words;  // the rest only in threads of kind 4
  uint64_t event_bits = 0;
  std::vector<ProgramTag> tags;
};

// Coefficients in a segment of their own (H16 and later: __KERN_0,__kern_0).
struct KernelSection {
  std::string name;  // of the segment
  uint64_t address = 0;
  Bytes bytes;
};

struct File {
  std::string name;  // of the file read, for messages
  Dialect dialect = Dialect::B;
  uint32_t cpu_subtype = 4;  // of the engine: 4 = H13
  std::string network = "net";
  std::string banner;
  Bytes text;       // task stream
  Bytes constants;  // empty = the 0x4000 zero bytes of a program without constants
  uint32_t first_task_words = 157;
  uint64_t scratch_bytes = 0;     // __DATA,__bss; 0 = none
  uint64_t scratch_figure = 0;    // program thread +0x848, meaning open
  std::vector<Surface> surfaces;  // in VM order
  std::vector<ConstantTile> tiles;
  std::string kernel_symbol;  // 64 hexadecimal digits; empty: made from a hash of the constants
  bool kernel_symbol_per_channel = true;
  Bytes debug_info;  // dialect D with -g
  std::vector<OnChipSymbol> symbols_on_chip;
  ProgramFigures figures;  // when read
  std::vector<KernelSection> kernels;

  // VM addresses, derived on writing, read on reading.
  uint64_t text_address = 0, const_address = 0, scratch_address = 0;
  std::array<uint64_t, 256> slots{};
};

// Completes what is derived: bindings that are empty, surfaces' layout, VM order, addresses, slots. Call
// before emitting tasks, which name buffers by slot (slots do not depend on the tasks), and again when text
// and constants have their final sizes. Keeps the given order where the dialect has no rule. Throws Error
// when the program does not fit the engine's 32-bit addresses or its slots.
void assign_addresses(File& file);

// Bytes of the constant section: those of a program without constants are 0x4000 zeros.
uint64_t constant_section_size(const File& file);

// Throws Error for anything that is not a sound .hwx of a known generation. Where tasks follow each other in
// sequence (H14 and later) `tiles` stay empty and `first_task_words` means nothing.
File read(ByteSpan bytes, const std::string& name);
// Throws Error unless the program is for H13, the only engine that `who` ("the simulator") works on.
void require_h13(const File& file, const std::string& who);
// The whole file. `file` must have been through assign_addresses with its final sizes, or come from read().
// Throws Error for another generation than H13.
Bytes write(const File& file);

// The same without a copy of the constants: what stands before and behind them, and views of those of `file`,
// which must outlive this and not change.
class Image {
 public:
  explicit Image(const File& file);
  // The bytes of the file, one piece behind the other.
  std::array<ByteSpan, 3> pieces() const { return {head_, constants_, padding_}; }

 private:
  Bytes head_, padding_;
  ByteSpan constants_;
};

// Quick test by magic.
bool is_hwx(ByteSpan bytes);

}  // namespace ane::hwx
