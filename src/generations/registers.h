// What is known of the registers of each generation: names, addresses, bit positions, defaults, and how sure
// each is.
//
// H14 to H18 have one file of facts each, hNN.def in this folder. H13's is src/h13/registers.def, which the
// compiler shares; how sure its names are stands in h13_evidence.def. H11 and H12 are taken to be like H13,
// with everything marked as inferred. The files are compiled in.
//
//   SOURCE(evidence, text)                              what names of this mark rest on
//   HEADER(word, name, low bit, width, evidence, meaning)
//   BLOCK(name, base address, words, evidence)
//   REGISTER(address, name, evidence)                   of the block before it
//   REGISTERS(address, name, count, evidence)           name0, name1, ... at consecutive words
//   FIELD(name, low bit, width, evidence, meaning)      of the register before it: a plain number; also
//   BYTES, HALF, FLOAT, FLOAT19                         bytes whose low bits are left out; numbers of 16, 32,
//   19 bits VALUE(number, text)                                 of the field before it DEFAULT(value,
//   evidence)                            of the register before it, when no record writes it
//
// A word of a block without a REGISTER has no name in any source, or is called reserved.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "generations/generation.h"

namespace ane::generations {

enum class Form : uint8_t { Number, Bytes, Half, Float, Float19 };

struct Value {
  uint32_t number;
  const char* text;
};

struct Field {
  const char* name;
  int low, width;
  Form form;
  Evidence evidence;
  const char* meaning;
  std::vector<Value> values;

  uint32_t mask() const { return (width == 32 ? ~0u : (1u << width) - 1) << low; }
  uint32_t get(uint32_t word) const { return (word & mask()) >> low; }
};

struct Default {
  uint32_t value;
  Evidence evidence;
};

struct Register {
  const char* block;
  std::string name;
  uint32_t address;
  Evidence evidence;
  std::vector<Field> fields;
  std::optional<Default> unwritten;  // value when no record of the task writes it

  // Bits that some field names. Set bits outside are unknown and shown as such.
  uint32_t known_bits() const;
  const Field* find(std::string_view field) const;
};

struct HeaderField {
  int word;
  Field field;
};

struct Block {
  const char* name;
  uint32_t base, words;
  Evidence evidence;
};

struct Source {
  Evidence evidence;
  const char* text;
};

struct RegisterTable {
  std::vector<Source> sources;
  std::vector<HeaderField> header;
  std::vector<Block> blocks;        // in the order of their records in a task
  std::vector<Register> registers;  // block by block, addresses ascending

  // nullptr when no name is known.
  const Register* find(uint32_t address) const;
  const Register* find(std::string_view block, std::string_view name) const;
  const Block* block_at(uint32_t address) const;
  uint32_t known_header_bits(int word) const;

  std::vector<uint32_t> by_address;  // indexes of registers
};

const RegisterTable& registers(const Generation& generation);

}  // namespace ane::generations
