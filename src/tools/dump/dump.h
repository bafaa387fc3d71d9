// A .hwx program in words: the views that hwxdump prints.
//
// Every view shows the same decoded program. What the register table does not name is shown as unknown and
// counted, never dropped; text from the file is printed with its control characters escaped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "h13/task.h"
#include "hwx/container.h"
#include "hwx/file.h"

namespace ane::dump {

struct Program {
  std::string name;
  uint64_t bytes = 0;  // of the file
  hwx::Container container;
  hwx::File file;
  std::vector<h13::Task> tasks;
};

// Throws Error for anything that is not a sound H13 .hwx.
Program load(ByteSpan bytes, const std::string& name);

// Container and every task with named fields, for people.
std::string text(const Program& program);
// The tasks' words in the form of the captured programs: lines program, tensor, const, task, "  h", "  @".
std::string words(const Program& program);
// Everything, for machines: one JSON object.
std::string json(const Program& program);
// Segments, sections, symbols and relocations.
std::string sections(const Program& program);
// The register table as Markdown.
std::string registers_markdown();

// The file again, from what was understood of it: tasks encoded from their registers, the container written
// anew. Throws Error when that is not the same file byte for byte.
Bytes rewrite(const Program& program, ByteSpan original);

// ---- parts of the views ----

// What a task does, in one line: engine, kind of work, where from, where to.
struct Summary {
  std::string engine;  // "NE" or "PE"
  std::string work;    // "convolution 3x3 + bias + ReLU"
  std::vector<std::string> sources;
  std::string destination;
};
Summary summarise(const h13::Task& task, const hwx::File& file);

// Bits set outside all fields, registers and header words counted by bit; registers that the table lacks.
struct Unknown {
  uint64_t bits = 0, registers = 0;
};
Unknown count_unknown(const std::vector<h13::Task>& tasks);

// "3", "0x1040", "0x3c00 (1)": bytes for addresses and strides, half and single precision numbers beside
// their bits.
std::string field_value(const h13::FieldInfo& field, uint32_t word);

// Control characters and bytes outside ASCII as \xNN.
std::string printable(const std::string& text);

}  // namespace ane::dump
