// Tasks to words and back.
//
// The stream is a linked list: a task's header says where the next one starts and how long it is, the
// program's thread command says how long the first one is. A task is its header and then records, each a run
// of registers from one address, until its words are used up. Reading keeps the cut into records, and
// registers that the table does not know, so that writing gives the same words again.
#include "h13/task.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "base/error.h"

namespace ane::h13 {
namespace {

constexpr uint32_t task_step = 0x100;  // tasks start at multiples of this

// A record word: count - 1 in the upper six bits, a byte address below.
constexpr int record_count_shift = 26;
constexpr uint32_t record_address_mask = (1u << record_count_shift) - 1;
constexpr uint32_t most_registers_of_record = 64;

uint32_t get_bits(uint32_t word, const FieldInfo& field) {
  return (word >> field.low) & mask(field);
}

void set_bits(uint32_t& word, const FieldInfo& field, uint64_t value) {
  if (value > mask(field))
    throw InternalError(fmt::format("field {}.{} cannot hold {:#x}, it has {} bits",
                                    field.word < 0 ? info(field.reg).name : "header", field.name, value,
                                    field.width));
  word = (word & ~(mask(field) << field.low)) | static_cast<uint32_t>(value) << field.low;
}

uint32_t& word_of(Task& task, Field field) {
  return task[info(field).reg];
}

void put_register(Task& task, uint32_t address, uint32_t value, const ByteReader& in, uint64_t offset) {
  const Reg reg = register_at(address);
  if (reg == Reg::Count) {
    task.unknown.emplace_back(address, value);
    return;
  }
  if (task.written[static_cast<size_t>(reg)])
    in.fail(offset,
            fmt::format("register {} ({:#07x}) is written twice in one task", info(reg).name, address));
  task[reg] = value;
  task.written.set(static_cast<size_t>(reg));
}

// One task of `words` words at `offset`.
Task decode_task(const ByteReader& in, uint32_t offset, uint32_t words) {
  Task task;
  task.offset = offset;
  const uint64_t end = offset + 4ull * words;
  if (words < 10) in.fail(offset, fmt::format("a task of {} words has no room for its header", words));
  in.span(offset, 4ull * words, "a task");
  for (uint32_t i = 0; i < 10; ++i) task.header[i] = in.u32(offset + 4ull * i, "a task header");
  if (task.header_words() > words) in.fail(offset, "a task is too short for the extra header word");
  if (task.extended()) task.header[10] = in.u32(offset + 40ull, "a task header");

  for (uint64_t at = offset + 4ull * task.header_words(); at < end;) {
    const uint32_t head = in.u32(at, "a register record");
    const Record record{head & record_address_mask, (head >> record_count_shift) + 1};
    if (4ull * record.count > end - at - 4)
      in.fail(at, fmt::format("a record of {} registers reaches past the end of its task", record.count));
    std::array<uint32_t, most_registers_of_record> values;
    std::memcpy(values.data(), in.span(at + 4, 4ull * record.count, "registers").data(), 4ull * record.count);
    for (uint32_t i = 0; i < record.count; ++i)
      put_register(task, record.address + 4 * i, values[i], in, at + 4 + 4ull * i);
    task.records.push_back(record);
    at += 4 + 4ull * record.count;
  }
  return task;
}

void link_tasks(std::vector<Task>& tasks) {
  uint64_t offset = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    Task& task = tasks[i];
    const bool last = i + 1 == tasks.size();
    const uint64_t next =
        static_cast<uint64_t>(round_up(static_cast<int64_t>(offset + 4ull * task.words()), task_step));
    task.offset = static_cast<uint32_t>(offset);
    task.set(HeaderField::TID, i);
    task.set(HeaderField::LNID, i > 0);
    task.set(HeaderField::EON, last);
    task.set(HeaderField::NextSize, last ? 0 : tasks[i + 1].words() - 1);
    task.set(HeaderField::NextPointer, last ? 0 : next);
    task.set(HeaderField::TBE, !last);
    offset = next;
  }
}

uint32_t value_at(const Task& task, uint32_t address, size_t& next_unknown) {
  const Reg reg = register_at(address);
  if (reg != Reg::Count) return task[reg];
  ensure(next_unknown < task.unknown.size() && task.unknown[next_unknown].first == address,
         "a record names a register that the task has no value for");
  return task.unknown[next_unknown++].second;
}

void encode_task(const Task& task, ByteWriter& out) {
  for (uint32_t i = 0; i < task.header_words(); ++i) out.u32(task.header[i]);
  size_t next_unknown = 0;
  for (const Record& record : task.records) {
    ensure(record.count >= 1 && record.count <= most_registers_of_record &&
               record.address <= record_address_mask,
           "a record out of range");
    out.u32(record_word(record));
    for (uint32_t i = 0; i < record.count; ++i) out.u32(value_at(task, record.address + 4 * i, next_unknown));
  }
}

}  // namespace

uint32_t record_word(const Record& record) {
  return record.address | (record.count - 1) << record_count_shift;
}

uint32_t Task::get(Field field) const {
  return get_bits((*this)[info(field).reg], info(field));
}
void Task::set(Field field, uint64_t value) {
  set_bits(word_of(*this, field), info(field), value);
}

uint32_t Task::get(HeaderField field) const {
  const FieldInfo& f = info(field);
  return get_bits(header[static_cast<size_t>(f.word)], f);
}
void Task::set(HeaderField field, uint64_t value) {
  const FieldInfo& f = info(field);
  set_bits(header[static_cast<size_t>(f.word)], f, value);
}

uint64_t Task::bytes(Field field) const {
  return static_cast<uint64_t>(get(field)) << info(field).low;
}
void Task::set_bytes(Field field, int64_t value) {
  const int low = info(field).low;
  if (value < 0 || value % (int64_t{1} << low) != 0)
    throw InternalError(fmt::format("{}.{} holds multiples of {} bytes, not {}",
                                    ane::h13::info(info(field).reg).name, info(field).name, 1 << low, value));
  set(field, static_cast<uint64_t>(value) >> low);
}

uint32_t Task::words() const {
  uint32_t words = header_words();
  for (const Record& record : records) words += 1 + record.count;
  return words;
}

void Task::set_records(std::span<const Record> runs) {
  records.assign(runs.begin(), runs.end());
  written.reset();
  for (const Record& record : records)
    for (uint32_t i = 0; i < record.count; ++i)
      if (const Reg reg = register_at(record.address + 4 * i); reg != Reg::Count)
        written.set(static_cast<size_t>(reg));
}

// The order of the blocks is Apple's in every program seen; both layouts are Apple's too
// (docs/hwx.md, section 8).
std::span<const Record> records_of(Layout layout) {
  static constexpr Record full[] = {{0x1f800, 62}, {0x00000, 16}, {0x13800, 28}, {0x04800, 18},
                                    {0x08800, 4},  {0x0c800, 5},  {0x17800, 7}};
  static constexpr Record without_coefficients[] = {{0x1f800, 18}, {0x1f8c8, 12}, {0x00000, 16},
                                                    {0x13800, 28}, {0x04800, 18}, {0x08800, 4},
                                                    {0x0c800, 5},  {0x17800, 7}};
  if (layout == Layout::Short) return without_coefficients;
  return full;
}

std::vector<Task> decode_tasks(ByteSpan text, uint32_t first_task_words, const std::string& name) {
  const ByteReader in(text, name + ": task stream");
  std::vector<Task> tasks;
  uint32_t offset = 0, words = first_task_words;
  while (true) {
    tasks.push_back(decode_task(in, offset, words));
    const Task& task = tasks.back();
    const uint32_t next = task.get(HeaderField::NextPointer);
    if (next == 0) return tasks;
    // Every program seen is laid out in the order of its list. Demanding it rules out loops and overlaps at
    // once.
    if (next < offset + 4ull * words || next % 4 != 0)
      in.fail(offset,
              fmt::format("the next task is said to start at {:#x}, inside or before this one", next));
    offset = next;
    words = task.get(HeaderField::NextSize) + 1;
  }
}

Bytes encode_tasks(std::vector<Task>& tasks) {
  link_tasks(tasks);
  ByteWriter out;
  for (const Task& task : tasks) {
    out.pad_to(task.offset);
    encode_task(task, out);
  }
  return out.take();
}

uint32_t offset_in_stream(const Task& task, Reg reg) {
  const uint32_t address = info(reg).address;
  uint32_t at = task.offset + 4 * task.header_words();
  for (const Record& record : task.records) {
    if (address >= record.address && address - record.address < 4 * record.count)
      return at + 4 + (address - record.address);
    at += 4 + 4 * record.count;
  }
  throw InternalError(fmt::format("register {} is in no record of its task", info(reg).name));
}

}  // namespace ane::h13
