// The view for people: the container in short, then every task with its registers and fields.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "tools/dump/dump.h"

namespace ane::dump {
namespace {

using generations::Evidence;
using generations::Register;
using generations::RegisterTable;
using generations::Task;

std::string banner_lines(const std::string& banner) {
  std::string out, line;
  for (const char c : banner + "\n") {
    if (c == '\t') {
      line += "  ";
    } else if (c != '\n') {
      line += c;
    } else if (!line.empty()) {
      out += "    " + printable(line) + "\n";
      line.clear();
    }
  }
  return out;
}

std::string engine_lines(const Program& program) {
  const generations::Generation& generation = *program.generation;
  const hwx::DialectFacts& dialect = hwx::facts(program.file.dialect);
  const char letter = "ABCD"[static_cast<size_t>(program.file.dialect)];
  const bool h13 = &generation == &generations::h13();
  const std::string form = h13 ? fmt::format("dialect {} (compiler {})", letter, dialect.compiler_version)
                               : fmt::format("container like dialect {} of H13", letter);
  return fmt::format("{}: {} bytes, engine {}, subtype {}, {}, network {}\n", program.name, program.bytes,
                     generations::title(generation), generation.subtype, form,
                     printable(program.file.network)) +
         fmt::format("known from {}\n", generation.basis) +
         "names      plain: borne out by words of compiled programs; ~ public map; ? inferred; (unknown) no "
         "meaning known\n";
}

std::string tasks_line(const Program& program) {
  const hwx::File& file = program.file;
  const bool linked = program.generation->tasks == generations::TaskList::Linked;
  return fmt::format("tasks      {}, {} bytes at {:#x}{}\n", program.stream.tasks.size(), file.text.size(),
                     file.text_address,
                     linked ? fmt::format(", the first of {} words", file.first_task_words) : "");
}

std::string constants_lines(const hwx::File& file) {
  std::string out;
  if (file.constants.empty())
    out += fmt::format("constants  none ({} zero bytes at {:#x})\n", hwx::constant_section_size(file),
                       file.const_address);
  else
    out += fmt::format("constants  {} bytes at {:#x}, sha256 {}\n", file.constants.size(), file.const_address,
                       sha256(file.constants));
  if (!file.tiles.empty()) {
    out += fmt::format("           {} relocated streams", file.tiles.size());
    if (!file.kernel_symbol.empty()) out += ", symbol " + printable(file.kernel_symbol);
    out += "\n";
  }
  for (const hwx::KernelSection& kernel : file.kernels)
    out += fmt::format("           {}: {} bytes at {:#x}, sha256 {}\n", printable(kernel.name),
                       kernel.bytes.size(), kernel.address, sha256(kernel.bytes));
  return out;
}

std::string head(const Program& program) {
  const hwx::File& file = program.file;
  std::string out = engine_lines(program) + tasks_line(program) + constants_lines(file);
  out += file.scratch_bytes ? fmt::format("scratch    {} bytes at {:#x}, figure {:#x}\n", file.scratch_bytes,
                                          file.scratch_address, file.scratch_figure)
                            : std::string("scratch    none\n");
  if (!file.debug_info.empty())
    out += fmt::format("debug      {} bytes, {} buffers in L2\n", file.debug_info.size(),
                       file.symbols_on_chip.size());
  for (const std::string& note : program.notes) out += "note       " + note + "\n";
  return out + "banner\n" + banner_lines(file.banner);
}

// What registers hold that a task leaves out, where it is known and not zero; neighbours of one name and
// value as "CoeffDMAConfig0 .. CoeffDMAConfig15".
std::string defaults_lines(const RegisterTable& table) {
  const auto stem = [](const Register* reg) {
    return std::string_view(reg->name).substr(0, reg->name.find_last_not_of("0123456789") + 1);
  };
  std::vector<const Register*> registers;
  for (const Register& reg : table.registers)
    if (reg.unwritten && reg.unwritten->value != 0) registers.push_back(&reg);
  std::string out;
  for (size_t i = 0; i < registers.size();) {
    size_t end = i + 1;
    while (end < registers.size() && registers[end]->address == registers[end - 1]->address + 4 &&
           registers[end]->unwritten->value == registers[i]->unwritten->value &&
           stem(registers[end]) == stem(registers[i]))
      ++end;
    const std::string name =
        registers[i]->name + (end - i > 1 ? " .. " + registers[end - 1]->name : std::string());
    out += fmt::format("    {}={:#x}\n", marked(name, registers[i]->unwritten->evidence),
                       registers[i]->unwritten->value);
    i = end;
  }
  return out.empty() ? out : "registers that a task leaves out hold\n" + out;
}

std::string surface_table(const hwx::File& file) {
  std::string out =
      "surfaces\n  slot  role    binding           type        NxCxHxW              row    plane    batch    "
      " bytes  address     symbol\n";
  for (const hwx::Surface& s : file.surfaces)
    out += fmt::format("  {:>4}  {:<6}  {:<16}  {:<10}  {:<18} {:>5}  {:>7}  {:>7}  {:>8}  {:#010x}  {}\n",
                       s.slot, s.role == hwx::Role::Input ? "input" : "output", printable(s.binding),
                       hwx::type_name(s.element_code), fmt::format("{}x{}x{}x{}", s.n, s.c, s.h, s.w),
                       s.row_stride, s.plane_stride, s.batch_stride, s.total, s.address, printable(s.symbol));
  return out;
}

// " Win=64 Hin=1", unknown bits last.
std::string field_text(const generations::Field& field, uint32_t word) {
  if (field.get(word) == 0) return "";
  return fmt::format(" {}={}", marked(field.name, field.evidence), field_value(field, word));
}

std::string unknown_text(uint32_t bits) {
  return bits ? fmt::format(" unknown={:#x}", bits) : "";
}

std::string header_text(const Task& task, const RegisterTable& table) {
  std::string out = "  header\n";
  for (size_t i = 0; i < task.header.size(); ++i) {
    const uint32_t word = task.header[i];
    out += fmt::format("    h{:<2}    {:08x}", i, word);
    for (const generations::HeaderField& header : table.header)
      if (header.word == static_cast<int>(i)) out += field_text(header.field, word);
    out += unknown_text(word & ~table.known_header_bits(static_cast<int>(i))) + "\n";
  }
  return out;
}

// One write with all that is known of its register.
struct Entry {
  const generations::Record* record;
  generations::Write write;
  const Register* reg;  // nullptr without a name
  size_t block;         // index in the table's blocks; behind all of them when in none

  bool is_default() const { return reg && reg->unwritten && reg->unwritten->value == write.value; }
  std::string name() const {
    return reg ? marked(reg->name, reg->evidence) : fmt::format("Unknown_{:04x}", write.address);
  }
  std::string_view stem() const {
    const std::string_view whole = reg ? std::string_view(reg->name) : "";
    return whole.substr(0, whole.find_last_not_of("0123456789") + 1);
  }
};

// Block by block; in a block by address; what is written twice as often as it is written.
std::vector<Entry> entries_of(const Task& task, const RegisterTable& table) {
  std::vector<Entry> entries;
  for (const generations::Record& record : task.records)
    for (const generations::Write& write : record.writes) {
      const generations::Block* block = table.block_at(write.address);
      const size_t index = block ? static_cast<size_t>(block - table.blocks.data()) : table.blocks.size();
      entries.push_back({&record, write, table.find(write.address), index});
    }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.block != b.block ? a.block < b.block : a.write.address < b.write.address;
  });
  return entries;
}

bool alike(const Entry& first, const Entry& before, const Entry& next) {
  return next.block == first.block && next.write.address == before.write.address + 4 &&
         next.write.value == first.write.value && (first.write.value == 0 || next.stem() == first.stem()) &&
         next.is_default() == first.is_default() && !next.record->slot && !first.record->slot &&
         (next.reg != nullptr) == (first.reg != nullptr);
}

// Entries from `first` on that need only one line: zeros, or a row of like registers with one value.
size_t count_alike(std::span<const Entry> entries) {
  size_t count = 1;
  while (count < entries.size() && alike(entries[0], entries[count - 1], entries[count])) ++count;
  return count < 3 ? 1 : count;
}

std::string entry_line(std::span<const Entry> entries, const hwx::File& file) {
  const Entry& entry = entries[0];
  const uint32_t word = entry.write.value;
  const std::string name =
      entries.size() == 1 ? entry.name() : fmt::format("{} .. {}", entry.name(), entries.back().name());
  std::string fields;
  if (entry.reg)
    for (const generations::Field& field : entry.reg->fields) fields += field_text(field, word);
  fields += unknown_text(entry.reg ? word & ~entry.reg->known_bits() : word);
  if (entry.is_default()) fields += " (default)";
  if (entry.record->slot)
    fields += fmt::format(" slot={} ({})", *entry.record->slot, buffer_name(file, *entry.record->slot));
  return fmt::format("    {:05x}  {:08x}  {:<{}}{}\n", entry.write.address, word, name,
                     fields.empty() ? 0 : 20, fields);
}

std::string registers_text(const Task& task, const Program& program) {
  const RegisterTable& table = program.registers();
  const std::vector<Entry> entries = entries_of(task, table);
  std::string out;
  size_t block = table.blocks.size() + 1;
  for (size_t i = 0; i < entries.size();) {
    const Entry& entry = entries[i];
    if (entry.block == table.blocks.size()) {
      out += fmt::format("  unknown register {:#07x}  {:08x}\n", entry.write.address, entry.write.value);
      ++i;
      continue;
    }
    if (entry.block != block) {
      block = entry.block;
      out += fmt::format("  {}\n", marked(table.blocks[block].name, table.blocks[block].evidence));
    }
    const size_t count = count_alike(std::span(entries).subspan(i));
    out += entry_line(std::span(entries).subspan(i, count), program.file);
    i += count;
  }
  return out;
}

// Bits of record words that no form explains.
std::string records_text(const Task& task, const generations::Generation& generation) {
  std::string out;
  for (const generations::Record& record : task.records)
    if (const uint32_t bits = generations::unknown_bits(generation, record))
      out += fmt::format("  record word {:08x}{}\n", record.word, unknown_text(bits));
  return out;
}

// Tasks of H14 and later leave out registers.
std::string unwritten_line(const Task& task, const Program& program) {
  if (program.generation->tasks == generations::TaskList::Linked) return "";
  std::set<const Register*> written;
  for (const generations::Record& record : task.records)
    for (const generations::Write& write : record.writes)
      if (const Register* reg = program.registers().find(write.address)) written.insert(reg);
  return fmt::format("  {} named registers are not written\n",
                     program.registers().registers.size() - written.size());
}

std::string task_text(const Program& program, size_t index) {
  const Task& task = program.stream.tasks[index];
  const Summary summary = summarise(program, index);
  return fmt::format("\ntask {}  {}  {}: {} -> {}\n", index, summary.engine, summary.work,
                     fmt::join(summary.sources, ", "), summary.destination) +
         fmt::format("  at {:#x}, {} words\n", task.offset, task.words()) +
         header_text(task, program.registers()) + records_text(task, *program.generation) +
         registers_text(task, program) + unwritten_line(task, program);
}

std::string loose_text(const generations::Stream& stream) {
  std::string out;
  for (const generations::LooseWord& word : stream.loose)
    out += fmt::format("\nword outside of tasks at {:#x}: {:08x}", word.offset, word.value);
  return out.empty() ? out : out + "\n";
}

}  // namespace

std::string text(const Program& program) {
  std::string out =
      head(program) + surface_table(program.file) + sections(program) + defaults_lines(program.registers());
  for (size_t i = 0; i < program.stream.tasks.size(); ++i) out += task_text(program, i);
  const generations::Unknown unknown = generations::count_unknown(*program.generation, program.stream);
  out += loose_text(program.stream);
  return out +
         fmt::format("\n{} set bits without a name, {} unknown registers\n", unknown.bits, unknown.registers);
}

}  // namespace ane::dump
