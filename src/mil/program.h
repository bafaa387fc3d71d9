// A MIL program in memory: what a textual model.mil and the protobuf of an ML Program both say.
//
// The form is close to the source: operations with named arguments in source order, blocks inside operations,
// constants as `const` operations. Nothing is folded or renamed, so that printing a program and reading it
// again is the identity. Names follow static single assignment within a function; a nested block sees the
// names around it.
//
// Readers check what every user of a program relies on: names are defined once and before use, tensors have
// as many elements as their shape says, blob references lie inside their file.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"

namespace ane::mil {

// Element types. `String` occurs in attributes only.
enum class DataType : uint8_t {
  Bool,
  String,
  Float16,
  Float32,
  Float64,
  BFloat16,
  Float8E4M3FN,  // no infinities; the largest value is 448
  Float8E5M2,
  Int4,
  Int8,
  Int16,
  Int32,
  Int64,
  UInt1,
  UInt2,
  UInt3,
  UInt4,
  UInt6,
  UInt8,
  UInt16,
  UInt32,
  UInt64,
};
const char* name_of(DataType type);  // as text spells it: "fp16", "bool", "uint4"
std::optional<DataType> data_type(std::string_view name);
int bits_of(DataType type);  // of one element; 8 for Bool, 0 for String

inline constexpr int64_t unknown_dimension = -1;

// The type of a value. A scalar is a tensor of rank 0, whichever way the text spells it.
struct Type {
  enum class Kind : uint8_t { Tensor, List, Tuple, Dict, State } kind = Kind::Tensor;
  DataType element = DataType::Float16;  // Tensor
  std::vector<int64_t> shape;    // Tensor: outermost first, unknown_dimension for "?"; List: its length
  std::vector<Type> parts;       // List and State: 1; Dict: key and value; Tuple: all
  bool scalar_spelling = false;  // Tensor of rank 0 that is written "fp16", not "tensor<fp16, []>"

  bool is_tensor() const { return kind == Kind::Tensor; }
  int64_t count() const;  // elements of a tensor; -1 with an unknown dimension
  std::string text() const;
  // The spelling of scalars does not count.
  friend bool operator==(const Type& a, const Type& b);
};

// Where a value lies in a weight file. `path` as the program says it ("@model_path/weights/weight.bin").
struct BlobReference {
  std::string path;
  uint64_t offset = 0;  // of the entry's metadata
};

// An immediate value or one in a weight file.
struct Value {
  Type type;
  // Tensors of numbers: little-endian elements, row-major; types below 8 bits packed, element 0 in the lowest
  // bits; Bool one byte each, 0 or 1. They are aligned to the size of an element. Bytes may lie in a mapped
  // file, which `owner` keeps open.
  ByteSpan bytes;
  std::shared_ptr<const void> owner;
  std::vector<std::string> strings;   // tensors of strings
  std::vector<Value> parts;           // List, Tuple: elements; Dict: key, value, key, value, ...
  std::optional<BlobReference> blob;  // the bytes come from there

  // Elements of a tensor. Its type may leave one dimension open ("?"); then what is there counts.
  int64_t count() const;
  // Decoded. Precondition: a tensor of numbers.
  std::vector<float> floats() const;
  std::vector<int64_t> integers() const;  // of integers and Bool; UInt64 above 2^63 - 1 wraps
  // The only element. Precondition: a tensor with one, of a fitting type.
  float number() const;
  int64_t integer() const;
  bool boolean() const;
  const std::string& string() const;
};
using ValuePointer = std::shared_ptr<const Value>;

// What is bound to a parameter: another operation's output (or an input) by name, or a value in place.
struct Binding {
  std::string name;  // empty: `value`
  ValuePointer value;
};

struct Argument {
  std::string parameter;
  std::vector<Binding> bindings;  // one, or the elements of a tuple parameter ("values" of concat)
  bool tuple = false;             // written in parentheses
};

struct NamedType {
  std::string name;
  Type type;
};

struct Attribute {
  std::string name;
  ValuePointer value;
};

struct Block;

struct Operation {
  std::string type;  // "conv", "const", ...
  std::vector<Argument> inputs;
  std::vector<NamedType> outputs;
  std::vector<Attribute> attributes;
  std::vector<Block> blocks;
  int line = 0;  // of a textual program; 0: not known

  const Argument* find(const std::string& parameter) const;
  const Value* attribute(const std::string& name) const;
  // For messages: the operation's `name` attribute, else its first output's name.
  std::string label() const;
};

struct Block {
  std::vector<NamedType> inputs;
  std::vector<Operation> operations;
  std::vector<std::string> outputs;
  std::vector<Attribute> attributes;
};

struct Function {
  std::string name;   // "main"
  std::string opset;  // as text spells it: "ios15" ... "ios18"
  std::vector<NamedType> inputs;
  Block block;  // its inputs are empty
  std::vector<Attribute> attributes;
};

struct Program {
  std::string file;     // for messages
  std::string version;  // "1.0" or "1.3"
  std::vector<Function> functions;
  std::vector<Attribute> attributes;

  const Function* find(const std::string& function) const;
};

}  // namespace ane::mil
