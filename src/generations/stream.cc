// Linked streams are read by h13/task.h, which the compiler and the simulator share, and only put into this
// room's form here. Reading sequential ones needs no links and no table: a task says its size, a record which
// registers it writes.
#include "generations/stream.h"

#include <fmt/format.h>

#include <bit>

#include "generations/registers.h"
#include "h13/task.h"

namespace ane::generations {
namespace {

constexpr uint32_t unit = 16;  // bytes; the frame, and what tasks are aligned to

// Word 0 of a task of a sequential list.
constexpr uint32_t task_words(uint32_t word) {
  return word >> 16 & 0x7ff;
}

// Parts of the word that opens a record, H14 and later.
namespace record_word {
constexpr bool scatter(uint32_t word) {
  return word >> 31;
}
constexpr uint32_t address(uint32_t word) {
  return 4 * (word & 0x7fff);
}
constexpr uint32_t count(uint32_t word) {
  return (word >> 15 & 0x3f) + 1;
}
constexpr uint32_t following(uint32_t word) {
  return word >> 15 & 0xffff;
}
constexpr bool has_slot(uint32_t word) {
  return !scatter(word) && (word >> 29 & 1);
}
constexpr uint32_t slot(uint32_t word) {
  return word >> 23 & 0x3f;
}
constexpr uint32_t slot_bits = 0x3fu << 23, dense_bits = 0x7fff | 0x3fu << 15, slot_enable = 1u << 29;
}  // namespace record_word

// The registers that a record writes, values still 0.
std::vector<Write> writes_of(uint32_t word) {
  namespace part = record_word;
  const uint32_t first = part::address(word);
  std::vector<Write> writes;
  if (part::scatter(word)) {
    writes.push_back({first, 0});
    for (uint32_t i = 0; i < 16; ++i)
      if (part::following(word) >> i & 1) writes.push_back({first + 4 * (i + 1), 0});
  } else {
    for (uint32_t i = 0; i < part::count(word); ++i) writes.push_back({first + 4 * i, 0});
  }
  return writes;
}

Record decode_record(const ByteReader& in, uint64_t at, uint64_t end) {
  Record record;
  record.word = in.u32(at, "a register record");
  record.writes = writes_of(record.word);
  if (record_word::has_slot(record.word)) record.slot = record_word::slot(record.word);
  if (4 * record.writes.size() > end - at - 4)
    in.fail(at,
            fmt::format("a record of {} registers reaches past the end of its task", record.writes.size()));
  for (Write& write : record.writes) write.value = in.u32(at += 4, "a register");
  return record;
}

Task decode_task(const Generation& generation, const ByteReader& in, uint64_t offset, uint32_t words) {
  constexpr uint32_t extra_word = 2;  // bit 1 of the last header word: one more follows
  uint32_t header_words = generation.header_words;
  if (words < header_words)
    in.fail(offset, fmt::format("a task of {} words has no room for its header of {}", words, header_words));
  in.span(offset, 4ull * words, "a task");
  if (in.u32(offset + 4ull * header_words - 4, "a task header") & extra_word) ++header_words;
  if (words < header_words) in.fail(offset, "a task is too short for the extra header word");

  Task task;
  task.offset = static_cast<uint32_t>(offset);
  for (uint32_t i = 0; i < header_words; ++i)
    task.header.push_back(in.u32(offset + 4ull * i, "a task header"));
  const uint64_t end = offset + 4ull * words;
  for (uint64_t at = offset + 4ull * header_words; at < end; at += 4 + 4 * task.records.back().writes.size())
    task.records.push_back(decode_record(in, at, end));
  return task;
}

std::vector<Task> decode_sequential(const Generation& generation, const ByteReader& in) {
  if (in.size() % 4 != 0) in.fail(in.size() / 4 * 4, "the stream ends inside a word", "the file is damaged");
  std::vector<Task> tasks;
  for (uint64_t at = 0; at < in.size();) {
    const uint32_t words = task_words(in.u32(at, "the first word of a task"));
    if (words == 0) {
      at += unit;
      continue;
    }
    tasks.push_back(decode_task(generation, in, at, words));
    at = static_cast<uint64_t>(round_up(static_cast<int64_t>(at + 4ull * words), unit));
  }
  if (tasks.empty()) in.fail(0, "there is no task", "the file is damaged");
  return tasks;
}

// A linked list's task in the form of this room.
Task from_h13(const h13::Task& from) {
  Task task;
  task.offset = from.offset;
  task.header.assign(from.header.begin(), from.header.begin() + from.header_words());
  size_t next_unknown = 0;
  for (const h13::Record& run : from.records) {
    Record record;
    record.word = h13::record_word(run);
    for (uint32_t i = 0; i < run.count; ++i) {
      const uint32_t address = run.address + 4 * i;
      const h13::Reg reg = h13::register_at(address);
      record.writes.push_back(
          {address, reg == h13::Reg::Count ? from.unknown[next_unknown++].second : from[reg]});
    }
    task.records.push_back(std::move(record));
  }
  return task;
}

// Tasks lie in ascending order and do not overlap.
std::vector<LooseWord> loose_words(const ByteReader& in, const std::vector<Task>& tasks) {
  std::vector<LooseWord> loose;
  uint64_t at = 0;
  const auto take_until = [&](uint64_t end) {
    for (; at + 4 <= end; at += 4)
      if (const uint32_t word = in.u32(at, "a word between tasks"))
        loose.push_back({static_cast<uint32_t>(at), word});
  };
  for (const Task& task : tasks) {
    take_until(task.offset);
    at = task.offset + 4ull * task.words();
  }
  take_until(in.size());
  return loose;
}

}  // namespace

uint32_t Task::words() const {
  size_t words = header.size();
  for (const Record& record : records) words += 1 + record.writes.size();
  return static_cast<uint32_t>(words);
}

Stream decode(const Generation& generation, ByteSpan text, uint32_t first_task_words,
              const std::string& name) {
  const ByteReader in(text, name + ": task stream");
  Stream stream;
  if (generation.tasks == TaskList::Sequential)
    stream.tasks = decode_sequential(generation, in);
  else
    for (const h13::Task& task : h13::decode_tasks(text, first_task_words, name))
      stream.tasks.push_back(from_h13(task));
  stream.loose = loose_words(in, stream.tasks);
  return stream;
}

uint32_t unknown_bits(const Generation& generation, const Record& record) {
  namespace part = record_word;
  if (generation.tasks == TaskList::Linked || part::scatter(record.word)) return 0;
  return record.word & ~(part::dense_bits | part::slot_enable | (record.slot ? part::slot_bits : 0));
}

Unknown count_unknown(const Generation& generation, const Stream& stream) {
  const RegisterTable& table = registers(generation);
  Unknown unknown;
  const auto add = [&](uint32_t bits) { unknown.bits += static_cast<uint64_t>(std::popcount(bits)); };
  for (const Task& task : stream.tasks) {
    for (size_t word = 0; word < task.header.size(); ++word)
      add(task.header[word] & ~table.known_header_bits(static_cast<int>(word)));
    for (const Record& record : task.records) {
      add(unknown_bits(generation, record));
      for (const Write& write : record.writes)
        if (const Register* reg = table.find(write.address))
          add(write.value & ~reg->known_bits());
        else
          ++unknown.registers;
    }
  }
  unknown.loose = stream.loose.size();
  return unknown;
}

}  // namespace ane::generations
