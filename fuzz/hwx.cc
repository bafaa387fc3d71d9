// A .hwx program of any generation: the container, its tasks, and the views that explain them. What was read
// of an H13 program is written again.
#include "fuzz.h"
#include "tools/dump/dump.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return ane::fuzz::read_or_refuse([&] {
    const ane::dump::Program program = ane::dump::load({data, size}, "fuzz.hwx");
    ane::generations::count_unknown(*program.generation, program.stream);
    ane::dump::text(program);
    ane::dump::words(program);
    ane::dump::json(program);
    if (program.generation == &ane::generations::h13()) ane::hwx::write(program.file);
  });
}
