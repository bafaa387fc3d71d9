// A .anec program: header, tasks, and whether both say the same.
#include "anec/file.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return ane::fuzz::read_or_refuse([&] {
    const ane::anec::File file = ane::anec::read({data, size}, "fuzz.anec");
    ane::anec::contradictions(file, ane::anec::decode_tasks(file));
    ane::anec::describe(file);
    ane::anec::write(file);
  });
}
