// Programs as people and compilers write them, made for these tests.
#pragma once

#include <fmt/format.h>

#include <string>

namespace ane::test {

// A program of one function around statements; `parameters` are its inputs, the output is y.
inline std::string program_of(const std::string& statements,
                              const std::string& parameters = "tensor<fp16, [1, 4]> x",
                              const std::string& version = "1.3") {
  return fmt::format("program({})\n{{\n    func main<ios17>({}) {{\n{}\n        }} -> (y);\n}}", version,
                     parameters, statements);
}

// A program whose constant c is LITERAL, of type TYPE.
inline std::string program_with(const std::string& type, const std::string& literal) {
  return program_of(
      fmt::format("{0} c = const()[val = {0}({1})];\n"
                  "tensor<fp16, [1, 4]> y = relu(x = x);",
                  type, literal));
}

}  // namespace ane::test
