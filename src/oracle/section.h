// The constant section of a captured case, made from its source's constants by the written packing rules
// (pack_weights.h) and the places and sizes that the tasks' words give.
//
// One mapping from tasks to constants serves any values. With the values of the recording, the section must
// have the recorded hash wherever the source kept it, and so the hash vouches for what is run with others.
#pragma once

#include "oracle/tables.h"
#include "oracle/values.h"

namespace ane::oracle {

// How products use the constants: in the order of their declaration, or in the opposite one, as where the
// compiler schedules the second of two independent products first.
enum class ConstantOrder { Declared, Reversed };

// Fills the case's constant section. Gives whether some table was none of Apple's (is_own_table). Throws
// Error where words and source do not fit together: a block of another size than the words say, more tasks
// than layers, no table.
bool fill_section(Case& to, const ConstantValues& values, const Tables& tables,
                  ConstantOrder order = ConstantOrder::Declared);

// What is known of the section's layout.
enum class Evidence {
  None,       // the program reads no constants
  Hash,       // with the recorded values it has the hash of Apple's section
  Sizes,      // no such hash is recorded; only the sizes of its blocks agree
  OwnTable,   // Apple's table is not public
  OtherHash,  // it has another hash than Apple's: the rules are wrong for this case
};
const char* name_of(Evidence evidence);

// Fills the section with `values` in the order for which the recorded values give the recorded hash.
Evidence fill_with_evidence(Case& to, const ConstantValues& values, const Tables& tables);

}  // namespace ane::oracle
