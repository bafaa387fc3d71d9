// Binary PNM (P5 grey, P6 colour): read here because stb_image takes a file that ends early for a whole one.
#pragma once

#include "media/image.h"

namespace ane::media {

bool is_pnm(ByteSpan bytes);

// Throws Error for damaged files and pictures beyond the limits of check_size. Samples are scaled from
// 0..maxval to 0..255, rounded to nearest.
Image read_pnm(ByteSpan bytes, const std::string& name);

// Throws Error unless the size that a header of any format claims is one that read_image accepts.
void check_size(int64_t width, int64_t height, const std::string& name);

}  // namespace ane::media
