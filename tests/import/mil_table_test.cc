// The importer's table of operations: rows and what the importer does agree.
#include "import/mil_table.h"

#include "import/mil_text.h"
#include "support/mil_builder.h"

namespace ane::import {
namespace {

TEST(MilTable, RowsAreFound) {
  for (const SupportRow& row : mil_support()) {
    const MilRow* found = find_mil_row(row.name);
    ASSERT_TRUE(found) << row.name;
    EXPECT_EQ(found->type, row.name);
  }
  EXPECT_FALSE(find_mil_row("coreml_update_state"));
  EXPECT_FALSE(find_mil_row(""));
  EXPECT_FALSE(find_mil_row("zzz"));
}

// What has no import is refused with its remark where an operand is computed; what has one is not called
// "constants only".
TEST(MilTable, ReasonsAreRemarks) {
  for (const SupportRow& row : mil_support()) {
    SCOPED_TRACE(row.name);
    if (row.form == Form::Folded) {
      EXPECT_FALSE(find_mil_row(row.name)->import);
    }
    if (find_mil_row(row.name)->import || row.name == "const" || row.name == "classify" ||
        row.name == "shape" || row.name.starts_with("constexpr_") || row.name.starts_with("fill") ||
        row.name == "range_1d")
      continue;
    test::MilBuilder mil;
    mil.input("x", {1, 4});
    mil.op(row.name, {test::arg("x", "x"), test::arg("y", "x")}, "y", {1, 4});
    mil.output("y");
    mil::Program program;
    program.functions.push_back(mil.function());
    EXPECT_HAS(refusal_of(program), row.remark);
  }
}

TEST(MilTable, UnknownTypes) {
  EXPECT_HAS(refusal_of(fp16({1, 4}), "", fp16({1, 4}), "frobnicate(x = x)"),
             "(frobnicate, line 5): no operation of MIL");
}

TEST(MilTable, TablesInMarkdown) {
  EXPECT_EQ(support_table({{"a", 15, Form::Native, "x"}, {"b", 18, Form::Folded, "y"}}),
            "| operation | since | form | remark |\n|---|---|---|---|\n| `a` | iOS15 | native | x |\n"
            "| `b` | iOS18 | constants only | y |\n");
  EXPECT_EQ(support_table({{"c", 0, Form::Refused, "z"}}),
            "| operation | form | remark |\n|---|---|---|\n| `c` | refused | z |\n");
}

}  // namespace
}  // namespace ane::import
