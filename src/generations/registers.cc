// The files of facts unrolled into tables. Each line of a file becomes one `Line`; a line belongs to the
// register or field before it, so that the files need not repeat names.
#include "generations/registers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"
#include "h13/task.h"

namespace ane::generations {
namespace {

enum class Kind : uint8_t { Source, Header, Block, Register, Registers, Field, Value, Default };

struct Line {
  Kind kind;
  const char* name;  // of what the line describes
  uint32_t number;   // address, base, header word, value
  int low, width;    // of fields; width also: words of a block, count of registers
  Evidence evidence;
  Form form;
  const char* text;  // meaning
};

#define SOURCE(evidence, text) {Kind::Source, "", 0, 0, 0, Evidence::evidence, Form::Number, text},
#define HEADER(word, name, low, width, evidence, meaning) \
  {Kind::Header, #name, word, low, width, Evidence::evidence, Form::Number, meaning},
#define BLOCK(name, base, words, evidence) \
  {Kind::Block, #name, base, 0, words, Evidence::evidence, Form::Number, ""},
#define REGISTER(address, name, evidence) \
  {Kind::Register, #name, address, 0, 1, Evidence::evidence, Form::Number, ""},
#define REGISTERS(address, name, count, evidence) \
  {Kind::Registers, #name, address, 0, count, Evidence::evidence, Form::Number, ""},
#define FIELD_OF(form, name, low, width, evidence, meaning) \
  {Kind::Field, #name, 0, low, width, Evidence::evidence, Form::form, meaning},
#define FIELD(name, low, width, evidence, meaning) FIELD_OF(Number, name, low, width, evidence, meaning)
#define BYTES(name, low, width, evidence, meaning) FIELD_OF(Bytes, name, low, width, evidence, meaning)
#define HALF(name, low, width, evidence, meaning) FIELD_OF(Half, name, low, width, evidence, meaning)
#define FLOAT(name, low, width, evidence, meaning) FIELD_OF(Float, name, low, width, evidence, meaning)
#define FLOAT19(name, low, width, evidence, meaning) FIELD_OF(Float19, name, low, width, evidence, meaning)
#define VALUE(number, text) {Kind::Value, "", number, 0, 0, Evidence::Unknown, Form::Number, text},
#define DEFAULT(value, evidence) {Kind::Default, "", value, 0, 0, Evidence::evidence, Form::Number, ""},

constexpr Line h14_lines[] = {
#include "generations/h14.def"
};
constexpr Line h15_lines[] = {
#include "generations/h15.def"
};
constexpr Line h16_lines[] = {
#include "generations/h16.def"
};
constexpr Line h17_lines[] = {
#include "generations/h17.def"
};
constexpr Line h18_lines[] = {
#include "generations/h18.def"
};

void sort_addresses(RegisterTable& table) {
  for (uint32_t i = 0; i < table.registers.size(); ++i) table.by_address.push_back(i);
  std::sort(table.by_address.begin(), table.by_address.end(),
            [&](uint32_t a, uint32_t b) { return table.registers[a].address < table.registers[b].address; });
}

// Takes lines one by one; knows what the last block, register and field were.
class Builder {
 public:
  void take(const Line& line) {
    switch (line.kind) {
      case Kind::Source:
        table_.sources.push_back({line.evidence, line.text});
        return;
      case Kind::Header:
        table_.header.push_back({static_cast<int>(line.number), field_of(line)});
        return;
      case Kind::Block:
        table_.blocks.push_back({line.name, line.number, static_cast<uint32_t>(line.width), line.evidence});
        return;
      case Kind::Register:
      case Kind::Registers:
        return add_registers(line);
      case Kind::Field:
        return each_register([&](Register& reg) { reg.fields.push_back(field_of(line)); });
      case Kind::Value:
        return each_register([&](Register& reg) {
          reg.fields.back().values.push_back({line.number, line.text});
        });
      case Kind::Default:
        return each_register([&](Register& reg) { reg.unwritten = Default{line.number, line.evidence}; });
    }
  }

  RegisterTable table() { return std::move(table_); }

 private:
  static Field field_of(const Line& line) {
    return {line.name, line.low, line.width, line.form, line.evidence, line.text, {}};
  }

  void add_registers(const Line& line) {
    first_ = table_.registers.size();
    for (uint32_t i = 0; i < static_cast<uint32_t>(line.width); ++i)
      table_.registers.push_back(
          {table_.blocks.back().name,
           line.kind == Kind::Register ? std::string(line.name) : fmt::format("{}{}", line.name, i),
           line.number + 4 * i,
           line.evidence,
           {},
           {}});
  }

  template <typename Change>
  void each_register(Change change) {
    for (size_t i = first_; i < table_.registers.size(); ++i) change(table_.registers[i]);
  }

  RegisterTable table_;
  size_t first_ = 0;  // of the registers of the last line that named any
};

RegisterTable table_of(std::span<const Line> lines) {
  Builder builder;
  for (const Line& line : lines) builder.take(line);
  RegisterTable table = builder.table();
  sort_addresses(table);
  return table;
}

// ------------------------------------------------------------------------------------------------ H13

// registers.def has no marks of its own: names are borne out by words unless a line here says otherwise. A
// mark with an empty field is that of the register and all its fields.
struct Mark {
  const char* name;
  const char* field;
  Evidence evidence;
};
constexpr Mark h13_marks[] = {
#define SURE(reg, evidence) {#reg, "", Evidence::evidence},
#define SURE_FIELD(reg, field, evidence) {#reg, #field, Evidence::evidence},
#include "generations/h13_evidence.def"
};

// Addresses, strides and sizes leave out low bits that are always zero; scalars of the engines are numbers of
// 16 or 32 bits.
Form form_of(const h13::FieldInfo& field) {
  const std::string_view name = field.name;
  if (field.low > 0 && (name == "Addr" || name == "Stride" || name == "MemBfrSize")) return Form::Bytes;
  if (field.reg == h13::Reg::Count) return Form::Number;
  const std::string_view block = h13::info(field.reg).block;
  if (block != "PE" && block != "NE") return Form::Number;
  return field.width == 16 ? Form::Half : field.width == 32 ? Form::Float : Form::Number;
}

Field field_of(const h13::FieldInfo& field) {
  return {field.name, field.low, field.width, form_of(field), Evidence::Words, field.meaning, {}};
}

// "CoeffDMAConfig*" stands for CoeffDMAConfig0, CoeffDMAConfig1, ...
bool names(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  pattern.remove_suffix(1);
  return name.starts_with(pattern) && name.find_first_not_of("0123456789", pattern.size()) == name.npos;
}

void apply(const Mark& mark, RegisterTable& table) {
  const bool whole = *mark.field == '\0';
  bool found = false;
  for (HeaderField& header : table.header)
    if (std::string_view(mark.name) == "header" && std::string_view(header.field.name) == mark.field)
      header.field.evidence = mark.evidence, found = true;
  for (Register& reg : table.registers) {
    if (!names(mark.name, reg.name)) continue;
    if (whole) reg.evidence = mark.evidence, found = true;
    for (Field& field : reg.fields)
      if (whole || std::string_view(field.name) == mark.field) field.evidence = mark.evidence, found = true;
  }
  ensure(found, "h13_evidence.def names a register or field that registers.def lacks");
}

RegisterTable h13_table() {
  RegisterTable table;
  table.sources = {{Evidence::Words,
                    "20 public programs and about 300 captured ones; fields as Apple's own dumper prints "
                    "them (tinygrad/ane/lib/aneregs.json) where they vary in those"},
                   {Evidence::Map,
                    "tinygrad/ane/lib/aneregs.json and freedomtan/coreml_to_ane_hwx "
                    "hwx_dump/h13_register_map.md, not set in any program seen"},
                   {Evidence::Inferred, "order and names of H14"}};
  for (const h13::FieldInfo& field : h13::header_fields())
    table.header.push_back({field.word, field_of(field)});
  for (const h13::BlockInfo& block : h13::blocks()) {
    table.blocks.push_back({block.name, block.base, block.words, Evidence::Words});
    for (uint32_t i = 0; i < block.words; ++i) {
      const h13::Reg reg = h13::register_at(block.base + 4 * i);
      Register made{block.name, h13::info(reg).name, h13::info(reg).address, Evidence::Words, {}, {}};
      for (const h13::FieldInfo& field : h13::fields_of(reg)) made.fields.push_back(field_of(field));
      table.registers.push_back(std::move(made));
    }
  }
  for (const Mark& mark : h13_marks) apply(mark, table);
  sort_addresses(table);
  return table;
}

// For a generation that is only taken to be like this one.
RegisterTable as_inferred(RegisterTable table) {
  const auto lower = [](Evidence& evidence) { evidence = std::max(evidence, Evidence::Inferred); };
  table.sources = {{Evidence::Inferred, "taken to be as on H13"}};
  for (HeaderField& header : table.header) lower(header.field.evidence);
  for (Block& block : table.blocks) lower(block.evidence);
  for (Register& reg : table.registers) {
    lower(reg.evidence);
    for (Field& field : reg.fields) lower(field.evidence);
  }
  return table;
}

constexpr size_t generation_count = 8;

std::array<RegisterTable, generation_count> make_tables() {
  const RegisterTable h13 = h13_table();
  return {as_inferred(h13),    as_inferred(h13),    h13,
          table_of(h14_lines), table_of(h15_lines), table_of(h16_lines),
          table_of(h17_lines), table_of(h18_lines)};
}

}  // namespace

uint32_t Register::known_bits() const {
  uint32_t bits = 0;
  for (const Field& field : fields) bits |= field.mask();
  return bits;
}

const Field* Register::find(std::string_view field) const {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return field == f.name; });
  return found == fields.end() ? nullptr : &*found;
}

const Register* RegisterTable::find(uint32_t address) const {
  const auto found =
      std::lower_bound(by_address.begin(), by_address.end(), address,
                       [&](uint32_t index, uint32_t wanted) { return registers[index].address < wanted; });
  if (found == by_address.end() || registers[*found].address != address) return nullptr;
  return &registers[*found];
}

const Register* RegisterTable::find(std::string_view block, std::string_view name) const {
  const auto found = std::find_if(registers.begin(), registers.end(), [&](const Register& reg) {
    return block == reg.block && reg.name == name;
  });
  return found == registers.end() ? nullptr : &*found;
}

const Block* RegisterTable::block_at(uint32_t address) const {
  for (const Block& block : blocks)
    if (address >= block.base && address - block.base < 4 * block.words) return &block;
  return nullptr;
}

uint32_t RegisterTable::known_header_bits(int word) const {
  uint32_t bits = 0;
  for (const HeaderField& known : header)
    if (known.word == word) bits |= known.field.mask();
  return bits;
}

const RegisterTable& registers(const Generation& generation) {
  static const std::array<RegisterTable, generation_count> tables = make_tables();
  return tables[static_cast<size_t>(&generation - all().data())];
}

}  // namespace ane::generations
