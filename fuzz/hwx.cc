// A .hwx program: the container, then its tasks. What was read is written again, which must not fail.
#include "fuzz.h"
#include "h13/task.h"
#include "hwx/file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return ane::fuzz::read_or_refuse([&] {
    const ane::hwx::File file = ane::hwx::read({data, size}, "fuzz.hwx");
    ane::h13::decode_tasks(ane::ByteSpan(file.text), file.first_task_words, "fuzz.hwx");
    ane::hwx::write(file);
  });
}
