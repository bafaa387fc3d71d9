// The source programs of captured cases, as the `mil` line of an .oracle file has them: whole MIL text, typed
// statements or a short form, one statement between each " ; ". All three become one list of operations,
// which source_mil.h turns into MIL. Only what captures hold is read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ane::oracle {

using Dimensions = std::vector<int64_t>;

int64_t count_of(const Dimensions& shape);

struct SourceInput {
  std::string name;
  Dimensions shape;
  bool boolean = false;
};

struct SourceOperation {
  std::string name, type;
  std::map<std::string, std::string> arguments;  // by parameter: a name, or a literal as it is spelled
  Dimensions shape;                              // empty where the source does not say it
  bool boolean = false;

  bool has(const std::string& parameter) const { return arguments.contains(parameter); }
};

struct SourceProgram {
  std::vector<SourceInput> inputs;
  std::map<std::string, std::vector<double>> numbers;  // constants in place; booleans as 0 and 1
  std::map<std::string, std::string> strings;
  // Constants of the weight file, in order of declaration.
  std::vector<std::pair<std::string, Dimensions>> weights;
  std::vector<SourceOperation> operations;
  std::string output;

  const Dimensions* weight(const std::string& name) const;
  // Does a tensor have this name: an input, a constant of the weight file, a result?
  bool is_tensor(const std::string& name) const;
  // An argument's value: the constant it names, or itself.
  std::vector<double> values_of(const SourceOperation& operation, const std::string& parameter) const;
  std::string text_of(const SourceOperation& operation, const std::string& parameter) const;
  double value_of(const SourceOperation& operation, const std::string& parameter, double otherwise) const;
};

// The numbers of a list such as "1,64, 8".
Dimensions dimensions_in(const std::string& list);

// Nothing where the capture has no program. `line` is what follows "mil ". Throws Error (naming `file`) for
// what it does not understand, and for tensors of more than 2^26 elements, which no capture has.
std::optional<SourceProgram> parse_source(const std::string& line, const std::string& file);

}  // namespace ane::oracle
