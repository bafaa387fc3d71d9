#include "import/support.h"

#include <algorithm>

namespace ane::import {

const char* name_of(Form form) {
  switch (form) {
    case Form::Native:
      return "native";
    case Form::Decomposed:
      return "decomposed";
    case Form::Folded:
      return "constants only";
    case Form::Refused:
      return "refused";
  }
  return "refused";
}

std::string support_table(const std::vector<SupportRow>& rows) {
  const bool versions =
      std::any_of(rows.begin(), rows.end(), [](const SupportRow& row) { return row.since > 0; });
  std::string text = versions ? "| operation | since | form | remark |\n|---|---|---|---|\n"
                              : "| operation | form | remark |\n|---|---|---|\n";
  for (const SupportRow& row : rows) {
    text += "| `" + row.name + "` | ";
    if (versions) text += "iOS" + std::to_string(row.since) + " | ";
    text += std::string(name_of(row.form)) + " | " + row.remark + " |\n";
  }
  return text;
}

std::string support_document() {
  return R"(# Operations

`coreml2hwx --operations` prints this page from the tables that the importers work with.

| form | means |
|---|---|
| native | one unit, which the engine does in one task or in a sequence that captured programs show, or nothing at all |
| decomposed | several units, or one that is taken apart later |
| constants only | done while compiling, where all operands are known; refused, for the reason in the remark, where one is computed at run time |
| refused | for the reason in the remark |

An operation that is supported can still be refused for what it is asked to do: the message says so. Units are
those of the ANE network (docs/ane-ir.md).

## ML Programs

)" + support_table(mil_support());
}

}  // namespace ane::import
