// A compiled model: the net (JSON, or LZFSE in a pbze container), the shapes and the weights, one after the
// other.
#include "espresso/files.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ane::fuzz::Folder folder;
  const auto files = ane::fuzz::split({data, size}, 3);
  folder.write("model.espresso.net", files[0]);
  folder.write("model.espresso.shape", files[1]);
  folder.write("model.espresso.weights", files[2]);
  return ane::fuzz::read_or_refuse([&] { ane::espresso::read_folder(folder.path()); });
}
