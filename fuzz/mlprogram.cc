// An ML Program as protobuf and its weight file, one after the other.
#include <MIL.pb.h>
#include <google/protobuf/stubs/logging.h>

#include "fuzz.h"
#include "mil/protobuf.h"
#include "mil/text.h"
#include "mil_use.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ane;
  static const fuzz::Folder folder;
  static const google::protobuf::LogSilencer silence;
  const auto files = fuzz::split({data, size}, 2);
  CoreML::Specification::MILSpec::Program proto;
  if (!proto.ParseFromArray(files[0].data(), static_cast<int>(files[0].size()))) return 0;
  folder.write("weight.bin", files[1]);
  return fuzz::read_or_refuse([&] {
    const mil::Program program = mil::from_proto(proto, "model.mlmodel", folder.path());
    fuzz::decode(program);
    // Text cannot hold all that protobuf can: either may refuse.
    const std::string printed = mil::print_text(program);
    if (mil::print_text(mil::read_text(printed, "printed.mil", folder.path())) != printed) abort();
  });
}
