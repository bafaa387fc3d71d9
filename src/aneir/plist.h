// net.plist and its weight files: the form in which Apple's ANE compiler takes a network. docs/ane-ir.md
// describes it.
//
// Two dialects are read: A (version 1.0.9, what Espresso dumps) and B (1.0.10, with a ProcedureList). A is
// written.
//
// Order: inputs and outputs keep their order both ways, because that is the order of the surfaces in the
// compiled program. (Espresso's dumps of 2021 list them in reverse of the model; Apple's later programs have
// them in the model's order, which is what import gives.)
//
// What a net.plist cannot say is spelled out in units that it can, see spell_out. Two liberties, since no
// public file shows the format's own way: a dilated kernel is written with the zeros between its elements, a
// scale per channel as a depthwise 1x1 Conv. Constant tensors are written as dialect B's Constants; whether
// Apple's compiler takes them in dialect A is not known. Deconvolutions are written only as nearest-neighbour
// upsampling, for the same reason.
#pragma once

#include <filesystem>

#include "aneir/network.h"

namespace ane::aneir {

// `path` is a net.plist or its folder. Weight files are looked up relative to that folder; the first and
// second of the list also as net.weights and net.additional.weights there, which is how dumps are published.
// Only files that a unit uses are opened; constants are views of them. Output names lose their "@output". The
// network is checked.
Network read_plist(const std::filesystem::path& path);

// folder/net.plist, and folder/net.weights when there are constants (each stored once, at multiples of 64
// bytes). The folder must exist. Scalars are rounded to fp16, which is how the format holds them; weights
// keep their type, other constants become Float16. Throws one Error that lists every unit without a form in
// the format.
void write_plist(const Network& network, const std::filesystem::path& folder);

// The same network in units that a net.plist can say: no fused fields, operands of equal shape, functions and
// operations of the format only, scalar GOCs that divide their offset by their scale, no output that is an
// input. The last of the units that replace one keeps its name, those before it are called NAME_tmp_0,
// NAME_tmp_1, ...
Network spell_out(const Network& network);

// A deconvolution that copies each element to a block: the only kind that is written and read (KernelMode
// Unity).
bool is_block_upsampling(const Conv& conv);

}  // namespace ane::aneir
