// Pictures and arrays: PNG, JPEG, PNM, .npy. The first bytes say which, so one fuzzer serves all.
#include "fuzz.h"
#include "media/array.h"
#include "media/image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ane::fuzz::read_or_refuse([&] { ane::media::read_image({data, size}, "fuzz"); });
  return ane::fuzz::read_or_refuse([&] { ane::media::read_npy({data, size}, "fuzz"); });
}
