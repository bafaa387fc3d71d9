// The table of how an ML Program's values lie on the engine.
#include <gtest/gtest.h>

#include <sstream>

#include "import/from_mil.h"
#include "mil/text.h"
#include "report/report.h"

namespace ane::report {
namespace {

std::string line_with(const std::string& text, const std::string& value) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.find(" " + value + " ") != std::string::npos) return line;
  return "";
}

TEST(LayoutTable, SaysShapesAndMoves) {
  const mil::Program program = mil::read_text(
      "program(1.3)\n[buildInfo = dict<string, string>({})]\n{\n"
      "  func main<ios18>(tensor<fp16, [3, 5, 7]> x) {\n"
      "    tensor<int32, [3]> p = const()[name = string(\"p\"), val = tensor<int32, [3]>([0, 2, 1])];\n"
      "    tensor<fp16, [3, 7, 5]> turned = transpose(x = x, perm = p)[name = string(\"turned\")];\n"
      "    tensor<fp16, [3, 7, 5]> kept = identity(x = turned)[name = string(\"kept\")];\n"
      "    tensor<fp16, [3, 7, 5]> y = relu(x = kept)[name = string(\"y\")];\n"
      "  } -> (y);\n}\n",
      "test.mil", "");
  const std::string text =
      layout_table(program.functions.at(0), import::from_mil(program, program.functions.at(0)));
  EXPECT_NE(line_with(text, "x").find("1x1x3x5x7"), std::string::npos) << text;
  const std::string turned = line_with(text, "turned");
  EXPECT_NE(turned.find("tensor<fp16, [3, 7, 5]>"), std::string::npos) << text;
  EXPECT_NE(turned.find("1x1x3x7x5"), std::string::npos) << text;
  EXPECT_NE(turned.find("Transpose"), std::string::npos) << text;
  EXPECT_EQ(line_with(text, "kept").find("1x1x3x7x5"), std::string::npos) << text;  // another name for it
  EXPECT_NE(line_with(text, "y").find("Neuron"), std::string::npos) << text;
  EXPECT_EQ(line_with(text, "p"), "");  // a constant
}

}  // namespace
}  // namespace ane::report
