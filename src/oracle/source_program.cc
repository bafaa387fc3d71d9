#include "oracle/source_program.h"

#include <algorithm>
#include <cstdlib>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "base/error.h"

namespace ane::oracle {

namespace {

constexpr int64_t most_elements = int64_t{1} << 26;

// "tensor<int32, [2]>([1, 1])", "fp16(0x1p-1)", "[0, 2, 1]", "true".
std::vector<double> literal(std::string text) {
  if (const size_t parenthesis = text.rfind('('); parenthesis != std::string::npos)
    text.erase(0, parenthesis + 1);
  for (char& c : text)
    if (std::string("[](),;").find(c) != std::string::npos) c = ' ';
  std::vector<double> values;
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    if (word == "true" || word == "false") {
      values.push_back(word == "true");
      continue;
    }
    char* end = nullptr;
    const double value = std::strtod(word.c_str(), &end);
    if (*end == 0) values.push_back(value);
  }
  return values;
}

// At the commas outside of brackets.
std::vector<std::string> split_arguments(const std::string& text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    depth += c == '(' || c == '[' || c == '<' ? 1 : c == ')' || c == ']' || c == '>' ? -1 : 0;
    if (c == ',' && depth == 0)
      parts.emplace_back();
    else if (c != ' ' || !parts.back().empty())
      parts.back() += c;
  }
  return parts;
}

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t"), end = text.find_last_not_of(" \t");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

std::vector<std::string> statements_of(const std::string& text) {
  static const std::regex attribute(R"(\[name = string\("\w+"\)(, val = ([^\n]*))?\];?$)");
  std::vector<std::string> statements;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(" ; ", at), text.size());
    statements.push_back(trimmed(std::regex_replace(text.substr(at, end - at), attribute, " val = $2")));
    at = end + 3;
  }
  return statements;
}

void read_inputs(const std::string& text, SourceProgram& program) {
  static const std::regex typed(R"(tensor<(\w+), ?\[([\d, ]+)\]> (\w+))"), brief(R"((\w+)\[([\d,]+)\])");
  for (std::sregex_iterator at(text.begin(), text.end(), typed), end; at != end; ++at)
    program.inputs.push_back({(*at)[3], dimensions_in((*at)[2]), (*at)[1] == "bool"});
  if (text.find("tensor<") != std::string::npos) return;
  for (std::sregex_iterator at(text.begin(), text.end(), brief), end; at != end; ++at)
    program.inputs.push_back({(*at)[1], dimensions_in((*at)[2])});
}

// Positional arguments take the name of their parameter, abbreviated ones their full name.
SourceOperation operation(const std::string& name, const std::string& type, const std::string& text,
                          const Dimensions& shape) {
  SourceOperation result{name, type, {}, shape, false};
  const std::string second = type == "conv" ? "weight" : type == "gelu" ? "mode" : "y";
  for (const std::string& argument : split_arguments(text)) {
    const size_t equals = argument.find('=');
    if (equals == std::string::npos) {
      if (argument.find(' ') != std::string::npos) continue;  // "no gamma/beta"
      result.arguments[result.arguments.empty() ? "x" : second] = argument;
      continue;
    }
    std::string key = trimmed(argument.substr(0, equals));
    key = key == "tx" ? "transpose_x" : key == "ty" ? "transpose_y" : key == "eps" ? "epsilon" : key;
    result.arguments[key] = trimmed(argument.substr(equals + 1));
  }
  return result;
}

void read_statement(std::string text, SourceProgram& program) {
  static const std::regex type(R"(^(?:tensor<\w+, ?\[([\d, ]*)\]>|string|fp16|fp32|int32|bool)\s+)");
  static const std::regex form(R"(^(\w+)(?:\[([\d,]+)\])? ?= ?(.*)$)"), call(R"(^(\w+)\((.*)\)[^)]*$)");
  Dimensions shape;
  std::smatch match;
  const bool boolean = text.starts_with("tensor<bool");
  if (std::regex_search(text, match, type)) {
    shape = dimensions_in(match[1]);
    text = match.suffix();
  }
  if (!std::regex_match(text, match, form)) return;  // braces of the whole-text form
  const std::string name = match[1], rest = match[3];
  if (match[2].matched) shape = dimensions_in(match[2]);
  if (rest.find("BLOBFILE") != std::string::npos || rest.starts_with("const[")) {
    if (rest.starts_with("const[")) shape = dimensions_in(rest.substr(6));
    program.weights.emplace_back(name, shape);
  } else if (rest.starts_with("const(")) {
    const std::string value = rest.substr(rest.find("val = ") + 6);
    const size_t quote = value.find('"');
    if (quote != std::string::npos)
      program.strings[name] = value.substr(quote + 1, value.rfind('"') - quote - 1);
    else
      program.numbers[name] = literal(value);
  } else if (rest.starts_with("fp16 ") || rest.starts_with("[")) {
    program.numbers[name] = literal(rest.starts_with("[") ? rest : rest.substr(5));
  } else if (std::regex_match(rest, match, call)) {
    program.operations.push_back(operation(name, match[1], match[2], shape));
    program.operations.back().boolean = boolean;
    program.output = name;
  }
}

// "unrecorded; conv kernel 1x9 stride 1 groups 8 bias 1 pad_type same input [..] output [..]": what the words
// of the case tell about its source.
std::optional<SourceProgram> unrecorded_convolution(const std::string& text) {
  static const std::regex form(
      R"(unrecorded; conv kernel (\d+)x(\d+) stride (\d+) groups (\d+) bias (\d) pad_type (\w+) input \[([\d, ]+)\] output \[([\d, ]+)\])");
  std::smatch match;
  if (!std::regex_match(text, match, form)) return std::nullopt;
  const Dimensions in = dimensions_in(match[7]), out = dimensions_in(match[8]);
  const int64_t groups = std::stoll(match[4]);
  if (in.size() != 4 || out.size() != 4 || groups < 1) throw std::invalid_argument("no convolution");
  SourceProgram program;
  program.inputs = {{"x", in}};
  program.weights = {{"w", {out[1], in[1] / groups, std::stoll(match[1]), std::stoll(match[2])}}};
  SourceOperation conv{"y", "conv", {{"x", "x"}, {"weight", "w"}, {"groups", match[4]}}, out, false};
  conv.arguments["strides"] = "[" + match[3].str() + ", " + match[3].str() + "]";
  if (match[5] == "1") program.weights.emplace_back("b", Dimensions{out[1]}), conv.arguments["bias"] = "b";
  conv.arguments["pad_type"] = '"' + match[6].str() + '"';
  // The one custom padding: named p0010 in the cases, a column of zeros before the image (their words: Px 1).
  if (match[6] == "custom") conv.arguments["pad"] = "[0, 0, 1, 0]";
  program.operations = {conv};
  program.output = "y";
  return program;
}

// A constant whose shape the source leaves to its use: what is repeated to the result's shape.
void infer_shapes(SourceProgram& program) {
  for (const SourceOperation& op : program.operations) {
    if (op.type != "tile") continue;
    const std::vector<double> repetitions = program.values_of(op, "reps");
    for (auto& [name, shape] : program.weights) {
      if (name != op.arguments.at("x") || !shape.empty()) continue;
      for (size_t axis = 0; axis < op.shape.size(); ++axis)
        if (const double times = repetitions.at(axis); times >= 1 && times <= 1e6)
          shape.push_back(op.shape[axis] / static_cast<int64_t>(times));
    }
  }
}

void check_shape(const Dimensions& shape, const std::string& name, const std::string& file) {
  int64_t count = 1;
  for (const int64_t extent : shape) {
    if (extent < 1 || extent > most_elements / count)
      throw Error(file, "tensor " + name, "has an empty axis, or more than 2^26 elements");
    count *= extent;
  }
}

void check_shapes(const SourceProgram& program, const std::string& file) {
  for (const SourceInput& input : program.inputs) check_shape(input.shape, input.name, file);
  for (const auto& [name, shape] : program.weights) check_shape(shape, name, file);
  for (const SourceOperation& operation : program.operations)
    check_shape(operation.shape, operation.name, file);
}

std::optional<SourceProgram> parse(const std::string& line) {
  if (line.starts_with("unrecorded")) return unrecorded_convolution(line);
  const std::vector<std::string> statements = statements_of(line);
  if (statements.empty()) return std::nullopt;
  SourceProgram program;
  read_inputs(statements.at(0), program);
  if (program.inputs.empty() && statements[0].find("BLOBFILE") == std::string::npos) return std::nullopt;
  for (size_t i = program.inputs.empty() ? 0 : 1; i < statements.size(); ++i)
    read_statement(statements[i].substr(0, statements[i].find(" -> ")), program);
  if (program.operations.empty()) return std::nullopt;
  infer_shapes(program);
  return program;
}

}  // namespace

int64_t count_of(const Dimensions& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  return count;
}

Dimensions dimensions_in(const std::string& list) {
  Dimensions found;
  std::istringstream in(list);
  for (std::string item; std::getline(in, item, ',');)
    if (item.find_first_of("0123456789") != std::string::npos) found.push_back(std::stoll(item));
  return found;
}

const Dimensions* SourceProgram::weight(const std::string& name) const {
  for (const auto& [weight_name, shape] : weights)
    if (weight_name == name) return &shape;
  return nullptr;
}

bool SourceProgram::is_tensor(const std::string& name) const {
  const auto named = [&](const auto& each) { return each.name == name; };
  return std::any_of(inputs.begin(), inputs.end(), named) || weight(name) ||
         std::any_of(operations.begin(), operations.end(), named);
}

std::vector<double> SourceProgram::values_of(const SourceOperation& operation,
                                             const std::string& parameter) const {
  const std::string& text = operation.arguments.at(parameter);
  const auto named = numbers.find(text);
  return named != numbers.end() ? named->second : literal(text);
}

std::string SourceProgram::text_of(const SourceOperation& operation, const std::string& parameter) const {
  const std::string& text = operation.arguments.at(parameter);
  const auto named = strings.find(text);
  if (named != strings.end()) return named->second;
  const size_t quote = text.find('"');
  return quote == std::string::npos ? text : text.substr(quote + 1, text.rfind('"') - quote - 1);
}

double SourceProgram::value_of(const SourceOperation& operation, const std::string& parameter,
                               double otherwise) const {
  return operation.has(parameter) ? values_of(operation, parameter).at(0) : otherwise;
}

std::optional<SourceProgram> parse_source(const std::string& line, const std::string& file) {
  try {
    std::optional<SourceProgram> program = parse(line);
    if (program) check_shapes(*program, file);
    return program;
  } catch (const std::logic_error&) {  // of the library: a number or an argument that is not there
    throw Error(file, "mil", "the source program cannot be read",
                "captures that run have the forms of public ones");
  }
}

}  // namespace ane::oracle
