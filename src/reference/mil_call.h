// What the definition of a MIL operation sees: its operands by parameter name, with defaults filled in.
//
// Which parameters an operation has stands in one line of the table (mil_table.cc), written as
//
//     x weight bias? strides=1 pad_type=valid
//
// A plain name is required, "?" marks one that may be absent, "=" gives a default, "*" takes any number of
// operands. Definitions ask for operands in the form they need; a default is text until then.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mil/program.h"
#include "reference/tensor.h"

namespace ane::reference {

struct MilParameter {
  std::string name;
  enum class Presence : uint8_t { Required, Optional, Default, Many } presence = Presence::Required;
  std::string default_text;
};

// The parameters that a line of the table declares.
std::vector<MilParameter> parse_parameters(std::string_view line);

// A value while a program runs.
struct MilValue {
  mil::DataType type = mil::DataType::Float32;
  Tensor tensor;                     // of all types but String
  std::vector<std::string> strings;  // of String
};
using MilValuePointer = std::shared_ptr<const MilValue>;

// The value of a constant. Throws Error(file, where, ...) for what is no tensor.
MilValue decode_constant(const mil::Value& value, const std::string& file, const std::string& where);

// "line 12, NAME (TYPE)", for messages.
std::string place_of(const mil::Operation& operation);

class MilCall {
 public:
  struct Operand {
    const MilParameter* parameter;
    std::vector<MilValuePointer> values;  // empty where it is absent
  };

  MilCall(const mil::Operation& operation, std::vector<Operand> operands, const std::string& file,
          int64_t most_elements)
      : operation_(operation), operands_(std::move(operands)), file_(file), most_elements_(most_elements) {}

  const mil::Operation& operation() const { return operation_; }

  // Throws Error naming the operation.
  [[noreturn]] void fail(const std::string& why) const;

  // Whether something is bound to a parameter; a default does not count.
  bool bound(const char* name) const;
  mil::DataType type(const char* name) const;

  // Tensors have elements: what operations mean for none is open, and refused.
  const Tensor& tensor(const char* name) const;
  const Tensor* optional(const char* name) const;  // null where it is absent
  std::vector<const Tensor*> tensors(const char* name) const;

  double number(const char* name) const;
  int64_t integer(const char* name) const;
  int64_t positive(const char* name) const;  // an integer of at least 1
  bool flag(const char* name) const;
  const std::string& text(const char* name) const;

  // All elements of an operand of any rank.
  std::vector<int64_t> integers(const char* name) const;
  // The same where there must be `count`; a default holds for each.
  std::vector<int64_t> integers(const char* name, size_t count) const;
  std::vector<int64_t> positives(const char* name, size_t count) const;
  std::vector<bool> flags(const char* name, size_t count) const;

  // Axes; negative ones count from the end of `rank`.
  size_t axis_index(int64_t axis, size_t rank) const;
  size_t axis(const char* name, size_t rank) const;
  // Marks the axes of a list; all of them where it is absent.
  std::vector<bool> axis_set(const char* name, size_t rank) const;

  // A value for each channel (axis 1 of "x"), in a shape that broadcasts to x; `absent` for each where the
  // operand is absent.
  Tensor by_channel(const char* name, float absent = 0) const;

  // The shape, if a tensor of it may be made: no size is negative and the elements are not too many.
  const Shape& checked(const Shape& shape) const;
  Shape common_shape(const Shape& a, const Shape& b) const;  // of broadcasting

 private:
  const Operand& operand(const char* name) const;
  const MilValue* value(const char* name) const;
  std::vector<double> numbers(const char* name) const;
  int64_t to_integer(const char* name, double number) const;

  const mil::Operation& operation_;
  std::vector<Operand> operands_;
  const std::string& file_;
  int64_t most_elements_;
};

}  // namespace ane::reference
