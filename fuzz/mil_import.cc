// A textual ML program and its weight file, one after the other, imported: operands of every kind in every
// place, shapes that are not what they should be.
#include "fuzz.h"
#include "import/from_mil.h"
#include "mil/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ane;
  static const fuzz::Folder folder;
  const auto files = fuzz::split({data, size}, 2);
  folder.write("weight.bin", files[1]);
  const std::string_view text(reinterpret_cast<const char*>(files[0].data()), files[0].size());
  return fuzz::read_or_refuse([&] {
    const mil::Program program = mil::read_text(text, "model.mil", folder.path());
    for (const mil::Function& function : program.functions)
      fuzz::read_or_refuse([&] { import::from_mil(program, function); });
  });
}
