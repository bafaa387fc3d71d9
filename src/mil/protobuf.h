// ML Programs as protobuf, the body of a .mlmodel of specification 6 and later, read into the same form as
// text.
#pragma once

#include <filesystem>
#include <string>

#include "mil/program.h"

namespace CoreML::Specification::MILSpec {
class Program;
}

namespace ane::mil {

// `file` is for messages; `model_path` is the folder that "@model_path" in references to weight files stands
// for: in a .mlpackage that of the .mlmodel. Weight files are mapped; immediate values are copied, so the
// message may go.
//
// Maps of the message have no order: functions, parameters and attributes come sorted by name, as coremlc
// prints them. The version is "1.3" and scalars are spelled accordingly, because the message says neither.
// Throws Error, naming function and operation, for what does not hold the promises of program.h.
Program from_proto(const CoreML::Specification::MILSpec::Program& proto, const std::string& file,
                   const std::filesystem::path& model_path);

}  // namespace ane::mil
