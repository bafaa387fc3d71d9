// Bytes to a decoded program, and back.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/error.h"
#include "base/half.h"
#include "tools/dump/dump.h"

namespace ane::dump {
namespace {

// Addresses, strides and sizes leave out low bits that are always zero.
bool holds_bytes(const h13::FieldInfo& field) {
  const std::string_view name = field.name;
  return field.low > 0 && (name == "Addr" || name == "Stride" || name == "MemBfrSize");
}

// Scalars of the engines: 16 bits are half precision, 32 bits single.
bool holds_number(const h13::FieldInfo& field) {
  if (field.reg == h13::Reg::Count || (field.width != 16 && field.width != 32)) return false;
  const std::string_view block = h13::info(field.reg).block;
  return block == "PE" || block == "NE";
}

}  // namespace

Program load(ByteSpan bytes, const std::string& name) {
  Program program;
  program.name = name;
  program.bytes = bytes.size();
  program.container = hwx::parse(bytes, name);
  program.file = hwx::read(bytes, name);
  program.tasks = h13::decode_tasks(program.file.text, program.file.first_task_words, name);
  return program;
}

Bytes rewrite(const Program& program, ByteSpan original) {
  hwx::File file = program.file;
  std::vector<h13::Task> tasks = program.tasks;
  file.text = h13::encode_tasks(tasks);
  Bytes bytes = hwx::write(file);
  const auto [a, b] = std::mismatch(bytes.begin(), bytes.end(), original.begin(), original.end());
  if (a != bytes.end() || b != original.end())
    throw Error(program.name, fmt::format("offset {:#x}", a - bytes.begin()),
                "the file holds something that its container rules do not give",
                "it was changed by hand or comes from an unknown compiler version; nothing was written");
  return bytes;
}

Unknown count_unknown(const std::vector<h13::Task>& tasks) {
  Unknown unknown;
  const auto add = [&](uint32_t word, uint32_t known) {
    unknown.bits += static_cast<uint64_t>(std::popcount(word & ~known));
  };
  for (const h13::Task& task : tasks) {
    for (uint32_t word = 0; word < task.header_words(); ++word)
      add(task.header[word], h13::known_header_bits(static_cast<int>(word)));
    for (size_t r = 0; r < h13::register_count; ++r)
      add(task.registers[r], h13::known_bits(static_cast<h13::Reg>(r)));
    unknown.registers += task.unknown.size();
  }
  return unknown;
}

std::string field_value(const h13::FieldInfo& field, uint32_t word) {
  const uint32_t value = (word >> field.low) & h13::mask(field);
  if (holds_number(field)) {
    const float number =
        field.width == 32 ? std::bit_cast<float>(value) : to_float(Half{static_cast<uint16_t>(value)});
    return fmt::format("{:#x} ({:g})", value, number);
  }
  if (holds_bytes(field)) return fmt::format("{:#x}", static_cast<uint64_t>(value) << field.low);
  return value < 0x10000 && field.width < 24 ? fmt::format("{}", value) : fmt::format("{:#x}", value);
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
