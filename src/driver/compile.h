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
#include "passes/passes.h"

namespace ane::driver {

struct CompileOptions {
  std::filesystem::path model;
  Choice choice;                 // of functions and shapes
  std::string compat;            // version of the compiler to agree with; empty: default_compat
  bool coarse_tables = false;    // Apple's tables for sigmoid, tanh, GELU and SiLU
  bool nearest_weights = false;  // each weight rounded by itself, as Apple's compiler does it
  // Nothing is folded, fused or kept on chip: only what makes the network legal is done to it.
  bool optimise = true;
  bool compare_costs = false;            // also says what the network would cost without
  bool native_pooling = false;           // --experimental native-pooling
  std::set<std::string> emit = {"hwx"};  // hwx, anec, mlmodelc, plist, dot, json, text
  // Leave model.anec out where Linux could not run it, and net.plist where the format cannot say the network;
  // log says why.
  bool leave_out_impossible = false;
  // Nobody will verify the program or ask for earlier stages: the source's weights go as soon as nothing
  // needs them.
  bool give_up_source = false;
  std::filesystem::path output;                 // folder; empty = write nothing
  std::function<void(const std::string&)> log;  // may be empty
  // Called before each step of the way, with its number and how many there are; may be empty.
  std::function<void(size_t step, size_t steps)> progress;
};

struct Compiled {
  Source source;  // without layers and weights where options.give_up_source
  Sidecar sidecar;
  h13::Program program;
  Bytes anec;  // for the default Linux driver; empty where it was not asked for, or not possible
  // What the network costs unoptimised, where options.compare_costs; nothing where it cannot be compiled so.
  std::optional<h13::Plan> unoptimised;
  double compile_seconds = 0;
  // Files of the debug output, by name.
  std::map<std::string, std::string> reports;
};

// 5.4.1, the last whose compiler took a neural network through all the forms that we write; for ML Programs,
// and for products of two matrices, 9.509, the one whose programs of that kind were captured.
const char* default_compat(const Source& source);

// Runs the passes, and unless weights are to be the nearest numbers rounds them: behind this units only
// become tasks.
void prepare(aneir::Network& network, const Source& source, const h13::Compat& compat,
             const CompileOptions& options, const passes::Observer& observe = {});

// Reads, imports, optimises, generates. Writes nothing.
Compiled compile_model(const CompileOptions& options);

// Puts what options.emit asks for into options.output, which is created; the .hwx comes last, so that it is
// there only when everything is.
void write_outputs(const Compiled& compiled, const CompileOptions& options);

}  // namespace ane::driver
