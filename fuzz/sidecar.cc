// model.json, which lies beside a program and may have been edited by anybody.
#include "driver/sidecar.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ane::fuzz::Folder folder;
  folder.write("model.json", {data, size});
  return ane::fuzz::read_or_refuse([&] { ane::driver::read_sidecar(folder.path() / "model.json"); });
}
