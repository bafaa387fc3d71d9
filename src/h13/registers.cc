// The register table as data that can be asked: registers.def unrolled into arrays, and the way from an
// address back to its register.
//
// The arrays are built once by the preprocessor. The fields of a register stand behind it in registers.def,
// so they are one run of the field array; where each run lies is computed when the program is compiled.
#include <algorithm>
#include <array>

#include "h13/task.h"

namespace ane::h13 {
namespace {

constexpr RegisterInfo registers[] = {
#define REGISTER(block, name, address) {#block, #name, address},
#include "h13/registers.def"
};
static_assert(std::size(registers) == register_count);

constexpr FieldInfo fields[] = {
#define FIELD(reg, name, low, width, meaning) {Reg::reg, -1, #name, low, width, meaning},
#include "h13/registers.def"
};

constexpr FieldInfo header_field_table[] = {
#define HEADER_FIELD(word, name, low, width, meaning) {Reg::Count, word, #name, low, width, meaning},
#include "h13/registers.def"
};

constexpr BlockInfo block_table[] = {
#define BLOCK(name, base, words) {#name, base, words},
#include "h13/registers.def"
};

// first_field[r] .. first_field[r + 1] are the fields of register r.
constexpr auto first_field = [] {
  std::array<size_t, register_count + 1> first{};
  for (const FieldInfo& field : fields) ++first[static_cast<size_t>(field.reg) + 1];
  for (size_t r = 0; r < register_count; ++r) first[r + 1] += first[r];
  return first;
}();

static_assert(std::is_sorted(std::begin(fields), std::end(fields),
                             [](const FieldInfo& a, const FieldInfo& b) { return a.reg < b.reg; }),
              "the fields of a register stand behind it");

// The registers of a block fill it without gaps, so an address leads to its register by subtraction.
struct BlockStart {
  uint32_t base, words;
  size_t first;
};
constexpr auto block_starts = [] {
  std::array<BlockStart, std::size(block_table)> starts{};
  size_t first = 0;
  for (size_t b = 0; b < starts.size(); ++b) {
    starts[b] = {block_table[b].base, block_table[b].words, first};
    first += block_table[b].words;
  }
  return starts;
}();
static_assert([] {
  for (const BlockStart& block : block_starts)
    for (size_t i = 0; i < block.words; ++i)
      if (block.first + i >= register_count || registers[block.first + i].address != block.base + 4 * i)
        return false;
  return block_starts.back().first + block_starts.back().words == register_count;
}());

}  // namespace

const RegisterInfo& info(Reg reg) {
  return registers[static_cast<size_t>(reg)];
}
const FieldInfo& info(Field field) {
  return fields[static_cast<size_t>(field)];
}
const FieldInfo& info(HeaderField field) {
  return header_field_table[static_cast<size_t>(field)];
}

std::span<const FieldInfo> fields_of(Reg reg) {
  const size_t r = static_cast<size_t>(reg);
  return std::span(fields).subspan(first_field[r], first_field[r + 1] - first_field[r]);
}

std::span<const FieldInfo> header_fields() {
  return header_field_table;
}
std::span<const BlockInfo> blocks() {
  return block_table;
}

Reg register_at(uint32_t address) {
  if (address % 4 != 0) return Reg::Count;
  for (const BlockStart& block : block_starts)
    if (address >= block.base && address - block.base < 4 * block.words)
      return static_cast<Reg>(block.first + (address - block.base) / 4);
  return Reg::Count;
}

uint32_t known_bits(Reg reg) {
  uint32_t bits = 0;
  for (const FieldInfo& field : fields_of(reg)) bits |= mask(field) << field.low;
  return bits;
}

uint32_t known_header_bits(int word) {
  uint32_t bits = 0;
  for (const FieldInfo& field : header_field_table)
    if (field.word == word) bits |= mask(field) << field.low;
  return bits;
}

}  // namespace ane::h13
