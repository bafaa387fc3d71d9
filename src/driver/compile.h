// The whole road from a model to a program, and the files it leaves.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "driver/sidecar.h"
#include "driver/source.h"
#include "h13/compile.h"

namespace ane::driver {

struct CompileOptions {
  std::filesystem::path model;
  std::string compat = "5.4.1";
  bool coarse_sigmoid = false;           // Apple's one-pass table, off by up to 0.0034, for sigmoid
  bool native_pooling = false;           // --experimental native-pooling
  std::set<std::string> emit = {"hwx"};  // hwx, anec, mlmodelc, plist, dot, json, text
  bool anec_if_possible = false;         // leave model.anec out where Linux could not run it; log says why
  std::filesystem::path output;          // folder; empty = write nothing
  std::function<void(const std::string&)> log;  // may be empty
};

struct Compiled {
  Source source;
  Sidecar sidecar;
  h13::Program program;
  Bytes hwx;
  Bytes anec;  // for the default Linux driver; empty where it was not asked for, or not possible
  double compile_seconds = 0;
  // Files of the debug output, by name.
  std::map<std::string, std::string> reports;
};

// Reads, imports, optimises, generates. Writes nothing.
Compiled compile_model(const CompileOptions& options);

// Puts what options.emit asks for into options.output, which is created; the .hwx comes last, so that it is
// there only when everything is.
void write_outputs(const Compiled& compiled, const CompileOptions& options);

}  // namespace ane::driver
