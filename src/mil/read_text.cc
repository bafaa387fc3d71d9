// The reader of textual MIL: recursive descent, one function per rule of the grammar in docs/mil.md.
//
// Values are read by their type, which text always gives first. So nothing has to be guessed, and how deep a
// value nests is bounded by the depth of its type.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "mil/blob.h"
#include "mil/check.h"
#include "mil/element.h"
#include "mil/lexer.h"
#include "mil/text.h"

namespace ane::mil {

namespace {

using Kind = Token::Kind;

// Parts of a list carry copies of the list's type, so a short text of many empty lists could ask for much
// memory. So many types in parts are copied at most.
constexpr int64_t most_part_types = 1 << 20;

int64_t types_in(const Type& type) {
  int64_t count = 1;
  for (const Type& part : type.parts) count += types_in(part);
  return count;
}

class TextReader {
 public:
  TextReader(std::string_view text, const std::string& file, const std::filesystem::path& model_path)
      : file_(file), lexer_(text, file_), blobs_(model_path) {}

  Program read() {
    Program program;
    program.file = file_;
    word("program");
    mark('(');
    program.version = version();
    mark(')');
    program.attributes = attributes();
    mark('{');
    while (!accept('}')) program.functions.push_back(function());
    if (here().kind != Kind::End) lexer_.expected(here(), "the end of the file");
    check_program(program);
    return program;
  }

 private:
  // ---- Tokens ----

  const Token& here() const { return lexer_.current(); }

  bool accept(char mark) {
    if (!here().is(mark)) return false;
    lexer_.take();
    return true;
  }
  void mark(char mark) {
    if (!accept(mark)) lexer_.expected(here(), fmt::format("'{}'", mark));
  }
  void word(std::string_view word) {
    if (!here().is(word)) lexer_.expected(here(), fmt::format("'{}'", word));
    lexer_.take();
  }
  std::string name(std::string_view what) {
    if (here().kind != Kind::Name) lexer_.expected(here(), what);
    return std::string(lexer_.take().text);
  }

  // OPEN [item {"," item}] CLOSE
  template <typename Item>
  void list(char open, char close, Item item) {
    mark(open);
    if (accept(close)) return;
    do item();
    while (accept(','));
    mark(close);
  }

  // ---- Programs, functions, operations ----

  std::string version() {
    const Token token = lexer_.take();
    if (token.kind != Kind::Number) lexer_.expected(token, "a version");
    if (token.text != "1.0" && token.text != "1.3")
      lexer_.fail(token, fmt::format("is MIL text of version {}", token.text), "known are 1.0 and 1.3");
    return std::string(token.text);
  }

  Function function() {
    Function function;
    word("func");
    function.name = name("the function's name");
    mark('<');
    function.opset = name("an opset such as ios17");
    mark('>');
    list('(', ')', [&] { function.inputs.push_back(named_type()); });
    function.attributes = attributes();
    mark('{');
    while (!accept('}')) function.block.operations.push_back(operation());
    if (here().kind != Kind::Arrow) lexer_.expected(here(), "'->'");
    lexer_.take();
    mark('(');
    do function.block.outputs.push_back(name("an output's name"));
    while (accept(','));
    mark(')');
    mark(';');
    return function;
  }

  NamedType named_type() {
    NamedType named;
    named.type = type(0);
    named.name = name("a name");
    return named;
  }

  Operation operation() {
    Operation operation;
    operation.line = here().line;
    const bool gives_nothing = here().kind == Kind::Name && lexer_.ahead().is('(');
    if (!gives_nothing) {
      do operation.outputs.push_back(named_type());
      while (accept(','));
      mark('=');
    }
    operation.type = name("an operation");
    list('(', ')', [&] { operation.inputs.push_back(argument()); });
    operation.attributes = attributes();
    if (here().is('{') || operation.type == "cond" || operation.type == "while_loop")
      lexer_.fail(here(), "how blocks inside operations look in text is not known",
                  "give the .mlpackage that this was compiled from");
    mark(';');
    return operation;
  }

  Argument argument() {
    Argument argument;
    argument.parameter = name("a parameter's name");
    mark('=');
    argument.tuple = accept('(');
    do argument.bindings.push_back(binding());
    while (argument.tuple && accept(','));
    if (argument.tuple) mark(')');
    return argument;
  }

  Binding binding() {
    if (here().kind != Kind::Name) lexer_.expected(here(), "a name or a typed value");
    if (lexer_.ahead().is('(') || lexer_.ahead().is('<')) return {.name = {}, .value = literal()};
    return {.name = std::string(lexer_.take().text), .value = nullptr};
  }

  std::vector<Attribute> attributes() {
    std::vector<Attribute> attributes;
    if (!here().is('[')) return attributes;
    list('[', ']', [&] {
      Attribute attribute;
      attribute.name = name("an attribute's name");
      mark('=');
      attribute.value = literal();
      attributes.push_back(std::move(attribute));
    });
    return attributes;
  }

  // ---- Types ----

  int64_t dimension() {
    if (accept('?')) return unknown_dimension;
    const Token token = lexer_.take();
    int64_t size = 0;
    const char* end = token.text.data() + token.text.size();
    const auto [stop, error] = std::from_chars(token.text.data(), end, size);
    if (token.kind != Kind::Number || error != std::errc() || stop != end || size < 0)
      lexer_.expected(token, "a dimension");
    return size;
  }

  Type tensor_type(const Token& token) {
    Type type;
    mark('<');
    const Token element = lexer_.take();
    const auto known = data_type(element.text);
    if (!known) lexer_.expected(element, "an element type");
    type.element = *known;
    mark(',');
    list('[', ']', [&] {
      type.shape.push_back(dimension());
      if (const std::string fault = type_fault(type); !fault.empty()) lexer_.fail(token, "a type " + fault);
    });
    mark('>');
    return type;
  }

  Type type(int depth) {
    const Token token = here();
    if (token.kind != Kind::Name) lexer_.expected(token, "a type");
    if (depth > deepest_type) lexer_.fail(token, "types are nested too deep");
    lexer_.take();
    if (token.is("tensor")) return tensor_type(token);
    Type made;
    if (const auto scalar = data_type(token.text)) {
      made.element = *scalar;
      made.scalar_spelling = true;
      return made;
    }
    made.kind = compound(token);
    mark('<');
    made.parts.push_back(type(depth + 1));
    if (made.kind == Type::Kind::List) {
      mark(',');
      made.shape.push_back(dimension());
    } else if (made.kind == Type::Kind::Dict) {
      mark(',');
      made.parts.push_back(type(depth + 1));
    } else if (made.kind == Type::Kind::Tuple) {
      while (accept(',')) made.parts.push_back(type(depth + 1));
    }
    mark('>');
    return made;
  }

  Type::Kind compound(const Token& token) {
    if (token.is("list")) return Type::Kind::List;
    if (token.is("tuple")) return Type::Kind::Tuple;
    if (token.is("dict")) return Type::Kind::Dict;
    if (token.is("state")) return Type::Kind::State;
    lexer_.expected(token, "a type");
  }

  // ---- Values ----

  // type "(" value ")", also of values in a weight file.
  ValuePointer literal() {
    const Token token = here();
    const Type made = type(0);
    mark('(');
    Value read = here().is("BLOBFILE") ? blob(made, token) : value(made);
    mark(')');
    return std::make_shared<const Value>(std::move(read));
  }

  Value plain_literal() {
    const Type made = type(0);
    mark('(');
    Value read = value(made);
    mark(')');
    return read;
  }

  Value blob(const Type& type, const Token& token) {
    lexer_.take();
    if (!may_lie_in_blob(type))
      lexer_.fail(token, fmt::format("a value of type {} cannot lie in a weight file", type.text()));
    BlobReference reference;
    mark('(');
    word("path");
    mark('=');
    const Token path = here();
    const Value path_value = plain_literal();
    if (path_value.type != Type{.element = DataType::String}) lexer_.fail(path, "a path is a string");
    reference.path = path_value.string();
    mark(',');
    word("offset");
    mark('=');
    const Token offset = here();
    const Value offset_value = plain_literal();
    if (offset_value.type != Type{.element = DataType::UInt64}) lexer_.fail(offset, "an offset is a uint64");
    reference.offset = static_cast<uint64_t>(offset_value.integer());
    mark(')');
    if (const std::string fault = blob_path_fault(reference.path); !fault.empty())
      lexer_.fail(path, "a path " + fault, "references begin with @model_path/ and stay below it");
    return blobs_.read(reference, type);
  }

  Value value(const Type& type) {
    switch (type.kind) {
      case Type::Kind::Tensor:
        return tensor(type);
      case Type::Kind::List:
        return list_value(type);
      case Type::Kind::Tuple:
        return tuple_value(type);
      case Type::Kind::Dict:
        return dict_value(type);
      case Type::Kind::State:
        lexer_.fail(here(), "a state has no value");
    }
    throw InternalError("unknown kind of MIL type");
  }

  Value part(const Type& type) {
    part_types_ += types_in(type);
    if (part_types_ > most_part_types)
      lexer_.fail(here(), "the program's lists and dictionaries are too long");
    return value(type);
  }

  Value list_value(const Type& type) {
    const Token token = here();
    Value made;
    made.type = type;
    list('[', ']', [&] { made.parts.push_back(part(type.parts[0])); });
    need_count(token, static_cast<int64_t>(made.parts.size()), type.shape[0]);
    return made;
  }

  Value tuple_value(const Type& type) {
    Value made;
    made.type = type;
    mark('(');
    for (size_t i = 0; i < type.parts.size(); ++i) {
      if (i > 0) mark(',');
      made.parts.push_back(part(type.parts[i]));
    }
    mark(')');
    return made;
  }

  Value dict_value(const Type& type) {
    Value made;
    made.type = type;
    list('{', '}', [&] {
      mark('{');
      made.parts.push_back(part(type.parts[0]));
      mark(',');
      made.parts.push_back(part(type.parts[1]));
      mark('}');
    });
    return made;
  }

  Value tensor(const Type& type) {
    if (const std::string fault = value_type_fault(type); !fault.empty())
      lexer_.fail(here(), fmt::format("type {} {}", type.text(), fault));
    Value made;
    made.type = type;
    int64_t open = unknown_dimension;
    if (type.element == DataType::String) {
      elements(type, 0, open, [&] { made.strings.push_back(string()); });
      return made;
    }
    ElementWriter writer(bits_of(type.element));
    elements(type, 0, open, [&] { writer.put(element(type.element)); });
    own_bytes(made, writer.take());
    return made;
  }

  // Brackets for each dimension, `element` for each element. `open` becomes the size of the dimension that
  // the type leaves open.
  template <typename Element>
  void elements(const Type& type, size_t axis, int64_t& open, const Element& element) {
    if (axis == type.shape.size()) return element();
    const Token token = here();
    const bool is_open = type.shape[axis] == unknown_dimension;
    const int64_t wanted = is_open ? open : type.shape[axis];
    int64_t count = 0;
    list('[', ']', [&] {
      if (count == wanted) lexer_.fail(token, fmt::format("expected {} elements, found more", wanted));
      ++count;
      elements(type, axis + 1, open, element);
    });
    need_count(token, count, wanted);
    if (is_open) open = count;
  }

  void need_count(const Token& token, int64_t count, int64_t wanted) {
    if (wanted != unknown_dimension && count != wanted)
      lexer_.fail(token, fmt::format("expected {} elements, found {}", wanted, count));
  }

  std::string string() {
    if (here().kind != Kind::String) lexer_.expected(here(), "a string");
    return lexer_.string_of(lexer_.take());
  }

  uint64_t element(DataType type) {
    const Token token = lexer_.take();
    switch (kind_of(type)) {
      case ElementKind::Truth:
        if (!token.is("true") && !token.is("false")) lexer_.expected(token, "true or false");
        return token.is("true") ? 1 : 0;
      case ElementKind::Floating:
        return encode_floating(type, floating(token));
      default:
        return integer(type, token);
    }
  }

  // ["-"] (DECIMAL | HEXFLOAT | "inf" | "nan")
  double floating(const Token& token) {
    std::string_view digits = token.text;
    const bool negative = digits.starts_with('-');
    if (negative) digits.remove_prefix(1);
    const double sign = negative ? -1.0 : 1.0;
    if (digits == "inf") return sign * std::numeric_limits<double>::infinity();
    if (digits == "nan") return std::copysign(std::numeric_limits<double>::quiet_NaN(), sign);
    const bool hexadecimal = digits.starts_with("0x") || digits.starts_with("0X");
    if (hexadecimal) digits.remove_prefix(2);
    double value = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(
        digits.data(), end, value, hexadecimal ? std::chars_format::hex : std::chars_format::general);
    if (token.kind != Kind::Number || error == std::errc::invalid_argument || stop != end || digits[0] == '-')
      lexer_.expected(token, "a number");
    if (error != std::errc()) lexer_.fail(token, "a number is beyond the range of fp64");
    return sign * value;
  }

  uint64_t integer(DataType type, const Token& token) {
    std::string_view digits = token.text;
    const bool negative = digits.starts_with('-');
    if (negative) digits.remove_prefix(1);
    uint64_t magnitude = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, magnitude);
    if (token.kind != Kind::Number || error == std::errc::invalid_argument || stop != end)
      lexer_.expected(token, "an integer");
    const int width = bits_of(type);
    const bool is_signed = kind_of(type) == ElementKind::Signed;
    const uint64_t half = uint64_t{1} << (width - 1);
    const uint64_t largest = is_signed ? half - (negative ? 0 : 1) : negative ? 0 : half - 1 + half;
    if (error != std::errc() || magnitude > largest)
      lexer_.fail(token, fmt::format("a number is beyond the range of {}", name_of(type)));
    return negative ? 0 - magnitude : magnitude;
  }

  const std::string& file_;
  Lexer lexer_;
  BlobFiles blobs_;
  int64_t part_types_ = 0;
};

}  // namespace

Program read_text(std::string_view text, const std::string& file, const std::filesystem::path& model_path) {
  return TextReader(text, file, model_path).read();
}

Program read_text(const std::filesystem::path& file) {
  const MappedFile mapped(file);
  return read_text(mapped.text(), mapped.name(), file.parent_path());
}

}  // namespace ane::mil
