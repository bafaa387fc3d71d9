// A .mlmodel, as far as its Espresso layers: the protobuf message, every check of read_model, weight
// decoding.
#include "coreml/model.h"
#include "espresso/from_coreml.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return ane::fuzz::read_or_refuse([&] {
    const ane::coreml::Model model = ane::coreml::read_model({data, size}, "fuzz.mlmodel");
    ane::espresso::from_coreml(model);
  });
}
