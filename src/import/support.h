// What becomes of every operation or layer of a source format, for the reader of the documentation. The
// importers' dispatch tables carry the form and the remark of each row, so that a list cannot say anything
// but what the code does.
#pragma once

#include <string>
#include <vector>

namespace ane::import {

enum class Form {
  Native,      // one unit, which the engine does in one task or in a sequence that captured programs show
  Decomposed,  // several units, or one that passes take apart
  Folded,      // of constants alone, while compiling; refused where an operand is computed at run time
  Refused,
};
const char* name_of(Form form);

struct SupportRow {
  std::string name;
  int since = 0;  // of ML Programs: the iOS version whose operations it is among first; 0 where versions have
                  // no such numbers
  Form form = Form::Refused;
  std::string remark;  // units, limits, or why not
};

// Every operation of ML Programs, iOS15 to iOS18, by name.
std::vector<SupportRow> mil_support();

// As a table in Markdown.
std::string support_table(const std::vector<SupportRow>& rows);

// The whole of docs/operations.md, which `coreml2hwx --operations` prints.
std::string support_document();

}  // namespace ane::import
