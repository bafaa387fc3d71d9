// The importer's table of the operations of MIL: which function imports each, and what the documentation says
// of it.
#pragma once

#include "import/mil_operation.h"
#include "import/support.h"

namespace ane::import {

struct MilRow {
  const char* type;
  int since;  // iOS version
  Form form;
  Tops (*import)(OperationImport&);  // null where there is no import: of computed operands, or at all
  const char* remark;                // with a null `import` also the reason that the user is given
};

// Null for types that no version of MIL has.
const MilRow* find_mil_row(const std::string& type);

}  // namespace ane::import
