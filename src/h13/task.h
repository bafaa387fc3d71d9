// H13 tasks: the words of one engine pass, by register and field name.
//
// A program is a list of tasks; a task is a header of 10 or 11 words and records, each a run of register
// values. The names, addresses and bit positions of all registers stand once, in registers.def, which the
// encoder, the decoder, the disassembler, the simulator and the documentation share.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace ane::h13 {

// Registers, in address order within their block.
enum class Reg : uint16_t {
#define REGISTER(block, name, address) name,
#include "h13/registers.def"
  Count
};
inline constexpr size_t register_count = static_cast<size_t>(Reg::Count);

// Fields of registers (REGISTER_FIELD) and of the header (HEADER_FIELD), as Register_Field / H_Field.
enum class Field : uint16_t {
#define FIELD(reg, name, low, width, meaning) reg##_##name,
#include "h13/registers.def"
  Count
};
enum class HeaderField : uint16_t {
#define HEADER_FIELD(word, name, low, width, meaning) name,
#include "h13/registers.def"
  Count
};

struct RegisterInfo {
  const char* block;
  const char* name;
  uint32_t address;
};
struct FieldInfo {
  Reg reg;   // header fields: Reg::Count
  int word;  // header fields: the header word; else -1
  const char* name;
  int low, width;
  const char* meaning;
};
struct BlockInfo {
  const char* name;
  uint32_t base, words;
};
const RegisterInfo& info(Reg reg);
const FieldInfo& info(Field field);
const FieldInfo& info(HeaderField field);
std::span<const FieldInfo> fields_of(Reg reg);
std::span<const FieldInfo> header_fields();
// The largest value of a field.
constexpr uint32_t mask(const FieldInfo& field) {
  return field.width == 32 ? ~0u : (1u << field.width) - 1;
}
// Bits that some field names. Set bits outside are unknown and shown as such.
uint32_t known_bits(Reg reg);
uint32_t known_header_bits(int word);
std::span<const BlockInfo> blocks();
// Reg::Count when the address is none we know.
Reg register_at(uint32_t address);
// base + i for the 16-fold registers: CoeffDMAConfig0 + 3.
constexpr Reg operator+(Reg reg, int i) {
  return static_cast<Reg>(static_cast<int>(reg) + i);
}

// A run of registers as it stands in the stream.
struct Record {
  uint32_t address = 0;
  uint32_t count = 0;
  friend bool operator==(const Record&, const Record&) = default;
};
// The word that opens it: the count less 1 above the address.
uint32_t record_word(const Record& record);

struct Task {
  std::array<uint32_t, 11> header{};
  std::array<uint32_t, register_count> registers{};
  std::bitset<register_count> written;  // by some record
  std::vector<Record> records;          // in stream order
  // Address and value of registers that registers.def lacks, in stream order.
  std::vector<std::pair<uint32_t, uint32_t>> unknown;
  uint32_t offset = 0;  // of the task in the stream (decoding, and after encoding)

  uint32_t& operator[](Reg reg) { return registers[static_cast<size_t>(reg)]; }
  uint32_t operator[](Reg reg) const { return registers[static_cast<size_t>(reg)]; }
  uint32_t get(Field field) const;
  void set(Field field, uint64_t value);  // InternalError when the value does not fit the field
  uint32_t get(HeaderField field) const;
  void set(HeaderField field, uint64_t value);
  // Fields of addresses and strides hold the upper bits; these take and give bytes.
  uint64_t bytes(Field field) const;
  void set_bytes(Field field, int64_t value);

  bool extended() const { return (header[6] >> 24) & 1; }  // header word 10 is present
  uint32_t header_words() const { return extended() ? 11 : 10; }
  uint32_t words() const;  // in the stream, header and record words included
  // Cuts the registers into these records and marks theirs as written; values stay.
  void set_records(std::span<const Record> runs);
};

// How a task's registers are cut into records.
enum class Layout {
  Full,   // 157 words: all 62 kernel DMA registers
  Short,  // 126 words: without the 16 coefficient bases and sizes, for tasks that read no coefficients
};
std::span<const Record> records_of(Layout layout);

// All tasks of a stream, following NextPointer and NextSize. `name` is for messages. Throws Error on anything
// unsound: sizes past the end, loops (a next task must lie behind the one that names it), records outside
// their task, registers written twice.
std::vector<Task> decode_tasks(ByteSpan text, uint32_t first_task_words, const std::string& name);

// Fills in what depends on the neighbours (TID, LNID, EON, NextSize, NextPointer, TBE, offset) and gives the
// stream: every task at the next multiple of 0x100. Records of each task must be set.
Bytes encode_tasks(std::vector<Task>& tasks);

// Byte offset, inside the stream, of the word that holds `reg` of `task`; the register must be in a record.
uint32_t offset_in_stream(const Task& task, Reg reg);

}  // namespace ane::h13
