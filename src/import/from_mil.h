// Function of a MIL program -> ANE network.
//
// What holds afterwards: one or more units per operation, with Unit::layer = the operation's label; the last
// unit of an operation is named by the label, result tensors like the MIL values, intermediate ones VALUE.0,
// VALUE.1, ... (no MIL value has a point in its name). Inputs and outputs keep their MIL names, and the
// network has the function's name. Weights, and constants that are operands, are views of the program's
// values.
//
// Axes align to the right: the last axis of a MIL value is Width, before it come Height, Channel and Batch,
// so that broadcasting and matrix products mean the same in both. Axes before these must have length 1.
//
// Values of fp16 and fp32 are Float16 on the engine, which has no wider arithmetic; bool is UInt8, holding 0
// and 1. Integers exist only as constants: parameters, and arithmetic on shapes, which is done here.
#pragma once

#include "aneir/network.h"
#include "mil/program.h"

namespace ane::import {

// `program` is the one that `function` belongs to, for messages. Throws one Error that lists every operation,
// input and output that cannot be imported, each with its name, type, line and the reason.
aneir::Network from_mil(const mil::Program& program, const mil::Function& function);

}  // namespace ane::import
