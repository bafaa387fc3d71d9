// The proof that a program made is sound, before anybody gets it.
#pragma once

#include "h13/compile.h"

namespace ane::driver {

// Throws InternalError when a task breaks a limit of the engine, reads what nobody wrote or does not wait
// where it must (sim::Simulator::check), and when it reads results of other tasks than it is meant to: then
// buffers share memory while both are wanted, or an address is wrong. Both sides are followed independently,
// one by the task words, the other by the operations from which they were made.
void check_program(const h13::Program& program);

}  // namespace ane::driver
