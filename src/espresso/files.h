// Reading and writing the files of a compiled model folder.
#pragma once

#include <filesystem>

#include "espresso/net.h"

namespace ane::espresso {

// `folder` is a .mlmodelc, a bare folder or bundle with [NAME.]espresso.net files, or the net file itself.
// Throws Error; weights that are missing are an Error that names the file looked for.
Net read_folder(const std::filesystem::path& folder);

// The same without the weights: layers and shapes of a net whose weights file is elsewhere.
Net read_structure(const std::filesystem::path& folder);

// model.espresso.net, .shape and .weights in `folder`, which must exist. Reading them back gives an equal
// Net.
void write_folder(const Net& net, const std::filesystem::path& folder);

// The blob table alone. `owner` keeps `bytes` alive for the blobs, which are views of them. Entries without
// bytes are left out; the spacers that align the others (even ids) are not told from data here: only the net
// knows.
std::map<int64_t, Blob> read_weights(ByteSpan bytes, std::shared_ptr<const void> owner,
                                     const std::string& file);
// Ids must not be negative. Data of odd ids starts at multiples of 64 bytes.
Bytes write_weights(const std::map<int64_t, Blob>& blobs);

}  // namespace ane::espresso
