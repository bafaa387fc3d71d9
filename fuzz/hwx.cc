// A .hwx program of any generation: the container, its tasks, and the views that explain them. What was read
// of an H13 program is written again.
//
// Most of a container is padding, so bytes without the magic number are taken as a task stream alone, the
// first of them saying of which generation.
#include "fuzz.h"
#include "tools/dump/dump.h"

namespace {

using namespace ane;

void explain(ByteSpan bytes) {
  const dump::Program program = dump::load(bytes, "fuzz.hwx");
  dump::text(program);
  dump::words(program);
  dump::json(program);
  if (program.generation == &generations::h13()) hwx::write(program.file);
}

void decode(ByteSpan bytes) {
  constexpr uint32_t first_task_words = 157;  // of linked lists
  const auto known = generations::all();
  const generations::Generation& generation = known[bytes[0] % known.size()];
  generations::count_unknown(generation,
                             generations::decode(generation, bytes.subspan(1), first_task_words, "fuzz"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteSpan bytes(data, size);
  return fuzz::read_or_refuse([&] {
    if (hwx::is_hwx(bytes) || bytes.empty())
      explain(bytes);
    else
      decode(bytes);
  });
}
