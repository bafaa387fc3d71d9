// Bytes to a decoded program, and back.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/error.h"
#include "base/half.h"
#include "tools/dump/dump.h"

namespace ane::dump {
namespace {

std::vector<uint32_t> thread_words(const hwx::Container& container, ByteSpan bytes, const std::string& name) {
  const ByteReader in(bytes, name);
  std::vector<uint32_t> words;
  for (const hwx::Thread& thread : container.threads) {
    if (thread.kind != static_cast<uint32_t>(hwx::ThreadKind::Program) &&
        thread.kind != static_cast<uint32_t>(hwx::ThreadKind::LaterProgram))
      continue;
    for (uint32_t at = 0; at + 4 <= thread.size; at += 4)
      words.push_back(in.u32(thread.offset + at, "the program thread"));
    break;
  }
  return words;
}

// The program thread counts what the tasks say as well. A file that contradicts itself is still worth
// explaining.
std::vector<std::string> contradictions(const Program& program) {
  std::vector<std::string> notes;
  const hwx::ProgramFigures& figures = program.file.figures;
  if (figures.tasks != program.stream.tasks.size())
    notes.push_back(fmt::format("the program thread counts {} tasks, the stream holds {}", figures.tasks,
                                program.stream.tasks.size()));
  if (figures.text_words && *figures.text_words * uint64_t{4} != program.file.text.size())
    notes.push_back(fmt::format("the program thread counts {} words of tasks, the section has {} bytes",
                                *figures.text_words, program.file.text.size()));
  return notes;
}

}  // namespace

Program load(ByteSpan bytes, const std::string& name) {
  Program program;
  program.name = name;
  program.bytes = bytes.size();
  program.container = hwx::parse(bytes, name);
  program.file = hwx::read(bytes, name);
  program.generation = generations::by_subtype(program.file.cpu_subtype);
  ensure(program.generation, "the reader lets an unknown subtype through");
  program.stream =
      generations::decode(*program.generation, program.file.text, program.file.first_task_words, name);
  if (program.generation->tasks == generations::TaskList::Linked)
    program.h13_tasks = h13::decode_tasks(program.file.text, program.file.first_task_words, name);
  program.thread_words = thread_words(program.container, bytes, name);
  program.notes = contradictions(program);
  return program;
}

Bytes rewrite(const Program& program, ByteSpan original) {
  hwx::require_h13(program.file, "rewriting");
  hwx::File file = program.file;
  std::vector<h13::Task> tasks = program.h13_tasks;
  file.text = h13::encode_tasks(tasks);
  Bytes bytes = hwx::write(file);
  const auto [a, b] = std::mismatch(bytes.begin(), bytes.end(), original.begin(), original.end());
  if (a != bytes.end() || b != original.end())
    throw Error(program.name, fmt::format("offset {:#x}", a - bytes.begin()),
                "the file holds something that its container rules do not give",
                "it was changed by hand or comes from an unknown compiler version; nothing was written");
  return bytes;
}

std::string buffer_name(const hwx::File& file, uint32_t slot) {
  if (slot == 1) return "constants";
  if (slot == 3) return "scratch";
  for (const hwx::Surface& surface : file.surfaces)
    if (surface.slot == slot) return printable(surface.binding);
  for (const hwx::KernelSection& kernel : file.kernels)
    if (slot < file.slots.size() && file.slots[slot] == kernel.address) return printable(kernel.name);
  return fmt::format("buffer {}", slot);
}

std::string field_value(const generations::Field& field, uint32_t word) {
  using generations::Form;
  const uint32_t value = field.get(word);
  const auto number = [&](float real) { return fmt::format("{:#x} ({:g})", value, real); };
  switch (field.form) {
    case Form::Half:
      return number(to_float(Half{static_cast<uint16_t>(value)}));
    case Form::Float:
      return number(std::bit_cast<float>(value));
    case Form::Float19:  // the upper bits of a 32-bit one
      return number(std::bit_cast<float>(value << 13));
    case Form::Bytes:
      return fmt::format("{:#x}", static_cast<uint64_t>(value) << field.low);
    case Form::Number:
      break;
  }
  std::string text =
      value < 0x10000 && field.width < 24 ? fmt::format("{}", value) : fmt::format("{:#x}", value);
  for (const generations::Value& named : field.values)
    if (named.number == value) text += fmt::format(" ({})", named.text);
  return text;
}

std::string marked(const std::string& name, generations::Evidence evidence) {
  switch (evidence) {
    case generations::Evidence::Words:
      return name;
    case generations::Evidence::Map:
      return name + "~";
    case generations::Evidence::Inferred:
      return name + "?";
    case generations::Evidence::Unknown:
      break;
  }
  return name + "(unknown)";
}

std::string printable(const std::string& text) {
  std::string shown;
  for (const char c : text) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f)
      shown += fmt::format("\\x{:02x}", byte);
    else
      shown += c;
  }
  return shown;
}

}  // namespace ane::dump
