// A captured case as a program that runs: its words, and surfaces as its source names them.
//
// Captures hold no constants, only their size and hash; section.h makes the section from the source's
// constants.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "h13/task.h"
#include "hwx/file.h"
#include "oracle/capture.h"
#include "oracle/source_program.h"

namespace ane::oracle {

struct Case {
  Capture capture;
  SourceProgram source;
  hwx::File file;  // constants: zeros of the recorded size
  std::vector<h13::Task> tasks;

  // The constant section's hash where it was taken from Apple's section: one that the recorders computed by a
  // packing formula is no evidence. Empty without one.
  std::string recorded_hash() const;
};

// Nothing when the capture has no source program. Throws Error for H14 captures and for what is no sound
// program.
std::optional<Case> load_case(Capture capture);

}  // namespace ane::oracle
