// The reader of ML Programs as protobuf.
//
// protobuf says that the bytes can be cut into fields, and no more. What text says by its grammar has to be
// looked at here: that a value has a type and the type's number of elements, that a list's elements are of
// the list's type, and so on. Names are checked where text's are.
#include "mil/protobuf.h"

#include <MIL.pb.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "base/error.h"
#include "mil/blob.h"
#include "mil/check.h"
#include "mil/element.h"

namespace ane::mil {

namespace {

namespace spec = CoreML::Specification::MILSpec;

// The version of the text that today's coremlc writes.
constexpr const char* text_version = "1.3";

constexpr std::pair<spec::DataType, DataType> data_types[] = {
    {spec::BOOL, DataType::Bool},
    {spec::STRING, DataType::String},
    {spec::FLOAT16, DataType::Float16},
    {spec::FLOAT32, DataType::Float32},
    {spec::FLOAT64, DataType::Float64},
    {spec::BFLOAT16, DataType::BFloat16},
    {spec::FLOAT8E4M3FN, DataType::Float8E4M3FN},
    {spec::FLOAT8E5M2, DataType::Float8E5M2},
    {spec::INT4, DataType::Int4},
    {spec::INT8, DataType::Int8},
    {spec::INT16, DataType::Int16},
    {spec::INT32, DataType::Int32},
    {spec::INT64, DataType::Int64},
    {spec::UINT1, DataType::UInt1},
    {spec::UINT2, DataType::UInt2},
    {spec::UINT3, DataType::UInt3},
    {spec::UINT4, DataType::UInt4},
    {spec::UINT6, DataType::UInt6},
    {spec::UINT8, DataType::UInt8},
    {spec::UINT16, DataType::UInt16},
    {spec::UINT32, DataType::UInt32},
    {spec::UINT64, DataType::UInt64},
};

// How text calls the opsets: CoreML5 to CoreML8 in what coremlc compiled, CoreML9 in public programs for
// iOS 26, whose opset it is in coremltools.
constexpr std::pair<std::string_view, const char*> opsets[] = {{"CoreML5", "ios15"},
                                                               {"CoreML6", "ios16"},
                                                               {"CoreML7", "ios17"},
                                                               {"CoreML8", "ios18"},
                                                               {"CoreML9", "ios26"}};

template <typename Item>
std::map<std::string_view, const Item*> sorted(const google::protobuf::Map<std::string, Item>& items) {
  std::map<std::string_view, const Item*> sorted;
  for (const auto& [name, item] : items) sorted.emplace(name, &item);
  return sorted;
}

// Whether a value of type `actual` may stand where `declared` does: sizes may be left open there.
bool may_hold(const Type& declared, const Type& actual) {
  const auto same_size = [](int64_t a, int64_t b) { return a == unknown_dimension || a == b; };
  return declared.kind == actual.kind && (!declared.is_tensor() || declared.element == actual.element) &&
         std::equal(declared.shape.begin(), declared.shape.end(), actual.shape.begin(), actual.shape.end(),
                    same_size) &&
         std::equal(declared.parts.begin(), declared.parts.end(), actual.parts.begin(), actual.parts.end(),
                    may_hold);
}

class ProtoReader {
 public:
  ProtoReader(const std::string& file, const std::filesystem::path& model_path)
      : file_(file), blobs_(model_path) {}

  Program read(const spec::Program& proto) {
    require(proto.version() == 1, fmt::format("is an ML program of version {}; 1 is known", proto.version()));
    Program program;
    program.file = file_;
    program.version = text_version;
    program.attributes = attributes(proto.attributes());
    for (const auto& [name, each] : sorted(proto.functions()))
      program.functions.push_back(function(std::string(name), *each));
    check_program(program);
    return program;
  }

 private:
  [[noreturn]] void fail(const std::string& why, const std::string& remedy = "") const {
    throw Error(file_, where_, why, remedy);
  }
  void require(bool condition, const std::string& why) const {
    if (!condition) fail(why);
  }

  // ---- Functions and operations ----

  Function function(const std::string& name, const spec::Function& proto) {
    where_ = function_ = fmt::format("function {}", name);
    Function function;
    function.name = name;
    const auto opset = std::find_if(std::begin(opsets), std::end(opsets),
                                    [&](const auto& known) { return known.first == proto.opset(); });
    require(opset != std::end(opsets), fmt::format("has the unknown opset '{}'", proto.opset()));
    function.opset = opset->second;
    const auto body = proto.block_specializations().find(proto.opset());
    require(body != proto.block_specializations().end(), "has no body for its opset " + proto.opset());
    function.inputs = named_types(proto.inputs());
    function.block = block(body->second, 0);
    where_ = function_;
    require(function.block.inputs.empty(), "has a body with inputs of its own");
    function.attributes = attributes(proto.attributes());
    return function;
  }

  Block block(const spec::Block& proto, int depth) {
    require(depth <= deepest_blocks, "nests blocks too deep");
    Block block;
    block.inputs = named_types(proto.inputs());
    block.outputs.assign(proto.outputs().begin(), proto.outputs().end());
    block.attributes = attributes(proto.attributes());
    block.operations.reserve(static_cast<size_t>(proto.operations_size()));
    for (const auto& each : proto.operations()) block.operations.push_back(operation(each, depth));
    return block;
  }

  Operation operation(const spec::Operation& proto, int depth) {
    const std::string& label = proto.outputs().empty() ? proto.type() : proto.outputs(0).name();
    where_ = fmt::format("{}, operation '{}' ({})", function_, label, proto.type());
    Operation operation;
    operation.type = proto.type();
    for (const auto& [parameter, each] : sorted(proto.inputs()))
      operation.inputs.push_back(argument(std::string(parameter), *each));
    operation.outputs = named_types(proto.outputs());
    operation.attributes = attributes(proto.attributes());
    for (const auto& each : proto.blocks()) operation.blocks.push_back(block(each, depth + 1));
    return operation;
  }

  Argument argument(const std::string& parameter, const spec::Argument& proto) {
    Argument argument;
    argument.parameter = parameter;
    require(!proto.arguments().empty(), fmt::format("gives {} no value", parameter));
    argument.tuple = proto.arguments_size() > 1;
    for (const auto& each : proto.arguments()) {
      require(each.has_name() || each.has_value(), fmt::format("gives {} no value", parameter));
      Binding binding;
      if (each.has_name())
        binding.name = each.name();
      else
        binding.value = std::make_shared<const Value>(value(each.value(), 0));
      argument.bindings.push_back(std::move(binding));
    }
    return argument;
  }

  std::vector<NamedType> named_types(const google::protobuf::RepeatedPtrField<spec::NamedValueType>& protos) {
    std::vector<NamedType> named;
    named.reserve(static_cast<size_t>(protos.size()));
    for (const auto& each : protos) named.push_back({each.name(), type(each.type(), 0)});
    return named;
  }

  std::vector<Attribute> attributes(const google::protobuf::Map<std::string, spec::Value>& protos) {
    std::vector<Attribute> attributes;
    for (const auto& [name, each] : sorted(protos))
      attributes.push_back({std::string(name), std::make_shared<const Value>(value(*each, 0))});
    return attributes;
  }

  // ---- Types ----

  int64_t dimension(const spec::Dimension& proto) const {
    if (proto.has_constant()) {
      require(proto.constant().size() <= static_cast<uint64_t>(largest_tensor), "has a too large dimension");
      return static_cast<int64_t>(proto.constant().size());
    }
    require(proto.has_unknown(), "has a dimension without a size");
    require(!proto.unknown().variadic(), "has a variadic dimension, which is not supported");
    return unknown_dimension;
  }

  Type tensor_type(const spec::TensorType& proto) const {
    Type type;
    const auto known = std::find_if(std::begin(data_types), std::end(data_types),
                                    [&](const auto& pair) { return pair.first == proto.datatype(); });
    require(known != std::end(data_types),
            fmt::format("has the unknown element type {}", static_cast<int>(proto.datatype())));
    type.element = known->second;
    require(proto.rank() == proto.dimensions_size(),
            fmt::format("has a tensor of rank {} with {} dimensions", proto.rank(), proto.dimensions_size()));
    require(proto.attributes().empty(), "has a tensor type with attributes, which are not known");
    for (const auto& each : proto.dimensions()) {
      type.shape.push_back(dimension(each));
      if (const std::string fault = type_fault(type); !fault.empty()) fail("has a type that " + fault);
    }
    type.scalar_spelling = type.shape.empty();
    return type;
  }

  Type type(const spec::ValueType& proto, int depth) const {
    require(depth <= deepest_type, "has types that are nested too deep");
    Type made;
    switch (proto.type_case()) {
      case spec::ValueType::kTensorType:
        return tensor_type(proto.tensortype());
      case spec::ValueType::kListType:
        made.kind = Type::Kind::List;
        made.parts = {type(proto.listtype().type(), depth + 1)};
        made.shape = {dimension(proto.listtype().length())};
        return made;
      case spec::ValueType::kTupleType:
        made.kind = Type::Kind::Tuple;
        for (const auto& each : proto.tupletype().types()) made.parts.push_back(type(each, depth + 1));
        require(!made.parts.empty(), "has a tuple of nothing");
        return made;
      case spec::ValueType::kDictionaryType:
        made.kind = Type::Kind::Dict;
        made.parts = {type(proto.dictionarytype().keytype(), depth + 1),
                      type(proto.dictionarytype().valuetype(), depth + 1)};
        return made;
      case spec::ValueType::kStateType:
        made.kind = Type::Kind::State;
        made.parts = {type(proto.statetype().wrappedtype(), depth + 1)};
        return made;
      case spec::ValueType::TYPE_NOT_SET:
        break;
    }
    fail("has a value without a type that is known");
  }

  // ---- Values ----

  Value value(const spec::Value& proto, int depth) {
    require(depth <= deepest_type, "has values that are nested too deep");
    const Type made = type(proto.type(), 0);
    if (proto.has_blobfilevalue()) {
      require(depth == 0, "has a list, tuple or dictionary with parts in a weight file");
      return blob(proto.blobfilevalue(), made);
    }
    require(proto.has_immediatevalue(), "has a constant without a value");
    const auto& immediate = proto.immediatevalue();
    if (made.is_tensor() && immediate.has_tensor()) return tensor(immediate.tensor(), made);
    Value read;
    read.type = made;
    if (made.kind == Type::Kind::List && immediate.has_list()) {
      add_parts(read, immediate.list().values(), depth);
      require(made.shape[0] == unknown_dimension || made.shape[0] == static_cast<int64_t>(read.parts.size()),
              fmt::format("has a list of {} in a {}", read.parts.size(), made.text()));
    } else if (made.kind == Type::Kind::Tuple && immediate.has_tuple()) {
      require(immediate.tuple().values_size() == static_cast<int>(made.parts.size()),
              fmt::format("has {} values in a {}", immediate.tuple().values_size(), made.text()));
      add_parts(read, immediate.tuple().values(), depth);
    } else if (made.kind == Type::Kind::Dict && immediate.has_dictionary()) {
      for (const auto& pair : immediate.dictionary().values()) {
        add_part(read, pair.key(), depth);
        add_part(read, pair.value(), depth);
      }
    } else {
      fail(fmt::format("has a value of another kind than its type, {}", made.text()));
    }
    return read;
  }

  void add_parts(Value& read, const google::protobuf::RepeatedPtrField<spec::Value>& protos, int depth) {
    read.parts.reserve(static_cast<size_t>(protos.size()));
    for (const auto& each : protos) add_part(read, each, depth);
  }

  // The types of a container repeat: once for a list, key and value in turn for a dictionary.
  void add_part(Value& read, const spec::Value& proto, int depth) {
    const Type& declared = read.type.parts[read.parts.size() % read.type.parts.size()];
    Value part = value(proto, depth + 1);
    require(may_hold(declared, part.type),
            fmt::format("has a {} in a {}", part.type.text(), read.type.text()));
    read.parts.push_back(std::move(part));
  }

  Value blob(const spec::Value::BlobFileValue& proto, const Type& type) {
    require(may_lie_in_blob(type), fmt::format("has a {} in a weight file", type.text()));
    if (const std::string fault = blob_path_fault(proto.filename()); !fault.empty())
      fail(fmt::format("names a weight file whose path {}", fault),
           "references begin with @model_path/ and stay below it");
    return blobs_.read({.path = proto.filename(), .offset = proto.offset()}, type);
  }

  Value tensor(const spec::TensorValue& proto, const Type& type) {
    if (const std::string fault = value_type_fault(type); !fault.empty())
      fail(fmt::format("has a value whose type {} {}", type.text(), fault));
    Value read;
    read.type = type;
    if (type.element == DataType::String) {
      read.strings.assign(proto.strings().values().begin(), proto.strings().values().end());
      need_count(type, proto.strings().values_size());
    } else {
      own_bytes(read, proto.has_bytes() ? raw_bytes(proto.bytes().values(), type) : elements(proto, type));
    }
    return read;
  }

  void need_count(const Type& type, int64_t count) const {
    int64_t known = 1;
    for (const int64_t size : type.shape) known *= size == unknown_dimension ? 1 : size;
    const bool fits = type.count() >= 0 ? count == known : count % known == 0;
    require(fits, fmt::format("has {} elements where {} must be", count, type.text()));
  }

  // As coremltools stores the types that protobuf has no numbers for.
  Bytes raw_bytes(const std::string& bytes, const Type& type) const {
    const int bits = bits_of(type.element);
    require(type.element != DataType::Bool, "has truth values as bytes");
    const int64_t count = type.count() >= 0 ? type.count() : static_cast<int64_t>(bytes.size()) * 8 / bits;
    require(bytes.size() == byte_count(type.element, count),
            fmt::format("has {} bytes where {} must be", bytes.size(), type.text()));
    need_count(type, count);
    return {bytes.begin(), bytes.end()};
  }

  Bytes elements(const spec::TensorValue& proto, const Type& type) const {
    const ElementKind kind = kind_of(type.element);
    const bool integers = kind == ElementKind::Signed || kind == ElementKind::Unsigned;
    if (type.element == DataType::Float32) return floats(proto.floats().values(), type);
    if (type.element == DataType::Float64) return floats(proto.doubles().values(), type);
    if (kind == ElementKind::Truth) return whole(proto.bools().values(), type);
    require(integers, fmt::format("has no bytes for a {}", type.text()));
    return proto.has_longints() ? whole(proto.longints().values(), type) : whole(proto.ints().values(), type);
  }

  template <typename Values>
  Bytes floats(const Values& values, const Type& type) const {
    need_count(type, values.size());
    ElementWriter writer(bits_of(type.element));
    for (const auto number : values) writer.put(encode_floating(type.element, number));
    return writer.take();
  }

  template <typename Values>
  Bytes whole(const Values& values, const Type& type) const {
    need_count(type, values.size());
    ElementWriter writer(bits_of(type.element));
    for (const int64_t number : values) {
      require(is_within(type.element, number), fmt::format("has {} in a {}", number, type.text()));
      writer.put(static_cast<uint64_t>(number));
    }
    return writer.take();
  }

  // 64 bits of either sign come as they are.
  static bool is_within(DataType type, int64_t number) {
    const int width = bits_of(type);
    if (width == 64) return true;
    if (kind_of(type) != ElementKind::Signed) return number >= 0 && number < int64_t{1} << width;
    const int64_t half = int64_t{1} << (width - 1);
    return number >= -half && number < half;
  }

  std::string file_, function_, where_;
  BlobFiles blobs_;
};

}  // namespace

Program from_proto(const spec::Program& proto, const std::string& file,
                   const std::filesystem::path& model_path) {
  return ProtoReader(file, model_path).read(proto);
}

}  // namespace ane::mil
