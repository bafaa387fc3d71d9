// Textual MIL: the model.mil of a compiled model, read and printed.
//
// The grammar is known from what Apple's coremlc wrote (versions 1.0 and 1.3 of the text) and from programs
// that people wrote by hand and had compiled; docs/mil.md has it with its evidence. Accepted are both
// versions, and in both either spelling of scalars. How nested blocks (cond, while_loop) look in text is not
// known.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "mil/program.h"

namespace ane::mil {

// Reads a program from `text`. `file` is for messages; `model_path` is the folder that "@model_path" in
// references to weight files stands for. Those files are mapped; values are views of them.
// Throws Error with line and column for text that is not MIL, with the operation for programs that do not
// hold what program.h promises, and for missing or unfitting weight files.
Program read_text(std::string_view text, const std::string& file, const std::filesystem::path& model_path);

// The same for a file: "@model_path" is its folder.
Program read_text(const std::filesystem::path& file);

// The program as coremlc writes programs: same layout, same spelling of numbers (C99 hexadecimal). Reading it
// again gives an equal program, with two exceptions: the payload of NaN, and the spelling of the types inside
// BLOBFILE(...), which follows the program's version.
// Throws Error when the program has nested blocks, or names that text cannot hold.
std::string print_text(const Program& program);

}  // namespace ane::mil
