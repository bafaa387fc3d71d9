// Progress of long work, for a person who watches a terminal.
#pragma once

#include <functional>
#include <string>

namespace ane {

// A callback (done, of) that shows "LABEL done of all" on standard error once the work has taken more than a
// second, and clears the line when all is done. Silent when standard error is no terminal, so that logs stay
// clean.
std::function<void(size_t done, size_t of)> progress_line(const std::string& label);

// Takes away the line that unfinished work has left, so that a message can stand there. Nothing if there is
// none.
void clear_progress_line();

}  // namespace ane
