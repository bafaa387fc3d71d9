// The four dialects as one table. Evidence: A fifteen public programs, B one, C two, D two (docs/hwx.md).
#include <array>

#include "hwx/container.h"
#include "hwx/file.h"

namespace ane::hwx {
namespace {

constexpr std::array<DialectFacts, 4> dialects = {{
    {.dialect = Dialect::A,
     .compiler_version = "4.2.1",
     .text_first = true,
     .binding_command = command::binding_32,
     .program_tags = false,
     .tasks_plus = 2,
     .tensor_state_words = 0x1e,
     .output_extent_exact = true,
     .slots_outputs_first = true,
     .surfaces_by_name = false,
     .binding_keeps_output_tail = true,
     .note = false,
     .type_catalogue = 10,
     .input_symbol_desc = 2},
    {.dialect = Dialect::B,
     .compiler_version = "5.4.1",
     .text_first = true,
     .binding_command = command::binding_32,
     .program_tags = false,
     .tasks_plus = 2,
     .tensor_state_words = 0x34a,
     .output_extent_exact = true,
     .slots_outputs_first = true,
     .surfaces_by_name = false,
     .binding_keeps_output_tail = false,
     .note = true,
     .type_catalogue = 15,
     .input_symbol_desc = 2},
    {.dialect = Dialect::C,
     .compiler_version = "7.6.4",
     .text_first = true,
     .binding_command = command::binding_64,
     .program_tags = true,
     .tasks_plus = 3,
     .tensor_state_words = 0x34a,
     .output_extent_exact = false,
     .slots_outputs_first = false,
     .surfaces_by_name = true,
     .binding_keeps_output_tail = false,
     .note = false,
     .type_catalogue = 15,
     .input_symbol_desc = 2},
    {.dialect = Dialect::D,
     .compiler_version = "9.509.0",
     .text_first = false,
     .binding_command = command::binding_64,
     .program_tags = true,
     .tasks_plus = 3,
     .tensor_state_words = 0x34a,
     .output_extent_exact = false,
     .slots_outputs_first = false,
     .surfaces_by_name = true,
     .binding_keeps_output_tail = false,
     .note = false,
     .type_catalogue = 23,
     .input_symbol_desc = 0},
}};

// The catalogue as the symbol table spells it (one entry has a comma where the others have a semicolon).
constexpr std::array<const char*, 23> catalogue = {
    "void:t1=1",
    "int8:t2=r2;0;127",
    "uint8:t3=r1;0;255",
    "int16:t4=r1;-32768;32767",
    "float16:t5=r1;2;0",
    "float:t6=r1;4;0",
    "raw10:t7=r1;-512;511",
    "lut:t8=",
    "uint4:t9=r1;0;15",
    "uint6:t10=r1;0;63",
    "uint1:t11=r1;0,1",
    "uint2:t12=r1;0;3",
    "packed10:t13=r1;-512;511",
    "y10:t14=r1;-512;511",
    "uint16:t15=r1;0;65535",
    "e4m3:t16=r1;1;0",
    "int32:t17=r1;-2147483648;2147483647",
    "uint32:t18=r1;0;4294967295",
    "int64:t19=r1;-9223372036854775808;9223372036854775807",
    "uint64:t20=r1;0;18446744073709551615",
    "raw12:t21=r1;-512;511",
    "y12:t22=r1;-512;511",
    "int4:t23=r1;-8;7",
};

}  // namespace

const DialectFacts& facts(Dialect dialect) {
  return dialects[static_cast<size_t>(dialect)];
}

const DialectFacts* find_dialect(const std::string& compiler_version) {
  if (compiler_version.empty()) return nullptr;
  for (const DialectFacts& row : dialects)
    if ((std::string(row.compiler_version) + ".").starts_with(compiler_version + ".")) return &row;
  return nullptr;
}

std::span<const char* const> type_catalogue(Dialect dialect) {
  return std::span(catalogue).first(static_cast<size_t>(facts(dialect).type_catalogue));
}

std::string type_name(uint32_t code) {
  if (code < 1 || code > catalogue.size()) return "type " + std::to_string(code);
  const std::string entry = catalogue[code - 1];
  return entry.substr(0, entry.find(':'));
}

}  // namespace ane::hwx
