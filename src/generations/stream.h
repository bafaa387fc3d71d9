// Task streams of every generation: bytes to tasks, records and register writes.
//
// A stream keeps everything that the bytes hold, known or not: header words, the word that opens each record,
// values by address, and words outside of all tasks that are not zero. What the words mean stands in
// registers.h.
//
// H14 and later open a record with one word:
//   dense, bit 31 clear    bits 14:0 address / 4 of the first register, 20:15 how many less 1; with bit 29
//   set,
//                          28:23 are the buffer slot of the address that the record writes
//   scatter, bit 31 set    bits 14:0 address / 4 of a register that is written, 30:15 which of the 16 behind
//   it are
// (26 captured H14 tasks; H17 words of the same form.) H11 to H13 have dense records by byte address
// (h13/task.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "generations/generation.h"

namespace ane::generations {

struct Write {
  uint32_t address = 0, value = 0;
  friend bool operator==(const Write&, const Write&) = default;
};

struct Record {
  uint32_t word = 0;             // that opens the record
  std::optional<uint32_t> slot;  // buffer slot, H14 and later
  std::vector<Write> writes;     // in stream order
};

struct Task {
  uint32_t offset = 0;           // in the stream, bytes
  std::vector<uint32_t> header;  // with the extra word, if there is one
  std::vector<Record> records;

  uint32_t words() const;  // in the stream, header and record words included
};

// A word outside of all tasks that is not zero.
struct LooseWord {
  uint32_t offset = 0, value = 0;
};

struct Stream {
  std::vector<Task> tasks;  // at least one
  std::vector<LooseWord> loose;
};

// `first_task_words` is what the program thread says of a linked list; sequential streams need none. Throws
// Error for tasks that are shorter than their header, reach past the end or overlap, and records that leave
// their task.
Stream decode(const Generation& generation, ByteSpan text, uint32_t first_task_words,
              const std::string& name);

// Bits of a record's opening word that no form explains.
uint32_t unknown_bits(const Generation& generation, const Record& record);

// What has no name: set bits outside of all fields (of header, record and register words), writes to
// registers without a name, words outside of tasks.
struct Unknown {
  uint64_t bits = 0, registers = 0, loose = 0;
};
Unknown count_unknown(const Generation& generation, const Stream& stream);

}  // namespace ane::generations
