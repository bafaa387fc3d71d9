// Small MIL programs as text, and what the networks they become compute, for tests of their import.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "import/from_mil.h"
#include "mil/text.h"
#include "support/network_evaluator.h"

namespace ane::import {

using aneir::Axis;
using aneir::ElementType;
using aneir::Network;
using test::Values;

// A program with the one function "main". `constants` are written as "TYPE NAME = VALUE", the way text has
// them inside of val.
inline mil::Program program(const std::string& inputs, const std::string& body, const std::string& outputs) {
  return mil::read_text("program(1.3)\n[buildInfo = dict<string, string>({})]\n{\n  func main<ios18>(" +
                            inputs + ") {\n" + body + "  } -> (" + outputs + ");\n}\n",
                        "test.mil", ".");
}

inline std::string constant(const std::string& type, const std::string& name, const std::string& value) {
  return fmt::format("    {0} {1} = const()[name = string(\"{1}\"), val = {0}({2})];\n", type, name, value);
}
inline std::string ints(const std::string& name, const std::vector<int64_t>& values) {
  return constant(fmt::format("tensor<int32, [{}]>", values.size()), name,
                  fmt::format("[{}]", fmt::join(values, ", ")));
}
inline std::string line(const std::string& type, const std::string& name, const std::string& call) {
  return fmt::format("    {0} {1} = {2}[name = string(\"the {1}\")];\n", type, name, call);
}
inline std::string fp16(const std::vector<int64_t>& shape) {
  return fmt::format("tensor<fp16, [{}]>", fmt::join(shape, ", "));
}
inline std::string truth(const std::vector<int64_t>& shape) {
  return fmt::format("tensor<bool, [{}]>", fmt::join(shape, ", "));
}
// Row-major, as text nests the brackets of a tensor.
inline std::string nested(const std::vector<int64_t>& shape, const std::vector<double>& values,
                          size_t axis = 0, size_t begin = 0) {
  if (axis == shape.size()) return fmt::format("{}", values.at(begin));
  size_t stride = 1;
  for (size_t i = axis + 1; i < shape.size(); ++i) stride *= static_cast<size_t>(shape[i]);
  std::string text = "[";
  for (size_t i = 0; i < static_cast<size_t>(shape[axis]); ++i)
    text += (i ? ", " : "") + nested(shape, values, axis + 1, begin + i * stride);
  return text + "]";
}
inline std::string array(const std::string& name, const std::vector<int64_t>& shape,
                         const std::vector<double>& values) {
  return constant(fp16(shape), name, nested(shape, values));
}

inline std::vector<double> ramp(size_t count, double first = 1, double step = 0.25) {
  std::vector<double> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = first + static_cast<double>(i) * step;
  return values;
}

inline Network imported(const mil::Program& from) {
  return from_mil(from, from.functions.at(0));
}

// The only output's elements, for inputs with the elements given.
inline std::vector<double> result(const Network& network, const std::vector<std::vector<double>>& inputs) {
  std::vector<Values> values;
  for (size_t i = 0; i < inputs.size(); ++i) {
    values.emplace_back(network.tensor(network.inputs.at(i)).shape);
    EXPECT_EQ(values.back().data.size(), inputs[i].size());
    values.back().data = inputs[i];
  }
  return test::evaluate(network, values).at(0).data;
}

inline void expect_values(const std::vector<double>& got, const std::vector<double>& expected,
                          double tolerance = 1e-5) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], tolerance) << "element " << i;
}

// One operation y = CALL of x, whose result has the type given.
inline Network of_x(const std::string& x, const std::string& constants, const std::string& y,
                    const std::string& call) {
  return imported(program(x + " x", constants + line(y, "y", call), "y"));
}
inline std::vector<double> of_x(const std::vector<int64_t>& shape, const std::string& constants,
                                const std::vector<int64_t>& y, const std::string& call,
                                const std::vector<double>& x) {
  return result(of_x(fp16(shape), constants, fp16(y), call), {x});
}

inline std::string refusal_of(const mil::Program& from) {
  try {
    imported(from);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}
inline std::string refusal_of(const std::string& x, const std::string& constants, const std::string& y,
                              const std::string& call) {
  return refusal_of(program(x + " x", constants + line(y, "y", call), "y"));
}

#define EXPECT_HAS(text, words) EXPECT_NE((text).find(words), std::string::npos) << (text)

inline int units_of(const Network& network, const std::string& type) {
  int count = 0;
  for (const aneir::Unit& unit : network.units) count += type_name(unit) == type;
  return count;
}

}  // namespace ane::import
