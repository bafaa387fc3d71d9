// A .hwx program in words: the views that hwxdump prints.
//
// Every view shows the same decoded program, whatever the generation of the engine. What no register table
// names is shown as unknown and counted, never dropped; how sure a name is stands beside it
// (generations/generation.h). Text from the file is printed with its control characters escaped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "generations/registers.h"
#include "generations/stream.h"
#include "h13/task.h"
#include "hwx/container.h"
#include "hwx/file.h"

namespace ane::dump {

struct Program {
  std::string name;
  uint64_t bytes = 0;  // of the file
  hwx::Container container;
  hwx::File file;
  const generations::Generation* generation = nullptr;
  generations::Stream stream;
  std::vector<h13::Task> h13_tasks;    // the same tasks, of linked lists (H11 to H13)
  std::vector<uint32_t> thread_words;  // of the program thread, from its command word
  std::vector<std::string> notes;      // where the program thread and the tasks disagree

  const generations::RegisterTable& registers() const { return generations::registers(*generation); }
};

// Throws Error for anything that is not a sound .hwx of a known generation.
Program load(ByteSpan bytes, const std::string& name);

// Container and every task with named fields, for people.
std::string text(const Program& program);
// The tasks' words in the form of the captured programs: lines program, tensor, const, task, "  h", "  @".
std::string words(const Program& program);
// Everything, for machines: one JSON object.
std::string json(const Program& program);
// Segments, sections, symbols and relocations.
std::string sections(const Program& program);
// The register table of a generation as Markdown.
std::string registers_markdown(const generations::Generation& generation);
// What differs between generations, as Markdown tables.
std::string generations_markdown();

// The file again, from what was understood of it: tasks encoded from their registers, the container written
// anew. Throws Error when that is not the same file byte for byte, and for other generations than H13.
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
// Of the task with this number. Generations whose registers do not hold H13's values get buffers and shapes
// only.
Summary summarise(const Program& program, size_t index);

// A buffer by what the program calls it: "constants", "x", "buffer 7".
std::string buffer_name(const hwx::File& file, uint32_t slot);

// "3", "0x1040", "0x3c00 (1)": bytes for addresses and strides, floating-point numbers beside their bits.
std::string field_value(const generations::Field& field, uint32_t word);

// A name with what says how sure it is: nothing (words), "~" (map), "?" (inferred), "(unknown)".
std::string marked(const std::string& name, generations::Evidence evidence);

// Control characters and bytes outside ASCII as \xNN.
std::string printable(const std::string& text);

}  // namespace ane::dump
