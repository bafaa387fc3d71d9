// A net.plist, XML or binary, and its weights.
#include "aneir/plist.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ane::fuzz::Folder folder;
  const auto files = ane::fuzz::split({data, size}, 2);
  folder.write("net.plist", files[0]);
  folder.write("net.weights", files[1]);
  return ane::fuzz::read_or_refuse([&] { ane::aneir::read_plist(folder.path()); });
}
