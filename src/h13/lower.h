// ANE network in engine form (src/passes/passes.h) -> engine operations over buffers.
#pragma once

#include <set>

#include "aneir/network.h"
#include "h13/compat.h"
#include "h13/engine_op.h"
#include "h13/target.h"

namespace ane::h13 {

// A program's input or output as the container will show it.
struct ProgramSurface {
  bool output = false;
  std::string name;
  aneir::Shape shape;
  bool bytes = false;  // elements of 8 bits instead of fp16
};

struct Lowered {
  std::vector<ProgramSurface> surfaces;  // inputs in network order, then outputs
  EngineProgram program;
};

// Gives every tensor a place: surfaces, scratch buffers, or a view into another tensor's place (slices,
// transpositions that keep rows, reshapes that move nothing, inputs of a concatenation). Units become
// operations on those places. Tensors of `in_dram` do not stay on chip.
Lowered lower(const aneir::Network& network, const Compat& compat, const Target& target,
              const std::set<aneir::TensorId>& in_dram = {});

}  // namespace ane::h13
