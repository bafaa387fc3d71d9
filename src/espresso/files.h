// Reading and writing the files of a compiled model folder.
#pragma once

#include <filesystem>

#include "espresso/net.h"

namespace ane::espresso {

// `folder` is a .mlmodelc, a bare folder or bundle with [NAME.]espresso.net files, or the net file itself. Throws Error;
// weights that are missing are an Error that names the file looked for.
Net read_folder(const std::filesystem::path& folder);

// model.espresso.net, .shape and .weights in `folder`, which must exist. Reading them back gives an equal Net.
void write_folder(const Net& net, const std::filesystem::path& folder);

// The blob table alone. `owner` keeps `bytes` alive for the blobs.
std::map<int64_t, Blob> read_weights(ByteSpan bytes, std::shared_ptr<const void> owner, const std::string& file);
Bytes write_weights(const std::map<int64_t, Blob>& blobs);

}  // namespace ane::espresso
