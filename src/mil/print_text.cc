// The printer of textual MIL, in the layout of coremlc, so that a file of coremlc's comes out as it went in.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "base/error.h"
#include "mil/element.h"
#include "mil/text.h"

namespace ane::mil {

namespace {

bool is_name(std::string_view text) {
  const auto letter = [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
  const auto inside = [&](char c) { return letter(c) || c == '_' || (c >= '0' && c <= '9'); };
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') &&
         std::all_of(text.begin(), text.end(), inside);
}

// C99 hexadecimal in its shortest form: 0x1.8p-3.
std::string floating_text(double value) {
  const char* sign = std::signbit(value) ? "-" : "";
  if (std::isnan(value)) return fmt::format("{}nan", sign);
  if (std::isinf(value)) return fmt::format("{}inf", sign);
  char digits[32];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, std::fabs(value), std::chars_format::hex).ptr;
  return fmt::format("{}0x{}", sign, std::string_view(digits, static_cast<size_t>(end - digits)));
}

std::string string_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

class TextPrinter {
 public:
  explicit TextPrinter(const Program& program) : program_(program) {}

  std::string print() {
    put("program({})\n", program_.version);
    attributes(program_.attributes);
    put("{}{{\n", program_.attributes.empty() ? "" : "\n");
    for (const Function& each : program_.functions) function(each);
    put("}}");
    return std::move(out_);
  }

 private:
  template <typename... Arguments>
  void put(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Arguments>(arguments)...);
  }

  // Calls print(item) for each, with commas between.
  template <typename Items, typename Print>
  void listed(const Items& items, Print print) {
    const char* separator = "";
    for (const auto& item : items) {
      out_ += separator;
      separator = ", ";
      print(item);
    }
  }

  void name(const std::string& name) {
    if (!is_name(name))
      throw Error(program_.file, where_, fmt::format("text cannot hold the name '{}'", name));
    out_ += name;
  }

  // ---- Functions and operations ----

  void function(const Function& function) {
    where_ = fmt::format("function {}", function.name);
    put("    func ");
    name(function.name);
    put("<");
    name(function.opset);
    put(">(");
    listed(function.inputs, [&](const NamedType& input) { named_type(input); });
    put("){}", function.attributes.empty() ? "" : " ");
    attributes(function.attributes);
    put(" {{\n");
    for (const Operation& each : function.block.operations) operation(each);
    put("        }} -> (");
    listed(function.block.outputs, [&](const std::string& output) { name(output); });
    put(");\n");
  }

  void named_type(const NamedType& named) {
    put("{} ", named.type.text());
    name(named.name);
  }

  void operation(const Operation& operation) {
    where_ = fmt::format("operation '{}' ({})", operation.label(), operation.type);
    if (!operation.blocks.empty())
      throw Error(program_.file, where_, "how blocks inside operations look in text is not known");
    put("            ");
    listed(operation.outputs, [&](const NamedType& output) { named_type(output); });
    if (!operation.outputs.empty()) put(" = ");
    name(operation.type);
    put("(");
    listed(operation.inputs, [&](const Argument& each) { argument(each); });
    put(")");
    attributes(operation.attributes);
    put(";\n");
  }

  void argument(const Argument& argument) {
    name(argument.parameter);
    put(" = {}", argument.tuple ? "(" : "");
    listed(argument.bindings, [&](const Binding& binding) {
      if (binding.value)
        literal(*binding.value);
      else
        name(binding.name);
    });
    if (argument.tuple) put(")");
  }

  void attributes(const std::vector<Attribute>& attributes) {
    if (attributes.empty()) return;
    put("[");
    listed(attributes, [&](const Attribute& attribute) {
      name(attribute.name);
      put(" = ");
      literal(*attribute.value);
    });
    put("]");
  }

  // ---- Values ----

  void literal(const Value& printed) {
    put("{}(", printed.type.text());
    if (printed.blob)
      blob(*printed.blob);
    else
      value(printed);
    put(")");
  }

  void blob(const BlobReference& reference) {
    const bool spelled_as_tensors = program_.version == "1.0";
    put("BLOBFILE(path = {}({}), offset = {}({}))", spelled_as_tensors ? "tensor<string, []>" : "string",
        string_text(reference.path), spelled_as_tensors ? "tensor<uint64, []>" : "uint64", reference.offset);
  }

  void value(const Value& printed) {
    switch (printed.type.kind) {
      case Type::Kind::Tensor: {
        int64_t next = 0;
        return elements(printed, 0, printed.count(), next);
      }
      case Type::Kind::List:
        return parts(printed, '[', ']');
      case Type::Kind::Tuple:
        return parts(printed, '(', ')');
      case Type::Kind::Dict:
        return pairs(printed);
      case Type::Kind::State:
        break;
    }
    throw InternalError("a value has no type that values have");
  }

  void parts(const Value& printed, char open, char close) {
    out_ += open;
    listed(printed.parts, [&](const Value& part) { value(part); });
    out_ += close;
  }

  void pairs(const Value& printed) {
    put("{{");
    for (size_t i = 0; i < printed.parts.size(); i += 2) {
      put("{}{{", i > 0 ? ", " : "");
      value(printed.parts[i]);
      put(", ");
      value(printed.parts[i + 1]);
      put("}}");
    }
    put("}}");
  }

  // Brackets for dimension `axis` and those inside, around `count` elements from `next` on.
  void elements(const Value& printed, size_t axis, int64_t count, int64_t& next) {
    const std::vector<int64_t>& shape = printed.type.shape;
    if (axis == shape.size()) return element(printed, next++);
    int64_t size = shape[axis];
    if (size == unknown_dimension) {
      // Readers leave at most one dimension open, and then none zero.
      size = count;
      for (size_t inner = axis + 1; inner < shape.size(); ++inner) size /= shape[inner];
    }
    put("[");
    for (int64_t i = 0; i < size; ++i) {
      if (i > 0) put(", ");
      elements(printed, axis + 1, count / size, next);
    }
    put("]");
  }

  void element(const Value& printed, int64_t index) {
    const DataType type = printed.type.element;
    switch (kind_of(type)) {
      case ElementKind::Text:
        out_ += string_text(printed.strings[static_cast<size_t>(index)]);
        return;
      case ElementKind::Truth:
        put("{}", printed.bytes[static_cast<size_t>(index)] != 0);
        return;
      case ElementKind::Floating:
        out_ += floating_text(number_at(type, printed.bytes, index));
        return;
      case ElementKind::Signed:
        put("{}", integer_at(type, printed.bytes, index));
        return;
      case ElementKind::Unsigned:
        put("{}", static_cast<uint64_t>(integer_at(type, printed.bytes, index)));
        return;
    }
  }

  const Program& program_;
  std::string where_;
  std::string out_;
};

}  // namespace

std::string print_text(const Program& program) {
  return TextPrinter(program).print();
}

}  // namespace ane::mil
