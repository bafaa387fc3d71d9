// A textual ML program and its weight file, one after the other. What is read must be decodable, and what is
// printed from it must read as the same program.
#include "fuzz.h"
#include "mil/text.h"
#include "mil_use.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ane;
  static const fuzz::Folder folder;
  const auto files = fuzz::split({data, size}, 2);
  folder.write("weight.bin", files[1]);
  const std::string_view text(reinterpret_cast<const char*>(files[0].data()), files[0].size());
  std::string printed;
  fuzz::read_or_refuse([&] {
    const mil::Program program = mil::read_text(text, "model.mil", folder.path());
    fuzz::decode(program);
    printed = mil::print_text(program);
  });
  // Of what was printed, an error is a bug, too.
  if (!printed.empty() && mil::print_text(mil::read_text(printed, "printed.mil", folder.path())) != printed)
    abort();
  return 0;
}
